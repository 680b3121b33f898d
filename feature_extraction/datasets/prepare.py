"""From raw files to cached windows: `resources/windows/<dataset>/<key>/`.

The key is a digest of the raw files' content, the settings and the class codes, so a changed file or
setting never meets old windows. Content is read again only when a path, size or time of change is another. Windows are
written as they are cut, into a temporary folder that is renamed when complete.
"""

import json
import logging
import os
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.check import SHOWN_AS, doubts_of, summarise
from feature_extraction.descriptions.class_list import ANYWHERE, ClassList
from feature_extraction.errors import InputError
from feature_extraction.own_files.plausibility import require_possible
from feature_extraction.recordings import signal
from feature_extraction.recordings.recording import Channel, Recording, Skipped
from feature_extraction.storage.checksums import digest_of
from feature_extraction.storage.files import (
    NO_ROOM,
    atomic_path,
    changing,
    content_hash,
    keep_checksums,
    read_json,
    write_json,
    writing,
)
from feature_extraction.storage.places import WINDOWS_FOLDER
from feature_extraction.windows.cutting import WindowSettings, cut_windows
from feature_extraction.windows.window_set import INDEX_ARRAYS, WindowSet, WindowWriter

logger = logging.getLogger(__name__)

METHOD = 1  # raise it when reading, resampling or cutting change, so that old windows are not reused
TEMPORARY_PREFIX = ".preparing-"
ABANDONED_AFTER_S = 24 * 3600
EXAMPLES_KEPT = 5


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
    content = content_of(files, home / "content.json")
    key = content_hash(str(METHOD), spec.name, spec.signature, content, repr(settings), codes)
    folder = home / key
    if folder.exists() and not force:
        try:
            return _load(folder, key)
        except InputError as error:
            logger.warning("%s; preparing it again", error)
    logger.info("%s: reading %d files", spec.name, len(files))
    with build_folder(folder) as build:
        items = spec.read_files(files, class_list)
        whole = _whole(_examined(items) if spec.is_own else items, spec.channels, settings.quantities)
        tally = _cut(whole, class_list, settings, build / "windows.npy")
        _require_windows(tally, spec.name)
        WindowSet(
            samples=np.load(build / "windows.npy", mmap_mode="r"),
            **tally.index(),
            channels=tally.channels,
            settings=settings,
            dataset=spec.name,
            key=key,
            summary=tally.summary(class_list),
        ).save_index(build)
    return _load(folder, key)


def _load(folder: Path, key: str) -> WindowSet:
    windows = WindowSet.load(folder)
    if windows.key != key:
        raise InputError(f"{folder}: holds windows of key {windows.key}; delete it and prepare again")
    return windows


def content_of(files: Sequence[Path], memo: Path) -> str:
    """Digest the content of all files; `memo` keeps the result for files that nobody has written to since.

    The time of the last change of a file's entry (ctime) tells that even of one whose size and date were put back.
    """
    stats = [path.stat() for path in files]
    root = os.path.commonpath([path.parent for path in files])
    names = [os.path.relpath(path, root) for path in files]
    listing = [f"{n} {s.st_size} {s.st_mtime_ns} {s.st_ctime_ns} {s.st_ino}" for n, s in zip(names, stats, strict=True)]
    look = content_hash(os.path.realpath(root), *listing)
    with changing(memo):
        try:
            known = read_json(memo)
        except InputError:
            known = None
        known = known if isinstance(known, dict) else {}
        digest, _, check = str(known.get(look)).partition(" ")
        if check != content_hash(look, digest):
            digest = content_hash(*(f"{name} {digest_of(path)}" for name, path in zip(names, files, strict=True)))
            write_json(memo, {**known, look: f"{digest} {content_hash(look, digest)}"})
    return digest


