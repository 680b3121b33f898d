"""What is in a user's recording: declared, or read off its column names and first rows and said aloud."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.column_names import read_time_unit
from feature_extraction.own_files.columns import match_columns, position, shown
from feature_extraction.own_files.tables import Table
from feature_extraction.recordings.recording import QUANTITIES, Channel
from feature_extraction.recordings.signal import TIME_UNITS_S, si_channel

GRAVITY_IN = {"g": (0.8, 1.25), "m/s2": (7.8, 12.3), "mg": (800.0, 1250.0)}  # a worn sensor's median size
FASTEST_TURN = 50.0  # rad/s, or 2,900 deg/s: no wearable sensor measures more
SLOWEST_HZ, FASTEST_HZ = 4.0, 2000.0
EPOCHS = {"s": (1e8, 1e10), "ms": (1e11, 1e13), "us": (1e14, 1e16), "ns": (1e17, 1e19)}
RATE_TOLERANCE = 0.1
MOST_REPEATED = 0.05  # part of time stamps that may repeat or go back


@dataclass(frozen=True)
class Declared:
    """What the user said about a recording; what is left out is detected.

    Attributes:
        rate_hz: Sampling rate; with time stamps, the rate of the clock they are brought to.
        units: Unit of each quantity, such as `{"acc": "g"}`.
        columns: Column name or number of a channel such as `wrist.acc_x`, or `acc_x` if there is one device.
        time_column: Column of time stamps, by name or number.
        time_unit: s, ms, us or ns.
    """

    rate_hz: float | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str | int] = field(default_factory=dict)
    time_column: str | int | None = None
    time_unit: str | None = None

    def __post_init__(self) -> None:
        """Refuse impossible numbers and unknown words.

        Raises:
            InputError: Naming the flag, the value and what is allowed.
        """
        if self.rate_hz is not None and not SLOWEST_HZ <= self.rate_hz <= FASTEST_HZ:
            raise InputError(
                f"--rate-hz: {self.rate_hz:g} cannot be used; give a sampling rate from {SLOWEST_HZ:g} to "
                f"{FASTEST_HZ:g} Hz"
            )
        if self.time_unit is not None and self.time_unit not in TIME_UNITS_S:
            raise InputError(f"--time-unit: {self.time_unit!r} is unknown; use one of {', '.join(TIME_UNITS_S)}")
        for quantity, unit in self.units.items():
            if quantity not in QUANTITIES:
                raise InputError(f"--units: {quantity!r} is unknown; choose from {', '.join(QUANTITIES)}")
            try:
                si_channel(Channel("any", quantity, "x", unit))
            except InputError as error:
                raise InputError(f"--units: {quantity}: {str(error).split(': ', 1)[1]}") from None


@dataclass(frozen=True)
class ReadingPlan:
    """How a recording is read.

    Attributes:
        columns: Name of each channel's column, or its number from 0.
        channels: What the columns hold, in the order of the model, in the units of the file.
        rate_hz: Rate of the rows that `read_recording` gives.
        time_column: Column of time stamps, if they are used.
        time_unit_s: Seconds per unit of the time stamps.
        findings: What was declared or found, one readable line each.
        certain: Whether nothing had to be guessed.
    """

    columns: tuple[str | int, ...]
    channels: tuple[Channel, ...]
    rate_hz: float
    time_column: str | int | None
    time_unit_s: float
    findings: tuple[str, ...]
    certain: bool


@dataclass(frozen=True)
class _Clock:
    """Rate and time column, and how they were found."""

    rate_hz: float
    column: int | None
    unit_s: float
    finding: str
    certain: bool = True


def make_plan(
    names: Sequence[str], head: Table | None, wanted: Sequence[Channel], declared: Declared, where: str
) -> ReadingPlan:
    """Put together what was declared, what the names say, and what the first rows show.

    Args:
        names: Of the columns, empty where they have none.
        head: First rows, or nothing if only the names are known.
        wanted: Channels of the model.
        declared: What the user said.
        where: The file, for messages.

    Raises:
        InputError: Something can neither be found nor was declared, or contradicts itself.
    """
    time_column = None if declared.time_column is None else position(names, declared.time_column, where)
    matched = match_columns(names, wanted, declared.columns, time_column, where)
    clock = _find_clock(names, head, declared, time_column, matched.columns, where)
    values = None if head is None else np.stack([head.numbers(column) for column in matched.columns], axis=1)
    units, unit_findings, units_certain = _find_units(wanted, matched.units, declared.units, values, where)
    return ReadingPlan(
        columns=tuple(_reference(names, column) for column in matched.columns),
        channels=tuple(replace(channel, unit=units[channel.quantity]) for channel in wanted),
        rate_hz=clock.rate_hz,
        time_column=None if clock.column is None else _reference(names, clock.column),
        time_unit_s=clock.unit_s,
        findings=(*matched.findings, *unit_findings, clock.finding),
        certain=matched.certain and units_certain and clock.certain,
    )


def stamps_of(table: Table, column: str | int) -> tuple[np.ndarray, str]:
    """Return time stamps [T], NaN where missing, and their unit if their type tells it; dates give ns.

    Raises:
        InputError: They are neither numbers nor dates as `2026-03-01 12:00:00.020`.
    """
    if is_date(table, column):
        whole = table.find(column).cast("timestamp[ns]").cast("int64")
        return np.asarray(whole.to_numpy(), dtype=np.float64), "ns"
    return table.numbers(column), ""


def is_date(table: Table, column: str | int) -> bool:
    """Return whether a column holds dates with a time of day."""
    return str(getattr(table.find(column), "type", "")).startswith("timestamp")


def _reference(names: Sequence[str], column: int) -> str | int:
    return names[column] if names[column] and names.count(names[column]) == 1 else column


def _find_units(
    wanted: Sequence[Channel],
    stated: Sequence[str],
    declared: Mapping[str, str],
    values: np.ndarray | None,
    where: str,
) -> tuple[dict[str, str], list[str], bool]:
    """Return the unit of every quantity, one line about each, and whether the data had to tell."""
    units, findings, certain = {}, [], True
    for quantity in dict.fromkeys(channel.quantity for channel in wanted):
        in_names = {unit for unit, channel in zip(stated, wanted, strict=True) if channel.quantity == quantity}
        unit = next(iter(in_names))
        contradicted = sorted(name for name in in_names if name and _is_known(quantity, name))
        if quantity in declared and contradicted and not _same_unit(quantity, declared[quantity], contradicted):
            raise InputError(
                f"{where}: --units says {quantity} is in {declared[quantity]}, the column names say "
                f"{', '.join(contradicted)}; leave --units out, or correct the names"
            )
        if quantity in declared:
            units[quantity] = declared[quantity]
            findings.append(f"{quantity} in {declared[quantity]}: declared")
        elif unit and len(in_names) == 1 and _is_known(quantity, unit):
            units[quantity] = unit
            findings.append(f"{quantity} in {unit}: as the column names say")
        elif in_names == {""} and values is not None:
            columns = [i for i, channel in enumerate(wanted) if channel.quantity == quantity]
            units[quantity], reason = _unit_from_data(quantity, values[:, columns], where)
            findings.append(f"{quantity} in {units[quantity]}: {reason}")
            certain = False
        else:
            named = ", ".join(sorted(filter(None, in_names)))
            problem = f"the column names give the unit of {quantity} as {named}" if named else f"no unit of {quantity}"
            raise InputError(f"{where}: {problem}; declare it: --units {quantity}={_example_unit(quantity)}")
    return units, findings, certain


def _same_unit(quantity: str, declared: str, named: Sequence[str]) -> bool:
    factors = {si_channel(Channel("any", quantity, "x", unit))[1] for unit in (declared, *named)}
    return len(factors) == 1


def _is_known(quantity: str, unit: str) -> bool:
    try:
        si_channel(Channel("any", quantity, "x", unit))
    except InputError:
        return False
    return True


def _example_unit(quantity: str) -> str:
    return {"acc": "g (or m/s2, mg)", "gyro": "deg/s (or rad/s)"}.get(quantity, "uT (or gauss)")


def _unit_from_data(quantity: str, values: np.ndarray, where: str) -> tuple[str, str]:
    """Return the unit the size of the values tells, and why; [T, 3 * devices]."""
    values = values[np.isfinite(values).all(axis=1)]
    remedy = f"declare the unit: --units {quantity}={_example_unit(quantity)}"
    if len(values) == 0 or values.shape[1] % 3:
        raise InputError(f"{where}: nothing tells the unit of {quantity}; {remedy}")
    sizes = np.linalg.norm(values.reshape(len(values), -1, 3), axis=2)
    median, largest = float(np.median(sizes)), float(np.quantile(sizes, 0.999))
    if quantity == "acc":
        for unit, (low, high) in GRAVITY_IN.items():
            if low <= median <= high:
                return unit, f"its median size is {median:.3g}"
    if quantity == "gyro" and FASTEST_TURN < largest < 5000 and not (values == np.round(values)).all():
        return "deg/s", f"it reaches {largest:.3g}, more than any sensor measures in rad/s"
    raise InputError(f"{where}: {quantity} has a median size of {median:.3g}, which leaves its unit open; {remedy}")


def _find_clock(
    names: Sequence[str],
    head: Table | None,
    declared: Declared,
    time_column: int | None,
    taken: Sequence[int],
    where: str,
) -> _Clock:
    """Return the first time column that can be used, or the declared rate."""
    if time_column is not None and head is not None:
        return _agreeing(_clock_of(names, head, time_column, declared.time_unit, where), declared, where)
    problems = []
    for column in (i for i, name in enumerate(names) if i not in taken and read_time_unit(name) is not None):
        if head is not None:
            try:
                clock = _clock_of(names, head, column, declared.time_unit, where)
            except InputError as error:
                problems.append(str(error).removeprefix(f"{where}: ").split(";")[0])
            else:
                return _agreeing(clock, declared, where)
    if declared.rate_hz is not None:
        ignored = f"; time stamps are not used ({problems[0]})" if problems else ""
        return _Clock(declared.rate_hz, None, 1.0, f"{declared.rate_hz:g} Hz: declared{ignored}", not problems)
    because = f"; {problems[0]}" if problems else ", and there is no column of time stamps"
    raise InputError(f"{where}: the sampling rate is not known{because}; declare it: --rate-hz 50")


def _agreeing(clock: _Clock, declared: Declared, where: str) -> _Clock:
    """Return the clock at the declared rate, if there is one."""
    if declared.rate_hz is None:
        return clock
    if abs(clock.rate_hz / declared.rate_hz - 1) > RATE_TOLERANCE:
        raise InputError(
            f"{where}: --rate-hz says {declared.rate_hz:g}, but {clock.finding}; correct --rate-hz, --time-unit or "
            "--time-column"
        )
    return replace(clock, rate_hz=declared.rate_hz)


def _clock_of(names: Sequence[str], head: Table, column: int, declared_unit: str | None, where: str) -> _Clock:
    """Read rate and unit off the first time stamps.

    Raises:
        InputError: They are no time stamps of a sensor.
    """
    name = shown(names, column)
    remedy = "name another with --time-column and --time-unit, or declare --rate-hz"
    stamps, unit = stamps_of(head, column)
    stamps = stamps[np.isfinite(stamps)]
    steps = np.diff(stamps)
    if len(steps) < 2 or (steps <= 0).mean() > MOST_REPEATED:
        raise InputError(f"{where}: time column {name} does not increase from row to row; {remedy}")
    step = float(np.median(steps[steps > 0]))
    unit = unit or declared_unit or read_time_unit(names[column]) or ""
    source = "" if unit else ", as its size tells"
    unit = unit or _unit_of_stamps(float(stamps[0]), step)
    if not unit:
        raise InputError(f"{where}: time column {name} has steps of {step:g} in a unit that is not clear; {remedy}")
    rate_hz = 1 / (step * TIME_UNITS_S[unit])
    if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
        raise InputError(f"{where}: time column {name} has steps of {step:g} {unit}, no sampling rate; {remedy}")
    how = "as dates" if is_date(head, column) else f"in {unit}{source}"
    finding = f"time <- column {name} {how}: {rate_hz:.4g} Hz"
    return _Clock(even_rate(rate_hz), column, TIME_UNITS_S[unit], finding, not source)


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
