"""Random rotations are rotations, and as random as they say."""

import math

import pytest
import torch

from feature_extraction.pretraining.augment.rotations import draw_small_rotations, draw_uniform_rotations


def generator():
    return torch.Generator().manual_seed(0)


def test_uniform_rotations_are_proper_and_have_no_preferred_direction():
    n = 20_000
    matrices = draw_uniform_rotations(n, generator())
    torch.testing.assert_close(matrices @ matrices.transpose(1, 2), torch.eye(3).expand(n, 3, 3), rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(n), rtol=0, atol=1e-5)
    # Each entry has mean 0 and variance 1/3; four standard errors of the mean of n draws.
    assert matrices.mean(dim=0).abs().max() < 4 * math.sqrt(1 / 3 / n)
    torch.testing.assert_close((matrices**2).mean(dim=0), torch.full((3, 3), 1 / 3), rtol=0, atol=0.01)
    # The angle of a uniform rotation has density (1 - cos a) / π, hence a mean of π/2 + 2/π.
    angle = torch.arccos(((matrices.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(-1, 1))
    assert angle.mean().item() == pytest.approx(math.pi / 2 + 2 / math.pi, abs=0.02)


def test_small_rotations_have_the_asked_angle():
    matrices = draw_small_rotations(10_000, 2.0, generator())
    about_z = torch.rad2deg((matrices[:, 1, 0] - matrices[:, 0, 1]) / 2)
    assert about_z.std().item() == pytest.approx(2.0, rel=0.03) and abs(about_z.mean().item()) < 0.08
