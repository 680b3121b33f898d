"""Windows at the rate of a model, each from the rows it needs: the same bits however many rows are at hand.

Axis legend: n windows, T samples per window, C channels. Rows count at the rate of the recording, samples at
the rate of the model; sample s lies at row s * down / up of its piece.
"""

import math
from fractions import Fraction

import numpy as np

from feature_extraction.recordings.signal import resample_by
from feature_extraction.windows.cutting import WindowSettings

FILTER_REACH = 10  # scipy's resample_poly reaches this many samples of the slower rate to each side


class WindowResampler:
    """Which rows of a contiguous piece a window needs, and the window made of them."""

    def __init__(self, ratio: Fraction, settings: WindowSettings) -> None:
        """Work out the reach of the filter.

        Args:
            ratio: Samples per row, up / down.
            settings: Length and overlap of the windows.
        """
        self.ratio = ratio
        self._up, self._down = ratio.numerator, ratio.denominator
        self._length, self._step = settings.window_samples, settings.step_samples
        self._reach = 0 if ratio == 1 else FILTER_REACH * max(self._up, self._down)  # in 1 / up rows
        self.rows_per_window = math.ceil(self._length / ratio)

    def n_samples(self, n_rows: int) -> int:
        """Return how many samples a piece of `n_rows` becomes."""
        return -(-n_rows * self._up // self._down)

    def count_complete(self, n_rows: int) -> int:
        """Return how many windows a piece of `n_rows` has that no later row can change."""
        last_sample = (n_rows * self._up - 1 - self._reach) // self._down
        return max(0, (last_sample + 1 - self._length) // self._step + 1)

    def count_at_end(self, n_rows: int) -> int:
        """Return how many windows a piece of `n_rows` has, at least one window long."""
        return (self.n_samples(n_rows) - self._length) // self._step + 1

    def first_row(self, starts: np.ndarray) -> np.ndarray:
        """Return the first row that the window starting at a sample needs; negative before the piece."""
        return -((self._reach - starts * self._down) // self._up)

    def last_row(self, starts: np.ndarray) -> np.ndarray:
        """Return the last row that the window starting at a sample needs."""
        return ((starts + self._length - 1) * self._down + self._reach) // self._up

    def cut(self, rows: np.ndarray, forgotten: int, starts: np.ndarray) -> np.ndarray:
        """Cut windows from the rows at hand.

        Rows are gathered from a multiple of `down` on, where a row and a sample coincide. What lies
        outside the reach of the filter has no influence, so the nearest row within it stands there.

        Args:
            rows: float32 [n_rows, C]; the windows need none before them, nor any after them that may
                still come.
            forgotten: Rows of the piece before `rows`.
            starts: Sample of the piece at which each window starts [n].

        Returns:
            float32 [n, T, C].
        """
        first, last = self.first_row(starts)[:, None], self.last_row(starts)[:, None]
        origin = first // self._down
        n_gathered = self._down + int((last - first).max())
        wanted = np.clip(origin * self._down + np.arange(n_gathered), first, last)
        wanted = np.clip(wanted, 0, forgotten + len(rows) - 1) - forgotten
        gathered = rows[wanted.T].reshape(n_gathered, -1)  # [n_gathered, n * C]
        resampled = resample_by(gathered, self.ratio).reshape(-1, len(starts), rows.shape[1])
        samples = starts[:, None] - origin * self._up + np.arange(self._length)
        return resampled[samples, np.arange(len(starts))[:, None]]
