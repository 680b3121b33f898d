"""The first lines of every text file that a user gave: of one file, or of all files of a folder or zip file."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from feature_extraction.errors import InputError
from feature_extraction.own_files.csv_layout import BYTE_ORDER_MARKS, Layout, lines_of
from feature_extraction.own_files.devices.archive import is_zip, member_names, unpack

HEAD_BYTES = 1 << 16
MOST_FILES = 500
DEEPEST = 2  # folders below the one that was given
TEXT_ENDINGS = (".csv", ".txt", ".tsv", ".json")
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class TextFile:
    """The beginning of one text file.

    Attributes:
        path: The file.
        where: What messages call it.
        head: Its first 64 KiB, without what is left of a last line that goes on.
        encoding: utf-8, utf-8-sig, utf-16 or latin-1.
    """

    path: Path
    where: str
    head: str
    encoding: str

    @cached_property
    def lines(self) -> list[str]:
        """Its first lines."""
        return lines_of(self.head)

    @cached_property
    def stem(self) -> str:
        """Its name without ending, of letters and digits only: `Linear Acceleration.csv` is linearacceleration."""
        return "".join(c for c in self.path.stem.lower() if c.isalnum())

    def fields(self, line: int, delimiter: str = ",") -> list[str]:
        """Return the fields of a line, without quotes and blanks; nothing behind the last line."""
        return split(self.lines[line], delimiter) if line < len(self.lines) else []

    def rows(self, first_row: int, delimiter: str, width: int) -> list[list[str]]:
        """Return the fields of its first rows that have as many as there are columns."""
        found = (self.fields(i, delimiter) for i in range(first_row, len(self.lines)))
        return [fields for fields in found if len(fields) == width]

    def layout(self, names: Sequence[str], first_row: int, delimiter: str = ",") -> Layout:
        """Return how the file is written, with a decimal comma where numbers of its first rows have one.

        Args:
            names: Of the columns, in our words.
            first_row: Line of the first row, from 0.
            delimiter: Between the values.

        Raises:
            InputError: There is no row, or the first has another number of values.
        """
        row = self.fields(first_row, delimiter)
        if not any(row):
            raise InputError(f"{self.where}: ends before its first row; export again")
        if len(row) != len(names):
            raise InputError(
                f"{self.where}, line {first_row + 1}: {len(row)} values, where {len(names)} columns are named; "
                "export again"
            )
        rows = [self.fields(i, delimiter) for i in range(first_row, min(first_row + 20, len(self.lines)))]
        comma = delimiter != "," and any("," in field and is_number(field, delimiter) for row in rows for field in row)
        return Layout("csv", tuple(names), delimiter, first_row, "," if comma else ".", self.encoding)


@dataclass(frozen=True)
class Source:
    """What a user gave.

    Attributes:
        where: What messages call it.
        files: Its text files, in order of their names.
        scratch: Temporary folder of the caller, for what must be computed first.
        is_folder: Whether it is a folder or zip file.
    """

    where: str
    files: tuple[TextFile, ...]
    scratch: Path
    is_folder: bool

    def new_file(self) -> Path:
        """Return a path for a computed file."""
        return self.scratch / f"converted-{len(list(self.scratch.iterdir()))}.parquet"


def open_source(path: Path, scratch: Path) -> Source | None:
    """Read the beginning of a file, or of the files of a folder or zip file; nothing if there is no text in it.

    Raises:
        InputError: A zip file is damaged or harmful.
    """
    if path.is_file() and is_zip(path):
        if "[Content_Types].xml" in member_names(path):
            return None  # a spreadsheet or document
        folder = scratch / "members"
        folder.mkdir()
        unpack(path, folder)
        return _open_folder(folder, str(path), scratch)
    if path.is_dir():
        return _open_folder(path, str(path), scratch)
    text = read_head(path, str(path)) if path.is_file() else None
    return Source(str(path), (text,), scratch, is_folder=False) if text else None


def _open_folder(folder: Path, where: str, scratch: Path) -> Source | None:
    """Read the beginning of all text files of a folder, unless they are more than one recording can have."""
    paths, waiting = [], [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        for path in sorted(here.iterdir()):
            if path.name.startswith((".", "__MACOSX")):
                continue
            if path.is_dir() and not path.is_symlink() and depth < DEEPEST:
                waiting.append((path, depth + 1))
            elif path.is_file() and path.suffix.lower() in TEXT_ENDINGS:
                paths.append(path)
        if len(paths) > MOST_FILES:
            return None
    found = [read_head(path, f"{where}/{path.relative_to(folder).as_posix()}") for path in sorted(paths)]
    files = tuple(file for file in found if file is not None)
    return Source(where, files, scratch, is_folder=True) if files else None


def read_head(path: Path, where: str) -> TextFile | None:
    """Read the beginning of a text file; nothing if it cannot be read or is no text."""
    try:
        with path.open("rb") as file:
            raw = file.read(HEAD_BYTES)
    except OSError:
        return None
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if raw.startswith(mark)), "utf-8")
    if not raw or (b"\0" in raw and encoding != "utf-16"):
        return None
    try:
        head = raw.decode(encoding)
    except UnicodeDecodeError as error:
        cut_off = len(raw) == HEAD_BYTES and error.start >= len(raw) - 4
        encoding = encoding if cut_off or encoding != "utf-8" else "latin-1"
        head = raw.decode(encoding, errors="ignore")
    if len(raw) == HEAD_BYTES and "\n" in head:
        head = head[: head.rindex("\n") + 1]
    return TextFile(path, where, head, encoding)


def split(line: str, delimiter: str) -> list[str]:
    """Return the fields of a line; nothing where its quotes are wrong."""
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def is_number(field: str, delimiter: str) -> bool:
    """Return whether a field is a number; with a decimal comma only where commas do not separate."""
    return bool(NUMBER.fullmatch(field)) and (delimiter != "," or "," not in field)


def require_one(files: Sequence[TextFile], what: str) -> TextFile:
    """Return the first of at least one file, which must be the only one of its kind.

    Raises:
        InputError: There are several; names two of them.
    """
    if len(files) > 1:
        raise InputError(f"{files[0].where} and {files[1].where}: both hold {what}; give one recording")
    return files[0]


def the_only(files: Sequence[TextFile], what: str) -> TextFile | None:
    """Return the only file of a kind, or nothing if there is none; see `require_one`."""
    return require_one(files, what) if files else None
