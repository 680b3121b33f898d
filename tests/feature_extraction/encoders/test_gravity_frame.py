"""The frame of gravity: the same for every mounting, and a rotation of what was measured."""

import math

import pytest
import torch
from synthetic_windows import make_channels

from feature_extraction.encoders.patch_transformer.gravity_frame import gravity_axes, to_gravity_frame
from feature_extraction.encoders.patch_transformer.patches import PatchConfig, make_patches
from feature_extraction.errors import InputError
from feature_extraction.pretraining.augment.rotations import draw_uniform_rotations

CHANNELS = make_channels()


def walk(n_windows: int = 6, seed: int = 0) -> torch.Tensor:
    """Gravity along some axis, skewed horizontal swings, noise; acc and gyro [B, 120, 6]."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(n_windows, 120, 6, generator=generator)
    noise[..., 0] += torch.randn(n_windows, 120, generator=generator).exp() * 2
    noise[..., 2] += 9.8
    return noise


def turned(windows: torch.Tensor, seed: int) -> torch.Tensor:
    rotation = draw_uniform_rotations(1, torch.Generator().manual_seed(seed))[0]
    return torch.cat([windows[..., :3] @ rotation.T, windows[..., 3:] @ rotation.T], dim=2)


@pytest.mark.parametrize("seed", range(5))
def test_turning_the_device_changes_nothing(seed: int) -> None:
    windows = walk()
    other = turned(windows, seed)
    assert (windows - other).abs().max() > 1
    torch.testing.assert_close(
        to_gravity_frame(other, CHANNELS), to_gravity_frame(windows, CHANNELS), rtol=0, atol=2e-3
    )


def test_the_frame_is_a_rotation_and_gravity_is_its_third_axis() -> None:
    windows = walk()
    axes = gravity_axes(windows[..., :3])
    torch.testing.assert_close(axes @ axes.transpose(1, 2), torch.eye(3).expand(6, 3, 3), rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.linalg.det(axes), torch.ones(6))
    mean = to_gravity_frame(windows, CHANNELS)[..., :3].mean(dim=1)
    torch.testing.assert_close(mean[:, :2], torch.zeros(6, 2), rtol=0, atol=1e-4)
    assert (mean[:, 2] > 9).all()


def test_axes_by_hand() -> None:
    """Gravity along x; two pushes along -y and a slow return: forward is where the pushes go."""
    acc = torch.zeros(1, 6, 3)
    acc[..., 0] = 9.8
    acc[0, :, 1] = torch.tensor([-2.0, -2.0, 1.0, 1.0, 1.0, 1.0])
    expected = torch.tensor([[[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]])
    torch.testing.assert_close(gravity_axes(acc), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("up", [(0.0, 0.0, 0.0), (9.8, 0.0, 0.0), (0.0, -9.8, 0.0)])
def test_a_device_at_rest_or_in_free_fall_has_a_frame_all_the_same(up: tuple[float, float, float]) -> None:
    axes = gravity_axes(torch.tensor(up).expand(2, 50, 3))
    torch.testing.assert_close(axes @ axes.transpose(1, 2), torch.eye(3).expand(2, 3, 3), rtol=0, atol=1e-5)


def test_lost_samples_have_no_say_and_stay_lost() -> None:
    windows, broken = walk(), walk()
    broken[0, 7, 1] = math.nan
    broken[1, 8] = math.inf
    found = to_gravity_frame(broken, CHANNELS)
    assert not found[0, 7, :3].isfinite().any() and not found[1, 8].isfinite().any()
    assert found[0, 8:].isfinite().all()
    torch.testing.assert_close(found[2:], to_gravity_frame(windows, CHANNELS)[2:])


def test_patches_are_made_in_the_frame_that_the_config_names() -> None:
    config = PatchConfig(1.0, 16, frame="gravity")
    windows = walk()
    one, other = (make_patches(given, CHANNELS, 50.0, config).values for given in (windows, turned(windows, 3)))
    torch.testing.assert_close(one, other, rtol=0, atol=1e-3)
    assert not torch.allclose(one, make_patches(windows, CHANNELS, 50.0, PatchConfig(1.0, 16)).values, atol=0.1)
    with pytest.raises(InputError, match="frame: 'earth' is unknown; use sensor or gravity"):
        PatchConfig(frame="earth")  # type: ignore[arg-type]
