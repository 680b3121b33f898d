"""Contrast of two augmented views: a window, and each of its patches, is recognised among others.

InfoNCE of van den Oord et al., 2018 (https://arxiv.org/abs/1807.03748), with the projection head of Chen et al.,
SimCLR, ICML 2020 (https://arxiv.org/abs/2002.05709) and the symmetric form of Radford et al., CLIP, ICML 2021.
Axis legend: B windows, C channels, P patches, W token width, D features, E embedding dimension, N items.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from feature_extraction.errors import InputError
from feature_extraction.pretraining.objectives.objective import PatchBatch, PatchEncoder, PatchObjective


@dataclass(frozen=True)
class ContrastiveConfig:
    """What is contrasted with what.

    Attributes:
        temperature: Divides the cosines.
        projection: Dimension in which views are compared.
        within_dataset: Whether only items of the same data set are told apart, so that the device that
            recorded a window is no help.
        max_patches: Most patches compared per batch.
    """

    temperature: float = 0.1
    projection: int = 128
    within_dataset: bool = True
    max_patches: int = 512

    def __post_init__(self) -> None:
        """Refuse numbers that are not positive."""
        check_temperature("contrastive.temperature", self.temperature)
        if self.projection < 1 or self.max_patches < 2:
            raise InputError(
                f"contrastive: a projection to {self.projection} and {self.max_patches} patches cannot be used; "
                "give at least 1 and 2"
            )


def check_temperature(name: str, temperature: float) -> None:
    """Refuse a temperature that is not positive.

    Raises:
        InputError: Its name and value.
    """
    if not temperature > 0:
        raise InputError(f"{name}: {temperature} cannot be used; give a positive number")


def info_nce(first: Tensor, second: Tensor, temperature: float, group: Tensor | None = None) -> Tensor:
    """Return the symmetric cross-entropy of finding each row's partner; 0 without rows.

    Args:
        first: Unit vectors [N, E].
        second: Their partners, row by row [N, E].
        temperature: Divides the cosines.
        group: Group of each row [N]; only rows of the same group are told apart.

    Raises:
        InputError: Shapes differ, or the temperature is not positive.
    """
    check_temperature("info_nce.temperature", temperature)
    if first.ndim != 2 or first.shape != second.shape:
        raise InputError(
            f"info_nce: views of shapes {tuple(first.shape)} and {tuple(second.shape)}; give two of the same [N, E]"
        )
    logits = first @ second.T / temperature
    if group is not None:
        logits = logits.masked_fill(group[:, None] != group[None, :], float("-inf"))
    partner = torch.arange(len(first), device=first.device)
    both = cross_entropy(logits, partner, reduction="sum") + cross_entropy(logits.T, partner, reduction="sum")
    return both / (2 * max(1, len(first)))


def soft_info_nce(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the InfoNCE loss with several, or partial, positives.

    It is the divergence of the logits' softmax from the targets: cross-entropy less the targets' entropy, so
    that 0 is reached by a perfect match however many positives a row has.

    Args:
        logits: [N, M].
        targets: Probabilities [N, M].

    Returns:
        Mean over rows; 0 without rows.
    """
    entropy = torch.special.entr(targets).sum()
    return (-(targets * logits.log_softmax(dim=1)).sum() - entropy) / max(1, len(logits))


class Contrastive(PatchObjective):
    """InfoNCE between two views of windows and of patches, each through its own projection head."""

    labelled = False

    def __init__(self, width: int, n_features: int, config: ContrastiveConfig | None = None) -> None:
        """Make the projection heads.

        Args:
            width: W.
            n_features: D.
            config: What is contrasted with what.

        Raises:
            InputError: A size below 1.
        """
        super().__init__()
        if min(width, n_features) < 1:
            raise InputError(f"contrastive: width {width} and {n_features} features must be positive")
        self.config = config or ContrastiveConfig()
        self.window_head = _projection_head(n_features, self.config.projection)
        self.patch_head = _projection_head(width, self.config.projection)

    def losses(self, encoder: PatchEncoder, batch: PatchBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Return `window` and `patch`; `generator` draws the patches that are compared."""
        tokens = [encoder.tokens(view, batch.valid, batch.descriptions, None) for view in (batch.values, batch.second)]
        windows = [normalize(self.window_head(encoder.pool(view, batch.valid)), dim=1) for view in tokens]
        rows = draw_patches(batch.valid, self.config.max_patches, generator)
        patches = [normalize(self.patch_head(view.flatten(0, 2)[rows]), dim=1) for view in tokens]
        window_group = batch.dataset if self.config.within_dataset else None
        patch_group = None
        if self.config.within_dataset:
            patch_group = batch.dataset[rows // (batch.valid.shape[1] * batch.valid.shape[2])]
        return {
            "window": info_nce(windows[0], windows[1], self.config.temperature, window_group),
            "patch": info_nce(patches[0], patches[1], self.config.temperature, patch_group),
        }


def draw_patches(valid: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Draw at most `most` valid patches of `valid` [B, C, P] without replacement.

    Returns:
        Their positions in the flattened patches, in random order.
    """
    rows = valid.flatten().nonzero()[:, 0]
    order = torch.randperm(len(rows), generator=generator, device=generator.device)
    return rows[order[:most].to(rows.device)]


def _projection_head(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, n_in), nn.ReLU(), nn.Linear(n_in, n_out))
