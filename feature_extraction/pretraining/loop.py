"""The training loop of either kind of network: epochs of steps, the best one by validation, exact resume.

An epoch is a fixed number of steps. After each one the encoder is validated on subjects of its own, and the whole state
is saved. While a run lasts, `state.safetensors` holds its latest weights, and the best ones so far, which become
`model.safetensors` in the end.
"""

import logging
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import ClassVar

import torch
from tqdm.auto import tqdm

from feature_extraction.errors import require_extra
from feature_extraction.pretraining.config import PatchPretrainConfig
from feature_extraction.pretraining.curves import CURVES, open_event_log, plot_curves
from feature_extraction.pretraining.processes import Processes
from feature_extraction.pretraining.resnet.config import PretrainConfig
from feature_extraction.pretraining.schedule import learning_rate_factor
from feature_extraction.pretraining.state import Metric, PretrainState
from feature_extraction.storage.files import keep_checksums

logger = logging.getLogger(__name__)


class Run(ABC):
    """One pretraining run, as the loop sees it.

    Attributes:
        metric: What the best epoch is chosen by.
        with_events: Whether TensorBoard can follow the run.
        config: How it is trained, and how long.
        state: Networks and how far they are.
        processes: Who works on the run.
    """

    metric: ClassVar[Metric]
    with_events: ClassVar[bool]
    config: PretrainConfig | PatchPretrainConfig
    state: PretrainState
    processes: Processes

    @property
    @abstractmethod
    def n_steps(self) -> int:
        """Steps of an epoch."""

    @abstractmethod
    def step(self, number: int) -> Iterable[tuple[str, float]]:
        """Make a step of the optimiser, `number` in the whole run; return names and values of loss terms."""

    @abstractmethod
    def validate(self) -> float:
        """Return the metric on the validation windows; called in evaluation mode and without gradients."""

    def keep(self, folder: Path, key: str) -> None:  # noqa: B027 (by default nothing)
        """Write what a run leaves after an epoch besides its state."""


def train(run: Run, folder: Path, key: str) -> None:
    """Train; go on exactly where an interrupted run of the same `key` left off.

    In the end the encoder has the weights of the best epoch and is in evaluation mode.

    Args:
        run: What is trained.
        folder: Where state, progress, curves and events go.
        key: Digest of everything that decides the result.

    Raises:
        InputError: The saved state is damaged.
    """
    require_extra("plots", "matplotlib")
    if run.with_events:
        require_extra("tensorboard", "tensorboard")
    if run.processes.is_first:
        keep_checksums(folder)
    state, config, first = run.state, run.config, run.processes.is_first
    if state.load(folder, key) and first:
        logger.info("going on after epoch %d of %s", state.epoch, folder)
    total, done = config.n_epochs * run.n_steps, state.epoch * run.n_steps
    with (
        tqdm(total=total, initial=done, desc="pretrain", unit="step", disable=None if first else True) as bar,
        open_event_log(folder, state.history) if first and run.with_events else nullcontext() as events,
    ):
        while state.epoch < config.n_epochs and state.stale_epochs < config.patience:
            _train_epoch(run, bar)
            if first:
                run.keep(folder, key)
                state.save(folder, key)
                if events is not None:
                    events.add(state.history[-1])
                plot_curves(state.history, run.metric.name, folder / CURVES)
            run.processes.wait()
    state.encoder.load_state_dict(state.best)
    state.encoder.eval()


def _train_epoch(run: Run, bar: tqdm) -> None:
    began, state, config = time.perf_counter(), run.state, run.config
    found: dict[str, list[float]] = defaultdict(list)
    state.encoder.train()
    state.objective.train()
    for number in range(state.epoch * run.n_steps, (state.epoch + 1) * run.n_steps):
        rate = config.learning_rate * learning_rate_factor(number / (config.n_epochs * run.n_steps))
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        for name, value in run.step(number):
            found[name].append(value)
        bar.update()
    state.encoder.eval()
    state.objective.eval()
    with torch.no_grad():
        score = run.validate()
    means, seconds = _mean_terms(run.processes.gather(dict(found))), round(time.perf_counter() - began, 2)
    numbers = {**means, run.metric.name: score, "learning_rate": rate, "seconds": seconds}
    state.finish_epoch(run.metric, score, numbers)
    bar.set_postfix({run.metric.name: f"{score:.3f}"})


def _mean_terms(found: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, float]:
    """Average each term over the batches of all processes."""
    values: dict[str, list[float]] = defaultdict(list)
    for terms in found:
        for name, some in terms.items():
            values[name] += some
    return {name: sum(values[name]) / len(values[name]) for name in sorted(values)}
