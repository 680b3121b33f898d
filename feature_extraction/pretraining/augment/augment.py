"""Augmentations of windows in physical units: pure functions with a generator.

Windows are in m/s² and rad/s and are never changed in place; they and the generator lie on the same device.
Columns that an augmentation of sensors or devices is not told of stay as they are. A strength that cannot be used
raises `InputError`, in a config as in a function. Jitter, scaling, rotation and the two warps are described by Um
et al., "Data augmentation of wearable sensor data for Parkinson's disease monitoring using convolutional neural
networks", ICMI 2017.

Axis legend: B windows, T time, C channels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from feature_extraction.errors import InputError
from feature_extraction.pretraining.augment.channel_changes import (
    check_unit_interval,
    drop_sensors,
    sensor_of_channels,
    shuffle_channels,
)
from feature_extraction.pretraining.augment.rotations import draw_small_rotations, draw_uniform_rotations
from feature_extraction.pretraining.augment.smooth_curves import draw_curves, draw_time_maps

# The columns of each three-axis sensor of each device.
Devices = Sequence[Sequence[Sequence[int]]]

UNIT_INTERVAL = ("time_warp", "magnitude_warp", "uniform_rotation", "sensor_dropout", "channel_shuffle")


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths; 0 switches an augmentation off.

    Attributes:
        jitter: Standard deviation of added noise, in standard deviations of the channel.
        scale: Standard deviation of the log of a factor per window.
        rotation_deg: Standard deviation of the angle by which each device is turned.
        shift: Largest time shift, as a part of the window; the gap is filled by reflection.
        time_warp: Standard deviation of the log of the speed at which time runs, at the knots of a smooth curve.
        magnitude_warp: Standard deviation of the log of a sensor's factor, at the knots of a smooth curve.
        uniform_rotation: Probability that a device of a window is turned anywhere.
        sensor_dropout: Probability that a sensor of a window is set to zero.
        channel_shuffle: Probability that the channels of a batch change places.
    """

    jitter: float = 0.05
    scale: float = 0.1
    rotation_deg: float = 10.0
    shift: float = 0.2
    time_warp: float = 0.0
    magnitude_warp: float = 0.0
    uniform_rotation: float = 0.0
    sensor_dropout: float = 0.0
    channel_shuffle: float = 0.0

    def __post_init__(self) -> None:
        """Refuse negative strengths, shifts beyond the window, and warps and probabilities above 1."""
        for name in self.__dataclass_fields__:
            _check_strength(name, getattr(self, name))


@dataclass(frozen=True)
class AugmentedView:
    """Augmented windows and what became of their channels.

    Attributes:
        windows: [B, T, C], channels in the new order.
        kept: Whether a channel of a window still holds its signal [B, C], in the new order.
        order: Old column of each new one [C]; descriptions `d` of the channels become `d[order]`.
    """

    windows: Tensor
    kept: Tensor
    order: Tensor


def jitter(windows: Tensor, strength: float, channel_std: Tensor, generator: torch.Generator) -> Tensor:
    """Add independent noise to every sample.

    Args:
        windows: [B, T, C].
        strength: Noise in units of `channel_std`.
        channel_std: [C].
        generator: Source of randomness.
    """
    _check_strength("jitter", strength)
    return windows + strength * channel_std * torch.randn(windows.shape, generator=generator, device=generator.device)


