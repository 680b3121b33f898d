"""Recordings that the page shows: uploads, files of a folder, and those of test subjects that come with the package.

An upload arrives as bytes. It is written under a name of our own into a temporary folder that is deleted when it has
been read; the name the browser gives is shown and never used as a path. Axis legend: T samples, C channels.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feature_extraction.datasets.readers.watch import WATCH
from feature_extraction.errors import InputError
from feature_extraction.own_files.declared import FLAGS
from feature_extraction.own_files.plausibility import Examination, require_possible
from feature_extraction.own_files.read import Declared, ReadingPlan, read_recording
from feature_extraction.own_files.tables import find_layout
from feature_extraction.protocol.split import Split
from feature_extraction.recordings.recording import Channel, Recording, three_axes
from feature_extraction.recordings.signal import MAX_GAP_S, fill_short_gaps
from feature_extraction.storage.files import writing
from feature_extraction.storage.places import CLIPS_FOLDER
from sadvae_har.recognition.recognizer import Recognizer

SUFFIXES = (".csv", ".txt", ".tsv", ".npy", ".parquet", ".pq")
FIELDS = {  # what the page calls that which the command line declares by flags
    "rate_hz": "the field “Rate in Hz”",
    "units": "the field “Unit”",
    "columns": "the fields under “Columns and time”",
    "time_column": "the field “Time column”",
    "time_unit": "the field “Unit of time”",
}
KEYS = {key: FIELDS.get(key, FIELDS["time_column"]) for key in FLAGS}
NO_FIELD = (  # what is written after a flag, and not in a field
    (re.compile(r", or add both parts up: .*"), ""),
    (re.compile(rf":? {FIELDS['columns']} \S+=\S+"), f" in {FIELDS['columns']}"),
)
SECONDS_EACH = 17.0  # of each of the seven exercises: two minutes together
MOST_FILES = 200
NOTHING_SHIPS = "A phone or a watch will do, worn anywhere: ten seconds or more of all axes of its accelerometer."
ANY_HZ = 100.0  # said to find the columns of a file whose rate nothing tells
SENSORS = {"acc": "m/s2", "gyro": "rad/s"}  # that a device can have, in units of no consequence


class TrueSpan(NamedTuple):
    """What was done from `start_s` to `end_s`, as the recording's authors say."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True)
