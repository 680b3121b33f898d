"""How an unknown text file is written, read off its first lines: delimiter, header, numbers, encoding."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns.names import read_name, read_unit
from feature_extraction.own_files.declared import Declared
from feature_extraction.own_files.text.numbers import Marks, find_marks, is_missing, is_number
from feature_extraction.own_files.text.splitting import (
    BLANKS,
    WIDE_BLANKS,
    Split,
    best_split,
    cut_line,
    is_data,
    leaves_quote_open,
)

HEAD_BYTES = 1 << 17
MOST_COLUMNS = 2000
LONGEST_COLUMN_NAME = 1000  # characters
LONGEST_COUNT = 18  # digits of a number that counts rows or columns
RULERS = frozenset("-=_+:|.*# ")  # of which lines between a header and its rows are drawn
BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@dataclass(frozen=True)
class Layout:
    """How a file is written.

    Attributes:
        format: csv, npy or parquet.
        names: Of the columns, empty texts where they have none.
        delimiter: Between the values of a text file; a blank for runs of blanks, two for runs of at least two.
        skip_lines: Lines of a text file before the first row.
        decimal_point: In the numbers of a text file.
        encoding: Of a text file.
        thousands: Mark between groups of three digits in a text file, empty if there is none.
        findings: What is not plain about it, one readable line each.
        certain: Whether nothing had to be guessed.
    """

    format: str
    names: tuple[str, ...]
    delimiter: str = ","
    skip_lines: int = 0
    decimal_point: str = "."
    encoding: str = "utf-8"
    thousands: str = ""
    findings: tuple[str, ...] = ()
    certain: bool = True


@dataclass(frozen=True)
class _Header:
    """Names of the columns, the line of the first row, and what had to be guessed."""

    names: list[str]
    first: int
    findings: list[str] = field(default_factory=list)
    certain: bool = True


def sniff_layout(path: Path, declared: Declared) -> Layout:
    """Find out how a text file is written; lines above the header are passed over.

    Raises:
        InputError: The file is missing, empty, not text, or no table of numbers.
    """
    lines, encoding = _first_lines(path)
    if declared.skip_lines >= len(lines):
        raise InputError(f"{path}: fewer lines than the {declared.skip_lines} to skip; correct skip_lines")
    lines = lines[declared.skip_lines :]
    given = "\t" if path.suffix.lower() == ".tsv" and declared.delimiter else declared.delimiter
    if given is None and lines[0].lower().startswith("sep=") and len(lines[0]) == 5:
        given = lines[0][4]
    found = best_split(lines, given, declared.names, declared.header is not None)
    if found is None:
        raise InputError(
            f"{path}: no rows of numbers in its first lines; expected one row per sample, "
            "separated by commas, semicolons, tabs, blanks or one other character"
        )
    if found.width > MOST_COLUMNS:
        raise InputError(f"{path}: more than {MOST_COLUMNS} values in a line; expected one row per sample")
    try:
        header = _find_header(found, lines, declared)
        _require_closed_quotes(found, lines[: header.first])
        marks = _marks_of(found, header, declared)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    require_names(header.names, str(path))
    return Layout(
        format="csv",
        names=tuple(header.names),
        delimiter=found.delimiter,
        skip_lines=declared.skip_lines + header.first,
        decimal_point=marks.decimal,
        encoding=encoding,
        thousands=marks.apart,
        findings=(*header.findings, *filter(None, [marks.finding])),
        certain=header.certain and marks.certain,
    )


def _require_closed_quotes(found: Split, passed_over: Sequence[str]) -> None:
    """Refuse a line of names or values that is taken for something else because of a quote that is never closed.

    Raises:
        InputError: Naming the line.
    """
    for number, line in enumerate(passed_over, start=1):
        like_a_row = len(cut_line(line.replace('"', ""), found.delimiter)) == found.width > 1
        if like_a_row and leaves_quote_open(line, found.delimiter):
            raise InputError(f"line {number} has a quote that is not closed: {line[:60]!r}; close it or take it away")


def require_names(names: Sequence[str], where: str) -> None:
    """Refuse names of columns that nobody gave.

    Raises:
        InputError: One is too long; `where` is named in it.
    """
    longest = max(names, key=len, default="")
    if len(longest) > LONGEST_COLUMN_NAME:
        raise InputError(
            f"{where}: column {longest[:40]!r}... has a name of {len(longest)} characters; shorten it to "
            f"{LONGEST_COLUMN_NAME}"
        )


def lines_of(text: str) -> list[str]:
    """Return lines as Arrow counts them: other marks, such as U+2028, stand within a line."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n") if text else []


