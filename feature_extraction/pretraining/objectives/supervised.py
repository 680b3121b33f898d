"""Supervised objective on patches: tell the seen classes apart.

Axis legend: B windows, D features.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from feature_extraction.errors import InputError
from feature_extraction.pretraining.objectives.objective import UNLABELLED, PatchBatch, PatchEncoder, PatchObjective
from feature_extraction.pretraining.resnet.supervised import DROPOUT, LABEL_SMOOTHING


class SupervisedPatches(PatchObjective):
    """Cross-entropy of a linear layer on the features, smoothed and with dropout as for windows."""

    labelled = True

    def __init__(self, n_features: int, n_classes: int) -> None:
        """Make the linear layer from D = `n_features` to the `n_classes` of the label bank.

        Raises:
            InputError: Fewer than two classes.
        """
        super().__init__()
        if n_classes < 2:
            raise InputError(f"supervised: {n_classes} labelled classes; give data sets with two or more")
        self.classifier = nn.Linear(n_features, n_classes)

    def losses(self, encoder: PatchEncoder, batch: PatchBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Return `cross_entropy` over the labelled windows; `generator` draws the dropout mask."""
        features = encoder(batch.values, batch.valid, batch.descriptions)
        kept = torch.rand(features.shape, generator=generator, device=generator.device).to(features.device) >= DROPOUT
        logits = self.classifier(features * kept / (1 - DROPOUT))
        total = cross_entropy(
            logits, batch.targets, ignore_index=UNLABELLED, label_smoothing=LABEL_SMOOTHING, reduction="sum"
        )
        return {"cross_entropy": total / (batch.targets != UNLABELLED).sum().clamp_min(1)}
