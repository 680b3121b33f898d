"""Windows as patches: hand-computed values, rates that agree, and samples that are missing."""

import math

import pytest
import torch

from feature_extraction.encoders.patch_transformer.patches import PatchConfig, make_patches
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel, three_axes
from feature_extraction.recordings.signal import GRAVITY_MPS2

ACC = Channel("imu", "acc", "x", "m/s2")
GYRO = Channel("imu", "gyro", "z", "rad/s")
IMU = three_axes("imu", "acc", "m/s2") + three_axes("imu", "gyro", "rad/s")
ONE_SECOND = PatchConfig(patch_s=1.0, patch_samples=4)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sine(frequency_hz, rate_hz, duration_s):
    """A sine of amplitude 1 g, [1, T, 1]."""
    time_s = torch.arange(round(duration_s * rate_hz)) / rate_hz
    return GRAVITY_MPS2 * torch.sin(2 * math.pi * frequency_hz * time_s)[None, :, None]


def test_patches_of_a_ramp_as_computed_by_hand():
    ramp_g = torch.arange(6.0)[None, :, None]  # 3 Hz, two seconds: 0 g, 1 g, ... 5 g
    patches = make_patches(ramp_g * GRAVITY_MPS2, [ACC], 3.0, ONE_SECOND)
    expected = torch.tensor([[[[0, 0.75, 1.5, 2.25], [3, 3.75, 4.5, 5.0]]]])  # 5.25 lies after the last sample
    torch.testing.assert_close(patches.values, expected)
    assert patches.valid.tolist() == [[[True, True]]]


def test_samples_at_the_rate_of_the_patches_are_kept_as_they_are():
    windows = noise(2, 128, 1)
    patches = make_patches(windows, [ACC], 32.0)
    assert patches.values.shape == (2, 1, 8, 16)
    assert torch.equal(patches.values.reshape(2, 128), windows[..., 0] / GRAVITY_MPS2)


@pytest.mark.parametrize("frequency_hz", [0.5, 1.0, 2.0])
def test_a_sine_gives_the_same_patches_at_25_hz_and_100_hz(frequency_hz):
    slow, fast = (make_patches(sine(frequency_hz, rate, 5.0), [ACC], rate).values for rate in (25.0, 100.0))
    assert slow.shape == fast.shape == (1, 1, 10, 16)
    bend = (2 * math.pi * frequency_hz / 25) ** 2 / 8  # largest distance of a sine from its chords
    difference = (slow - fast).abs().flatten()[:-1]  # the last value lies after the last sample of 25 Hz
    assert difference.max() < 1.1 * bend
    time_s = torch.arange(160) / 32
    torch.testing.assert_close(fast.flatten(), torch.sin(2 * math.pi * frequency_hz * time_s), rtol=0, atol=0.01)


@pytest.mark.parametrize(
    ("channel", "one"),
    [
        (ACC, GRAVITY_MPS2),
        (GYRO, math.pi),
        (Channel("imu", "mag", "x", "uT"), 50.0),
        (Channel("imu", "mag", "x", "normalised"), 1.0),
    ],
)
def test_one_stands_for_one_g_half_a_turn_per_second_and_the_field_of_the_earth(channel, one):
    patches = make_patches(torch.full((1, 50, 1), one), [channel], 50.0)
    torch.testing.assert_close(patches.values, torch.ones(1, 1, 2, 16))


def test_columns_are_read_each_on_its_own():
    windows = noise(3, 100, 6)
    together = make_patches(windows, IMU, 50.0)
    for column, channel in enumerate(IMU):
        alone = make_patches(windows[..., column : column + 1], [channel], 50.0)
        assert torch.equal(together.values[:, column], alone.values[:, 0])


def test_a_tail_shorter_than_a_patch_is_left_out():
    windows = noise(1, 128, 1)  # 2.56 s, five patches and 3 samples
    patches = make_patches(windows, [ACC], 50.0)
    assert patches.values.shape == (1, 1, 5, 16)
    longer = torch.cat([windows[:, :126], torch.full((1, 20, 1), 100.0)], dim=1)
    assert torch.equal(make_patches(longer, [ACC], 50.0).values, patches.values)


