"""Recordings that the page offers: of test subjects of `watch`, which come with a package, or of a folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from feature_extraction.datasets.readers.watch import WATCH
from feature_extraction.errors import InputError
from feature_extraction.own_files.read import Declared
from feature_extraction.protocol.split import Split
from feature_extraction.recordings.recording import Channel, Recording
from sadvae_har.demo.clips import SUFFIXES, Clip, TrueSpan, read_file

SECONDS_EACH = 17.0  # of each of the seven exercises: two minutes together
MOST_FILES = 200


@dataclass(frozen=True)
class Example:
    """A recording by its title; `open` reads it when somebody asks for it."""

    title: str
    open: Callable[[], Clip]


@dataclass(frozen=True)
class Examples:
    """What is offered, and a sentence on where it comes from or why there is none."""

    offered: tuple[Example, ...]
    note: str


def find_examples(model: Path, dataset: str, wanted: Sequence[Channel], folder: Path | None) -> Examples:
    """Return the recordings of `folder`, or those that ship for the model's data set.

    Args:
        model: Run folder or model file; a `split.json` in the folder names the test subjects.
        dataset: Data set the model was trained on.
        wanted: Channels that the model reads.
        folder: Folder of the person who starts the page, or None.

    Raises:
        InputError: The folder is missing, or holds no recording.
    """
    if folder is not None:
        return _of_folder(folder, wanted)
    if dataset == WATCH.name:
        return _of_watch(model)
    return Examples((), f"No recordings ship for {dataset}. Upload one, or start the page with --recordings FOLDER.")


def _of_folder(folder: Path, wanted: Sequence[Channel]) -> Examples:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name one with recordings by --recordings")
    paths = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder}: holds no recordings; put {', '.join(SUFFIXES)} files there")
    if len(paths) > MOST_FILES:
        raise InputError(f"{folder}: {len(paths)} recordings; the page offers up to {MOST_FILES}, use a smaller folder")

    def opener(path: Path) -> Callable[[], Clip]:
        return lambda: read_file(path, path.name, wanted, Declared())

    return Examples(tuple(Example(path.name, opener(path)) for path in paths), "Recordings of the folder given.")


def _of_watch(model: Path) -> Examples:
    split = (model if model.is_dir() else model.parent) / "split.json"
    recordings = [item for item in WATCH.read() if isinstance(item, Recording)]
    if split.exists():
        subjects: Sequence[str] = Split.load(split).test_subjects
        note = "Recordings of people the model was not trained on, joined from single exercises."
    else:
        subjects = sorted({recording.subject for recording in recordings}, key=int)
        note = "Joined from single exercises. Which people the model was trained on is not recorded beside it."
    examples = []
    for subject in subjects:
        for side in ("right", "left"):
            parts = [r for r in recordings if r.subject == subject and r.name.split("_")[1] == side]
            if parts:
                title = f"Person {subject}, {side} arm: {len(parts)} exercises"
                examples.append(Example(title, lambda title=title, parts=parts: join(title, parts)))  # type: ignore[misc]
    return Examples(tuple(examples), note)


def join(title: str, parts: Sequence[Recording], seconds_each: float = SECONDS_EACH) -> Clip:
    """Put the beginnings of recordings of the same channels and rate one after another, with the truth.

    Args:
        title: What to call the result.
        parts: At least one recording.
        seconds_each: How much of each is taken.
    """
    first, rate_hz = parts[0], parts[0].rate_hz
    taken = [part.samples[: round(seconds_each * rate_hz)] for part in parts]
    ends_s = np.cumsum([len(samples) for samples in taken]) / rate_hz
    starts_s = [0.0, *ends_s[:-1]]
    truth = tuple(
        TrueSpan(float(start_s), float(end_s), part.label)
        for start_s, end_s, part in zip(starts_s, ends_s, parts, strict=True)
    )
    recording = Recording(
        np.concatenate(taken), first.channels, rate_hz, first.dataset, title, first.subject, "", first.placements
    )
    findings = (
        f"{len(parts)} recordings of {seconds_each:g} s each, one after another; they were not made in one go",
        f"{rate_hz:g} Hz, units as recorded: "
        + ", ".join(dict.fromkeys(f"{channel.quantity} in {channel.unit}" for channel in first.channels)),
    )
    return Clip(title, ((0.0, recording),), findings, truth)
