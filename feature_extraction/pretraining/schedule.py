"""The learning rate over a run, and balanced draws of its batches."""

import math
from collections.abc import Sequence

import numpy as np
import torch

WARM_UP = 0.05


def learning_rate_factor(progress: float) -> float:
    """Return the learning rate at `progress` in [0, 1], relative to its peak: linear warm-up, half cosine."""
    if progress < WARM_UP:
        return (progress + 1e-3) / (WARM_UP + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - WARM_UP) / (1 - WARM_UP))))


def draw_balanced(groups: Sequence[np.ndarray], n: int, generator: torch.Generator) -> np.ndarray:
    """Draw `n` rows with replacement, a class uniformly and then one of its rows uniformly.

    Args:
        groups: Rows of each class.
        n: Rows to draw.
        generator: Source of randomness.
    """
    chosen = torch.randint(len(groups), (n,), generator=generator).tolist()
    place = torch.rand(n, generator=generator, dtype=torch.float64).tolist()
    return np.array([groups[k][int(u * len(groups[k]))] for k, u in zip(chosen, place, strict=True)])
