"""A Parquet file of a user, some rows at a time; what it would unpack to is looked up before anything is read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from feature_extraction.errors import InputError
from feature_extraction.storage.files import BEARABLE, LARGEST_RATIO

LONGEST_VALUE = 10_000  # bytes of a text
NO_VALUE = "[...]"


def column_names(path: Path, most_rows: int, most_columns: int) -> tuple[str, ...]:
    """Return the names of the columns.

    Args:
        path: The file.
        most_rows: More are refused.
        most_columns: More are refused.

    Raises:
        InputError: It has too many rows or columns, or would unpack to far more than it should.
        OSError, ArrowException, UnicodeError: It is damaged, or cannot be read.
    """
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        found, names = file.metadata, file.schema_arrow.names
        if found.num_rows > most_rows:
            raise InputError(f"{path}: more than {most_rows:,} rows; cut it into shorter recordings")
        if max(found.num_columns, len(names)) > most_columns:
            raise InputError(f"{path}: more than {most_columns} columns; expected one row per sample")
        for group in map(found.row_group, range(found.num_row_groups)):
            for chunk in map(group.column, range(group.num_columns)):
                size = chunk.total_uncompressed_size
                if size > BEARABLE and size > LARGEST_RATIO * path.stat().st_size:
                    raise InputError(
                        f"{path}: column {chunk.path_in_schema[:80]!r} would unpack to {size / 1e9:.1f} GB; it holds "
                        "no measurements; leave that column away"
                    )
        return tuple(name.strip() for name in names)


def read_parquet(path: Path, columns: Sequence[int], batch_rows: int) -> Iterator[Any]:
    """Yield Arrow tables of some columns, in this order.

    Texts are read as the file has them, every different one once, and only written out where that is bearable. What is
    neither a number nor a name, such as a list or a text without an end, is not read; `NO_VALUE` stands for it.

    Args:
        path: The file.
        columns: Their positions.
        batch_rows: Most rows at once.

    Raises:
        OSError, ArrowException, UnicodeError: As `column_names`.
    """
    import pyarrow
    from pyarrow import parquet, types

    with parquet.ParquetFile(path) as file:
        fields = list(file.schema_arrow)
    nested = {i for i in columns if types.is_nested(fields[i].type) or _is_wide(fields[i].type)}
    texts = [fields[i].name for i in columns if _is_text(fields[i].type)]
    wanted = list(dict.fromkeys(fields[i].name for i in columns if i not in nested))
    with parquet.ParquetFile(path, read_dictionary=texts) as file:
        for batch in file.iter_batches(batch_rows, columns=wanted):
            yield pyarrow.table(
                [
                    pyarrow.repeat(NO_VALUE, len(batch)) if place is None else _plain(batch.column(place))
                    for place in _places(batch.schema.names, fields, columns, nested)
                ],
                names=[str(k) for k in range(len(columns))],
            )


def _places(names: Sequence[str], fields: Sequence[Any], columns: Sequence[int], nested: set[int]) -> list[int | None]:
    """Return where each column stands in a batch, of several of one name in the order of the file."""
    found: list[int | None] = []
    for i in columns:
        same = [k for k, name in enumerate(names) if name == fields[i].name]
        before = [k for k in range(i) if fields[k].name == fields[i].name and k not in nested]
        found.append(None if i in nested else same[len(before)])
    return found


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return types.is_string(kind) or types.is_binary(kind) or types.is_large_string(kind) or types.is_large_binary(kind)


def _is_wide(kind: Any) -> bool:
    from pyarrow import types

    return types.is_fixed_size_binary(kind) and kind.byte_width > LONGEST_VALUE


def _plain(column: Any) -> Any:
    """Return a column with every value written out, or `NO_VALUE` where that would take too much."""
    import pyarrow
    from pyarrow import compute, types

    if not types.is_dictionary(column.type):
        return column
    kind = column.type.value_type
    if _is_text(kind):
        lengths = compute.binary_length(column.dictionary)
        longest = compute.max(lengths).as_py() or 0
        n_bytes = compute.sum(compute.take(lengths, column.indices)).as_py() or 0
        if longest > LONGEST_VALUE or n_bytes > BEARABLE:
            return pyarrow.repeat(NO_VALUE, len(column))
    return column.cast(kind)
