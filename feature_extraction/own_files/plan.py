"""What is in a user's recording: declared, or read off its column names and first rows and said aloud."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns import match_columns, position
from feature_extraction.own_files.columns.names import read_name
from feature_extraction.own_files.declared import Declared
from feature_extraction.own_files.sources import Source, Sources, as_given, find_sources
from feature_extraction.own_files.tables import Table
from feature_extraction.own_files.timing.clocks import Group, find_clocks, find_unnamed
from feature_extraction.own_files.timing.rate import RATE_TOLERANCE, Timing, find_timing
from feature_extraction.own_files.timing.stamps import Clock
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import si_channel

GRAVITY_IN = {"g": (0.8, 1.25), "m/s2": (7.8, 12.3), "mg": (800.0, 1250.0)}  # a worn sensor's median size
SAME_RATE = 1e-3  # of a rate that a device says, which is not resampled to what was declared
FASTEST_TURN = 50.0  # rad/s, or 2,900 deg/s: no wearable sensor measures more


@dataclass(frozen=True)
class StreamPlan:
    """How the rows of one clock are read.

    Attributes:
        source: The table.
        places: Position among the channels of the plan, of each channel of this stream.
        columns: Positions of the columns that are added up to each channel, nearly always one.
        clock: The time stamps, if they are used.
        rate_hz: Rate of rows without time stamps.
        partly: Whether rows in which every value is missing belong to other sensors.
    """

    source: Source
    places: tuple[int, ...]
    columns: tuple[tuple[int, ...], ...]
    clock: Clock | None
    rate_hz: float
    partly: bool = False

    @property
    def reads(self) -> list[int]:
        """All columns that are read."""
        marks = [] if self.source.rows is None else [self.source.rows[0]]
        clock = [] if self.clock is None else [self.clock.column]
        return sorted({*(column for columns in self.columns for column in columns), *clock, *marks})

    def samples(self, table: Table) -> np.ndarray:
        """Return the values of the channels of this stream [T, C], NaN where one is missing."""
        flat = table.samples([column for columns in self.columns for column in columns])
        edges = np.cumsum([0, *map(len, self.columns)])[:-1]
        return flat if len(edges) == flat.shape[1] else np.add.reduceat(flat, edges, axis=1)


@dataclass(frozen=True)
class ReadingPlan:
    """How a recording is read.

    Attributes:
        channels: In the order of the model, in the units of the file.
        rate_hz: Rate of the rows that `read_recording` gives.
        streams: One or more; several are merged on time.
        findings: What was declared or found, one readable line each.
        certain: Whether nothing had to be guessed.
        guesses: Those findings that had to be guessed.
        folder: Keeps unpacked files as long as they are needed.
        left_out: Rows of a device's export that no stream holds, by reason.
    """

    channels: tuple[Channel, ...]
    rate_hz: float
    streams: tuple[StreamPlan, ...]
    findings: tuple[str, ...]
    certain: bool
    guesses: tuple[str, ...] = ()
    folder: Any = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[int, ...]:
        """Column of each channel of a plan with one stream."""
        return tuple(columns[0] for columns in self.streams[0].columns)

    @property
    def time_column(self) -> int | None:
        """Column of the time stamps of a plan with one stream, if they are used."""
        clock = self.streams[0].clock
        return None if clock is None else clock.column

    @property
    def column_names(self) -> tuple[str, ...]:
        """Name of each channel's column, the first of several that are added up; empty where it has none."""
        names = {
            place: stream.source.layout.names[columns[0]]
            for stream in self.streams
            for place, columns in zip(stream.places, stream.columns, strict=True)
        }
        return tuple(names[place] for place in range(len(self.channels)))


def plan_reading(path: Path, wanted: Sequence[Channel], declared: Declared) -> ReadingPlan:
    """Look at the names and first rows of a recording.

    Args:
        path: CSV, TSV, TXT, Parquet or NPY file; a zip file or folder as a device exports it.
        wanted: Channels of the model, in its order.
        declared: What the user said.

    Raises:
        InputError: The file cannot be read, or something is neither declared nor found; the message names
            the flag that declares it.
    """
    return plan_sources(Path(path), find_sources(Path(path), declared), wanted, declared)


