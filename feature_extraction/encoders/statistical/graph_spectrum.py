"""Power spectra and autocorrelations as products with fixed matrices; the numbers of `spectrum.py`, up to rounding.

Divisors are kept from 0 by a lower bound, not by an addend: exporters take an addend of 1e-12 for none.
Axis legend: [...] any leading axes, T time, K frequencies, L lags.
"""

import numpy as np
import torch
from scipy import fft
from torch import Tensor, nn

from feature_extraction.encoders.spectrum import LAGS_S, PEAK_HALF_WIDTH_HZ, SAME_PEAK, TINY, make_grid


class SpectrumGraph(nn.Module):
    """Everything of `spectrum.Grid` that a graph needs, as matrices in float32.

    Attributes:
        fourier: Taper, scale and Fourier transform: real parts, then imaginary parts, [T, 2 K].
        lags: From a power spectrum to its autocorrelation [K, L].
        untaper: Divides by the autocorrelation of the taper [L].
        late: 1 where a lag is long enough to be a period, [L - 2], the first and last lag left out.
        bands: 1 where a frequency belongs to a band [K, bands].
        moving: 1 from the first band's lower edge on, [K].
        frequencies_hz: [K].
    """

    fourier: Tensor
    lags: Tensor
    untaper: Tensor
    late: Tensor
    bands: Tensor
    moving: Tensor
    frequencies_hz: Tensor

    def __init__(self, n_samples: int, rate_hz: float) -> None:
        """Make the matrices, in float64 first, for windows of T = `n_samples`."""
        super().__init__()
        grid = make_grid(n_samples, float(rate_hz))
        n_lags = len(grid.taper_lags)
        taper = grid.taper.astype(np.float64)
        spectra = fft.rfft(np.diag(taper * np.sqrt(2 / (grid.n_fft * np.square(taper).sum()))), grid.n_fft)
        matrices = {
            "fourier": np.concatenate([spectra.real, spectra.imag], axis=1),
            "lags": fft.irfft(np.eye(len(grid.frequencies_hz)), grid.n_fft)[:, :n_lags],
            "untaper": 1 / grid.taper_lags,
            "late": np.arange(1, n_lags - 1) >= LAGS_S[0] * rate_hz,
            "bands": grid.bands,
            "moving": grid.moving,
            "frequencies_hz": grid.frequencies_hz,
        }
        for name, matrix in matrices.items():
            self.register_buffer(name, torch.from_numpy(matrix.astype(np.float32)))
        self.rate_hz = rate_hz
        self.step_hz = rate_hz / grid.n_fft
        self.log_n_moving = float(np.log(max(2, int(grid.moving.sum()))))

    def transform(self, centred: Tensor) -> Tensor:
        """Return the tapered Fourier transform [..., 2 K] of signals [..., T] whose mean is removed."""
        return centred @ self.fourier

    def repetition(self, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        """Return height and rate in Hz [...] of the repetition in power spectra [..., K]; see `spectrum.repetition`."""
        correlation = spectrum @ self.lags
        correlation = correlation / correlation[..., :1].clamp(min=TINY) * self.untaper
        inner = correlation[..., 1:-1]
        is_peak = (inner > correlation[..., :-2]) & (inner >= correlation[..., 2:]) & (self.late > 0)
        heights = torch.where(is_peak, inner, 0.0)
        highest = heights.amax(-1, keepdim=True)
        best = (heights >= SAME_PEAK * highest).to(spectrum.dtype).argmax(-1, keepdim=True)
        shift = _parabola_shift(correlation.gather(-1, best + torch.arange(3)))
        rate = self.rate_hz / (best + 1 + shift).clamp(min=1)
        return highest.clamp(max=1.2)[..., 0], torch.where(highest > 0, rate, 0.0)[..., 0]

    def shape(self, spectrum: Tensor, floor: float) -> dict[str, Tensor]:
        """Describe where the power of spectra [..., K] lies, [...] each; see `spectrum.spectral_shape`."""
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
            "dominant_hz": torch.where(audible, ((peak + shift) * self.step_hz)[..., 0], 0.0),
            "dominant_share": share.gather(-1, near).sum(-1).clamp(max=1) * total / (total + floor),
            "entropy": -(share * share.clamp(min=TINY).log()).sum(-1) / self.log_n_moving,
            "centroid_hz": torch.where(audible, (share * self.frequencies_hz).sum(-1), 0.0),
        }


def power(transformed: Tensor) -> Tensor:
    """Return squared magnitudes [..., K] of what `SpectrumGraph.transform` returns, [..., 2 K]."""
    real, imaginary = transformed.chunk(2, dim=-1)
    return real.square() + imaginary.square()


def _parabola_shift(values: Tensor) -> Tensor:
    """Return where in [-0.5, 0.5] the parabola through three values [..., 3] has its top, [..., 1]."""
    left, middle, right = values.split(1, dim=-1)
    bend = left - 2 * middle + right
    return torch.where(bend < 0, 0.5 * (left - right) / bend.clamp(max=-TINY), 0.0).clamp(-0.5, 0.5)
