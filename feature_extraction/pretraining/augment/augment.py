"""Augmentations of windows in physical units: pure functions with a generator.

Windows are in m/s² and rad/s and are never changed in place; they and the generator lie on the same device. None adds,
drops or reorders channels: what is known of them (sentences, scales, which samples are valid) holds afterwards, too.
Columns that belong to no sensor of `devices` are not turned and not warped. Jitter, scaling, rotation and the warp of
magnitude are described by Um et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring
using convolutional neural networks", ICMI 2017.

Axis legend: B windows, T time, C channels, K knots, N curves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from feature_extraction.errors import InputError
from feature_extraction.pretraining.augment.rotations import draw_small_rotations, draw_uniform_rotations

# The columns of each three-axis sensor of each device.
Devices = Sequence[Sequence[Sequence[int]]]

UNIT_INTERVAL = ("magnitude_warp", "uniform_rotation")
KNOTS = 5


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths; 0 switches an augmentation off.

    Attributes:
        jitter: Standard deviation of added noise, in standard deviations of the channel.
        scale: Standard deviation of the log of a factor per window.
        rotation_deg: Standard deviation of the angle by which each device is turned.
        shift: Largest time shift, as a part of the window; the gap is filled by reflection.
        magnitude_warp: Standard deviation of the log of a sensor's factor, at the knots of a smooth curve.
        uniform_rotation: Probability that a device of a window is turned anywhere.
    """

    jitter: float = 0.05
    scale: float = 0.1
    rotation_deg: float = 10.0
    shift: float = 0.2
    magnitude_warp: float = 0.0
    uniform_rotation: float = 0.0

    def __post_init__(self) -> None:
        """Refuse negative strengths, shifts beyond the window, and warps and probabilities above 1."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name in UNIT_INTERVAL:
                usable, remedy = 0 <= value <= 1, "0 to 1"
            elif name == "shift":
                usable, remedy = 0 <= value < 1, "0 or more, and less than 1"
            else:
                usable, remedy = 0 <= value < math.inf, "0 or more"
            if not usable:
                raise InputError(f"augment.{name}: {value} cannot be used; give {remedy}")


def augment(
    windows: Tensor, config: AugmentConfig, channel_std: Tensor, devices: Devices, generator: torch.Generator
) -> Tensor:
    """Turn, warp, scale, shift and, since noise arises in the sensor, jitter last; one that is off draws nothing.

    Args:
        windows: [B, T, C].
        config: Strengths.
        channel_std: Standard deviation of each channel [C], the unit of jitter.
        devices: Per device, the columns of each of its three-axis sensors, which turn together.
        generator: Source of randomness.

    Returns:
        [B, T, C], channels in the order they came in.
    """
    if config.uniform_rotation:
        windows = rotate_uniformly(windows, config.uniform_rotation, devices, generator)
    if config.rotation_deg:
        windows = rotate(windows, config.rotation_deg, devices, generator)
    if config.magnitude_warp:
        windows = warp_magnitude(windows, config.magnitude_warp, devices, generator)
    if config.scale:
        windows = scale(windows, config.scale, generator)
    if config.shift:
        windows = shift(windows, config.shift, generator)
    if config.jitter:
        windows = jitter(windows, config.jitter, channel_std, generator)
    return windows


def jitter(windows: Tensor, strength: float, channel_std: Tensor, generator: torch.Generator) -> Tensor:
    """Add independent noise of `strength` times `channel_std` [C] to every sample of windows [B, T, C]."""
    return windows + strength * channel_std * torch.randn(windows.shape, generator=generator, device=generator.device)


def scale(windows: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Multiply each window [T, C] by its own factor, log-normal with the given spread."""
    normal = torch.randn(len(windows), 1, 1, generator=generator, device=generator.device)
    return windows * torch.exp(strength * normal)


def shift(windows: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    """Move each window in time by up to `largest` of its length; what runs out is filled by reflection."""
    n_samples = windows.shape[1]
    limit = int(largest * n_samples)
    offset = torch.randint(-limit, limit + 1, (len(windows), 1), generator=generator, device=generator.device)
    index = (torch.arange(n_samples, device=generator.device) + offset).abs()
    index = torch.where(index >= n_samples, 2 * (n_samples - 1) - index, index)
    return windows.gather(1, index[:, :, None].expand(windows.shape))


def rotate(windows: Tensor, angle_deg: float, devices: Devices, generator: torch.Generator) -> Tensor:
    """Turn each device of each window by a small random rotation, of standard deviation `angle_deg` about each axis."""
    return _turn(windows, devices, [draw_small_rotations(len(windows), angle_deg, generator) for _ in devices])


def rotate_uniformly(windows: Tensor, probability: float, devices: Devices, generator: torch.Generator) -> Tensor:
    """Turn devices, each with the given probability, to any orientation alike; gravity goes along."""
    matrices = []
    for _ in devices:
        turned = torch.rand(len(windows), 1, 1, generator=generator, device=generator.device) < probability
        anywhere = draw_uniform_rotations(len(windows), generator)
        matrices.append(torch.where(turned, anywhere, torch.eye(3, device=generator.device)))
    return _turn(windows, devices, matrices)


def warp_magnitude(windows: Tensor, strength: float, devices: Devices, generator: torch.Generator) -> Tensor:
    """Multiply each sensor of each window by its own smooth positive curve around 1; directions are kept.

    `strength` is the standard deviation of the log of the factor at the knots of the curve.
    """
    sensors = [list(sensor) for device in devices for sensor in device]
    n_windows, n_samples, _ = windows.shape
    curves = draw_curves(n_windows * len(sensors), n_samples, generator).reshape(n_windows, len(sensors), n_samples)
    factors = torch.exp(strength * curves).to(windows.dtype)
    warped = windows.clone()
    for k, columns in enumerate(sensors):
        warped[:, :, columns] *= factors[:, k, :, None]
    return warped


def draw_curves(n_curves: int, n_samples: int, generator: torch.Generator) -> Tensor:
    """Draw curves [N, T] through standard normal values at knots, evenly spaced from the first to the last sample.

    Between two knots a curve follows half a cosine: it has no kinks and never leaves the range of its knots.
    """
    values = torch.randn(n_curves, KNOTS, generator=generator, device=generator.device)
    place = torch.linspace(0, KNOTS - 1, n_samples, device=generator.device)
    before = place.floor().long().clamp(max=KNOTS - 2)
    weight = (1 - torch.cos(math.pi * (place - before))) / 2
    return torch.lerp(values[:, before], values[:, before + 1], weight)


def _turn(windows: Tensor, devices: Devices, matrices: Sequence[Tensor]) -> Tensor:
    """Turn all sensors of each device by its matrices [B, 3, 3]."""
    turned = windows.clone()
    for sensors, matrix in zip(devices, matrices, strict=True):
        for columns in sensors:
            turned[:, :, list(columns)] = windows[:, :, list(columns)] @ matrix.to(windows.dtype).transpose(1, 2)
    return turned