def scale(windows: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Multiply each window [T, C] by its own factor, log-normal with the given spread."""
    _check_strength("scale", strength)
    normal = torch.randn(len(windows), 1, 1, generator=generator, device=generator.device)
    return windows * torch.exp(strength * normal)


def shift(windows: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    """Move each window in time by up to `largest` of its length; what runs out is filled by reflection."""
    _check_strength("shift", largest)
    n_samples = windows.shape[1]
    limit = int(largest * n_samples)
    offset = torch.randint(-limit, limit + 1, (len(windows), 1), generator=generator, device=generator.device)
    index = (torch.arange(n_samples, device=generator.device) + offset).abs()
    index = torch.where(index >= n_samples, 2 * (n_samples - 1) - index, index)
    return windows.gather(1, index[:, :, None].expand(windows.shape))


def rotate(windows: Tensor, angle_deg: float, devices: Devices, generator: torch.Generator) -> Tensor:
    """Turn each device of each window about a random axis by a random small angle.

    Args:
        windows: [B, T, C].
        angle_deg: Standard deviation of the rotation about each axis.
        devices: Per device, the columns of each of its three-axis sensors; the sensors turn together.
        generator: Source of randomness.

    Returns:
        Windows [B, T, C]; channels outside `devices` are unchanged.
    """
    _check_strength("rotation_deg", angle_deg)
    return _turn(windows, devices, [draw_small_rotations(len(windows), angle_deg, generator) for _ in devices])


def rotate_uniformly(windows: Tensor, probability: float, devices: Devices, generator: torch.Generator) -> Tensor:
    """Turn devices to an orientation that may be any, each equally likely; gravity goes along.

    Args:
        windows: [B, T, C].
        probability: How likely each device of each window is turned.
        devices: Per device, the columns of each of its three-axis sensors; the sensors turn together.
        generator: Source of randomness.

    Returns:
        Windows [B, T, C]; channels outside `devices` are unchanged.
    """
    _check_strength("uniform_rotation", probability)
    matrices = []
    for _ in devices:
        turned = torch.rand(len(windows), 1, 1, generator=generator, device=generator.device) < probability
        anywhere = draw_uniform_rotations(len(windows), generator)
        matrices.append(torch.where(turned, anywhere, torch.eye(3, device=generator.device)))
    return _turn(windows, devices, matrices)


def warp_time(windows: Tensor, strength: float, gyro: Sequence[int], generator: torch.Generator) -> Tensor:
    """Let time run faster and slower within each window; both ends stay where they are.

    A motion at `v` times the speed turns `v` times as fast, so the columns in `gyro` are multiplied by the local
    speed: a device still turns by the same angle in all. The part of acceleration that is not gravity would grow
    with v²; the two parts are not told apart here, so acceleration keeps its magnitude.

    Args:
        windows: [B, T, C].
        strength: Standard deviation of the log of the speed at the knots.
        gyro: Columns of gyroscopes; empty to leave rates of turn as they are.
        generator: Source of randomness.

    Returns:
        Windows [B, T, C], interpolated linearly between samples.

    Raises:
        InputError: A strength outside 0 to 1, or windows of a single sample.
    """
    _check_strength("time_warp", strength)
    source, speed = draw_time_maps(len(windows), windows.shape[1], strength, generator)
    before = source.floor().long().clamp(max=windows.shape[1] - 2)
    weight = (source - before).to(windows.dtype)[:, :, None]
    index = before[:, :, None].expand(windows.shape)
    warped = torch.lerp(windows.gather(1, index), windows.gather(1, index + 1), weight)
    warped[:, :, list(gyro)] *= speed[:, :, None].to(windows.dtype)
    return warped


def warp_magnitude(
    windows: Tensor, strength: float, sensors: Sequence[Sequence[int]], generator: torch.Generator
) -> Tensor:
    """Multiply each sensor of each window by its own smooth positive curve around 1; directions are kept.

    Args:
        windows: [B, T, C].
        strength: Standard deviation of the log of the factor at the knots.
        sensors: Columns of each sensor; they share one curve.
        generator: Source of randomness.

    Returns:
        Windows [B, T, C].

    Raises:
        InputError: A strength outside 0 to 1, or sensors that overlap or are not there.
    """
    _check_strength("magnitude_warp", strength)
    n_windows, n_samples, n_channels = windows.shape
    owner = sensor_of_channels(sensors, n_channels, generator.device)
    curves = draw_curves(n_windows * len(sensors), n_samples, generator).reshape(n_windows, len(sensors), n_samples)
    factor = torch.nn.functional.pad(torch.exp(strength * curves), (0, 0, 0, 1), value=1.0)
    return windows * factor[:, owner].transpose(1, 2).to(windows.dtype)


def augment(
    windows: Tensor, config: AugmentConfig, channel_std: Tensor, devices: Devices, generator: torch.Generator
) -> Tensor:
    """Augment windows [B, T, C] for an encoder that knows each channel by its place; arguments as in `augment_view`.

    A warp of time leaves rates of turn as they are.

    Raises:
        InputError: The config drops or shuffles channels, of which the result could not tell.
    """
    for name in ("sensor_dropout", "channel_shuffle"):
        if getattr(config, name):
            raise InputError(f"augment.{name}: {getattr(config, name)} cannot be used here; give 0 or use augment_view")
    return _augment_signals(windows, config, channel_std, devices, (), generator)


def augment_view(
    windows: Tensor,
    config: AugmentConfig,
    channel_std: Tensor,
    devices: Devices,
    gyro: Sequence[int],
    generator: torch.Generator,
) -> AugmentedView:
    """Augment windows and say which channels are left and where they went.

    Args:
        windows: [B, T, C].
        config: Strengths.
        channel_std: Standard deviation of each channel [C], the unit of jitter.
        devices: Per device, the columns of each of its three-axis sensors, a magnetometer's among them.
        gyro: Columns of gyroscopes, whose rates follow a warp of time.
        generator: Source of randomness.

    Raises:
        InputError: Windows of a single sample, or sensors that overlap, are not there or are none at all, where
            the config asks for what cannot be done with them.
    """
    windows = _augment_signals(windows, config, channel_std, devices, gyro, generator)
    kept = torch.ones(windows.shape[0], windows.shape[2], dtype=torch.bool, device=windows.device)
    order = torch.arange(windows.shape[2], device=windows.device)
    if config.sensor_dropout:
        windows, kept = drop_sensors(windows, config.sensor_dropout, _sensors(devices), generator)
    if config.channel_shuffle:
        windows, order = shuffle_channels(windows, config.channel_shuffle, generator)
    return AugmentedView(windows, kept[:, order], order)


def _augment_signals(
    windows: Tensor,
    config: AugmentConfig,
    channel_std: Tensor,
    devices: Devices,
    gyro: Sequence[int],
    generator: torch.Generator,
) -> Tensor:
    """Turn, warp, scale, shift and, since noise arises in the sensor, jitter last; one that is off draws nothing."""
    if config.uniform_rotation:
        windows = rotate_uniformly(windows, config.uniform_rotation, devices, generator)
    if config.rotation_deg:
        windows = rotate(windows, config.rotation_deg, devices, generator)
    if config.time_warp:
        windows = warp_time(windows, config.time_warp, gyro, generator)
    if config.magnitude_warp:
        windows = warp_magnitude(windows, config.magnitude_warp, _sensors(devices), generator)
    if config.scale:
        windows = scale(windows, config.scale, generator)
    if config.shift:
        windows = shift(windows, config.shift, generator)
    if config.jitter:
        windows = jitter(windows, config.jitter, channel_std, generator)
    return windows


def _check_strength(name: str, value: float) -> None:
    if name in UNIT_INTERVAL:
        check_unit_interval(name, value)
    elif not (value >= 0 and math.isfinite(value)):
        raise InputError(f"augment.{name}: {value} cannot be used; give 0 or more")
    elif name == "shift" and value >= 1:
        raise InputError(f"augment.shift: {value} cannot be used; give less than 1")


def _sensors(devices: Devices) -> list[Sequence[int]]:
    return [sensor for device in devices for sensor in device]


def _turn(windows: Tensor, devices: Devices, matrices: Sequence[Tensor]) -> Tensor:
    """Turn all sensors of each device by its matrices [B, 3, 3]."""
    turned = windows.clone()
    for sensors, matrix in zip(devices, matrices, strict=True):
        for columns in sensors:
            turned[:, :, list(columns)] = windows[:, :, list(columns)] @ matrix.to(windows.dtype).transpose(1, 2)
    return turned
