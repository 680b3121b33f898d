"""Classifiers of seen windows (on features) and of unseen windows (on samples synthesised from text).

Axis legend: K models, B batch, U classes, n samples, D dimensions of features or of semantic latents.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from sadvae_har.config import ClassifierConfig
from sadvae_har.networks import StackedLinear


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
        directions = functional.normalize(functional.normalize(synthesised, dim=-1).mean(2), dim=-1)
        return functional.normalize(queries, dim=-1) @ directions.transpose(1, 2) * COSINE_SCALE
    n_models, n_classes, n_samples, _ = synthesised.shape
    targets = torch.arange(n_classes).repeat_interleave(n_samples).expand(n_models, -1)
    inputs = synthesised.flatten(1, 2)
    return fit_softmax(lambda: (inputs, targets), n_classes, config, generators)(queries)


def gaussian_logits(synthesised: Tensor, queries: Tensor, shrinkage: float) -> Tensor:
    """Score windows by regularised quadratic discriminant analysis of synthesised samples (Friedman 1989).

    Args:
        synthesised: Samples [K, U, n, D].
        queries: Windows [K, B, D].
        shrinkage: Variance added to every covariance in every dimension, as a multiple of √D.

    Returns:
        Log densities of the classes up to a term that all classes share, [K, B, U].
    """
    n_samples, n_dimensions = synthesised.shape[2:]
    floor = shrinkage * math.sqrt(n_dimensions) * torch.eye(n_dimensions)
    logits = []
    for samples in synthesised.unbind(1):  # One class at a time: covariances of all would fill the memory.
        mean = samples.mean(1, keepdim=True)
        centred = samples - mean
        factor = torch.linalg.cholesky(centred.transpose(1, 2) @ centred / n_samples + floor)
        log_determinant = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
        whitened = torch.linalg.solve_triangular(factor, (queries - mean).transpose(1, 2), upper=False)
        logits.append(-0.5 * (whitened.square().sum(1) + log_determinant[:, None]))
    return torch.stack(logits, dim=-1)


COSINE_SCALE = 10.0  # A cosine spans [-1, 1]; the gate's temperature rescales it where it matters.
