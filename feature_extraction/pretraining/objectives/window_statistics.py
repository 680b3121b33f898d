"""Window statistics: tell from the pooled embedding what is known to describe movements.

Hidden patches teach tokens, but nothing teaches the pooling what to keep. Here a linear head reads the
statistical features of the whole window from its embedding, so that a linear classifier on the embedding finds them
there. They are computed, not annotated: no label is used.
Axis legend: B windows, D features, K statistics.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from feature_extraction.pretraining.objectives.objective import PatchBatch, PatchEncoder, PatchObjective


class WindowStatistics(PatchObjective):
    """A linear head on the embedding predicts the standardised statistics of the clean window."""

    labelled = False

    def __init__(self, n_features: int, n_statistics: int) -> None:
        """Make the head from D = `n_features` to K = `n_statistics`."""
        super().__init__()
        self.head = nn.Linear(n_features, n_statistics)

    def losses(self, encoder: PatchEncoder, batch: PatchBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Return `error`: the Huber loss over the statistics that the sensors of a window have."""
        predicted = self.head(encoder(batch.clean, batch.valid, batch.descriptions))
        known = batch.statistics.isfinite()
        return {"error": smooth_l1_loss(predicted[known], batch.statistics[known].to(predicted.dtype))}
