"""Statistical features as a differentiable graph of a few large operations, for runtimes without NumPy.

The same numbers as `statistical_features`, up to rounding in float32. Fourier transforms, quantiles and means of parts
are products with fixed matrices, and all devices go through each operation together, so that an exported graph has few
nodes and only common operators.

Axis legend: N windows, G devices, T time, C channels, D features.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from feature_extraction.encoders.devices import find_devices
from feature_extraction.encoders.statistical.features import ACC_NOISE_MPS2, statistical_features
from feature_extraction.encoders.statistical.graph_columns import Columns, Kind, SignalColumns, rms
from feature_extraction.recordings.recording import Channel

KINDS: tuple[Kind, ...] = ("plain", "log", "signed")


class StatisticalGraph(nn.Module):
    """Windows [N, T, C] in m/s² and rad/s to features [N, D]."""

    order: Tensor

    def __init__(self, channels: Sequence[Channel], n_samples: int, rate_hz: float) -> None:
        """Lay out the matrices for windows of T = `n_samples`.

        Args:
            channels: One per column of a window.
            n_samples: T.
            rate_hz: Sampling rate.

        Raises:
            InputError: The windows are too short or their channels cannot be read.
        """
        super().__init__()
        blank = np.zeros((1, n_samples, len(channels)), dtype=np.float32)
        self.names = statistical_features(blank, channels, rate_hz)[1]
        devices = find_devices(channels)
        self.devices = [device.name for device in devices]
        self.acc = [device.acc.tolist() for device in devices]
        self.gyro = [device.gyro.tolist() for device in devices if len(device.gyro)]
        self.turning = [k for k, device in enumerate(devices) if len(device.gyro)]
        self.signals = SignalColumns(n_samples, rate_hz)
        parts, names = self._parts(torch.zeros(1, n_samples, len(channels)))
        place = {name: position for position, name in enumerate(names)}
        self.register_buffer("order", torch.tensor([place[name] for name in self.names]))

    def forward(self, windows: Tensor) -> Tensor:
        """Return features [N, D] in the order of `statistical_features`."""
        return torch.cat(self._parts(windows)[0], dim=1)[:, self.order]

    def _parts(self, windows: Tensor) -> tuple[list[Tensor], list[str]]:
        """Return features [N, columns] of acc, of gyro and across devices, and the names of all columns."""
        acc = torch.stack([windows[..., columns] for columns in self.acc], dim=1).transpose(2, 3)
        columns, gravity, around = self.signals.acc(acc)
        parts, names = _named(columns, self.devices)
        if self.gyro:
            gyro = torch.stack([windows[..., columns] for columns in self.gyro], dim=1).transpose(2, 3)
            owners = [self.devices[k] for k in self.turning]
            turning = self.signals.gyro(gyro, gravity[:, self.turning], around[:, self.turning])
            more, more_names = _named(turning, owners)
            parts, names = parts + more, names + more_names
        if len(self.devices) > 1:
            strength = torch.log1p(rms(acc - acc.mean(3, keepdim=True)) / ACC_NOISE_MPS2)[..., 0]
            parts.append(strength - strength.mean(1, keepdim=True))
            names += [f"{name}.acc_relative_intensity" for name in self.devices]
            first, second = np.triu_indices(len(self.devices), 1)
            spread = (around.square().mean(2) + ACC_NOISE_MPS2**2).sqrt()
            likeness = (around @ around.transpose(1, 2)) / around.shape[2] / (spread[:, :, None] * spread[:, None])
            parts.append(likeness.flatten(1)[:, (first * len(self.devices) + second).tolist()])
            pairs = zip(first.tolist(), second.tolist(), strict=True)
            names += [f"{self.devices[a]}~{self.devices[b]}.acc_correlation" for a, b in pairs]
        return parts, names


def _named(columns: Sequence[Columns], devices: Sequence[str]) -> tuple[list[Tensor], list[str]]:
    """Compress columns, those of a kind together; return them as [N, G * columns] with names that tell the device."""
    parts: list[Tensor] = []
    names: list[str] = []
    for kind in KINDS:
        chosen = [column for column in columns if column.kind == kind]
        values = torch.cat([column.values for column in chosen], dim=2)
        scale = torch.tensor([column.scale for column in chosen for _ in column.names])
        if kind == "log":
            values = torch.log1p(values / scale)
        elif kind == "signed":
            values = torch.asinh(values / scale)
        parts.append(values.flatten(1))
        names += [f"{device}.{name}" for device in devices for column in chosen for name in column.names]
    return parts, names
