"""Predictions as rows of a file: CSV, JSON (one object a line) or Parquet.

In CSV, texts are what `cell` makes of them, safe to open in a spreadsheet; JSON and Parquet hold them as they are.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from feature_extraction.errors import InputError
from feature_extraction.storage.escaping import cell, json_line
from feature_extraction.storage.files import atomic_path

FORMATS = ("csv", "json", "parquet")
COLUMNS = ("file", "start_s", "end_s", "label", "activity", "probability", "unseen", "strangeness")

Row = dict[str, Any]


class RowWriter:
    """Writes rows to a text stream as they come, each lot flushed at once."""

    def __init__(self, stream: TextIO, kind: str) -> None:
        """Start with the header line of `csv`; `json` has none."""
        self._stream = stream
        self._csv = csv.DictWriter(stream, COLUMNS, lineterminator="\n") if kind == "csv" else None
        if self._csv:
            self._csv.writeheader()

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows."""
        for row in rows:
            if self._csv:
                self._csv.writerow({name: cell(v) if isinstance(v, str) else v for name, v in row.items()})
            else:
                self._stream.write(json_line(row) + "\n")
        self._stream.flush()


def kind_of(out: str) -> str:
    """Return the format of `--out`: one of `FORMATS`, or the suffix of a path.

    Raises:
        InputError: Neither.
    """
    kind = out if out in FORMATS else Path(out).suffix.removeprefix(".").lower().replace("jsonl", "json")
    if kind not in FORMATS:
        raise InputError(
            f"--out: {out!r} names no format; give csv or json, or a path that ends in .csv, .json, .parquet"
        )
    return kind


def write_file(rows: Sequence[Row], path: Path) -> None:
    """Write rows to a file in the format of its suffix, replacing it whole."""
    kind = kind_of(str(path))
    with atomic_path(path) as temporary:
        if kind == "parquet":
            import pyarrow  # slow to import
            import pyarrow.parquet

            columns = {name: [row[name] for row in rows] for name in COLUMNS}
            pyarrow.parquet.write_table(pyarrow.table(columns), temporary)
            return
        with temporary.open("w", encoding="utf-8", newline="") as file:
            RowWriter(file, kind).write(rows)