@pytest.mark.parametrize(("rate_hz", "n_samples"), [(11.5, 23), (20.0, 40), (51.2, 103), (100.0, 200)])
def test_two_seconds_are_ten_patches_at_any_rate(rate_hz, n_samples):
    assert make_patches(noise(1, n_samples, 1), [ACC], rate_hz, PatchConfig(0.2, 5)).values.shape == (1, 1, 10, 5)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("rate_hz", [10.0, 50.0, 200.0])
def test_samples_that_are_not_finite_make_their_patch_invalid_and_no_other_channel(bad, rate_hz):
    windows = noise(2, round(3 * rate_hz), 2)
    whole = make_patches(windows, [ACC, GYRO], rate_hz)
    burst = windows.clone()
    burst[1, round(1.1 * rate_hz) : round(1.4 * rate_hz), 0] = bad  # inside the third patch
    patches = make_patches(burst, [ACC, GYRO], rate_hz)
    expected = torch.ones(2, 2, 6, dtype=torch.bool)
    expected[1, 0, 2] = False
    assert torch.equal(patches.valid, expected)
    assert torch.equal(patches.values, torch.where(expected[..., None], whole.values, 0.0))


@pytest.mark.parametrize(("rate_hz", "patch_s", "per_patch"), [(100.0, 0.5, 50), (50.0, 1.1, 55), (90.0, 0.7, 63)])
def test_no_lost_sample_goes_unnoticed_nor_costs_another_patch(rate_hz, patch_s, per_patch):
    sample = torch.arange(4 * per_patch)  # most samples lie between the values of a patch
    windows = noise(len(sample), len(sample), 1)
    windows[sample, sample] = math.nan  # window k loses sample k
    valid = make_patches(windows, [ACC], rate_hz, PatchConfig(patch_s, 4)).valid[:, 0]
    assert torch.equal(valid, (sample // per_patch)[:, None] != torch.arange(4))


def test_a_value_between_two_patches_needs_both_samples():
    windows = noise(1, 20, 1)  # 10 Hz: the last value of the first patch lies between samples 4 and 5
    windows[0, 5] = math.nan
    assert make_patches(windows, [ACC], 10.0).valid.flatten().tolist() == [False, False, True, True]


def test_a_window_of_lost_samples_has_no_valid_patch():
    patches = make_patches(torch.full((1, 50, 1), math.nan), [ACC], 50.0)
    assert not patches.valid.any() and patches.values.eq(0).all()


def test_what_cannot_be_cut_is_refused():
    windows = noise(1, 100, 2)
    with pytest.raises(InputError, match="do not fit 1 channels"):
        make_patches(windows, [ACC], 50.0)
    with pytest.raises(InputError, match="one channel per column"):
        make_patches(windows[0], [ACC, GYRO], 50.0)
    with pytest.raises(InputError, match="'g'.*signal.to_si"):
        make_patches(windows, [Channel("imu", "acc", "x", "g"), GYRO], 50.0)
    with pytest.raises(InputError, match="choose from acc, gyro, mag"):
        make_patches(windows, [Channel("imu", "light", "x", "lux"), GYRO], 50.0)
    with pytest.raises(InputError, match="lasts 0.24 s, less than one patch of 0.5 s"):
        make_patches(windows[:, :12], [ACC, GYRO], 50.0)
    for rate_hz in (0.0, -50.0, math.nan, math.inf):
        with pytest.raises(InputError, match="positive sampling rate"):
            make_patches(windows, [ACC, GYRO], rate_hz)


def test_impossible_patches_are_refused():
    for config in ({"patch_s": 0.0}, {"patch_s": math.nan}, {"patch_samples": 1}):
        with pytest.raises(InputError, match=next(iter(config))):
            PatchConfig(**config)
