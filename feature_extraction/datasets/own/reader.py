"""A user's own CSV, NPY or Parquet files, as a `dataset.yaml` describes them (see `config`)."""

import glob
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from feature_extraction.datasets.own.config import CustomConfig, Source, load_custom_config
from feature_extraction.datasets.own.patterns import found_by
from feature_extraction.datasets.spec import DatasetSpec, class_name, natural_key, progress
from feature_extraction.descriptions.class_list import ClassList, class_list_from_mapping
from feature_extraction.errors import InputError
from feature_extraction.own_files.columns import position, shown
from feature_extraction.own_files.read import Account, ReadingPlan, plan_reading, read_recording
from feature_extraction.own_files.tables import Table, read_whole
from feature_extraction.own_files.timing.stamps import REPEATED, Timeline, read_clock
from feature_extraction.recordings.clock import longest_pause_s, merge_on_time, order_of_time, require_steady
from feature_extraction.recordings.recording import Recording, Skipped
from feature_extraction.recordings.signal import fill_short_gaps
from feature_extraction.storage.names import Spellings, plain_name

UNLABELLED = ("", "na", "n/a", "nan", "null")  # unless the YAML file has a class of this name


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
        found = [path for path in found if path != config.path]
        found = [path for path in found if path.is_file()] or found  # a folder can be the export of a device
        if not found:
            raise InputError(f"{config.path}: files: no file matches {raw / pattern}; correct the pattern or --raw")
        files.update(found)
    return sorted(files, key=natural_key)


@dataclass(frozen=True)
class _Rows:
    """Rows of one file in order of time.

    Attributes:
        numbers: Their places in the file, from 0 [n].
        values: In the units of the file, NaN where missing [n, C].
        times: Seconds since the first row [n], if there are time stamps.
        labels: As the file says [n].
        subjects: As the file says [n].
    """

    numbers: np.ndarray
    values: np.ndarray
    times: np.ndarray | None
    labels: np.ndarray
    subjects: np.ndarray

    def runs(self) -> "Iterator[_Rows]":
        """Yield every stretch with one label and one subject."""
        changed = (self.labels[1:] != self.labels[:-1]) | (self.subjects[1:] != self.subjects[:-1])
        edges = [0, *(np.flatnonzero(changed) + 1).tolist(), len(self.labels)] if len(self.labels) else []
        for part in (slice(*pair) for pair in pairwise(edges)):
            times = None if self.times is None else self.times[part]
            yield _Rows(self.numbers[part], self.values[part], times, self.labels[part], self.subjects[part])


