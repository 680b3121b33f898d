"""What every rival method looks like: hyper-parameters as fields, `fit` on seen classes, `score` by description.

Each rival is one file with a `NAME` for the tables, one frozen dataclass and `candidates()`, which lists up to six
settings, among which the inner folds choose. All get identical standardised features and identical centred semantic
vectors. Axis legend: N training windows, n windows to score, S seen classes, C classes to score against,
D IMU features, E semantic features.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class SeenData:
    """What a method may learn from.

    Attributes:
        features: Standardised IMU features of seen-class windows of train subjects, float32 [N, D].
        labels: Position of each window's class in `text`, int64 [N]; every class has at least one window.
        text: Centred semantic vectors of the seen classes, float32 [S, E].
    """

    features: np.ndarray
    labels: np.ndarray
    text: np.ndarray

    def class_means(self) -> np.ndarray:
        """Return the mean features of every seen class, float32 [S, D]."""
        sums = np.zeros((len(self.text), self.features.shape[1]))
        np.add.at(sums, self.labels, self.features)
        return (sums / np.bincount(self.labels, minlength=len(self.text))[:, None]).astype(np.float32)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return features, labels and text; they share the memory of the arrays."""
        return torch.from_numpy(self.features), torch.from_numpy(self.labels), torch.from_numpy(self.text)


class FittedMethod(Protocol):
    """A fitted method."""

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Score windows against classes known by their semantic vectors; higher is likelier.

        Args:
            features: Standardised IMU features, float32 [n, D].
            text: Semantic vectors of the candidate classes, float32 [C, E]; unseen ones alone (ZSL), or seen and
                unseen ones (GZSL).

        Returns:
            float [n, C].
        """
        ...


class Method(Protocol):
    """A rival: a frozen dataclass of hyper-parameters."""

    def fit(self, data: SeenData, seed: int) -> FittedMethod:
        """Learn from seen classes; the same seed gives the same result."""
        ...


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Return vectors [..., E] scaled to unit length; zero vectors stay zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cosine of every vector of [n, E] and every one of [C, E]: [n, C]."""
    return normalised(first) @ normalised(second).T


def balanced_batches(labels: np.ndarray, n_steps: int, batch_size: int, seed: int) -> Tensor:
    """Return the windows of every training step, every class equally often on average, int64 [n_steps, B]."""
    generator = np.random.default_rng(seed)
    order, count = np.argsort(labels, kind="stable"), np.bincount(labels)
    first = np.cumsum(count) - count
    chosen = generator.integers(len(count), size=n_steps * batch_size)
    rows = order[first[chosen] + (generator.random(len(chosen)) * count[chosen]).astype(np.int64)]
    return torch.from_numpy(rows).view(n_steps, batch_size)


def take_step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """Make one step of an optimiser; only its own parameters get a gradient."""
    optimiser.zero_grad()
    loss.backward(inputs=[parameter for group in optimiser.param_groups for parameter in group["params"]])
    optimiser.step()
