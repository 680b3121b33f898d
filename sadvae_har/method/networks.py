"""Networks with a leading model axis: K independent models trained in one batched matrix product.

Axis legend: K models, B batch, D IMU features, E text features, L semantic latent, M instance latent.
Every parameter starts with the axis K and no operation mixes its entries, so training K models at once
equals training them one by one, up to the order of floating-point sums.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class StackedLinear(nn.Module):
    """K affine maps, applied to K batches in one product: [K, B, n_in] -> [K, B, n_out]."""

    def __init__(self, n_in: int, n_out: int, generators: Sequence[torch.Generator]) -> None:
        """Draw the parameters of model k from `generators[k]`, uniform in ±1/√n_in as `torch.nn.Linear` does.

        Args:
            n_in: Input size.
            n_out: Output size.
            generators: One generator per model; their number is K.
        """
        super().__init__()
        bound = 1 / math.sqrt(n_in)
        draws = [torch.rand(n_in + 1, n_out, generator=generator) * 2 * bound - bound for generator in generators]
        stacked = torch.stack(draws)
        self.weight = nn.Parameter(stacked[:, :-1].clone())
        self.bias = nn.Parameter(stacked[:, -1:].clone())

    def forward(self, inputs: Tensor) -> Tensor:
        """Map [K, B, n_in] to [K, B, n_out]."""
        return torch.baddbmm(self.bias, inputs, self.weight)


def stacked_mlp(n_in: int, n_hidden: int, n_out: int, generators: Sequence[torch.Generator]) -> nn.Sequential:
    """Return K networks: one linear layer if `n_hidden` is 0, else one hidden layer of leaky ReLUs."""
    if n_hidden == 0:
        return nn.Sequential(StackedLinear(n_in, n_out, generators))
    return nn.Sequential(
        StackedLinear(n_in, n_hidden, generators),
        nn.LeakyReLU(0.2),
        StackedLinear(n_hidden, n_out, generators),
    )


class Gaussian(NamedTuple):
    """A diagonal Gaussian per sample: mean and log variance, [K, B, L] each."""

    mean: Tensor
    log_variance: Tensor


class GaussianEncoder(nn.Module):
    """Inputs to the parameters of a diagonal Gaussian posterior."""

    def __init__(self, n_in: int, n_hidden: int, n_latent: int, generators: Sequence[torch.Generator]) -> None:
        """Make K encoders from `n_in` inputs to `n_latent` latent dimensions."""
        super().__init__()
        self.network = stacked_mlp(n_in, n_hidden, 2 * n_latent, generators)

    def forward(self, inputs: Tensor) -> Gaussian:
        """Map [K, B, n_in] to a posterior of [K, B, n_latent]; the log variance is bounded to ±8."""
        mean, log_variance = self.network(inputs).chunk(2, dim=-1)
        return Gaussian(mean, log_variance.clamp(-8.0, 8.0))
