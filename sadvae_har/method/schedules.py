"""Weights over training as pure functions of progress in [0, 1]."""

import math


def learning_rate_factor(progress: float, warm_up: float = 0.05) -> float:
    """Return linear warm-up from 0 to 1, then cosine decay to 0.

    Args:
        progress: Share of the steps already done, 0 to 1.
        warm_up: Share of the steps spent rising.
    """
    if progress < warm_up:
        return progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def ramp(progress: float, until: float = 0.25) -> float:
    """Return a weight rising linearly from 0 to 1 while progress goes from 0 to `until`."""
    return min(1.0, progress / until)
