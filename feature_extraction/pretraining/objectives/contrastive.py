"""Contrast of two augmented views: a window, and each of its patches, is recognised among others.

InfoNCE of van den Oord et al., 2018 (https://arxiv.org/abs/1807.03748), with the projection head of Chen et al.,
SimCLR, ICML 2020 (https://arxiv.org/abs/2002.05709) and the symmetric form of Radford et al., CLIP, ICML 2021.
Only items of the same data set are told apart, so that the device that recorded a window is no help.
Axis legend: B windows, C channels, P patches, W token width, D features, E embedding dimension, N items.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from feature_extraction.pretraining.objectives.objective import PatchBatch, PatchEncoder, PatchObjective

TEMPERATURE = 0.1  # divides the cosines
PROJECTION = 128  # dimension in which views are compared
MOST_PATCHES = 512  # compared per batch


def info_nce(first: Tensor, second: Tensor, temperature: float, group: Tensor) -> Tensor:
    """Return the symmetric cross-entropy of finding each row's partner; 0 without rows.

    Args:
        first: Unit vectors [N, E].
        second: Their partners, row by row [N, E].
        temperature: Divides the cosines.
        group: Group of each row [N]; only rows of the same group are told apart.
    """
    logits = (first @ second.T / temperature).masked_fill(group[:, None] != group[None, :], float("-inf"))
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

    def __init__(self, width: int, n_features: int) -> None:
        """Make the projection heads for patches of W = `width` and windows of D = `n_features`."""
        super().__init__()
        self.window_head = _projection_head(n_features)
        self.patch_head = _projection_head(width)

    def losses(self, encoder: PatchEncoder, batch: PatchBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Return `window` and `patch`; `generator` draws the patches that are compared."""
        tokens = [encoder.tokens(view, batch.valid, batch.descriptions, None) for view in (batch.values, batch.second)]
        windows = [normalize(self.window_head(encoder.pool(view, batch.valid)), dim=1) for view in tokens]
        rows = draw_patches(batch.valid, MOST_PATCHES, generator)
        patches = [normalize(self.patch_head(view.flatten(0, 2)[rows]), dim=1) for view in tokens]
        dataset_of_patches = batch.dataset[rows // (batch.valid.shape[1] * batch.valid.shape[2])]
        return {
            "window": info_nce(windows[0], windows[1], TEMPERATURE, batch.dataset),
            "patch": info_nce(patches[0], patches[1], TEMPERATURE, dataset_of_patches),
        }


def draw_patches(valid: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Draw at most `most` valid patches of `valid` [B, C, P] without replacement.

    Returns:
        Their positions in the flattened patches, in random order.
    """
    rows = valid.flatten().nonzero()[:, 0]
    order = torch.randperm(len(rows), generator=generator, device=generator.device)
    return rows[order[:most].to(rows.device)]


def _projection_head(n_in: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, n_in), nn.ReLU(), nn.Linear(n_in, PROJECTION))
