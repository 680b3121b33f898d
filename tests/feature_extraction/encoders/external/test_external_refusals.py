"""Encoders of others that cannot be used, and windows they cannot read: one line with the value and the remedy."""

import dataclasses

import numpy as np
import pytest
import torch
from external_networks import (
    ACC,
    RATE_HZ,
    SEEN,
    BatchStatistics,
    ByChance,
    LogOfMean,
    MeanOverTime,
    TwoOutputs,
    conv_net,
    describe,
    external,
    load_here,
    noise,
)
from torch import nn

from feature_extraction.encoders.external import read_spec
from feature_extraction.errors import InputError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "keras"}, "'keras' is unknown; choose from onnx, torchscript"),
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
        load_here(tmp_path / "net.yaml")
    with pytest.raises(InputError, match="no such file"):
        load_here(tmp_path / "other.yaml")


def test_missing_and_damaged_files(tmp_path):
    path = describe(tmp_path)
    with pytest.raises(InputError, match=r"net\.pt: no such file; download it from https://example.org"):
        load_here(path)
    (tmp_path / "net.pt").write_bytes(b"not an archive")
    with pytest.raises(InputError, match=r"net\.pt: loading TorchScript failed.*as ONNX"):
        load_here(path)
    torch.save(conv_net().state_dict(), tmp_path / "net.pt")
    with pytest.raises(InputError, match="loading TorchScript failed"):
        load_here(path)
    (tmp_path / "net.pt2").write_bytes(b"")
    with pytest.raises(InputError, match="pickles"):
        load_here(describe(tmp_path, file="net.pt2"))


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


@pytest.mark.parametrize(
    ("network", "problem"), [(ByChance(), "twice differ"), (BatchStatistics(), "alone differ from those among others")]
)
def test_features_that_depend_on_chance_or_on_other_windows_are_refused(network, problem, tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        with pytest.raises(InputError, match=f"features of a window {problem}; export .* in evaluation mode"):
            external(tmp_path, network)


def test_outputs_of_another_shape_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"returned shape \(2, 3\), expected \(2, 7\)"):
        external(tmp_path, MeanOverTime(), n_features=7)
    assert external(tmp_path, MeanOverTime(), n_features=3).n_features == 3
    with pytest.raises(InputError, match=r"returned shape \(2, 50, 3\)"):
        external(tmp_path, nn.Identity())
    with pytest.raises(InputError, match="returns tuple"):
        external(tmp_path, TwoOutputs())
