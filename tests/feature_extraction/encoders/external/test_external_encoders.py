"""Encoders of others: what the network sees, how long windows are cut, what names the features."""

import re
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
import torch
from checkout import ROOT
from external_networks import (
    ACC,
    RATE_HZ,
    SEEN,
    Extremes,
    MeanOfChannelsFirst,
    MeanOverTime,
    Overwriting,
    Peak,
    conv_net,
    describe,
    external,
    load_here,
    noise,
)
from synthetic_windows import GRAVITY_MPS2, make_channels, make_split

from feature_extraction.encoders.external import ADAPTERS, read_spec
from feature_extraction.encoders.external.spec import Kind
from feature_extraction.errors import InputError, LeakageError
from feature_extraction.recordings.signal import resample_by

DOCS = ROOT / "docs" / "encoders.md"


def test_every_kind_has_an_adapter():
    assert set(ADAPTERS) == set(get_args(Kind))


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL))
def test_every_description_in_the_documentation_is_read(example, tmp_path):
    (tmp_path / "example.yaml").write_text(example)
    spec = read_spec(tmp_path / "example.yaml")
    assert spec.file.parent.is_relative_to(tmp_path) and spec.n_samples == round(spec.window_s * spec.rate_hz)


# What the network sees


@pytest.mark.parametrize(("unit", "seen"), [("g", 1.0), ("m/s2", GRAVITY_MPS2)])
def test_one_g_arrives_in_the_unit_of_the_network(unit, seen, tmp_path):
    encoder = external(tmp_path, MeanOverTime(), units={"acc": unit})
    windows = np.zeros((2, 50, 3), dtype=np.float32)
    windows[..., 2] = GRAVITY_MPS2
    np.testing.assert_allclose(encoder.encode(windows, ACC, RATE_HZ), [[0, 0, seen]] * 2, rtol=1e-6)


@pytest.mark.parametrize(("unit", "seen"), [("deg/s", 180.0), ("rad/s", np.pi)])
def test_half_a_turn_per_second_arrives_in_the_unit_of_the_network(unit, seen, tmp_path):
    units = {"acc": "g", "gyro": unit}
    encoder = external(tmp_path, MeanOverTime(), units=units, channels=["gyro_y", "acc_x"])
    windows = np.zeros((1, 50, 6), dtype=np.float32)
    windows[..., 4], windows[..., 0] = np.pi, -2 * GRAVITY_MPS2
    np.testing.assert_allclose(encoder.encode(windows, make_channels(), RATE_HZ), [[seen, -2.0]], rtol=1e-6)


def test_channels_first(tmp_path):
    windows = noise(3, 50, 3)
    encoder = external(tmp_path, MeanOfChannelsFirst(), layout="BCT")
    np.testing.assert_allclose(encoder.encode(windows, ACC, RATE_HZ), windows.mean(axis=1), atol=1e-5)
    assert encoder.n_features == 3


def test_the_wrong_layout_is_noticed_where_the_network_cannot_read_it(tmp_path):
    with pytest.raises(InputError, match=r"test-net: running it on \(2, 50, 3\).*3 channels, but got 50"):
        external(tmp_path, conv_net(), layout="BTC")


def test_same_as_the_module_on_windows_resampled_by_hand(tmp_path):
    network = conv_net()
    encoder = external(tmp_path, network, layout="BCT", rate_hz=30, n_samples=150, units={"acc": "g"})
    windows = noise(4, 125, 3)
    by_hand = np.stack([resample_by(window, Fraction(30, 25)) for window in windows]) / GRAVITY_MPS2
    assert by_hand.shape == (4, 150, 3)
    with torch.no_grad():
        expected = network(torch.tensor(by_hand).float().transpose(1, 2))[..., 0].numpy()
    features = encoder.encode(windows, ACC, RATE_HZ)
    assert features.dtype == np.float32 and features.shape == (4, 5)
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-6)


def test_devices_are_embedded_alone_and_concatenated(tmp_path):
    channels = make_channels(("wrist", "belt"))
    windows = noise(2, 50, 12)
    wrist, belt = windows[..., 0:3].mean(axis=1), windows[..., 6:9].mean(axis=1)
    every = external(tmp_path, MeanOverTime())
    np.testing.assert_allclose(every.encode(windows, channels, RATE_HZ), np.hstack([wrist, belt]), atol=1e-5)
    assert every.n_features == 3
    turned = external(tmp_path, MeanOverTime(), devices=["belt", "wrist"])
    np.testing.assert_allclose(turned.encode(windows, channels, RATE_HZ), np.hstack([belt, wrist]), atol=1e-5)
    one = external(tmp_path, MeanOverTime(), devices=["belt"])
    np.testing.assert_allclose(one.encode(windows, channels, RATE_HZ), belt, atol=1e-5)


