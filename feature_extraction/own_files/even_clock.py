"""Rows with time stamps of their own, brought to an even clock some at a time.

It does what `signal.merge_on_time` does for one stream, in blocks: beside the rows themselves, memory does
not grow with their number. Axis legend: n rows, C channels.
"""

from collections.abc import Iterator

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.recordings.signal import MAX_GAP_S, in_order, on_clock, split_at_pauses

LONGEST_USUAL_INTERVAL = 2.5
LONGEST_PAUSE_S = 31 * 24 * 3600.0
FARTHEST_BACK_S = 1.0  # packets of a radio link may arrive out of order; a second recording may not follow
BLOCK = 1 << 15  # rows given out at once
MARGIN = 64  # rows around a block within which its spline and filter have settled


def even_rows(times_s: np.ndarray, values: np.ndarray, rate_hz: float, where: str) -> Iterator[np.ndarray]:
    """Evaluate rows at 0, 1/rate, ... after the first time stamp.

    Args:
        times_s: Time stamps [n], NaN where missing.
        values: [n, C], NaN where missing.
        rate_hz: Rate of the clock.
        where: File and column, for messages.

    Yields:
        [at most `BLOCK`, C]; a pause of more than 0.2 s becomes more rows of NaN than are ever filled.

    Raises:
        InputError: Time goes back, or jumps ahead by more than a month.
    """
    timed = np.isfinite(times_s)
    steps = np.diff(times_s[timed])
    for bad, what in ((steps < -FARTHEST_BACK_S, "goes back"), (steps > LONGEST_PAUSE_S, "jumps ahead")):
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            row = int(np.flatnonzero(timed)[first + 1]) + 1
            raise InputError(f"{where} {what} by {abs(steps[first]):.4g} s at row {row}; cut the file there")
    if not (steps > 0).any():
        return
    longest_s = max(MAX_GAP_S, LONGEST_USUAL_INTERVAL * float(np.median(steps[steps > 0])))
    good = timed & np.isfinite(values).all(axis=1)
    ordered = in_order(times_s[good] - times_s[timed].min(), values[good])
    n_given = 0
    for times, stretch in split_at_pauses(*ordered, longest_s):
        n_rows = int(np.floor((times[-1] - times[0]) * rate_hz + 1e-6)) + 1
        if n_rows < 2:
            continue
        shortest = int(MAX_GAP_S * rate_hz) + 1 if n_given else 0
        n_missing = max(round(float(times[0]) * rate_hz) - n_given, shortest)
        for first in range(0, n_missing, BLOCK):
            yield np.full((min(BLOCK, n_missing - first), values.shape[1]), np.nan)
        yield from _blocks(times - times[0], stretch, n_rows, rate_hz)
        n_given += n_missing + n_rows


def _blocks(times: np.ndarray, values: np.ndarray, n_rows: int, rate_hz: float) -> Iterator[np.ndarray]:
    """Evaluate one contiguous stretch, each block with a margin on both sides."""
    for first in range(0, n_rows, BLOCK):
        begin, end = max(first - MARGIN, 0), min(first + BLOCK + MARGIN, n_rows)
        start_s, end_s = begin / rate_hz, (end - 1) / rate_hz
        near = slice(
            max(int(np.searchsorted(times, start_s, "right")) - MARGIN, 0),
            int(np.searchsorted(times, end_s, "left")) + MARGIN,
        )
        rows = on_clock(times[near] - start_s, values[near], end - begin, rate_hz)
        yield rows[first - begin : first - begin + BLOCK].astype(np.float64)
