"""A recogniser of any device as an ONNX file for one of them: the same answers, with or without gyroscope."""

from pathlib import Path

import numpy as np
import pytest
import torch
from everyday_model import MOTIONS, NOT_RECORDED, felt, six_channels
from rounding import PROBABILITY, STRANGENESS

from feature_extraction.encoders.turn_free.graph import DeviceGraph
from feature_extraction.encoders.turn_free.statistics import turn_free_statistics
from feature_extraction.errors import InputError
from sadvae_har.__main__ import main
from sadvae_har.recognition.everyday.recognizer import EverydayRecognizer
from sadvae_har.recognition.onnx.device_graph import DeviceRecognizerGraph, Places
from sadvae_har.recognition.onnx.export import compare, export_onnx, motion_windows
from sadvae_har.recognition.recognizer import Recognizer

CHANNELS = six_channels("watch")
# Of still devices higher moments are of numbers of little size, see `test_onnx_export.py`: strangeness may be off more.
OF_STILL_DEVICES = 20 * STRANGENESS


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    """Return windows [n, T, 6] of all motions at all places, turned any way, and of made-up motion."""
    known = [felt(name, place, seed=k, turn=k) for k in range(3) for name in MOTIONS for place in ("wrist", "thigh")]
    return np.stack(known)


def of_one(everyday: EverydayRecognizer, with_gyro: bool, placement: str) -> EverydayRecognizer:
    return everyday.reading(CHANNELS if with_gyro else CHANNELS[:3], "", {"": placement} if placement else {})


@pytest.mark.parametrize("described", [False, True])
@pytest.mark.parametrize(("with_gyro", "placement"), [(True, ""), (False, ""), (True, "wrist"), (False, "head")])
def test_graph_agrees_with_the_recogniser(
    everyday: EverydayRecognizer, windows: np.ndarray, with_gyro: bool, placement: str, described: bool
) -> None:
    if described:
        everyday.add_activity(NOT_RECORDED)
    reader = of_one(everyday, with_gyro, placement)
    made_up = motion_windows(reader.source, 60)
    samples = np.concatenate([windows[..., : made_up.shape[2]], made_up])
    features = reader.features(samples)
    joint, activity = reader.score(features)
    with torch.inference_mode():
        found = DeviceRecognizerGraph(reader).eval()(torch.from_numpy(samples))
    expected = reader.model.calibration.probabilities(joint)
    assert found.probabilities.numpy() == pytest.approx(expected, abs=PROBABILITY)
    assert np.mean(found.activity.numpy() == activity) >= 0.99
    assert found.strangeness.numpy() == pytest.approx(reader.strangeness(features), abs=OF_STILL_DEVICES)
    assert len(np.unique(activity)) > 2


@pytest.mark.parametrize("with_gyro", [True, False])
def test_statistics_are_the_same(everyday: EverydayRecognizer, windows: np.ndarray, with_gyro: bool) -> None:
    model, settings = everyday.model, everyday.source.settings
    graph = DeviceGraph(model.networks, model.guess, with_gyro, settings.window_samples, settings.rate_hz)
    has_gyro = np.full(len(windows), with_gyro)
    expected = model.guess.fill(turn_free_statistics(windows, has_gyro, settings.rate_hz))
    with torch.inference_mode():
        found, embedded = graph.eval()(torch.from_numpy(windows[..., : 6 if with_gyro else 3]))
    assert found.numpy() == pytest.approx(expected, abs=2e-3, rel=1e-4)
    assert [e.shape for e in embedded] == [(len(windows), network.embedding_dim) for network in model.networks]


def test_file_agrees_with_the_recogniser(everyday: EverydayRecognizer, windows: np.ndarray, tmp_path: Path) -> None:
    everyday.add_activity(NOT_RECORDED)
    for with_gyro in (True, False):
        reader = of_one(everyday, with_gyro, "")
        path = export_onnx(reader, tmp_path / f"{with_gyro}.onnx")
        parity = compare(reader, path, np.ascontiguousarray(windows[..., : len(reader.channels)]))
        assert parity.largest <= PROBABILITY and parity.same_activity >= 0.99 and parity.same_unknown >= 0.99


def test_the_shipped_model_becomes_a_file(tmp_path: Path) -> None:
    reader = of_one(Recognizer.load("everyday"), False, "")
    assert isinstance(reader, EverydayRecognizer) and not reader.model.networks  # statistics alone
    made_up = motion_windows(reader.source, 60)
    assert compare(reader, export_onnx(reader, tmp_path / "phone.onnx"), made_up).same_activity >= 0.99


def test_log_sums_over_places() -> None:
    pairs = torch.tensor([[0.0, 1.0, 2.0]])
    found = Places(np.array([0, 2, 0]), 3)(pairs)[0]
    assert found[0] == pytest.approx(np.logaddexp(0.0, 2.0)) and found[2] == pytest.approx(1.0) and found[1] < -1e29


def test_several_devices_are_no_file(everyday: EverydayRecognizer, tmp_path: Path) -> None:
    both = everyday.reading([*CHANNELS, *six_channels("phone")])
    with pytest.raises(InputError, match=r"reads one device, this recogniser 2 \(watch, phone\)"):
        export_onnx(both, tmp_path / "model.onnx")


def test_command_writes_and_compares(
    everyday_model_path: Path, trained_recognizer_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["export", str(everyday_model_path), "--out", str(tmp_path / "model.onnx")]
    assert main([*words, "--no-gyroscope", "--placement", "wrist"]) == 0
    assert "input       windows [n, 100, 3], 20 Hz" in capsys.readouterr().out
    assert main([*words, "--placement", "mars"]) == 2 and "'mars' is unknown" in capsys.readouterr().err
    words[1] = str(trained_recognizer_path)
    assert main([*words, "--placement", "wrist"]) == 2
    assert "--placement: watch/random-1, seed 0 reads the devices" in capsys.readouterr().err