def test_channels_of_several_devices_make_one_input(tmp_path):
    channels = make_channels(("left wrist", "belt"))
    windows = noise(2, 50, 12)
    encoder = external(tmp_path, MeanOverTime(), channels=["belt.acc_z", "left wrist.acc_x"])
    np.testing.assert_allclose(encoder.encode(windows, channels, RATE_HZ), windows[..., [8, 0]].mean(1), atol=1e-5)


# Length of windows


def ramp(n_samples):
    """Return one window whose first channel counts samples."""
    windows = np.zeros((1, n_samples, 3), dtype=np.float32)
    windows[0, :, 0] = np.arange(n_samples)
    return windows


@pytest.mark.parametrize(
    ("n_samples", "rule", "expected"),
    [
        (50, "average", [0, 25, 49, 50]),
        (51, "average", [0, 25, 49, 50]),  # one sample too many, as rounding leaves it, makes no second piece
        (100, "average", [25, 50, 74, 50]),  # pieces from 0 and 50
        (80, "average", [15, 40, 64, 50]),  # pieces from 0 and 30, overlapping
        (150, "average", [50, 75, 99, 50]),  # pieces from 0, 50 and 100
        (80, "centre", [15, 40, 64, 50]),
        (150, "centre", [50, 75, 99, 50]),
    ],
)
def test_longer_windows(n_samples, rule, expected, tmp_path):
    encoder = external(tmp_path, Extremes(), long_windows=rule)
    np.testing.assert_allclose(encoder.encode(ramp(n_samples), ACC, RATE_HZ), [expected], atol=1e-5)


def test_pieces_reach_both_ends_and_are_averaged_after_the_network(tmp_path):
    windows = np.zeros((1, 100, 3), dtype=np.float32)
    windows[0, 0, 0], windows[0, 99, 1], windows[0, 50, 2] = 8, 6, 4
    averaged = external(tmp_path, Peak()).encode(windows, ACC, RATE_HZ)
    np.testing.assert_allclose(averaged, [[4, 3, 2]])
    centred = load_here(describe(tmp_path, long_windows="centre")).encode(windows, ACC, RATE_HZ)
    np.testing.assert_allclose(centred, [[0, 0, 4]])


def test_shorter_windows_are_refused_unless_padding_is_asked_for(tmp_path):
    with pytest.raises(InputError, match=r"1\.6 s are shorter than the 2 s.*short_windows: pad"):
        external(tmp_path, Extremes()).encode(ramp(40), ACC, RATE_HZ)
    padded = external(tmp_path, Extremes(), short_windows="pad").encode(ramp(40) + 1, ACC, RATE_HZ)
    np.testing.assert_allclose(padded, [[1, 21, 40, 50]])  # five copies in front, five behind


# Batches, identity, provenance


def test_rows_do_not_depend_on_the_batch(tmp_path):
    encoder = external(tmp_path, conv_net(), layout="BCT")
    windows = noise(300, 75, 3)  # two pieces each, more than two batches
    features = encoder.encode(windows, ACC, RATE_HZ)
    np.testing.assert_allclose(
        features[[7, 299]], encoder.encode(windows[[7, 299]], ACC, RATE_HZ), rtol=1e-5, atol=1e-6
    )
    assert encoder.encode(windows[:0], ACC, RATE_HZ).shape == (0, 5)


def test_encoding_leaves_windows_as_they_are(tmp_path):
    windows = noise(2, 50, 3)
    windows.setflags(write=False)  # as memory-mapped windows are
    before = windows.copy()
    features = external(tmp_path, Overwriting()).encode(windows, ACC, RATE_HZ)
    np.testing.assert_allclose(features, 2 * windows.mean(axis=1), atol=1e-5)
    np.testing.assert_array_equal(windows, before)


def test_key_names_weights_and_description(tmp_path):
    first, again = external(tmp_path, conv_net(), layout="BCT"), load_here(tmp_path / "net.yaml")
    assert first.key == again.key and len(first.key) == 16
    centred = load_here(describe(tmp_path, layout="BCT", long_windows="centre"))
    other = conv_net()
    with torch.no_grad():
        other.convolution.bias.add_(1.0)
    changed = external(tmp_path, other, layout="BCT")
    assert len({first.key, centred.key, changed.key}) == 3


@pytest.mark.parametrize(
    ("entry", "leaks"),
    [
        (SEEN, False),
        (SEEN | {"classes": ["still", "fast"]}, True),
        (SEEN | {"subjects": ["s4"]}, True),
        ({"dataset": "synthetic", "labelled": False}, True),
        ({"dataset": "uk-biobank", "labelled": False}, False),
    ],
)
def test_provenance_meets_the_split(entry, leaks, tmp_path):
    provenance = external(tmp_path, MeanOverTime(), provenance=[entry]).provenance
    if not leaks:
        make_split().check_provenance(provenance, "test-net")
        return
    with pytest.raises(LeakageError):
        make_split().check_provenance(provenance, "test-net")
