"""A CSV, NPY or Parquet file of a user as columns of numbers and of words, whole or some rows at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.csv_layout import MOST_COLUMNS, Layout, require_names, sniff_layout
from feature_extraction.own_files.declared import Declared
from feature_extraction.own_files.text.numbers import is_number, to_floats
from feature_extraction.own_files.text.splitting import RUNS, WholeLines
from feature_extraction.storage.names import plain_name
from feature_extraction.storage.npy import map_npy
from feature_extraction.storage.parquet import column_names, read_parquet

ENDINGS = {"csv": (".csv", ".txt", ".tsv"), "npy": (".npy",), "parquet": (".parquet", ".pq")}
BATCH_ROWS = 1 << 16
MOST_ROWS = 50_000_000  # six days at 100 Hz


@dataclass(frozen=True)
class Table:
    """Some rows of a file.

    Attributes:
        path: The file.
        layout: How it is written.
        columns: Chunked Arrow columns that were read, by their position in the file; those of text files are text.
        first_row: Rows of the file before these.
        places: Places of the rows among those that follow `first_row`, if not all of them are here [T].
    """

    path: Path
    layout: Layout
    columns: Mapping[int, Any]
    first_row: int = 0
    places: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns of the file, empty texts where they have none."""
        return self.layout.names

    @property
    def row_numbers(self) -> np.ndarray:
        """Numbers of the rows in the file, from 1 [T]."""
        return self.first_row + 1 + (np.arange(len(self)) if self.places is None else self.places)

    def is_text(self, column: int) -> bool:
        """Return whether a column was read as text."""
        return str(self.columns[column].type) in ("string", "large_string", "string_view")

    def is_numeric(self, column: int) -> bool:
        """Return whether a column holds nothing but numbers, and at least one."""
        try:
            return bool(np.isfinite(self.numbers(column)).any())
        except InputError:
            return False

    def numbers(self, column: int) -> np.ndarray:
        """Return a column as float64 [T], NaN where a value is missing.

        Raises:
            InputError: A value is not a number; names the row and the value.
        """
        found = self.columns[column]
        try:
            if self.is_text(column):
                return to_floats(found, self.layout.decimal_point, self.layout.thousands)
            return found.cast("float64", safe=False).to_numpy()  # nanoseconds since 1970 lose their last digits
        except (ValueError, NotImplementedError) as error:
            row, text = (
                error.args if len(error.args) == 2 else (0, "" if found[0].as_py() is None else found[0].as_py())
            )
            raise self.not_a(f"not a number{self._in_which_notation(str(text))}", column, row, text) from error

    def not_a(self, what: str, column: int, row: int, text: object) -> InputError:
        """Return the error that a value is not what its column holds."""
        return InputError(
            f"{self.path}: column {self.names[column] or column!r}, row {self.row_numbers[row]} is {str(text)[:80]!r}, "
            f"{what}; correct it, leave it empty, or name another column"
        )

    def _in_which_notation(self, text: str) -> str:
        """Return how the numbers of the file are written, if that is why a text is none."""
        if not is_number(text.strip()):
            return ""
        apart = f" and {self.layout.thousands!r} between thousands" if self.layout.thousands else ""
        return f" as those above, which have {self.layout.decimal_point!r} before decimals{apart}"

    def samples(self, columns: Sequence[int]) -> np.ndarray:
        """Return columns as float64 [T, C], NaN where a value is missing.

        Raises:
            InputError: A value is not a number, or infinite; names the row.
        """
        values = np.stack([self.numbers(column) for column in columns], axis=1)
        infinite = np.argwhere(np.isinf(values))
        if len(infinite):
            row, column = infinite[0]
            name = self.names[columns[column]] or str(columns[column])
            raise InputError(
                f"{self.path}: column {name!r}, row {self.row_numbers[row]} is infinite; correct it or leave it empty"
            )
        return values

    def words(self, column: int) -> np.ndarray:
        """Return a column as text [T]: whole numbers without a point, missing values as empty text."""
        if not self.is_text(column) or not self.is_numeric(column):
            return np.array([_word(value) for value in self.columns[column].to_pylist()], dtype=np.str_)
        return np.array([_word(value) for value in self.numbers(column).tolist()], dtype=np.str_)

    def where(self, column: int, word: str) -> "Table":
        """Return only the rows with this word in a column."""
        return self.take(np.flatnonzero(self.words(column) == word))

    def take(self, kept: np.ndarray) -> "Table":
        """Return only some rows, counted from 0."""
        columns = {i: values.take(kept) for i, values in self.columns.items()}
        return Table(self.path, self.layout, columns, self.first_row, self.row_numbers[kept] - 1 - self.first_row)

    def names_in(self, column: int) -> np.ndarray:
        """Return a column of names [T] as `plain_name` makes them, missing values as empty text."""
        entries = self.columns[column].to_pylist()
        return np.array([_name(entry) for entry in entries], dtype=np.str_)


