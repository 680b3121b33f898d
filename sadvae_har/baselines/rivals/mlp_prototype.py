"""MLP regression from IMU features to semantic vectors, nearest class by cosine.

The cross-modal mapping of Socher et al. (NIPS 2013): ridge regression's baseline with one hidden layer. Axis legend:
see `method.py`; 1 the model axis of `networks.py`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from sadvae_har.baselines.method import SeenData, balanced_batches, cosines, take_step
from sadvae_har.method.networks import stacked_mlp

NAME = "mlp"


@dataclass(frozen=True)
class FittedMLPPrototype:
    """A trained regression network."""

    network: nn.Sequential

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return the cosine of predicted and given semantic vectors, [n, C]."""
        with torch.no_grad():
            predicted = self.network(torch.from_numpy(features)[None])[0].numpy()
        return cosines(predicted, text)


@dataclass(frozen=True)
class MLPPrototype:
    """Prototype regression by a network with one hidden layer.

    Attributes:
        hidden_dim: Units of the hidden layer.
        feature_noise: Standard deviation of the noise on standardised features while training.
        weight_decay: Decoupled weight decay.
        learning_rate: Of AdamW.
        n_steps: Training steps.
        batch_size: Windows per step.
    """

    hidden_dim: int = 32
    feature_noise: float = 0.5
    weight_decay: float = 1e-2
    learning_rate: float = 2e-3
    n_steps: int = 300
    batch_size: int = 64

    def fit(self, data: SeenData, seed: int) -> FittedMLPPrototype:
        """Minimise the squared error on class-balanced batches."""
        generator = torch.Generator().manual_seed(seed)
        features, labels, text = data.tensors()
        network = stacked_mlp(features.shape[1], self.hidden_dim, text.shape[1], [generator])
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
        )
        for rows in balanced_batches(data.labels, self.n_steps, self.batch_size, seed):
            inputs = features[rows]
            inputs = inputs + self.feature_noise * torch.randn(inputs.shape, generator=generator)
            take_step(optimiser, (network(inputs[None])[0] - text[labels[rows]]).square().mean())
        return FittedMLPPrototype(network.requires_grad_(False))


def candidates() -> tuple[MLPPrototype, ...]:
    """Return the settings to choose from."""
    return tuple(MLPPrototype(hidden_dim, noise) for hidden_dim in (32, 64) for noise in (0.25, 0.5, 1.0))
