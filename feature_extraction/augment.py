"""Light augmentations of windows in physical units: pure functions with a generator.

Axis legend: B windows, T time, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from feature_extraction.errors import InputError


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths; 0 switches an augmentation off.

    Attributes:
        jitter: Standard deviation of added noise, in standard deviations of the channel.
        scale: Standard deviation of the log of a factor per window.
        rotation_deg: Standard deviation of the angle by which each device is turned.
        shift: Largest time shift, as a part of the window; the gap is filled by reflection.
    """

    jitter: float = 0.05
    scale: float = 0.1
    rotation_deg: float = 10.0
    shift: float = 0.2

    def __post_init__(self) -> None:
        """Refuse negative strengths and shifts beyond the window."""
        for name in ("jitter", "scale", "rotation_deg", "shift"):
            if getattr(self, name) < 0:
                raise InputError(f"augment.{name}: {getattr(self, name)} cannot be used; give 0 or more")
        if self.shift >= 1:
            raise InputError(f"augment.shift: {self.shift} cannot be used; give less than 1")


def jitter(windows: Tensor, strength: float, channel_std: Tensor, generator: torch.Generator) -> Tensor:
    """Add independent noise to every sample.

    Args:
        windows: [B, T, C].
        strength: Noise in units of `channel_std`.
        channel_std: [C].
        generator: Source of randomness.
    """
    return windows + strength * channel_std * torch.randn(windows.shape, generator=generator)


def scale(windows: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Multiply each window [T, C] by its own factor, log-normal with the given spread."""
    return windows * torch.exp(strength * torch.randn(len(windows), 1, 1, generator=generator))


def shift(windows: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    """Move each window in time by up to `largest` of its length; what runs out is filled by reflection."""
    n_samples = windows.shape[1]
    limit = int(largest * n_samples)
    offset = torch.randint(-limit, limit + 1, (len(windows), 1), generator=generator)
    index = (torch.arange(n_samples) + offset).abs()
    index = torch.where(index >= n_samples, 2 * (n_samples - 1) - index, index)
    return windows.gather(1, index[:, :, None].expand(windows.shape))


def rotate(
    windows: Tensor, angle_deg: float, devices: Sequence[Sequence[Sequence[int]]], generator: torch.Generator
) -> Tensor:
    """Turn each device of each window about a random axis by a random small angle.

    Args:
        windows: [B, T, C].
        angle_deg: Standard deviation of the rotation about each axis.
        devices: Per device, the columns of each of its three-axis sensors; the sensors turn together.
        generator: Source of randomness.

    Returns:
        Windows [B, T, C]; channels outside `devices` are unchanged.
    """
    turned = windows.clone()
    for sensors in devices:
        angle = torch.deg2rad(angle_deg * torch.randn(len(windows), 3, generator=generator))
        matrix = torch.linalg.matrix_exp(_cross_product_matrix(angle))
        for columns in sensors:
            turned[:, :, list(columns)] = windows[:, :, list(columns)] @ matrix.transpose(1, 2)
    return turned


def _cross_product_matrix(vector: Tensor) -> Tensor:
    """Return matrices [B, 3, 3] with matrix @ v = vector × v for vectors [B, 3]."""
    x, y, z = vector.unbind(1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)


def augment(
    windows: Tensor,
    config: AugmentConfig,
    channel_std: Tensor,
    devices: Sequence[Sequence[Sequence[int]]],
    generator: torch.Generator,
) -> Tensor:
    """Rotate, scale, shift and jitter windows [B, T, C] with the strengths of `config`."""
    if config.rotation_deg:
        windows = rotate(windows, config.rotation_deg, devices, generator)
    if config.scale:
        windows = scale(windows, config.scale, generator)
    if config.shift:
        windows = shift(windows, config.shift, generator)
    if config.jitter:
        windows = jitter(windows, config.jitter, channel_std, generator)
    return windows
