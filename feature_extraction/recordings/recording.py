"""One contiguous stretch of sensor samples with one label, as it was recorded.

Axis legend: T samples over time, C channels. A `Recording` holds the units of its file; `signal.to_si`
converts them. Readers yield recordings, and `Skipped` for what they had to leave out, so that nothing
disappears uncounted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from feature_extraction.errors import InputError

QUANTITIES = ("acc", "gyro", "mag")
AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Channel:
    """One column of samples.

    Attributes:
        device: Sensor unit the channel belongs to, such as `imu` or `left arm`.
        quantity: `acc`, `gyro` or `mag`.
        axis: `x`, `y` or `z`.
        unit: Unit of the samples, such as `g`, `m/s2`, `deg/s`, `rad/s`.
    """

    device: str
    quantity: str
    axis: str
    unit: str

    def __post_init__(self) -> None:
        """Refuse unknown quantities and axes.

        Raises:
            InputError: Naming the value and the choices.
        """
        if self.quantity not in QUANTITIES:
            raise InputError(f"quantity {self.quantity!r} is unknown; choose from {', '.join(QUANTITIES)}")
        if self.axis not in AXES:
            raise InputError(f"axis {self.axis!r} is unknown; choose from {', '.join(AXES)}")

    @property
    def name(self) -> str:
        """Readable name, such as `torso.acc_x`."""
        return f"{self.device}.{self.quantity}_{self.axis}"


def three_axes(device: str, quantity: str, unit: str) -> tuple[Channel, ...]:
    """Return the x, y and z channels of one sensor."""
    return tuple(Channel(device, quantity, axis, unit) for axis in AXES)


@dataclass(frozen=True)
class Recording:
    """One contiguous stretch of samples with one label.

    Attributes:
        samples: float32 [T, C], in the units of `channels`.
        channels: One per column.
        rate_hz: Sampling rate.
        dataset: Name of the data set.
        name: Unique in the data set.
        subject: Who wore the sensors, as the authors number them.
        label: Class name, as in the class list.
        placements: Device to place on the body, such as `{"imu": "right hip"}`.
    """

    samples: np.ndarray
    channels: tuple[Channel, ...]
    rate_hz: float
    dataset: str
    name: str
    subject: str
    label: str
    placements: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Store float32 and refuse what cannot be a recording.

        Raises:
            InputError: Wrong shape or column count, no samples, a value that is not finite, an
                impossible rate, or a repeated channel.
        """
        samples = np.ascontiguousarray(self.samples, dtype=np.float32)
        where = f"recording {self.dataset}/{self.name}"
        if samples.ndim != 2 or samples.shape[1] != len(self.channels):
            raise InputError(
                f"{where}: samples of shape {samples.shape} do not fit {len(self.channels)} channels; "
                "expected one row per sample, one column per channel"
            )
        if samples.size == 0:
            raise InputError(f"{where}: no samples; leave it out")
        if len({channel.name for channel in self.channels}) < len(self.channels):
            names = ", ".join(channel.name for channel in self.channels)
            raise InputError(f"{where}: a channel occurs twice in {names}; give each column its own name")
        if not (np.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise InputError(f"{where}: rate {self.rate_hz} Hz; give a positive sampling rate")
        _require_finite(samples, self.channels, where)
        object.__setattr__(self, "samples", samples)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate_hz

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices in order of their first channel."""
        return tuple(dict.fromkeys(channel.device for channel in self.channels))

    def select(self, quantities: Sequence[str]) -> "Recording":
        """Return the recording with only the channels of `quantities`.

        Raises:
            InputError: One of the quantities was not recorded.
        """
        present = dict.fromkeys(channel.quantity for channel in self.channels)
        missing = [quantity for quantity in quantities if quantity not in present]
        if missing:
            raise InputError(
                f"recording {self.dataset}/{self.name}: no {', '.join(missing)} channels; "
                f"choose quantities from {', '.join(present)}"
            )
        columns = [i for i, channel in enumerate(self.channels) if channel.quantity in quantities]
        channels = tuple(self.channels[i] for i in columns)
        return replace(self, samples=self.samples[:, columns], channels=channels)


@dataclass(frozen=True)
class Skipped:
    """Something in the raw files that gave no recording.

    Attributes:
        name: What it is: a file, or a stretch of one.
        reason: Why it was left out, the same words for the same cause.
        duration_s: Length in seconds, 0 if unknown.
    """

    name: str
    reason: str
    duration_s: float = 0.0


def _require_finite(samples: np.ndarray, channels: Sequence[Channel], where: str) -> None:
    finite = np.isfinite(samples)
    if finite.all():
        return
    bad_rows = np.flatnonzero(~finite.all(axis=1))
    column = int(np.flatnonzero(~finite[bad_rows[0]])[0])
    raise InputError(
        f"{where}: {len(bad_rows)} of {len(samples)} samples are not finite, the first at row {bad_rows[0]} "
        f"in {channels[column].name}; interpolate short gaps and split at long ones (signal.fill_short_gaps)"
    )
