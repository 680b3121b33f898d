"""Which column of a file is time, and in which unit; what it says about the sampling rate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.account import Account
from feature_extraction.own_files.columns import shown
from feature_extraction.own_files.columns.names import read_time_unit
from feature_extraction.own_files.declared import FASTEST_HZ, SLOWEST_HZ, Declared
from feature_extraction.own_files.tables import Table
from feature_extraction.own_files.timing.stamps import (
    DAY_S,
    Clock,
    Timeline,
    find_pattern,
    pattern_of_format,
    read_clock,
    wraps_at_midnight,
)
from feature_extraction.recordings.signal import TIME_UNITS_S

EPOCHS = {  # stamps since 1970 from 1973 on; ticks of 100 ns since 1601 and since the year 1
    **{"s": ((1e8, 1e10),), "ms": ((1e11, 1e13),), "us": ((1e14, 1e16),), "ns": ((9e17, 4e18),)},
    "100ns": ((1.2e17, 1.6e17), (6e17, 7e17)),
}
GUESSED_UNITS = ("s", "ms", "us", "ns")
PERIODS_S = (1.0, 60.0, 3600.0, DAY_S)  # clocks that hold only a part of the time
COUNTERS = {1_000.0: "ms", 1_000_000.0: "us", 1_000_000_000.0: "ns"}  # such parts of a second
SLOWEST_GUESS_HZ = 10.0  # rather than that, the unit is another
RATE_TOLERANCE = 0.1
MOST_REPEATED = 0.05  # part of time stamps that may repeat or go back
STEADY = 0.8  # part of the batches whose rows come at about the same rate


@dataclass(frozen=True)
class Timing:
    """How the rows of a file are timed.

    Attributes:
        rate_hz: Of the even clock.
        clock: The time stamps, if they are used.
        finding: One readable line.
        certain: Whether nothing had to be guessed.
    """

    rate_hz: float
    clock: Clock | None
    finding: str
    certain: bool = True


def find_timing(head: Table, declared: Declared, candidates: Sequence[int], taken: Sequence[int]) -> Timing:
    """Return the first time column that can be used, or the declared rate.

    Args:
        head: First rows of the file, or none if only the names of its columns are known.
        declared: What the user said.
        candidates: Columns that may hold time stamps; only the declared one, if there is one.
        taken: Columns of the channels.

    Raises:
        InputError: The declared column holds no time stamps, time columns contradict each other, or the rate is not
            known.
    """
    if declared.time_column is not None and len(head):
        return _agreeing(_Stamps(head, candidates[0], declared, taken).timing(), declared, head)
    problems, usable = [], []
    for column in candidates if len(head) else ():
        try:
            usable.append(_Stamps(head, column, declared, taken).timing())
        except InputError as error:
            problems.append(str(error).removeprefix(f"{head.path}: ").split(";")[0])
    if usable:
        return _agreeing(_first_of(usable), declared, head)
    if declared.rate_hz is not None:
        ignored = f"; time stamps are not used ({problems[0]})" if problems else ""
        return Timing(declared.rate_hz, None, f"{declared.rate_hz:g} Hz: declared{ignored}", not problems)
    because = f"; {problems[0]}" if problems else ", and there is no column of time stamps"
    key, off = declared.keys["rate_hz"], declared.keys["no_time"]
    passing = f", and {off} if that column is no clock" if problems else ""
    raise InputError(f"{head.path}: the sampling rate is not known{because}; declare it: {key} 50{passing}")


def _first_of(usable: Sequence[Timing]) -> Timing:
    """Return the first clock; others that run at another speed are said aloud."""
    first = next((timing for timing in usable if timing.certain), usable[0])
    others = [
        timing for timing in usable if timing.certain and abs(timing.rate_hz / first.rate_hz - 1) > RATE_TOLERANCE
    ]
    if not others:
        return first
    finding = f"{first.finding}; but there is {others[0].finding.removeprefix('time <- ')}, which is not used"
    return replace(first, finding=finding, certain=False)


def _agreeing(timing: Timing, declared: Declared, head: Table) -> Timing:
    """Bring the clock to the declared rate, if there is one."""
    said = declared.rate_hz
    if said is not None and abs(timing.rate_hz / said - 1) > RATE_TOLERANCE:
        rate, unit, column = (declared.keys[key] for key in ("rate_hz", "time_unit", "time_column"))
        raise InputError(f"{head.path}: {rate} says {said:g}, but {timing.finding}; correct {rate}, {unit} or {column}")
    return replace(timing, rate_hz=declared.clock_hz or said or timing.rate_hz)


class _Stamps:
    """First entries of a column, read as time."""

    def __init__(self, head: Table, column: int, declared: Declared, taken: Sequence[int]) -> None:
        self._head, self._column, self._declared, self._taken = head, column, declared, taken
        self._name = shown(head.names, column)
        self._where = f"{head.path}: time column {self._name}"
        rate, unit, time_column, off = (
            declared.keys[key] for key in ("rate_hz", "time_unit", "time_column", "no_time")
        )
        self._remedy = f"name another with {time_column} and {unit}, or declare {rate} and {off}"

    def timing(self) -> Timing:
        """Read clock and rate off the stamps.

        Raises:
            InputError: They are no time stamps of a sensor.
        """
        kind = str(self._head.columns[self._column].type)
        pattern, what, sure = self._pattern()
        if pattern or kind.startswith("time"):
            of_day = kind.startswith(("time32", "time64")) or bool(pattern) and wraps_at_midnight(pattern)
            clock = Clock(self._column, 1.0, np.nan, pattern, DAY_S if of_day else 0.0)
            how = f"as {what or ('times of day' if of_day else 'dates')}"
        else:
            clock, how, sure = self._of_numbers()
        shown_s = read_clock(self._head, clock)
        n_stamps = int(np.isfinite(shown_s).sum())
        if n_stamps < 3 and self._declared.clock_hz and clock.unit_s:
            rate_hz = self._declared.clock_hz
            return Timing(rate_hz, replace(clock, interval_s=1 / rate_hz), "too short to tell its rate")
        interval_s, batches = self._interval(self._unwrapped(shown_s, clock))
        rate_hz = 1 / interval_s
        if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
            steps = f"{interval_s / clock.unit_s:g} {how.removeprefix('in ')}"
            raise InputError(f"{self._where} has steps of {steps}, no sampling rate; {self._remedy}")
        finding = f"time <- column {self._name} {how}: {rate_hz:.4g} Hz{batches}"
        return Timing(even_rate(rate_hz), replace(clock, interval_s=interval_s), finding, sure)

    def _pattern(self) -> tuple[str, str, bool]:
        """Return how dates or times of day are written; nothing for numbers."""
        said = self._declared.date_format
        if not self._head.is_text(self._column):
            return "", "", True
        if said is not None:
            try:
                return pattern_of_format(said), f"written as {said}", True
            except ValueError as error:
                raise InputError(f"date_format: {said!r}: {error}") from error
        if self._head.is_numeric(self._column):
            return "", "", True
        try:
            found = find_pattern(self._head.columns[self._column].to_pylist())
        except ValueError as error:
            raise InputError(f"{self._where} {error}; declare date_format") from error
        return found or ("", "", True)

    def _of_numbers(self) -> tuple[Clock, str, bool]:
        """Return the clock of a column of numbers, how they are read, and whether that is beyond doubt."""
        numbers = self._head.numbers(self._column)
        numbers = numbers[np.isfinite(numbers)]
        stated = self._declared.time_unit or read_time_unit(self._head.names[self._column]) or ""
        if len(numbers) < 3 and stated:
            return Clock(self._column, TIME_UNITS_S[stated], np.nan), f"in {stated}", True
        steps = np.diff(numbers)
        if not (steps > 0).any():
            raise InputError(f"{self._where} does not increase from row to row; {self._remedy}")
        wraps = _period(numbers, stated)
        if wraps:
            unit = stated or COUNTERS[wraps]
            how = f"in {unit}, which starts again every {wraps:g}, so that longer pauses cannot be seen"
            return Clock(self._column, TIME_UNITS_S[unit], np.nan, wraps_s=wraps * TIME_UNITS_S[unit]), how, False
        step = float(np.median(steps[steps > 0]))
        unit = stated or _unit_of_stamps(float(numbers[0]), step * float((steps > 0).mean()), step)
        if not unit:
            raise InputError(f"{self._where} has steps of {step:g} in a unit that is not clear; {self._remedy}")
        return (
            Clock(self._column, TIME_UNITS_S[unit], np.nan),
            f"in {unit}{'' if stated else ', as its size tells'}",
            (bool(stated)),
        )

    def _unwrapped(self, shown_s: np.ndarray, clock: Clock) -> np.ndarray:
        """Return the time of every row [n], NaN where missing."""
        timed = np.isfinite(shown_s)
        times = shown_s.copy()
        times[timed] = Timeline(clock, Account()).unwrap(shown_s[timed])
        return times

    def _interval(self, times: np.ndarray) -> tuple[float, str]:
        """Return the time from row to row, and whether rows that share a stamp are spread.

        Raises:
            InputError: The stamps do not increase.
        """
        timed = np.flatnonzero(np.isfinite(times))
        times = times[timed]
        steps = np.diff(times)
        if len(steps) < 2 or (steps < 0).mean() > MOST_REPEATED or not (steps > 0).any():
            falls = steps[steps < 0]
            why = f", it falls at {len(falls):,} of {len(times):,} rows" if len(falls) else ""
            raise InputError(f"{self._where} does not increase from row to row{why}; {self._remedy}")
        usual = float(np.median(steps[steps > 0]))
        if (steps == 0).mean() <= MOST_REPEATED:
            return usual, ""
        values = self._head.samples(self._taken)[timed]
        same = (np.diff(values, axis=0) == 0).all(axis=1) | ~np.isfinite(np.diff(values, axis=0)).all(axis=1)
        repeated = float((steps == 0).mean())
        if same[steps == 0].mean() > 0.9:
            return usual, f"; {repeated:.0%} of the rows repeat the one before and are left out"
        starts = np.flatnonzero(np.r_[True, steps != 0])
        sizes, intervals = np.diff(starts), np.diff(times[starts])
        inner = slice(1, None) if len(sizes) > 2 else slice(None)
        sizes, intervals = sizes[inner], intervals[inner]
        apart = intervals / sizes
        typical = float(intervals[(0.6 < apart / np.median(apart)) & (apart / np.median(apart) < 1.67)].sum())
        like = (0.6 < apart / np.median(apart)) & (apart / np.median(apart) < 1.67)
        if like.mean() < STEADY:
            raise InputError(
                f"{self._where}: several rows share a time stamp, and not evenly, so that their times are not known; "
                f"{self._remedy}"
            )
        together = float(np.median(sizes))
        return typical / float(sizes[like].sum()), (
            f"; about {together:g} rows share a time stamp and are spread evenly up to the next"
        )


def _period(numbers: np.ndarray, unit: str) -> float:
    """Return after how many units a clock starts again, 0 if it does not."""
    steps = np.diff(numbers)
    falls, usual = steps[steps < 0], float(np.median(steps[steps > 0]))
    if not len(falls) or numbers.min() < 0:
        return 0.0
    periods = [period / TIME_UNITS_S[unit] for period in PERIODS_S] if unit else list(COUNTERS)
    periods = [period for period in periods if period > 5 * usual]
    fits = [p for p in periods if numbers.max() < p and (np.abs(falls + p - usual) <= 3 * usual).all()]
    return fits[0] if fits else 0.0


def _unit_of_stamps(first: float, mean_step: float, step: float) -> str:
    """Return the unit of time stamps since 1970, else the one that makes the step a usual sampling interval."""
    for unit, spans in EPOCHS.items():
        rate_hz = 1 / (mean_step * TIME_UNITS_S[unit])
        if any(low <= first < high for low, high in spans) and SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
            return unit
    if step == 1:
        return ""  # a counter of rows
    return next((unit for unit in GUESSED_UNITS if SLOWEST_GUESS_HZ < 1 / (mean_step * TIME_UNITS_S[unit]) <= 999), "")


def even_rate(rate_hz: float) -> float:
    """Return the rate of the clock for time stamps of about this rate: one that resamples by small whole numbers."""
    whole = round(rate_hz)
    return float(whole) if rate_hz > 100 or abs(rate_hz / whole - 1) < 0.005 else round(rate_hz * 20) / 20
