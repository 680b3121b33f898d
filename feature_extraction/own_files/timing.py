"""Which column of a file is time, and in which unit; what it says about the sampling rate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.column_names import read_time_unit
from feature_extraction.own_files.columns import shown
from feature_extraction.own_files.declared import FASTEST_HZ, SLOWEST_HZ, Declared
from feature_extraction.own_files.tables import Table
from feature_extraction.recordings.signal import TIME_UNITS_S

EPOCHS = {"s": (1e8, 1e10), "ms": (1e11, 1e13), "us": (1e14, 1e16), "ns": (1e17, 1e19)}
RATE_TOLERANCE = 0.1
MOST_REPEATED = 0.05  # part of time stamps that may repeat or go back


@dataclass(frozen=True)
class Timing:
    """How the rows of a file are timed.

    Attributes:
        rate_hz: Of the even clock.
        column: Position of the time stamps, if they are used.
        unit_s: Seconds per unit of the time stamps.
        finding: One readable line.
        certain: Whether nothing had to be guessed.
    """

    rate_hz: float
    column: int | None
    unit_s: float
    finding: str
    certain: bool = True


def find_timing(head: Table, declared: Declared, time_column: int | None, taken: Sequence[int]) -> Timing:
    """Return the first time column that can be used, or the declared rate.

    Args:
        head: First rows of the file, or none if only the names of its columns are known.
        declared: What the user said.
        time_column: Position of the declared time column.
        taken: Columns of the channels.

    Raises:
        InputError: The declared column holds no time stamps, or the rate is not known.
    """
    if time_column is not None and len(head):
        return _agreeing(_read_stamps(head, time_column, declared), declared, head)
    named = [i for i, name in enumerate(head.names) if i not in taken and read_time_unit(name) is not None]
    problems = []
    for column in named if declared.seeks_time and len(head) else ():
        try:
            timing = _read_stamps(head, column, declared)
        except InputError as error:
            problems.append(str(error).removeprefix(f"{head.path}: ").split(";")[0])
        else:
            return _agreeing(timing, declared, head)
    if declared.rate_hz is not None:
        ignored = f"; time stamps are not used ({problems[0]})" if problems else ""
        return Timing(declared.rate_hz, None, 1.0, f"{declared.rate_hz:g} Hz: declared{ignored}", not problems)
    because = f"; {problems[0]}" if problems else ", and there is no column of time stamps"
    key = declared.keys["rate_hz"]
    raise InputError(f"{head.path}: the sampling rate is not known{because}; declare it: {key} 50")


def _agreeing(timing: Timing, declared: Declared, head: Table) -> Timing:
    """Bring the clock to the declared rate, if there is one."""
    said = declared.rate_hz
    if said is not None and abs(timing.rate_hz / said - 1) > RATE_TOLERANCE:
        rate, unit, column = (declared.keys[key] for key in ("rate_hz", "time_unit", "time_column"))
        raise InputError(f"{head.path}: {rate} says {said:g}, but {timing.finding}; correct {rate}, {unit} or {column}")
    return replace(timing, rate_hz=declared.clock_hz or said or timing.rate_hz)


def _read_stamps(head: Table, column: int, declared: Declared) -> Timing:
    """Read rate and unit off the first time stamps.

    Raises:
        InputError: They are no time stamps of a sensor.
    """
    where = f"{head.path}: time column {shown(head.names, column)}"
    rate, time_unit, time_column = (declared.keys[key] for key in ("rate_hz", "time_unit", "time_column"))
    remedy = f"name another with {time_column} and {time_unit}, or declare {rate}"
    stamps = head.stamps(column)
    stamps = stamps[np.isfinite(stamps)]
    is_date = head.is_date(column)
    unit = "ns" if is_date else declared.time_unit or read_time_unit(head.names[column]) or ""
    source = "" if unit else ", as its size tells"
    steps = np.diff(stamps)
    if len(steps) < 2 and unit and declared.clock_hz:
        return Timing(declared.clock_hz, column, TIME_UNITS_S[unit], "too short to tell its rate")
    if len(steps) < 2 or (steps <= 0).mean() > MOST_REPEATED:
        raise InputError(f"{where} does not increase from row to row; {remedy}")
    step = float(np.median(steps[steps > 0]))
    unit = unit or _unit_of_stamps(float(stamps[0]), step)
    if not unit:
        raise InputError(f"{where} has steps of {step:g} in a unit that is not clear; {remedy}")
    rate_hz = 1 / (step * TIME_UNITS_S[unit])
    if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
        raise InputError(f"{where} has steps of {step:g} {unit}, no sampling rate; {remedy}")
    how = "as dates" if is_date else f"in {unit}{source}"
    finding = f"time <- column {shown(head.names, column)} {how}: {rate_hz:.4g} Hz"
    return Timing(even_rate(rate_hz), column, TIME_UNITS_S[unit], finding, not source)


def _unit_of_stamps(first: float, step: float) -> str:
    """Return the unit of time stamps since 1970, else the one that makes the step a usual sampling interval."""
    for unit, (low, high) in EPOCHS.items():
        if low <= first < high and SLOWEST_HZ <= 1 / (step * TIME_UNITS_S[unit]) <= FASTEST_HZ:
            return unit
    if step == 1:
        return ""  # a counter of rows
    return next((unit for unit in TIME_UNITS_S if 5 <= 1 / (step * TIME_UNITS_S[unit]) <= 999), "")


def even_rate(rate_hz: float) -> float:
    """Return the rate of the clock for time stamps of about this rate: one that resamples by small whole numbers."""
    whole = round(rate_hz)
    return float(whole) if rate_hz > 100 or abs(rate_hz / whole - 1) < 0.005 else round(rate_hz * 20) / 20
