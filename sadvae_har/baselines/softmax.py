"""Softmax classifiers that several methods train: of seen classes on features, and of samples made from text.

Axis legend: see `method.py`; 1 the model axis of `networks.py`, B batch, L dimensions of samples, m samples per class.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import log_softmax
from torch import Tensor

from sadvae_har.baselines.method import SeenData, balanced_batches
from sadvae_har.config.settings import ClassifierConfig
from sadvae_har.method.classifier import fit_softmax
from sadvae_har.method.networks import StackedLinear

SOFTMAX = ClassifierConfig(n_steps=120, learning_rate=1e-2)
SAMPLES_PER_STEP = 256


def fit_seen_classifier(
    data: SeenData, config: ClassifierConfig, batch_size: int, seed: int, generator: torch.Generator
) -> StackedLinear:
    """Train a softmax classifier of the seen classes on class-balanced batches.

    Args:
        data: Windows and classes.
        config: Steps, learning rate and weight decay.
        batch_size: B.
        seed: Of the batches.
        generator: Of the initial weights.
    """
    features, labels, _ = data.tensors()
    batches = iter(balanced_batches(data.labels, config.n_steps + 1, batch_size, seed))

    def draw() -> tuple[Tensor, Tensor]:
        rows = next(batches)[None]
        return features[rows], labels[rows]

    return fit_softmax(draw, len(data.text), config, [generator])


@dataclass(frozen=True)
class LogisticRegression:
    """Weights [D, S] and bias [S]."""

    weights: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(cls, data: SeenData, config: ClassifierConfig, batch_size: int, seed: int) -> "LogisticRegression":
        """Train as `fit_seen_classifier` does; the seed decides batches and initial weights."""
        layer = fit_seen_classifier(data, config, batch_size, seed, torch.Generator().manual_seed(seed))
        return cls(layer.weight[0].numpy(), layer.bias[0, 0].numpy())

    def log_probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return log-probabilities of the classes, [n, S]."""
        return log_softmax(features @ self.weights + self.bias, axis=1)


def classify_by_samples(samples: Tensor, queries: Tensor, generator: torch.Generator) -> np.ndarray:
    """Train a softmax classifier on synthesised samples and apply it.

    Args:
        samples: Synthesised samples of every candidate class, [C, m, L].
        queries: The windows in the same space, [n, L].
        generator: For batches and initial weights.

    Returns:
        Log-probabilities, float32 [n, C].
    """
    n_classes, n_samples, _ = samples.shape

    def draw() -> tuple[Tensor, Tensor]:
        picks = torch.randint(n_classes * n_samples, (1, SAMPLES_PER_STEP), generator=generator)
        return samples.flatten(0, 1)[picks], picks // n_samples

    layer = fit_softmax(draw, n_classes, SOFTMAX, [generator])
    return layer(queries[None])[0].log_softmax(-1).numpy()


@dataclass(frozen=True)
class FittedGenerator:
    """A fitted method that knows a class by the samples it makes from the class's text.

    Attributes:
        synthesise: Semantic vectors [C, E] and a generator of noise to samples [C, m, L].
        locate: Features [n, D] to the space of the samples [n, L].
        seed: Of the samples and the classifier that is trained on them; every call starts from it anew.
    """

    synthesise: Callable[[Tensor, torch.Generator], Tensor]
    locate: Callable[[Tensor], Tensor]
    seed: int

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return log-probabilities of a classifier trained on samples of the given classes, [n, C]."""
        generator = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            samples, queries = self.synthesise(torch.tensor(text), generator), self.locate(torch.tensor(features))
        return classify_by_samples(samples, queries, generator)
