"""What a split holds out where there are too few people: recordings of the same people, or parts of the recordings.

A split names groups of windows and says which of them train, choose and test. Its groups are people wherever that is
possible. Otherwise they are recordings (files), or stretches of time of one recording, called `walk.csv#1 @ 0-40 s` for
the windows that start in the first 40 seconds; what lies between two such stretches belongs to no group, so that no
window of one is closer than a window's length to a window of the other.

Axis legend: N windows.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from feature_extraction.recordings.recording import Recording

HeldOut = Literal["people", "recordings", "parts"]
MEANING: dict[str, str] = {
    "people": "measured on other people",
    "recordings": "measured on other recordings of the same people, which says little about other people",
    "parts": "measured on other parts of the same recordings, at least a window apart, which says little about other "
    "recordings and less about other people",
}
NOTHING_TESTED = "nothing was tested: everything that is labelled was learned from"
NOUNS: dict[str, tuple[str, str]] = {
    "people": ("person", "people"),
    "recordings": ("recording", "recordings"),
    "parts": ("part of a recording", "parts of recordings"),
}
NOBODY = ""  # group of windows that belong to none
_PART = re.compile(r"(.+) @ (-?[0-9.]+)-(-?[0-9.]+) s")


class Piece(NamedTuple):
    """One stretch of a data set with one label.

    Attributes:
        label: Class name.
        subject: Who recorded it.
        name: Name of the recording, `FILE#NUMBER` where files hold several.
        start_s: Where its first window starts.
        end_s: Where its last window ends.
    """

    label: str
    subject: str
    name: str
    start_s: float
    end_s: float

    @property
    def file(self) -> str:
        """The file that it is from."""
        return file_of(self.name)


@dataclass(frozen=True)
class Stretch:
    """Windows of one recording that start in [start_s, end_s)."""

    recording: str
    start_s: float
    end_s: float

    def __str__(self) -> str:
        """Return the name of the group."""
        return f"{self.recording} @ {self.start_s:.12g}-{self.end_s:.12g} s"

    @classmethod
    def parse(cls, name: str) -> "Stretch | None":
        """Return what a group's name stands for, or none if that is no stretch of a recording."""
        found = _PART.fullmatch(name)
        return cls(found[1], float(found[2]), float(found[3])) if found else None


def pieces_of_recordings(items: Iterable[Any]) -> list[Piece]:
    """Return what a reader yields, without samples and without what was skipped."""
    return [
        Piece(item.label, item.subject, item.name, 0.0, item.duration_s)
        for item in items
        if isinstance(item, Recording)
    ]


def pieces_of_windows(windows: Any, window_s: float) -> list[Piece]:
    """Return the recordings behind windows.

    Args:
        windows: A `WindowSet` or `FeatureTable`.
        window_s: Length of a window.
    """
    names, first = np.unique(windows.recordings, return_index=True)
    pieces = []
    for name, row in sorted(zip(names.tolist(), first.tolist(), strict=True), key=lambda entry: entry[1]):
        start_s = windows.start_s[windows.recordings == name]
        ends = float(start_s.min()), float(start_s.max()) + window_s
        pieces.append(Piece(str(windows.labels[row]), str(windows.subjects[row]), name, *ends))
    return pieces


def file_of(recording: str) -> str:
    """Return the file of a recording called `FILE#NUMBER`."""
    return re.sub(r"#\d+$", "", recording)


def groups_of(names: Iterable[str], recordings: np.ndarray, start_s: np.ndarray) -> np.ndarray:
    """Return the group of every window [N], `NOBODY` where it belongs to none.

    Args:
        names: Groups of a split that holds out recordings or parts.
        recordings: Recording of each window [N].
        start_s: Start of each window in its recording [N].
    """
    stretches: dict[str, list[Stretch]] = {}
    files = set()
    for name in names:
        stretch = Stretch.parse(name)
        if stretch is None:
            files.add(name)
        else:
            stretches.setdefault(stretch.recording, []).append(stretch)
    groups = []
    for recording, start in zip(recordings.tolist(), start_s.tolist(), strict=True):
        if recording in stretches:
            fitting = (str(one) for one in stretches[recording] if one.start_s <= start < one.end_s)
            groups.append(next(fitting, NOBODY))
        else:
            groups.append(file_of(recording) if file_of(recording) in files else NOBODY)
    return np.array(groups, dtype=np.str_)


def classes_of(names: Iterable[str], pieces: Iterable[Piece]) -> frozenset[str]:
    """Return the classes that groups of recordings and of parts of them have."""
    stretches = [(name, Stretch.parse(name)) for name in names]
    holders = {name if stretch is None else stretch.recording for name, stretch in stretches}
    return frozenset(piece.label for piece in pieces if piece.name in holders or piece.file in holders)


def near(recordings: np.ndarray, start_s: np.ndarray, held: np.ndarray, window_s: float) -> np.ndarray:
    """Return which windows are closer than a window's length to one of `held` in the same recording, bool [N].

    Args:
        recordings: Recording of each window [N].
        start_s: Start of each window in its recording [N].
        held: Which windows are held back, bool [N].
        window_s: Length of a window.
    """
    close = held.copy()
    for recording in np.unique(recordings[held]):
        rows = np.flatnonzero(recordings == recording)
        apart = np.abs(start_s[rows, None] - start_s[rows][held[rows]][None]).min(1)
        close[rows[apart < 2 * window_s - 1e-9]] = True
    return close
