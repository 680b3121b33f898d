"""What a recogniser says about a recording: every window, the segments they form, and rows to write down.

People go on with what they do, so every window is read together with `CONTEXT` windows on either side within one
contiguous piece of a recording; its result is final as soon as so many more have come. Axis legend: n windows in order
of time, A activities.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

CONTEXT = 2  # windows on either side
GOES_ON = 0.9  # probability that the next window is of the same activity: 25 s of it at a stride of 2.5 s
LEAST = 1e-30  # probability of what one window rules out, so that others still count
UNKNOWN = "unknown"  # label of a window that is like nothing on the list


def in_context(probabilities: np.ndarray, piece: np.ndarray, weight: float) -> np.ndarray:
    """Return the probabilities of activities given a window and its neighbours, [n, A].

    A hidden Markov model of few windows: an activity goes on with probability `GOES_ON`, else any other one follows;
    what comes before and after is summed out (Rabiner, Proceedings of the IEEE 77, 1989).

    Args:
        probabilities: Of each window by itself [n, A], at least two activities.
        piece: Piece of the recording that each window lies in [n]; windows of a piece stand together.
        weight: What a window counts beside its neighbours: the share of its samples that the next one does not have.
    """
    evidence = np.maximum(probabilities, LEAST) ** weight
    found = np.maximum(probabilities, LEAST)
    for direction in (-1, 1):
        message = np.ones_like(evidence)
        for shift in range(CONTEXT, 0, -1):
            here, there = _shifted(len(evidence), direction * shift)
            same = piece[here] == piece[there]
            arrived = np.ones_like(evidence)
            arrived[here] = np.where(same[:, None], message[here] * evidence[there], 1)
            message = _one_step(arrived / arrived.sum(1, keepdims=True))
        found = found * message
    return found / found.sum(1, keepdims=True)


def _one_step(probabilities: np.ndarray) -> np.ndarray:
    """Return the probabilities [n, A] one window on."""
    return GOES_ON * probabilities + (1 - GOES_ON) * (1 - probabilities) / (probabilities.shape[1] - 1)


def smooth(values: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Return the mean of each value and its neighbours in the same piece.

    Args:
        values: One per window [n].
        piece: As in `in_context`.
    """
    total, count = np.zeros(len(values)), np.zeros(len(values))
    for shift in range(-CONTEXT, CONTEXT + 1):
        here, there = _shifted(len(values), shift)
        same = piece[here] == piece[there]
        total[here] += np.where(same, values[there], 0)
        count[here] += same
    return total / np.maximum(count, 1)


def _shifted(n: int, shift: int) -> tuple[slice, slice]:
    """Return the windows that have a neighbour so many places on, and these neighbours."""
    return slice(max(0, -shift), n - max(0, shift)), slice(max(0, shift), n - max(0, -shift))


@dataclass(frozen=True)
class Segment:
    """A stretch of one activity.

    Attributes:
        start_s: Start in the recording.
        end_s: End in the recording.
        label: Activity, or `unknown`.
        probability: Mean probability of its windows; for `unknown`, of the activities that were turned down.
        unseen: Whether the activity is known by its description only.
    """

    start_s: float
    end_s: float
    label: str
    probability: float
    unseen: bool


def segments(
    start_s: np.ndarray,
    end_s: np.ndarray,
    labels: np.ndarray,
    probability: np.ndarray,
    piece: np.ndarray,
    described: Collection[str],
) -> tuple[Segment, ...]:
    """Return runs of windows with the same label; overlapping windows part half-way.

    Args:
        start_s: Start of each window [n].
        end_s: End of each window [n].
        labels: Label of each window [n].
        probability: Of that label [n].
        piece: Piece of the recording that each window lies in [n]; windows of a piece stand together.
        described: Labels that are known by their description only.
    """
    if not len(labels):
        return ()
    breaks = np.flatnonzero((labels[1:] != labels[:-1]) | (piece[1:] != piece[:-1])) + 1
    found = []
    for rows in np.split(np.arange(len(labels)), breaks):
        first, last, label = rows[0], rows[-1], str(labels[rows[0]])
        before = first > 0 and piece[first - 1] == piece[first]
        after = last + 1 < len(labels) and piece[last + 1] == piece[last]
        found.append(
            Segment(
                start_s=float((start_s[first] + end_s[first - 1]) / 2 if before else start_s[first]),
                end_s=float((start_s[last + 1] + end_s[last]) / 2 if after else end_s[last]),
                label=label,
                probability=float(probability[rows].mean()),
                unseen=label in described,
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class Prediction:
    """Predictions of windows.

    Attributes:
        start_s: Start of each window in the recording [n].
        end_s: End of each window [n].
        piece: Contiguous piece of the recording that it lies in [n].
        labels: Activity of each window, or `unknown`, [n].
        activity: The activity it is taken for, also where the label is `unknown`, [n]: the most probable one.
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
        """Stretches of one activity."""
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
