"""A user's own recording, as a file or as lines that arrive: a plan of how it is read, and its rows.

Rows are evenly spaced at the rate of the plan, in the units of its channels, NaN where something is
missing, ready for `window_stream.WindowStream`.
"""

import csv
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns import shown
from feature_extraction.own_files.csv_layout import DELIMITERS, MISSING, is_data, is_number
from feature_extraction.own_files.declared import Declared
from feature_extraction.own_files.plan import ReadingPlan, make_plan
from feature_extraction.own_files.tables import Table, find_layout, read_batches, read_head
from feature_extraction.recordings.clock import even_rows
from feature_extraction.recordings.recording import Channel

__all__ = ["Declared", "ReadingPlan", "follow", "plan_reading", "read_recording"]

LARGEST_FILE = 2 << 30  # bytes
MOST_ROWS = 50_000_000  # six days at 100 Hz
FLUSH_S = 0.1


def plan_reading(path: Path, wanted: Sequence[Channel], declared: Declared) -> ReadingPlan:
    """Look at the names and first rows of a file.

    Args:
        path: CSV, TSV, TXT, Parquet or NPY file.
        wanted: Channels of the model, in its order.
        declared: What the user said.

    Raises:
        InputError: The file cannot be read, or something is neither declared nor found; the message names
            the flag that declares it.
    """
    size = path.stat().st_size if path.is_file() else 0
    if size > LARGEST_FILE:
        raise InputError(
            f"{path}: {size / (1 << 30):.1f} GiB, more than {LARGEST_FILE >> 30}; cut it into shorter ones"
        )
    layout = find_layout(path, declared)
    return make_plan(read_head(path, layout), wanted, declared, layout)


def read_recording(path: Path, plan: ReadingPlan) -> Iterator[np.ndarray]:
    """Read a file as it was planned; memory does not grow with its length.

    Samples with time stamps are brought to an even clock, and a pause becomes rows of NaN.

    Yields:
        float64 [n, C], in order.

    Raises:
        InputError: The file is damaged, or a value is not a number.
    """
    if plan.layout is None:
        raise InputError(f"{path}: planned for lines that arrive; plan it with plan_reading")
    columns, time_column = list(plan.columns), plan.time_column
    timed = [] if time_column is None else [time_column]
    numeric = columns if plan.time_is_date else columns + timed
    batches = map(_require_bearable, read_batches(path, plan.layout, columns + timed, numeric))
    if time_column is None:
        yield from (table.samples(columns) for table in batches)
        return
    rows = ((table.stamps(time_column) * plan.time_unit_s, table.samples(columns)) for table in batches)
    where = f"{path}: time column {shown(plan.layout.names, time_column)}"
    yield from even_rows(rows, plan.rate_hz, where)


def _require_bearable(table: Table) -> Table:
    """Refuse files without an end."""
    if table.first_row + len(table) > MOST_ROWS:
        raise InputError(f"{table.path}: more than {MOST_ROWS:,} rows; cut it into shorter recordings")
    return table


def follow(
    lines: Iterable[str], wanted: Sequence[Channel], declared: Declared, chunk_rows: int = 64
) -> tuple[ReadingPlan, Iterator[np.ndarray]]:
    """Read CSV text that arrives line by line, with or without a line of names first.

    Rows are passed on when there are `chunk_rows` of them, and at the first line more than 0.1 s after the
    last rows were passed on, so that a live stream is never held back by more.

    Args:
        lines: Text; it is read no further than the rows that are given out.
        wanted: Channels of the model, in its order.
        declared: The rate must be declared, and units unless the names state them.
        chunk_rows: Most rows given out at once.

    Returns:
        The plan, and chunks float64 [n, C] of rows in order.

    Raises:
        InputError: Something is neither declared nor in the names; later, a line that is no row of numbers.
    """
    if declared.rate_hz is None or declared.time_column is not None:
        raise InputError("input: lines that arrive are evenly spaced; declare --rate-hz, and no --time-column")
    numbered = _numbered(lines)
    number, first = next(numbered, (0, ""))
    if not first:
        raise InputError("input: no lines; send CSV text, one row per sample")
    delimiter = next((delimiter for delimiter in DELIMITERS if delimiter in first.strip()), ",")
    fields = _split(first, delimiter, number)
    has_names = not is_data(fields, len(fields), delimiter)
    plan = make_plan(Table(Path("input"), tuple(fields if has_names else [""] * len(fields)), {}), wanted, declared)
    rows = numbered if has_names else chain([(number, first)], numbered)
    return plan, _chunks(rows, delimiter, len(fields), plan.columns, chunk_rows)


def _chunks(
    rows: Iterable[tuple[int, str]], delimiter: str, width: int, columns: Sequence[int], chunk_rows: int
) -> Iterator[np.ndarray]:
    waiting: list[list[float]] = []
    passed_on = time.monotonic()
    try:
        for number, line in rows:
            fields = _split(line, delimiter, number)
            if len(fields) != width:
                raise InputError(f"input, line {number}: {len(fields)} values, expected {width}: {line.strip()[:80]!r}")
            waiting.append([_number(fields[column], delimiter, number) for column in columns])
            if len(waiting) >= chunk_rows or time.monotonic() - passed_on > FLUSH_S:
                yield np.array(waiting)
                waiting, passed_on = [], time.monotonic()
    except KeyboardInterrupt:
        if waiting:
            yield np.array(waiting)
        raise
    if waiting:
        yield np.array(waiting)


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Number the lines from 1 and leave out empty ones."""
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            text = line.lstrip("\ufeff")
            if text.strip():
                yield number, text
    except UnicodeDecodeError as error:
        raise InputError(f"input, after line {number}: not UTF-8 text; send CSV text") from error


def _split(line: str, delimiter: str, number: int) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([line.strip("\r\n")], delimiter=delimiter, strict=True))]
    except (csv.Error, StopIteration) as error:
        raise InputError(f"input, line {number}: not CSV text ({error})") from error


def _number(text: str, delimiter: str, number: int) -> float:
    if text.lower() in MISSING:
        return np.nan
    if not is_number(text, delimiter):
        raise InputError(f"input, line {number}: {text[:40]!r} is not a number; leave a missing value empty")
    return float(text.replace(",", "."))
