"""Smooth random curves over a window, from which warps of time and of magnitude are made.

Axis legend: N curves, K knots, T time.
"""

import math

import torch
from torch import Tensor

from feature_extraction.errors import InputError

KNOTS = 5


def draw_curves(n_curves: int, n_samples: int, generator: torch.Generator, n_knots: int = KNOTS) -> Tensor:
    """Draw curves through standard normal values at knots that are evenly spaced from the first to the last sample.

    Between two knots a curve follows half a cosine: it has no kinks and never leaves the range of its knots.

    Args:
        n_curves: Curves to draw.
        n_samples: Length of each.
        generator: Source of randomness; the curves lie on its device.
        n_knots: Knots of each curve; more of them let it vary faster.

    Returns:
        Curves [N, T], dimensionless.

    Raises:
        InputError: Fewer than two knots.
    """
    if n_knots < 2:
        raise InputError(f"n_knots: {n_knots} cannot be used; give at least 2, one for each end of the window")
    values = torch.randn(n_curves, n_knots, generator=generator, device=generator.device)
    place = torch.linspace(0, n_knots - 1, n_samples, device=generator.device)
    before = place.floor().long().clamp(max=n_knots - 2)
    weight = (1 - torch.cos(math.pi * (place - before))) / 2
    return torch.lerp(values[:, before], values[:, before + 1], weight)


def draw_time_maps(
    n_maps: int, n_samples: int, strength: float, generator: torch.Generator, n_knots: int = KNOTS
) -> tuple[Tensor, Tensor]:
    """Draw increasing maps of a window's time onto itself; both ends stay where they are.

    The speed is exp(`strength` · curve), divided by its mean; its integral by the trapezoidal rule is the map.

    Args:
        n_maps: Maps to draw.
        n_samples: Samples of the window.
        strength: Standard deviation of the logarithm of the speed at the knots.
        generator: Source of randomness; the maps lie on its device.
        n_knots: Knots of the speed.

    Returns:
        Where each new sample is read, in old samples from 0 to T - 1 [N, T], and the local speed there [N, T]:
        above 1, the motion runs faster than it was recorded.

    Raises:
        InputError: Fewer than two samples or knots.
    """
    if n_samples < 2:
        raise InputError(f"a window of {n_samples} sample has no time to warp; cut windows of at least 2 samples")
    speed = torch.exp(strength * draw_curves(n_maps, n_samples, generator, n_knots))
    steps = (speed[:, :-1] + speed[:, 1:]) / 2
    mean = steps.sum(dim=1, keepdim=True) / (n_samples - 1)
    source = torch.nn.functional.pad(torch.cumsum(steps, dim=1), (1, 0)) / mean
    return source.clamp(max=n_samples - 1), speed / mean
