"""Statistical features of synthetic motion with known frequency, gravity and unit."""

import numpy as np
import pytest
import torch
from scipy.stats import special_ortho_group
from synthetic_windows import GRAVITY_MPS2, RATE_HZ, make_channels, sine_window

from feature_extraction.encoders.spectrum import Spectrum
from feature_extraction.encoders.statistical.features import statistical_features
from feature_extraction.encoders.statistical.signals import ACC_NOISE_MPS2
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel


def describe(windows, channels=None, rate_hz=RATE_HZ):
    features, names = statistical_features(np.asarray(windows), channels or make_channels(), rate_hz)
    assert features.shape == (len(windows), len(names)) and len(set(names)) == len(names)
    assert features.dtype == np.float32
    return {name: features[:, k] for k, name in enumerate(names)}


def test_gravity_along_z_gives_the_unit_vector_and_its_size():
    values = describe([sine_window(2.0)])
    gravity = [values[f"imu.gravity_{axis}"][0] for axis in "xyz"]
    np.testing.assert_allclose(gravity, [0, 0, 1], atol=1e-5)
    np.testing.assert_allclose(values["imu.gravity_mps2"], GRAVITY_MPS2, rtol=1e-3)
    np.testing.assert_allclose(values["imu.gravity_turn_rad"], 0, atol=1e-3)


@pytest.mark.parametrize("frequency_hz", [0.8, 1.0, 2.0, 3.3])
def test_a_sine_shows_its_frequency(frequency_hz):
    values = describe([sine_window(frequency_hz)])
    for name in ("imu.acc_dominant_hz", "imu.gyro_dominant_hz"):
        np.testing.assert_allclose(values[name], frequency_hz, atol=0.06)
    np.testing.assert_allclose(values["imu.vertical_repetition_hz"], frequency_hz, rtol=0.08)
    assert values["imu.acc_dominant_share"][0] > 0.9
    assert values["imu.vertical_periodicity"][0] > 0.8


def test_frequency_does_not_depend_on_the_sampling_rate():
    slow, fast = sine_window(2.0, n_samples=125), sine_window(1.0, n_samples=250)
    name = "imu.acc_dominant_hz"
    np.testing.assert_allclose(describe([slow], rate_hz=25.0)[name], 2.0, atol=0.05)
    np.testing.assert_allclose(describe([fast], rate_hz=50.0)[name], 2.0, atol=0.05)


def test_std_of_a_sine_is_its_amplitude_over_root_two():
    values = describe([sine_window(2.0, amplitude=3.0)])
    expected = np.log1p(3 / np.sqrt(2) / ACC_NOISE_MPS2)
    np.testing.assert_allclose(values["imu.vertical_std"], expected, rtol=1e-3)
    np.testing.assert_allclose(values["imu.acc_std"], expected, rtol=1e-3)
    np.testing.assert_allclose(values["imu.acc_x_std"], 0, atol=1e-3)


def test_power_lies_in_the_band_of_the_frequency_and_sums_to_the_variance():
    values = describe([sine_window(2.0)])
    bands = {name: v[0] for name, v in values.items() if name.startswith("imu.acc_power_")}
    assert max(bands, key=bands.get) == "imu.acc_power_1.8_2.5_hz"
    swing = sine_window(2.0)[:, 2] - sine_window(2.0)[:, 2].mean()
    np.testing.assert_allclose(Spectrum(125, RATE_HZ).power(torch.from_numpy(swing)).sum(), swing.var(), rtol=0.05)


def test_turning_the_device_leaves_magnitude_vertical_and_spectral_features_unchanged():
    generator = np.random.default_rng(0)
    windows = np.stack([sine_window(f, phase=f) for f in (0.7, 2.0, 3.1)])
    windows += generator.normal(0, 0.3, windows.shape).astype(np.float32)
    rotation = special_ortho_group.rvs(3, random_state=generator).astype(np.float32)
    turned = np.concatenate([windows[..., :3] @ rotation.T, windows[..., 3:] @ rotation.T], axis=-1)
    before, after = describe(windows), describe(turned)
    per_axis = (
        "acc_x",
        "acc_y",
        "acc_z",
        "gyro_x",
        "gyro_y",
        "gyro_z",
        "gravity_x",
        "gravity_y",
        "gravity_z",
    )
    checked = [name for name in before if not name.split(".")[1].startswith(per_axis)]
    assert len(checked) > 50
    for name in checked:
        np.testing.assert_allclose(after[name], before[name], rtol=1e-2, atol=1e-2, err_msg=name)


def test_upside_down_is_seen():
    windows = np.stack([sine_window(2.0), sine_window(2.0) * np.float32(-1)])
    np.testing.assert_allclose(describe(windows)["imu.gravity_z"], [1, -1], atol=1e-5)


