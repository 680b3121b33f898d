"""The interface of a pretraining objective: what the loop minimises and how it chooses a checkpoint.

A new objective is one file with a subclass of `Objective` and one entry in `pretraining.OBJECTIVES`.
Axis legend: B windows of a batch, T time, C channels, D encoder features.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Batch:
    """Windows to learn from.

    Attributes:
        windows: Augmented windows [B, T, C], m/s² and rad/s.
        clean: The same windows before augmentation [B, T, C].
        targets: Position of each window's class in the task's classes [B]; not to be read by an
            objective that declares itself unlabelled.
    """

    windows: Tensor
    clean: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Metric:
    """What a checkpoint is chosen by.

    Attributes:
        name: Its name in `progress.jsonl`.
        higher_is_better: Its direction.
    """

    name: str
    higher_is_better: bool

    def at_least_as_good(self, value: float, best: float | None) -> bool:
        """Return whether `value` is at least as good as `best`; anything is as good as nothing."""
        return best is None or (value >= best if self.higher_is_better else value <= best)

    def improves(self, value: float, best: float | None) -> bool:
        """Return whether `value` is truly better than `best`."""
        return best is None or (self.at_least_as_good(value, best) and value != best)


class Objective(nn.Module, ABC):
    """Heads and losses that train an encoder; the heads are thrown away afterwards.

    Attributes:
        labelled: Whether class labels are used; recorded in the provenance.
        metric: What `evaluate` returns.
    """

    labelled: ClassVar[bool]
    metric: ClassVar[Metric]

    @abstractmethod
    def __init__(self, n_features: int, classes: Sequence[str]) -> None:
        """Make the heads for an encoder with D = `n_features` and the task's classes."""
        super().__init__()

    @abstractmethod
    def losses(self, encoder: nn.Module, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Return named scalar terms, each averaged over the batch; the loop minimises their sum."""

    @abstractmethod
    def evaluate(self, encoder: nn.Module, batches: Iterable[Batch]) -> float:
        """Return the metric over validation batches (not augmented); called without gradients."""
