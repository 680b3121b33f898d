"""A user's own recording, as a file or as lines that arrive: a plan of how it is read, and its rows.

Rows are evenly spaced at the rate of the plan, in the units of its channels, NaN where something is
missing, ready for `window_stream.WindowStream`.
"""

import csv
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns import position
from feature_extraction.own_files.csv_layout import DELIMITERS, MISSING, is_data, is_number, sniff_layout
from feature_extraction.own_files.even_clock import even_rows
from feature_extraction.own_files.plan import Declared, ReadingPlan, is_date, make_plan, stamps_of
from feature_extraction.own_files.tables import CsvLayout, Table, format_of, read_batches
from feature_extraction.recordings.recording import Channel

__all__ = ["Declared", "ReadingPlan", "follow", "plan_reading", "read_recording"]

LARGEST_FILE = 2 << 30  # bytes
MOST_ROWS = 50_000_000  # six days at 100 Hz
MOST_TIMED_ROWS = 10_000_000  # more than a day at 100 Hz; time stamps are put in order in memory
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
    head = _head(path, *_open(path))
    return make_plan(head.names, head, wanted, declared, str(path))


def read_recording(path: Path, plan: ReadingPlan) -> Iterator[np.ndarray]:
    """Read a file as it was planned.

    Without time stamps memory does not grow with the file. With them the samples are brought to an even
    clock, and a pause becomes rows of NaN.

    Yields:
        float64 [n, C], in order.

    Raises:
        InputError: The file is damaged, or a value is not a number.
    """
    kind, layout = _open(path)
    head = _head(path, kind, layout)
    columns = [position(head.names, column, str(path)) for column in plan.columns]
    if plan.time_column is None:
        for _, values in _values(read_batches(path, kind, layout, columns, columns), len(columns), MOST_ROWS):
            yield values
        return
    time_column = position(head.names, plan.time_column, str(path))
    numeric = columns if is_date(head, time_column) else [*columns, time_column]
    batches = read_batches(path, kind, layout, [*columns, time_column], numeric)
    parts = [
        (stamps_of(table, len(columns))[0], values) for table, values in _values(batches, len(columns), MOST_TIMED_ROWS)
    ]
    times, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    del parts  # as large as what was made of them
    where = f"{path}: time column {plan.time_column!r}"
    yield from even_rows(times * plan.time_unit_s, values, plan.rate_hz, where)


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
    plan = make_plan(fields if has_names else [""] * len(fields), None, wanted, declared, "input")
    columns = [position(fields, column, "input") if has_names else int(column) for column in plan.columns]
    rows = numbered if has_names else chain([(number, first)], numbered)
    return plan, _chunks(rows, delimiter, len(fields), columns, chunk_rows)


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
    except UnicodeDecodeError:
        raise InputError(f"input, after line {number}: not UTF-8 text; send CSV text") from None


def _split(line: str, delimiter: str, number: int) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([line.strip("\r\n")], delimiter=delimiter, strict=True))]
    except (csv.Error, StopIteration) as error:
        raise InputError(f"input, line {number}: not CSV text ({error})") from None


def _number(text: str, delimiter: str, number: int) -> float:
    if text.lower() in MISSING:
        return np.nan
    if not is_number(text, delimiter):
        raise InputError(f"input, line {number}: {text[:40]!r} is not a number; leave a missing value empty")
    return float(text.replace(",", "."))


def _open(path: Path) -> tuple[str, CsvLayout]:
    """Return format and layout of a file of bearable size."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not path.is_file():
        raise InputError(f"{path}: not a file; give one CSV, Parquet or NPY file")
    if size > LARGEST_FILE:
        raise InputError(
            f"{path}: {size / (1 << 30):.1f} GiB, more than {LARGEST_FILE >> 30}; cut it into shorter ones"
        )
    if size == 0:
        raise InputError(f"{path}: empty; record again or choose another file")
    kind = format_of(path)
    return kind, sniff_layout(path) if kind == "csv" else CsvLayout()


def _head(path: Path, kind: str, layout: CsvLayout) -> Table:
    """Return the first rows, with empty names where columns have none."""
    head = next(read_batches(path, kind, layout), None)
    if head is None or not head.columns or len(head.columns[0]) == 0:
        raise InputError(f"{path}: no rows; record again or choose another file")
    names = ("",) * len(head.columns) if kind == "npy" else tuple(name.strip() for name in head.names)
    return replace(head, names=names)


def _values(batches: Iterator[Table], n_channels: int, most_rows: int) -> Iterator[tuple[Table, np.ndarray]]:
    """Yield each batch with its channels [n, C]; refuse infinity and files without an end."""
    for table in batches:
        values = np.stack([table.numbers(i) for i in range(n_channels)], axis=1)
        if table.first_row + len(values) > most_rows:
            raise InputError(f"{table.path}: more than {most_rows:,} rows; cut it into shorter recordings")
        infinite = np.argwhere(np.isinf(values))
        if len(infinite):
            row, column = infinite[0]
            raise InputError(
                f"{table.path}: column {table.names[column]!r}, row {table.first_row + row + 1} is infinite; "
                "correct it or leave it empty"
            )
        yield table, values
