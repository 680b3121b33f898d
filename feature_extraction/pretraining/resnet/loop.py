"""The training loop of every objective: balanced batches, AdamW, best epoch by validation, exact resume.

Axis legend: N windows, B batch, T time, C channels.
"""

import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from feature_extraction.encoders.devices import find_devices
from feature_extraction.encoders.resnet import ResNet1d
from feature_extraction.errors import InputError, require_extra
from feature_extraction.pretraining.augment.augment import augment
from feature_extraction.pretraining.curves import plot_curves
from feature_extraction.pretraining.resnet.config import PretrainConfig
from feature_extraction.pretraining.resnet.objective import Batch, Objective
from feature_extraction.pretraining.state import PretrainState
from feature_extraction.protocol.split import Split
from feature_extraction.protocol.standardizer import Standardizer
from feature_extraction.storage.files import write_text
from feature_extraction.windows.window_set import WindowSet

logger = logging.getLogger(__name__)

STATE, PROGRESS, CURVES = "state.safetensors", "progress.jsonl", "curves.png"
EVALUATION_BATCH = 256
WARM_UP = 0.05


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
        where = "encoder pretraining"
        self.split.check_fit(windows.labels[rows].tolist(), windows.subjects[rows].tolist(), where)
        missing = sorted(set(self.classes) - set(windows.labels[self.train].tolist()))
        if missing or len(self.classes) < 2:
            raise InputError(
                f"{where}: split {self.split.dataset}/{self.split.name} has no train windows of "
                f"{missing or 'two classes'}; move subjects or leave the classes out"
            )
        if len(self.val) == 0:
            raise InputError(
                f"{where}: validation subjects {list(self.split.val_subjects)} of {self.split.dataset}/"
                f"{self.split.name} have no windows of the seen classes; choose other subjects"
            )

    def targets(self, rows: np.ndarray) -> torch.Tensor:
        """Return the position of each window's class in `classes`."""
        position = {name: k for k, name in enumerate(self.classes)}
        return torch.tensor([position[label] for label in self.windows.labels[rows].tolist()])

    def batch(self, rows: np.ndarray) -> Batch:
        """Read windows, not augmented."""
        clean = torch.from_numpy(np.array(self.windows.samples[rows], dtype=np.float32))
        return Batch(clean, clean, self.targets(rows))

    def validation(self) -> Iterator[Batch]:
        """Read the validation windows in batches."""
        for start in range(0, len(self.val), EVALUATION_BATCH):
            yield self.batch(self.val[start : start + EVALUATION_BATCH])


@dataclass(frozen=True)
class Fit:
    """A trained encoder.

    Attributes:
        encoder: Network with the weights of the best epoch, in evaluation mode.
        best_epoch: That epoch, from 1.
        best_value: Validation metric there.
        n_epochs: Epochs trained.
    """

    encoder: ResNet1d
    best_epoch: int
    best_value: float
    n_epochs: int


def learning_rate_factor(progress: float) -> float:
    """Return the learning rate at `progress` in [0, 1], relative to its peak: linear warm-up, half cosine."""
    if progress < WARM_UP:
        return (progress + 1e-3) / (WARM_UP + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - WARM_UP) / (1 - WARM_UP))))


def draw_balanced(groups: list[np.ndarray], n: int, generator: torch.Generator) -> np.ndarray:
    """Draw `n` rows with replacement, a class uniformly and then one of its rows uniformly.

    Args:
        groups: Rows of each class.
        n: Rows to draw.
        generator: Source of randomness.
    """
    chosen = torch.randint(len(groups), (n,), generator=generator).tolist()
    place = torch.rand(n, generator=generator, dtype=torch.float64).tolist()
    return np.array([groups[k][int(u * len(groups[k]))] for k, u in zip(chosen, place, strict=True)])


