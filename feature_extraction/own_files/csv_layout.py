"""How an unknown CSV file is written, read off its first lines: delimiter, header, decimal point, encoding."""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from feature_extraction.errors import InputError
from feature_extraction.own_files.column_names import read_unit
from feature_extraction.own_files.declared import Declared

HEAD_BYTES = 1 << 17
MOST_COLUMNS = 2000
DELIMITERS = ("\t", ";", ",", " ")
MISSING = ("", "na", "n/a", "nan", "null", "none")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@dataclass(frozen=True)
class Layout:
    """How a file is written.

    Attributes:
        format: csv, npy or parquet.
        names: Of the columns, empty texts where they have none.
        delimiter: Between the values of a CSV file.
        skip_lines: Lines of a CSV file before the first row.
        decimal_point: In the numbers of a CSV file.
        encoding: Of a CSV file.
    """

    format: str
    names: tuple[str, ...]
    delimiter: str = ","
    skip_lines: int = 0
    decimal_point: str = "."
    encoding: str = "utf-8"


@dataclass(frozen=True)
class _Split:
    """First lines, cut at one delimiter; `width` is how many fields most rows have."""

    delimiter: str
    rows: list[list[str]]
    width: int

    def find_header(self, names: set[str]) -> int | None:
        """Return the first line that holds all of these names, if there are any."""
        lines = (i for i, row in enumerate(self.rows) if len(row) == self.width and names <= set(row))
        return next(lines, None) if names else None

    def find_data(self) -> int | None:
        """Return the first row of samples, if more than half of the later rows are such."""
        later = [row for row in self.rows[len(self.rows) // 2 :] if any(row)]
        n_data = sum(is_data(row, self.width, self.delimiter) for row in later)
        lines = (i for i, row in enumerate(self.rows) if is_data(row, self.width, self.delimiter))
        return next(lines) if 2 * n_data > len(later) else None


def sniff_layout(path: Path, declared: Declared) -> Layout:
    """Find out how a CSV file is written; lines above the header are passed over.

    Raises:
        InputError: The file is missing, empty, not text, or no table of numbers.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    text, encoding = _decode(head, path)
    lines = text.splitlines()
    if len(head) == HEAD_BYTES and len(lines) > 1:
        lines.pop()  # cut off in the middle
    if not any(line.strip() for line in lines):
        raise InputError(f"{path}: empty; record again or choose another file")
    given = "\t" if path.suffix.lower() == ".tsv" and declared.delimiter else declared.delimiter
    found = _best_split([_split(lines, delimiter) for delimiter in ([given] if given else DELIMITERS)], declared)
    if found is None:
        raise InputError(
            f"{path}: no rows of numbers in its first lines; expected one row per sample, "
            "separated by commas, semicolons, tabs or single spaces"
        )
    if found.width > MOST_COLUMNS:
        raise InputError(f"{path}: more than {MOST_COLUMNS} values in a line; expected one row per sample")
    names, skip_lines = _names_and_first_row(found, declared)
    fields = [field for row in found.rows[skip_lines:] for field in row]
    comma = found.delimiter != "," and any(DECIMAL_COMMA.fullmatch(field) for field in fields)
    return Layout("csv", tuple(names), found.delimiter, skip_lines, "," if comma else ".", encoding)


def is_data(row: Sequence[str], width: int, delimiter: str) -> bool:
    """Return whether a split line is a row of samples: of the right width, a third of it numbers."""
    present = [field for field in row if field.lower() not in MISSING]
    numbers = sum(is_number(field, delimiter) for field in present)
    return len(row) == width and numbers > 0 and 3 * numbers >= len(present)


def is_number(field: str, delimiter: str) -> bool:
    """Return whether a field is a number; with a decimal comma only where commas do not separate."""
    return bool(NUMBER.fullmatch(field) or (delimiter != "," and DECIMAL_COMMA.fullmatch(field)))


def _split(lines: Sequence[str], delimiter: str) -> _Split | None:
    """Split line by line, so that rows keep the numbers of their lines; nothing where quotes are wrong."""
    try:
        fields = [next(csv.reader([line], delimiter=delimiter), [""]) for line in lines]
    except csv.Error:
        return None
    rows = [[field.strip() for field in row] for row in fields]
    widths = Counter(len(row) for row in rows[len(rows) // 2 :] if any(row))
    return _Split(delimiter, rows, widths.most_common(1)[0][0]) if widths else None


def _best_split(splits: Sequence[_Split | None], declared: Declared) -> _Split | None:
    """Return the split with the declared names and rows of numbers, of several the one with most columns."""
    possible = [split for split in splits if split is not None]
    named = [split for split in possible if split.find_header(declared.names) is not None]
    numeric = [split for split in possible if split.find_data() is not None]
    best = [split for split in numeric if split in named] or named or numeric
    if not best and declared.header is not None:  # a table is read as declared, whatever its rows hold
        best = [split for split in possible if split.delimiter in (",", declared.delimiter)]
    return max(best, key=lambda split: split.width, default=None)


def _names_and_first_row(found: _Split, declared: Declared) -> tuple[list[str], int]:
    """Return the names of the columns, and the line of the first row."""
    rows, width = found.rows, found.width
    header = found.find_header(declared.names)
    first = header + 1 if header is not None else found.find_data() or 0
    if header is None:
        while first and len(rows[first - 1]) == width and all(field.lower() in MISSING for field in rows[first - 1]):
            first -= 1  # samples of which everything is missing
        above = [i for i in range(first) if len(rows[i]) == width and any(rows[i])]
        if declared.header is False or not (above or declared.header):
            return [""] * width, first
        if not above:
            return rows[first], first + 1
        header = above[-1]
        if len(above) > 1 and above[-2] == header - 1 and _are_units(rows[header]):
            header -= 1
    names, below = rows[header], rows[header + 1] if header + 1 < len(rows) else []
    if len(below) == width and _are_units(below):
        first = max(first, header + 2)
        pairs = zip(names, below, strict=True)
        names = [f"{name} ({unit})" if unit and name not in declared.names else name for name, unit in pairs]
    return names, first


def _are_units(row: Sequence[str]) -> bool:
    """Return whether at least half of the fields of a line are units."""
    return sum(read_unit(text) is not None for text in row) * 2 >= len(row)


def _decode(head: bytes, path: Path) -> tuple[str, str]:
    """Return the text and its encoding."""
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), "utf-8")
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8" and error.end < len(head) - 4:
            encoding = "latin-1"
        text = head.decode(encoding, errors="ignore")  # at most half a character at the end is lost
    control = sum(unicodedata.category(c) == "Cc" and c not in "\t\r\n" for c in text[:4096])
    if control:
        raise InputError(f"{path}: not text; save it as CSV, or give its name the ending of its format")
    return text, encoding