def test_turning_about_the_vertical_is_told_from_tilting():
    turning, tilting = np.zeros((2, 125, 6), dtype=np.float32)
    turning[:, 2] = tilting[:, 2] = GRAVITY_MPS2
    turning[:, 5], tilting[:, 4] = 1.0, 1.0
    share = describe([turning, tilting])["imu.turning_share"]
    assert share[0] > 0.9 and share[1] < 0.01


def test_constant_and_zero_windows_give_finite_quiet_features():
    still = sine_window(0.0, amplitude=0.0)
    values = describe([still, np.zeros_like(still)])
    for name in (
        "imu.acc_dominant_hz",
        "imu.acc_periodicity",
        "imu.acc_peaks_hz",
        "imu.gyro_std",
        "imu.acc_kurtosis",
    ):
        np.testing.assert_allclose(values[name], 0, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("n_samples", [8, 20, 64, 251])
def test_any_window_length_works(n_samples):
    assert all(np.isfinite(v).all() for v in describe([sine_window(2.0, n_samples=n_samples)]).values())


def test_windows_of_seven_samples_are_refused():
    with pytest.raises(InputError, match="windows of 7 samples: need at least 8; use a longer window_s"):
        describe([sine_window(2.0, n_samples=7)])


def test_a_flat_peak_counts_once():
    window = np.zeros((125, 6), dtype=np.float32)
    window[:, 2] = GRAVITY_MPS2
    window[[20, 21, 60, 61, 62, 100], 2] = 3 * GRAVITY_MPS2
    # Two samples, three and one are three peaks in 5 s.
    np.testing.assert_allclose(describe([window])["imu.acc_peaks_hz"], np.sqrt(3 / 5), rtol=1e-5)


def test_units_other_than_si_are_refused():
    channels = tuple(Channel("imu", "acc", axis, "g") for axis in "xyz")
    with pytest.raises(InputError, match=r"imu\.acc_x.*'g'.*m/s2"):
        statistical_features(np.zeros((2, 50, 3), dtype=np.float32), channels, RATE_HZ)


def test_a_signal_left_in_g_shows_in_the_size_of_gravity():
    in_g = sine_window(2.0)[:, :3] / GRAVITY_MPS2
    channels = make_channels(quantities=("acc",))
    np.testing.assert_allclose(describe([in_g], channels)["imu.gravity_mps2"], 1.0, atol=0.01)


def test_incomplete_sensors_and_bad_samples_are_refused():
    with pytest.raises(InputError, match="lacks axis z"):
        statistical_features(np.zeros((2, 50, 2)), make_channels(quantities=("acc",))[:2], RATE_HZ)
    with pytest.raises(InputError, match="do not fit 6 channels"):
        statistical_features(np.zeros((2, 50, 3)), make_channels(), RATE_HZ)
    window = sine_window(2.0)
    window[3, 1] = np.nan
    with pytest.raises(InputError, match="window 1: samples are not finite"):
        statistical_features(np.stack([sine_window(2.0), window]), make_channels(), RATE_HZ)


def test_several_devices_add_likeness_and_relative_intensity():
    moving, still = sine_window(2.0), sine_window(0.0, amplitude=0.0)
    channels = make_channels(devices=("left", "right", "torso"))
    values = describe([np.concatenate([moving, moving, still], axis=1)], channels)
    assert values["left~right.acc_correlation"][0] > 0.98
    assert abs(values["left~torso.acc_correlation"][0]) < 0.01
    assert values["left.acc_relative_intensity"][0] > 0 > values["torso.acc_relative_intensity"][0]


def test_devices_may_differ_in_sensors_and_magnetometers_are_passed_over():
    channels = make_channels(devices=("watch",)) + make_channels(devices=("phone",), quantities=("acc",))
    channels += tuple(Channel("phone", "mag", axis, "normalised") for axis in "xyz")
    window = np.concatenate([sine_window(2.0), sine_window(1.0)[:, :3], np.ones((125, 3), np.float32)], axis=1)
    names = describe([window], channels)
    assert "watch.gyro_std" in names and "phone.gyro_std" not in names and not any("mag_" in n for n in names)


def test_many_windows_give_what_single_windows_give():
    windows = np.stack([sine_window(f) for f in np.linspace(0.5, 4, 300)])
    together = statistical_features(windows, make_channels(), RATE_HZ)[0]
    alone = statistical_features(windows[290:291], make_channels(), RATE_HZ)[0]
    np.testing.assert_allclose(together[290:291], alone, rtol=1e-4, atol=1e-4)