def plan_sources(path: Path, sources: Sources, wanted: Sequence[Channel], declared: Declared) -> ReadingPlan:
    """Look at the names and first rows of a recording whose tables are known.

    Args:
        path: What the user gave.
        sources: Its tables.
        wanted: Channels of the model, in its order.
        declared: What the user said.

    Raises:
        InputError: As `plan_reading`.
    """
    try:
        parts = _parts(sources, wanted, declared)
    except InputError as error:
        raise InputError(as_given(str(error), sources.tables, sources.folder, path)) from error
    streams = [
        replace(stream, places=tuple(places[i] for i in stream.places)) for places, p in parts for stream in p.streams
    ]
    channels = {place: channel for places, p in parts for place, channel in zip(places, p.channels, strict=True)}
    return ReadingPlan(
        channels=tuple(channels[i] for i in range(len(wanted))),
        rate_hz=declared.clock_hz or declared.rate_hz or max(p.rate_hz for _, p in parts),
        streams=tuple(streams),
        findings=(*filter(None, [sources.finding]), *(line for _, p in parts for line in p.findings)),
        certain=sources.certain and all(p.certain for _, p in parts),
        guesses=(*([] if sources.certain else [sources.finding]), *(line for _, p in parts for line in p.guesses)),
        folder=sources.folder,
        left_out=sources.left_out,
    )


def _parts(sources: Sources, wanted: Sequence[Channel], declared: Declared) -> list[tuple[list[int], ReadingPlan]]:
    """Return which channels come from which source, and how they are read."""
    if len(sources.tables) == 1:
        source = sources.tables[0]
        own = declared if source.rate_hz is None else _with_rate(declared, source)
        return [(list(range(len(wanted))), make_plan(source.read_head(), wanted, own, source))]
    parts = []
    for sensor in dict.fromkeys((channel.device, channel.quantity) for channel in wanted):
        places = [i for i, channel in enumerate(wanted) if (channel.device, channel.quantity) == sensor]
        channels = [wanted[i] for i in places]
        short = {f"{channel.quantity}_{channel.axis}" for channel in channels}
        names = {channel.name for channel in channels} | short
        of_sensor = replace(declared, columns={k: v for k, v in declared.columns.items() if k in names})
        parts.append((places, _plan_of_sensor(sources.tables, channels, of_sensor)))
    unknown = [name for name in declared.columns if name.split(".")[-1] not in {c.name.split(".")[-1] for c in wanted}]
    if unknown:
        raise InputError(f"{declared.keys['columns']}: the model reads no {unknown[0]!r}")
    fastest = max(plan.rate_hz for _, plan in parts)
    said = declared.rate_hz
    if said is not None and abs(fastest / said - 1) > RATE_TOLERANCE:
        where, rate = sources.tables[0].path, declared.keys["rate_hz"]
        raise InputError(f"{where}: {rate} says {said:g}, the clocks say {fastest:g} Hz; correct it")
    return parts


def _plan_of_sensor(tables: Sequence[Source], channels: Sequence[Channel], declared: Declared) -> ReadingPlan:
    """Return how one sensor is read from the one source that has it.

    Raises:
        InputError: None has it, or several have.
    """
    quantity, folder = channels[0].quantity, tables[0].path.parent
    found, problems = [], []
    for source in tables:
        if quantity != source.quantity and not _names_quantity(source.layout.names, quantity):
            continue
        try:
            head = source.read_head()
            if not len(head):
                raise InputError(
                    f"{source.path}: no rows of {quantity} among the first; name the columns and the clock"
                )
            found.append(make_plan(head, channels, _with_rate(declared, source), source))
        except InputError as error:
            problems.append(error)
    if len(found) > 1:
        files = " and ".join(plan.streams[0].source.path.name for plan in found)
        raise InputError(f"{folder}: {quantity} could be {files}; give one of them")
    if not found and problems:
        raise problems[0]
    if not found:
        files = ", ".join(dict.fromkeys(source.path.name for source in tables))
        raise InputError(f"{folder}: no {quantity} in {files}; record it, or use a model that does not read it")
    return found[0]


def _with_rate(declared: Declared, source: Source) -> Declared:
    """Return what was declared, for a source of several, or one whose rate the device says.

    Raises:
        InputError: The device says another rate than the user.
    """
    said = declared.rate_hz
    if source.rate_hz is not None:
        if said is not None and abs(source.rate_hz / said - 1) > SAME_RATE:
            key = declared.keys["rate_hz"]
            raise InputError(f"{source.path}: {key} says {said:g}, the device {source.rate_hz:g} Hz; leave out {key}")
        return replace(declared, rate_hz=source.rate_hz, seeks_time=False, clock_hz=None)
    return replace(declared, rate_hz=None if declared.seeks_time else declared.rate_hz)


def _names_quantity(names: Sequence[str], quantity: str) -> bool:
    return any((meaning := read_name(name)) is not None and meaning.quantity == quantity for name in names)


