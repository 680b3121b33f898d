"""Windows of any rate, length and channels as patches: short stretches of one channel, all with as many samples.

Patches follow PatchTST (Nie et al., 2023, https://arxiv.org/abs/2211.14730), but are measured in seconds,
so that one encoder reads every sampling rate. Values are divided by fixed physical constants and never by
statistics: the direction of gravity and the strength of a movement survive.
Axis legend: B windows, T time, C channels, P patches, S samples of a patch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from feature_extraction.encoders.patch_transformer.gravity_frame import to_gravity_frame
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import GRAVITY_MPS2

Frame = Literal["sensor", "gravity"]
MOST_SAMPLES = 10_000
HALF_TURN_RADPS = math.pi
EARTH_FIELD_UT = 50.0
SCALES = {
    "acc": {"m/s2": GRAVITY_MPS2},
    "gyro": {"rad/s": HALF_TURN_RADPS},
    "mag": {"uT": EARTH_FIELD_UT, "normalised": 1.0},
}


@dataclass(frozen=True)
class PatchConfig:
    """How windows are cut into patches.

    Attributes:
        patch_s: Length of a patch in seconds.
        patch_samples: S, whatever the sampling rate of the window.
        frame: Axes of each device: those of the `sensor`, or those of `gravity` and the movement itself, which are
            the same however the sensor is turned (see `gravity_frame.py`).
    """

    patch_s: float = 0.5
    patch_samples: int = 16
    frame: Frame = "sensor"

    def __post_init__(self) -> None:
        """Refuse patches without length or with a single sample."""
        if not 0 < self.patch_s < math.inf:
            raise InputError(f"patch_s: {self.patch_s} s cannot be used; give a positive length")
        if not 2 <= self.patch_samples <= MOST_SAMPLES:
            raise InputError(f"patch_samples: {self.patch_samples} cannot be used; give 2 to {MOST_SAMPLES}")
        if self.frame not in get_args(Frame):
            raise InputError(f"frame: {self.frame!r} is unknown; use {' or '.join(get_args(Frame))}")


@dataclass(frozen=True)
class Patches:
    """Patches of a batch of windows.

    Attributes:
        values: float [B, C, P, S] in g, half turns per second and Earth fields; 0 where not valid.
        valid: bool [B, C, P]; False for padding and for patches with samples that are not finite.
    """

    values: Tensor
    valid: Tensor


def make_patches(
    windows: Tensor, channels: Sequence[Channel], rate_hz: float, config: PatchConfig | None = None
) -> Patches:
    """Cut windows into patches that follow each other, each of S samples.

    Sample k of a window lies at k / rate_hz. The samples of all patches form one even clock from 0 on with
    S / patch_s samples per second; values on it follow straight lines, and the last sample is held. There
    is no low-pass filter: what a window holds above half the clock's rate is folded down. A tail shorter
    than a patch is left out.

    Args:
        windows: [B, T, C] in m/s², rad/s, and µT or normalised field.
        channels: One per column.
        rate_hz: Sampling rate of the windows.
        config: Length and samples of a patch.

    Returns:
        Patches [B, C, P, S]; 1 stands for 1 g, half a turn per second, 50 µT. A patch is not valid, and
        0, if a sample in it, or one that a value of it is interpolated from, is not finite.

    Raises:
        InputError: Channels do not fit the columns, a unit is not SI, the rate is not positive, or a
            window is shorter than a patch.
    """
    config = config or PatchConfig()
    if windows.ndim != 3 or windows.shape[2] != len(channels):
        raise InputError(
            f"patches: windows {tuple(windows.shape)} do not fit {len(channels)} channels; "
            "give [B, T, C] with one channel per column"
        )
    if config.frame == "gravity":
        windows = to_gravity_frame(windows, channels)
    scales = torch.tensor([channel_scale(channel) for channel in channels], dtype=windows.dtype, device=windows.device)
    n_windows, n_samples, n_channels = windows.shape
    n_patches = _count_patches(n_samples, rate_hz, config)
    clock = _Clock.make(n_samples, n_patches, rate_hz, config)
    scaled = (windows / scales).transpose(1, 2)
    weight = clock.weight.to(windows)
    values = torch.lerp(scaled[..., clock.lower], scaled[..., clock.upper], weight)
    values = values.reshape(n_windows, n_channels, n_patches, config.patch_samples)
    finite = scaled.isfinite()
    if finite.all():
        return Patches(values, torch.ones(values.shape[:3], dtype=torch.bool, device=windows.device))
    n_bad = functional.pad((~finite).cumsum(dim=2), (1, 0))
    valid = n_bad[..., clock.last + 1] == n_bad[..., clock.first]
    return Patches(torch.where(valid[..., None], values, 0.0), valid)


@dataclass(frozen=True)
class _Clock:
    """Between which samples of a window the values of its patches lie.

    Attributes:
        lower: Sample before each value [P * S].
        upper: Sample after each value [P * S]; `lower` itself where the value is that sample.
        weight: Part of `upper` in the value [P * S], in [0, 1).
        first: First sample that decides about a patch [P].
        last: Last sample that decides about a patch [P].
    """

    lower: Tensor
    upper: Tensor
    weight: Tensor
    first: Tensor
    last: Tensor

    @classmethod
    def make(cls, n_samples: int, n_patches: int, rate_hz: float, config: PatchConfig) -> "_Clock":
        """Lay the clock of `n_patches` patches over `n_samples` samples."""
        count = torch.arange(n_patches * config.patch_samples, dtype=torch.float64)
        position = (count * (config.patch_s * rate_hz / config.patch_samples)).round(decimals=6)
        position = position.clamp(max=n_samples - 1)
        lower, upper = position.floor().long(), position.ceil().long()
        ends = torch.arange(1, n_patches + 1, dtype=torch.float64) * (config.patch_s * rate_hz)
        inside = ends.round(decimals=6).ceil().long() - 1
        last = torch.maximum(upper.reshape(n_patches, -1)[:, -1], inside).clamp(max=n_samples - 1)
        return cls(lower, upper, position - lower, lower.reshape(n_patches, -1)[:, 0], last)


def channel_scale(channel: Channel) -> float:
    """Return what a channel's values are divided by: 1 g, half a turn per second, the field of the Earth.

    Raises:
        InputError: The unit is not SI.
    """
    scales = SCALES[channel.quantity]
    if channel.unit not in scales:
        raise InputError(
            f"channel {channel.name}: unit {channel.unit!r}; patches need {' or '.join(scales)}, "
            "convert with signal.to_si first"
        )
    return scales[channel.unit]


def _count_patches(n_samples: int, rate_hz: float, config: PatchConfig) -> int:
    if not 0 < rate_hz < math.inf:
        raise InputError(f"patches: rate {rate_hz} Hz cannot be used; give a positive sampling rate")
    n_patches = int(n_samples / (rate_hz * config.patch_s) + 1e-6)
    if n_patches < 1:
        raise InputError(
            f"patches: a window of {n_samples} samples at {rate_hz} Hz lasts {n_samples / rate_hz:g} s, less than "
            f"one patch of {config.patch_s:g} s; cut longer windows"
        )
    return n_patches
