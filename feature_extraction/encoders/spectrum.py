"""Power spectra and autocorrelations of many short windows at once.

Axis legend: [...] any leading axes, such as windows and axes of a sensor, T time, K frequencies, L lags.
"""

import math

import numpy as np
import torch
from scipy import fft
from torch import Tensor, nn

BAND_EDGES_HZ = (0.3, 0.7, 1.2, 1.8, 2.5, 3.5, 5.0, 8.0)  # the last band reaches to the Nyquist frequency
LAGS_S = (0.25, 2.5)  # periods of repetition looked for: 4 Hz to 0.4 Hz
PEAK_HALF_WIDTH_HZ = 0.3
SAME_PEAK = 0.85
TINY = 1e-12  # keeps divisors from 0 as a lower bound: exporters take an addend of this size for none


class Spectrum(nn.Module):
    """Everything about a window length and a rate that does not depend on the signal, and what is computed with it.

    Attributes:
        taper: Hann window [T], scaled so that the power of a signal sums to its variance.
        fourier: Taper and Fourier transform as one matrix, real parts, then imaginary parts, [T, 2 K]; only for export.
        lags: From a power spectrum to the autocorrelation without the effect of the taper [K, L].
        late: Whether a lag is long enough to be a period, [L - 2], the first and last lag left out.
        bands: 1 where a frequency belongs to a band, [K, number of bands].
        moving: 1 from the first band's lower edge on, [K].
        frequencies_hz: [K].
    """

    taper: Tensor
    fourier: Tensor | None
    lags: Tensor
    late: Tensor
    bands: Tensor
    moving: Tensor
    frequencies_hz: Tensor

    def __init__(self, n_samples: int, rate_hz: float, for_export: bool = False) -> None:
        """Work out what is the same for all windows.

        Args:
            n_samples: T.
            rate_hz: Sampling rate.
            for_export: Transform by a product with a matrix, which is slower but needs no operator beyond the common
                ones in an exported graph.
        """
        super().__init__()
        self.rate_hz, self.for_export = rate_hz, for_export
        self.n_fft = int(fft.next_fast_len(2 * n_samples, real=True))  # at least 2 T, so that lags do not wrap around
        self.step_hz = rate_hz / self.n_fft
        taper = np.hanning(n_samples + 2)[1:-1]
        scaled = taper * np.sqrt(2 / (self.n_fft * np.square(taper).sum()))
        n_lags = max(3, min(n_samples // 2, round(LAGS_S[1] * rate_hz)) + 2)
        bins = np.arange(self.n_fft // 2 + 1)
        frequencies = bins * self.step_hz
        edges = np.array([*BAND_EDGES_HZ, np.inf])
        matrices = {
            "taper": scaled,
            "lags": _lag_matrix(taper, self.n_fft, n_lags),
            "bands": (frequencies[:, None] >= edges[:-1]) & (frequencies[:, None] < edges[1:]),
            "moving": frequencies >= BAND_EDGES_HZ[0],
            "frequencies_hz": frequencies,
        }
        for name, matrix in matrices.items():
            self.register_buffer(name, torch.from_numpy(matrix.astype(np.float32)))
        self.register_buffer("late", torch.from_numpy(np.arange(1, n_lags - 1) >= LAGS_S[0] * rate_hz))
        self.register_buffer("fourier", _fourier_matrix(scaled, self.n_fft) if for_export else None)
        self.log_n_moving = math.log(max(2, int(self.moving.sum())))

    @property
    def band_names(self) -> tuple[str, ...]:
        """A name per band; the last ends at the Nyquist frequency."""
        ends = [f"{edge:g}" for edge in BAND_EDGES_HZ[1:]] + ["nyquist"]
        return tuple(f"power_{low:g}_{high}_hz" for low, high in zip(BAND_EDGES_HZ, ends, strict=True))

    def power(self, centred: Tensor) -> Tensor:
        """Return power spectra [..., K] of signals [..., T] whose mean is removed; they sum to the variance."""
        if self.fourier is None:
            transformed = torch.fft.rfft(centred * self.taper, self.n_fft)
            real, imaginary = transformed.real, transformed.imag
        else:
            real, imaginary = (centred @ self.fourier).chunk(2, dim=-1)
        return real.square() + imaginary.square()

    def repetition(self, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        """Return the highest autocorrelation peak within `LAGS_S` and its rate of repetition.

        Args:
            spectrum: Power spectra [..., K]. Spectra summed over axes give the autocorrelation of the vector.

        Returns:
            Height in [0, 1.2] and rate in Hz, [...] each; both 0 where there is no peak.
        """
        correlation = spectrum @ self.lags
        correlation = correlation / correlation[..., :1].clamp(min=TINY)
        inner = correlation[..., 1:-1]
        is_peak = (inner > correlation[..., :-2]) & (inner >= correlation[..., 2:]) & self.late
        heights = inner * is_peak
        highest = heights.amax(-1, keepdim=True)
        # Every multiple of a period is a peak as well: take the first of about the same height.
        best = (heights >= SAME_PEAK * highest).to(spectrum.dtype).argmax(-1, keepdim=True)
        lag = best + 1 + _parabola_shift(correlation.gather(-1, best + torch.arange(3)))
        rate_hz = self.rate_hz / lag.clamp(min=1) * (highest > 0)
        return highest.clamp(max=1.2)[..., 0], rate_hz[..., 0]

    def shape(self, spectrum: Tensor, floor: float | Tensor) -> dict[str, Tensor]:
        """Describe where the power above 0.3 Hz lies.

        Args:
            spectrum: Power spectra [..., K].
            floor: Power of sensor noise, of all spectra or of each; at or below it the frequencies are reported as 0.

        Returns:
            `dominant_hz` (parabola through the highest bin and its neighbours), `dominant_share` (power
            within 0.3 Hz of it), `entropy` in [0, 1] and `centroid_hz`, [...] each.
        """
        moving = spectrum * self.moving
        total = moving.sum(-1)
        last = spectrum.shape[-1] - 1
        peak = moving.argmax(-1, keepdim=True)
        beside = (peak + torch.arange(-1, 2)).clamp(0, last)
        shift = _parabola_shift(spectrum.gather(-1, beside).clamp(min=TINY).log())
        half_width = max(1, round(PEAK_HALF_WIDTH_HZ / self.step_hz))
        near = (peak + torch.arange(-half_width, half_width + 1)).clamp(0, last)
        share = moving / total.clamp(min=TINY)[..., None]
        audible = total > floor
        return {
            "dominant_hz": ((peak + shift) * self.step_hz)[..., 0] * audible,
            "dominant_share": share.gather(-1, near).sum(-1).clamp(max=1) * total / (total + floor),
            "entropy": -(share * share.clamp(min=TINY).log()).sum(-1) / self.log_n_moving,
            "centroid_hz": share @ self.frequencies_hz * audible,
        }


def _lag_matrix(taper: np.ndarray, n_fft: int, n_lags: int) -> np.ndarray:
    """Return what turns a power spectrum into the autocorrelation, divided by that of the taper [T], [K, L]."""
    bins = np.arange(n_fft // 2 + 1)
    counts = np.where((bins == 0) | (2 * bins == n_fft), 1, 2)  # a bin stands for its negative frequency as well
    matrix = counts[:, None] * np.cos(2 * np.pi / n_fft * np.outer(bins, np.arange(n_lags))) / n_fft
    of_taper = np.square(np.abs(fft.rfft(taper, n_fft))) @ matrix
    return matrix / (of_taper / of_taper[0])


def _fourier_matrix(taper: np.ndarray, n_fft: int) -> Tensor:
    """Return taper and Fourier transform as one matrix: real parts, then imaginary parts, float32 [T, 2 K]."""
    spectra = fft.rfft(np.diag(taper), n_fft)
    return torch.from_numpy(np.concatenate([spectra.real, spectra.imag], axis=1).astype(np.float32))


def _parabola_shift(values: Tensor) -> Tensor:
    """Return where in [-0.5, 0.5] the parabola through three values [..., 3] has its top, [..., 1]."""
    left, middle, right = values.split(1, dim=-1)
    bend = left - 2 * middle + right
    return torch.where(bend < 0, 0.5 * (left - right) / bend.clamp(max=-TINY), 0.0).clamp(-0.5, 0.5)
