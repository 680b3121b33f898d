"""What is computed of the sensors of all devices, every sensor going through each operation together with the others.

Heavy-tailed quantities are compressed (log1p, asinh) at the scale of sensor noise or of gravity. Spectra and
autocorrelations are summed over the axes of a sensor, which makes them independent of how the device is turned and does
not double frequencies as a magnitude would.

Axis legend: N windows, G accelerometers, one per device, R gyroscopes, S = G + R sensors, accelerometers first,
A = 3 axes, T time, K frequencies, Q quantiles.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from feature_extraction.encoders.spectrum import TINY, Spectrum
from feature_extraction.recordings.signal import GRAVITY_MPS2

ACC_NOISE_MPS2 = 0.1
GYRO_NOISE_RADPS = 0.05
QUANTILES = (0.0, 0.05, 0.25, 0.75, 0.9, 0.95, 1.0)


class Columns(NamedTuple):
    """Some features: a name for each, and their values [N, G, R or S, names]."""

    names: tuple[str, ...]
    values: Tensor


class Signals(NamedTuple):
    """What several features are computed from.

    Attributes:
        axes: m/s² or rad/s [N, S, A, T].
        mean: [N, S, A].
        centred: Axes without their means [N, S, A, T].
        variance: Of the axes [N, S, A].
        magnitude: Length of the vector [N, S, T].
        around: The magnitude without its mean [N, S, T].
        spread: Variance of the magnitude [N, S].
        gravity: Direction [N, G, A].
        vertical: Centred acceleration along gravity [N, G, T].
        across: Strength of the centred acceleration across gravity [N, G, T].
    """

    axes: Tensor
    mean: Tensor
    centred: Tensor
    variance: Tensor
    magnitude: Tensor
    around: Tensor
    spread: Tensor
    gravity: Tensor
    vertical: Tensor
    across: Tensor


class Quantiles(NamedTuple):
    """The `QUANTILES` of axes of accelerometers [N, G, A, Q], of `vertical`, `across` [N, G, Q] and `magnitude`."""

    axes: Tensor
    vertical: Tensor
    across: Tensor
    magnitude: Tensor


class Spectra(NamedTuple):
    """Of sensors, summed over their axes, then of `vertical`: power [N, S + G, K] and what is read from it.

    Attributes:
        power: [N, S + G, K].
        bands: Power in each band [N, S + G, bands].
        height: Of the repetition [N, S + G].
        rate_hz: Of the repetition [N, S + G].
    """

    power: Tensor
    bands: Tensor
    height: Tensor
    rate_hz: Tensor


class SignalStatistics(nn.Module):
    """Features of the sensors of every device."""

    noise: Tensor
    low: Tensor
    high: Tensor
    weight: Tensor

    def __init__(self, owners: Sequence[int], n_devices: int, spectrum: Spectrum) -> None:
        """Work out what is the same for all windows.

        Args:
            owners: Device of each of the R gyroscopes.
            n_devices: G.
            spectrum: For the length and rate of the windows.
        """
        super().__init__()
        self.owners, self.n_devices, self.spectrum = list(owners), n_devices, spectrum
        n_samples = len(spectrum.taper)
        positions = np.array(QUANTILES) * (n_samples - 1)
        low = positions.astype(int)
        self.sixths = np.linspace(0, n_samples, 7).astype(int).tolist()
        noise = [ACC_NOISE_MPS2] * n_devices + [GYRO_NOISE_RADPS] * len(owners)
        self.register_buffer("noise", torch.tensor(noise))
        self.register_buffer("low", torch.from_numpy(low))
        self.register_buffer("high", torch.from_numpy(np.minimum(low + 1, n_samples - 1)))
        self.register_buffer("weight", torch.from_numpy((positions - low).astype(np.float32)))

    def forward(self, axes: Tensor) -> tuple[Columns, Columns | None, Tensor]:
        """Describe the axes of all sensors [N, S, A, T].

        Returns:
            Features of G accelerometers, features of R gyroscopes, None without them, and the centred magnitudes of
            acceleration [N, G, T].
        """
        n = self.n_devices
        signals = self._signals(axes)
        at, spectra = self._quantiles(signals), self._spectra(signals)
        size = _length(signals.mean[:, :n])[..., None]
        correlations = self._correlations(signals)
        shared = _join([self._magnitude(signals, at.magnitude), self._rhythm(spectra)])
        acc = [
            Columns(("gravity_x", "gravity_y", "gravity_z", "gravity_mps2"), torch.cat([signals.gravity, size], dim=2)),
            self._posture(axes),
            self._axes(signals, at.axes),
            _select("acc", correlations, slice(0, n)),
            self._vertical(signals, at.vertical, spectra),
            self._horizontal(signals, at.across),
            _select("acc", shared, slice(0, n)),
        ]
        gyro = None
        if self.owners:
            own = [self._turning(signals), _select("gyro", correlations, slice(n, None)), self._likeness(signals)]
            gyro = _join([*own, _select("gyro", shared, slice(n, None))])
        return _join(acc), gyro, signals.around[:, :n]

    def _signals(self, axes: Tensor) -> Signals:
        n = self.n_devices
        mean = axes.mean(3, keepdim=True)
        centred = axes - mean
        magnitude = _length(axes)
        around = magnitude - magnitude.mean(2, keepdim=True)
        gravity = _unit(mean[:, :n, :, 0])
        vertical = (gravity[..., None] * centred[:, :n]).sum(2)
        squares = centred.square()
        return Signals(
            axes=axes,
            mean=mean[..., 0],
            centred=centred,
            variance=squares.mean(3),
            magnitude=magnitude,
            around=around,
            spread=around.square().mean(2),
            gravity=gravity,
            vertical=vertical,
            across=(squares[:, :n].sum(2) - vertical.square()).clamp(min=0).sqrt(),
        )

    def _quantiles(self, signals: Signals) -> Quantiles:
        """Interpolate linearly between sorted samples."""
        n = self.n_devices
        parts = [signals.axes[:, :n].flatten(1, 2), signals.vertical, signals.across, signals.magnitude]
        samples = torch.cat(parts, dim=1)
        if self.spectrum.for_export:
            ordered = samples.sort(dim=2).values
        else:
            ordered = torch.from_numpy(np.sort(samples.numpy()))  # 50 times as fast as PyTorch's
        low, high = ordered.index_select(2, self.low), ordered.index_select(2, self.high)
        axes, *others = (low + self.weight * (high - low)).split([part.shape[1] for part in parts], dim=1)
        return Quantiles(axes.unflatten(1, (n, 3)), *others)

    def _spectra(self, signals: Signals) -> Spectra:
        centred = signals.centred.flatten(1, 2)
        power = self.spectrum.power(torch.cat([centred, signals.vertical], dim=1))
        of_axes, of_vertical = power.split([centred.shape[1], self.n_devices], dim=1)
        power = torch.cat([of_axes.unflatten(1, (-1, 3)).sum(2), of_vertical], dim=1)
        return Spectra(power, power @ self.spectrum.bands, *self.spectrum.repetition(power))

    def _posture(self, axes: Tensor) -> Columns:
        """Return how far gravity turns from first to last third, and how widely it spreads over sixths.

        Both are distances of unit vectors, because cosines near 1 lose half their digits. A signal of zeros has no
        direction; both are then 0.
        """
        acc = axes[:, : self.n_devices]
        parts = _unit(torch.stack([acc[..., start:end].mean(3) for start, end in pairwise(self.sixths)], dim=3))
        first, last, middle = parts[..., :2].mean(3), parts[..., 4:].mean(3), parts.mean(3)
        scatter = (parts - middle[..., None]).square().sum(2).mean(2)
        real = _length(first) > 0
        return _stack(
            {
                "gravity_turn_rad": _length(_unit(first) - _unit(last)) * real,
                "gravity_spread": (scatter / (1 + _length(middle))).sqrt() * real,
            }
        )

    def _axes(self, signals: Signals, at: Tensor) -> Columns:
        """Describe each axis of accelerometers; `at` are its quantiles [N, G, A, Q]."""
        n = self.n_devices
        variance = signals.variance[:, :n]
        lowest, q25, q75, highest = _signed(at[..., [0, 2, 3, 6]]).unbind(3)
        parts = {
            "mean_mps2": signals.mean[:, :n],
            "std": torch.log1p(variance.sqrt() / ACC_NOISE_MPS2),
            "min": lowest,
            "q25": q25,
            "q75": q75,
            "max": highest,
            "skew": _skew(signals.centred[:, :n], variance),
        }
        names = tuple(f"acc_{axis}_{name}" for axis in "xyz" for name in parts)
        return Columns(names, torch.stack(list(parts.values()), dim=3).flatten(2))

    def _vertical(self, signals: Signals, at: Tensor, spectra: Spectra) -> Columns:
        """Describe motion along gravity; `at` are its quantiles [N, G, Q]."""
        n, n_sensors = self.n_devices, len(self.noise)
        floor = ACC_NOISE_MPS2**2
        variance = signals.vertical.square().mean(2)
        slow, fast = spectra.bands[..., :4].sum(2), spectra.bands[..., 4:].sum(2)
        q05, q25, q75, q95 = _signed(at[..., [1, 2, 3, 5]]).unbind(2)
        features = {
            "vertical_q05": q05,
            "vertical_q25": q25,
            "vertical_q75": q75,
            "vertical_q95": q95,
            "vertical_std": torch.log1p(variance.sqrt() / ACC_NOISE_MPS2),
            "vertical_skew": _skew(signals.vertical, variance),
            "vertical_periodicity": spectra.height[:, n_sensors:] * variance / (variance + floor),
            "vertical_repetition_hz": spectra.rate_hz[:, n_sensors:] * (variance > floor / 4),
            "vertical_share_slow": slow[:, n_sensors:] / (slow[:, :n] + floor),
            "vertical_share_fast": fast[:, n_sensors:] / (fast[:, :n] + floor),
        }
        return _stack(features)

    def _horizontal(self, signals: Signals, at: Tensor) -> Columns:
        """Describe the strength of motion across gravity; `at` are its quantiles [N, G, Q]."""
        across = signals.across
        features = {
            "horizontal_mean": across.mean(2),
            "horizontal_std": _std(across),
            "horizontal_q90": at[..., 4],
            "horizontal_max": at[..., 6],
        }
        names, values = _stack(features)
        return Columns(names, torch.log1p(values / ACC_NOISE_MPS2))

    def _turning(self, signals: Signals) -> Columns:
        """Describe the axes of gyroscopes, and the rate about gravity."""
        n, noise = self.n_devices, GYRO_NOISE_RADPS
        mean, variance = signals.mean[:, n:], signals.variance[:, n:]
        about = (signals.gravity[:, self.owners, :, None] * signals.axes[:, n:]).sum(2)
        about_mean, about_std = about.mean(2), _std(about)
        rms = (mean.square() + variance).sum(2).sqrt()
        features = {
            "turning_mean": torch.asinh(about_mean / noise),
            "turning_mean_size": torch.log1p(about_mean.abs() / noise),
            "turning_std": torch.log1p(about_std / noise),
            "turning_share": (about_mean.square() + about_std.square()).sqrt() / (rms + noise),
        }
        return _join(
            [
                Columns(("gyro_x_mean", "gyro_y_mean", "gyro_z_mean"), torch.asinh(mean / noise)),
                Columns(("gyro_x_std", "gyro_y_std", "gyro_z_std"), torch.log1p(variance.sqrt() / noise)),
                _stack(features),
            ]
        )

    def _likeness(self, signals: Signals) -> Columns:
        """Correlate the magnitude of each gyroscope with that of the accelerometer beside it."""
        scaled = signals.around / (signals.spread + self.noise.square()).sqrt()[..., None]
        values = (scaled[:, self.owners] * scaled[:, self.n_devices :]).mean(2)
        return Columns(("acc_gyro_correlation",), values[..., None])

    def _correlations(self, signals: Signals) -> Columns:
        """Correlate x with y, x with z and y with z."""
        scale = (signals.variance + self.noise.square()[:, None]).sqrt()
        x, y, z = (signals.centred / scale[..., None]).unbind(2)
        values = torch.stack([x * y, x * z, y * z], dim=2).mean(3)
        return Columns(tuple(f"{pair}_correlation" for pair in ("xy", "xz", "yz")), values)

    def _magnitude(self, signals: Signals, at: Tensor) -> Columns:
        """Return strength, jerk and impacts; `at` are the quantiles of the magnitude [N, S, Q]."""
        rate_hz, noise, floor = self.spectrum.rate_hz, self.noise, self.noise.square()
        magnitude, std = signals.magnitude, signals.spread.sqrt()
        mean = magnitude.mean(2)
        steps = signals.centred[..., 1:] - signals.centred[..., :-1]
        middle = magnitude[..., 1:-1]
        is_peak = (middle > magnitude[..., :-2]) & (middle >= magnitude[..., 2:])
        is_peak = is_peak & (middle > (mean + std.maximum(5 * noise))[..., None])
        n = self.n_devices
        features = {
            "mean": torch.cat([mean[:, :n], torch.log1p(mean[:, n:] / GYRO_NOISE_RADPS)], dim=1),
            "std": torch.log1p(std / noise),
            "dynamic_rms": torch.log1p(signals.variance.sum(2).sqrt() / noise),
            "iqr": torch.log1p((at[..., 3] - at[..., 2]) / noise),
            "max": torch.log1p(at[..., 6] / noise),
            "jerk": torch.log1p(steps.square().sum(2).mean(2).sqrt() * rate_hz / (10 * noise)),
            "kurtosis": torch.log1p(signals.around.square().square().mean(2) / (signals.spread + floor).square()),
            "peaks_hz": (is_peak.sum(2) * (rate_hz / magnitude.shape[2])).sqrt(),
        }
        return _stack(features)

    def _rhythm(self, spectra: Spectra) -> Columns:
        """Describe the spectra of sensors."""
        n_sensors, floor = len(self.noise), self.noise.square()
        power = spectra.power[:, :n_sensors]
        total = power.sum(2)
        features = {
            **self.spectrum.shape(power, floor),
            "periodicity": spectra.height[:, :n_sensors] * total / (total + floor),
            "repetition_hz": spectra.rate_hz[:, :n_sensors] * (total > floor / 4),
        }
        bands = torch.log1p(spectra.bands[:, :n_sensors] / floor[:, None])
        return _join([Columns(self.spectrum.band_names, bands), _stack(features)])


def _stack(features: Mapping[str, Tensor]) -> Columns:
    """Return features [N, sensors] as columns."""
    return Columns(tuple(features), torch.stack(list(features.values()), dim=2))


def _join(columns: Sequence[Columns]) -> Columns:
    names = tuple(name for part in columns for name in part.names)
    return Columns(names, torch.cat([part.values for part in columns], dim=2))


def _select(kind: str, columns: Columns, sensors: slice) -> Columns:
    """Return features of some of the sensors, all of one kind, which is put before the names."""
    return Columns(tuple(f"{kind}_{name}" for name in columns.names), columns.values[:, sensors])


def _length(axes: Tensor) -> Tensor:
    """Return the length [N, S, ...] of vectors [N, S, A, ...]."""
    return axes.square().sum(2).sqrt()


def _unit(vectors: Tensor) -> Tensor:
    return vectors / _length(vectors)[:, :, None].clamp(min=TINY)


def _std(signals: Tensor) -> Tensor:
    """Return the standard deviation [...] of signals [..., T]."""
    return (signals - signals.mean(-1, keepdim=True)).square().mean(-1).sqrt()


def _skew(centred: Tensor, variance: Tensor) -> Tensor:
    """Return the compressed skewness [...] of centred accelerations [..., T] of a variance [...]."""
    scale = (variance + ACC_NOISE_MPS2**2).sqrt()
    return torch.asinh((centred.square() * centred).mean(-1) / (scale * scale * scale))


def _signed(values_mps2: Tensor) -> Tensor:
    return torch.asinh(values_mps2 / GRAVITY_MPS2)
