"""What a recogniser says about a recording: every window, the segments they form, and rows to write down.

Windows in a row tell more than one: scores and labels are smoothed over `CONTEXT` windows on either side within one
contiguous piece of a recording, so a window's result is final as soon as so many more have come. Axis legend: n windows
in order of time, A activities.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

CONTEXT = 2
UNKNOWN = "unknown"  # label of a window that is like nothing on the list


@dataclass(frozen=True)
class Segment:
    """A stretch of one activity.

    Attributes:
        start_s: Start in the recording.
        end_s: End in the recording.
        label: Activity, or `unknown`.
        probability: Mean probability of its windows that have the label themselves; for `unknown`, of the activities
            that were turned down.
        unseen: Whether the activity is known by its description only.
    """

    start_s: float
    end_s: float
    label: str
    probability: float
    unseen: bool


def smooth(values: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Return the mean of each value and its neighbours in the same piece.

    Args:
        values: One per window [n].
        piece: Piece of the recording that each window lies in [n]; windows of a piece stand together.
    """
    total, count = np.zeros(len(values)), np.zeros(len(values))
    for shift in range(-CONTEXT, CONTEXT + 1):
        here, there = _shifted(len(values), shift)
        same = piece[here] == piece[there]
        total[here] += np.where(same, values[there], 0)
        count[here] += same
    return total / np.maximum(count, 1)


def smooth_labels(labels: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Return for each window the most frequent label among it and its neighbours; on a tie it keeps its own.

    Args:
        labels: Names [n].
        piece: As in `smooth`.
    """
    names, positions = np.unique(labels, return_inverse=True)
    rows = np.arange(len(labels))
    votes = np.zeros((len(labels), len(names)))
    for shift in range(-CONTEXT, CONTEXT + 1):
        here, there = _shifted(len(labels), shift)
        same = piece[here] == piece[there]
        votes[rows[here], positions[there]] += same
    votes[rows, positions] += 1e-9
    return names[votes.argmax(1)]


def segments(
    start_s: np.ndarray,
    end_s: np.ndarray,
    labels: np.ndarray,
    probability: np.ndarray,
    piece: np.ndarray,
    described: Collection[str],
) -> tuple[Segment, ...]:
    """Return runs of windows with the same smoothed label; overlapping windows part half-way.

    Args:
        start_s: Start of each window [n].
        end_s: End of each window [n].
        labels: Label of each window [n].
        probability: Of that label [n].
        piece: As in `smooth`.
        described: Labels that are known by their description only.
    """
    if not len(labels):
        return ()
    smoothed = smooth_labels(labels, piece)
    breaks = np.flatnonzero((smoothed[1:] != smoothed[:-1]) | (piece[1:] != piece[:-1])) + 1
    found = []
    for rows in np.split(np.arange(len(labels)), breaks):
        first, last, label = rows[0], rows[-1], str(smoothed[rows[0]])
        agreeing = rows[labels[rows] == label]
        before = first > 0 and piece[first - 1] == piece[first]
        after = last + 1 < len(labels) and piece[last + 1] == piece[last]
        found.append(
            Segment(
                start_s=float((start_s[first] + end_s[first - 1]) / 2 if before else start_s[first]),
                end_s=float((start_s[last + 1] + end_s[last]) / 2 if after else end_s[last]),
                label=label,
                probability=float(probability[agreeing if len(agreeing) else rows].mean()),
                unseen=label in described,
            )
        )
    return tuple(found)


def _shifted(n: int, shift: int) -> tuple[slice, slice]:
    """Return the windows that have a neighbour `shift` places on, and these neighbours."""
    return slice(max(0, -shift), n - max(0, shift)), slice(max(0, shift), n - max(0, -shift))


@dataclass(frozen=True)
class Prediction:
    """Predictions of windows.

    Attributes:
        start_s: Start of each window in the recording [n].
        end_s: End of each window [n].
        piece: Contiguous piece of the recording that it lies in [n].
        labels: Activity of each window, or `unknown`, [n].
        activity: The activity it is taken for, also where the label is `unknown`, [n]. A hard gate chooses between
            trained and described ones first, so one on the other side may have a higher probability.
        probability: Probability of that activity [n].
        unseen: Whether that activity is known by its description only [n].
        strangeness: How unlike the training windows of the most similar class it is, in standard deviations [n].
        probabilities: Of all activities [n, A].
        activities: Their names, A.
    """

    start_s: np.ndarray
    end_s: np.ndarray
    piece: np.ndarray
    labels: np.ndarray
    activity: np.ndarray
    probability: np.ndarray
    unseen: np.ndarray
    strangeness: np.ndarray
    probabilities: np.ndarray
    activities: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.labels)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Stretches of one activity, smoothed over neighbouring windows."""
        described = set(self.activity[self.unseen].tolist())
        return segments(self.start_s, self.end_s, self.labels, self.probability, self.piece, described)

    def windows_between(self, first: int, last: int) -> "Prediction":
        """Return the windows from `first` up to, not including, `last`."""
        return replace(self, **{name: getattr(self, name)[first:last] for name in _PER_WINDOW})

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per window, of plain values."""
        return [
            {
                "start_s": round(float(self.start_s[k]), 3),
                "end_s": round(float(self.end_s[k]), 3),
                "label": str(self.labels[k]),
                "activity": str(self.activity[k]),
                "probability": round(float(self.probability[k]), 4),
                "unseen": bool(self.unseen[k]),
                "strangeness": round(float(self.strangeness[k]), 3),
            }
            for k in range(len(self))
        ]


_PER_WINDOW = tuple(field.name for field in fields(Prediction) if field.name != "activities")


def join(parts: Sequence[Prediction]) -> Prediction:
    """Return the windows of several predictions of one list of activities, one behind the other."""
    columns: dict[str, Any] = {n: np.concatenate([getattr(part, n) for part in parts]) for n in _PER_WINDOW}
    return replace(parts[0], **columns)
