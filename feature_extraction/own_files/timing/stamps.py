"""Time stamps as numbers, dates and times of day, in seconds that go on where the clock starts again.

Rows that share a stamp were sent together. The stamp is that of the first of them, and they are spread evenly up to
the next stamp, if that gives about the usual interval; with the next stamp much later, at the usual interval; and if
there are far too many of them, they are repetitions, of which the first is kept. Only of rows that share the very first
stamp of a recording, the last is the one before the next stamp; the very last are treated as those before them. This
rule holds for every reader of user's files.

Axis legend: n rows, C channels.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_extraction.own_files.account import Account
from feature_extraction.own_files.tables import Table
from feature_extraction.own_files.text.numbers import is_missing
from feature_extraction.recordings.clock import Rows

DAY_S = 86_400.0
CROWDED = 0.6  # of the usual interval: rows that would stand closer are repetitions
REPEATED, UNTIMED = "time stamp repeated", "no time stamp"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
TIME_OF_DAY = (
    r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,:](?P<f>\d{1,9}))?)?"
    r"(?:\s?(?P<p>[AaPp])\.?[Mm]\.?)?\s?(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
)
BETWEEN = r"(?:[T_]|,?\s+)"
ISO_DATE = r"(?P<Y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
DAY_MONTH = r"(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<Y>\d{4}|\d{2})"
MONTH_DAY = r"(?P<m>\d{1,2})[-/.](?P<d>\d{1,2})[-/.](?P<Y>\d{4}|\d{2})"
ANY_DATE = r"(?:[\d/.-]+)"
NAMED_DATES = (
    r"(?:[A-Za-z]{3,9},?\s)?(?P<d>\d{1,2})[-. ]+(?P<b>[A-Za-z]{3})[a-z]*[-. ]+(?P<Y>\d{4})",
    r"(?:[A-Za-z]{3,9},?\s)?(?P<b>[A-Za-z]{3})[a-z]*[-. ]+(?P<d>\d{1,2}),?\s+(?P<Y>\d{4})",
)
DIRECTIVES = {
    **{"%Y": r"(?P<Y>\d{4})", "%y": r"(?P<Y>\d{2})", "%m": r"(?P<m>\d{1,2})", "%d": r"(?P<d>\d{1,2})"},
    **{"%b": r"(?P<b>[A-Za-z]{3})[a-z]*", "%B": r"(?P<b>[A-Za-z]{3})[a-z]*", "%a": r"[A-Za-z]+", "%A": r"[A-Za-z]+"},
    **{"%H": r"(?P<H>\d{1,2})", "%I": r"(?P<H>\d{1,2})", "%M": r"(?P<M>\d{1,2})", "%S": r"(?P<S>\d{1,2})"},
    **{"%f": r"(?P<f>\d{1,9})", "%p": r"(?P<p>[AaPp])\.?[Mm]\.?", "%z": r"(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2})"},
    **{"%Z": r"[A-Za-z]+", "%%": "%"},
}


@dataclass(frozen=True)
class Clock:
    """How a column gives time.

    Attributes:
        column: Its position.
        unit_s: Seconds per unit of numbers.
        interval_s: Usual time from row to row.
        pattern: Regular expression of dates or times of day, empty for numbers.
        wraps_s: Seconds after which the clock starts again, 0 if it never does.
    """

    column: int
    unit_s: float
    interval_s: float
    pattern: str = ""
    wraps_s: float = 0.0


def pattern_of_format(date_format: str) -> str:
    """Return the regular expression of what `strptime` reads with this format.

    Raises:
        ValueError: It has a directive that is not known.
    """
    parts = re.split(r"(%.)", date_format)
    unknown = [part for part in parts if part.startswith("%") and part not in DIRECTIVES]
    if unknown:
        raise ValueError(f"{unknown[0]} is not known; use {' '.join(DIRECTIVES)}")
    return "".join(DIRECTIVES[part] if part in DIRECTIVES else re.escape(part) for part in parts)


def find_pattern(texts: list[str]) -> tuple[str, str, bool] | None:
    """Return the regular expression that fits all stamps, what it takes them for, and whether that is beyond doubt.

    Raises:
        ValueError: Day and month cannot be told apart in one way.
    """
    present = [text.strip() for text in texts if not is_missing(text)]
    fits = [pattern for pattern in (TIME_OF_DAY,) if _fit(pattern, present)]
    if fits:
        return fits[0], "times of day", True
    for date in (ISO_DATE, *NAMED_DATES):
        if _fit(date + BETWEEN + TIME_OF_DAY, present):
            return date + BETWEEN + TIME_OF_DAY, "dates", True
    whole = DAY_MONTH + BETWEEN + TIME_OF_DAY
    matches = [match for text in present if (match := re.fullmatch(whole, text))]
    if not present or len(matches) < len(present):
        return None
    first, second = max(int(match["d"]) for match in matches), max(int(match["m"]) for match in matches)
    if first > 12 and second > 12:
        raise ValueError(f"is written with day and month in either order, such as {present[0]!r}")
    if first > 12:
        return whole, "dates with the day first", True
    if second > 12:
        return MONTH_DAY + BETWEEN + TIME_OF_DAY, "dates with the month first", True
    what = f"dates; in {present[0]!r} day and month can change places, so only its time of day is used"
    return ANY_DATE + BETWEEN + TIME_OF_DAY, what, False


def wraps_at_midnight(pattern: str) -> bool:
    """Return whether a pattern holds no date."""
    return "<d>" not in pattern


def parse_stamps(texts: Any, pattern: str) -> np.ndarray:
    """Return a chunked Arrow column of dates or times of day in seconds [n], NaN where missing.

    Raises:
        ValueError: A text does not fit; its arguments are the row and the text.
    """
    from pyarrow import compute

    parts = compute.extract_regex(compute.utf8_trim_whitespace(texts), f"^(?:{pattern})$").combine_chunks()
    bad = np.flatnonzero(~parts.is_valid().to_numpy(zero_copy_only=False))
    for row in bad:
        if not is_missing(texts[int(row)].as_py()):
            raise ValueError(int(row), texts[int(row)].as_py())
    has = set(re.findall(r"\(\?P<(\w)>", pattern))

    def number(key: str) -> np.ndarray:
        if key not in has:
            return np.zeros(len(parts))
        text = compute.fill_null(compute.struct_field(parts, key), "")
        text = compute.if_else(compute.equal(text, ""), "0", text)
        return text.cast("float64").to_numpy(zero_copy_only=False)

    hours = number("H")
    if "p" in has:
        letter = compute.utf8_lower(compute.fill_null(compute.struct_field(parts, "p"), ""))
        afternoon, morning = (compute.equal(letter, half).to_numpy(zero_copy_only=False) for half in "pa")
        hours = np.where(afternoon | morning, hours % 12, hours) + 12 * afternoon
    seconds = 3600 * hours + 60 * number("M") + number("S")
    if "f" in has:
        digits = compute.utf8_rpad(compute.fill_null(compute.struct_field(parts, "f"), ""), 9, "0")
        seconds = seconds + digits.cast("float64").to_numpy(zero_copy_only=False) / 1e9
    if "d" in has:
        month = _months(parts) if "b" in has else number("m")
        year = number("Y")
        seconds = seconds + DAY_S * _days(np.where(year < 100, year + 2000, year), month, number("d"))
        seconds = seconds - _zones(parts) if "z" in has else seconds
    seconds[bad] = np.nan
    return seconds


def read_clock(table: Table, clock: Clock) -> np.ndarray:
    """Return what a clock shows, in seconds [n], NaN where missing.

    Raises:
        InputError: An entry is no number, date or time of day, or not as the others.
    """
    found = table.columns[clock.column]
    kind = str(found.type)
    if clock.pattern:
        try:
            return parse_stamps(found, clock.pattern)
        except ValueError as error:
            raise table.not_a("not written as the time stamps above", clock.column, *error.args) from error
    if kind.startswith(("timestamp", "time", "duration")):
        of_day = kind.startswith(("time32", "time64"))
        whole = found.cast("time64[ns]" if of_day else "timestamp[ns]" if kind[4] == "s" else "duration[ns]")
        return np.asarray(whole.cast("int64").to_numpy(), dtype=np.float64) / 1e9
    return table.numbers(clock.column) * clock.unit_s


def _fit(pattern: str, texts: list[str]) -> bool:
    return bool(texts) and all(re.fullmatch(pattern, text) for text in texts)


def _months(parts: Any) -> np.ndarray:
    from pyarrow import array, compute

    names = compute.utf8_lower(compute.fill_null(compute.struct_field(parts, "b"), ""))
    found = compute.fill_null(compute.index_in(names, array(MONTHS)), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64) + 1


def _zones(parts: Any) -> np.ndarray:
    """Return how far local time is ahead of UTC, in seconds."""
    from pyarrow import compute

    texts = compute.fill_null(compute.struct_field(parts, "z"), "")
    kinds = {text: _zone(text) for text in texts.unique().to_pylist()}
    return np.array([kinds[text] for text in texts.to_pylist()]) if len(kinds) > 1 else np.array([*kinds.values()])


def _zone(text: str) -> float:
    digits = text.replace(":", "")
    if not digits or digits[0] not in "+-":
        return 0.0
    return (-1 if digits[0] == "-" else 1) * (3600.0 * int(digits[1:3]) + 60.0 * int(digits[3:5]))


def _days(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return days since 1970 in the Gregorian calendar (Hinnant, chrono-compatible low-level date algorithms)."""
    year = year - (month <= 2)
    era = np.floor(year / 400)
    of_era = year - era * 400
    of_year = np.floor((153 * (month + np.where(month > 2, -3, 9)) + 2) / 5) + day - 1
    return era * 146_097 + of_era * 365 + np.floor(of_era / 4) - np.floor(of_era / 100) + of_year - 719_468


