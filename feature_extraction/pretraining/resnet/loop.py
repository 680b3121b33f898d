"""Training of a residual network: balanced batches of seen classes, validation subjects choose the epoch.

Axis legend: B batch, T time, C channels.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from feature_extraction.encoders.devices import find_devices
from feature_extraction.encoders.resnet import ResNet1d
from feature_extraction.errors import InputError
from feature_extraction.pretraining.augment.augment import augment
from feature_extraction.pretraining.loop import Run, train
from feature_extraction.pretraining.processes import Processes
from feature_extraction.pretraining.resnet.config import PretrainConfig
from feature_extraction.pretraining.resnet.supervised import METRIC, Batch, SupervisedObjective
from feature_extraction.pretraining.schedule import draw_balanced
from feature_extraction.pretraining.state import PretrainState
from feature_extraction.protocol.split import Split
from feature_extraction.protocol.standardizer import Standardizer
from feature_extraction.windows.window_set import WindowSet

logger = logging.getLogger(__name__)

EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Task:
    """What an encoder is trained on.

    Attributes:
        windows: All windows of the data set.
        split: Whose rules hold.
        classes: Classes to learn from.
        train: Windows to learn from [n].
        val: Windows that choose the epoch [m].
    """

    windows: WindowSet
    split: Split
    classes: tuple[str, ...]
    train: np.ndarray
    val: np.ndarray

    def check(self) -> None:
        """Refuse windows that the split keeps back, and parts without windows.

        Raises:
            LeakageError: An unseen class or a test subject.
            InputError: A class without train windows, or no validation windows.
        """
        windows, rows = self.windows, np.concatenate([self.train, self.val])
        where, split = "encoder pretraining", f"{self.split.dataset}/{self.split.name}"
        self.split.check_fit(windows.labels[rows].tolist(), windows.subjects[rows].tolist(), where)
        missing = sorted(set(self.classes) - set(windows.labels[self.train].tolist()))
        if missing or len(self.classes) < 2:
            raise InputError(
                f"{where}: split {split} has no train windows of {missing or 'two classes'}; move subjects or leave "
                "the classes out"
            )
        if len(self.val) == 0:
            raise InputError(
                f"{where}: validation subjects {list(self.split.val_subjects)} of {split} have no windows of the seen "
                "classes; choose other subjects"
            )

    def batch(self, rows: np.ndarray) -> Batch:
        """Read windows, not augmented."""
        position = {name: k for k, name in enumerate(self.classes)}
        targets = torch.tensor([position[label] for label in self.windows.labels[rows].tolist()])
        return Batch(torch.from_numpy(np.array(self.windows.samples[rows], dtype=np.float32)), targets)

    def validation(self) -> Iterator[Batch]:
        """Read the validation windows in batches."""
        for start in range(0, len(self.val), EVALUATION_BATCH):
            yield self.batch(self.val[start : start + EVALUATION_BATCH])


class ResNetRun(Run):
    """One training of a residual network."""

    metric, with_events = METRIC, False
    config: PretrainConfig
    processes = Processes()

    def __init__(self, task: Task, config: PretrainConfig) -> None:
        """Draw the network, which standardises its input as the train windows are distributed."""
        self.task, self.config = task, config
        windows = task.windows
        with torch.random.fork_rng(devices=[]):  # initialisation draws from the global generator, restored afterwards
            torch.manual_seed(config.seed)
            self.encoder = ResNet1d(windows.samples.shape[2], config.encoder)
            self.objective = SupervisedObjective(self.encoder.n_features, len(task.classes))
        scales = Standardizer.fit_windows(windows.samples, task.train, windows.labels, windows.subjects, task.split)
        self.encoder.set_input_statistics(torch.from_numpy(scales.mean), torch.from_numpy(scales.scale))
        parameters = nn.ModuleList([self.encoder, self.objective]).parameters()
        optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
        generator = torch.Generator().manual_seed(config.seed)
        self.state = PretrainState(self.encoder, self.objective, optimizer, generator)
        labels = windows.labels[task.train]
        self.groups = [task.train[labels == name] for name in task.classes]
        self.devices = [
            [sensor.tolist() for sensor in (device.acc, device.gyro) if len(sensor)]
            for device in find_devices(windows.channels)
        ]

    @property
    def n_steps(self) -> int:
        """Steps of an epoch."""
        return max(1, self.config.epoch_windows // self.config.batch_size)

    def step(self, number: int) -> list[tuple[str, float]]:
        """Learn from one balanced, augmented batch."""
        generator = self.state.generator
        clean = self.task.batch(draw_balanced(self.groups, self.config.batch_size, generator))
        windows = augment(clean.windows, self.config.augment, self.encoder.scale, self.devices, generator)
        loss = self.objective.loss(self.encoder, Batch(windows, clean.targets), generator)
        self.state.optimizer.zero_grad()
        loss.backward()
        self.state.optimizer.step()
        return [("cross_entropy", loss.item())]

    def validate(self) -> float:
        """Return the accuracy per class on the validation windows."""
        return self.objective.evaluate(self.encoder, self.task.validation())


def fit(task: Task, config: PretrainConfig, folder: Path, key: str) -> ResNetRun:
    """Train an encoder; go on exactly where an interrupted run of the same `key` left off.

    Args:
        task: Windows to learn from and to choose by.
        config: Optimisation.
        folder: Where state, progress and curves go.
        key: Digest of everything that decides the result.

    Returns:
        The finished run; its `encoder` has the weights of the best epoch and is in evaluation mode.

    Raises:
        LeakageError: The task holds an unseen class or a test subject.
        InputError: The task cannot be trained on, or the saved state is damaged.
    """
    task.check()
    run = ResNetRun(task, config)
    logger.info(
        "pretraining on %d windows: at most %d epochs of %d steps", len(task.train), config.n_epochs, run.n_steps
    )
    train(run, folder, key)
    return run
