"""Rows with time stamps, brought to an even clock.

The same for every reader: rows are put in order of time, and of rows with the same stamp the first is kept; a pause
longer than the longest that is bridged ends a piece; between samples, values follow a cubic spline (straight lines
across pauses); bursts sampled faster than the clock are low-pass filtered before they are thinned out.

Axis legend: n rows, T samples of the clock, C channels.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.recordings.signal import MAX_GAP_S, resample_by

LONGEST_USUAL_INTERVAL = 2.5
LONGEST_PAUSE_S = 31 * 24 * 3600.0
FARTHEST_BACK_S = 1.0  # packets of a radio link may arrive out of order; a second recording may not follow
BLOCK = 1 << 15  # samples given out at once
MOST_ROWS = 200_000_000  # of a recording with its pauses: 23 days at 100 Hz
MARGIN = 64  # samples and rows around a block within which its spline and filter have settled

ALONE = "alone between pauses"

Rows = tuple[np.ndarray, np.ndarray]  # time stamps in seconds [n], values [n, C]


def even_rows(
    batches: Iterable[tuple[np.ndarray, ...]],
    rate_hz: float,
    where: str,
    on_left_out: Callable[[str, int], None] = lambda reason, n_rows: None,
) -> Iterator[np.ndarray]:
    """Evaluate a stream at 0, 1/rate, ... after its first time stamp; memory does not grow with its length.

    Args:
        batches: Some rows at a time, NaN where missing: stamps, values, and the numbers of the rows from 1, if they are
            not all there.
        rate_hz: Rate of the clock.
        where: File and column, for messages.
        on_left_out: Called with a reason and the number of rows that have stamp and values, yet are not used.

    Yields:
        [at most `BLOCK`, C]; a pause that is not bridged becomes more rows of NaN than are ever filled.

    Raises:
        InputError: See `require_steady`; or the pauses are far longer than what was recorded.
    """
    n_given = 0
    for start_s, block in _blocks(_in_time_order(batches, where, on_left_out), rate_hz, on_left_out):
        if start_s is not None:
            shortest = int(MAX_GAP_S * rate_hz) + 1 if n_given else 0
            n_missing = max(round(start_s * rate_hz) - n_given, shortest)
            yield from pause(n_missing, block.shape[1], n_given, where)
            n_given += n_missing
        yield block
        n_given += len(block)


def pause(n_missing: int, n_channels: int, n_before: int, where: str) -> Iterator[np.ndarray]:
    """Yield rows of NaN, at most `BLOCK` at a time.

    Args:
        n_missing: How many.
        n_channels: C.
        n_before: Rows of the recording before them.
        where: File and column, for messages.

    Raises:
        InputError: The recording would have more than `MOST_ROWS` rows.
    """
    if n_before + n_missing > MOST_ROWS:
        raise InputError(f"{where}: more than {MOST_ROWS:,} rows with its pauses; cut the file at a long pause")
    for first in range(0, n_missing, BLOCK):
        yield np.full((min(BLOCK, n_missing - first), n_channels), np.nan)


def merge_on_time(streams: Sequence[Rows], rate_hz: float, max_gap_s: float) -> list[tuple[float, np.ndarray]]:
    """Bring separately timed streams onto one clock; pieces exist only where every stream has data.

    Args:
        streams: Each in any order of time.
        rate_hz: Rate of the common clock.
        max_gap_s: Longest pause that is bridged.

    Returns:
        Contiguous pieces in order of time: start time in seconds, and float32 [T, sum of C].
    """
    ordered = [in_order(np.asarray(times, dtype=np.float64), np.asarray(values)) for times, values in streams]
    parts = [[part for part in split_at_pauses(*stream, max_gap_s) if len(part[0]) >= 2] for stream in ordered]
    pieces = []
    for start_s, end_s in _common_spans([[(times[0], times[-1]) for times, _ in stream] for stream in parts]):
        n_samples = count_samples(end_s - start_s, rate_hz)
        if n_samples < 2:
            continue
        columns = []
        for stream in parts:
            times, values = next((t, v) for t, v in stream if t[0] <= start_s and end_s <= t[-1])
            columns.append(on_clock(times - start_s, values, n_samples, rate_hz))
        pieces.append((float(start_s), np.concatenate(columns, axis=1)))
    return pieces


def undelayed(times: np.ndarray, fastest_hz: float) -> np.ndarray:
    """Return when rows were sampled at the latest, from when they arrived.

    A radio link or a busy phone holds rows back and then delivers them in a burst, often with one stamp. But a row was
    sampled at least an interval before the next one, so rows of a burst are moved back until they are that far apart;
    where rows were lost, the pause stays.

    Args:
        times: Of arrival, in the order of sampling [n].
        fastest_hz: A rate a little above that of the sensor.
    """
    steps = np.arange(len(times)) / fastest_hz
    return np.minimum.accumulate((times - steps)[::-1])[::-1] + steps


def running(streams: Mapping[str, Sequence[Rows]], max_gap_s: float) -> list[str]:
    """Return the devices that run from about the median start of all to their median end, in the given order.

    Args:
        streams: Device to its sensors, each in order of time; a sensor without rows does not run.
        max_gap_s: Longest pause, also at either end.
    """
    timed = [times for sensors in streams.values() for times, _ in sensors if len(times)]
    if not timed:
        return []
    start_s, end_s = (float(np.median([times[k] for times in timed])) for k in (0, -1))

    def runs(times: np.ndarray) -> bool:
        inside = times[(times > start_s) & (times < end_s)]
        return len(times) > 1 and bool(np.diff(np.r_[start_s, inside, end_s]).max() <= max_gap_s)

    return [device for device, sensors in streams.items() if sensors and all(runs(times) for times, _ in sensors)]


def longest_pause_s(steps_s: np.ndarray, max_gap_s: float) -> float:
    """Return the longest pause that is bridged: `max_gap_s`, or more for a sensor that samples slowly.

    Args:
        steps_s: From row to row [n]; those that are not positive do not count.
        max_gap_s: What the user or the default says.
    """
    positive = steps_s[steps_s > 0]
    return max(max_gap_s, LONGEST_USUAL_INTERVAL * float(np.median(positive))) if len(positive) else max_gap_s


def require_steady(stamps_s: np.ndarray, rows: np.ndarray, where: str, newest_s: float = -np.inf) -> float:
    """Refuse what must be more than one recording, and return the newest time stamp.

    Args:
        stamps_s: Time stamps [n].
        rows: Their rows, counted from 1 [n].
        where: File and column, for messages.
        newest_s: Newest stamp of the rows before, if there are any.

    Raises:
        InputError: Time goes back by more than a second, or jumps ahead by more than a month.
    """
    newest = np.maximum.accumulate(np.r_[newest_s, stamps_s])
    steps = stamps_s - np.where(np.isfinite(newest[:-1]), newest[:-1], stamps_s)
    for bad, what in ((steps < -FARTHEST_BACK_S, "goes back"), (steps > LONGEST_PAUSE_S, "jumps ahead")):
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            raise InputError(f"{where} {what} by {abs(steps[first]):.4g} s at row {rows[first]}; cut the file there")
    return float(newest[-1])


def order_of_time(times: np.ndarray) -> np.ndarray:
    """Return the rows in order of time, of those with the same stamp only the first."""
    order = np.argsort(times, kind="stable")
    return order[np.r_[True, np.diff(times[order]) > 0]] if len(times) else order


def in_order(times: np.ndarray, values: np.ndarray) -> Rows:
    """Sort samples by time; of those with the same time the first is kept."""
    order = order_of_time(times)
    return times[order], values[order]


def split_at_pauses(times: np.ndarray, values: np.ndarray, longest_s: float) -> list[Rows]:
    """Return every stretch without a pause longer than `longest_s`; nothing of no rows."""
    cuts = np.flatnonzero(np.diff(times) > longest_s) + 1
    return list(zip(np.split(times, cuts), np.split(values, cuts), strict=True)) if len(times) else []


def count_samples(duration_s: float, rate_hz: float) -> int:
    """Return how many samples of a clock lie in a time, both ends included."""
    return int(np.floor(duration_s * rate_hz + 1e-6)) + 1


def _in_time_order(
    batches: Iterable[tuple[np.ndarray, ...]], where: str, on_left_out: Callable[[str, int], None]
) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Yield the longest pause that is bridged, and rows in order, seconds after the first, none missing.

    Rows wait until no other can come before them. The usual interval is that of the first batch.
    """
    waiting: Rows | None = None
    newest_s, origin_s = -np.inf, np.inf
    longest_s, n_rows = MAX_GAP_S, 0
    for times, values, *given in batches:
        numbers = given[0] if given else np.arange(n_rows + 1, n_rows + 1 + len(times))
        timed = np.isfinite(times)
        stamps = times[timed]
        if len(stamps):
            if np.isinf(newest_s):
                longest_s = longest_pause_s(np.diff(stamps), MAX_GAP_S)
            newest_s = require_steady(stamps, numbers[timed], where, newest_s)
            origin_s = min(origin_s, float(stamps.min()))
        n_rows += len(times)
        good = timed & np.isfinite(values).all(axis=1)
        arrived = times[good], values[good]
        if waiting is not None:
            arrived = np.r_[waiting[0], arrived[0]], np.r_[waiting[1], arrived[1]]
        ordered = in_order(*arrived)
        on_left_out("time stamp repeated", len(arrived[0]) - len(ordered[0]))
        settled = int(np.searchsorted(ordered[0], newest_s - FARTHEST_BACK_S))
        waiting = ordered[0][settled:], ordered[1][settled:]
        yield longest_s, ordered[0][:settled] - origin_s, ordered[1][:settled]
    if waiting is not None:
        yield longest_s, waiting[0] - origin_s, waiting[1]