def fit(task: Task, objective_class: type[Objective], config: PretrainConfig, folder: Path, key: str) -> Fit:
    """Train an encoder; go on exactly where an interrupted run of the same `key` left off.

    Args:
        task: Windows to learn from and to choose by.
        objective_class: What is minimised.
        config: Optimisation.
        folder: Where state, progress and curves go.
        key: Digest of everything that decides the result.

    Raises:
        LeakageError: The task holds an unseen class or a test subject.
        InputError: The task cannot be trained on, or the saved state is damaged.
    """
    require_extra("plots", "matplotlib")
    task.check()
    state = _start(task, objective_class, config)
    if state.load(folder / STATE, key):
        logger.info("going on after epoch %d of %s", state.epoch, folder)
    steps = max(1, config.epoch_windows // config.batch_size)
    total = steps * config.n_epochs
    logger.info("pretraining on %d windows: at most %d epochs of %d steps", len(task.train), config.n_epochs, steps)
    with tqdm(total=total, initial=state.epoch * steps, desc="pretrain", unit="step", disable=None) as bar:
        while state.epoch < config.n_epochs and state.stale_epochs < config.patience:
            _run_epoch(task, objective_class, config, state, steps, bar)
            state.save(folder / STATE, key)
            write_text(folder / PROGRESS, "".join(json.dumps(row) + "\n" for row in state.history))
    plot_curves(state.history, objective_class.metric.name, folder / CURVES)
    assert state.best_value is not None
    state.encoder.load_state_dict(state.best)
    assert isinstance(state.encoder, ResNet1d)
    return Fit(state.encoder.eval(), state.best_epoch, state.best_value, state.epoch)


def _start(task: Task, objective_class: type[Objective], config: PretrainConfig) -> PretrainState:
    windows = task.windows
    with torch.random.fork_rng(devices=[]):  # initialisation draws from the global generator, restored afterwards
        torch.manual_seed(config.seed)
        encoder = ResNet1d(windows.samples.shape[2], config.encoder)
        objective = objective_class(encoder.n_features, task.classes)
    statistics = Standardizer.fit_windows(windows.samples, task.train, windows.labels, windows.subjects, task.split)
    encoder.set_input_statistics(torch.from_numpy(statistics.mean), torch.from_numpy(statistics.scale))
    parameters = nn.ModuleList([encoder, objective]).parameters()
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    return PretrainState(encoder, objective, optimizer, torch.Generator().manual_seed(config.seed))


def _run_epoch(
    task: Task,
    objective_class: type[Objective],
    config: PretrainConfig,
    state: PretrainState,
    steps: int,
    bar: tqdm,
) -> None:
    """Train one epoch, evaluate, and keep the weights if they are at least as good as the best so far."""
    began = time.perf_counter()
    encoder, objective, generator = state.encoder, state.objective, state.generator
    assert isinstance(encoder, ResNet1d) and isinstance(objective, Objective)
    labels = task.windows.labels[task.train]
    groups = [task.train[labels == name] for name in task.classes]
    devices = [
        [d.acc.tolist(), *([d.gyro.tolist()] if len(d.gyro) else [])] for d in find_devices(task.windows.channels)
    ]
    sums: dict[str, float] = {}
    encoder.train()
    objective.train()
    for step in range(steps):
        factor = learning_rate_factor((state.epoch * steps + step) / (steps * config.n_epochs))
        for group in state.optimizer.param_groups:
            group["lr"] = config.learning_rate * factor
        clean = task.batch(draw_balanced(groups, config.batch_size, generator))
        augmented = augment(clean.windows, config.augment, encoder.scale, devices, generator)
        terms = objective.losses(encoder, Batch(augmented, clean.windows, clean.targets), generator)
        state.optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        state.optimizer.step()
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + value.item() / steps
        bar.update()
    encoder.eval()
    objective.eval()
    with torch.no_grad():
        score = objective.evaluate(encoder, task.validation())
    state.epoch += 1
    metric = objective_class.metric
    state.stale_epochs = 0 if metric.improves(score, state.best_value) else state.stale_epochs + 1
    if metric.at_least_as_good(score, state.best_value):
        state.best = {name: tensor.detach().clone() for name, tensor in encoder.state_dict().items()}
        state.best_value, state.best_epoch = score, state.epoch
    seconds = round(time.perf_counter() - began, 2)
    state.history.append({"epoch": state.epoch, **sums, metric.name: score, "seconds": seconds})
    bar.set_postfix({metric.name: f"{score:.3f}"})
