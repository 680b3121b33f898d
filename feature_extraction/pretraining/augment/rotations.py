"""Random rotations in three dimensions.

Axis legend: N rotations.
"""

import torch
from torch import Tensor


def draw_small_rotations(n: int, angle_deg: float, generator: torch.Generator) -> Tensor:
    """Draw rotations by small angles.

    Args:
        n: Rotations to draw.
        angle_deg: Standard deviation of the rotation vector's three parts.
        generator: Source of randomness.

    Returns:
        Rotation matrices [N, 3, 3] on the generator's device.
    """
    angle = torch.deg2rad(angle_deg * torch.randn(n, 3, generator=generator, device=generator.device))
    return torch.linalg.matrix_exp(_cross_product_matrix(angle))


def draw_uniform_rotations(n: int, generator: torch.Generator) -> Tensor:
    """Draw from all rotations with equal density.

    A normal vector in four dimensions has no preferred direction; scaled to length 1 it is a uniform unit
    quaternion w + v, which stands for a uniform rotation (Shoemake, "Uniform random rotations", Graphics
    Gems III, 1992). Its matrix is 1 + 2w[v]× + 2[v]×².

    Args:
        n: Rotations to draw.
        generator: Source of randomness.

    Returns:
        Rotation matrices [N, 3, 3] on the generator's device.
    """
    quaternion = torch.randn(n, 4, generator=generator, device=generator.device)
    quaternion = quaternion / quaternion.norm(dim=1, keepdim=True)
    cross = _cross_product_matrix(quaternion[:, 1:])
    identity = torch.eye(3, device=generator.device)
    return identity + 2 * quaternion[:, :1, None] * cross + 2 * cross @ cross


def _cross_product_matrix(vector: Tensor) -> Tensor:
    """Return matrices [N, 3, 3] with matrix @ v = vector × v for vectors [N, 3]."""
    x, y, z = vector.unbind(1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)
