"""Augmentations by what they must keep: lengths, angles, spectra, directions, ends, and the caller's windows."""

import math
from dataclasses import replace

import pytest
import torch

from feature_extraction.errors import InputError
from feature_extraction.pretraining.augment import augment
from feature_extraction.pretraining.augment.augment import AugmentConfig

# Two devices of an accelerometer and a gyroscope each; column 12 is of no sensor.
DEVICES = [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
SENSORS = [sensor for device in DEVICES for sensor in device]
N_CHANNELS = 13
OFF = AugmentConfig(jitter=0, scale=0, rotation_deg=0, shift=0)
ALL = AugmentConfig(0.05, 0.1, 10.0, 0.2, 0.2, 0.5)
STD = torch.ones(N_CHANNELS)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(n_windows=4, n_samples=50, n_channels=N_CHANNELS):
    return torch.randn(n_windows, n_samples, n_channels, generator=generator(7))


def triads(windows):
    return windows[..., : 3 * len(SENSORS)].unflatten(-1, (len(SENSORS), 3))


# Each kind as a function of windows, strength and seed, and a strength at which it does something to any window.
KINDS = {
    "jitter": (lambda w, s, seed: augment.jitter(w, s, STD, generator(seed)), 0.1),
    "scale": (lambda w, s, seed: augment.scale(w, s, generator(seed)), 0.1),
    "shift": (lambda w, s, seed: augment.shift(w, s, generator(seed)), 0.4),
    "rotation_deg": (lambda w, s, seed: augment.rotate(w, s, DEVICES, generator(seed)), 10.0),
    "uniform_rotation": (lambda w, s, seed: augment.rotate_uniformly(w, s, DEVICES, generator(seed)), 1.0),
    "magnitude_warp": (lambda w, s, seed: augment.warp_magnitude(w, s, DEVICES, generator(seed)), 0.2),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def test_every_strength_of_the_config_is_tested():
    assert set(KINDS) == set(AugmentConfig.__dataclass_fields__)


@every_kind
def test_strength_zero_is_the_identity(kind):
    windows = noise()
    torch.testing.assert_close(KINDS[kind][0](windows, 0.0, 0), windows, rtol=0, atol=0)


@every_kind
def test_same_seed_same_windows_other_seed_others(kind):
    apply, strength = KINDS[kind]
    windows = noise()
    first, again, other = (apply(windows, strength, seed) for seed in (1, 1, 2))
    assert first.shape == windows.shape and first.dtype == windows.dtype
    assert torch.equal(first, again) and not torch.equal(first, other) and not torch.equal(first, windows)


@every_kind
def test_windows_are_never_changed_in_place(kind):
    windows = noise()
    before = windows.clone()
    KINDS[kind][0](windows, KINDS[kind][1], 0).add_(1.0)
    assert torch.equal(windows, before)


@every_kind
@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf])
def test_bad_strengths_are_refused(kind, bad):
    with pytest.raises(InputError, match=f"augment.{kind}: {bad} cannot be used; give"):
        replace(OFF, **{kind: bad})


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("jitter", "scale", "rotation_deg")])
def test_what_cannot_exceed_one_is_refused_above(kind):
    with pytest.raises(InputError, match=f"augment.{kind}: 1.5"):
        replace(OFF, **{kind: 1.5})


@every_kind
def test_every_signal_stays_at_its_column(kind):
    """What is known of a column, such as its sentence and its scale, holds after an augmentation, too."""
    apply, strength = KINDS[kind]
    sensors = 10.0 ** torch.arange(len(SENSORS) + 1).repeat_interleave(3)[:N_CHANNELS].repeat(4, 50, 1)
    lengths = triads(apply(sensors / 3**0.5, strength, 0)).norm(dim=-1).mean(dim=(0, 1))
    torch.testing.assert_close(lengths.log10().round(), torch.arange(4.0))
    if "rotation" not in kind:  # which mixes the axes of a sensor
        columns = 10.0 ** torch.arange(N_CHANNELS).repeat(4, 50, 1)
        found = apply(columns, strength, 0).mean(dim=(0, 1))
        torch.testing.assert_close(found.log10().round(), torch.arange(float(N_CHANNELS)))


@pytest.mark.parametrize("kind", ["rotation_deg", "uniform_rotation"])
def test_rotations_keep_norms_and_the_angle_between_acc_and_gyro(kind):
    apply, strength = KINDS[kind]
    windows = noise()
    turned = apply(windows, strength, 0)
    before, after = triads(windows), triads(turned)
    torch.testing.assert_close(after.norm(dim=-1), before.norm(dim=-1))
    for acc, gyro in ((0, 1), (2, 3)):
        cosines = [torch.cosine_similarity(t[:, :, acc], t[:, :, gyro], dim=-1) for t in (before, after)]
        torch.testing.assert_close(cosines[1], cosines[0], rtol=0, atol=1e-5)
    assert torch.equal(turned[..., 12], windows[..., 12])


def test_devices_turn_apart_from_each_other():
    windows = torch.ones(2, 5, N_CHANNELS)
    turned = triads(augment.rotate_uniformly(windows, 1.0, DEVICES, generator()))
    torch.testing.assert_close(turned[:, :, 0], turned[:, :, 1])
    assert not torch.allclose(turned[:, :, 0], turned[:, :, 2], atol=0.1)
    assert not torch.allclose(turned[0, :, 0], turned[1, :, 0], atol=0.1)


