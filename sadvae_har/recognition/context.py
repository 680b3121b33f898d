"""What the windows around a window tell about it: people go on with what they do.

Every window is read together with `CONTEXT` windows on either side within one contiguous piece of a recording, so its
result is final as soon as so many more have come. Axis legend: n windows in order of time, A activities.
"""

import numpy as np

CONTEXT = 2  # windows on either side
GOES_ON = 0.9  # probability that the next window is of the same activity: 25 s of it at a stride of 2.5 s
LEAST = 1e-30


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
        for distance in range(CONTEXT, 0, -1):
            here, there = _neighbours(len(evidence), direction * distance)
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
    for distance in range(-CONTEXT, CONTEXT + 1):
        here, there = _neighbours(len(values), distance)
        same = piece[here] == piece[there]
        total[here] += np.where(same, values[there], 0)
        count[here] += same
    return total / np.maximum(count, 1)


def _neighbours(n: int, distance: int) -> tuple[slice, slice]:
    """Return the windows that have a neighbour so many places on, and these neighbours."""
    return slice(max(0, -distance), n - max(0, distance)), slice(max(0, distance), n - max(0, -distance))
