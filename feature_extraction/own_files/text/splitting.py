"""Lines of text cut into fields: what stands between the fields is declared, or found by trying."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TextIO

from feature_extraction.errors import InputError
from feature_extraction.own_files.text.numbers import is_missing, is_number

BLANKS = " "  # one blank or more, or tabs
WIDE_BLANKS = "  "  # two blanks or more, so that names may have blanks
USUAL = ("\t", ";", ",", "|", WIDE_BLANKS, BLANKS)
UNUSUAL = ("^", "~", "#", "&", "!", "/", "\x1f", "\x01")
RUNS = {BLANKS: r"[ \t]+", WIDE_BLANKS: r"[ \t]{2,}|\t"}
BLOCK, LONGEST_LINE = 1 << 20, 1 << 20  # characters
SAMPLE = 400  # lines that are looked at closely
NOT_IN_WORDS = re.compile(r"[,;|\t]")


@dataclass(frozen=True)
class Split:
    """First lines, cut at one delimiter; `width` is how many fields most rows have."""

    delimiter: str
    rows: list[list[str]]
    width: int

    def find_header(self, names: set[str]) -> int | None:
        """Return the first line that holds all of these names, if there are any."""
        lines = (i for i, row in enumerate(self.rows) if names <= set(row))
        return next(lines, None) if names else None

    @cached_property
    def first_data(self) -> int | None:
        """The first row of samples, if more than half of the later rows are such."""
        later = [row for row in self.rows[len(self.rows) // 2 :] if any(row)]
        n_data = sum(is_data(row, self.width) for row in later)
        lines = (i for i, row in enumerate(self.rows) if is_data(row, self.width))
        return next(lines) if 2 * n_data > len(later) else None

    @cached_property
    def cleanness(self) -> float:
        """Part of the fields that need no further cut, in twentieths."""
        fields = [field for row in self.rows[-SAMPLE:] if len(row) == self.width for field in row]
        return round(20 * sum(map(_is_whole, fields)) / max(len(fields), 1)) / 20


def cut(lines: Sequence[str], delimiter: str) -> Split | None:
    """Cut line by line, so that rows keep the numbers of their lines; nothing where quotes are wrong."""
    try:
        rows = [cut_line(line, delimiter) for line in lines]
    except csv.Error:
        return None
    widths = Counter(len(row) for row in rows[len(rows) // 2 :] if any(row))
    return Split(delimiter, rows, widths.most_common(1)[0][0]) if widths else None


def cut_line(line: str, delimiter: str, strict: bool = False) -> list[str]:
    """Return the fields of a line.

    Raises:
        csv.Error: Its quotes are wrong.
    """
    if delimiter in RUNS:
        return re.split(RUNS[delimiter], line.strip())
    fields = next(csv.reader([line], delimiter=delimiter, strict=strict), [""])
    return [field.strip() for field in fields]


def best_split(lines: Sequence[str], delimiter: str | None, names: set[str], is_table: bool) -> Split | None:
    """Return the split with these names and rows of numbers, of several the one whose fields need no further cut.

    Args:
        lines: First lines of a file.
        delimiter: The declared one.
        names: That the header must hold.
        is_table: Whether it is a table whatever its rows hold, since its header was declared.
    """
    found: list[Split] = []
    for choices in ([delimiter],) if delimiter else (USUAL, UNUSUAL):
        possible = [split for choice in choices if (split := cut(lines, choice)) is not None]
        named = [split for split in possible if split.find_header(names) is not None]
        numeric = [split for split in possible if split.first_data is not None]
        found = [split for split in numeric if split in named] or named or numeric
        if not found and is_table:
            found = [split for split in possible if split.delimiter in (",", delimiter)]
        if any(split.width > 1 for split in found):
            break
    return max(found, key=lambda split: (split.width > 1, split.cleanness), default=None)


def is_data(row: Sequence[str], width: int) -> bool:
    """Return whether a split line is a row of samples: of the right width, a third of it numbers."""
    present = [field for field in row if not is_missing(field)]
    numbers = sum(map(is_number, present))
    return len(row) == width and numbers > 0 and 3 * numbers >= len(present)


def bounded_lines(stream: TextIO, where: str) -> Iterator[str]:
    """Yield the lines of a stream as they arrive, and never wait for the end of one that has none.

    Args:
        stream: Such as standard input.
        where: What messages call it.

    Raises:
        InputError: A line is longer than `LONGEST_LINE`.
    """
    for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE + 1), ""), start=1):
        if len(line) > LONGEST_LINE:
            raise InputError(
                f"{where}, line {number}: more than {LONGEST_LINE:,} characters; expected one row per sample"
            )
        yield line


def leaves_quote_open(line: str, delimiter: str) -> bool:
    """Return whether a quote at the beginning of a field is never closed, so that the next lines would belong to it."""
    if '"' not in line or delimiter in RUNS:
        return False
    try:
        cut_line(line, delimiter, strict=True)
    except csv.Error as error:
        return "end of data" in str(error)
    return False


class WholeLines(io.RawIOBase):
    """The bytes of a text file as UTF-8, every row one line; a tab stands for a run of blanks, if these are delimiters.

    Arrow takes the lines behind a quote that is never closed for one long value, and so would lose them.
    """

    def __init__(self, path: Path, encoding: str, delimiter: str, first_row: int) -> None:
        """Open the file.

        Args:
            path: The file.
            encoding: How it is written.
            delimiter: Between its values.
            first_row: Lines before the first row; they may hold anything.

        Raises:
            OSError: It cannot be opened.
        """
        errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"  # Arrow looks at what is read of it
        self._file = path.open(encoding=encoding, errors=errors, newline=None)
        self._path, self._errors, self._delimiter, self._first_row = path, errors, delimiter, first_row
        self._blocks = self._cut_blocks()
        self._waiting = b""

    def _cut_blocks(self) -> Iterator[bytes]:
        rest, n_lines = "", 0
        while text := self._file.read(BLOCK):
            whole, newline, rest = (rest + text).rpartition("\n")
            if len(rest) > LONGEST_LINE:
                raise InputError(
                    f"{self._path}: a line of more than {LONGEST_LINE:,} characters; expected one row per sample"
                )
            if newline:
                yield self._checked(whole, n_lines)
                n_lines += whole.count("\n") + 1
        if rest:
            yield self._checked(rest, n_lines)

    def _checked(self, text: str, n_before: int) -> bytes:
        """Return lines as they are handed on; their numbers begin after `n_before`."""
        if self._delimiter in RUNS:
            text = "\n".join(re.sub(RUNS[self._delimiter], "\t", line.strip()) for line in text.split("\n"))
        elif '"' in text:
            for number, line in enumerate(text.split("\n"), start=n_before + 1):
                if number > self._first_row and leaves_quote_open(line, self._delimiter):
                    raise InputError(
                        f"{self._path}: line {number} has a quote that is not closed: {line[:60]!r}; close it or take "
                        "it away"
                    )
        return (text + "\n").encode(errors=self._errors)

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer; only the last one is not filled, since Arrow takes what it is given for a block."""
        n_filled = 0
        while n_filled < len(buffer):
            self._waiting = self._waiting or next(self._blocks, b"")
            if not self._waiting:
                break
            n_bytes = min(len(buffer) - n_filled, len(self._waiting))
            buffer[n_filled : n_filled + n_bytes] = self._waiting[:n_bytes]
            self._waiting, n_filled = self._waiting[n_bytes:], n_filled + n_bytes
        return n_filled

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _is_whole(field: str) -> bool:
    """Return whether a field is one number, date or word, and nothing that another delimiter would cut."""
    if is_missing(field) or is_number(field):
        return True
    parts = field.split()
    return not NOT_IN_WORDS.search(re.sub(r":\d+,\d", "", field)) and not (
        len(parts) > 1 and all(map(is_number, parts))
    )
