"""What a residual network learns: to tell the seen classes apart, with label smoothing and dropout on the features.

Axis legend: B windows of a batch, T time, C channels, D encoder features.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from feature_extraction.pretraining.state import Metric

LABEL_SMOOTHING = 0.1
DROPOUT = 0.3
METRIC = Metric("val_per_class_accuracy", higher_is_better=True)


@dataclass(frozen=True)
class Batch:
    """Windows to learn from.

    Attributes:
        windows: [B, T, C], m/s² and rad/s.
        targets: Position of each window's class in the task's classes [B].
    """

    windows: Tensor
    targets: Tensor


class SupervisedObjective(nn.Module):
    """Cross-entropy of a linear layer on the encoder's features (label smoothing: Szegedy et al., 2016).

    The layer is thrown away after the training.
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        """Make the linear layer; its weights are drawn from PyTorch's default initialisation."""
        super().__init__()
        self.classifier = nn.Linear(n_features, n_classes)

    def loss(self, encoder: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the smoothed cross-entropy; `generator` draws the dropout mask."""
        features = encoder(batch.windows)
        kept = torch.rand(features.shape, generator=generator) >= DROPOUT
        logits = self.classifier(features * kept / (1 - DROPOUT))
        return nn.functional.cross_entropy(logits, batch.targets, label_smoothing=LABEL_SMOOTHING)

    def evaluate(self, encoder: nn.Module, batches: Iterable[Batch]) -> float:
        """Return top-1 averaged over the classes that have validation windows."""
        n_classes = self.classifier.out_features
        correct, count = torch.zeros(n_classes), torch.zeros(n_classes)
        for batch in batches:
            hits = (self.classifier(encoder(batch.windows)).argmax(dim=1) == batch.targets).float()
            correct.index_add_(0, batch.targets, hits)
            count.index_add_(0, batch.targets, torch.ones_like(hits))
        present = count > 0
        return float((correct[present] / count[present]).mean())