def _blocks(
    chunks: Iterable[tuple[float, np.ndarray, np.ndarray]], rate_hz: float, on_left_out: Callable[[str, int], None]
) -> Iterator[tuple[float | None, np.ndarray]]:
    """Yield samples of one stretch after the other, with the first of each the time when it starts."""
    stretch: _Stretch | None = None
    for longest_s, times, values in chunks:
        for part in split_at_pauses(times, values, longest_s):
            if stretch is not None and part[0][0] - stretch.end_s > longest_s:
                yield from stretch.blocks(rate_hz, ended=True)
                on_left_out(ALONE, stretch.n_alone(rate_hz))
                stretch = None
            if stretch is None:
                stretch = _Stretch(*part)
            else:
                stretch.extend(*part)
            yield from stretch.blocks(rate_hz, ended=False)
    if stretch is not None:
        yield from stretch.blocks(rate_hz, ended=True)
        on_left_out(ALONE, stretch.n_alone(rate_hz))


class _Stretch:
    """Rows without a long pause, forgotten once no later block needs them."""

    def __init__(self, times: np.ndarray, values: np.ndarray) -> None:
        self.start_s, self.end_s = float(times[0]), float(times[-1])
        self._times = times - self.start_s
        self._values = values
        self._next = 0  # sample that the next block starts with

    def n_alone(self, rate_hz: float) -> int:
        """Return how many rows there are, if they are too few to be a stretch, else 0."""
        alone = self._next == 0 and count_samples(float(self._times[-1]), rate_hz) < 2
        return len(self._times) if alone else 0

    def extend(self, times: np.ndarray, values: np.ndarray) -> None:
        """Add later rows."""
        self.end_s = float(times[-1])
        self._times = np.r_[self._times, times - self.start_s]
        self._values = np.r_[self._values, values]

    def blocks(self, rate_hz: float, ended: bool) -> Iterator[tuple[float | None, np.ndarray]]:
        """Yield the blocks that no later row changes, each evaluated with a margin on both sides."""
        n_samples = count_samples(float(self._times[-1]), rate_hz)
        while self._next < n_samples and n_samples > 1:
            first, begin, end = self._next, max(self._next - MARGIN, 0), self._next + BLOCK + MARGIN
            start_s, end_s = begin / rate_hz, (min(end, n_samples) - 1) / rate_hz
            near_first = max(int(np.searchsorted(self._times, start_s, "right")) - MARGIN, 0)
            near_last = int(np.searchsorted(self._times, end_s, "left")) + MARGIN
            if not ended and (end > n_samples or near_last > len(self._times)):
                return
            self._times, self._values = self._times[near_first:], self._values[near_first:]
            near = slice(near_last - near_first)
            rows = on_clock(self._times[near] - start_s, self._values[near], min(end, n_samples) - begin, rate_hz)
            self._next += BLOCK
            yield None if first else self.start_s, rows[first - begin : first - begin + BLOCK].astype(np.float64)


