"""Encoders of others: real TorchScript and ONNX files, hand-computed inputs, and what is refused."""

import dataclasses
import importlib.util
import re
import sys
import types
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from synthetic_windows import GRAVITY_MPS2, make_channels, make_split
from torch import nn

from feature_extraction.encoders.external import ADAPTERS, load_external, read_spec
from feature_extraction.encoders.external.spec import HARNET_SAMPLES
from feature_extraction.errors import InputError, LeakageError
from feature_extraction.signal import resample_by

DOCS = Path(__file__).resolve().parents[1] / "docs" / "encoders.md"
RATE_HZ = 25.0
XYZ = ["acc_x", "acc_y", "acc_z"]
ACC = make_channels(quantities=("acc",))


class MeanOverTime(nn.Module):
    """[B, T, C] to the mean of every channel."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return windows.mean(dim=1)


class MeanOfChannelsFirst(nn.Module):
    """[B, C, T] to the mean of every channel."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return windows.mean(dim=2)


class Extremes(nn.Module):
    """[B, T, C] to the first, middle and last sample of the first channel, and the number of samples."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        n_samples = windows.shape[1]
        first = windows[:, :, 0]
        count = torch.full_like(first[:, 0], float(n_samples))
        return torch.stack([first[:, 0], first[:, n_samples // 2], first[:, n_samples - 1], count], dim=1)


class SmallConvNet(nn.Module):
    """[B, C, T] to [B, 5, 1], as feature extractors of others often end."""

    def __init__(self, n_channels: int = 3) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(n_channels, 5, 7, 2)
        self.norm = nn.BatchNorm1d(5)
        self.pool = nn.AdaptiveAvgPool1d(1)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return self.pool(torch.relu(self.norm(self.convolution(windows))))


class LogOfMean(MeanOverTime):
    """NaN for negative means."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return torch.log(windows.mean(dim=1))


class TwoOutputs(nn.Module):
    def forward(self, windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return windows.mean(dim=1), windows


def conv_net(n_channels=3):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SmallConvNet(n_channels)
    network.norm.running_mean.add_(0.1)
    network.norm.running_var.mul_(2.0)
    return network.eval()


def describe(folder, remove=(), **changes):
    """Write a description of a TorchScript network of 50 samples at 25 Hz and return its path."""
    value = {
        "name": "test-net",
        "kind": "torchscript",
        "file": "net.pt",
        "rate_hz": RATE_HZ,
        "n_samples": 50,
        "channels": XYZ,
        "units": {"acc": "m/s2"},
        "layout": "BTC",
        "source": "https://example.org",
        "licence": "MIT",
        "citation": "Nobody (2025)",
        "provenance": [],
        **changes,
    }
    path = folder / "net.yaml"
    path.write_text(yaml.safe_dump({key: item for key, item in value.items() if key not in remove}))
    return path


def external(folder, network, **changes):
    """Script and save a network with its description, and load both."""
    torch.jit.script(network).save(str(folder / "net.pt"))
    return load_external(describe(folder, **changes))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 3, shape).astype(np.float32)


def test_every_kind_has_an_adapter():
    from typing import get_args

    from feature_extraction.encoders.external.spec import Kind

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
    class Peak(nn.Module):
        def forward(self, windows: torch.Tensor) -> torch.Tensor:
            return windows.amax(dim=1)

    source = "def forward(self, windows):\n    return windows.amax(dim=1)\n"
    module = torch.jit.ScriptModule()
    module.define(source)
    module.save(str(tmp_path / "net.pt"))
    windows = np.zeros((1, 100, 3), dtype=np.float32)
    windows[0, 0, 0], windows[0, 99, 1], windows[0, 50, 2] = 8, 6, 4
    averaged = load_external(describe(tmp_path)).encode(windows, ACC, RATE_HZ)
    np.testing.assert_allclose(averaged, [[4, 3, 2]])
    centred = load_external(describe(tmp_path, long_windows="centre")).encode(windows, ACC, RATE_HZ)
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
    np.testing.assert_allclose(features[[7, 299]], encoder.encode(windows[[7, 299]], ACC, RATE_HZ), rtol=1e-5, atol=1e-6)
    assert encoder.encode(windows[:0], ACC, RATE_HZ).shape == (0, 5)


def test_encoding_leaves_windows_as_they_are(tmp_path):
    class Overwriting(nn.Module):
        def forward(self, windows: torch.Tensor) -> torch.Tensor:
            return windows.mul_(2.0).mean(dim=1)

    windows = noise(2, 50, 3)
    windows.setflags(write=False)  # as memory-mapped windows are
    encoder = external(tmp_path, MeanOverTime())
    np.testing.assert_array_equal(encoder.encode(windows, ACC, RATE_HZ), encoder.encode(windows, ACC, RATE_HZ))


