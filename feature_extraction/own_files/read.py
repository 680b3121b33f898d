"""A user's own recording, as a file or as lines that arrive: its rows, as `plan` found out how to read them.

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
from feature_extraction.own_files.account import Account
from feature_extraction.own_files.columns import shown
from feature_extraction.own_files.contents import plan_all, plan_lines
from feature_extraction.own_files.csv_layout import MOST_COLUMNS, Layout, require_names
from feature_extraction.own_files.declared import Declared
from feature_extraction.own_files.plan import ReadingPlan, StreamPlan, make_plan, plan_reading
from feature_extraction.own_files.sources import as_given
from feature_extraction.own_files.tables import MOST_ROWS, Table, read_batches
from feature_extraction.own_files.text.numbers import Marks, find_marks, is_missing, is_number, to_float
from feature_extraction.own_files.text.splitting import USUAL, bounded_lines, cut_line, is_data
from feature_extraction.own_files.timing.stamps import Clock, Timeline, read_clock
from feature_extraction.recordings.clock import even_rows, longest_pause_s, merge_on_time, pause, require_steady
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import MAX_GAP_S

__all__ = [
    "Account",
    "Declared",
    "ReadingPlan",
    "bounded_lines",
    "follow",
    "plan_all",
    "plan_reading",
    "read_recording",
]

FLUSH_S = 0.1


def read_recording(path: Path, plan: ReadingPlan, account: Account | None = None) -> Iterator[np.ndarray]:
    """Read a recording as it was planned; memory does not grow with its length, unless several streams are merged.

    Samples with time stamps are brought to an even clock, and a pause becomes rows of NaN.

    Args:
        path: The file, zip file or folder that was planned.
        plan: How it is read.
        account: Filled with what became of every row while the recording is read.

    Yields:
        float64 [n, C], in order.

    Raises:
        InputError: The file is damaged, or a value is not a number.
    """
    account = Account() if account is None else account
    if not plan.streams[0].source.layout.format:
        raise InputError(f"{path}: planned for lines that arrive; plan it with plan_reading")
    account.begin(plan.left_out)
    try:
        if len(plan.streams) > 1:
            yield from _merged(plan, account)
            return
        stream = plan.streams[0]
        if stream.clock is None:
            yield from (values for _, values, _ in _rows(stream, account))
        else:
            timed = _timed(stream, account, stream.clock)
            yield from even_rows(timed, plan.rate_hz, _where(stream), account.leave_out)
    except InputError as error:
        tables = (stream.source for stream in plan.streams)
        raise InputError(as_given(str(error), tables, plan.folder, path)) from error


def _rows(stream: StreamPlan, account: Account) -> Iterator[tuple[Table, np.ndarray, np.ndarray]]:
    """Yield the rows of a stream some at a time: table, values [n, C], and their numbers [n]."""
    source = stream.source
    for batch in read_batches(source.path, source.layout, stream.reads):
        _require_bearable(batch)
        table = batch if source.rows is None else batch.where(*source.rows)
        values = stream.samples(table)
        if stream.partly:
            own = np.flatnonzero(np.isfinite(values).any(axis=1))
            table, values = table.take(own), values[own]
        account.rows += len(table)
        for column, n_missing in zip(stream.columns, _first_missing(values), strict=True):
            account.leave_out(f"no value in column {shown(source.layout.names, column[0])}", n_missing)
        yield table, values, table.row_numbers


def _first_missing(values: np.ndarray) -> list[int]:
    """Return for each column in how many rows it is the first without a value."""
    missing = ~np.isfinite(values)
    rows = missing.any(axis=1)
    return np.bincount(missing[rows].argmax(axis=1), minlength=values.shape[1]).tolist()


def _timed(stream: StreamPlan, account: Account, clock: Clock) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield stamps in seconds, values and numbers of rows; every row has a stamp of its own."""
    timeline = Timeline(clock, account)
    for table, values, numbers in _rows(stream, account):
        rows, kept = timeline.push(read_clock(table, clock), values, numbers)
        yield *rows, kept
    rows, kept = timeline.finish()
    if len(kept):
        yield *rows, kept


def _merged(plan: ReadingPlan, account: Account) -> Iterator[np.ndarray]:
    """Yield the rows at which every stream has data."""
    streams, longest_s = [], MAX_GAP_S
    for stream in plan.streams:
        times, values = _whole_stream(stream, account)
        longest_s = max(longest_s, longest_pause_s(np.diff(times), MAX_GAP_S))
        streams.append((times, values))
    origin_s = min(float(times.min()) for times, _ in streams)
    streams = [(times - origin_s, values) for times, values in streams]
    pieces = merge_on_time(streams, plan.rate_hz, longest_s)
    if not pieces:
        spans = [
            f"{_where(stream)} runs from {times.min() + origin_s:.10g} to {times.max() + origin_s:.10g} s"
            for stream, (times, _) in zip(plan.streams, streams, strict=True)
        ]
        raise InputError(f"the sensors never record at the same time: {'; '.join(spans)}; declare one clock for both")
    spans_s = [(start_s, start_s + (len(samples) - 0.5) / plan.rate_hz) for start_s, samples in pieces]
    for times, _ in streams:
        apart = ~np.any([(start - 0.5 / plan.rate_hz <= times) & (times <= end) for start, end in spans_s], axis=0)
        account.leave_out("the other sensor does not record then", int(apart.sum()))
    order = np.argsort([place for stream in plan.streams for place in stream.places])
    n_given, shortest = 0, int(MAX_GAP_S * plan.rate_hz) + 1
    for start_s, samples in pieces:
        if n_given:
            n_missing = max(round((start_s - pieces[0][0]) * plan.rate_hz) - n_given, shortest)
            yield from pause(n_missing, samples.shape[1], n_given, _where(plan.streams[0]))
            n_given += n_missing
        yield samples[:, order].astype(np.float64)
        n_given += len(samples)


