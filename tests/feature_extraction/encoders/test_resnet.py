"""The residual network and the augmentations: invariants, not only shapes."""

import pytest
import torch

from feature_extraction.encoders.resnet import ResNet1d, ResNetConfig
from feature_extraction.errors import InputError
from feature_extraction.pretraining.augment import augment

SMALL = ResNetConfig(widths=(4, 8), n_features=6)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("n_samples", "n_channels"), [(125, 30), (250, 6), (16, 3)])
def test_windows_of_any_length_give_features(n_samples, n_channels):
    network = ResNet1d(n_channels, SMALL).eval()
    assert network(noise(2, n_samples, n_channels)).shape == (2, 6)


def test_default_size_is_small():
    n_parameters = sum(p.numel() for p in ResNet1d(30, ResNetConfig()).parameters())
    assert 200_000 < n_parameters < 500_000


def test_input_statistics_make_the_network_independent_of_units():
    network, other = ResNet1d(3, SMALL).eval(), ResNet1d(3, SMALL).eval()
    other.load_state_dict(network.state_dict())
    other.set_input_statistics(torch.tensor([5.0, 0, 0]), torch.full((3,), 9.8))
    windows = noise(4, 50, 3)
    torch.testing.assert_close(other(windows * 9.8 + torch.tensor([5.0, 0, 0])), network(windows), rtol=1e-4, atol=1e-5)


def test_a_channel_of_scale_zero_is_not_heard():
    network = ResNet1d(3, SMALL).eval()
    network.set_input_statistics(torch.zeros(3), torch.tensor([1.0, 1.0, 0.0]))
    windows = noise(2, 50, 3)
    louder = windows * torch.tensor([1.0, 1.0, 100.0])
    torch.testing.assert_close(network(louder), network(windows))


def test_strength_survives_the_network():
    network = ResNet1d(3, SMALL).eval()
    windows = noise(2, 50, 3)
    assert not torch.allclose(network(windows), network(3 * windows), atol=1e-2)


def test_impossible_sizes_are_refused():
    with pytest.raises(InputError, match="odd"):
        ResNetConfig(kernel_size=4)
    with pytest.raises(InputError, match="cannot be used"):
        ResNetConfig(widths=())


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


DEVICES = [[[0, 1, 2], [3, 4, 5]]]


def test_rotation_keeps_lengths_and_angles_between_sensors():
    windows = noise(5, 20, 6)
    turned = augment.rotate(windows, 30.0, DEVICES, generator())
    assert not torch.allclose(turned, windows, atol=0.1)
    acc, gyro = windows[..., :3], windows[..., 3:]
    torch.testing.assert_close(turned[..., :3].norm(dim=-1), acc.norm(dim=-1))
    torch.testing.assert_close((turned[..., :3] * turned[..., 3:]).sum(-1), (acc * gyro).sum(-1), rtol=1e-4, atol=1e-4)


def test_rotation_size_is_the_asked_angle():
    windows = torch.zeros(4000, 1, 3)
    windows[..., 2] = 1.0
    turned = augment.rotate(windows, 10.0, [[[0, 1, 2]]], generator())
    tilt = torch.rad2deg(turned[:, 0, 0])  # small angles: displacement is angle
    assert tilt.std().item() == pytest.approx(10.0, rel=0.05)


def test_shift_moves_by_at_most_the_limit_and_reflects():
    windows = torch.arange(10.0)[None, :, None].expand(200, 10, 1)
    moved = augment.shift(windows, 0.2, generator())
    assert set(moved[:, 5, 0].tolist()) == {3.0, 4.0, 5.0, 6.0, 7.0}
    later = moved[moved[:, 5, 0] == 7.0][0, :, 0]
    assert later.tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 8, 7]


def test_scale_multiplies_and_jitter_has_the_asked_strength():
    windows = noise(3, 20, 2).abs() + 1
    ratio = augment.scale(windows, 0.1, generator()) / windows
    torch.testing.assert_close(ratio, ratio[:, :1, :1].expand_as(ratio))
    std = torch.tensor([1.0, 10.0])
    difference = augment.jitter(torch.zeros(50, 200, 2), 0.05, std, generator())
    torch.testing.assert_close(difference.std(dim=(0, 1)), 0.05 * std, rtol=0.05, atol=0)


def test_same_seed_same_windows_other_seed_others():
    windows, config = noise(3, 20, 6), augment.AugmentConfig()
    first, again, other = (
        augment.augment(windows, config, torch.ones(6), DEVICES, generator(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_all_strengths_zero_change_nothing_and_negative_ones_are_refused():
    windows = noise(3, 20, 6)
    off = augment.AugmentConfig(0, 0, 0, 0)
    assert torch.equal(augment.augment(windows, off, torch.ones(6), DEVICES, generator()), windows)
    with pytest.raises(InputError, match="jitter"):
        augment.AugmentConfig(jitter=-1)
