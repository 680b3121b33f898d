"""A network over pairs of a vector and a text, as SDGZSL's relations and SMIE's estimator need it.

Axis legend: 1 the model axis of `networks.py`, B batch, C classes, F dimensions of the vectors, E semantic features.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from sadvae_har.method.networks import StackedLinear, stacked_mlp


class PairNetwork(nn.Module):
    """Scores every vector against every text: a hidden layer over the pair, then one more or none."""

    def __init__(self, vector_dim: int, text_dim: int, hidden_dim: tuple[int, int], generator: torch.Generator) -> None:
        """Draw the initial parameters.

        Args:
            vector_dim: F.
            text_dim: E.
            hidden_dim: Units of the layer over the pair, and of the layer after it, 0 for none.
            generator: Source of the parameters.
        """
        super().__init__()
        # A layer over a concatenated pair is the sum of two layers: each text passes once, not once per vector.
        self.of_vector = StackedLinear(vector_dim, hidden_dim[0], [generator])
        self.of_text = StackedLinear(text_dim, hidden_dim[0], [generator])
        self.head = stacked_mlp(hidden_dim[0], hidden_dim[1], 1, [generator])

    def forward(self, vectors: Tensor, text: Tensor) -> Tensor:
        """Map vectors [1, B, F] and texts [1, C, E] to scores [1, B, C]."""
        pairs = self.of_vector(vectors)[:, :, None] + self.of_text(text)[:, None]
        return self.head(functional.leaky_relu(pairs, 0.2).flatten(1, 2)).view(pairs.shape[:-1])
