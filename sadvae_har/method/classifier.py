"""Classifiers of seen windows (on features) and of classes that synthesised samples stand for.

Axis legend: K models, B windows, U classes, n samples, D dimensions of features or of semantic latents.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from sadvae_har.config.settings import ClassifierConfig
from sadvae_har.method.networks import StackedLinear

COSINE_SCALE = 10.0  # A cosine spans [-1, 1]; the gate's temperature rescales it where it matters.


def fit_softmax(
    draw: Callable[[], tuple[Tensor, Tensor]],
    n_classes: int,
    config: ClassifierConfig,
    generators: Sequence[torch.Generator],
) -> StackedLinear:
    """Train K multinomial logistic regressions.

    Args:
        draw: Returns one batch, inputs [K, B, D] and class positions [K, B].
        n_classes: Number of outputs.
        config: Steps, learning rate and weight decay.
        generators: One per model, for the initial weights.

    Returns:
        A linear layer from [K, B, D] to logits [K, B, n_classes].
    """
    inputs, targets = draw()
    layer = StackedLinear(inputs.shape[-1], n_classes, generators)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    for _ in range(config.n_steps):
        log_probability = layer(inputs).log_softmax(-1)
        loss = -log_probability.gather(-1, targets[..., None]).mean((-1, -2)).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        inputs, targets = draw()
    return layer.requires_grad_(False)


def mean_directions(samples: Tensor) -> Tensor:
    """Return the mean direction of the samples [K, n, D] of one class, [K, 1, D]."""
    return functional.normalize(functional.normalize(samples, dim=-1).mean(1, keepdim=True), dim=-1)


def cosine_logits(directions: Tensor, queries: Tensor) -> Tensor:
    """Compare windows [K, B, D] with the mean directions of classes [K, U, D]: [K, B, U]."""
    return functional.normalize(queries, dim=-1) @ directions.transpose(1, 2) * COSINE_SCALE


def softmax_logits(
    samples: Sequence[Tensor], queries: Tensor, config: ClassifierConfig, generators: Sequence[torch.Generator]
) -> Tensor:
    """Train a softmax classifier on the samples [K, n, D] of U classes; return logits of windows [K, B, D], [K, B, U].

    Args:
        samples: One entry per class.
        queries: Windows.
        config: Steps, learning rate and weight decay.
        generators: One per model.
    """
    n_models, n_samples, _ = samples[0].shape
    targets = torch.arange(len(samples)).repeat_interleave(n_samples).expand(n_models, -1)
    inputs = torch.cat(list(samples), dim=1)
    return fit_softmax(lambda: (inputs, targets), len(samples), config, generators)(queries.expand(n_models, -1, -1))


class ClassDensities(NamedTuple):
    """Regularised Gaussians of classes, one per model (Friedman 1989).

    Attributes:
        mean: [K, U, D].
        factor: Lower Cholesky factors of the covariances [K, U, D, D].
        log_determinant: Of the covariances [K, U].
    """

    mean: Tensor
    factor: Tensor
    log_determinant: Tensor

    @classmethod
    def fit(cls, samples: Tensor, shrinkage: float) -> "ClassDensities":
        """Fit to the samples [K, n, D] of one class.

        Args:
            samples: Synthesised windows.
            shrinkage: Variance added to the covariance in every dimension, as a multiple of √D.
        """
        n_samples, n_dimensions = samples.shape[1:]
        floor = shrinkage * math.sqrt(n_dimensions) * torch.eye(n_dimensions)
        mean = samples.mean(1, keepdim=True)
        centred = samples - mean
        factor = torch.linalg.cholesky(centred.transpose(1, 2) @ centred / n_samples + floor)[:, None]
        return cls(mean, factor, 2 * factor.diagonal(dim1=2, dim2=3).log().sum(2))

    def merged(self) -> "ClassDensities":
        """Return densities [1, U] whose logits are the means of those of the K models, for windows that all share.

        Log densities are quadratic, and so is their mean: it is a Gaussian again, but for its height.
        """
        mean, precision = self.mean.double()[..., None], torch.cholesky_inverse(self.factor.double())
        pulled = precision @ mean
        lengths = (mean.mT @ pulled)[..., 0, 0]
        root = torch.linalg.cholesky(precision.mean(0, keepdim=True))
        centre = torch.cholesky_solve(pulled.mean(0, keepdim=True), root)
        height = (self.log_determinant + lengths).mean(0) - (root.mT @ centre).square().sum((2, 3))
        factor = torch.linalg.cholesky(torch.cholesky_inverse(root))
        return ClassDensities(centre[..., 0].float(), factor.float(), height.float())

    def logits(self, queries: Tensor) -> Tensor:
        """Return log densities of windows [K, B, D] up to a term that all classes share, [K, B, U]."""
        offsets = (queries[:, None] - self.mean[:, :, None]).transpose(2, 3)
        whitened = torch.linalg.solve_triangular(self.factor, offsets, upper=False)
        return -0.5 * (whitened.square().sum(2) + self.log_determinant[..., None]).transpose(1, 2)