def _first_lines(path: Path) -> tuple[list[str], str]:
    """Return the first lines of a file and its encoding."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    text, encoding = _decode(head, path)
    lines = lines_of(text)
    if len(head) == HEAD_BYTES and len(lines) > 1:
        lines.pop()  # cut off in the middle
    if not any(line.strip() for line in lines):
        raise InputError(f"{path}: empty; record again or choose another file")
    return lines, encoding


def _marks_of(found: Split, header: _Header, declared: Declared) -> Marks:
    """Return how numbers are written in the columns that hold nothing else."""
    rows = [row for row in found.rows[header.first :] if len(row) == found.width]
    columns = [[text for text in column if not is_missing(text)] for column in zip(*rows, strict=True)]
    ignored = {str(column) for column in declared.ignore}
    used = [c for i, c in enumerate(columns) if header.names[i] not in ignored and str(i) not in ignored]
    return find_marks([column for column in used if all(map(is_number, column))], declared.decimal)


def _find_header(found: Split, lines: Sequence[str], declared: Declared) -> _Header:
    """Return the names of the columns, and the line of the first row.

    Raises:
        InputError: The header names too many or too few columns.
    """
    rows, width = found.rows, found.width
    named = found.find_header(declared.names)
    if named is not None:
        names, first = rows[named], named + 1
    else:
        first = found.first_data or 0
        while first and len(rows[first - 1]) == width and all(map(is_missing, rows[first - 1])):
            first -= 1  # samples of which everything is missing
        if declared.header is False:
            return _Header([""] * width, first)
        named = _line_of_names(rows, lines, first, found)
        if named is None and _are_numbers_of_columns(rows[first], rows[first + 1 : first + 20]):
            finding = f"line {first + 1} numbers the columns and names none"
            return _Header([""] * width, first + 1, [finding])
        if named is None and not declared.header:
            return _Header([""] * width, first)
        if named is None:
            return _Header(rows[first], first + 1)
        names = _names_in(lines[named], found)
    header = _fit(names, found, max(first, named + 1))
    return _with_lines_around(header, named, rows, declared)


def _are_numbers_of_columns(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Return whether a line only counts the columns, from 0 or 1, once or for several sensors."""
    if len(row) < 2 or not all(text.isascii() and text.isdigit() and len(text) <= LONGEST_COUNT for text in row):
        return False
    numbers = [int(text) for text in row]
    steps = zip(numbers, numbers[1:], strict=False)
    counts = numbers[0] in (0, 1) and max(numbers) > 1 and all(b in (a + 1, numbers[0]) for a, b in steps)
    like_rows = all(text.isdigit() for other in below for text in other)
    return counts and not like_rows


def _line_of_names(rows: Sequence[Sequence[str]], lines: Sequence[str], first: int, found: Split) -> int | None:
    """Return the line above the rows that names the columns."""
    width = found.width
    above = [i for i in range(first) if any(rows[i]) and not _is_ruler(rows[i])]
    full = [i for i in above if len(_names_in(lines[i], found)) == width]
    if full:
        units = len(full) > 1 and full[-2] == full[-1] - 1 and _are_units(rows[full[-1]])
        return full[-2] if units else full[-1]
    if not above:
        return None
    last = _names_in(lines[above[-1]], found)
    words = [text for text in last if text]
    like = len(words) > 1 and not any(map(is_number, words))
    close = len(last) in (width - 1, width + 1) or any(read_name(text) is not None for text in words)
    return above[-1] if like and close else None


