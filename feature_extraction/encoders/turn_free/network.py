"""A small convolutional network on signals of one device that do not change when the device is turned.

It reads what lies along and across gravity, the length of acceleration, and rotation about and across gravity, beside a
channel that says whether there is a gyroscope. Statistics describe a window as a whole; the network adds how its parts
follow one another. Axis legend: n windows, T time, E embedding.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from feature_extraction.errors import InputError
from feature_extraction.recordings.signal import GRAVITY_MPS2
from feature_extraction.storage.plain import from_plain

N_SIGNALS = 6
SMALLEST_MPS2 = 1e-3
ACC_SCALE_MPS2, GYRO_SCALE_RADPS = 5.0, 2.0


def turn_free_signals(samples: Tensor, has_gyro: Tensor) -> Tensor:
    """Return signals [n, N_SIGNALS, T] that do not change when a device is turned, compressed to a few units.

    Args:
        samples: [n, T, 6] in m/s² and rad/s.
        has_gyro: Whether the device has a gyroscope [n]; without, its signals are zero.
    """
    acc, gyro = samples[..., :3], samples[..., 3:]
    mean = acc.mean(1, keepdim=True)
    up = mean / mean.norm(dim=2, keepdim=True).clamp(min=SMALLEST_MPS2)
    along, turning = (acc * up).sum(2), (gyro * up).sum(2)
    across, rolling = ((values - (values * up).sum(2, keepdim=True) * up).norm(dim=2) for values in (acc, gyro))
    present = has_gyro.to(samples.dtype)[:, None].expand_as(along)
    signals = [
        (along - GRAVITY_MPS2) / ACC_SCALE_MPS2,
        across / ACC_SCALE_MPS2,
        (acc.norm(dim=2) - GRAVITY_MPS2) / ACC_SCALE_MPS2,
        present * turning / GYRO_SCALE_RADPS,
        present * rolling / GYRO_SCALE_RADPS,
        present,
    ]
    stacked = torch.stack(signals, dim=1)
    return stacked.sign() * stacked.abs().log1p()


@dataclass(frozen=True)
class NetworkSize:
    """Sizes of a network.

    Attributes:
        width: Channels of every layer.
        patch: Samples that the first layer looks at.
        step: Samples from one patch to the next.
        dropout: Share of the embedding that is set to zero in training.
    """

    width: int = 64
    patch: int = 9
    step: int = 4
    dropout: float = 0.2

    def __post_init__(self) -> None:
        """Refuse impossible sizes.

        Raises:
            InputError: Naming the value.
        """
        if not (1 <= self.width <= 1024 and 1 <= self.step <= self.patch <= 64 and 0 <= self.dropout < 1):
            raise InputError(f"network: sizes {asdict(self)} cannot be used")


class DeviceNetwork(nn.Module):
    """Windows of one device to embeddings [n, E]: four convolutions, then mean and maximum over time."""

    def __init__(self, size: NetworkSize) -> None:
        """Draw the initial weights from PyTorch's generator."""
        super().__init__()
        self.size, width = size, size.width
        layers: list[nn.Module] = []
        n_in = N_SIGNALS
        for kernel, step in ((size.patch, size.step), (5, 1), (5, 2), (3, 1)):
            layers += [nn.Conv1d(n_in, width, kernel, step, kernel // 2), nn.BatchNorm1d(width), nn.GELU()]
            n_in = width
        self.body = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(self.embedding_dim)
        self.dropout = nn.Dropout(size.dropout)

    @property
    def embedding_dim(self) -> int:
        """Return E."""
        return 2 * self.size.width

    def forward(self, samples: Tensor, has_gyro: Tensor) -> Tensor:
        """Return embeddings [n, E] of windows [n, T, 6]."""
        found = self.body(turn_free_signals(samples, has_gyro))
        return self.dropout(self.norm(torch.cat([found.mean(2), found.amax(2)], dim=1)))

    def header(self) -> dict[str, Any]:
        """Return the sizes as plain values."""
        return asdict(self.size)

    @classmethod
    def from_header(cls, value: Any) -> "DeviceNetwork":
        """Rebuild without weights.

        Raises:
            InputError: A size is missing or impossible.
        """
        return cls(from_plain(NetworkSize, value, "network")).eval()
