"""What statistical features are computed of one sensor unit, before they are compressed; see `statistical_graph.py`.

Axis legend: N windows, G devices, A = 3 axes, T time, K frequencies, Q quantiles. Every step keeps the leading axes
[N, G].
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from feature_extraction.encoders.spectrum import TINY, band_names
from feature_extraction.encoders.statistical.features import ACC_NOISE_MPS2, GRAVITY_MPS2, GYRO_NOISE_RADPS
from feature_extraction.encoders.statistical.graph_spectrum import SpectrumGraph, power

QUANTILES = (0.0, 0.05, 0.25, 0.75, 0.9, 0.95, 1.0)
Kind = Literal["plain", "log", "signed"]


class Columns(NamedTuple):
    """Features that are yet to be compressed.

    Attributes:
        kind: `plain` for none, `log` for log1p, `signed` for asinh.
        scale: What they are divided by first.
        names: One per column.
        values: [N, G, columns].
    """

    kind: Kind
    scale: float
    names: tuple[str, ...]
    values: Tensor


class SignalColumns(nn.Module):
    """What is computed of the sensors of one device; the matrices depend on window length and rate alone."""

    quantiles: Tensor
    sixths: Tensor

    def __init__(self, n_samples: int, rate_hz: float) -> None:
        """Make the matrices for windows of T = `n_samples`."""
        super().__init__()
        self.rate_hz = rate_hz
        self.spectrum = SpectrumGraph(n_samples, rate_hz)
        bounds = np.linspace(0, n_samples, 7).astype(int)
        sixths = np.repeat(np.eye(6) / np.diff(bounds), np.diff(bounds), axis=0)
        self.register_buffer("sixths", torch.from_numpy(sixths.astype(np.float32)))
        self.register_buffer("quantiles", torch.from_numpy(_quantile_matrix(n_samples)))

    def acc(self, acc: Tensor) -> tuple[list[Columns], Tensor, Tensor]:
        """Return columns, gravity directions [N, G, A] and the centred magnitude [N, G, T] of acc [N, G, A, T]."""
        noise = ACC_NOISE_MPS2
        mean = acc.mean(3)
        centred = acc - mean[..., None]
        length = mean.norm(dim=2, keepdim=True)
        gravity = mean / length.clamp(min=TINY)
        magnitude = _length(acc)
        vertical = (gravity[..., None] * centred).sum(2)
        across = (centred.square().sum(2) - vertical.square()).clamp(min=0).sqrt()
        signals = torch.cat([acc, torch.stack([vertical, across, magnitude], dim=2)], dim=2)
        at = signals.sort(dim=3).values @ self.quantiles
        q00, q05, q25, q75, q90, q95, q100 = at.unbind(3)

        spectra = self.spectrum.transform(centred)
        up = power((gravity[..., None] * spectra).sum(2, keepdim=True))
        spectrum = torch.cat([up, power(spectra).sum(2, keepdim=True)], dim=2)
        variance = centred.square().mean(3)
        spread_up = vertical.square().mean(2, keepdim=True)
        columns = [
            Columns("plain", 1, _xyz("gravity_{}"), gravity),
            Columns("plain", 1, ("gravity_mps2",), length),
            Columns("plain", 1, _xyz("acc_{}_mean_mps2"), mean),
            Columns("log", noise, _xyz("acc_{}_std"), variance.sqrt()),
            *(
                Columns("signed", GRAVITY_MPS2, _xyz(f"acc_{{}}_{name}"), values[..., :3])
                for name, values in (("min", q00), ("q25", q25), ("q75", q75), ("max", q100))
            ),
            Columns("signed", 1, _xyz("acc_{}_skew"), _skew(centred, variance, noise)),
            *(
                Columns("signed", GRAVITY_MPS2, (f"vertical_{name}",), values[..., 3:4])
                for name, values in (("q05", q05), ("q25", q25), ("q75", q75), ("q95", q95))
            ),
            Columns("log", noise, ("vertical_std",), spread_up.sqrt()),
            Columns("signed", 1, ("vertical_skew",), _skew(vertical[:, :, None], spread_up, noise)),
            Columns("log", noise, ("horizontal_mean",), across.mean(2, keepdim=True)),
            Columns("log", noise, ("horizontal_std",), across.std(2, correction=0, keepdim=True)),
            Columns("log", noise, ("horizontal_q90",), q90[..., 4:5]),
            Columns("log", noise, ("horizontal_max",), q100[..., 4:5]),
            *self._posture(acc),
            _correlations("acc", centred, variance, noise),
            *self._magnitude("acc", magnitude, centred, at[:, :, 5], noise),
            *self._rhythm_of_acc(spectrum, spread_up),
        ]
        return columns, gravity, magnitude - magnitude.mean(2, keepdim=True)

    def gyro(self, gyro: Tensor, gravity: Tensor, acc_around: Tensor) -> list[Columns]:
        """Return columns of gyro [N, G, A, T], given what `acc` found on the same devices."""
        noise = GYRO_NOISE_RADPS
        mean = gyro.mean(3)
        centred = gyro - mean[..., None]
        variance = centred.square().mean(3)
        magnitude = _length(gyro)
        turning = (gravity[..., None] * gyro).sum(2)
        turning_mean = turning.mean(2, keepdim=True)
        turning_rms = turning.square().mean(2, keepdim=True).sqrt()
        rms = magnitude.square().mean(2, keepdim=True).sqrt()
        around = magnitude - magnitude.mean(2, keepdim=True)
        scale = (acc_around.square().mean(2) + ACC_NOISE_MPS2**2) * (around.square().mean(2) + noise**2)
        likeness = ((acc_around * around).mean(2) / scale.sqrt())[..., None]
        spectrum = power(self.spectrum.transform(centred)).sum(2, keepdim=True)
        return [
            Columns("signed", noise, _xyz("gyro_{}_mean"), mean),
            Columns("log", noise, _xyz("gyro_{}_std"), variance.sqrt()),
            Columns("signed", noise, ("turning_mean",), turning_mean),
            Columns("log", noise, ("turning_mean_size",), turning_mean.abs()),
            Columns("log", noise, ("turning_std",), turning.std(2, correction=0, keepdim=True)),
            Columns("plain", 1, ("turning_share",), turning_rms / (rms + noise)),
            _correlations("gyro", centred, variance, noise),
            Columns("plain", 1, ("acc_gyro_correlation",), likeness),
            *self._magnitude("gyro", magnitude, centred, magnitude.sort(dim=2).values @ self.quantiles, noise),
            *self._rhythm("gyro", spectrum, *self.spectrum.repetition(spectrum), noise),
        ]

    def _posture(self, acc: Tensor) -> list[Columns]:
        """Return turn and spread of gravity; distances of unit vectors, as cosines near 1 lose half their digits."""
        parts = acc @ self.sixths
        parts = _unit(parts)
        first, last = parts[..., :2].mean(3), parts[..., 4:].mean(3)
        real = first.norm(dim=2, keepdim=True) > 0
        turn = (_unit(first) - _unit(last)).norm(dim=2, keepdim=True)
        middle = parts.mean(3)
        scatter = (parts - middle[..., None]).square().sum(2).mean(2, keepdim=True)
        spread = scatter / (1 + middle.norm(dim=2, keepdim=True))
        return [
            Columns("plain", 1, ("gravity_turn_rad",), torch.where(real, turn, 0.0)),
            Columns("plain", 1, ("gravity_spread",), torch.where(real, spread.sqrt(), 0.0)),
        ]

    def _magnitude(self, sensor: str, magnitude: Tensor, centred: Tensor, at: Tensor, noise: float) -> list[Columns]:
        """Return strength, jerk and impacts.

        Args:
            sensor: `acc` or `gyro`.
            magnitude: [N, G, T].
            centred: Axes [N, G, A, T] without their means.
            at: Quantiles of the magnitude [N, G, Q].
            noise: Of the sensor.
        """
        mean = magnitude.mean(2, keepdim=True)
        around = magnitude - mean
        variance = around.square().mean(2, keepdim=True)
        std = variance.sqrt()
        jerk = rms(centred[..., 1:] - centred[..., :-1]) * self.rate_hz
        middle = magnitude[..., 1:-1]
        is_peak = (middle > magnitude[..., :-2]) & (middle >= magnitude[..., 2:])
        is_peak = is_peak & (middle > mean + std.clamp(min=5 * noise))
        n_peaks = is_peak.to(mean.dtype).sum(2, keepdim=True)
        kurtosis = around.square().square().mean(2, keepdim=True) / (variance + noise**2).square()
        return [
            Columns(
                "log" if sensor == "gyro" else "plain", noise if sensor == "gyro" else 1, (f"{sensor}_mean",), mean
            ),
            Columns("log", noise, (f"{sensor}_std",), std),
            Columns("log", noise, (f"{sensor}_dynamic_rms",), rms(centred)),
            Columns("log", noise, (f"{sensor}_iqr",), at[..., 3:4] - at[..., 2:3]),
            Columns("log", noise, (f"{sensor}_max",), at[..., 6:7]),
            Columns("log", 10 * noise, (f"{sensor}_jerk",), jerk),
            Columns("log", 1, (f"{sensor}_kurtosis",), kurtosis),
            Columns("plain", 1, (f"{sensor}_peaks_hz",), (n_peaks * (self.rate_hz / magnitude.shape[2])).sqrt()),
        ]

    def _rhythm_of_acc(self, spectrum: Tensor, spread_up: Tensor) -> list[Columns]:
        """Describe the spectra [N, G, 2, K] along gravity and of all axes; `spread_up` is the variance [N, G, 1]."""
        floor = ACC_NOISE_MPS2**2
        height, rate = self.spectrum.repetition(spectrum)
        bands = spectrum @ self.spectrum.bands
        slow, fast = bands[..., :4].sum(3), bands[..., 4:].sum(3)
        return [
            Columns("plain", 1, ("vertical_periodicity",), height[..., :1] * spread_up / (spread_up + floor)),
            Columns("plain", 1, ("vertical_repetition_hz",), rate[..., :1] * (spread_up > floor / 4)),
            Columns("plain", 1, ("vertical_share_slow",), slow[..., :1] / (slow[..., 1:] + floor)),
            Columns("plain", 1, ("vertical_share_fast",), fast[..., :1] / (fast[..., 1:] + floor)),
            *self._rhythm("acc", spectrum[:, :, 1:], height[..., 1:], rate[..., 1:], ACC_NOISE_MPS2),
        ]

    def _rhythm(self, sensor: str, spectrum: Tensor, height: Tensor, rate: Tensor, noise: float) -> list[Columns]:
        """Describe the spectrum [N, G, 1, K] of a sensor, given height and rate of its repetition [N, G, 1]."""
        total = spectrum.sum(3)
        bands = tuple(f"{sensor}_{name}" for name in band_names(self.rate_hz))
        shape = self.spectrum.shape(spectrum, noise**2)
        return [
            Columns("log", noise**2, bands, (spectrum @ self.spectrum.bands)[:, :, 0]),
            *(Columns("plain", 1, (f"{sensor}_{name}",), values) for name, values in shape.items()),
            Columns("plain", 1, (f"{sensor}_periodicity",), height * total / (total + noise**2)),
            Columns("plain", 1, (f"{sensor}_repetition_hz",), rate * (total > noise**2 / 4)),
        ]


def _xyz(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.format(axis) for axis in "xyz")


def _length(axes: Tensor) -> Tensor:
    """Return the length [N, G, T] of vectors [N, G, A, T], summed in the order of `statistical_features`."""
    x, y, z = axes.square().unbind(2)
    return (x + y + z).sqrt()


def rms(centred: Tensor) -> Tensor:
    """Return the root mean square length [N, G, 1] of centred vectors [N, G, A, T]."""
    return centred.square().sum(2).mean(2, keepdim=True).sqrt()


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=2, keepdim=True).clamp(min=TINY)


def _skew(centred: Tensor, variance: Tensor, noise: float) -> Tensor:
    """Return the skewness [N, G, signals] of signals [N, G, signals, T] of a variance, not yet compressed."""
    spread = (variance + noise**2).sqrt()
    return (centred.square() * centred).mean(3) / (spread * spread * spread)


def _correlations(sensor: str, centred: Tensor, variance: Tensor, noise: float) -> Columns:
    """Correlate x with y, x with z and y with z."""
    x, y, z = (centred / (variance + noise**2).sqrt()[..., None]).unbind(2)
    values = torch.stack([x * y, x * z, y * z], dim=2).mean(3)
    return Columns("plain", 1, tuple(f"{sensor}_{pair}_correlation" for pair in ("xy", "xz", "yz")), values)


def _quantile_matrix(n_samples: int) -> np.ndarray:
    """Return the weights of sorted samples in the quantiles, interpolated linearly, float32 [T, Q]."""
    matrix = np.zeros((n_samples, len(QUANTILES)), dtype=np.float32)
    for column, quantile in enumerate(QUANTILES):
        position = quantile * (n_samples - 1)
        low = int(position)
        matrix[low, column] = 1 - (position - low)
        if position > low:
            matrix[low + 1, column] = position - low
    return matrix
