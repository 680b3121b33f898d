"""Lines of text cut into fields: what stands between the fields is declared, or found by trying."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from feature_extraction.own_files.text.numbers import is_missing, is_number

BLANKS = " "  # one blank or more, or tabs
WIDE_BLANKS = "  "  # two blanks or more, so that names may have blanks
USUAL = ("\t", ";", ",", "|", WIDE_BLANKS, BLANKS)
UNUSUAL = ("^", "~", "#", "&", "!", "/", "\x1f", "\x01")
RUNS = {BLANKS: r"[ \t]+", WIDE_BLANKS: r"[ \t]{2,}|\t"}
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


class BlanksAsTabs(io.RawIOBase):
    """The bytes of a text file with a tab in place of every run of blanks, as UTF-8."""

    def __init__(self, path: Path, encoding: str, delimiter: str) -> None:
        """Open the file.

        Raises:
            OSError: It cannot be opened.
        """
        self._file = path.open(encoding=encoding, newline=None)
        self._runs = re.compile(RUNS[delimiter])
        self._lines = self._cut_lines()
        self._waiting = b""

    def _cut_lines(self) -> Iterator[bytes]:
        while lines := self._file.readlines(1 << 20):
            yield "".join(self._runs.sub("\t", line.strip()) + "\n" for line in lines).encode()

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer."""
        if not self._waiting:
            self._waiting = next(self._lines, b"")
        n_bytes = min(len(buffer), len(self._waiting))
        buffer[:n_bytes], self._waiting = self._waiting[:n_bytes], self._waiting[n_bytes:]
        return n_bytes

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
