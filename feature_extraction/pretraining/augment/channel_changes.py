"""Augmentations of which channels an encoder gets to see: sensors are dropped, channels change places.

Axis legend: B windows, T time, C channels, S sensors.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from feature_extraction.errors import InputError


def drop_sensors(
    windows: Tensor, probability: float, sensors: Sequence[Sequence[int]], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Set whole sensors of each window to zero, but never all of them.

    Where chance takes every sensor one of them is spared, each equally likely, so that of S sensors the part
    p - p^S / S is dropped on average.

    Args:
        windows: [B, T, C].
        probability: How likely each sensor of each window is dropped, p.
        sensors: Columns of each sensor.
        generator: Source of randomness.

    Returns:
        Windows [B, T, C], and whether each channel is left [B, C].

    Raises:
        InputError: Not a probability, no sensors, or sensors that overlap or are not there.
    """
    check_unit_interval("sensor_dropout", probability)
    if not sensors:
        raise InputError("augment.sensor_dropout: there are no sensors to choose from; name the columns of each")
    owner = sensor_of_channels(sensors, windows.shape[2], generator.device)
    luck = torch.rand(len(windows), len(sensors), generator=generator, device=generator.device)
    kept = (luck >= probability).scatter(1, luck.argmax(dim=1, keepdim=True), True)
    mask = torch.nn.functional.pad(kept, (0, 1), value=True)[:, owner]
    return windows.masked_fill(~mask[:, None, :], 0.0), mask


def shuffle_channels(windows: Tensor, probability: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Let the channels of a batch change places, all windows alike; only for encoders that read descriptions.

    Args:
        windows: [B, T, C].
        probability: How likely the batch is shuffled at all.
        generator: Source of randomness.

    Returns:
        Windows [B, T, C], and the old column of each new one [C]; `argsort` of it leads back.

    Raises:
        InputError: Not a probability.
    """
    check_unit_interval("channel_shuffle", probability)
    n_channels, device = windows.shape[2], generator.device
    shuffled = torch.rand((), generator=generator, device=device) < probability
    order = torch.randperm(n_channels, generator=generator, device=device)
    order = torch.where(shuffled, order, torch.arange(n_channels, device=device))
    return windows[:, :, order], order


def sensor_of_channels(sensors: Sequence[Sequence[int]], n_channels: int, device: torch.device) -> Tensor:
    """Return the position in `sensors` of each channel's sensor [C]; S for channels of none.

    Raises:
        InputError: A column is not there or belongs to two sensors.
    """
    owner = [len(sensors)] * n_channels
    for k, columns in enumerate(sensors):
        for column in columns:
            if not 0 <= column < n_channels or owner[column] != len(sensors):
                raise InputError(
                    f"sensor {k}: column {column} is not among the {n_channels} channels or belongs to another "
                    "sensor; name every column once"
                )
            owner[column] = k
    return torch.tensor(owner, device=device)


def check_unit_interval(name: str, value: float) -> None:
    """Refuse a strength or a probability outside 0 to 1; `name` is its field in `AugmentConfig`.

    Raises:
        InputError: It is outside.
    """
    if not 0 <= value <= 1:
        raise InputError(f"augment.{name}: {value} cannot be used; give 0 to 1")