def make_plan(head: Table, wanted: Sequence[Channel], declared: Declared, source: Source | None = None) -> ReadingPlan:
    """Put together what was declared, what the names say, and what the first rows show.

    Args:
        head: First rows, or none if only the names of the columns are known.
        wanted: Channels of the model.
        declared: What the user said.
        source: The table, if it is not lines that arrive.

    Raises:
        InputError: Something can neither be found nor was declared, or contradicts itself.
    """
    names, where = head.names, str(head.path)
    source = source or Source(head.path, head.layout)
    passed_over = {position(names, column, where) for column in declared.ignore}
    passed_over |= {source.rows[0]} if source.rows else set()
    time_column = None if declared.time_column is None else position(names, declared.time_column, where)
    unnamed = find_unnamed(head, len(wanted), declared, {*passed_over, *_known(time_column)})
    taken = {*passed_over, *_known(time_column), *unnamed.clocks, *unnamed.others}
    matched = match_columns(
        names, wanted, declared.first_columns, time_column if taken == {time_column} else taken, where
    )
    columns = _with_sums(matched.columns, wanted, declared, names, where)
    values = head.samples(matched.columns) if len(head) else None
    groups = find_clocks(head, wanted, matched.columns, declared, passed_over)
    if unnamed.clocks:
        groups = [replace(group, candidates=unnamed.clocks) for group in groups]
    timings = [_timing(head, group, values, matched.columns, declared, len(groups)) for group in groups]
    rate_hz = _common_rate(timings, declared, where)
    units, unit_findings, units_certain = _find_units(wanted, matched.units, declared, values, where)
    streams = [
        StreamPlan(source, g.places, tuple(columns[i] for i in g.places), timing.clock, timing.rate_hz, g.partly)
        for g, timing in zip(groups, timings, strict=True)
    ]
    times = [_labelled(timing, group, wanted, len(groups)) for group, timing in zip(groups, timings, strict=True)]
    said = (
        (head.layout.findings, head.layout.certain),
        (unnamed.findings, not unnamed.findings),
        (matched.findings, matched.certain),
        (tuple(unit_findings), units_certain),
        *(((line,), timing.certain) for line, timing in zip(times, timings, strict=True)),
    )
    return ReadingPlan(
        channels=tuple(replace(channel, unit=units[channel.quantity]) for channel in wanted),
        rate_hz=rate_hz,
        streams=tuple(streams),
        findings=tuple(line for lines, _ in said for line in lines),
        certain=all(certain for _, certain in said),
        guesses=tuple(line for lines, certain in said if not certain for line in lines),
    )


def _labelled(timing: Timing, group: Group, wanted: Sequence[Channel], n_groups: int) -> str:
    """Return the finding about a clock, with the sensors it belongs to if there are several clocks."""
    sensors = "/".join(dict.fromkeys(wanted[i].quantity for i in group.places))
    return timing.finding if n_groups == 1 else f"{sensors}: {timing.finding}"


def _known(column: int | None) -> list[int]:
    return [] if column is None else [column]


def _with_sums(
    columns: Sequence[int], wanted: Sequence[Channel], declared: Declared, names: Sequence[str], where: str
) -> list[tuple[int, ...]]:
    """Return the columns of each channel, with those that are added to the first."""
    sums = {name: [position(names, column, where) for column in declared.adds_to(name)] for name in declared.columns}
    short = {channel.name: f"{channel.quantity}_{channel.axis}" for channel in wanted}
    return [
        (column, *sums.get(channel.name, sums.get(short[channel.name], [])))
        for column, channel in zip(columns, wanted, strict=True)
    ]


def _timing(
    head: Table, group: Group, values: np.ndarray | None, columns: Sequence[int], declared: Declared, n_groups: int
) -> Timing:
    """Return how the rows of one group of sensors are timed."""
    own = declared if n_groups == 1 else replace(declared, rate_hz=None, clock_hz=None)
    if group.partly and values is not None:
        head = head.take(np.flatnonzero(np.isfinite(values[:, list(group.places)]).any(axis=1)))
    return find_timing(head, own, group.candidates, [columns[i] for i in group.places])


def _common_rate(timings: Sequence[Timing], declared: Declared, where: str) -> float:
    """Return the rate that all streams are brought to.

    Raises:
        InputError: The declared one is another.
    """
    fastest = max(timing.rate_hz for timing in timings)
    said = declared.rate_hz
    if said is not None and abs(fastest / said - 1) > RATE_TOLERANCE:
        raise InputError(
            f"{where}: {declared.keys['rate_hz']} says {said:g}, the clocks say {fastest:g} Hz; correct it"
        )
    return declared.clock_hz or said or fastest


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
