"""A CSV, NPY or Parquet file of a user as columns of numbers and of words, whole or some rows at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.csv_layout import MISSING, Layout, is_number, sniff_layout
from feature_extraction.own_files.declared import Declared
from feature_extraction.storage.names import plain_name

ENDINGS = {"csv": (".csv", ".txt", ".tsv"), "npy": (".npy",), "parquet": (".parquet", ".pq")}
BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class Table:
    """Some rows of a file.

    Attributes:
        path: The file.
        names: Of all its columns, empty texts where they have none.
        columns: Arrow columns that were read, by their position in the file.
        first_row: Rows of the file before these.
    """

    path: Path
    names: tuple[str, ...]
    columns: Mapping[int, Any]
    first_row: int = 0

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def numbers(self, column: int) -> np.ndarray:
        """Return a column as float64 [T], NaN where a value is missing.

        Raises:
            InputError: A value is not a number; names the row and the value.
        """
        found = self.columns[column]
        try:
            return found.cast("float64", safe=False).to_numpy()  # nanoseconds since 1970 lose their last digits
        except (ValueError, NotImplementedError) as error:
            texts = [str("" if value is None else value) for value in found.to_pylist()]
            words = (i for i, text in enumerate(texts) if not is_number(text, ",") and text.lower() not in MISSING)
            row = next(words, 0)
            raise InputError(
                f"{self.path}: column {self.names[column] or column!r}, row {self.first_row + row + 1} is "
                f"{texts[row][:80]!r}, not a number; correct it, leave it empty, or name another column"
            ) from error

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
                f"{self.path}: column {name!r}, row {self.first_row + row + 1} is infinite; "
                "correct it or leave it empty"
            )
        return values

    def stamps(self, column: int) -> np.ndarray:
        """Return time stamps [T], NaN where missing; dates give nanoseconds.

        Raises:
            InputError: They are neither numbers nor dates as `2026-03-01 12:00:00.020`.
        """
        if not self.is_date(column):
            return self.numbers(column)
        whole = self.columns[column].cast("timestamp[ns]").cast("int64")
        return np.asarray(whole.to_numpy(), dtype=np.float64)

    def is_date(self, column: int) -> bool:
        """Return whether a column holds dates with a time of day."""
        return str(self.columns[column].type).startswith("timestamp")

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
    with _readable(path, kind):
        if kind == "npy":
            return Layout(kind, ("",) * _map_npy(path).shape[1])
        from pyarrow import parquet

        return Layout(kind, tuple(name.strip() for name in parquet.read_schema(path).names))


def read_head(path: Path, layout: Layout) -> Table:
    """Read the first rows of a file.

    Raises:
        InputError: The file is damaged or has none.
    """
    head = next(read_batches(path, layout, range(len(layout.names))), None)
    if head is None or len(head) == 0:
        raise InputError(f"{path}: no rows; record again or choose another file")
    return head


def read_batches(path: Path, layout: Layout, columns: Sequence[int], numeric: Sequence[int] = ()) -> Iterator[Table]:
    """Read a file some rows at a time.

    Args:
        path: The file.
        layout: How it is written.
        columns: Positions of the columns to read.
        numeric: Positions of those that hold numbers, whatever the first rows of a CSV file look like.

    Raises:
        InputError: The file is damaged.
    """
    first_row = 0
    with _readable(path, layout.format):
        for read in _arrow_tables(path, layout, columns, numeric):
            yield Table(path, layout.names, dict(zip(columns, read.columns, strict=True)), first_row)
            first_row += len(read)


def read_whole(path: Path, layout: Layout, columns: Sequence[int], names: Sequence[int] = ()) -> Table:
    """Read all rows of some columns; of a CSV file, all rows decide whether a column holds numbers or words.

    Args:
        path: The file.
        layout: How it is written.
        columns: Positions of the columns to read.
        names: Positions of those that hold names, which are text as they are written: `01`, `NA` and `null` are names.

    Raises:
        InputError: The file is damaged.
    """
    import pyarrow
    from pyarrow import csv

    with _readable(path, layout.format):
        if layout.format == "csv":
            parts = [csv.read_csv(path, *_csv_options(layout, columns, ()))]
            if names:
                parts.append(csv.read_csv(path, *_csv_options(layout, names, (), as_text=True)))
        else:
            parts = [pyarrow.concat_tables(_arrow_tables(path, layout, [*columns, *names], ()))]
    found = [column for part in parts for column in part.columns]
    return Table(path, layout.names, dict(zip([*columns, *names], found, strict=True)))


def _arrow_tables(path: Path, layout: Layout, columns: Sequence[int], numeric: Sequence[int]) -> Iterator[Any]:
    """Yield Arrow tables of these columns in this order."""
    import pyarrow
    from pyarrow import csv, parquet

    if layout.format == "npy":
        array = _map_npy(path)
        for first in range(0, len(array), BATCH_ROWS):
            block = np.array(array[first : first + BATCH_ROWS, columns], dtype=np.float64, order="F")
            yield pyarrow.table(list(block.T), names=[str(i) for i in columns])
    elif layout.format == "parquet":
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            for batch in file.iter_batches(BATCH_ROWS, columns=[names[i] for i in columns]):
                places = [[k for k, name in enumerate(batch.schema.names) if name == names[i]] for i in columns]
                chosen = [same[names[:i].count(names[i])] for same, i in zip(places, columns, strict=True)]
                yield pyarrow.Table.from_batches([batch]).select(chosen)
    else:
        with csv.open_csv(path, *_csv_options(layout, columns, numeric)) as reader:
            for batch in reader:
                yield pyarrow.Table.from_batches([batch])


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    """Turn what the libraries raise on a damaged file into one kind of error.

    Raises:
        InputError: Naming the file and the library's reason.
    """
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, EOFError, NotImplementedError, SyntaxError, TokenError) as error:
        # Arrow's errors are the first two and the fourth; NumPy parses its header as Python text.
        detail = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not readable as {kind} ({detail}); correct the file or its format") from error


def _csv_options(
    layout: Layout, columns: Sequence[int], numeric: Sequence[int], as_text: bool = False
) -> tuple[Any, Any, Any]:
    """Return Arrow's options for reading, parsing and converting; columns are called by their numbers."""
    from pyarrow import csv

    return (
        csv.ReadOptions(
            use_threads=False,  # several threads would leave the row out of error messages
            column_names=[str(i) for i in range(len(layout.names))],
            skip_rows=layout.skip_lines,
            encoding=layout.encoding,
        ),
        csv.ParseOptions(delimiter=layout.delimiter),
        csv.ConvertOptions(
            strings_can_be_null=not as_text,
            decimal_point=layout.decimal_point,
            include_columns=[str(i) for i in columns],
            column_types={str(i): "string" for i in columns} if as_text else {str(i): "float64" for i in numeric},
        ),
    )


def _map_npy(path: Path) -> np.ndarray:
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


def _name(value: Any) -> str:
    if value is None or value != value:  # NaN differs from itself
        return ""
    return plain_name(value.decode(errors="replace") if isinstance(value, bytes) else str(value))
