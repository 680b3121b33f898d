"""Statistical and spectral features in physical units; nothing is learned.

Every device with a three-axis accelerometer, with or without a gyroscope, gives the same features:
posture (gravity direction and its drift), each axis, the components along and across gravity, the
magnitude, rhythm and spectrum, rotation. Several devices add how alike and how strong they move
relative to each other. Heavy-tailed quantities are compressed (log1p, asinh) at the scale of sensor
noise or of gravity. Spectra and autocorrelations are summed over the axes of a sensor, which makes
them independent of how the device is turned and does not double frequencies as a magnitude would.

Axis legend: N windows, T time, C channels, A = 3 axes, K frequencies, D features.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from feature_extraction.encoders.devices import Device, find_devices
from feature_extraction.encoders.spectrum import (
    Grid,
    band_names,
    make_grid,
    power,
    repetition,
    spectral_shape,
    transform,
)
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import GRAVITY_MPS2

ACC_NOISE_MPS2 = 0.1
GYRO_NOISE_RADPS = 0.05
VERSION = 1  # part of cache file names; raise it whenever a feature changes
CHUNK_WINDOWS = 256  # keeps the intermediate arrays of one device in the processor's cache
TINY = 1e-12

Features = dict[str, np.ndarray]


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
    if len(samples) == 0 or samples.shape[1] < 8:
        raise InputError(f"windows of shape {samples.shape}: need at least one window of at least 8 samples")
    devices = find_devices(channels)
    grid = make_grid(samples.shape[1], float(rate_hz))
    result: np.ndarray | None = None
    names: tuple[str, ...] = ()
    for start in range(0, len(samples), CHUNK_WINDOWS):
        chunk = np.asarray(samples[start : start + CHUNK_WINDOWS], dtype=np.float32).transpose(0, 2, 1)
        features = _chunk_features(chunk, devices, grid)
        if result is None:
            names = tuple(features)
            result = np.empty((len(samples), len(names)), dtype=np.float32)
        np.stack(list(features.values()), axis=1, out=result[start : start + len(chunk)], casting="same_kind")
        if not np.isfinite(result[start : start + len(chunk)]).all():
            bad = start + int(np.flatnonzero(~np.isfinite(result[start : start + len(chunk)]).all(axis=1))[0])
            raise InputError(f"window {bad}: samples are not finite or far out of range; check the recording's units")
    assert result is not None
    return result, names


def _chunk_features(windows: np.ndarray, devices: Sequence[Device], grid: Grid) -> Features:
    features: Features = {}
    magnitudes, intensities = [], []
    for device in devices:
        acc = np.ascontiguousarray(windows[:, device.acc])
        own, gravity, magnitude = _acc_features(acc, grid)
        if len(device.gyro):
            own |= _gyro_features(np.ascontiguousarray(windows[:, device.gyro]), gravity, magnitude, grid)
        features |= {f"{device.name}.{name}": values for name, values in own.items()}
        magnitudes.append(magnitude)
        intensities.append(own["acc_dynamic_rms"])
    if len(devices) > 1:
        features |= _cross_features([device.name for device in devices], magnitudes, np.stack(intensities, axis=1))
    return features


def _acc_features(acc: np.ndarray, grid: Grid) -> tuple[Features, np.ndarray, np.ndarray]:
    """Return features, gravity directions [N, A] and the centred magnitude [N, T] of acc [N, A, T]."""
    mean = acc.mean(axis=2)
    centred = acc - mean[:, :, None]
    length = np.linalg.norm(mean, axis=1)
    gravity = mean / (length + TINY)[:, None]
    magnitude = np.sqrt(np.square(acc).sum(axis=1))
    vertical = (gravity[:, None, :] @ centred)[:, 0]
    across = np.sqrt(np.maximum(np.square(centred).sum(axis=1) - np.square(vertical), 0))

    spectra = transform(centred, grid)
    vertical_power = power((gravity[:, None, :] @ spectra)[:, 0])
    total_power = power(spectra).sum(axis=1)

    features = {f"gravity_{axis}": gravity[:, k] for k, axis in enumerate("xyz")}
    features["gravity_mps2"] = length
    features |= _posture_drift(acc)
    features |= _axes(acc, mean, centred)
    features |= _vertical(vertical, vertical_power, total_power, grid)
    features |= _horizontal(across)
    features |= _magnitude("acc", magnitude, centred, grid.rate_hz, ACC_NOISE_MPS2)
    features |= _rhythm("acc", total_power, grid, ACC_NOISE_MPS2)
    return features, gravity, magnitude - magnitude.mean(axis=1, keepdims=True)


def _posture_drift(acc: np.ndarray) -> Features:
    """Return how far gravity turns from first to last third, and how widely it spreads over sixths."""
    n_samples = acc.shape[2]
    bounds = np.linspace(0, n_samples, 7).astype(int)
    parts = np.stack([acc[:, :, a:b].mean(axis=2) for a, b in zip(bounds[:-1], bounds[1:], strict=True)], axis=1)
    parts = parts.astype(np.float64)  # in float32, the angle between nearly equal directions is rounding error
    parts = parts / (np.linalg.norm(parts, axis=2, keepdims=True) + TINY)
    first, last = parts[:, :2].mean(axis=1), parts[:, 4:].mean(axis=1)
    cosine = (first * last).sum(axis=1) / (np.linalg.norm(first, axis=1) * np.linalg.norm(last, axis=1) + TINY)
    spread = 1 - np.linalg.norm(parts.mean(axis=1), axis=1)
    # For a signal of zeros there is no direction; both are then 0.
    real = np.linalg.norm(first, axis=1) > 0
    return {
        "gravity_turn_rad": np.where(real, np.sqrt(2 * np.clip(1 - cosine, 0, 2)), 0),
        "gravity_spread": np.where(real, np.sqrt(np.clip(spread, 0, 1)), 0),
    }


def _axes(acc: np.ndarray, mean: np.ndarray, centred: np.ndarray) -> Features:
    variance = np.square(centred).mean(axis=2)
    ordered = np.sort(acc, axis=2)
    columns = {
        "mean_mps2": mean,
        "std": _log(np.sqrt(variance), ACC_NOISE_MPS2),
        "min": _signed(ordered[:, :, 0]),
        "q25": _signed(_quantile(ordered, 0.25)),
        "q75": _signed(_quantile(ordered, 0.75)),
        "max": _signed(ordered[:, :, -1]),
        "skew": _skew(centred, variance, ACC_NOISE_MPS2),
    }
    features = {f"acc_{axis}_{name}": values[:, k] for k, axis in enumerate("xyz") for name, values in columns.items()}
    return features | _correlations("acc", centred, variance, ACC_NOISE_MPS2)


def _vertical(vertical: np.ndarray, spectrum: np.ndarray, total_power: np.ndarray, grid: Grid) -> Features:
    variance = np.square(vertical).mean(axis=1)
    ordered = np.sort(vertical, axis=1)
    height, rate = repetition(spectrum, grid)
    slow, fast = grid.bands[:, :4].sum(axis=1), grid.bands[:, 4:].sum(axis=1)
    floor = ACC_NOISE_MPS2**2
    features = {f"vertical_q{round(100 * q):02d}": _signed(_quantile(ordered, q)) for q in (0.05, 0.25, 0.75, 0.95)}
    return features | {
        "vertical_std": _log(np.sqrt(variance), ACC_NOISE_MPS2),
        "vertical_skew": _skew(vertical, variance, ACC_NOISE_MPS2),
        "vertical_periodicity": height * variance / (variance + floor),
        "vertical_repetition_hz": rate * (variance > floor / 4),
        "vertical_share_slow": (spectrum @ slow) / (total_power @ slow + floor),
        "vertical_share_fast": (spectrum @ fast) / (total_power @ fast + floor),
    }


def _horizontal(across: np.ndarray) -> Features:
    ordered = np.sort(across, axis=1)
    return {
        "horizontal_mean": _log(across.mean(axis=1), ACC_NOISE_MPS2),
        "horizontal_std": _log(across.std(axis=1), ACC_NOISE_MPS2),
        "horizontal_q90": _log(_quantile(ordered, 0.9), ACC_NOISE_MPS2),
        "horizontal_max": _log(ordered[:, -1], ACC_NOISE_MPS2),
    }


def _magnitude(sensor: str, magnitude: np.ndarray, centred: np.ndarray, rate_hz: float, noise: float) -> Features:
    """Return strength, jerk and impacts from magnitudes [N, T] and centred axes [N, A, T]."""
    mean = magnitude.mean(axis=1)
    around = magnitude - mean[:, None]
    variance = np.square(around).mean(axis=1)
    std = np.sqrt(variance)
    ordered = np.sort(magnitude, axis=1)
    jerk = np.sqrt(np.square(np.diff(centred, axis=2)).sum(axis=1).mean(axis=1)) * rate_hz
    middle = magnitude[:, 1:-1]
    is_peak = (middle > magnitude[:, :-2]) & (middle >= magnitude[:, 2:])
    is_peak &= middle > (mean + np.maximum(std, 5 * noise))[:, None]
    kurtosis = np.square(np.square(around)).mean(axis=1) / np.square(variance + noise**2)
    return {
        f"{sensor}_mean": _log(mean, noise) if sensor == "gyro" else mean,
        f"{sensor}_std": _log(std, noise),
        f"{sensor}_dynamic_rms": _log(np.sqrt(np.square(centred).sum(axis=1).mean(axis=1)), noise),
        f"{sensor}_iqr": _log(_quantile(ordered, 0.75) - _quantile(ordered, 0.25), noise),
        f"{sensor}_max": _log(ordered[:, -1], noise),
        f"{sensor}_jerk": _log(jerk, 10 * noise),
        f"{sensor}_kurtosis": np.log1p(kurtosis),
        f"{sensor}_peaks_hz": np.sqrt(is_peak.sum(axis=1) * (rate_hz / magnitude.shape[1])),
    }


def _rhythm(sensor: str, spectrum: np.ndarray, grid: Grid, noise: float) -> Features:
    height, rate = repetition(spectrum, grid)
    total = spectrum.sum(axis=1)
    bands = np.log1p(spectrum @ grid.bands / noise**2)
    features = {f"{sensor}_{name}": bands[:, k] for k, name in enumerate(band_names(grid.rate_hz))}
    shape = spectral_shape(spectrum, grid, noise**2)
    return (
        features
        | {f"{sensor}_{name}": values for name, values in shape.items()}
        | {
            f"{sensor}_periodicity": height * total / (total + noise**2),
            f"{sensor}_repetition_hz": rate * (total > noise**2 / 4),
        }
    )


def _gyro_features(gyro: np.ndarray, gravity: np.ndarray, acc_around: np.ndarray, grid: Grid) -> Features:
    noise = GYRO_NOISE_RADPS
    mean = gyro.mean(axis=2)
    centred = gyro - mean[:, :, None]
    variance = np.square(centred).mean(axis=2)
    magnitude = np.sqrt(np.square(gyro).sum(axis=1))
    turning = (gravity[:, None, :] @ gyro)[:, 0]
    turning_rms = np.sqrt(np.square(turning).mean(axis=1))
    rms = np.sqrt(np.square(magnitude).mean(axis=1))
    features = {f"gyro_{axis}_mean": np.arcsinh(mean[:, k] / noise) for k, axis in enumerate("xyz")}
    features |= {f"gyro_{axis}_std": _log(np.sqrt(variance[:, k]), noise) for k, axis in enumerate("xyz")}
    features |= {
        "turning_mean": np.arcsinh(turning.mean(axis=1) / noise),
        "turning_mean_size": _log(np.abs(turning.mean(axis=1)), noise),
        "turning_std": _log(turning.std(axis=1), noise),
        "turning_share": turning_rms / (rms + noise),
    }
    features |= _correlations("gyro", centred, variance, noise)
    around = magnitude - magnitude.mean(axis=1, keepdims=True)
    features["acc_gyro_correlation"] = _correlation(acc_around, around, ACC_NOISE_MPS2, noise)
    features |= _magnitude("gyro", magnitude, centred, grid.rate_hz, noise)
    return features | _rhythm("gyro", power(transform(centred, grid)).sum(axis=1), grid, noise)


def _cross_features(names: Sequence[str], magnitudes: Sequence[np.ndarray], intensities: np.ndarray) -> Features:
    """Return likeness of magnitudes per pair of devices, and log intensities relative to their mean."""
    features = {}
    for a, b in combinations(range(len(names)), 2):
        values = _correlation(magnitudes[a], magnitudes[b], ACC_NOISE_MPS2, ACC_NOISE_MPS2)
        features[f"{names[a]}~{names[b]}.acc_correlation"] = values
    relative = intensities - intensities.mean(axis=1, keepdims=True)
    return features | {f"{name}.acc_relative_intensity": relative[:, k] for k, name in enumerate(names)}


def _correlations(sensor: str, centred: np.ndarray, variance: np.ndarray, noise: float) -> Features:
    scaled = centred / np.sqrt(variance + noise**2)[:, :, None]
    return {
        f"{sensor}_{'xyz'[a]}{'xyz'[b]}_correlation": (scaled[:, a] * scaled[:, b]).mean(axis=1)
        for a, b in combinations(range(3), 2)
    }


def _correlation(a: np.ndarray, b: np.ndarray, noise_a: float, noise_b: float) -> np.ndarray:
    scale = (np.square(a).mean(axis=1) + noise_a**2) * (np.square(b).mean(axis=1) + noise_b**2)
    return (a * b).mean(axis=1) / np.sqrt(scale)


def _skew(centred: np.ndarray, variance: np.ndarray, noise: float) -> np.ndarray:
    return np.arcsinh((np.square(centred) * centred).mean(axis=-1) / (variance + noise**2) ** 1.5)


def _quantile(ordered: np.ndarray, q: float) -> np.ndarray:
    """Return the q-quantile of values sorted along the last axis, interpolated linearly."""
    position = q * (ordered.shape[-1] - 1)
    low = int(position)
    high = min(low + 1, ordered.shape[-1] - 1)
    return ordered[..., low] + np.float32(position - low) * (ordered[..., high] - ordered[..., low])


def _log(values: np.ndarray, scale: float) -> np.ndarray:
    return np.log1p(values / scale)


def _signed(values_mps2: np.ndarray) -> np.ndarray:
    return np.arcsinh(values_mps2 / GRAVITY_MPS2)
