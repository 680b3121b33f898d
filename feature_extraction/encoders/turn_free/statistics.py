"""Statistical features of one device that stay the same when the device is turned.

Of the features in `encoders/statistical`, those that speak of no single axis: lengths, what lies along and across
gravity, spectra summed over axes. A device without gyroscope lacks the last third of them; `GyroGuess` puts in what
the others let expect, so that every device has all of them and nothing downstream needs to know.
Axis legend: n windows, T time, A features of the accelerometer, G of the gyroscope, D = A + G.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from feature_extraction.encoders.statistical.features import statistical_features
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel, three_axes

DEVICE = "imu"
CHANNELS: tuple[Channel, ...] = three_axes(DEVICE, "acc", "m/s2") + three_axes(DEVICE, "gyro", "rad/s")
AXES = ("_x", "_y", "_z", "_xy", "_xz", "_yz")  # parts of feature names that speak of an axis
RIDGE = 10.0  # windows' worth of doubt that features of the gyroscope follow from those of the accelerometer


def is_turn_free(name: str) -> bool:
    """Return whether a statistical feature stays the same when the device is turned."""
    return not any(f"{axis}_" in f"{name}_" for axis in AXES)


@cache
def _columns(n_samples: int, rate_hz: float) -> tuple[tuple[int, ...], tuple[int, ...], tuple[str, ...]]:
    """Return which statistical features are kept without and with a gyroscope, and the names of all D."""
    window = np.ones((1, n_samples, 6), np.float32)
    alone = statistical_features(window[..., :3], CHANNELS[:3], rate_hz)[1]
    both = statistical_features(window, CHANNELS, rate_hz)[1]
    of_acc = tuple(k for k, name in enumerate(alone) if is_turn_free(name))
    of_gyro = tuple(k for k, name in enumerate(both) if is_turn_free(name) and name not in alone)
    names = (*(alone[k] for k in of_acc), *(both[k] for k in of_gyro))
    return of_acc, of_gyro, tuple(name.removeprefix(f"{DEVICE}.") for name in names)


def feature_names(n_samples: int, rate_hz: float) -> tuple[str, ...]:
    """Return the names of the D features, those of the accelerometer first."""
    return _columns(n_samples, rate_hz)[2]


def n_of_accelerometer(n_samples: int, rate_hz: float) -> int:
    """Return A."""
    return len(_columns(n_samples, rate_hz)[0])


def turn_free_statistics(samples: np.ndarray, has_gyro: np.ndarray, rate_hz: float) -> np.ndarray:
    """Describe windows of single devices.

    Args:
        samples: [n, T, 6], acceleration in m/s² and angular rate in rad/s; the latter is not read where there is none.
        has_gyro: Whether the device has a gyroscope [n].
        rate_hz: Sampling rate.

    Returns:
        float32 [n, D]; features of the gyroscope are NaN where there is none.

    Raises:
        InputError: The windows are empty, too short, or not finite.
    """
    of_acc, of_gyro, names = _columns(samples.shape[1], rate_hz)
    features = np.full((len(samples), len(names)), np.nan, np.float32)
    features[:, : len(of_acc)] = statistical_features(samples[..., :3], CHANNELS[:3], rate_hz)[0][:, of_acc]
    if has_gyro.any():
        found = statistical_features(samples[has_gyro], CHANNELS, rate_hz)[0]
        features[has_gyro, len(of_acc) :] = found[:, of_gyro]
    return features


@dataclass(frozen=True)
class GyroGuess:
    """The features of a gyroscope as far as those of the accelerometer let expect them.

    Attributes:
        weight: [A, G].
        bias: [G].
    """

    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, n_acc: int) -> "GyroGuess":
        """Fit a ridge regression to windows of devices with a gyroscope.

        Args:
            features: As `turn_free_statistics` returns them, [n, D].
            n_acc: How many of them, the first, are of the accelerometer: A.

        Raises:
            InputError: Fewer than two windows have a gyroscope.
        """
        known = features[np.isfinite(features).all(1)].astype(np.float64)
        if len(known) < 2:
            raise InputError("no window has a gyroscope; learn from recordings of which some have one")
        mean, scale = known.mean(0), known.std(0) + 1e-6
        scaled = (known - mean) / scale
        acc, gyro = scaled[:, :n_acc], scaled[:, n_acc:]
        weight = np.linalg.solve(acc.T @ acc + RIDGE * np.eye(n_acc), acc.T @ gyro)
        weight = weight * scale[n_acc:] / scale[:n_acc, None]
        return cls(weight.astype(np.float32), (mean[n_acc:] - mean[:n_acc] @ weight).astype(np.float32))

    def fill(self, features: np.ndarray) -> np.ndarray:
        """Return features [n, D] without gaps."""
        lacking = np.isnan(features).any(1)
        if not lacking.any():
            return features
        filled = features.copy()
        n_acc = len(self.weight)
        filled[lacking, n_acc:] = filled[lacking, :n_acc] @ self.weight + self.bias
        return filled

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays to save."""
        return {"weight": self.weight, "bias": self.bias}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "GyroGuess":
        """Rebuild from `to_arrays`.

        Raises:
            InputError: An array is missing or does not fit.
        """
        weight, bias = (arrays.get(name, np.empty(0)) for name in ("weight", "bias"))
        if weight.ndim != 2 or bias.shape != weight.shape[1:] or not np.isfinite([*weight, bias]).all():
            raise InputError(f"features of the gyroscope: arrays of shapes {weight.shape} and {bias.shape}")
        return cls(weight, bias)
