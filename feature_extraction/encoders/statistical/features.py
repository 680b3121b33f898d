"""Statistical and spectral features in physical units; nothing is learned.

Every device with a three-axis accelerometer, with or without a gyroscope, gives the same features:
posture (gravity direction and its drift), each axis, the components along and across gravity, the
magnitude, rhythm and spectrum, rotation. Several devices add how alike and how strong they move
relative to each other.

Axis legend: N windows, G devices, T time, C channels, D features.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

from feature_extraction.encoders.devices import find_devices
from feature_extraction.encoders.spectrum import Spectrum
from feature_extraction.encoders.statistical.signals import ACC_NOISE_MPS2, SignalStatistics
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel

VERSION = 1  # part of cache file names; raise it whenever a feature changes
SHORTEST_SAMPLES = 8
CHUNK_VALUES = 2**19  # of windows; keeps the intermediate arrays in the processor's cache


def statistical_features(
    samples: np.ndarray, channels: Sequence[Channel], rate_hz: float
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Describe windows by statistics in physical units.

    Args:
        samples: Windows [N, T, C], m/s² and rad/s; may be a memory map, read in small chunks.
        channels: One per column.
        rate_hz: Sampling rate.

    Returns:
        Features float32 [N, D] and their names, `device.feature` or `device~device.feature`.

    Raises:
        InputError: No windows, too short windows, wrong channel count or units, incomplete sensors, or
            samples that are not finite.
    """
    if samples.ndim != 3 or samples.shape[2] != len(channels):
        raise InputError(f"windows of shape {samples.shape} do not fit {len(channels)} channels; expected [N, T, C]")
    if len(samples) == 0:
        raise InputError(f"windows of shape {samples.shape}: need at least one window")
    statistics = _statistics(tuple(channels), samples.shape[1], float(rate_hz))
    features = np.empty((len(samples), len(statistics.names)), dtype=np.float32)
    step = max(1, CHUNK_VALUES // samples[0].size)
    for start in range(0, len(samples), step):
        chunk = torch.tensor(np.asarray(samples[start : start + step], dtype=np.float32))
        with torch.inference_mode():
            features[start : start + step] = statistics(chunk).numpy()
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        raise InputError(
            f"window {int(np.argmin(finite))}: samples are not finite or far out of range; check the recording's units"
        )
    return features, statistics.names


class StatisticalFeatures(nn.Module):
    """Windows float32 [N, T, C] in m/s² and rad/s to features [N, D].

    Attributes:
        names: One per feature, `device.feature` or `device~device.feature`.
    """

    columns: Tensor

    def __init__(self, channels: Sequence[Channel], n_samples: int, rate_hz: float, for_export: bool = False) -> None:
        """Work out what is the same for all windows.

        Args:
            channels: One per column of a window.
            n_samples: T.
            rate_hz: Sampling rate.
            for_export: Use operators that every runtime has; slower here, the same numbers up to rounding.

        Raises:
            InputError: The windows are too short, a unit is wrong or a sensor incomplete.
        """
        super().__init__()
        if n_samples < SHORTEST_SAMPLES:
            raise InputError(f"windows of {n_samples} samples: need at least {SHORTEST_SAMPLES}; use a longer window_s")
        devices = find_devices(channels)
        turning = [k for k, device in enumerate(devices) if len(device.gyro)]
        self.devices = [device.name for device in devices]
        columns = [device.acc for device in devices] + [devices[k].gyro for k in turning]
        self.register_buffer("columns", torch.from_numpy(np.concatenate(columns)))
        self.signals = SignalStatistics(turning, len(devices), Spectrum(n_samples, rate_hz, for_export))
        with torch.inference_mode():
            self.names = tuple(self._describe(torch.zeros(1, n_samples, len(channels)))[1])

    def forward(self, windows: Tensor) -> Tensor:
        """Return features [N, D] of windows [N, T, C], in the order of `names`."""
        return torch.cat(self._describe(windows)[0], dim=1)

    def _describe(self, windows: Tensor) -> tuple[list[Tensor], list[str]]:
        """Return features [N, columns] of one device after the other and across devices, and the names of all."""
        axes = windows.transpose(1, 2).contiguous().index_select(1, self.columns).unflatten(1, (-1, 3))
        acc, gyro, around = self.signals(axes)
        parts: list[Tensor] = []
        names: list[str] = []
        for k, device in enumerate(self.devices):
            parts.append(acc.values[:, k])
            names += [f"{device}.{name}" for name in acc.names]
            if gyro is not None and k in self.signals.owners:
                parts.append(gyro.values[:, self.signals.owners.index(k)])
                names += [f"{device}.{name}" for name in gyro.names]
        if len(self.devices) > 1:
            parts += [_likeness(around), _relative(acc.values[:, :, acc.names.index("acc_dynamic_rms")])]
            names += [f"{a}~{b}.acc_correlation" for a, b in combinations(self.devices, 2)]
            names += [f"{device}.acc_relative_intensity" for device in self.devices]
        return parts, names


@lru_cache(maxsize=16)
def _statistics(channels: tuple[Channel, ...], n_samples: int, rate_hz: float) -> StatisticalFeatures:
    # Freeing a large block once makes the C library keep what it frees later, else every chunk pays for fresh memory.
    torch.empty(2**24, dtype=torch.uint8)
    return StatisticalFeatures(channels, n_samples, rate_hz)


def _likeness(around: Tensor) -> Tensor:
    """Return the correlation [N, pairs] of the centred magnitudes [N, G, T] of every pair of devices."""
    scaled = around / (around.square().mean(2, keepdim=True) + ACC_NOISE_MPS2**2).sqrt()
    first, second = np.triu_indices(around.shape[1], 1)
    likeness = (scaled @ scaled.transpose(1, 2)).flatten(1) / around.shape[2]
    return likeness[:, (first * around.shape[1] + second).tolist()]


def _relative(intensity: Tensor) -> Tensor:
    """Return log intensities [N, G] less their mean over the devices."""
    return intensity - intensity.mean(1, keepdim=True)
