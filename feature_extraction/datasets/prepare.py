"""From raw files to cached windows: `resources/windows/<dataset>/<key>/`.

The key is a digest of the raw files' content, the settings and the class codes, so a changed file or
setting never meets old windows. Content is read again only when a path, size or modification time has
changed. Windows are written as they are cut, into a temporary folder that is renamed when complete.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from feature_extraction.datasets import DatasetSpec, get_dataset
from feature_extraction.datasets.check import check
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.errors import InputError
from feature_extraction.recordings import signal
from feature_extraction.recordings.recording import Channel, Recording, Skipped
from feature_extraction.storage.files import content_hash, read_json, write_json
from feature_extraction.storage.places import WINDOWS_FOLDER
from feature_extraction.windows.window_files import WindowWriter
from feature_extraction.windows.window_set import WindowSet, WindowSettings, cut_windows
from feature_extraction.windows.window_summary import summarize, summary_table

__all__ = ["check", "prepare", "summarize", "summary_table"]

logger = logging.getLogger(__name__)

METHOD = 1  # raise it when reading, resampling or cutting change, so that old windows are not reused
TEMPORARY_PREFIX = ".preparing-"
ABANDONED_AFTER_S = 24 * 3600
EXAMPLES_KEPT = 5
ANYWHERE = "anywhere"  # the one placement of descriptions that do not go into placements


def prepare(
    dataset: str,
    raw: Path | None = None,
    settings: WindowSettings | None = None,
    out: Path = WINDOWS_FOLDER,
    force: bool = False,
) -> WindowSet:
    """Return the windows of a data set, from the cache or from the raw files.

    Args:
        dataset: Name of a data set, or path of a `dataset.yaml`.
        raw: Folder of the raw files, or the one it lies in; by default `resources/raw/<dataset>`.
        settings: How to cut; by default as the data set proposes.
        out: Folder of all prepared windows.
        force: Read the raw files again even if the cache is good.

    Raises:
        InputError: Files are missing or wrong, a label is not in the class list, or a class has only
            one window.
    """
    spec = get_dataset(dataset)
    settings = settings or spec.windowing
    class_list = spec.class_list()
    files = spec.list_files(spec.raw_folder(raw))
    home = out / spec.name
    codes = json.dumps(sorted(class_list.codes.items()))
    content = _content_of(files, home / "content.json")
    key = content_hash(str(METHOD), spec.name, spec.signature, content, repr(settings), codes)
    folder = home / key
    if folder.exists() and not force:
        try:
            return _load(folder, key)
        except InputError as error:
            logger.warning("%s; preparing it again", error)
    logger.info("%s: reading %d files", spec.name, len(files))
    with _build_folder(folder) as temporary:
        _build(spec, files, class_list, settings, key, temporary)
    return _load(folder, key)


def _load(folder: Path, key: str) -> WindowSet:
    windows = WindowSet.load(folder)
    if windows.key != key:
        raise InputError(f"{folder}: holds windows of key {windows.key}; delete it and prepare again")
    return windows


def _content_of(files: Sequence[Path], memo: Path) -> str:
    """Digest the content of all files; `memo` keeps the result for files with the same sizes and times."""
    stats = [(path, path.stat()) for path in files]
    root = os.path.commonpath([path.parent for path in files])
    names = [os.path.relpath(path, root) for path in files]
    listing = [f"{n} {s.st_size} {s.st_mtime_ns}" for n, (_, s) in zip(names, stats, strict=True)]
    look = content_hash(os.path.realpath(root), *listing)
    known = _read_memo(memo)
    if look not in known:
        known[look] = content_hash(*(f"{name} {_file_digest(path)}" for name, path in zip(names, files, strict=True)))
        write_json(memo, known)
    return known[look]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_memo(memo: Path) -> dict[str, str]:
    try:
        known = read_json(memo)
    except InputError:
        return {}
    good = isinstance(known, dict) and all(isinstance(value, str) for value in known.values())
    return known if good else {}


@contextmanager
def _build_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that takes the place of `folder` when the block succeeds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in folder.parent.glob(f"{TEMPORARY_PREFIX}*"):
        if time.time() - abandoned.stat().st_mtime > ABANDONED_AFTER_S:
            shutil.rmtree(abandoned, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder.parent))
    try:
        build, old = temporary / "new", temporary / "old"
        build.mkdir()
        yield build
        if folder.exists():
            os.replace(folder, old)
        os.replace(build, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@dataclass
class _Tally:
    """What has gone into the windows so far, and what has not."""

    labels: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    placements: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    start_s: list[np.ndarray] = field(default_factory=list)
    channels: tuple[Channel, ...] | None = None
    read_s: float = 0.0
    unused_s: float = 0.0
    dropped: dict[str, dict] = field(default_factory=dict)

    def drop(self, name: str, reason: str, duration_s: float) -> None:
        """Count something that gives no window."""
        entry = self.dropped.setdefault(reason, {"recordings": 0, "seconds": 0.0, "examples": []})
        entry["recordings"] += 1
        entry["seconds"] = round(entry["seconds"] + duration_s, 3)
        if len(entry["examples"]) < EXAMPLES_KEPT:
            entry["examples"].append(name)

    def keep(self, recording: Recording, start_s: np.ndarray) -> None:
        """Count a recording with windows."""
        self.labels.append(recording.label)
        self.subjects.append(recording.subject)
        self.recordings.append(recording.name)
        several = len(recording.devices) > 1
        self.placements.append("" if several else recording.placements.get(recording.devices[0], ""))
        self.counts.append(len(start_s))
        self.start_s.append(start_s)

    def column(self, values: Sequence[str]) -> np.ndarray:
        """Repeat one value per recording for each of its windows."""
        return np.repeat(np.array(values, dtype=np.str_), self.counts)


def _build(
    spec: DatasetSpec,
    files: Sequence[Path],
    class_list: ClassList,
    settings: WindowSettings,
    key: str,
    folder: Path,
) -> None:
    tally = _Tally()
    writer: WindowWriter | None = None
    try:
        for item in spec.read_files(files, class_list):
            if isinstance(item, Skipped):
                tally.drop(item.name, item.reason, item.duration_s)
                continue
            _require_known(item, class_list)
            tally.read_s += item.duration_s
            recording = bring_to(item, settings)
            if tally.channels is None:
                tally.channels = recording.channels
                writer = WindowWriter(folder / "windows.npy", (settings.window_samples, len(recording.channels)))
            _require_same_channels(recording, tally.channels)
            cut = cut_windows(recording.samples, settings)
            tally.unused_s += cut.unused_s
            if cut.dropped:
                tally.drop(recording.name, cut.dropped, recording.duration_s)
            elif writer is not None:
                writer.append(cut.windows)
                tally.keep(recording, cut.start_s)
    finally:
        if writer is not None:
            writer.close()
    _require_windows(tally, spec)
    _window_set(tally, spec, class_list, settings, key, folder).save_index(folder)


def bring_to(recording: Recording, settings: WindowSettings) -> Recording:
    """Keep the sensors of the settings, in SI units, at the rate of the settings."""
    return signal.resample(signal.to_si(recording.select(settings.quantities)), settings.rate_hz)


def _require_known(recording: Recording, class_list: ClassList) -> None:
    where = f"{recording.dataset}/{recording.name}"
    if recording.label not in class_list.names:
        raise InputError(f"{where}: label {recording.label!r} is not in the class list; add it there")
    unknown = sorted(set(recording.placements.values()) - set(class_list.placements))
    if unknown and class_list.placements != (ANYWHERE,):
        known = ", ".join(class_list.placements)
        raise InputError(f"{where}: placement {unknown[0]!r} has no descriptions; use one of {known}")


def _require_same_channels(recording: Recording, channels: tuple[Channel, ...]) -> None:
    if recording.channels != channels:
        found, expected = (", ".join(c.name for c in group) for group in (recording.channels, channels))
        raise InputError(f"{recording.dataset}/{recording.name}: channels {found}; the first recording has {expected}")


def _require_windows(tally: _Tally, spec: DatasetSpec) -> None:
    if not tally.counts:
        reasons = ", ".join(f"{entry['recordings']} {reason}" for reason, entry in tally.dropped.items())
        raise InputError(f"{spec.name}: no windows ({reasons or 'no recordings'}); use a shorter window_s")
    n_windows: Counter[str] = Counter()
    for label, count in zip(tally.labels, tally.counts, strict=True):
        n_windows[label] += count
    single = [label for label, count in n_windows.items() if count == 1]
    if single:
        raise InputError(
            f"{spec.name}: class {single[0]!r} has one window only and cannot be split or scored; "
            "record more of it, use a shorter window_s, or take the class out"
        )


def _window_set(
    tally: _Tally, spec: DatasetSpec, class_list: ClassList, settings: WindowSettings, key: str, folder: Path
) -> WindowSet:
    labels = tally.column(tally.labels)
    per_class = Counter(labels.tolist())
    summary = {
        "recordings": len(tally.counts),
        "subjects": sorted(set(tally.subjects), key=lambda name: (len(name), name)),
        "windows_per_class": {name: per_class[name] for name in class_list.names},
        "hours_read": round(tally.read_s / 3600, 4),
        "hours_in_no_window": round(tally.unused_s / 3600, 4),
        "dropped": tally.dropped,
    }
    return WindowSet(
        samples=np.load(folder / "windows.npy", mmap_mode="r"),
        labels=labels,
        subjects=tally.column(tally.subjects),
        recordings=tally.column(tally.recordings),
        placements=tally.column(tally.placements),
        start_s=np.concatenate(tally.start_s),
        channels=tally.channels or (),
        settings=settings,
        dataset=spec.name,
        key=key,
        summary=summary,
    )
