"""ALE: a bilinear compatibility trained by weighted approximate ranking (Akata et al., TPAMI 2016).

As DeViSE, but a window's violations are weighted by the rank of its true class: mistakes at the top of the list
count most. With few seen classes, the rank is counted rather than estimated by sampling. Axis legend: see
`method.py`; B batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sadvae_har.baselines.devise import BilinearTraining, margin_violations, train_bilinear
from sadvae_har.baselines.eszsl import FittedBilinear
from sadvae_har.baselines.method import SeenData


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
class ALE:
    """Attribute label embedding.

    Attributes:
        margin: By how much the true class should win.
        training: Optimiser settings.
    """

    margin: float = 0.1
    training: BilinearTraining = BilinearTraining()

    def fit(self, data: SeenData, seed: int) -> FittedBilinear:
        """Train by the weighted ranking loss."""
        return train_bilinear(data, lambda s, y: weighted_ranking_loss(s, y, self.margin), self.training, seed)


def candidates() -> tuple[ALE, ...]:
    """Return the settings to choose from."""
    return tuple(ALE(m, BilinearTraining(weight_decay=d)) for m in (0.03, 0.1, 1.0) for d in (1.0, 10.0))