class Clip:
    """One recording to look at.

    Attributes:
        title: What to call it.
        samples: [T, C] in the units of `channels`, NaN in gaps.
        channels: One per column.
        rate_hz: Sampling rate.
        findings: How it was read, in readable lines.
        truth: What was done when; empty if nobody says.
        guesses: Findings among which some were guessed or are doubtful, so that a person should say yes; else empty.
    """

    title: str
    samples: np.ndarray
    channels: tuple[Channel, ...]
    rate_hz: float
    findings: tuple[str, ...]
    truth: tuple[TrueSpan, ...] = ()
    guesses: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Seconds from the beginning to the end."""
        return len(self.samples) / self.rate_hz


class Examples(NamedTuple):
    """What is offered: functions that read it, by title; and where it comes from or why there is none."""

    offered: Mapping[str, Callable[[], Clip]]
    note: str


class Detected(NamedTuple):
    """What an upload shows of itself, to fill in a form with.

    Attributes:
        columns: The columns of the file by name, or by number from 0 where a name is missing or stands twice.
        channels: What the columns can be; those of the model, unless it reads any device.
        found: Detected column of every channel, by the channel's name; `time` is the column of time stamps.
        units: Detected unit of every quantity.
        rate_hz: Detected rate.
    """

    columns: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    found: Mapping[str, str] = {}
    units: Mapping[str, str] = {}
    rate_hz: float | None = None


def detect(content: bytes, name: str, recognizer: Recognizer) -> Detected:
    """Look at an uploaded file as `predict` would; what cannot be detected is left out.

    Args:
        content: The bytes.
        name: File name in the browser.
        recognizer: The trained model.
    """
    try:
        with _written(content, name) as path:
            names = find_layout(path, Declared()).names
            columns = tuple(name if name and names.count(name) == 1 else str(i) for i, name in enumerate(names))
            for rate_hz in (None, ANY_HZ):
                try:
                    plan = recognizer.plan(path, Declared(rate_hz=rate_hz))
                except InputError:
                    continue
                return _detected(plan, columns, recognizer, knows_rate=rate_hz is None)
            return Detected(columns, recognizer.channels)
    except InputError:
        return Detected(channels=recognizer.channels)


def _detected(plan: ReadingPlan, columns: tuple[str, ...], recognizer: Recognizer, knows_rate: bool) -> Detected:
    """Return what a plan says of the columns of a file."""
    found = {c.name: columns[i] for c, i in zip(plan.channels, plan.columns, strict=False)}
    found |= {} if plan.time_column is None else {"time": columns[plan.time_column]}
    units = {c.quantity: c.unit for c in plan.channels}
    channels = plan.channels
    if recognizer.reads_any_device and len(columns) - len(found) >= 3:  # which a gyroscope may hide in
        devices = dict.fromkeys(channel.device for channel in channels)
        channels = tuple(c for device in devices for q, unit in SENSORS.items() for c in three_axes(device, q, unit))
    return Detected(columns, channels, found, units, plan.rate_hz if knows_rate else None)


def in_words_of_the_page(message: str) -> str:
    """Return a message that speaks of the fields of the page where it named flags of the command line."""
    for key in sorted(FLAGS, key=lambda key: -len(FLAGS[key])):
        message = message.replace(FLAGS[key], KEYS[key])
    for written, said in NO_FIELD:
        message = written.sub(said, message)
    return message


def read_upload(content: bytes, name: str, recognizer: Recognizer, declared: Declared) -> Clip:
    """Read an uploaded file.

    Args:
        content: The bytes.
        name: File name in the browser; only its ending decides anything.
        recognizer: The trained model.
        declared: Rate and units, where the person gave them.

    Raises:
        InputError: The file cannot be used, or holds what makes labels worthless; the message calls it `name`.
    """
    with _written(content, name) as path:
        return read_file(path, shown_name(name), recognizer, declared)


def shown_name(name: str) -> str:
    """Return the file name that a browser gave, without folders."""
    return name.replace("\\", "/").rsplit("/", 1)[-1] or "upload"


@contextmanager
def _written(content: bytes, name: str) -> Iterator[Path]:
    """Write an upload into a temporary folder; messages call it by its own name and speak of fields."""
    suffix = next((ending for ending in SUFFIXES if name.lower().endswith(ending)), None)
    if suffix is None:
        raise InputError(f"{shown_name(name)}: files of this kind cannot be read; upload {', '.join(SUFFIXES)}")
    with tempfile.TemporaryDirectory(prefix="sadvae-har-demo-") as folder:
        path = Path(folder) / f"upload{suffix}"
        with writing(path):
            path.write_bytes(content)
        try:
            yield path
        except InputError as error:
            raise InputError(in_words_of_the_page(str(error).replace(str(path), shown_name(name)))) from error


def read_file(path: Path, title: str, recognizer: Recognizer, declared: Declared) -> Clip:
    """Read a recording from disk; gaps up to `MAX_GAP_S` are filled by straight lines.

    Args:
        path: CSV, Parquet or NPY file.
        title: What to call it.
        recognizer: The trained model.
        declared: Rate and units, where they are known.

    Raises:
        InputError: The file cannot be used, or holds what makes labels worthless.
    """
    plan = recognizer.plan(path, declared)
    reference = recognizer.reading(plan.channels).reference
    rows = np.concatenate([np.empty((0, len(plan.channels))), *read_recording(path, plan)])
    examination = Examination(plan.channels, plan.rate_hz, plan.column_names, reference, KEYS, Path(title).stem)
    examination.add(rows)
    doubts = examination.doubts()
    require_possible(doubts, str(path))
    pieces = fill_short_gaps(rows, plan.rate_hz, MAX_GAP_S)
    if not pieces:
        raise InputError(f"{path}: no row has a value in every column; check the columns of the file")
    samples = np.full((pieces[-1][0] + len(pieces[-1][1]), len(plan.channels)), np.nan)
    for first, values in pieces:
        samples[first : first + len(values)] = values
    lost = len(rows) - sum(len(values) for _, values in pieces)
    gaps = (f"{lost} of {len(rows)} rows lie in gaps over {MAX_GAP_S:g} s and were left out",) if lost else ()
    notes = tuple(doubt.text for doubt in doubts if doubt.severity != "error")
    findings = tuple(in_words_of_the_page(line) for line in (*plan.findings, *notes))
    asks = not plan.certain or any(doubt.severity == "question" for doubt in doubts)
    guesses = findings if asks else ()
    return Clip(title, samples, tuple(plan.channels), plan.rate_hz, (*findings, *gaps), guesses=guesses)


def find_examples(model: Path, recognizer: Recognizer, folder: Path | None) -> Examples:
    """Return the recordings of `folder`, or those that ship for the model.

    Args:
        model: Run folder or model file; a `split.json` in the folder names the test subjects.
        recognizer: The trained model.
        folder: Folder of the person who starts the page, or None.

    Raises:
        InputError: The folder is missing, or holds no recording.
    """
    if folder is not None:
        return _of_folder(folder, recognizer)
    if recognizer.dataset == WATCH.name:
        return _of_watch(model)
    if recognizer.reads_any_device:
        offered = _offered(sorted(CLIPS_FOLDER.glob("*.csv")), recognizer)
        return Examples(offered, "Real recordings that come with the program." if offered else NOTHING_SHIPS)
    note = (
        f"No recordings ship for {recognizer.dataset}. Upload one; whoever starts the page can offer a folder of "
        "recordings."
    )
    return Examples({}, note)


def _of_folder(folder: Path, recognizer: Recognizer) -> Examples:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name one with recordings by --recordings")
    paths = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder}: holds no recordings; put {', '.join(SUFFIXES)} files there")
    note = "Recordings of the folder given."
    if len(paths) > MOST_FILES:
        note = f"The first {MOST_FILES} of the {len(paths)} recordings in the folder given, by name."
    return Examples(_offered(paths[:MOST_FILES], recognizer), note)


def _offered(paths: Sequence[Path], recognizer: Recognizer) -> dict[str, Callable[[], Clip]]:
    """Return functions that read these recordings, by the names of the files."""
    declared = Declared(keys=KEYS)
    return {path.name: partial(read_file, path, path.name, recognizer, declared) for path in paths}


def _of_watch(model: Path) -> Examples:
    split = (model if model.is_dir() else model.parent) / "split.json"
    recordings = [item for item in WATCH.read() if isinstance(item, Recording)]
    subjects: Sequence[str] = Split.load(split).test_subjects if split.exists() else ()
    if subjects:
        note = "Recordings of people the model was not trained on, joined from single exercises."
    else:
        subjects = sorted({recording.subject for recording in recordings}, key=int)
        told = "The model was trained on these people" if split.exists() else "Whom it was trained on is not recorded"
        note = f"Joined from single exercises. {told}."
    offered = {}
    for subject in subjects:
        for side in ("right", "left"):
            parts = [r for r in recordings if r.subject == subject and r.name.split("_")[1] == side]
            if parts:
                title = f"Person {subject}, {side} arm: {len(parts)} exercises"
                offered[title] = partial(join, title, parts)
    return Examples(offered, note)


def join(title: str, parts: Sequence[Recording], seconds_each: float = SECONDS_EACH) -> Clip:
    """Put the beginnings of recordings of the same channels and rate one after another, with the truth.

    Args:
        title: What to call the result.
        parts: At least one recording.
        seconds_each: How much of each is taken.
    """
    channels, rate_hz = parts[0].channels, parts[0].rate_hz
    taken = [part.samples[: round(seconds_each * rate_hz)] for part in parts]
    edges_s = [0.0, *(np.cumsum([len(samples) for samples in taken]) / rate_hz).tolist()]
    truth = tuple(TrueSpan(edges_s[k], edges_s[k + 1], part.label) for k, part in enumerate(parts))
    units = ", ".join(dict.fromkeys(f"{channel.quantity} in {channel.unit}" for channel in channels))
    findings = (
        f"{len(parts)} recordings of {seconds_each:g} s each, one after another; they were not made in one go",
        f"{rate_hz:g} Hz, units as recorded: {units}",
    )
    return Clip(title, np.concatenate(taken), channels, rate_hz, findings, truth)
