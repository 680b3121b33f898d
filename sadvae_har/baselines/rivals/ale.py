"""ALE: a bilinear compatibility trained by weighted approximate ranking (Akata et al., TPAMI 2016).

As DeViSE, but a window's violations are weighted by the rank of its true class: mistakes at the top of the list
count most. With few seen classes, the rank is counted rather than estimated by sampling. Axis legend: see
`method.py`; B batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sadvae_har.baselines.rivals.devise import BilinearTraining, DeViSE, margin_violations

NAME = "ale"


def weighted_ranking_loss(scores: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Return the violations times (1 + 1/2 + ... + 1/r) / r, r being their number: a scalar.

    Args:
        scores: Compatibility of windows and classes [B, S].
        labels: True classes [B].
        margin: By how much the true class should win.
    """
    violations = margin_violations(scores, labels, margin)
    rank = (violations > 0).sum(1)
    places = torch.arange(1, scores.shape[1] + 1)
    penalty = torch.cat([torch.zeros(1), (1 / places).cumsum(0)])[rank]
    return (violations.sum(1) * penalty / rank.clamp_min(1)).mean()


@dataclass(frozen=True)
class ALE(DeViSE):
    """Attribute label embedding; margin and training are those of DeViSE."""

    def loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return what training minimises, a scalar, of scores [B, S] and labels [B]."""
        return weighted_ranking_loss(scores, labels, self.margin)


def candidates() -> tuple[ALE, ...]:
    """Return the settings to choose from."""
    return tuple(ALE(m, BilinearTraining(weight_decay=d)) for m in (0.03, 0.1, 1.0) for d in (1.0, 10.0))
