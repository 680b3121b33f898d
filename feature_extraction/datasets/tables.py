"""One CSV, NPY or Parquet file of a user's own recordings as columns of numbers and of words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.datasets.custom_config import FORMATS, Column, CustomConfig
from feature_extraction.errors import InputError

SUFFIXES = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".npy": "npy",
    ".parquet": "parquet",
    ".pq": "parquet",
}


@dataclass(frozen=True)
class Table:
    """One file: its column names, and its columns as arrays or Arrow columns."""

    path: Path
    names: tuple[str, ...]
    columns: list[Any]

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
            return found.cast("float64").to_numpy()
        except ValueError:
            row, value = _first_word(found.to_pylist())
            raise InputError(
                f"{self.path}: column {column!r}, row {row + 1} is {value!r}, not a number; correct it, "
                "leave it empty, or name another column"
            ) from None

    def words(self, column: Column) -> np.ndarray:
        """Return a column as text [T]: whole numbers without a point, missing values as empty text."""
        found = self.find(column)
        values = found.tolist() if isinstance(found, np.ndarray) else found.to_pylist()
        return np.array([_word(value) for value in values], dtype=np.str_)


def read_table(config: CustomConfig, path: Path) -> Table:
    """Read a file in the format of the config, or the one its name tells.

    Raises:
        InputError: The format is unknown, or the file is damaged or empty.
    """
    kind = config.format or SUFFIXES.get(path.suffix.lower(), "")
    try:
        if kind == "npy":
            table = _read_npy(path)
        elif kind == "parquet":
            from pyarrow import parquet

            read = parquet.read_table(path)
            table = Table(path, tuple(read.column_names), read.columns)
        elif kind == "csv":
            table = _read_csv(config, path)
        else:
            raise InputError(f"{path}: format not told by its name; set format to one of {', '.join(FORMATS)}")
    except InputError:
        raise
    except (OSError, ValueError, EOFError) as error:  # Arrow's errors are ValueError or OSError
        detail = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not readable as {kind} ({detail}); correct the file or its format") from None
    if not table.columns or len(table.columns[0]) == 0:
        raise InputError(f"{path}: no rows; take the file away or export it again")
    return table


def _read_csv(config: CustomConfig, path: Path) -> Table:
    from pyarrow import csv

    read = csv.read_csv(
        path,
        # Several threads would leave the row out of error messages.
        read_options=csv.ReadOptions(use_threads=False, autogenerate_column_names=not config.header),
        parse_options=csv.ParseOptions(delimiter="\t" if path.suffix.lower() == ".tsv" else config.delimiter),
        convert_options=csv.ConvertOptions(strings_can_be_null=True),
    )
    return Table(path, tuple(name.strip() for name in read.column_names), read.columns)


def _read_npy(path: Path) -> Table:
    array = np.load(path, allow_pickle=False)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise InputError(f"{path}: {array.dtype} of shape {array.shape}; expected numbers, one row per sample")
    return Table(path, tuple(str(i) for i in range(array.shape[1])), list(array.T))


def _first_word(values: list[Any]) -> tuple[int, Any]:
    for row, value in enumerate(values):
        try:
            float("nan" if value is None else value)
        except (TypeError, ValueError):
            return row, value
    return 0, values[0]


def _word(value: Any) -> str:
    if value is None or value != value:  # NaN differs from itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
