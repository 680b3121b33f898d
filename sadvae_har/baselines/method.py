"""What every rival method looks like: hyper-parameters as fields, `fit` on seen classes, `score` by description.

Each rival is one file with one frozen dataclass. All get identical standardised features, identical centred
semantic vectors, and the same tuning budget: `candidates` lists up to six settings, among which the inner folds
choose. Axis legend: N training windows, n windows to score, S seen classes, C classes to score against,
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


class Scorer(Protocol):
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

    def fit(self, data: SeenData, seed: int) -> Scorer:
        """Learn from seen classes; the same seed gives the same result."""
        ...


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Return vectors [..., E] scaled to unit length; zero vectors stay zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def balanced_rows(labels: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw `size` window indices, every class equally often on average."""
    order = np.argsort(labels, kind="stable")
    count = np.bincount(labels)
    first = np.cumsum(count) - count
    chosen = generator.integers(len(count), size=size)
    return order[first[chosen] + (generator.random(size) * count[chosen]).astype(np.int64)]


def balanced_batches(labels: np.ndarray, n_steps: int, batch_size: int, seed: int) -> Tensor:
    """Return class-balanced window indices of every step, int64 [n_steps, B]."""
    rows = balanced_rows(labels, n_steps * batch_size, np.random.default_rng(seed))
    return torch.from_numpy(rows).view(n_steps, batch_size)