class Timeline:
    """Rows of one clock, some at a time: stamps that never start again, one for each row."""

    def __init__(self, clock: Clock, account: Account) -> None:
        """Start before the first row."""
        self._clock, self._account = clock, account
        self._last_raw, self._turns = np.nan, 0
        self._held: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None  # rows that share the newest stamp
        self._at_start = True
        self._shares = False  # whether rows that shared a stamp were spread, the last time there were any

    def push(self, times: np.ndarray, values: np.ndarray, numbers: np.ndarray) -> tuple[Rows, np.ndarray]:
        """Take in the next rows, and return those that no later row moves.

        Args:
            times: Seconds as the clock shows them, NaN where missing [n].
            values: [n, C].
            numbers: Of the rows in the file [n].

        Returns:
            Seconds and values, and the numbers of their rows.
        """
        timed = np.isfinite(times)
        self._account.leave_out(UNTIMED, int((~timed).sum()))
        rows = self.unwrap(times[timed]), values[timed], numbers[timed]
        if self._held is not None:
            rows = (np.r_[self._held[0], rows[0]], np.r_[self._held[1], rows[1]], np.r_[self._held[2], rows[2]])
        starts = _starts(rows[0])
        if not len(starts):
            return (rows[0], rows[1]), rows[2]
        last = int(starts[-1])
        self._held = rows[0][last:], rows[1][last:], rows[2][last:]
        return self._spread((rows[0][:last], rows[1][:last], rows[2][:last]), float(rows[0][last]))

    def finish(self) -> tuple[Rows, np.ndarray]:
        """Return the remaining rows."""
        if self._held is None:
            return (np.empty(0), np.empty((0, 0))), np.empty(0, dtype=int)
        return self._spread(self._held, np.inf)

    def unwrap(self, times: np.ndarray) -> np.ndarray:
        """Return the times of the next rows, which never start again [n]."""
        wraps_s = self._clock.wraps_s
        if not wraps_s or not len(times):
            return times
        steps = np.diff(np.r_[times[0] if np.isnan(self._last_raw) else self._last_raw, times])
        turns = self._turns + np.cumsum((steps < -wraps_s / 2).astype(int) - (steps > wraps_s / 2))
        self._last_raw, self._turns = float(times[-1]), int(turns[-1])
        return times + turns * wraps_s

    def _spread(self, rows: tuple[np.ndarray, np.ndarray, np.ndarray], next_s: float) -> tuple[Rows, np.ndarray]:
        """Give every row a stamp of its own, or leave it out; `next_s` is the stamp after these rows."""
        times, values, numbers = rows
        starts = _starts(times)
        at_start, self._at_start = self._at_start, self._at_start and not len(starts)
        if len(starts) == len(times):
            return (times, values), numbers
        sizes = np.diff(np.r_[starts, len(times)])
        intervals = np.diff(np.r_[times[starts], next_s])
        usual = self._clock.interval_s
        steps = np.clip(intervals / sizes, None, usual / CROWDED)
        steps[intervals / sizes > usual / CROWDED] = usual
        kept = (sizes == 1) | (steps >= CROWDED * usual)
        told = (sizes > 1) & np.isfinite(intervals)
        self._shares = bool(kept[told][-1]) if told.any() else self._shares
        kept &= np.isfinite(intervals) | (sizes == 1) | self._shares
        group = np.repeat(np.arange(len(starts)), sizes)
        within = np.arange(len(times)) - starts[group]
        spread = times + within * np.where(kept, steps, 0.0)[group]
        if at_start and sizes[0] > 1 and np.isfinite(intervals[0]) and intervals[0] > sizes[0] * usual / CROWDED:
            spread[: sizes[0]] += intervals[0] - sizes[0] * usual
        stays = kept[group] | (within == 0)
        self._account.leave_out(REPEATED, int((~stays).sum()))
        return (spread[stays], values[stays]), numbers[stays]


def _starts(times: np.ndarray) -> np.ndarray:
    """Return the first row of every run of rows with the same stamp."""
    return np.flatnonzero(np.r_[True, times[1:] != times[:-1]]) if len(times) else np.empty(0, dtype=int)