def test_key_names_weights_and_description(tmp_path):
    first, again = external(tmp_path, conv_net(), layout="BCT"), load_external(tmp_path / "net.yaml")
    assert first.key == again.key and len(first.key) == 16
    centred = load_external(describe(tmp_path, layout="BCT", long_windows="centre"))
    other = conv_net()
    with torch.no_grad():
        other.convolution.bias.add_(1.0)
    changed = external(tmp_path, other, layout="BCT")
    assert len({first.key, centred.key, changed.key}) == 3


def test_a_copy_of_the_module_can_be_trained(tmp_path):
    encoder = external(tmp_path, conv_net(), layout="BCT")
    windows = noise(4, 50, 3)
    before = encoder.encode(windows, ACC, RATE_HZ)
    module = encoder.module()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(torch.tensor(windows).transpose(1, 2)).square().sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(encoder.encode(windows, ACC, RATE_HZ), before)
    with torch.no_grad():
        after = module(torch.tensor(windows).transpose(1, 2))[..., 0].numpy()
    assert not np.allclose(after, before, atol=1e-3)


SEEN = {"dataset": "synthetic", "labelled": False, "classes": ["still", "slow"], "subjects": ["s1"]}


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


# Refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "keras"}, "'keras' is unknown; choose from torchscript, onnx"),
        ({"colour": "red"}, r"unknown keys \['colour'\]"),
        ({"architecture": "harnet5"}, r"kind torchscript.*unknown keys \['architecture'\]"),
        ({"name": "Test Net"}, "lower-case"),
        ({"layout": "TBC"}, "choose from BTC, BCT"),
        ({"rate_hz": 0}, "rate_hz: 0; give a positive number"),
        ({"rate_hz": "fast"}, "'fast'; give a positive number"),
        ({"window_s": 2.0}, "either window_s or n_samples"),
        ({"n_samples": 2.5}, "whole number"),
        ({"n_features": 0}, "n_features: 0"),
        ({"channels": []}, "list of different names"),
        ({"channels": ["acc_x", "acc_x"]}, "different"),
        ({"channels": ["mag_x"]}, "'mag_x'; write acc_x"),
        ({"channels": ["acc_x", "belt.acc_y"]}, "in front of every channel"),
        ({"channels": ["belt.acc_y"], "devices": ["belt"]}, "under `devices`"),
        ({"units": {"acc": "mph"}}, "'mph'; choose from g, m/s2"),
        ({"units": {}}, "give a unit for acc"),
        ({"units": {"acc": "g", "gyro": "deg/s"}}, "give a unit for acc,"),
        ({"provenance": "hapt"}, "list the data sets"),
        ({"provenance": [{"dataset": "hapt"}]}, r"missing keys \['labelled'\]"),
        ({"provenance": [{"dataset": "hapt", "labelled": "no"}]}, "true or false"),
        ({"provenance": [{"dataset": "USC_HAD", "labelled": True}]}, "write 'usc-had', not 'USC_HAD'"),
        ({"provenance": [SEEN | {"classes": []}]}, "classes"),
        ({"provenance": [{"dataset": "hapt", "labelled": True, "classes": ["walking"]}]}, "both classes and subjects"),
    ],
)
def test_wrong_descriptions(changes, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read_spec(describe(tmp_path, **changes))


@pytest.mark.parametrize("key", ["kind", "file", "provenance", "licence", "units", "layout"])
def test_missing_keys(key, tmp_path):
    with pytest.raises(InputError, match=key):
        read_spec(describe(tmp_path, remove=(key,)))


@pytest.mark.parametrize("text", ["name: [", "- a\n- b", "", "\x00"])
def test_damaged_descriptions(text, tmp_path):
    (tmp_path / "net.yaml").write_text(text)
    with pytest.raises(InputError, match="net.yaml"):
        load_external(tmp_path / "net.yaml")
    with pytest.raises(InputError, match="no such file"):
        load_external(tmp_path / "other.yaml")


def test_missing_and_damaged_files(tmp_path):
    path = describe(tmp_path)
    with pytest.raises(InputError, match=r"net\.pt: no such file; download it from https://example.org"):
        load_external(path)
    (tmp_path / "net.pt").write_bytes(b"not an archive")
    with pytest.raises(InputError, match=r"net\.pt: loading TorchScript failed.*torch\.jit\.save"):
        load_external(path)
    torch.save(conv_net().state_dict(), tmp_path / "net.pt")
    with pytest.raises(InputError, match="loading TorchScript failed"):
        load_external(path)
    (tmp_path / "net.pt2").write_bytes(b"")
    with pytest.raises(InputError, match="pickles"):
        load_external(describe(tmp_path, file="net.pt2"))


def test_windows_without_the_wanted_channels(tmp_path):
    encoder = external(tmp_path, MeanOverTime(), channels=["acc_x", "gyro_x"], units={"acc": "g", "gyro": "deg/s"})
    with pytest.raises(InputError, match=r"lack imu.gyro_x; they have imu.acc_x.*net.yaml"):
        encoder.encode(noise(2, 50, 3), ACC, RATE_HZ)
    elsewhere = external(tmp_path, MeanOverTime(), devices=["ankle"])
    with pytest.raises(InputError, match="lack ankle.acc_x, ankle.acc_y"):
        elsewhere.encode(noise(2, 50, 3), ACC, RATE_HZ)
    with pytest.raises(InputError, match=r"shape \(2, 50, 4\) do not fit 3 channels"):
        elsewhere.encode(noise(2, 50, 4), ACC, RATE_HZ)
    in_g = [dataclasses.replace(channel, unit="g") for channel in ACC]
    with pytest.raises(InputError, match=r"imu.acc_x is in 'g'.*to_si"):
        external(tmp_path, MeanOverTime()).encode(noise(2, 50, 3), in_g, RATE_HZ)


def test_values_that_are_not_finite_are_refused(tmp_path):
    encoder = external(tmp_path, LogOfMean())
    windows = np.full((300, 50, 3), 1.0, dtype=np.float32)
    assert np.allclose(encoder.encode(windows, ACC, RATE_HZ), 0.0)
    windows[270] = -1.0
    with pytest.raises(InputError, match=r"features of windows: 1 of 44 are not finite, first number 270"):
        encoder.encode(windows, ACC, RATE_HZ)
    windows[270] = np.nan
    with pytest.raises(InputError, match=r"windows: 1 of 44 are not finite, first number 270; repair"):
        encoder.encode(windows, ACC, RATE_HZ)


def test_outputs_of_another_shape_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"returned shape \(2, 3\), expected \(2, 7\)"):
        external(tmp_path, MeanOverTime(), n_features=7)
    assert external(tmp_path, MeanOverTime(), n_features=3).n_features == 3
    with pytest.raises(InputError, match=r"returned shape \(2, 50, 3\)"):
        external(tmp_path, nn.Identity())
    with pytest.raises(InputError, match="returns tuple"):
        external(tmp_path, TwoOutputs())


