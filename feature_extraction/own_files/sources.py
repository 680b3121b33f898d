"""Where the streams of a recording come from: one table, rows of several sensors by turns, or several files.

A source is a table whose columns are called as `columns.match_columns` reads them.
"""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns.names import BRACKETS, EMPTY_WORDS, NOT_RAW, WORDS, read_name, words_of
from feature_extraction.own_files.csv_layout import Layout
from feature_extraction.own_files.declared import Declared
from feature_extraction.own_files.devices import find_device
from feature_extraction.own_files.devices.archive import is_zip
from feature_extraction.own_files.tables import ENDINGS, Table, find_layout, read_head
from feature_extraction.recordings.recording import AXES

LARGEST = 2 << 30  # bytes
MOST_SENSORS = 8
ANDROID_TYPES = {"1": "acc", "2": "mag", "4": "gyro"}
TYPE_WORDS = frozenset(("sensor", "type", "sensortype", "id"))
BARE_WORDS = EMPTY_WORDS | {"value", "values", "val"}


@dataclass(frozen=True)
class Source:
    """One table of a recording, or the rows of one sensor in it.

    Attributes:
        path: The file.
        layout: How it is written, and what its columns are.
        rate_hz: Rate of its rows, where they have no clock and the device says it.
        rows: Position of a column and the word in it that marks the rows of this sensor, if not all are of it.
        start_s: When its first row was taken, where rows have no clock.
        quantity: What the rows hold, if the names of the columns do not say it.
        where: What messages call the file, if it was unpacked or computed on the way.
    """

    path: Path
    layout: Layout
    rate_hz: float | None = None
    rows: tuple[int, str] | None = None
    start_s: float = 0.0
    quantity: str = ""
    where: str = ""

    def read_head(self) -> Table:
        """Read the first rows.

        Raises:
            InputError: The file is damaged or has none.
        """
        head = read_head(self.path, self.layout)
        return head if self.rows is None else head.where(*self.rows)


@dataclass(frozen=True)
class Sources:
    """All tables of a recording.

    Attributes:
        tables: One or more.
        finding: What was recognised, or empty.
        folder: Keeps what was unpacked or computed on the way as long as it is needed.
        certain: Whether nothing had to be guessed.
        left_out: Rows of a device's export that are in none of the tables, by reason.
        place: Where the device was worn, if its export says so.
    """

    tables: tuple[Source, ...]
    finding: str = ""
    folder: Any = None
    certain: bool = True
    left_out: Mapping[str, int] = field(default_factory=dict)
    place: str = ""


def as_given(message: str, tables: Iterable[Source], folder: Any, path: Path | str) -> str:
    """Return a message that calls files of a temporary folder what the user calls them.

    Args:
        message: An error.
        tables: What was read.
        folder: Temporary folder of what was unpacked or computed, if there is one.
        path: What the user gave.
    """
    if folder is None:
        return message
    for table in tables:
        if table.where:
            message = message.replace(str(table.path), table.where)
    return message.replace(folder.name, str(path))


def find_sources(path: Path, declared: Declared) -> Sources:
    """Find out what a recording consists of.

    Args:
        path: A file, a zip file or a folder.
        declared: What the user said.

    Raises:
        InputError: It cannot be read, or is too large.
    """
    size = path.stat().st_size if path.is_file() else 0
    if size > LARGEST:
        raise InputError(f"{path}: {size / (1 << 30):.1f} GiB, more than {LARGEST >> 30}; cut it into shorter ones")
    if not path.exists():
        raise InputError(f"{path}: cannot be read (No such file or directory)")
    if path.suffix.lower() == ".zip" and not is_zip(path) and path.is_file():
        raise InputError(f"{path}: not readable as zip (damaged or cut off); unpack it and give the folder")
    folder = tempfile.TemporaryDirectory(prefix="sadvae-har-")
    place = path
    declared_table = bool(declared.format) or (bool(declared.columns) and path.is_file() and not is_zip(path))
    export = None if declared_table else find_device(path, Path(folder.name))
    if export is not None:
        if not export.streams:
            raise InputError(f"{path}: {export.finding}")
        found = tuple(Source(s.path, s.layout, s.rate_hz, s.rows, where=s.where) for s in export.streams)
        return Sources(found, export.finding, folder, export.certain, export.left_out, export.place)
    tables = {ending for endings in ENDINGS.values() for ending in endings}
    if is_zip(path) and not declared.format and path.suffix.lower() not in tables:
        place = Path(folder.name) / "members"
    if place.is_dir():
        place = _only_table(place, path)
    layout = find_layout(place, declared)
    return Sources(tuple(_by_turns(Source(place, layout), declared)) or (Source(place, layout),), "", folder)


def _only_table(folder: Path, shown: Path) -> Path:
    """Return the one table of a folder.

    Raises:
        InputError: There is none, or several.
    """
    endings = [ending for ends in ENDINGS.values() for ending in ends]
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in endings)
    if len(found) == 1:
        return found[0]
    what = "no table" if not found else f"{len(found)} tables, and no device is known that exports them so"
    raise InputError(f"{shown}: not a file but {what}; give one CSV, Parquet or NPY file")


def _by_turns(source: Source, declared: Declared) -> list[Source]:
    """Return one source for every sensor, if a column says whose axes each row holds; else none."""
    if source.layout.format != "csv":
        return []
    names = source.layout.names
    axes = {i: axis for i, name in enumerate(names) if (axis := _bare_axis(name))}
    if sorted(axes.values()) != list(AXES) or any(read_name(name) for name in names):
        return []
    head = read_head(source.path, source.layout)
    for column in range(len(names)):
        if column in axes or not head.is_text(column):
            continue
        words = [str(word) for word in dict.fromkeys(head.words(column).tolist()) if word]
        sensors = {word: _quantity(word, names[column]) for word in words} if len(words) <= MOST_SENSORS else {}
        known = {word: quantity for word, quantity in sensors.items() if quantity}
        if len(words) > 1 and known and len(set(known.values())) == len(known):
            named = {q: source.layout if declared.columns else _named(source.layout, axes, q) for q in known.values()}
            return [replace(source, layout=named[q], rows=(column, w), quantity=q) for w, q in known.items()]
    return []


def _bare_axis(name: str) -> str:
    """Return the axis that is all a name says, or nothing."""
    words = [word for word in words_of(BRACKETS.sub(" ", name)) if word not in BARE_WORDS]
    return words[0] if len(words) == 1 and words[0] in AXES else ""


def _quantity(word: str, name: str) -> str:
    """Return the quantity that a word marks, or nothing."""
    words = set(words_of(word))
    said = {quantity for quantity, choices in WORDS.items() if words & {*choices, quantity}}
    if not said and TYPE_WORDS & set(words_of(name)):
        return ANDROID_TYPES.get(word, "")
    return said.pop() if len(said) == 1 and not words & NOT_RAW else ""


def _named(layout: Layout, axes: dict[int, str], quantity: str) -> Layout:
    """Name the axes after the sensor."""
    names = list(layout.names)
    for i, axis in axes.items():
        units = "".join(f" [{unit}]" for unit in BRACKETS.findall(names[i]))
        names[i] = f"{quantity}_{axis}{units}"
    return replace(layout, names=tuple(names))
