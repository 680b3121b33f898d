from fractions import Fraction

import numpy as np
import pytest

from feature_extraction.errors import InputError
from feature_extraction.recordings import signal
from feature_extraction.recordings.recording import Channel, Recording, three_axes


def one_channel(values, rate_hz, unit="m/s2", quantity="acc"):
    channel = Channel("imu", quantity, "x", unit)
    return Recording(np.asarray(values, dtype=float)[:, None], (channel,), rate_hz, "tiny", "r1", "1", "walking")


def sine(frequency_hz, rate_hz, seconds=10.0):
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def peak_hz(values, rate_hz):
    values = values - values.mean()
    spectrum = np.abs(np.fft.rfft(values * np.hanning(len(values)), 1 << 14))
    return spectrum.argmax() * rate_hz / (1 << 14)


@pytest.mark.parametrize(
    ("quantity", "unit", "value", "expected", "si_unit"),
    [
        ("acc", "g", 1.0, 9.80665, "m/s2"),
        ("acc", "mg", 500.0, 4.903325, "m/s2"),
        ("acc", "m/s2", 3.0, 3.0, "m/s2"),
        ("gyro", "deg/s", 180.0, np.pi, "rad/s"),
        ("gyro", "mdps", 90_000.0, np.pi / 2, "rad/s"),
        ("gyro", "rad/s", 2.0, 2.0, "rad/s"),
        ("mag", "gauss", 0.5, 50.0, "uT"),
        ("mag", "normalised", 0.5, 0.5, "normalised"),
        ("acc", "1/64 g", 64.0, 9.80665, "m/s2"),
        ("acc", "g/64", -64.0, -9.80665, "m/s2"),
        ("acc", "g / 16384", 8192.0, 4.903325, "m/s2"),
        ("acc", "0.061 mg", 1000.0, 0.061 * 9.80665, "m/s2"),
        ("acc", "0.01 m/s²", 981.0, 9.81, "m/s2"),
        ("acc", "256 counts/g", 256.0, 9.80665, "m/s2"),
        ("acc", "16384 LSB/g", 16384.0, 9.80665, "m/s2"),
        ("acc", "1e-3 m/s^2", 500.0, 0.5, "m/s2"),
        ("gyro", "16.4 LSB/(deg/s)", 16.4 * 180, np.pi, "rad/s"),
        ("gyro", "1/16.4 °/s", 16.4 * 180, np.pi, "rad/s"),
        ("gyro", "8.75 mdps", 90_000 / 8.75, np.pi / 2, "rad/s"),
        ("mag", "0.15 uT", 100.0, 15.0, "uT"),
    ],
)
def test_units_become_si(quantity, unit, value, expected, si_unit):
    converted = signal.to_si(one_channel([value, value], 50.0, unit, quantity))
    np.testing.assert_allclose(converted.samples, expected, rtol=1e-6)
    assert converted.channels[0].unit == si_unit


@pytest.mark.parametrize(
    "unit", ["0 g", "g/0", "1/0 g", "64", "1/64", "64 furlong", "-1 g", "1e400 g", "counts/g", "g/g", ""]
)
def test_a_scale_of_nothing_is_no_unit(unit):
    with pytest.raises(InputError, match="is unknown; use one of .*also with a scale"):
        signal.to_si(one_channel([1.0], 50.0, unit))


def test_unknown_unit_lists_the_known_ones():
    with pytest.raises(InputError, match=r"imu.acc_x: unit 'furlong' is unknown; use one of m/s2, .*g, mg"):
        signal.to_si(one_channel([1.0], 50.0, "furlong"))


@pytest.mark.parametrize(("rate_hz", "new_rate_hz"), [(100.0, 50.0), (25.0, 50.0), (100.0, 32.0), (20.0, 50.0)])
def test_two_hertz_stays_two_hertz(rate_hz, new_rate_hz):
    resampled = signal.resample(one_channel(sine(2.0, rate_hz), rate_hz), new_rate_hz)
    values = resampled.samples[:, 0]
    assert len(values) == 10 * new_rate_hz
    assert resampled.rate_hz == new_rate_hz
    assert peak_hz(values, new_rate_hz) == pytest.approx(2.0, abs=0.01)
    middle = slice(round(2 * new_rate_hz), round(8 * new_rate_hz))
    np.testing.assert_allclose(values[middle], sine(2.0, new_rate_hz)[middle], atol=0.01)


def test_content_above_the_new_nyquist_frequency_is_removed():
    values = sine(40.0, 100.0)
    resampled = signal.resample(one_channel(values, 100.0), 50.0).samples[25:-25, 0]
    assert np.abs(resampled).max() < 0.01
    assert peak_hz(values[::2], 50.0) == pytest.approx(10.0, abs=0.1)  # what taking every second sample would do


def test_gravity_stays_gravity_up_to_the_ends():
    resampled = signal.resample(one_channel(np.full(500, 9.80665), 100.0), 50.0)
    np.testing.assert_allclose(resampled.samples, 9.80665, rtol=1e-5)


def test_same_rate_changes_nothing():
    values = np.random.default_rng(0).normal(size=100)
    np.testing.assert_array_equal(signal.resample(one_channel(values, 50.0), 50.0).samples[:, 0], values.astype("f4"))


@pytest.mark.parametrize("new_rate_hz", [25.0, 50.0, 200.0])
def test_one_sample_stays_one_sample(new_rate_hz):
    resampled = signal.resample(one_channel([3.25], 50.0), new_rate_hz)
    assert resampled.samples.tolist() == [[3.25]] and resampled.rate_hz == new_rate_hz


def test_rates_become_a_ratio_of_whole_numbers():
    assert signal.rate_ratio(100.0, 32.0) == Fraction(8, 25)
    assert float(signal.rate_ratio(49.9713, 50.0)) == pytest.approx(50 / 49.9713, rel=1e-6)
    with pytest.raises(InputError, match="0.001 Hz and 50.0 Hz are not in a ratio of whole numbers"):
        signal.rate_ratio(0.001, 50.0)


def test_short_gaps_are_interpolated_and_long_ones_split():
    values = np.arange(20.0)[:, None] * [1.0, -2.0]
    expected = values.copy()
    values[3:5] = np.nan
    values[10:15, 1] = np.nan
    pieces = signal.fill_short_gaps(values, rate_hz=10.0, max_gap_s=0.2)
    assert [(first, len(piece)) for first, piece in pieces] == [(0, 10), (15, 5)]
    for first, piece in pieces:
        np.testing.assert_allclose(piece, expected[first : first + len(piece)])


def test_gap_of_exactly_the_limit_is_filled_and_ends_are_cut():
    values = np.arange(10.0)[:, None].copy()
    values[[0, 4, 5, 9]] = np.nan
    assert [(f, len(p)) for f, p in signal.fill_short_gaps(values, 10.0, 0.2)] == [(1, 8)]
    assert [(f, len(p)) for f, p in signal.fill_short_gaps(values, 10.0, 0.1)] == [(1, 3), (6, 3)]
    assert signal.fill_short_gaps(np.full((5, 1), np.nan), 10.0, 1.0) == []


def test_every_channel_of_a_device_is_converted():
    channels = three_axes("imu", "acc", "g") + three_axes("imu", "gyro", "deg/s")
    recording = Recording(np.ones((4, 6)), channels, 50.0, "tiny", "r1", "1", "walking")
    np.testing.assert_allclose(signal.to_si(recording).samples[0], [9.80665] * 3 + [np.pi / 180] * 3, rtol=1e-6)
