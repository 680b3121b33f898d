"""Windows in a frame of their own, so that it does not matter how a device is turned on the body.

The frame of a device in a window is its third axis along gravity and its first along the strongest horizontal
acceleration, pointing to where that is skewed. Frame averaging reduced to one frame (Puny et al., ICLR 2022,
https://arxiv.org/abs/2110.03336). What is lost with the mounting is the posture that it told of.
Axis legend: B windows, T time, C channels, A = 3 axes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from feature_extraction.encoders.devices import find_devices
from feature_extraction.recordings.recording import Channel

SMALLEST = 1e-6  # length of a direction, strength of a movement


def to_gravity_frame(windows: Tensor, channels: Sequence[Channel]) -> Tensor:
    """Turn accelerometer and gyroscope of each device into the frame that its accelerometer gives.

    Args:
        windows: [B, T, C] in m/s² and rad/s; samples that are not finite have no say, and stay not finite.
        channels: One per column; other quantities stay as they are.

    Returns:
        [B, T, C]. Turning all axes of a device by one rotation beforehand changes nothing beyond rounding, unless
        gravity, horizontal strength or skewness vanish.

    Raises:
        InputError: A device lacks an accelerometer or an axis, or a unit is not m/s² or rad/s.
    """
    turned = windows.clone()
    for device in find_devices(channels):
        axes = gravity_axes(windows[..., device.acc.tolist()])
        for columns in (device.acc.tolist(), device.gyro.tolist()):
            if columns:
                turned[..., columns] = (axes[:, None] * windows[..., columns][:, :, None]).sum(dim=3)
    return turned


def gravity_axes(acc: Tensor) -> Tensor:
    """Return the axes of the frame as rows of a rotation matrix [B, A, A].

    Args:
        acc: Acceleration with gravity [B, T, A].
    """
    acc = torch.where(acc.isfinite().all(dim=2, keepdim=True), acc, torch.nan)
    mean = acc.nanmean(dim=1, keepdim=True).nan_to_num()
    motion = (acc - mean).nan_to_num()
    up = _unit(mean, motion.new_tensor([0.0, 0.0, 1.0]))
    across = motion - (motion * up).sum(dim=2, keepdim=True) * up
    # A faint preference for one axis of the sensor decides where nothing moves horizontally.
    first = motion.new_tensor([1.0, 0.0, 0.0]).expand_as(up)
    second = motion.new_tensor([0.0, 1.0, 0.0]).expand_as(up)
    spare = torch.where((up[..., :1].abs() > 0.9), second, first)
    spare = _unit(spare - (spare * up).sum(dim=2, keepdim=True) * up, first)
    products = (across[..., :, None] * across[..., None, :]).sum(dim=1) + SMALLEST * spare[:, 0, :, None] * spare
    forward = torch.linalg.eigh(products).eigenvectors[..., -1][:, None]
    along = (across * forward).sum(dim=2, keepdim=True)
    forward = torch.where(along.pow(3).sum(dim=1, keepdim=True) < 0, -forward, forward)
    forward = _unit(forward - (forward * up).sum(dim=2, keepdim=True) * up, spare)
    sideways = torch.linalg.cross(up, forward)
    return torch.cat([forward, sideways, up], dim=1)


def _unit(vectors: Tensor, otherwise: Tensor) -> Tensor:
    """Return vectors [B, 1, A] of unit length; `otherwise` in place of those without length."""
    length = vectors.norm(dim=2, keepdim=True)
    return torch.where(length > SMALLEST, vectors / length.clamp(min=SMALLEST), otherwise.expand_as(vectors))