def read_files(config: CustomConfig, files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Read one recording per stretch of one label and subject without long gaps."""
    root = Path(os.path.commonpath([path.parent for path in files]))
    home = config.path.parent if root.is_relative_to(config.path.parent) else root
    subjects, labels = Spellings("subject"), Spellings("label")
    for label in (*class_list.codes, *config.ignore_labels):
        labels.add(label, str(config.path))
    for path in progress(files, config.dataset, "file"):
        name = Path(os.path.relpath(path, root)).as_posix()
        rows, account = _read_rows(config, path, home)
        passed_over: dict[str, int] = defaultdict(int, account.left_out)
        number = 0
        for run in rows.runs():
            label, subject = str(run.labels[0]), str(run.subjects[0])
            where = f"{path}: rows {run.numbers[0] + 1} to {run.numbers[-1] + 1}"
            if label:
                labels.add(label, where)
            if not label or label in config.ignore_labels:
                passed_over[f"label {label!r} is ignored" if label else "no label"] += len(run.labels)
                continue
            if not subject:
                raise InputError(f"{where}: no subject; fill in the column or use another source of the subject")
            subjects.add(subject, where)
            label = class_name(class_list, label, where)
            for column in np.flatnonzero(~np.isfinite(run.values).all(axis=0)):
                first = np.isfinite(run.values[:, :column]).all(axis=1) & ~np.isfinite(run.values[:, column])
                passed_over[f"no value of {config.channels[column].name}"] += int(first.sum())
            for samples in _pieces(config, run, path):
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
        for reason, n_rows in passed_over.items():
            yield Skipped(name, reason, n_rows / config.rate_hz)


def _read_rows(config: CustomConfig, path: Path, home: Path) -> tuple[_Rows, Account]:
    """Return the rows of a file, and which were left out for their time stamps or values.

    Args:
        config: How to read it.
        path: The file.
        home: Where the paths begin on which patterns are looked for.
    """
    plan = plan_reading(path, config.channels, config.declared)
    if not plan.certain:
        raise InputError(
            f"{path}: {'; '.join(plan.guesses)}, a guess; if it is right, declare it in {config.path}, such as the "
            "unit of time"
        )
    account = Account()
    if len(plan.streams) > 1:
        return _read_merged(config, home, plan, account, path), account
    account.begin(plan.left_out)
    stream = plan.streams[0]
    layout, rows = stream.source.layout, stream.source.rows
    words = [position(layout.names, s.content, str(path)) for s in (config.label, config.subject) if s.kind == "column"]
    table = read_whole(stream.source.path, layout, sorted({*stream.reads, *words}))
    table = table if rows is None else table.where(*rows)
    account.rows += len(table)
    values, places, times = stream.samples(table), np.arange(len(table)), None
    if stream.clock is not None:
        timeline = Timeline(stream.clock, account)
        parts = [timeline.push(read_clock(table, stream.clock), values, places), timeline.finish()]
        places = np.concatenate([kept for _, kept in parts])
        times = np.concatenate([stamps for (stamps, _), _ in parts])
        values = values[places]
        where = f"{path}: time column {shown(layout.names, stream.clock.column)}"
        require_steady(times, table.row_numbers[places], where)
        order = order_of_time(times)
        account.leave_out(REPEATED, len(times) - len(order))
        places, values, times = places[order], values[order], times[order] - times[order[:1]]
    labels, subjects = (_entries(config, key, table, home)[places] for key in ("label", "subject"))
    return _Rows(table.row_numbers[places] - 1, values, times, labels, subjects), account


def _read_merged(config: CustomConfig, home: Path, plan: ReadingPlan, account: Account, path: Path) -> _Rows:
    """Return the rows of several streams on their common clock.

    Raises:
        InputError: Labels or subjects stand in a column, which belongs to one stream only.
    """
    for key in ("label", "subject"):
        if getattr(config, key).kind == "column":
            raise InputError(
                f"{path}: its sensors have clocks of their own, so {key}: column cannot be used; take it from the name "
                "of the file (pattern) or give a value"
            )
    values = np.concatenate([np.empty((0, len(plan.channels))), *read_recording(path, plan, account)])
    table = Table(path, plan.streams[0].source.layout, {0: np.empty(len(values))})
    labels, subjects = (_entries(config, key, table, home) for key in ("label", "subject"))
    return _Rows(np.arange(len(values)), values, None, labels, subjects)


def _entries(config: CustomConfig, key: str, table: Table, home: Path) -> np.ndarray:
    """Label or subject of every row."""
    source: Source = getattr(config, key)
    if source.kind == "column":
        return table.names_in(position(table.names, source.content, str(table.path)))
    if source.kind == "value":
        return np.full(len(table), source.content)
    path = table.path.absolute()
    part = ("file name", "name of the folder", "path")[2 if source.kind == "path" else min(source.folder, 1)]
    text = [path, *path.parents][source.folder].name if source.folder <= len(path.parents) else ""
    if source.kind == "path":
        text = Path(os.path.relpath(table.path, home)).as_posix()
    name = plain_name(found_by(str(source.content), unicodedata.normalize("NFC", text), f"{table.path}: {key}"))
    if not name:
        raise InputError(
            f"{table.path}: the {part} does not match the {key} pattern {source.content!r}; "
            f"correct the pattern in {config.path}, or rename the {part.rpartition(' ')[2].replace('name', 'file')}"
        )
    return np.full(len(table), name)


def _pieces(config: CustomConfig, run: _Rows, path: Path) -> list[np.ndarray]:
    """Contiguous, evenly timed samples; long gaps split or raise, as the config says."""
    good = np.isfinite(run.values).all(axis=1)
    interval_s = 1 / config.rate_hz
    if run.times is None:
        times = np.arange(len(good)) / config.rate_hz
        longest_s = config.max_gap_s + 1.5 * interval_s
        pieces = [samples for _, samples in fill_short_gaps(run.values, config.rate_hz, config.max_gap_s)]
    else:
        times = run.times
        longest_s = longest_pause_s(np.diff(times), config.max_gap_s)
        pieces = [samples for _, samples in merge_on_time([(times[good], run.values[good])], config.rate_hz, longest_s)]
    edges = np.r_[times[0] - interval_s, times[good], times[-1] + interval_s]
    gaps = np.flatnonzero(np.diff(edges) > longest_s)
    if len(gaps) and not config.split_long_gaps:
        row = run.numbers[np.flatnonzero(good)[gaps[0] - 1] + 1 if gaps[0] else 0] + 1
        raise InputError(
            f"{path}: {np.diff(edges)[gaps[0]]:.3g} s without samples from row {row} on, more than max_gap_s "
            f"{config.max_gap_s:g}; raise max_gap_s or set long_gaps: split in {config.path}"
        )
    return pieces
