"""Which accelerometers and gyroscopes of three axes a table has, told by the names of its columns.

Columns whose names leave over the same words are one sensor, and those words, such as `left wrist`, are its device.
Words such as `filtered` or `low noise` tell apart what one device measures twice, of which one is chosen.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns.match import shown
from feature_extraction.own_files.columns.names import (
    BRACKETS,
    EMPTY_WORDS,
    NOT_RAW,
    PARTS,
    Meaning,
    read_axis,
    read_name,
    read_unit,
    words_of,
)
from feature_extraction.own_files.columns.places import placement_of
from feature_extraction.recordings.recording import AXES

MOVING = frozenset(("body", "free", "dynamic"))  # usually without gravity, which only the values tell
VARIANTS = MOVING | frozenset(
    ("raw", "filtered", "filt", "smooth", "smoothed", "lowpass", "calibrated", "uncalibrated", "uncal", "corrected")
    + ("ln", "wr", "low", "high", "noise", "wide", "range", "lowg", "highg", "g")
)


@dataclass(frozen=True)
class Sensor:
    """Three columns.

    Attributes:
        quantity: acc or gyro.
        words: That are left over in their names and tell the device.
        columns: Positions of x, y and z.
        device: The words in the order of the name, or empty.
    """

    quantity: str
    words: frozenset[str]
    columns: tuple[int, ...]
    device: str = ""


@dataclass(frozen=True)
class Found:
    """The sensors of a table.

    Attributes:
        acc: Accelerometers, one a device.
        gyro: Gyroscopes, one a device.
        without_gravity: Columns of acceleration without gravity, or of gravity alone, that are not read.
        notes: What is left out, one readable line each.
        guesses: What had to be chosen, one readable line each.
    """

    acc: tuple[Sensor, ...]
    gyro: tuple[Sensor, ...]
    without_gravity: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()


def find_sensors(names: Sequence[str], taken: Collection[int]) -> Found:
    """Find every accelerometer and gyroscope of three axes.

    Args:
        names: Of the columns, empty where they have none.
        taken: Positions of columns that are no channels.

    Raises:
        InputError: Several columns have the same name as an axis of an accelerometer.
    """
    free = {i: name for i, name in enumerate(names) if i not in taken}
    meanings = {i: meaning for i, name in free.items() if (meaning := _meaning(name)) is not None}
    notes: list[str] = []
    guesses: list[str] = []
    found = {q: _of_quantity(q, names, meanings, notes, guesses) for q in ("acc", "gyro")}
    if not found["acc"] and (bare := _bare_sensors(free)):
        found["acc"] = bare
        listed = ", ".join(_listed(names, {"": sensor.columns}) for sensor in bare)
        guesses.append(f"{listed}, of no sensor by their names, are taken as acceleration")
    parts = {i: said.rest for i, name in free.items() if (said := _part(name))}
    devices = {sensor.words for sensor in found["acc"]}
    apart = [i for i, rest in parts.items() if _device_words(rest - PARTS) not in devices]
    if devices and apart:
        notes.append(f"acc of {_listed(names, {'': apart})} is a part of acceleration only and is left out")
    return Found(tuple(found["acc"]), tuple(found["gyro"]), tuple(parts), tuple(notes), tuple(guesses))


def pair(acc: Sequence[Sensor], gyro: Sequence[Sensor]) -> dict[int, Sensor]:
    """Return the gyroscope of each accelerometer that has one, by the position of the accelerometer.

    The words of both are the same, or those of one are among those of the other; where there is only one of each, the
    words must not name two places.
    """
    own = {i: sensor for i, a in enumerate(acc) for sensor in gyro if sensor.words == a.words}
    for sensor in gyro:
        near = [i for i, a in enumerate(acc) if i not in own and _near(a, sensor, len(acc) == len(gyro) == 1)]
        if sensor not in own.values() and len(near) == 1:
            own[near[0]] = sensor
    return own


def _near(acc: Sensor, gyro: Sensor, alone: bool) -> bool:
    places = {placement_of(sensor.device, "") for sensor in (acc, gyro)} - {""}
    if alone:
        return len(places) < 2
    return bool(acc.words and gyro.words) and (acc.words <= gyro.words or gyro.words <= acc.words)


def _meaning(name: str) -> Meaning | None:
    """Return what a name says, or else its unit: `x (g)` is acceleration, and `AsX (deg/s)` an angular rate."""
    said, brackets = read_name(name), BRACKETS.findall(name)
    unit, bare = (read_unit(brackets[-1]) if brackets else None), _bare(name)
    if said or not unit or not bare:
        return said
    axis, rest = bare
    return Meaning(unit[0], axis, unit[1], "", rest) if unit[0] == "gyro" or _is_place(rest) else None


def _bare(name: str) -> tuple[str, frozenset[str]] | None:
    """Return the axis and the other words of a name that says no quantity, nor that it is computed."""
    words = words_of(BRACKETS.sub(" ", name))
    axes, rest = [word for word in words if word in AXES], frozenset(words) - {*AXES} - EMPTY_WORDS
    return None if read_axis(name) or len(axes) != 1 or rest & NOT_RAW else (axes[0], rest)


def _is_place(words: frozenset[str]) -> bool:
    """Return whether words say nothing, or where something is worn."""
    return not words or placement_of(" ".join(words), "") != ""


def _bare_sensors(names: Mapping[int, str]) -> list[Sensor]:
    """Return x, y and z, alone or with a place, of columns whose names say neither quantity nor unit."""
    found: dict[frozenset[str], dict[str, list[int]]] = {}
    for i, name in names.items():
        bare = None if _meaning(name) else _bare(name)
        if bare and _is_place(bare[1]):
            found.setdefault(bare[1], {}).setdefault(bare[0], []).append(i)
    once = {words: axes for words, axes in found.items() if [len(axes.get(axis, ())) for axis in AXES] == [1, 1, 1]}
    return [_sensor("acc", words, [axes[axis][0] for axis in AXES], names) for words, axes in once.items()]


def _part(name: str) -> Meaning | None:
    """Return what the name of a part of acceleration says: of that without gravity, or of gravity alone."""
    said = read_axis(name)
    return said if said and said.quantity == "acc" and PARTS & said.rest else None


def _of_quantity(
    quantity: str, names: Sequence[str], meanings: Mapping[int, Meaning], notes: list[str], guesses: list[str]
) -> list[Sensor]:
    """Return one sensor a device; say what is left out, and what had to be chosen."""
    by_device: dict[frozenset[str], dict[frozenset[str], dict[str, list[int]]]] = {}
    for i, meaning in meanings.items():
        if meaning.quantity == quantity:
            variants = by_device.setdefault(_device_words(meaning.rest), {})
            variants.setdefault(meaning.rest, {}).setdefault(meaning.axis, []).append(i)
    found = []
    for words, variants in by_device.items():
        complete = {rest: axes for rest, axes in variants.items() if len(axes) == len(AXES)}
        for axes in (axes for rest, axes in variants.items() if rest not in complete):
            listed, lacking = _listed(names, axes), " and ".join(axis for axis in AXES if axis not in axes)
            notes.append(f"{quantity} of {listed} lacks {lacking} and is left out")
        if not complete:
            continue
        rest = min(complete, key=lambda rest: (bool(rest & MOVING), len(rest), min(map(min, complete[rest].values()))))
        axes = complete.pop(rest)
        if any(len(columns) > 1 for columns in axes.values()):
            problem = f"{quantity} could be column {_listed(names, {'x': axes['x']})}"
            if quantity == "acc":
                raise InputError(f"{problem}; declare which, such as --columns acc_x={axes['x'][0]},...")
            notes.append(f"{problem}, and is left out")
            continue
        if any(not other & MOVING for other in complete):
            others = ", ".join(_listed(names, axes) for axes in complete.values())
            guesses.append(f"of several {quantity} of one device, {_listed(names, axes)} is read, and not {others}")
        found.append(_sensor(quantity, words, [axes[axis][0] for axis in AXES], names))
    return found


def _sensor(
    quantity: str, words: frozenset[str], columns: Sequence[int], names: Sequence[str] | Mapping[int, str]
) -> Sensor:
    said = words_of(BRACKETS.sub(" ", names[columns[0]]))
    return Sensor(quantity, words, tuple(columns), " ".join(dict.fromkeys(word for word in said if word in words)))


def _device_words(rest: frozenset[str]) -> frozenset[str]:
    """Return the words that tell a device: not those of a variant, nor the range in `16g`."""
    ranges = {word for word in rest if word.isdigit()} if "g" in rest else set()
    return rest - VARIANTS - ranges


def _listed(names: Sequence[str], axes: Mapping[str, Sequence[int]]) -> str:
    return "/".join(shown(names, i) for columns in axes.values() for i in columns)
