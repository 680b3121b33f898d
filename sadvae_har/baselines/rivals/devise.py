"""DeViSE: a linear map from features to semantic vectors, trained by a hinge ranking loss (Frome et al., NIPS 2013).

The true class's semantic vector has to be more alike to the mapped window than every other one, by a margin.
Axis legend: see `method.py`; B batch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sadvae_har.baselines.method import SeenData, balanced_batches, normalised, take_step
from sadvae_har.baselines.rivals.eszsl import FittedBilinear

NAME = "devise"


def margin_violations(scores: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Return how far every wrong class comes too near the true one, 0 for the true one, [B, S].

    Args:
        scores: Compatibility of windows and classes [B, S].
        labels: True classes [B].
        margin: By how much the true class should win.
    """
    true = scores.gather(1, labels[:, None])
    return (margin + scores - true).clamp_min(0).scatter(1, labels[:, None], 0.0)


def hinge_ranking_loss(scores: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Return the violations, summed over classes and averaged over the batch: a scalar."""
    return margin_violations(scores, labels, margin).sum(1).mean()


@dataclass(frozen=True)
class BilinearTraining:
    """How the map of a ranking method is trained.

    Attributes:
        weight_decay: Decoupled weight decay.
        learning_rate: Of AdamW.
        n_steps: Training steps.
        batch_size: B.
    """

    weight_decay: float = 10.0
    learning_rate: float = 1e-3
    n_steps: int = 300
    batch_size: int = 64


@dataclass(frozen=True)
class DeViSE:
    """Deep visual-semantic embedding, on fixed features.

    Attributes:
        margin: By how much the true class should win.
        training: Optimiser settings.
    """

    margin: float = 0.1
    training: BilinearTraining = BilinearTraining()

    def loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return what training minimises, a scalar, of scores [B, S] and labels [B]."""
        return hinge_ranking_loss(scores, labels, self.margin)

    def fit(self, data: SeenData, seed: int) -> FittedBilinear:
        """Train a map [D, E] on class-balanced batches, which the seed draws.

        It starts at zero, so that it knows nothing of directions in which no seen class's text points.
        """
        scale = np.float32(data.features.shape[1] ** -0.5)  # Standardised windows then have a length of about 1.
        features, labels = torch.from_numpy(data.features * scale), torch.from_numpy(data.labels)
        text = torch.from_numpy(normalised(data.text))
        weights = torch.zeros(features.shape[1], text.shape[1], requires_grad=True)
        rate, decay = self.training.learning_rate, self.training.weight_decay
        optimiser = torch.optim.AdamW([weights], lr=rate, weight_decay=decay, fused=True)
        for rows in balanced_batches(data.labels, self.training.n_steps, self.training.batch_size, seed):
            take_step(optimiser, self.loss(features[rows] @ (weights @ text.T), labels[rows]))
        return FittedBilinear(weights.detach().numpy() * scale)


def candidates() -> tuple[DeViSE, ...]:
    """Return the settings to choose from."""
    return tuple(DeViSE(m, BilinearTraining(weight_decay=d)) for m in (0.1, 0.3, 1.0) for d in (1.0, 10.0))
