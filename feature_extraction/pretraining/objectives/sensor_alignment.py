"""Alignment of channels with the descriptions of their sensors, stage I of ZeroHAR.

Chowdhury et al., ZeroHAR: Sensor Context Augments Zero-Shot Wearable Action Recognition, AAAI 2025. Whether a
signal is a wrist's rotation or a chest's acceleration must be heard in the signal itself, so the encoder is
given no descriptions here.
Axis legend: B windows, C channels, P patches, W token width, E text dimension, N valid channels of the batch,
U different descriptions among them.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from feature_extraction.pretraining.objectives.contrastive import soft_info_nce
from feature_extraction.pretraining.objectives.objective import PatchBatch, PatchEncoder, PatchObjective

TEMPERATURE = 0.05  # divides the cosines


def alignment_terms(channels: Tensor, descriptions: Tensor, temperature: float) -> dict[str, Tensor]:
    """Return the contrastive loss in both directions; channels with the same description do not compete.

    Args:
        channels: Unit vectors [N, E].
        descriptions: Text embeddings of their descriptions, row by row [N, E]; equal rows are one description.
        temperature: Divides the cosines.

    Returns:
        `channel_to_text`: each channel finds its description among the different ones.
        `text_to_channel`: each description finds its channels, which share the target evenly.
    """
    different, which = descriptions.unique(dim=0, return_inverse=True)
    logits = channels @ normalize(different, dim=1).T / temperature
    owned = (which[:, None] == torch.arange(len(different), device=which.device)).to(logits.dtype)
    shared = owned / owned.sum(dim=0, keepdim=True)
    return {
        "channel_to_text": cross_entropy(logits, which, reduction="sum") / max(1, len(channels)),
        "text_to_channel": soft_info_nce(logits.T, shared.T),
    }


class SensorAlignment(PatchObjective):
    """A linear map takes a channel's mean token to text space, next to its sensor's description."""

    labelled = False

    def __init__(self, width: int, text_dim: int) -> None:
        """Make the projection from W = `width` to E = `text_dim`."""
        super().__init__()
        self.project = nn.Linear(width, text_dim)

    def losses(self, encoder: PatchEncoder, batch: PatchBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Return `channel_to_text` and `text_to_channel` over the valid channels; `generator` draws nothing."""
        silent = torch.zeros_like(batch.descriptions)
        tokens = encoder.tokens(batch.values, batch.valid, silent, None)
        weight = batch.valid[..., None].to(tokens.dtype)
        means = (tokens * weight).sum(dim=2) / weight.sum(dim=2).clamp_min(1)
        measured = batch.valid.any(dim=2)
        channels = normalize(self.project(means[measured]), dim=1)
        return alignment_terms(channels, batch.descriptions[measured], TEMPERATURE)
