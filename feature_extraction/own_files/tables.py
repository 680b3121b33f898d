"""A CSV, NPY or Parquet file of a user's own recordings as columns of numbers and of words."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from feature_extraction.errors import InputError

SUFFIXES = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".npy": "npy",
    ".parquet": "parquet",
    ".pq": "parquet",
}
BATCH_ROWS = 1 << 16

Column = str | int  # by name, or by number from 0


@dataclass(frozen=True)
class CsvLayout:
    """How a CSV file is written.

    Attributes:
        delimiter: Between values.
        header: Whether the first line names the columns.
        skip_lines: Lines before the header, or before the first row if `names` are given.
        names: Names of the columns, if they are not to be read from the file.
        decimal_point: In numbers.
        encoding: Of the text.
    """

    delimiter: str = ","
    header: bool = True
    skip_lines: int = 0
    names: tuple[str, ...] | None = None
    decimal_point: str = "."
    encoding: str = "utf8"


@dataclass(frozen=True)
class Table:
    """One file, or some rows of it: column names, and columns as arrays or Arrow columns."""

    path: Path
    names: tuple[str, ...]
    columns: list[Any]
    first_row: int = 0

    def find(self, column: Column) -> Any:
        """Return a column by name or by number from 0.

        Raises:
            InputError: There is no such column, or two of that name.
        """
        if isinstance(column, int):
            if not 0 <= column < len(self.columns):
                raise InputError(f"{self.path}: no column {column}; it has {len(self.columns)}, counted from 0")
            return self.columns[column]
        if self.names.count(column) != 1:
            what = "two columns" if column in self.names else "no column"
            raise InputError(f"{self.path}: {what} {column!r}; its columns are {', '.join(self.names)}")
        return self.columns[self.names.index(column)]

    def numbers(self, column: Column) -> np.ndarray:
        """Return a column as float64 [T], NaN where a value is missing.

        Raises:
            InputError: A value is not a number; names the row and the value.
        """
        found = self.find(column)
        if isinstance(found, np.ndarray):
            return found.astype(np.float64)
        try:
            return found.cast("float64", safe=False).to_numpy()  # nanoseconds since 1970 lose their last digits
        except (ValueError, NotImplementedError):
            row, value = _first_word(found.to_pylist())
            name = column if isinstance(column, str) else self.names[column] or column
            raise InputError(
                f"{self.path}: column {name!r}, row {self.first_row + row + 1} is {str(value)[:80]!r}, not a number; "
                "correct it, leave it empty, or name another column"
            ) from None

    def words(self, column: Column) -> np.ndarray:
        """Return a column as text [T]: whole numbers without a point, missing values as empty text."""
        found = self.find(column)
        values = found.tolist() if isinstance(found, np.ndarray) else found.to_pylist()
        return np.array([_word(value) for value in values], dtype=np.str_)


def format_of(path: Path) -> str:
    """Return csv, npy or parquet, as the name of a file tells.

    Raises:
        InputError: It tells nothing.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: format not told by its name; give it one of the endings {', '.join(SUFFIXES)}")
    return SUFFIXES[path.suffix.lower()]


def read_table(path: Path, kind: str, layout: CsvLayout) -> Table:
    """Read a whole file.

    Args:
        path: The file.
        kind: csv, npy or parquet.
        layout: How it is written, if it is a CSV file.

    Raises:
        InputError: The file is damaged or empty.
    """
    with readable(path, kind):
        if kind == "npy":
            array = map_npy(path)
            table = Table(path, tuple(str(i) for i in range(array.shape[1])), list(np.array(array).T))
        elif kind == "parquet":
            from pyarrow import parquet

            read = parquet.read_table(path)
            table = Table(path, tuple(read.column_names), read.columns)
        else:
            from pyarrow import csv

            read = csv.read_csv(path, *_csv_options(layout, None, ()))
            table = Table(path, tuple(name.strip() for name in read.column_names), read.columns)
    if not table.columns or len(table.columns[0]) == 0:
        raise InputError(f"{path}: no rows; take the file away or export it again")
    return table