def test_uniform_rotation_turns_the_asked_part_of_the_devices():
    windows = noise(2000, 2)
    turned = triads(augment.rotate_uniformly(windows, 0.3, DEVICES, generator()))
    changed = (turned != triads(windows)).any(dim=-1).all(dim=1)  # [B, S]
    assert torch.equal(changed[:, 0], changed[:, 1]) and torch.equal(changed[:, 2], changed[:, 3])
    assert changed.float().mean().item() == pytest.approx(0.3, abs=0.03)


def test_shift_keeps_spectrum_and_samples_of_a_periodic_signal_where_nothing_is_reflected():
    n_samples, limit, period = 60, 12, 12
    time = torch.arange(n_samples, dtype=torch.float32)
    signal = torch.sin(2 * math.pi * time / period) + 0.5 * torch.cos(4 * math.pi * time / period)
    windows = signal[None, :, None].expand(20, n_samples, 1)
    moved = augment.shift(windows, limit / n_samples, generator())
    inside = slice(limit, n_samples - limit)  # three whole periods, out of the reach of reflection
    before, after = windows[:, inside, 0], moved[:, inside, 0]
    assert not torch.allclose(before, after, atol=0.1)
    torch.testing.assert_close(torch.fft.rfft(after).abs(), torch.fft.rfft(before).abs(), rtol=0, atol=1e-4)
    torch.testing.assert_close(after.sort(dim=1).values, before.sort(dim=1).values, rtol=0, atol=1e-5)


def test_shift_of_a_standing_wave_stays_a_wave_up_to_the_edges():
    n_samples = 41  # cos(3πt / 40) is even about both ends: its reflection is its continuation
    time = torch.arange(n_samples, dtype=torch.float32)
    windows = torch.cos(3 * math.pi * time / 40)[None, :, None].expand(30, n_samples, 1)
    moved = augment.shift(windows, 0.2, generator())[..., 0]
    waves = torch.stack([torch.cos(3 * math.pi * (time + offset) / 40) for offset in range(-8, 9)])
    distance = (moved[:, None] - waves).abs().amax(dim=2)
    assert distance.amin(dim=1).max() < 1e-5
    assert len(set(distance.argmin(dim=1).tolist())) > 8


def test_magnitude_warp_keeps_directions_and_varies_over_time_and_sensors():
    windows = noise(50, 40)
    warped = augment.warp_magnitude(windows, 0.3, DEVICES, generator())
    before, after = triads(windows), triads(warped)
    torch.testing.assert_close(torch.cosine_similarity(before, after, dim=-1), torch.ones(50, 40, 4))
    factor = after.norm(dim=-1) / before.norm(dim=-1)
    assert (factor.std(dim=1) > 1e-3).all() and (factor.std(dim=2) > 1e-4).all()
    assert factor[:, 0].log().std().item() == pytest.approx(0.3, rel=0.2)  # the first sample is a knot
    assert torch.equal(warped[..., 12], windows[..., 12])


def test_a_view_with_everything_on_is_reproducible_and_leaves_its_windows_alone():
    windows = noise(8)
    before = windows.clone()
    first, again, other = (augment.augment(windows, ALL, STD, DEVICES, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(windows, before) and torch.isfinite(first).all()
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(augment.augment(windows, OFF, STD, DEVICES, generator()), windows)


@pytest.mark.parametrize("kind", KINDS)
def test_each_strength_of_the_config_reaches_its_augmentation(kind):
    apply, strength = KINDS[kind]
    windows, config = noise(), replace(OFF, **{kind: strength})
    assert torch.equal(augment.augment(windows, config, STD, DEVICES, generator(3)), apply(windows, strength, 3))


def test_curves_pass_smoothly_between_normal_knots():
    curves = augment.draw_curves(5000, 81, generator())
    knots = curves[:, ::20]
    assert abs(knots.mean().item()) < 0.03 and knots.std().item() == pytest.approx(1.0, abs=0.03)
    low, high = torch.minimum(knots[:, :-1], knots[:, 1:]), torch.maximum(knots[:, :-1], knots[:, 1:])
    between = curves[:, :80].unflatten(1, (4, 20))
    assert (between >= low[..., None] - 1e-6).all() and (between <= high[..., None] + 1e-6).all()
    torch.testing.assert_close(curves[:, 10], (knots[:, 0] + knots[:, 1]) / 2)
    # Flat at a knot: of the way to the next one, 20 samples on, the first step covers (1 - cos(π / 20)) / 2.
    first_step = (1 - math.cos(math.pi / 20)) / 2
    torch.testing.assert_close(curves[:, 21] - knots[:, 1], first_step * (knots[:, 2] - knots[:, 1]), rtol=0, atol=1e-5)
    torch.testing.assert_close(curves[:, 19] - knots[:, 1], first_step * (knots[:, 0] - knots[:, 1]), rtol=0, atol=1e-5)


def test_default_strengths_draw_the_numbers_that_published_results_rest_on():
    windows = 5 * torch.sin(0.37 * torch.arange(140.0)).reshape(2, 10, 7)
    source = generator()
    std = torch.arange(1.0, 8.0)
    result = augment.augment(windows, AugmentConfig(), std, [[[0, 1, 2], [3, 4, 5]]], source)
    first = torch.tensor([2.994517, 0.144492, -0.598936, -3.870116, -1.528227, -5.391418, -5.017182])
    last = torch.tensor([2.881309, 0.173001, -0.666965, -2.963746, -3.091579, -6.355659, -5.757315])
    torch.testing.assert_close(result[0, 0], first, rtol=0, atol=1e-4)
    torch.testing.assert_close(result[1, 9], last, rtol=0, atol=1e-4)
    assert result.sum().item() == pytest.approx(-21.940186, abs=1e-3)
    assert torch.rand(1, generator=source).item() == pytest.approx(0.048770, abs=1e-6)  # and not a draw more
