"""Where the three-axis sensors of each device stand among the channels of a window."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel

UNITS = {"acc": "m/s2", "gyro": "rad/s"}


@dataclass(frozen=True)
class Device:
    """One sensor unit.

    Attributes:
        name: Device name, as in `Channel.device`.
        acc: Columns of the accelerometer's x, y, z.
        gyro: Columns of the gyroscope's x, y, z; empty if there is none.
    """

    name: str
    acc: np.ndarray
    gyro: np.ndarray


def find_devices(channels: Sequence[Channel]) -> tuple[Device, ...]:
    """Group channels by device, in order of appearance; magnetometers are passed over.

    Args:
        channels: One per column of a window.

    Raises:
        InputError: A device lacks an axis of a sensor or an accelerometer, or a unit is not m/s2 or rad/s.
    """
    columns: dict[str, dict[str, dict[str, int]]] = {}
    for index, channel in enumerate(channels):
        if channel.quantity not in UNITS:
            continue
        if channel.unit != UNITS[channel.quantity]:
            raise InputError(
                f"channel {channel.name}: unit {channel.unit!r}; features need {UNITS[channel.quantity]!r}, "
                "convert with signal.to_si first"
            )
        columns.setdefault(channel.device, {}).setdefault(channel.quantity, {})[channel.axis] = index
    if not columns:
        raise InputError("windows have no acc or gyro channel; features need a three-axis accelerometer in m/s2")
    return tuple(
        Device(name, _triple(name, "acc", sensors), _triple(name, "gyro", sensors)) for name, sensors in columns.items()
    )


def _triple(device: str, quantity: str, sensors: dict[str, dict[str, int]]) -> np.ndarray:
    axes = sensors.get(quantity, {})
    if quantity == "gyro" and not axes:
        return np.empty(0, dtype=np.intp)
    missing = [axis for axis in "xyz" if axis not in axes]
    if missing:
        raise InputError(f"device {device!r}: {quantity} lacks axis {', '.join(missing)}; features need x, y and z")
    return np.array([axes[axis] for axis in "xyz"], dtype=np.intp)