@contextmanager
def build_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that takes the place of `folder` when the block succeeds."""
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder.parent))
    for abandoned in folder.parent.glob(f"{TEMPORARY_PREFIX}*"):
        if time.time() - abandoned.stat().st_mtime > ABANDONED_AFTER_S:
            shutil.rmtree(abandoned, ignore_errors=True)
    try:
        build, old = temporary / "new", temporary / "old"
        with writing(folder, NO_ROOM):  # raw files are read in there, too
            keep_checksums(build)
            yield build
            if folder.exists():
                os.replace(folder, old)
            os.replace(build, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@dataclass
class _Tally:
    """What has gone into the windows so far, and what has not."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)  # label, subject, name, placement
    start_s: list[np.ndarray] = field(default_factory=list)  # of the windows of each row
    channels: tuple[Channel, ...] = ()
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
        several = len(recording.devices) > 1
        placement = "" if several else recording.placements.get(recording.devices[0], "")
        self.rows.append((recording.label, recording.subject, recording.name, placement))
        self.start_s.append(start_s)

    def per_class(self) -> Counter[str]:
        """Count the windows of each class."""
        counts: Counter[str] = Counter()
        for (label, *_), start_s in zip(self.rows, self.start_s, strict=True):
            counts[label] += len(start_s)
        return counts

    def index(self) -> dict[str, Any]:
        """Return what a `WindowSet` says of each window [N]."""
        counts = [len(start_s) for start_s in self.start_s]
        columns = [np.repeat(np.array(column, dtype=np.str_), counts) for column in zip(*self.rows, strict=True)]
        return dict(zip(INDEX_ARRAYS, [*columns, np.concatenate(self.start_s)], strict=True))

    def summary(self, class_list: ClassList) -> dict[str, Any]:
        """Return counts, hours, and what was dropped and why."""
        counts = self.per_class()
        return {
            "recordings": len(self.rows),
            "subjects": sorted({subject for _, subject, *_ in self.rows}, key=lambda name: (len(name), name)),
            "windows_per_class": {name: counts[name] for name in class_list.names},
            "hours_read": round(self.read_s / 3600, 4),
            "hours_in_no_window": round(self.unused_s / 3600, 4),
            "dropped": self.dropped,
        }


def _examined(items: Iterable[Recording | Skipped]) -> Iterator[Recording | Skipped]:
    """Pass recordings on; log what is doubtful about them at the end.

    Raises:
        InputError: A recording cannot be what it is said to be; names it, the values and the remedy.
    """
    doubts: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    n_recordings, dataset = 0, ""
    for item in items:
        if isinstance(item, Recording):
            found = doubts_of(item)
            require_possible(found, f"{item.dataset}/{item.name}")
            for doubt in found:
                doubts[SHOWN_AS[doubt.severity], doubt.kind].append((item.name, doubt.text))
            n_recordings, dataset = n_recordings + 1, item.dataset
        yield item
    for line in summarise(doubts, n_recordings):
        logger.warning("%s: %s", dataset, line)


def _whole(
    items: Iterable[Recording | Skipped], channels: Sequence[Channel], quantities: Sequence[str]
) -> Iterator[Recording | Skipped]:
    """Pass recordings on; one without all devices is skipped, for windows have every channel of the data set."""
    wanted = [channel for channel in channels if channel.quantity in quantities]
    for item in items:
        if isinstance(item, Recording):
            missing = dict.fromkeys(channel.device for channel in wanted if channel not in item.channels)
            if missing:
                yield Skipped(item.name, f"without {', '.join(missing)}", item.duration_s)
                continue
        yield item


def _cut(items: Iterable[Recording | Skipped], class_list: ClassList, settings: WindowSettings, path: Path) -> _Tally:
    """Cut every recording, write the windows to `path` and count what went into them."""
    tally = _Tally()
    with atomic_path(path) as temporary, WindowWriter(temporary) as writer:
        for item in items:
            if isinstance(item, Skipped):
                tally.drop(item.name, item.reason, item.duration_s)
                continue
            _require_known(item, class_list)
            tally.read_s += item.duration_s
            recording = bring_to(item, settings)
            tally.channels = tally.channels or recording.channels
            _require_same_channels(recording, tally.channels)
            cut = cut_windows(recording.samples, settings)
            tally.unused_s += cut.unused_s
            if cut.dropped:
                tally.drop(recording.name, cut.dropped, recording.duration_s)
            else:
                writer.append(cut.windows)
                tally.keep(recording, cut.start_s)
    return tally


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


def _require_windows(tally: _Tally, dataset: str) -> None:
    if not tally.rows:
        reasons = ", ".join(f"{entry['recordings']} {reason}" for reason, entry in tally.dropped.items())
        raise InputError(f"{dataset}: no windows ({reasons or 'no recordings'}); use a shorter window_s")
    single = [label for label, count in tally.per_class().items() if count == 1]
    if single:
        raise InputError(
            f"{dataset}: class {single[0]!r} has one window only and cannot be split or scored; "
            "record more of it, use a shorter window_s, or take the class out"
        )
