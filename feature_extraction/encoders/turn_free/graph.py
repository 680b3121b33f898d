"""Statistics and embeddings of one device as one module of PyTorch, from which graphs for other runtimes are exported.

Axis legend: n windows, T time, A features of the accelerometer, D statistics, E embeddings of all networks.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from feature_extraction.encoders.statistical.features import StatisticalFeatures
from feature_extraction.encoders.turn_free.network import DeviceNetwork
from feature_extraction.encoders.turn_free.statistics import CHANNELS, DEVICE, GyroGuess, feature_names


class DeviceGraph(nn.Module):
    """Windows [n, T, 3 or 6] of a device without or with a gyroscope to statistics [n, D] and embeddings [n, E]."""

    kept: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(
        self, networks: Sequence[DeviceNetwork], guess: GyroGuess, has_gyro: bool, n_samples: int, rate_hz: float
    ) -> None:
        """Work out what is the same for all windows.

        Args:
            networks: In evaluation mode.
            guess: Of the statistics of a gyroscope, used where there is none.
            has_gyro: Whether the device has one.
            n_samples: T.
            rate_hz: Sampling rate.
        """
        super().__init__()
        self.has_gyro = has_gyro
        self.networks = nn.ModuleList(networks)
        self.statistics = StatisticalFeatures(CHANNELS if has_gyro else CHANNELS[:3], n_samples, rate_hz, True)
        names = feature_names(n_samples, rate_hz)
        wanted = names if has_gyro else names[: len(guess.weight)]
        kept = [self.statistics.names.index(f"{DEVICE}.{name}") for name in wanted]
        self.register_buffer("kept", torch.tensor(kept))
        self.register_buffer("weight", torch.from_numpy(guess.weight))
        self.register_buffer("bias", torch.from_numpy(guess.bias))

    def forward(self, windows: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return statistics without gaps, and the embedding of every network."""
        statistics = self.statistics(windows).index_select(1, self.kept)
        present = torch.ones_like(windows[:, 0, 0])
        if not self.has_gyro:
            statistics = torch.cat([statistics, statistics @ self.weight + self.bias], dim=1)
            windows, present = torch.cat([windows, torch.zeros_like(windows)], dim=2), torch.zeros_like(present)
        return statistics, [network(windows, present) for network in self.networks]
