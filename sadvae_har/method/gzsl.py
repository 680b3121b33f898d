"""The only place where the label spaces of seen and unseen classes meet.

Everything is computed from log probabilities, so that tables, recogniser and exported files share one decision.
Axis legend: n windows, S seen classes, U unseen classes.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

LOWEST_LOG = math.log(np.finfo(np.float64).tiny)


class Decision(NamedTuple):
    """What becomes of windows.

    Attributes:
        joint: Log probability of every class, seen classes first, [n, S + U].
        positions: Predicted class, a position in seen + unseen, [n].
    """

    joint: Tensor
    positions: Tensor


def joint_log_scores(log_seen: Tensor, log_unseen: Tensor, log_odds: Tensor) -> Tensor:
    """Return log [(1 - p) p_s, p p_u], one probability distribution over all classes, [n, S + U].

    Args:
        log_seen: log p_s, log probabilities of the seen classes [n, S].
        log_unseen: log p_u, log probabilities of the unseen classes [n, U].
        log_odds: log p / (1 - p) of the probability p that a window's class is unseen [n].
    """
    log_odds = log_odds[:, None]
    parts = [log_seen + functional.logsigmoid(-log_odds), log_unseen + functional.logsigmoid(log_odds)]
    return torch.cat(parts, dim=1).clamp(min=LOWEST_LOG)


def decide(log_seen: Tensor, log_unseen: Tensor, log_odds: Tensor, threshold: float, fusion: str) -> Decision:
    """Merge both classifiers by the gate; the same rule tunes the gate and applies it.

    Args:
        log_seen: As of `joint_log_scores`.
        log_unseen: As of `joint_log_scores`; U may be 0, then only seen classes compete.
        log_odds: As of `joint_log_scores`.
        threshold: Of p, in (0, 1).
        fusion: `hard` sends a window to the unseen classes if and only if p > threshold; `soft` takes the likeliest of
            all classes after the odds of p are divided by those of the threshold.
    """
    if log_unseen.shape[1] == 0:
        return Decision(log_seen.clamp(min=LOWEST_LOG), log_seen.argmax(1))
    joint, shifted = joint_log_scores(log_seen, log_unseen, log_odds), log_odds - math.log(threshold / (1 - threshold))
    if fusion == "soft":
        return Decision(joint, joint_log_scores(log_seen, log_unseen, shifted).argmax(1))
    unseen = log_seen.shape[1] + log_unseen.argmax(1)
    return Decision(joint, torch.where(shifted > 0, unseen, log_seen.argmax(1)))
