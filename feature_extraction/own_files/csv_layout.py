"""How an unknown CSV file is written, read off its first lines: delimiter, header, decimal point, encoding."""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from feature_extraction.errors import InputError
from feature_extraction.own_files.column_names import read_unit
from feature_extraction.own_files.tables import CsvLayout

HEAD_BYTES = 1 << 17
MOST_COLUMNS = 2000
DELIMITERS = ("\t", ";", ",", " ")
MISSING = ("", "na", "n/a", "nan", "null", "none")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def sniff_layout(path: Path) -> CsvLayout:
    """Find out how a CSV file is written; lines above the header are passed over.

    Returns:
        The layout; its names are empty texts where the file has no header.

    Raises:
        InputError: The file is missing, empty, not text, or no table of numbers.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    text, encoding = _decode(head, path)
    lines = text.splitlines()
    if len(head) == HEAD_BYTES and len(lines) > 1:
        lines.pop()  # cut off in the middle
    return layout_of(lines, encoding, str(path))


def layout_of(lines: Sequence[str], encoding: str, where: str) -> CsvLayout:
    """Find out the layout from the first lines of a file.

    Raises:
        InputError: They are no table of numbers.
    """
    if not any(line.strip() for line in lines):
        raise InputError(f"{where}: empty; record again or choose another file")
    found = [candidate for candidate in (_split(lines, delimiter) for delimiter in DELIMITERS) if candidate]
    if not found:
        raise InputError(
            f"{where}: no rows of numbers in its first lines; expected one row per sample, "
            "separated by commas, semicolons, tabs or single spaces"
        )
    delimiter, rows, width = max(found, key=lambda candidate: candidate[2])
    if width > MOST_COLUMNS:
        raise InputError(f"{where}: more than {MOST_COLUMNS} values in a line; expected one row per sample")
    first = next(i for i, row in enumerate(rows) if is_data(row, width, delimiter))
    while first and len(rows[first - 1]) == width and all(field.lower() in MISSING for field in rows[first - 1]):
        first -= 1  # samples of which everything is missing
    names, skip_lines = [""] * width, first
    above = [i for i in range(first) if len(rows[i]) == width and any(rows[i])]
    if above:
        names = rows[above[-1]]
        named_above = len(above) > 1 and above[-2] == above[-1] - 1
        if named_above and sum(read_unit(text) is not None for text in names) * 2 >= width:
            names = [f"{name} ({unit})" for name, unit in zip(rows[above[-2]], names, strict=True)]
    fields = [field for row in rows[first:] for field in row]
    comma = delimiter != "," and any(DECIMAL_COMMA.fullmatch(field) for field in fields)
    return CsvLayout(delimiter, False, skip_lines, tuple(names), "," if comma else ".", encoding)


def is_data(row: Sequence[str], width: int, delimiter: str) -> bool:
    """Return whether a split line is a row of samples: of the right width, a third of it numbers."""
    present = [field for field in row if field.lower() not in MISSING]
    numbers = sum(is_number(field, delimiter) for field in present)
    return len(row) == width and numbers > 0 and 3 * numbers >= len(present)


def is_number(field: str, delimiter: str) -> bool:
    """Return whether a field is a number; with a decimal comma only where commas do not separate."""
    return bool(NUMBER.fullmatch(field) or (delimiter != "," and DECIMAL_COMMA.fullmatch(field)))


def _split(lines: Sequence[str], delimiter: str) -> tuple[str, list[list[str]], int] | None:
    """Split lines; nothing, unless most rows of the usual width hold numbers."""
    try:
        rows = [[field.strip() for field in row] for row in _fields(lines, delimiter)]
    except csv.Error:
        return None
    later = [row for row in rows[len(rows) // 2 :] if any(row)]
    widths = Counter(len(row) for row in later)
    if not widths:
        return None
    width, _ = widths.most_common(1)[0]
    n_data = sum(is_data(row, width, delimiter) for row in later)
    return (delimiter, rows, width) if 2 * n_data > len(later) else None


def _fields(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """Split line by line, so that rows keep the numbers of their lines."""
    return [next(csv.reader([line], delimiter=delimiter), [""]) for line in lines]


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