def _names_in(line: str, found: Split) -> list[str]:
    """Cut a line of names, which may have single blanks where rows do not."""
    names = cut_line(line, found.delimiter)
    wide = cut_line(line, WIDE_BLANKS) if found.delimiter == BLANKS else names
    return wide if len(wide) == found.width else names


def _fit(names: list[str], found: Split, first: int) -> _Header:
    """Bring the names to the width of the rows.

    Raises:
        InputError: There are far too few or too many.
    """
    width, n_names = found.width, len(names)
    if n_names == width:
        return _Header(list(names), first)
    if n_names > width:
        dropped = names[width:]
        if not any(dropped):
            return _Header(names[:width], first)
        finding = f"{n_names} names for {width} columns: the last, {dropped[0]!r}, is taken to be of none"
        if n_names > width + 1 or read_name(dropped[0]) is not None:
            raise InputError(
                f"the header names {n_names} columns, the rows have {width} values; correct the header, or name the "
                "columns by numbers and pass over the header (header: false)"
            )
        return _Header(names[:width], first, [finding], certain=False)
    data = [row for row in found.rows[first:] if len(row) == width]
    if all(not row[-1] for row in data) and n_names == width - 1:
        return _Header([*names, ""], first)  # every row ends with a delimiter
    if n_names < width - 1:
        raise InputError(
            f"the header names {n_names} columns, the rows have {width} values; correct the header, or, if numbers "
            "have decimal commas between commas, export with another delimiter"
        )
    if read_name(names[0]) is not None and _counts([row[0] for row in data]):
        finding = f"{n_names} names for {width} columns: the first counts the rows and has none"
        return _Header(["", *names], first, [finding], certain=False)
    guess = _third_axis(names)
    finding = f"{n_names} names for {width} columns: the last is taken to be {repr(guess) if guess else 'without one'}"
    return _Header([*names, guess], first, [finding], certain=False)


def _third_axis(names: Sequence[str]) -> str:
    """Return the name of the z-axis if the last two names are those of x and y, else nothing."""
    x, y = names[-2:] if len(names) > 1 else ("", "")
    places = [i for i, pair in enumerate(zip(x, y, strict=False)) if pair in (("x", "y"), ("X", "Y"))]
    if len(places) != 1 or x[: places[0]] + y[places[0]] + x[places[0] + 1 :] != y:
        return ""
    return y[: places[0]] + chr(ord(y[places[0]]) + 1) + y[places[0] + 1 :]


def _counts(texts: Sequence[str]) -> bool:
    """Return whether a column counts the rows."""
    if not all(text.isascii() and text.isdigit() and len(text) <= LONGEST_COUNT for text in texts):
        return False
    return all(int(b) == int(a) + 1 for a, b in zip(texts, texts[1:], strict=False))


def _with_lines_around(header: _Header, line: int, rows: Sequence[Sequence[str]], declared: Declared) -> _Header:
    """Add the units that stand below the names, and the sensors that stand above them."""
    names, width = header.names, len(header.names)
    below = rows[line + 1] if line + 1 < len(rows) else []
    if len(below) == width and (_are_units(below) or _is_ruler(below)) and not is_data(below, width):
        header = replace(header, first=max(header.first, line + 2))
        if _are_units(below):
            pairs = zip(names, below, strict=True)
            names = [f"{name} ({unit})" if unit and name not in declared.names else name for name, unit in pairs]
    above = rows[line - 1] if line else []
    if len(above) == width and any(above) and len(set(names)) < width and not declared.names:
        sensors = [""]
        for text in above:
            sensors.append(text or sensors[-1])  # the name of a sensor stands above its first column
        names = [f"{sensor} {name}".strip() for sensor, name in zip(sensors[1:], names, strict=True)]
    return replace(header, names=names)


def _is_ruler(row: Sequence[str]) -> bool:
    """Return whether a line is drawn and says nothing."""
    return any(row) and set("".join(row)) <= RULERS


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
    control = sum(unicodedata.category(c) == "Cc" and c not in "\t\r\n\x1f\x01" for c in text[:4096])
    if control:
        raise InputError(f"{path}: not text; save it as CSV, or give its name the ending of its format")
    return text, encoding