def _whole_stream(stream: StreamPlan, account: Account) -> tuple[np.ndarray, np.ndarray]:
    """Return all rows of a stream that have a stamp and every value: seconds, and values."""
    parts, newest_s, n_rows = [], -np.inf, 0
    if stream.clock is None:
        for _, values, _ in _rows(stream, account):
            times = stream.source.start_s + (n_rows + np.arange(len(values))) / stream.rate_hz
            parts.append((times, values))
            n_rows += len(values)
    else:
        for times, values, numbers in _timed(stream, account, stream.clock):
            newest_s = require_steady(times, numbers, _where(stream), newest_s)
            parts.append((times, values))
    times = np.concatenate([np.empty(0), *(times for times, _ in parts)])
    values = np.concatenate([np.empty((0, len(stream.places))), *(values for _, values in parts if len(values))])
    good = np.isfinite(values).all(axis=1)
    if good.sum() < 2:
        raise InputError(f"{_where(stream)}: no two rows have a value in every column of this sensor")
    return times[good], values[good]


def _where(stream: StreamPlan) -> str:
    source = stream.source
    clock = stream.clock
    return (
        str(source.path) if clock is None else f"{source.path}: time column {shown(source.layout.names, clock.column)}"
    )


def _require_bearable(table: Table) -> None:
    """Refuse files without an end."""
    if table.first_row + len(table) > MOST_ROWS:
        raise InputError(f"{table.path}: more than {MOST_ROWS:,} rows; cut it into shorter recordings")


def follow(
    lines: Iterable[str], wanted: Sequence[Channel] | None, declared: Declared, chunk_rows: int = 64
) -> tuple[ReadingPlan, Iterator[np.ndarray]]:
    """Read CSV text that arrives line by line, with or without a line of names first.

    Rows are passed on when there are `chunk_rows` of them, and at the first line more than 0.1 s after the
    last rows were passed on, so that a live stream is never held back by more.

    Args:
        lines: Text; it is read no further than the rows that are given out.
        wanted: Channels of the model, in its order; None for all accelerometers and gyroscopes that are named.
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
    delimiter = declared.delimiter or next((choice for choice in USUAL if len(_split(first, choice, number)) > 1), ",")
    fields = _split(first, delimiter, number)
    if len(fields) > MOST_COLUMNS:
        raise InputError(f"input: more than {MOST_COLUMNS} values in a line; send one row per sample")
    has_names = not is_data(fields, len(fields))
    require_names(fields, "input")
    layout = Layout("", tuple(fields if has_names else [""] * len(fields)), delimiter)
    head = Table(Path("input"), layout, {})
    plan = plan_lines(head, declared) if wanted is None else make_plan(head, wanted, declared)
    rows = numbered if has_names else chain([(number, first)], numbered)
    return plan, _chunks(rows, layout, plan.streams[0].columns, _Numbers(declared.decimal), chunk_rows)


class _Numbers:
    """Fields as numbers; the first that leaves no doubt tells the decimal mark."""

    def __init__(self, decimal: str | None) -> None:
        self._decimal = decimal
        self._marks: Marks | None = None

    def read(self, text: str, number: int) -> float:
        """Return a field as a number, NaN if it is missing.

        Raises:
            InputError: It is no number, or could be two.
        """
        if not is_missing(text) and not is_number(text):
            raise InputError(f"input, line {number}: {text[:40]!r} is not a number; leave a missing value empty")
        if self._marks is None and not text.lstrip("+-").isdigit() and not is_missing(text):
            try:
                self._marks = find_marks([[text]], self._decimal)
            except InputError as error:
                raise InputError(f"input, line {number}: {error}") from error
            if not self._marks.certain:
                raise InputError(f"input, line {number}: {text!r} can be read in two ways; declare the decimal mark")
        marks = self._marks or Marks()
        try:
            return to_float(text, marks.decimal, marks.apart)
        except ValueError as error:
            raise InputError(
                f"input, line {number}: {text[:40]!r} is not a number as those above, which have {marks.decimal!r} "
                "before decimals"
            ) from error


def _chunks(
    rows: Iterable[tuple[int, str]],
    layout: Layout,
    columns: Sequence[Sequence[int]],
    numbers: _Numbers,
    chunk_rows: int,
) -> Iterator[np.ndarray]:
    waiting: list[list[float]] = []
    passed_on = time.monotonic()
    width = len(layout.names)
    try:
        for number, line in rows:
            fields = _split(line, layout.delimiter, number)
            if len(fields) != width:
                raise InputError(f"input, line {number}: {len(fields)} values, expected {width}: {line.strip()[:80]!r}")
            waiting.append([sum(numbers.read(fields[i], number) for i in added) for added in columns])
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
    except OSError as error:
        raise InputError(
            f"input, after line {number}: cannot be read ({error.strerror or error}); send it again"
        ) from error


def _split(line: str, delimiter: str, number: int) -> list[str]:
    try:
        return cut_line(line.strip("\r\n"), delimiter, strict=True)
    except csv.Error as error:
        raise InputError(f"input, line {number}: not CSV text ({error})") from error
