"""A recording as the page shows it: contiguous pieces, how it was read, and the truth if it is known.

An upload arrives as bytes. It is written under a name of our own into a temporary folder that is deleted when it has
been read; the name the browser gives is shown and never used as a path.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.read import Declared, plan_reading, read_recording
from feature_extraction.recordings.recording import Channel, Recording
from feature_extraction.recordings.signal import fill_short_gaps

SUFFIXES = (".csv", ".txt", ".tsv", ".npy", ".parquet", ".pq")
MAX_GAP_S = 0.2


@dataclass(frozen=True)
class TrueSpan:
    """What was done from `start_s` to `end_s`, as the recording's authors say."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True)
class Clip:
    """One recording to look at.

    Attributes:
        title: What to call it.
        pieces: Start in seconds and samples of each contiguous piece, in order of time.
        findings: How it was read, in readable lines.
        truth: What was done when; empty if nobody says.
    """

    title: str
    pieces: tuple[tuple[float, Recording], ...]
    findings: tuple[str, ...]
    truth: tuple[TrueSpan, ...] = ()

    @property
    def duration_s(self) -> float:
        """Seconds from the beginning to the end of the last piece."""
        start_s, last = self.pieces[-1]
        return start_s + last.duration_s


def read_upload(content: bytes, name: str, wanted: Sequence[Channel], declared: Declared) -> Clip:
    """Read an uploaded file.

    Args:
        content: The bytes.
        name: File name in the browser; only its ending decides anything.
        wanted: Channels that the model reads.
        declared: Rate and units, where the person gave them.

    Raises:
        InputError: The file cannot be used; the message calls it `name`.
    """
    suffix = next((ending for ending in SUFFIXES if name.lower().endswith(ending)), None)
    shown = name.replace("\\", "/").rsplit("/", 1)[-1] or "upload"
    if suffix is None:
        raise InputError(f"{shown}: files of this kind cannot be read; upload {', '.join(SUFFIXES)}")
    with tempfile.TemporaryDirectory(prefix="sadvae-har-demo-") as folder:
        path = Path(folder) / f"upload{suffix}"
        path.write_bytes(content)
        try:
            return read_file(path, shown, wanted, declared)
        except InputError as error:
            raise InputError(str(error).replace(str(path), shown)) from None


def read_file(path: Path, title: str, wanted: Sequence[Channel], declared: Declared) -> Clip:
    """Read a recording from disk.

    Args:
        path: CSV, Parquet or NPY file.
        title: What to call it.
        wanted: Channels that the model reads.
        declared: Rate and units, where they are known.

    Raises:
        InputError: The file cannot be used.
    """
    plan = plan_reading(path, wanted, declared)
    samples = np.concatenate([np.empty((0, len(plan.channels))), *read_recording(path, plan)])
    pieces = fill_short_gaps(samples, plan.rate_hz, MAX_GAP_S)
    if not pieces:
        raise InputError(f"{path}: no row has a value in every column; check the columns of the file")
    made = tuple(
        (first / plan.rate_hz, make_recording(values, plan.channels, plan.rate_hz, title)) for first, values in pieces
    )
    lost = len(samples) - sum(len(values) for _, values in pieces)
    gaps = (f"{lost} of {len(samples)} rows lie in gaps over {MAX_GAP_S:g} s and were left out",) if lost else ()
    return Clip(title, made, (*plan.findings, *gaps))


def make_recording(samples: np.ndarray, channels: Sequence[Channel], rate_hz: float, name: str) -> Recording:
    """Return an unlabelled recording of an unnamed person; `samples` are [T, C] in the units of `channels`."""
    return Recording(samples, tuple(channels), rate_hz, "upload", name, subject="", label="")


def declare(rate_hz: float | None, units: Mapping[str, str]) -> Declared:
    """Return what a person filled in; empty fields are left to be detected."""
    return Declared(rate_hz=rate_hz or None, units={quantity: unit for quantity, unit in units.items() if unit})
