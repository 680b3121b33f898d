"""Masked autoencoding: fill in hidden patches from the visible ones.

He et al., Masked Autoencoders Are Scalable Vision Learners, CVPR 2022 (https://arxiv.org/abs/2111.06377), with
the one-layer head of Xie et al., SimMIM, CVPR 2022 (https://arxiv.org/abs/2111.09886). Patches are predicted
normalised; because their level is gravity, and so posture, level and spread are predicted beside the shape, and
the spectrum, since where in its cycle a hidden movement stands can hardly be known.
Axis legend: B windows, C channels, P patches, S samples of a patch, W token width.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from feature_extraction.encoders.patch_transformer.layers import log_spectrum
from feature_extraction.pretraining.objectives.masks import draw_masks
from feature_extraction.pretraining.objectives.objective import PatchBatch, PatchEncoder, PatchObjective

SPREAD_FLOOR = 0.01  # in patch units, 0.1 m/s²: sensor noise of a body at rest is not blown up to a shape


def patch_target(patches: Tensor) -> Tensor:
    """Return what is predicted of patches [..., S]: shape, mean, log-spread, spectrum [..., S + 2 + S // 2]."""
    level = patches.mean(dim=-1, keepdim=True)
    spread = patches.std(dim=-1, correction=0, keepdim=True) + SPREAD_FLOOR
    return torch.cat([(patches - level) / spread, level, spread.log(), log_spectrum(patches)], dim=-1)


def reconstruction_terms(prediction: Tensor, patches: Tensor, hidden: Tensor) -> dict[str, Tensor]:
    """Return mean squared errors of what `patch_target` holds over the hidden patches; 0 where none is hidden.

    Args:
        prediction: [B, C, P, S + 2 + S // 2].
        patches: The truth [B, C, P, S].
        hidden: Patches that count [B, C, P], bool.
    """
    error = (prediction - patch_target(patches))[hidden].square()
    n_hidden, n_samples = max(1, len(error)), patches.shape[-1]
    return {
        "shape": error[:, :n_samples].sum() / (n_hidden * n_samples),
        "level": error[:, n_samples].sum() / n_hidden,
        "log_spread": error[:, n_samples + 1].sum() / n_hidden,
        "log_spectrum": error[:, n_samples + 2 :].sum() / (n_hidden * (n_samples // 2)),
    }


class MaskedAutoencoding(PatchObjective):
    """A linear head on the tokens of hidden patches predicts them from the visible ones, both clean.

    The augmented views are not read: a turned view does not tell how it was turned, so that the clean patches cannot
    be predicted from it.
    """

    labelled = False

    def __init__(self, width: int, patch_samples: int) -> None:
        """Make the head for tokens of W = `width` and patches of S = `patch_samples`."""
        super().__init__()
        self.head = nn.Linear(width, patch_samples + 2 + patch_samples // 2)

    def losses(self, encoder: PatchEncoder, batch: PatchBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Return `shape`, `level`, `log_spread` and `log_spectrum`; `generator` draws the masks."""
        hidden = draw_masks(batch.valid, generator)
        tokens = encoder.tokens(batch.clean, batch.valid, batch.descriptions, hidden)
        return reconstruction_terms(self.head(tokens), batch.clean, hidden)
