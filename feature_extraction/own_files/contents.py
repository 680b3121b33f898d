"""A plan for everything that a recording has: accelerometers of three axes, each with its gyroscope if there is one.

For models that read any device; `plan.plan_reading` looks for the channels of one model.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns import listing, position, shown
from feature_extraction.own_files.columns.names import read_axis, words_of
from feature_extraction.own_files.columns.places import placement_of
from feature_extraction.own_files.columns.sensors import Found, Sensor, find_sensors, pair
from feature_extraction.own_files.declared import Columns, Declared
from feature_extraction.own_files.plan import ReadingPlan, make_plan, plan_sources
from feature_extraction.own_files.sources import Sources, as_given, find_sources
from feature_extraction.own_files.tables import Table
from feature_extraction.own_files.timing.clocks import find_unnamed
from feature_extraction.recordings.recording import AXES, Channel, three_axes

ONLY = "imu"  # the device whose name nothing tells
UNITS = {"acc": "m/s2", "gyro": "rad/s"}
DECLARED = re.compile(r"(?:(?P<device>.+)\.)?(?P<quantity>acc|gyro)_[xyz]")
PASSED_OVER = re.compile(r"(?:.+\.)?mag_[xyz]")


@dataclass(frozen=True)
class Contents:
    """What is to be read.

    Attributes:
        channels: Of every device, acceleration first.
        columns: Of channels, as far as they were declared or found by name.
        notes: What is left out, one readable line each.
        guesses: What had to be guessed, one readable line each.
    """

    channels: tuple[Channel, ...]
    columns: Mapping[str, Columns] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()

    def added_to(self, plan: ReadingPlan) -> ReadingPlan:
        """Return a plan that says this, too."""
        return replace(
            plan,
            findings=(*plan.findings, *self.notes, *self.guesses),
            certain=plan.certain and not self.guesses,
            guesses=(*plan.guesses, *self.guesses),
        )


def plan_all(path: Path, declared: Declared) -> ReadingPlan:
    """Find every accelerometer of three axes in a recording, with its gyroscope, and how they are read.

    Devices are called as in the names of their columns, such as `left wrist`, or as their place where the export of a
    device says it, and else `imu`.

    Args:
        path: CSV, TSV, TXT, Parquet or NPY file; a zip file or folder as a device exports it.
        declared: What the user said.

    Raises:
        InputError: The file cannot be read, has no such accelerometer with gravity, or something is neither declared
            nor found.
    """
    path = Path(path)
    sources = find_sources(path, declared)
    try:
        contents = _of_sources(sources, declared)
    except InputError as error:
        raise InputError(as_given(str(error), sources.tables, sources.folder, path)) from error
    plan = plan_sources(path, sources, contents.channels, replace(declared, columns=contents.columns))
    return contents.added_to(plan)


def plan_lines(head: Table, declared: Declared) -> ReadingPlan:
    """Return the same for lines that arrive, of which only the names are known.

    Raises:
        InputError: Something is neither declared nor in the names.
    """
    contents = _of_table(head, declared, set())
    return contents.added_to(make_plan(head, contents.channels, replace(declared, columns=contents.columns)))


def _of_sources(sources: Sources, declared: Declared) -> Contents:
    """Return what is in the one table of a recording, or in the tables of one device."""
    tables, place = sources.tables, sources.place or ONLY
    if len(tables) == 1:
        source = tables[0]
        head = Table(source.path, source.layout, {}) if any(source.layout.names) else source.read_head()
        try:
            return _of_table(head, declared, {source.rows[0]} if source.rows else set(), place)
        except InputError as error:
            raise InputError(f"{error} ({sources.finding})" if sources.finding else str(error)) from error
    found = [find_sensors(source.layout.names, ()) for source in tables]
    if declared.columns:
        devices, columns = _declared_devices(declared, place)
        with_gyro = {device for device, said in devices.items() if "gyro" in said or any(f.gyro for f in found)}
        return Contents(_channels(list(devices), with_gyro), columns)
    if not any(f.acc for f in found):
        raise InputError(f"{sources.folder.name}: no accelerometer of three axes; {sources.finding}")
    notes = tuple(line for f in found for line in f.notes)
    return Contents(_channels([place], {place} if any(f.gyro for f in found) else set()), {}, notes)


def _of_table(head: Table, declared: Declared, marks: Collection[int], only: str = ONLY) -> Contents:
    """Return what is in a table.

    Args:
        head: Its first rows, needed only where columns have no names.
        declared: What the user said.
        marks: Columns that say which sensor a row is of.
        only: Name of the device, if there is one and its name says no place.
    """
    names, where = head.names, str(head.path)
    said = [*declared.ignore, *([] if declared.time_column is None else [declared.time_column])]
    taken = {*marks, *(position(names, column, where) for column in said)}
    if declared.columns:
        return _of_declared(names, declared, taken, where, only)
    if not any(names):
        return _of_unnamed(head, declared, taken, only)
    try:
        found = find_sensors(names, taken)
        _require_acc(found, names, declared)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    devices, gyros = _device_names(found.acc, only), pair(found.acc, found.gyro)
    columns: dict[str, Columns] = {}
    for i, (device, sensor) in enumerate(zip(devices, found.acc, strict=True)):
        for each in (sensor, gyros[i]) if i in gyros else (sensor,):
            columns |= _columns(device, each)
    notes = [*found.notes, *_left_out(names, found.gyro, gyros.values(), "belongs to no accelerometer")]
    channels = _channels(devices, {devices[i] for i in gyros})
    return Contents(channels, columns, tuple(notes), found.guesses)


def _of_declared(names: Sequence[str], declared: Declared, taken: Collection[int], where: str, only: str) -> Contents:
    """Return the devices that were declared, each with a gyroscope that was declared or is its own by name."""
    devices, columns = _declared_devices(declared, only)
    positions = {name: position(names, column, where) for name, column in declared.first_columns.items()}
    found = find_sensors(names, {*taken, *positions.values()})
    open_devices = [device for device, said in devices.items() if "gyro" not in said]
    sensors = []
    for device in open_devices:
        of_device = [i for name, i in positions.items() if name.startswith(f"{device}.") or len(devices) == 1]
        rests = [meaning.rest for i in of_device if (meaning := read_axis(names[i])) is not None]
        words = frozenset(words_of(device)) if device != ONLY else rests[0] if rests else frozenset()
        sensors.append(Sensor("acc", words, (), " ".join(words)))
    gyros = pair(sensors, found.gyro)
    for i, gyro in gyros.items():
        columns |= _columns(open_devices[i], gyro)
    with_gyro = {*devices} - {device for i, device in enumerate(open_devices) if i not in gyros}
    notes = _left_out(names, found.gyro, gyros.values(), "was not declared")
    if all("acc" in said for said in devices.values()):
        notes += _left_out(names, found.acc, (), "was not declared")
    return Contents(_channels(list(devices), with_gyro), columns, tuple(notes))


def _declared_devices(declared: Declared, only: str) -> tuple[dict[str, set[str]], dict[str, Columns]]:
    """Return what was declared of each device, and the columns without those of magnetometers.

    Raises:
        InputError: Something that was declared is no channel.
    """
    columns = {name: column for name, column in declared.columns.items() if not PASSED_OVER.fullmatch(name)}
    wrong = [name for name in columns if not DECLARED.fullmatch(name)]
    if wrong or not columns:
        name = wrong[0] if wrong else next(iter(declared.columns))
        raise InputError(f"{declared.keys['columns']}: {name!r} is no channel; write wrist.acc_x=NAME or acc_x=NAME")
    said = [(match["device"], match["quantity"]) for name in columns if (match := DECLARED.fullmatch(name))]
    named = list(dict.fromkeys(device for device, _ in said if device)) or [only]
    devices = {device: {q for d, q in said if d == device or (d is None and len(named) == 1)} for device in named}
    return devices, columns


def _of_unnamed(head: Table, declared: Declared, taken: Collection[int], only: str) -> Contents:
    """Take three columns without names as acceleration, six as acceleration and angular rate.

    Raises:
        InputError: There are as many of neither.
    """
    for n_channels in (len(AXES), 2 * len(AXES)):
        unnamed = find_unnamed(head, n_channels, declared, taken)
        if len(head.names) - len({*taken, *unnamed.clocks, *unnamed.others}) == n_channels:
            return Contents(_channels([only], {only} if n_channels > len(AXES) else set()))
    n_open = len(head.names) - len(taken)
    raise InputError(
        f"{head.path}: {n_open} columns without names, where three would be taken as acceleration, and six as "
        "acceleration and angular rate; say which is which, counted from 0: "
        f"{declared.keys['columns']} acc_x=0,acc_y=1,acc_z=2"
    )


def _require_acc(found: Found, names: Sequence[str], declared: Declared) -> None:
    """Refuse tables without acceleration that has gravity in it.

    Raises:
        InputError: Says what is missing, and what to do.
    """
    key = declared.keys["columns"]
    if found.acc:
        return
    if found.without_gravity:
        listed = ", ".join(shown(names, i) for i in found.without_gravity[: len(AXES)])
        raise InputError(
            f"columns {listed} hold only a part of acceleration, without gravity or nothing but gravity, and the model "
            "needs all of it, since gravity tells how a device is held; record total acceleration, or add both parts "
            f"up: {key} acc_x=USER_X++GRAVITY_X,acc_y=USER_Y++GRAVITY_Y,..."
        )
    lacking = f" ({'; '.join(found.notes)})" if found.notes else ""
    raise InputError(
        f"no accelerometer of three axes{lacking}; {listing(names)}; name it: {key} acc_x=NAME,acc_y=NAME,acc_z=NAME"
    )


def _device_names(sensors: Sequence[Sensor], only: str) -> list[str]:
    """Return a name of its own for every device."""
    names: list[str] = []
    for sensor in sensors:
        name = f"{ONLY} {sensor.device}" if sensor.device.isdigit() else sensor.device or ONLY
        if len(sensors) == 1 and only != ONLY and not placement_of(name, ""):
            name = only
        number = 2
        while name in names:
            name, number = f"{sensor.device or ONLY} {number}", number + 1
        names.append(name)
    return names


def _channels(devices: Sequence[str], with_gyro: Collection[str]) -> tuple[Channel, ...]:
    sensors = [(device, q) for device in devices for q in UNITS if q == "acc" or device in with_gyro]
    return tuple(channel for device, q in sensors for channel in three_axes(device, q, UNITS[q]))


def _columns(device: str, sensor: Sensor) -> dict[str, Columns]:
    channels = three_axes(device, sensor.quantity, UNITS[sensor.quantity])
    return {channel.name: column for channel, column in zip(channels, sensor.columns, strict=True)}


def _left_out(names: Sequence[str], sensors: Sequence[Sensor], used: Collection[Sensor], why: str) -> list[str]:
    """Return a line about every sensor that is not used."""
    return [
        f"{sensor.quantity} of {'/'.join(shown(names, i) for i in sensor.columns)} {why} and is left out"
        for sensor in sensors
        if sensor not in used
    ]
