"""What has to be computed before the rows of a device can be read: sums, dates in its notation, other clocks.

The result is a Parquet file in the temporary folder of the caller, with one row per row of the export.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.csv_layout import Layout
from feature_extraction.own_files.devices.export import DeviceStream
from feature_extraction.own_files.devices.source import Source, TextFile
from feature_extraction.own_files.tables import Table, read_batches
from feature_extraction.own_files.timing.rate import RATE_TOLERANCE

DATE = (
    r"^\s*(?P<a>\d{1,4})[-/.](?P<b>\d{1,4})[-/.](?P<c>\d{1,4})[ T]+(?P<h>\d{1,2}):(?P<m>\d{1,2}):(?P<s>\d{1,2})"
    r"(?:[.,:](?P<f>\d{1,18}))?"
    r"\s*(?P<zone>Z|[+-]\d\d:?\d\d)?\s*$"
)


def converted(source: Source, file: TextFile, blocks: Iterable[Mapping[str, Any]]) -> DeviceStream:
    """Write blocks of columns to a file of our own.

    Args:
        source: What the user gave.
        file: Where the rows come from.
        blocks: Columns by name, as `DeviceStream.layout` names them: some rows at a time.

    Raises:
        InputError: There are no rows.
    """
    import pyarrow
    from pyarrow import parquet

    path, names, writer = source.new_file(), (), None
    try:
        for block in blocks:
            table = pyarrow.table(dict(block))
            if writer is None:
                names = tuple(table.column_names)
                writer = parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    if not names:
        raise InputError(f"{file.where}: no rows; record again or choose another file")
    return DeviceStream(path, Layout("parquet", names), where=file.where)


def dated(
    source: Source, file: TextFile, layout: Layout, clock: int, order: str = "yMd", rate_hz: float | None = None
) -> DeviceStream:
    """Write rows whose time stamps are dates to a file of our own, with seconds in their place.

    Args:
        source: What the user gave.
        file: Where the rows come from.
        layout: How it is written, and what its columns are.
        clock: Position of the dates.
        order: Of year, month and day in them.
        rate_hz: Rate that the device states, if it does.

    Raises:
        InputError: There are no rows, one has no date, or the rate and the dates contradict each other.
    """
    used = [i for i, name in enumerate(layout.names) if name and i != clock]

    def blocks() -> Iterator[Mapping[str, np.ndarray]]:
        for table in read_batches(file.path, layout, (clock, *used)):
            seconds = date_seconds(table, clock, file.where, order)
            if rate_hz is not None and not table.first_row:
                require_rate(rate_hz, seconds[:1000], file.where)
            yield {"time [s]": seconds} | dict(zip((layout.names[i] for i in used), table.samples(used).T, strict=True))

    return converted(source, file, blocks())


def date_seconds(table: Table, column: int, where: str, order: str = "yMd") -> np.ndarray:
    """Return dates with a time of day as seconds since 1970 [T], without regard to summer time.

    Args:
        table: Some rows.
        column: Position of the dates.
        where: The file, for messages.
        order: Of year, month and day, such as `Mdy`.

    Raises:
        InputError: One is no date; names the row.
    """
    from pyarrow import compute

    texts = table.columns[column].cast("string")
    missing = np.asarray(compute.is_null(texts))
    parts = compute.extract_regex(compute.fill_null(texts, "1970-01-01 00:00:00"), DATE)
    wrong = np.asarray(compute.is_null(parts)) & ~missing
    named = dict(zip("abc", order, strict=True))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        text = table.words(column)[row][:40]
        raise InputError(f"{where}: row {table.first_row + row + 1} has {text!r} as its time, not a date; export again")

    def whole(name: str) -> np.ndarray:
        return np.asarray(compute.struct_field(parts, name).cast("int64"))

    value = {named[name]: np.where(missing, 1, whole(name)) for name in "abc"}
    if not ((value["M"] >= 1) & (value["M"] <= 12) & (value["d"] >= 1) & (value["d"] <= 31)).all():
        raise InputError(f"{where}: its dates are not in the order {'-'.join(order)}; export again")
    months = ((value["y"] - 1970) * 12 + value["M"] - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]").astype(np.int64) + value["d"] - 1
    digits = compute.binary_join_element_wise("0", compute.struct_field(parts, "f"), ".", null_handling="skip")
    zones = compute.struct_field(parts, "zone").combine_chunks().dictionary_encode()
    ahead = np.array([_zone_s(text) for text in [*zones.dictionary.to_pylist(), None]])
    zone = ahead[np.asarray(compute.fill_null(zones.indices, len(ahead) - 1))]
    seconds = (
        days * 86400.0 + whole("h") * 3600 + whole("m") * 60 + whole("s") + np.asarray(digits.cast("float64")) - zone
    )
    return np.where(missing, np.nan, seconds)


def _zone_s(text: str | None) -> int:
    """Return how much a zone such as `+02:00` is ahead, in seconds."""
    digits = re.sub(r"\D", "", text or "")
    ahead = int(digits[:2]) * 3600 + int(digits[2:]) * 60 if digits else 0
    return -ahead if (text or "").startswith("-") else ahead


def require_rate(stated_hz: float, stamps_s: Sequence[float] | np.ndarray, where: str) -> None:
    """Compare a stated rate with time stamps.

    Raises:
        InputError: They differ by more than a tenth; shows both.
    """
    steps = np.diff(np.asarray(stamps_s, dtype=np.float64))
    steps = steps[np.isfinite(steps)]
    if len(steps) < 2:
        return
    step = float(np.median(steps)) or float(np.mean(steps))
    if step <= 0 or abs(1 / step / stated_hz - 1) > RATE_TOLERANCE:
        found = f"are {step:.4g} s apart ({1 / step:.4g} Hz)" if step > 0 else "do not increase"
        raise InputError(f"{where}: states {stated_hz:g} Hz, but its time stamps {found}; export again, or correct one")
