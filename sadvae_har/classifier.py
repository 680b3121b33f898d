"""Classifiers of seen windows (on features) and of unseen windows (on latents synthesised from text).

Axis legend: K models, B batch, U classes, n samples, L latent, D features.
"""

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
    """Score windows against classes known by synthesised latents only.

    Args:
        synthesised: Latents of the unseen classes [K, U, n, L].
        queries: Semantic latents of windows [K, B, L].
        config: `cosine` compares with the mean direction of each class's samples; `softmax` trains a
            linear layer on the samples.
        generators: One per model.

    Returns:
        Logits [K, B, U].
    """
    if config.kind == "cosine":
        directions = functional.normalize(functional.normalize(synthesised, dim=-1).mean(2), dim=-1)
        return functional.normalize(queries, dim=-1) @ directions.transpose(1, 2) * COSINE_SCALE
    n_models, n_classes, n_samples, _ = synthesised.shape
    targets = torch.arange(n_classes).repeat_interleave(n_samples).expand(n_models, -1)
    inputs = synthesised.flatten(1, 2)
    return fit_softmax(lambda: (inputs, targets), n_classes, config, generators)(queries)


COSINE_SCALE = 10.0  # A cosine spans [-1, 1]; the gate's temperature rescales it where it matters.