def read_batches(
    path: Path, kind: str, layout: CsvLayout, columns: Sequence[int] | None = None, numeric: Sequence[int] = ()
) -> Iterator[Table]:
    """Read a file some rows at a time.

    Args:
        path: The file.
        kind: csv, npy or parquet.
        layout: How it is written, if it is a CSV file; `names` must be given.
        columns: Positions of the columns to read; by default all.
        numeric: Positions of those that hold numbers, whatever the first rows look like.

    Raises:
        InputError: The file is damaged.
    """
    first_row = 0
    with readable(path, kind):
        for names, arrays in _batches(path, kind, layout, columns, numeric):
            yield Table(path, names, arrays, first_row)
            first_row += len(arrays[0]) if arrays else 0


def _batches(
    path: Path, kind: str, layout: CsvLayout, columns: Sequence[int] | None, numeric: Sequence[int]
) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    if kind == "npy":
        array = map_npy(path)
        chosen = list(range(array.shape[1]) if columns is None else columns)
        for first in range(0, len(array), BATCH_ROWS):
            yield tuple(map(str, chosen)), list(np.array(array[first : first + BATCH_ROWS, chosen]).T)
        return
    import pyarrow

    if kind == "parquet":
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            names = tuple(file.schema_arrow.names)
            chosen = list(range(len(names)) if columns is None else columns)
            for batch in file.iter_batches(BATCH_ROWS, columns=[names[i] for i in chosen]):
                table = pyarrow.Table.from_batches([batch]).select([names[i] for i in chosen])
                yield tuple(table.column_names), table.columns
        return
    from pyarrow import csv

    names = layout.names or ()
    with csv.open_csv(path, *_csv_options(layout, columns, numeric)) as reader:
        for batch in reader:
            table = pyarrow.Table.from_batches([batch])
            yield tuple(names[int(i)] for i in table.column_names), table.columns


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn what the libraries raise on a file they cannot read into one kind of error.

    Raises:
        InputError: Naming the file and the library's reason.
    """
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, EOFError, NotImplementedError, KeyError, SyntaxError, TokenError) as error:
        detail = " ".join(str(error).split())[:200]  # Arrow's errors are ValueError, OSError and the like
        raise InputError(f"{path}: not readable as {kind} ({detail}); correct the file or its format") from None


def _csv_options(layout: CsvLayout, columns: Sequence[int] | None, numeric: Sequence[int]) -> tuple[Any, Any, Any]:
    """Return Arrow's options for reading, parsing and converting; given names become column numbers."""
    from pyarrow import csv

    names = None if layout.names is None else [str(i) for i in range(len(layout.names))]
    return (
        csv.ReadOptions(
            use_threads=False,  # several threads would leave the row out of error messages
            autogenerate_column_names=names is None and not layout.header,
            column_names=names,
            skip_rows=layout.skip_lines,
            encoding=layout.encoding,
        ),
        csv.ParseOptions(delimiter=layout.delimiter),
        csv.ConvertOptions(
            strings_can_be_null=True,
            decimal_point=layout.decimal_point,
            include_columns=None if columns is None else [str(i) for i in columns],
            column_types={str(i): "float64" for i in numeric},
        ),
    )


def map_npy(path: Path) -> np.ndarray:
    """Open a matrix of numbers [T, C] without reading it.

    Raises:
        InputError: It is an array of something else.
        ValueError: It is no NPY file, a damaged one, or one of objects.
    """
    with path.open("rb") as file:
        if file.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
            raise ValueError("not an NPY file")
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise InputError(f"{path}: {array.dtype} of shape {array.shape}; expected numbers, one row per sample")
    return array


def _first_word(values: list[Any]) -> tuple[int, Any]:
    for row, value in enumerate(values):
        try:
            float("nan" if value is None else value)
        except (TypeError, ValueError):
            return row, value
        if "_" in str(value):  # Python's way to group digits, not Arrow's
            return row, value
    return 0, values[0]


def _word(value: Any) -> str:
    if value is None or value != value:  # NaN differs from itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
