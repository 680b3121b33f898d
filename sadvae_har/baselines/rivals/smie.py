"""SMIE: a network that estimates the mutual information of features and text (Zhou et al., ACM MM 2023).

The network scores pairs of a window and a text; trained to maximise the Jensen-Shannon bound on the information
they share, its score tends to log p(features, text) - log p(features) p(text), by which windows are classified.
This is the method's global alignment. Its temporal part asks that the information grow as more frames are observed;
our features describe whole windows and have no time axis left, so it does not apply.
Axis legend: see `method.py`; 1 the model axis of `networks.py`, B batch, H hidden.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sadvae_har.baselines.method import SeenData, balanced_batches, take_step
from sadvae_har.baselines.pair_network import PairNetwork

NAME = "smie"
SCORE_ROWS = 1024  # Bounds the memory of all pairs.


def jensen_shannon_bound(joint_logits: Tensor, product_logits: Tensor) -> Tensor:
    """Return the bound that the network maximises, a scalar below 0.

    Args:
        joint_logits: Scores of pairs drawn together, any shape.
        product_logits: Scores of pairs drawn apart, any shape.
    """
    return -functional.softplus(-joint_logits).mean() - functional.softplus(product_logits).mean()


@dataclass(frozen=True)
class FittedSMIE:
    """A trained pair network."""

    network: PairNetwork

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return log-probabilities of the classes, equally likely beforehand, [n, C]."""
        with torch.no_grad():
            blocks = torch.tensor(features)[None].split(SCORE_ROWS, dim=1)
            logits = torch.cat([self.network(block, torch.tensor(text)[None]) for block in blocks], 1)
        return logits[0].log_softmax(-1).numpy()


@dataclass(frozen=True)
class SMIE:
    """Mutual-information estimation and maximisation, global part.

    Attributes:
        hidden_dim: H.
        weight_decay: Decoupled weight decay.
        learning_rate: Of AdamW.
        n_steps: Training steps.
        batch_size: B.
    """

    hidden_dim: int = 128
    weight_decay: float = 0.0
    learning_rate: float = 1e-3
    n_steps: int = 150
    batch_size: int = 64

    def fit(self, data: SeenData, seed: int) -> FittedSMIE:
        """Maximise the bound on class-balanced batches; each window is paired with its own and all seen texts."""
        generator = torch.Generator().manual_seed(seed)
        features, labels, text = data.tensors()
        network = PairNetwork(features.shape[1], text.shape[1], (self.hidden_dim, self.hidden_dim), generator)
        optimiser = torch.optim.AdamW(network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        for rows in balanced_batches(data.labels, self.n_steps, self.batch_size, seed):
            logits = network(features[rows][None], text[None])[0]
            # Classes are balanced, so all seen texts alike are a draw from the product of the margins.
            take_step(optimiser, -jensen_shannon_bound(logits.gather(1, labels[rows][:, None]), logits))
        return FittedSMIE(network.requires_grad_(False))


def candidates() -> tuple[SMIE, ...]:
    """Return the settings to choose from."""
    return tuple(SMIE(hidden_dim=hidden, weight_decay=decay) for hidden in (64, 128) for decay in (0.0, 1.0))
