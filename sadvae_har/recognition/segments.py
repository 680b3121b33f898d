"""Windows in a row tell more than one: smoothing of their scores and labels, and the segments that come out.

Everything looks at `CONTEXT` windows on either side within one contiguous piece of a recording, so a window's result
is final as soon as so many more have come. Axis legend: n windows in order of time.
"""

from collections.abc import Collection
from dataclasses import dataclass

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
