"""What is in a user's recording: declared, or read off its column names and first rows and said aloud."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns import match_columns, position
from feature_extraction.own_files.csv_layout import Layout
from feature_extraction.own_files.declared import Declared
from feature_extraction.own_files.tables import Table
from feature_extraction.own_files.timing import find_timing
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import si_channel

GRAVITY_IN = {"g": (0.8, 1.25), "m/s2": (7.8, 12.3), "mg": (800.0, 1250.0)}  # a worn sensor's median size
FASTEST_TURN = 50.0  # rad/s, or 2,900 deg/s: no wearable sensor measures more


@dataclass(frozen=True)
class ReadingPlan:
    """How a recording is read.

    Attributes:
        columns: Position of each channel's column, from 0.
        channels: What the columns hold, in the order of the model, in the units of the file.
        rate_hz: Rate of the rows that `read_recording` gives.
        time_column: Position of the time stamps, if they are used.
        time_unit_s: Seconds per unit of the time stamps.
        time_is_date: Whether they are dates, which count nanoseconds.
        findings: What was declared or found, one readable line each.
        certain: Whether nothing had to be guessed.
        layout: How the file is written; nothing for lines that arrive.
    """

    columns: tuple[int, ...]
    channels: tuple[Channel, ...]
    rate_hz: float
    time_column: int | None
    time_unit_s: float
    time_is_date: bool
    findings: tuple[str, ...]
    certain: bool
    layout: Layout | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """Name of each channel's column, empty where it has none."""
        return tuple("" if self.layout is None else self.layout.names[column] for column in self.columns)


def make_plan(head: Table, wanted: Sequence[Channel], declared: Declared, layout: Layout | None = None) -> ReadingPlan:
    """Put together what was declared, what the names say, and what the first rows show.

    Args:
        head: First rows, or none if only the names of the columns are known.
        wanted: Channels of the model.
        declared: What the user said.
        layout: How the file is written.

    Raises:
        InputError: Something can neither be found nor was declared, or contradicts itself.
    """
    names, where = head.names, str(head.path)
    time_column = None if declared.time_column is None else position(names, declared.time_column, where)
    matched = match_columns(names, wanted, declared.columns, time_column, where)
    timing = find_timing(head, declared, time_column, matched.columns)
    values = head.samples(matched.columns) if len(head) else None
    units, unit_findings, units_certain = _find_units(wanted, matched.units, declared, values, where)
    return ReadingPlan(
        columns=matched.columns,
        channels=tuple(replace(channel, unit=units[channel.quantity]) for channel in wanted),
        rate_hz=timing.rate_hz,
        time_column=timing.column,
        time_unit_s=timing.unit_s,
        time_is_date=timing.column is not None and len(head) > 0 and head.is_date(timing.column),
        findings=(*matched.findings, *unit_findings, timing.finding),
        certain=matched.certain and units_certain and timing.certain,
        layout=layout,
    )


def _find_units(
    wanted: Sequence[Channel], stated: Sequence[str], declared: Declared, values: np.ndarray | None, where: str
) -> tuple[dict[str, str], list[str], bool]:
    """Return the unit of every quantity, one line about each, and whether none was told by the data alone."""
    units, findings, certain = {}, [], True
    for quantity in dict.fromkeys(channel.quantity for channel in wanted):
        columns = [i for i, channel in enumerate(wanted) if channel.quantity == quantity]
        of_quantity = None if values is None else values[:, columns]
        in_names = {stated[i] for i in columns}
        units[quantity], reason, sure = _find_unit(quantity, in_names, declared, of_quantity, where)
        findings.append(f"{quantity} in {units[quantity]}: {reason}")
        certain &= sure
    return units, findings, certain


def _find_unit(
    quantity: str, in_names: set[str], declared: Declared, values: np.ndarray | None, where: str
) -> tuple[str, str, bool]:
    """Return the unit of one quantity, who says so, and whether that is beyond doubt."""
    key, said = declared.keys["units"], declared.units.get(quantity)
    known = {unit: factor for unit in sorted(in_names) if (factor := _factor(quantity, unit)) is not None}
    if said and known and set(known.values()) != {_factor(quantity, said)}:
        raise InputError(
            f"{where}: {key} says {quantity} is in {said}, the column names say {', '.join(known)}; correct {key}, "
            "or the names"
        )
    if said:
        return said, "declared", True
    if known and len(in_names) == 1:
        return next(iter(known)), "as the column names say", True
    examples = {"acc": "g (or m/s2, mg)", "gyro": "deg/s (or rad/s)", "mag": "uT (or gauss)"}
    remedy = f"{key} {quantity}={examples[quantity]}"
    if in_names == {""} and values is not None:
        return *_unit_from_data(quantity, values, where, remedy), False
    named = ", ".join(sorted(filter(None, in_names)))
    problem = f"the column names give the unit of {quantity} as {named}" if named else f"no unit of {quantity}"
    raise InputError(f"{where}: {problem}; declare it: {remedy}")


def _factor(quantity: str, unit: str) -> float | None:
    """Return the factor that converts a unit to SI units, or nothing if the unit is unknown."""
    try:
        return si_channel(Channel("any", quantity, "x", unit))[1]
    except InputError:
        return None


def _unit_from_data(quantity: str, values: np.ndarray, where: str, remedy: str) -> tuple[str, str]:
    """Return the unit the size of the values tells, and why; [T, 3 * devices]."""
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) == 0 or values.shape[1] % 3:
        raise InputError(f"{where}: nothing tells the unit of {quantity}; declare the unit: {remedy}")
    sizes = np.linalg.norm(values.reshape(len(values), -1, 3), axis=2)
    median, largest = float(np.median(sizes)), float(np.quantile(sizes, 0.999))
    if quantity == "acc":
        for unit, (low, high) in GRAVITY_IN.items():
            if low <= median <= high:
                return unit, f"its median size is {median:.3g}"
    if quantity == "gyro" and FASTEST_TURN < largest < 5000 and not (values == np.round(values)).all():
        return "deg/s", f"it reaches {largest:.3g}, more than any sensor measures in rad/s"
    raise InputError(
        f"{where}: {quantity} has a median size of {median:.3g}, which leaves its unit open; declare the unit: {remedy}"
    )
