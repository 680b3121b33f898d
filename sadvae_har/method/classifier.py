"""Classifiers of seen windows (on features) and of unseen windows (on samples synthesised from text).

Axis legend: K models, B batch, U classes, n samples, D dimensions of features or of semantic latents.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from sadvae_har.config.settings import ClassifierConfig
from sadvae_har.method.networks import StackedLinear


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


def unseen_logits(
    synthesised: Tensor, queries: Tensor, config: ClassifierConfig, generators: Sequence[torch.Generator]
) -> Tensor:
    """Score windows against classes known by synthesised samples only.

    Args:
        synthesised: Samples of the unseen classes [K, U, n, D].
        queries: Windows in the same space [K, B, D].
        config: Which classifier, see `ClassifierConfig.kind`.
        generators: One per model.

    Returns:
        Logits [K, B, U].
    """
    if config.kind == "gaussian":
        return gaussian_logits(synthesised, queries, config.shrinkage)
    if config.kind == "cosine":
        return cosine_logits(mean_directions(synthesised), queries)
    n_models, n_classes, n_samples, _ = synthesised.shape
    targets = torch.arange(n_classes).repeat_interleave(n_samples).expand(n_models, -1)
    inputs = synthesised.flatten(1, 2)
    return fit_softmax(lambda: (inputs, targets), n_classes, config, generators)(queries)


def mean_directions(synthesised: Tensor) -> Tensor:
    """Return the mean direction of the samples [K, U, n, D] of each class, [K, U, D]."""
    return functional.normalize(functional.normalize(synthesised, dim=-1).mean(2), dim=-1)


def cosine_logits(directions: Tensor, queries: Tensor) -> Tensor:
    """Compare windows [K, B, D] with the mean directions of classes [K, U, D]: [K, B, U]."""
    return functional.normalize(queries, dim=-1) @ directions.transpose(1, 2) * COSINE_SCALE


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
    def fit(cls, synthesised: Tensor, shrinkage: float) -> "ClassDensities":
        """Fit to samples [K, U, n, D]; `shrinkage` as in `ClassifierConfig`."""
        n_samples, n_dimensions = synthesised.shape[2:]
        floor = shrinkage * math.sqrt(n_dimensions) * torch.eye(n_dimensions)
        mean = synthesised.mean(2)
        centred = synthesised - mean[:, :, None]
        factor = torch.linalg.cholesky(centred.transpose(2, 3) @ centred / n_samples + floor)
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


def gaussian_logits(synthesised: Tensor, queries: Tensor, shrinkage: float) -> Tensor:
    """Score windows by regularised quadratic discriminant analysis of synthesised samples.

    Args:
        synthesised: Samples [K, U, n, D].
        queries: Windows [K, B, D].
        shrinkage: Variance added to every covariance in every dimension, as a multiple of √D.

    Returns:
        Log densities of the classes up to a term that all classes share, [K, B, U].
    """
    # One class at a time: covariances of all would fill the memory.
    return torch.cat(
        [ClassDensities.fit(samples, shrinkage).logits(queries) for samples in synthesised.split(1, dim=1)], dim=-1
    )


COSINE_SCALE = 10.0  # A cosine spans [-1, 1]; the gate's temperature rescales it where it matters.
