"""A user's own CSV, NPY or Parquet files, as a `dataset.yaml` describes them (see `custom_config`)."""

import glob
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from feature_extraction.datasets.own.config import CustomConfig, Source, load_custom_config
from feature_extraction.datasets.spec import DatasetSpec, class_name, natural_key, progress
from feature_extraction.descriptions.class_list import ClassList, class_list_from_mapping
from feature_extraction.errors import InputError
from feature_extraction.own_files.tables import CsvLayout, Table, format_of, read_table
from feature_extraction.recordings.recording import Recording, Skipped
from feature_extraction.recordings.signal import fill_short_gaps, merge_on_time

LONGEST_USUAL_INTERVAL = 2.5


def custom_dataset(path: Path) -> DatasetSpec:
    """Return the data set that a `dataset.yaml` describes.

    Raises:
        InputError: The file is missing or wrong.
    """
    config = load_custom_config(path)
    about = config.about
    return DatasetSpec(
        name=config.dataset,
        title=about["title"] or f"own recordings ({path})",
        homepage=about["homepage"] or str(path),
        licence=about["licence"] or "not stated",
        citation=about["citation"],
        layout=", ".join(config.files),
        rate_hz=config.rate_hz,
        windowing=config.windowing,
        list_files=partial(list_files, config),
        read_files=partial(read_files, config),
        load_classes=lambda: class_list_from_mapping(config.dataset, config.classes, str(path)),
        folder=path.parent,
        signature=config.signature,
    )


def list_files(config: CustomConfig, raw: Path) -> list[Path]:
    """List the files of every pattern, relative to `raw` (by default the folder of the YAML file).

    Raises:
        InputError: A pattern matches nothing.
    """
    files: set[Path] = set()
    for pattern in config.files:
        found = [raw / name for name in glob.glob(pattern, root_dir=raw, recursive=True)]
        found = [path for path in found if path.is_file() and path != config.path]
        if not found:
            raise InputError(f"{config.path}: files: no file matches {raw / pattern}; correct the pattern or --raw")
        files.update(found)
    return sorted(files, key=natural_key)


def read_files(config: CustomConfig, files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Read one recording per stretch of one label and subject without long gaps."""
    root = os.path.commonpath([path.parent for path in files])
    for path in progress(files, config.dataset, "file"):
        name = Path(os.path.relpath(path, root)).as_posix()
        delimiter = "\t" if path.suffix.lower() == ".tsv" else config.delimiter
        table = read_table(path, config.format or format_of(path), CsvLayout(delimiter, config.header))
        values = np.stack([table.numbers(column) for column in config.columns], axis=1)
        times = _times(config, table)
        labels = _entries(config.label, table, "label", config)
        subjects = _entries(config.subject, table, "subject", config)
        passed_over_s: dict[str, float] = defaultdict(float)
        number = 0
        for first, last in _runs(labels, subjects):
            label, subject = str(labels[first]), str(subjects[first])
            where = f"{path}: rows {first + 1} to {last}"
            if not label or label in config.ignore_labels:
                reason = f"label {label!r} is ignored" if label else "no label"
                passed_over_s[reason] += (last - first) / config.rate_hz
                continue
            if not subject:
                raise InputError(f"{where}: no subject; fill in the column or use another source of the subject")
            label = class_name(class_list, label, where)
            time = None if times is None else times[first:last]
            for samples in _pieces(config, values[first:last], time, path, first):
                number += 1
                yield Recording(
                    samples=samples,
                    channels=config.channels,
                    rate_hz=config.rate_hz,
                    dataset=config.dataset,
                    name=f"{name}#{number}",
                    subject=subject,
                    label=label,
                    placements=config.placements,
                )
        for reason, seconds in passed_over_s.items():
            yield Skipped(name, reason, seconds)


def _times(config: CustomConfig, table: Table) -> np.ndarray | None:
    """Seconds since the first row, strictly increasing."""
    if config.time_column is None:
        return None
    stamps = table.numbers(config.time_column)
    steps = np.diff(stamps)
    bad = np.flatnonzero(~(steps > 0))
    if not np.isfinite(stamps[0]) or len(bad):
        row = int(bad[0]) + 1 if len(bad) else 0
        before = stamps[row - 1] if row else "nothing"
        raise InputError(
            f"{table.path}: time must increase: column {config.time_column!r}, row {row + 1} is "
            f"{stamps[row]} after {before}; sort the rows, remove repeated ones, or name another column"
        )
    return (stamps - stamps[0]) * config.time_unit_s


def _entries(source: Source, table: Table, what: str, config: CustomConfig) -> np.ndarray:
    """Label or subject of every row."""
    if source.column is not None:
        return table.words(source.column)
    value = source.value
    if source.pattern is not None:
        match = re.search(source.pattern, table.path.name)
        if match is None or not match[1]:
            raise InputError(
                f"{table.path}: the file name does not match the {what} pattern {source.pattern!r}; "
                f"correct the pattern in {config.path}, or rename the file"
            )
        value = match[1]
    return np.full(len(table.columns[0]), value or "")


def _runs(labels: np.ndarray, subjects: np.ndarray) -> list[tuple[int, int]]:
    """First row and end of every stretch with one label and one subject."""
    changes = np.flatnonzero((labels[1:] != labels[:-1]) | (subjects[1:] != subjects[:-1])) + 1
    return list(zip([0, *changes.tolist()], [*changes.tolist(), len(labels)], strict=True))


def _pieces(
    config: CustomConfig, values: np.ndarray, times: np.ndarray | None, path: Path, first_row: int
) -> list[np.ndarray]:
    """Contiguous, evenly timed samples; long gaps split or raise, as the config says."""
    good = np.isfinite(values).all(axis=1)
    if times is None:
        times = np.arange(len(values)) / config.rate_hz
        pieces = [samples for _, samples in fill_short_gaps(values, config.rate_hz, config.max_gap_s)]
        longest_s = config.max_gap_s + 1.5 / config.rate_hz
    else:
        usual_s = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        longest_s = max(config.max_gap_s, LONGEST_USUAL_INTERVAL * usual_s)
        clocked = merge_on_time([(times[good], values[good])], config.rate_hz, longest_s) if good.any() else []
        pieces = [samples for _, samples in clocked]
    if not config.split_long_gaps:
        _require_no_long_gap(config, times, good, longest_s, path, first_row)
    return pieces


def _require_no_long_gap(
    config: CustomConfig, times: np.ndarray, good: np.ndarray, longest_s: float, path: Path, first_row: int
) -> None:
    rows = np.flatnonzero(good)
    edges = np.concatenate([times[:1] - 1 / config.rate_hz, times[rows], times[-1:] + 1 / config.rate_hz])
    gaps = np.flatnonzero(np.diff(edges) > longest_s)
    if len(gaps):
        row = int(rows[gaps[0] - 1]) + 1 if gaps[0] else 0
        seconds = edges[gaps[0] + 1] - edges[gaps[0]]
        raise InputError(
            f"{path}: {seconds:.3g} s without samples from row {first_row + row + 1} on, more than max_gap_s "
            f"{config.max_gap_s:g}; raise max_gap_s or set long_gaps: split in {config.path}"
        )