# ONNX


def export_onnx(folder, network, n_samples=50, dynamic=True, batch=2, shape=None):
    pytest.importorskip("onnx", reason="writing ONNX files needs the package onnx")
    pytest.importorskip("onnxruntime", reason="running ONNX files needs the package onnxruntime")
    example = torch.zeros(batch, *(shape or (3, n_samples)))
    axes = {"windows": {0: "batch"}, "features": {0: "batch"}} if dynamic else None
    torch.onnx.export(
        network,
        (example,),
        str(folder / "net.onnx"),
        dynamo=False,
        input_names=["windows"],
        output_names=["features"],
        dynamic_axes=axes,
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("dynamic", "batch"), [(True, 2), (False, 4), (False, 1)])
def test_onnx_gives_what_the_module_gives(dynamic, batch, tmp_path):
    network = conv_net()
    export_onnx(tmp_path, network, dynamic=dynamic, batch=batch)
    encoder = load_external(describe(tmp_path, kind="onnx", file="net.onnx", layout="BCT", units={"acc": "g"}))
    windows = noise(6, 50, 3)
    with torch.no_grad():
        expected = network(torch.tensor(windows / GRAVITY_MPS2).float().transpose(1, 2))[..., 0].numpy()
    np.testing.assert_allclose(encoder.encode(windows, ACC, RATE_HZ), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="'onnx' cannot be fine-tuned"):
        encoder.module()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx_files_that_do_not_fit(tmp_path):
    export_onnx(tmp_path, conv_net())
    with pytest.raises(InputError, match=r"takes \['batch', 3, 50\].*describes \[B, 3, 60\]"):
        load_external(describe(tmp_path, kind="onnx", file="net.onnx", layout="BCT", n_samples=60))
    with pytest.raises(InputError, match=r"describes \[B, 50, 3\] \(BTC\)"):
        load_external(describe(tmp_path, kind="onnx", file="net.onnx"))
    with pytest.raises(InputError, match=r"other\.onnx: no such file"):
        load_external(describe(tmp_path, kind="onnx", file="other.onnx"))
    (tmp_path / "net.onnx").write_bytes(b"not a graph")
    with pytest.raises(InputError, match=r"net\.onnx: loading ONNX failed"):
        load_external(describe(tmp_path, kind="onnx", file="net.onnx", layout="BCT"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx_files_with_two_outputs_are_refused(tmp_path):
    export_onnx(tmp_path, TwoOutputs(), shape=(50, 3), dynamic=False)
    with pytest.raises(InputError, match="one input and one output"):
        load_external(describe(tmp_path, kind="onnx", file="net.onnx"))