def _common_spans(spans: list[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Intersect the lists of spans of all streams."""
    common = spans[0]
    for others in spans[1:]:
        common = [(max(a, c), min(b, d)) for a, b in common for c, d in others if max(a, c) < min(b, d)]
    return common


def on_clock(times: np.ndarray, values: np.ndarray, n_samples: int, rate_hz: float) -> np.ndarray:
    """Evaluate one contiguous stream at 0, 1/rate, ...

    Args:
        times: Seconds, strictly increasing, at least two; the first is 0 or earlier [n].
        values: [n, C].
        n_samples: Length of the result.
        rate_hz: Rate of the result.

    Returns:
        float32 [n_samples, C].
    """
    from scipy.interpolate import CubicSpline

    usual = float(np.median(np.diff(times)))
    apart = np.r_[True, np.diff(times) > usual / 20]  # nearly equal times would make the spline swing out
    times, values = times[apart], values[apart]
    intervals = np.diff(times)
    fastest = max(float(np.percentile(intervals, 2)), 1e-6)
    oversampling = max(1, min(50, round(1 / (rate_hz * fastest))))
    clock = np.arange((n_samples - 1) * oversampling + 1) / (rate_hz * oversampling)
    times, values = _bridge_pauses(times, values, usual)
    if len(times) < 4:
        fine = np.stack([np.interp(clock, times, column) for column in values.T], axis=1)
    else:
        fine = CubicSpline(times, values, axis=0)(clock)
    return resample_by(fine, Fraction(1, oversampling))


def _bridge_pauses(times: np.ndarray, values: np.ndarray, usual_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Put points on straight lines into pauses, where a spline would swing out."""
    intervals = np.diff(times)
    pauses = np.flatnonzero(intervals > LONGEST_USUAL_INTERVAL * usual_s)
    if len(pauses) == 0:
        return times, values
    extra = np.concatenate([np.arange(times[i] + usual_s, times[i + 1] - usual_s / 2, usual_s) for i in pauses])
    bridges = np.stack([np.interp(extra, times, column) for column in values.T], axis=1)
    merged, rows = np.concatenate([times, extra]), np.concatenate([values, bridges])
    order = np.argsort(merged, kind="stable")
    return merged[order], rows[order]