def find_layout(path: Path, declared: Declared) -> Layout:
    """Find out how a file is written, and what its columns are called.

    Raises:
        InputError: The file cannot be read, is empty, or nothing tells its format.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not path.is_file():
        raise InputError(f"{path}: not a file; give one CSV, Parquet or NPY file")
    if size == 0:
        raise InputError(f"{path}: empty; record again or choose another file")
    kind = declared.format or next((kind for kind, ends in ENDINGS.items() if path.suffix.lower() in ends), "")
    if not kind:
        endings = ", ".join(ending for ends in ENDINGS.values() for ending in ends)
        raise InputError(f"{path}: format not told by its name; give it one of the endings {endings}")
    if kind == "csv":
        return sniff_layout(path, declared)
    if kind == "npy":
        return Layout(kind, ("",) * _width(path))
    with _readable(path, kind):
        names = column_names(path, MOST_ROWS, MOST_COLUMNS)
    require_names(names, str(path))
    return Layout(kind, names)


def _width(path: Path) -> int:
    """Return the number of columns of an NPY file.

    Raises:
        InputError: It is no matrix of numbers, or one of another size than recordings have.
    """
    array = map_npy(path)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise InputError(f"{path}: {array.dtype} of shape {array.shape}; expected numbers, one row per sample")
    if len(array) > MOST_ROWS or array.shape[1] > MOST_COLUMNS:
        raise InputError(
            f"{path}: shape {array.shape}; expected one row per sample, up to {MOST_ROWS:,}, of up to {MOST_COLUMNS:,} "
            "values"
        )
    return array.shape[1]


def read_head(path: Path, layout: Layout) -> Table:
    """Read the first rows of a file.

    Raises:
        InputError: The file is damaged or has none.
    """
    head = next(read_batches(path, layout, range(len(layout.names))), None)
    if head is None or len(head) == 0:
        raise InputError(f"{path}: no rows; record again or choose another file")
    return head


def read_batches(path: Path, layout: Layout, columns: Sequence[int]) -> Iterator[Table]:
    """Read a file some rows at a time.

    Args:
        path: The file.
        layout: How it is written.
        columns: Positions of the columns to read.

    Raises:
        InputError: The file is damaged.
    """
    first_row = 0
    with _readable(path, layout.format):
        for read in _arrow_tables(path, layout, columns):
            yield Table(path, layout, dict(zip(columns, read.columns, strict=True)), first_row)
            first_row += len(read)


def read_whole(path: Path, layout: Layout, columns: Sequence[int]) -> Table:
    """Read all rows of some columns.

    Args:
        path: The file.
        layout: How it is written.
        columns: Positions of the columns to read.

    Raises:
        InputError: The file is damaged.
    """
    import pyarrow

    with _readable(path, layout.format):
        read = pyarrow.concat_tables(_arrow_tables(path, layout, columns))
    return Table(path, layout, dict(zip(columns, read.columns, strict=True)))


def _arrow_tables(path: Path, layout: Layout, columns: Sequence[int]) -> Iterator[Any]:
    """Yield Arrow tables of these columns in this order."""
    import pyarrow
    from pyarrow import csv

    if layout.format == "npy":
        array = map_npy(path)
        for first in range(0, len(array), BATCH_ROWS):
            block = np.array(array[first : first + BATCH_ROWS, columns], dtype=np.float64, order="F")
            yield pyarrow.table(list(block.T), names=[str(i) for i in columns])
    elif layout.format == "parquet":
        yield from read_parquet(path, columns, BATCH_ROWS)
    else:
        lines = WholeLines(path, layout.encoding, layout.delimiter, layout.skip_lines)
        with lines, csv.open_csv(lines, *_csv_options(layout, columns)) as reader:
            for batch in reader:
                yield pyarrow.Table.from_batches([batch])


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    """Turn what reading a damaged file raises into one kind of error.

    Raises:
        InputError: Naming the file and the reason.
    """
    from pyarrow import ArrowException

    try:
        yield
    except (OSError, UnicodeError, ArrowException) as error:  # a name of a column may be no text
        detail = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not readable as {kind} ({detail}); correct the file or its format") from error


def _csv_options(layout: Layout, columns: Sequence[int]) -> tuple[Any, Any, Any]:
    """Return Arrow's options for reading, parsing and converting; columns are text and called by their numbers."""
    from pyarrow import csv

    blanks = layout.delimiter in RUNS
    return (
        csv.ReadOptions(
            use_threads=False,  # several threads would leave the row out of error messages
            column_names=[str(i) for i in range(len(layout.names))],
            skip_rows=layout.skip_lines,
        ),
        csv.ParseOptions(delimiter="\t" if blanks else layout.delimiter, quote_char=False if blanks else '"'),
        csv.ConvertOptions(
            include_columns=[str(i) for i in columns],
            column_types={str(i): "string" for i in columns},
            strings_can_be_null=False,
        ),
    )


def _name(value: Any) -> str:
    if value is None or value != value:  # NaN differs from itself
        return ""
    return plain_name(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def _word(value: Any) -> str:
    if value is None or value != value:  # NaN differs from itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
