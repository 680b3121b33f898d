"""The only place where the label spaces of seen and unseen classes meet.

Axis legend: n windows, S seen classes, U unseen classes.
"""

import numpy as np


def joint_log_scores(
    seen_probabilities: np.ndarray, unseen_probabilities: np.ndarray, p_unseen: np.ndarray
) -> np.ndarray:
    """Return log [(1 - p) p_s, p p_u]: one probability distribution over all classes.

    Args:
        seen_probabilities: [n, S], rows sum to one.
        unseen_probabilities: [n, U], rows sum to one.
        p_unseen: Probability that a window belongs to an unseen class, [n].

    Returns:
        [n, S + U], seen classes first.
    """
    tiny = np.finfo(np.float64).tiny
    p = p_unseen[:, None]
    joint = np.concatenate([(1 - p) * seen_probabilities, p * unseen_probabilities], axis=1)
    return np.log(np.maximum(joint, tiny))


def gated_predictions(
    seen_probabilities: np.ndarray, unseen_probabilities: np.ndarray, p_unseen: np.ndarray, threshold: float
) -> np.ndarray:
    """Return the predicted class positions [n] in seen + unseen.

    A window is unseen if and only if `p_unseen > threshold`; the same rule tunes and applies the gate.
    """
    seen = seen_probabilities.argmax(1)
    unseen = seen_probabilities.shape[1] + unseen_probabilities.argmax(1)
    return np.where(p_unseen > threshold, unseen, seen)


def fused_predictions(
    seen_probabilities: np.ndarray, unseen_probabilities: np.ndarray, p_unseen: np.ndarray, threshold: float
) -> np.ndarray:
    """Return the likeliest class positions [n] in seen + unseen, both classifiers weighed by the gate.

    The odds of unseen are divided by those of `threshold`, so that 0.5 changes nothing.
    """
    unseen, seen = p_unseen * (1 - threshold), (1 - p_unseen) * threshold
    return joint_log_scores(seen_probabilities, unseen_probabilities, unseen / (unseen + seen)).argmax(1)
