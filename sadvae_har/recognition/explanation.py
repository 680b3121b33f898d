"""Why a window got its label: the nearest descriptions, and the measured kinematics that speak for and against it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

N_NEAREST = 5


class Evidence(NamedTuple):
    """One kinematic attribute of a window.

    Attributes:
        attribute: Its name in `class_lists/kinematics.yaml`.
        measured: Value in [0, 1] measured on the window.
        written: Value that the description of the predicted activity implies.
        rival_written: Value that the description of the runner-up implies.
        speaks_for: How much nearer the measured value lies to the predicted activity than to the runner-up, in
            [-1, 1]; below 0 it speaks against the prediction.
    """

    attribute: str
    measured: float
    written: float
    rival_written: float
    speaks_for: float


class Explanation(NamedTuple):
    """Why a window gets its label if it is looked at by itself.

    Attributes:
        label: The label, or `unknown`.
        activity: The activity that the window is taken for.
        probability: Its probability.
        rival: The likeliest of the others.
        nearest: Activities whose descriptions match the window best, best first, each with the cosine of the two
            semantic latents.
        evidence: Kinematic attributes, those that matter most first; empty where nothing can be measured.
    """

    label: str
    activity: str
    probability: float
    rival: str
    nearest: tuple[tuple[str, float], ...]
    evidence: tuple[Evidence, ...]


def weigh(
    measured: Mapping[str, float], written: Mapping[str, float], rival: Mapping[str, float]
) -> tuple[Evidence, ...]:
    """Return the attributes that tell an activity from its rival, those that say most first.

    Args:
        measured: Attribute -> value measured on the window; attributes that are not measurable are absent.
        written: Attribute -> value of the activity.
        rival: Attribute -> value of the runner-up.
    """
    found = [
        Evidence(name, value, written[name], rival[name], abs(value - rival[name]) - abs(value - written[name]))
        for name, value in measured.items()
        if name in written and name in rival
    ]
    return tuple(sorted(found, key=lambda entry: -abs(entry.speaks_for)))


def nearest(names: Sequence[str], similarity: np.ndarray) -> tuple[tuple[str, float], ...]:
    """Return the activities whose descriptions lie nearest to one window, best first, from cosines [A]."""
    return tuple((names[k], float(similarity[k])) for k in np.argsort(-similarity)[:N_NEAREST])
