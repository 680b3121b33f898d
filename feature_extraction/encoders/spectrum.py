"""Power spectra and autocorrelations of many short windows at once.

Axis legend: N windows, A axes of one sensor, T time, K frequencies, L lags.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

BAND_EDGES_HZ = (0.3, 0.7, 1.2, 1.8, 2.5, 3.5, 5.0, 8.0)  # the last band reaches to the Nyquist frequency
LAGS_S = (0.25, 2.5)  # periods of repetition looked for: 4 Hz to 0.4 Hz
PEAK_HALF_WIDTH_HZ = 0.3
SAME_PEAK = 0.85
TINY = 1e-12


@dataclass(frozen=True)
class Grid:
    """Everything about a window length and rate that does not depend on the signal.

    Attributes:
        rate_hz: Sampling rate.
        n_fft: Padded length of the transform, at least 2 T, so that lags do not wrap around.
        taper: Hann window [T].
        taper_lags: Autocorrelation of the taper at the lags of interest, [L], 1 at lag 0.
        frequencies_hz: Frequencies [K].
        bands: 1 where a frequency belongs to a band, [K, number of bands].
        moving: 1 from the first band's lower edge on, [K].
    """

    rate_hz: float
    n_fft: int
    taper: np.ndarray
    taper_lags: np.ndarray
    frequencies_hz: np.ndarray
    bands: np.ndarray
    moving: np.ndarray


@lru_cache(maxsize=16)
def make_grid(n_samples: int, rate_hz: float) -> Grid:
    """Return the grid for windows of `n_samples` at `rate_hz`."""
    n_fft = int(fft.next_fast_len(2 * n_samples, real=True))
    taper = np.hanning(n_samples + 2)[1:-1]
    lags = fft.irfft(np.abs(fft.rfft(taper, n_fft)) ** 2, n_fft)
    n_lags = max(3, min(n_samples // 2, round(LAGS_S[1] * rate_hz)) + 2)
    frequencies = np.arange(n_fft // 2 + 1) * rate_hz / n_fft
    edges = np.array([*BAND_EDGES_HZ, np.inf])
    bands = (frequencies[:, None] >= edges[:-1]) & (frequencies[:, None] < edges[1:])
    single = np.float32
    return Grid(
        rate_hz=rate_hz,
        n_fft=n_fft,
        taper=taper.astype(single),
        taper_lags=(lags[:n_lags] / lags[0]).astype(single),
        frequencies_hz=frequencies.astype(single),
        bands=bands.astype(single),
        moving=(frequencies >= BAND_EDGES_HZ[0]).astype(single),
    )


def transform(centred: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the tapered Fourier transform [N, A, K] of signals [N, A, T] whose mean is removed.

    Scaled so that the squared magnitudes summed over K are the variance of the signal.
    """
    scale = np.sqrt(2.0 / (grid.n_fft * np.square(grid.taper, dtype=np.float64).sum()))
    return fft.rfft(centred * (grid.taper * np.float32(scale)), grid.n_fft, axis=-1)


def power(transformed: np.ndarray) -> np.ndarray:
    """Return squared magnitudes of a complex array."""
    return np.square(transformed.real) + np.square(transformed.imag)


def repetition(spectrum: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest autocorrelation peak within `LAGS_S` and its rate of repetition.

    Args:
        spectrum: Power spectrum [N, K]. Spectra summed over axes give the autocorrelation of the vector.
        grid: Its grid.

    Returns:
        Height in [0, 1.2] and rate in Hz, [N] each; both 0 where there is no peak.
    """
    n_lags = len(grid.taper_lags)
    correlation = fft.irfft(spectrum, grid.n_fft, axis=-1)[:, :n_lags]
    correlation = correlation / (correlation[:, :1] + TINY) / grid.taper_lags
    inner = correlation[:, 1:-1]
    is_peak = (inner > correlation[:, :-2]) & (inner >= correlation[:, 2:])
    is_peak &= np.arange(1, n_lags - 1) >= LAGS_S[0] * grid.rate_hz
    heights = np.where(is_peak, inner, 0)
    highest = heights.max(axis=1)
    # Every multiple of a period is a peak as well: take the first of about the same height.
    best = (heights >= SAME_PEAK * highest[:, None]).argmax(axis=1)
    lag = best + 1 + _parabola_shift(correlation[np.arange(len(best))[:, None], best[:, None] + np.arange(3)])
    return np.clip(highest, 0, 1.2), np.where(highest > 0, grid.rate_hz / np.maximum(lag, 1), 0)


def spectral_shape(spectrum: np.ndarray, grid: Grid, floor: float) -> dict[str, np.ndarray]:
    """Describe where the power above 0.3 Hz lies.

    Args:
        spectrum: Power spectrum [N, K].
        grid: Its grid.
        floor: Power of sensor noise; at or below it the frequencies are reported as 0.

    Returns:
        `dominant_hz` (parabola through the highest bin and its neighbours), `dominant_share` (power
        within 0.3 Hz of it), `entropy` in [0, 1] and `centroid_hz`, [N] each.
    """
    moving = spectrum * grid.moving
    total = moving.sum(axis=1)
    rows, last = np.arange(len(moving)), moving.shape[1] - 1
    peak = moving.argmax(axis=1)
    at = np.log(spectrum[rows[:, None], np.clip(peak[:, None] + np.arange(-1, 2), 0, last)] + TINY)
    shift = _parabola_shift(at)
    step_hz = grid.rate_hz / grid.n_fft
    half_width = max(1, round(PEAK_HALF_WIDTH_HZ / step_hz))
    near = np.clip(peak[:, None] + np.arange(-half_width, half_width + 1), 0, last)
    share = moving / (total + TINY)[:, None]
    audible = total > floor
    return {
        "dominant_hz": np.where(audible, (peak + shift) * step_hz, 0),
        "dominant_share": np.minimum(share[rows[:, None], near].sum(axis=1), 1) * total / (total + floor),
        "entropy": -(share * np.log(share + TINY)).sum(axis=1) / np.log(max(2, int(grid.moving.sum()))),
        "centroid_hz": np.where(audible, share @ grid.frequencies_hz, 0),
    }


def _parabola_shift(values: np.ndarray) -> np.ndarray:
    """Return where in [-0.5, 0.5] the parabola through three values [N, 3] has its top."""
    bend = values[:, 0] - 2 * values[:, 1] + values[:, 2]
    return np.where(bend < 0, 0.5 * (values[:, 0] - values[:, 2]) / np.minimum(bend, -TINY), 0).clip(-0.5, 0.5)


def band_names(rate_hz: float, edges_hz: Sequence[float] = BAND_EDGES_HZ) -> tuple[str, ...]:
    """Return a name per band; the band that holds the Nyquist frequency ends there."""
    ends = [f"{edge:g}" for edge in edges_hz[1:]] + ["nyquist"]
    return tuple(f"power_{low:g}_{high}_hz" for low, high in zip(edges_hz, ends, strict=True))
