import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from checkout import ROOT
from synthetic_windows import make_channels, make_windows

from feature_extraction.datasets.prepare import prepare
from feature_extraction.encoders.devices import find_devices
from feature_extraction.encoders.patch_transformer.device_readers import device_readers
from feature_extraction.encoders.patch_transformer.graph import PatchGraph
from feature_extraction.encoders.statistical.features import StatisticalFeatures, statistical_features
from feature_extraction.errors import InputError
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.protocol.split import find_split
from sadvae_har.__main__ import main
from sadvae_har.method.classifier import ClassDensities
from sadvae_har.recognition.onnx.export import compare, describe, export_onnx, motion_windows, open_session
from sadvae_har.recognition.onnx.graph import Directions, RecognizerGraph
from sadvae_har.recognition.recognizer import Recognizer

EXAMPLE = ROOT / "docs" / "examples" / "onnx_numpy.py"


@pytest.fixture(scope="module")
def recognizer(trained_recognizer_path) -> Recognizer:
    return Recognizer.load(trained_recognizer_path)


@pytest.fixture(scope="module")
def exported(recognizer, tmp_path_factory) -> Path:
    return export_onnx(recognizer, tmp_path_factory.mktemp("onnx") / "model.onnx")


@pytest.fixture(scope="module")
def test_windows(tmp_path_factory) -> tuple[np.ndarray, np.ndarray]:
    """Real windows of the test subjects, which the recogniser never saw, and their classes."""
    windows = prepare("watch", None, out=tmp_path_factory.mktemp("windows"))
    rows = np.isin(windows.subjects, find_split("watch", "random-1").test_subjects)
    return np.ascontiguousarray(windows.samples[rows]), windows.labels[rows]


@pytest.mark.parametrize(
    ("devices", "quantities", "n_samples", "rate_hz"),
    [
        (("imu",), ("acc", "gyro"), 250, 50.0),
        (("imu",), ("acc",), 50, 20.0),
        (("waist", "wrist", "ankle"), ("acc", "gyro"), 125, 25.0),
        (("imu",), ("acc", "gyro"), 187, 33.3),
    ],
)
def test_statistical_graph_gives_the_features_in_their_order(devices, quantities, n_samples, rate_hz):
    channels = make_channels(devices, quantities)
    generator = np.random.default_rng(0)
    time_s = np.arange(n_samples)[None, :, None] / rate_hz
    strength = 10 ** generator.uniform(-1, 1, (40, 1, len(channels)))
    phase = generator.uniform(0, 6, strength.shape)
    samples = strength * np.sin(2 * np.pi * generator.uniform(0.3, 3, (40, 1, 1)) * time_s + phase)
    samples = (samples + generator.normal(0, 0.1, samples.shape) + generator.normal(0, 6, strength.shape)).astype("f4")
    expected, names = statistical_features(samples, channels, rate_hz)
    graph = StatisticalFeatures(channels, n_samples, rate_hz, for_export=True)
    assert graph.names == names
    assert graph(torch.from_numpy(samples)).numpy() == pytest.approx(expected, abs=2e-3)


def test_statistical_graph_of_devices_with_and_without_gyroscope():
    channels = (*make_channels(("phone",), ("acc",)), *make_channels(("watch",)))
    samples = np.random.default_rng(1).normal(2, 3, (9, 100, 9)).astype(np.float32)
    expected, _ = statistical_features(samples, channels, 25.0)
    graph = StatisticalFeatures(channels, 100, 25.0, for_export=True)
    assert graph(torch.from_numpy(samples)).numpy() == pytest.approx(expected, abs=2e-3)


def test_statistical_graph_of_a_dead_sensor_is_finite_and_the_same():
    samples = np.zeros((2, 100, 6), dtype=np.float32)
    samples[1, :, 2] = 9.75
    expected, _ = statistical_features(samples, make_channels(), 25.0)
    found = StatisticalFeatures(make_channels(), 100, 25.0, for_export=True)(torch.from_numpy(samples)).numpy()
    assert found == pytest.approx(expected, abs=1e-4)


def test_patch_graph_gives_what_the_shipped_encoder_gives():
    checkpoint = PatchCheckpoint.load(ROOT / "resources" / "encoders" / "tiny")
    channels, generator = make_channels(("waist", "wrist")), torch.Generator().manual_seed(0)
    sentences = [
        torch.randn(6, checkpoint.encoder.config.text_dim, generator=generator) for _ in find_devices(channels)
    ]
    readers = device_readers(channels, sentences)
    samples = np.concatenate([make_windows(1, n_samples=130).samples] * 2, axis=2)
    expected = checkpoint.embed_devices(samples, np.arange(len(samples)), readers, 25.0)
    with torch.inference_mode():
        found = PatchGraph(checkpoint.encoder, readers, 130, 25.0)(torch.from_numpy(samples)).numpy()
    assert found == pytest.approx(expected, abs=1e-4)


def test_merged_densities_are_the_mean_of_all_models():
    generator = torch.Generator().manual_seed(0)
    samples = torch.randn(3, 5, 200, 8, generator=generator) * torch.rand(3, 5, 1, 8, generator=generator)
    parts = [ClassDensities.fit(entry, 0.1) for entry in samples.unbind(1)]
    densities = ClassDensities(*(torch.cat(part, dim=1) for part in zip(*parts, strict=True)))
    windows = torch.randn(20, 8, generator=generator) * 3
    mean = densities.logits(windows.expand(3, -1, -1)).mean(0)
    assert densities.merged().logits(windows[None])[0].numpy() == pytest.approx(mean.numpy(), abs=1e-3)


def test_file_agrees_with_the_recogniser_on_real_windows(recognizer, exported, test_windows):
    parity = compare(recognizer, exported, test_windows[0])
    assert parity.n_windows > 400
    assert parity.largest <= 1e-4
    assert parity.same_activity >= 0.999 and parity.same_unknown >= 0.999


def test_a_window_gets_the_same_result_alone_and_in_a_batch(exported, test_windows):
    session, windows = open_session(exported), test_windows[0][:40]
    together = session.run(None, {"windows": windows})
    alone = [session.run(None, {"windows": windows[k : k + 1]}) for k in range(40)]
    for position, values in enumerate(together):
        assert np.concatenate([part[position] for part in alone]) == pytest.approx(values, abs=1e-5)


@pytest.mark.parametrize("cues", [("text_margin",), ("energy", "novelty", "text_margin")])
@pytest.mark.parametrize("fusion", ["hard", "soft"])
def test_graph_follows_the_gate(recognizer, test_windows, cues, fusion):
    numbers = {"mean": (0.5,) * len(cues), "scale": (2.0,) * len(cues), "weights": (0.7,) * len(cues)}
    gate = replace(recognizer.model.gate, cues=cues, fusion=fusion, threshold=0.3, bias=0.4, **numbers)
    other = Recognizer(replace(recognizer.model, gate=gate))
    joint, activity = other.score(other.features(test_windows[0]))
    with torch.inference_mode():
        found = RecognizerGraph(other).eval()(torch.from_numpy(test_windows[0]))
    assert found.probabilities.numpy() == pytest.approx(other.model.calibration.probabilities(joint), abs=1e-4)
    assert np.mean(found.activity.numpy() == activity) >= 0.999
    assert len(np.unique(activity)) > 2


def test_without_described_activities_there_is_no_gate(recognizer, test_windows, tmp_path):
    trained = recognizer.copy()
    for entry in recognizer.activities:
        if not entry.seen:
            trained.remove_activity(entry.name)
    parity = compare(trained, export_onnx(trained, tmp_path / "trained.onnx"), test_windows[0])
    assert parity.largest <= 1e-4 and parity.same_activity >= 0.999 and parity.same_unknown >= 0.999


def test_mean_cosines_over_models():
    directions = torch.nn.functional.normalize(torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(1)), dim=-1)
    queries = directions[:, :2]
    expected = 10 * torch.stack([queries[k] @ directions[k].T for k in range(3)]).mean(0)
    found = Directions(directions)(2 * queries)
    assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    assert found.diagonal().numpy() == pytest.approx(10.0, abs=1e-5)


def test_file_says_all_that_a_device_needs_and_no_more(recognizer, exported):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(exported)
    onnx.checker.check_model(model, full_check=True)
    assert {entry.key for entry in model.metadata_props} == {"sadvae_har"}
    found = json.loads(model.metadata_props[0].value)
    assert found == json.loads(json.dumps(describe(recognizer)))
    assert [entry["name"] for entry in found["activities"]] == list(recognizer.names)
    assert [entry["seen"] for entry in found["activities"]] == [True] * 5 + [False] * 2
    assert [c["unit"] for c in found["channels"]] == ["m/s2"] * 3 + ["rad/s"] * 3
    assert (found["rate_hz"], found["window_samples"], found["stride_samples"]) == (50.0, 250, 125)
    assert not any(part.external_data for part in model.graph.initializer)
    assert str(ROOT).encode() not in exported.read_bytes()
    assert b"site-packages" not in exported.read_bytes()


def test_int8_is_smaller_and_nearly_as_good(recognizer, exported, test_windows, tmp_path):
    windows, labels = test_windows
    small = export_onnx(recognizer, tmp_path / "small.onnx", int8=True)
    names = np.array(recognizer.names)
    accuracy = [
        np.mean(names[open_session(path).run(["activity"], {"windows": windows})[0]] == labels)
        for path in (exported, small)
    ]
    assert small.stat().st_size < 0.95 * exported.stat().st_size
    assert accuracy[1] >= accuracy[0] - 0.02


def test_example_runs_without_this_project(recognizer, exported, test_windows, tmp_path):
    windows = test_windows[0][:1]
    header = ",".join(f"{c.quantity}_{c.axis}" for c in recognizer.channels)
    np.savetxt(tmp_path / "recording.csv", windows[0], delimiter=",", header=header, comments="")
    program = (
        "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__'); "
        "print(sorted({'torch', 'sadvae_har', 'feature_extraction', 'scipy'} & set(sys.modules)))"
    )
    command = [sys.executable, "-I", "-c", program, str(EXAMPLE), str(exported), "recording.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    line, imported = done.stdout.strip().splitlines()
    prediction = recognizer.predict(windows)
    start_s, label, probability = line.split("  ", 1)[0], *line.strip().split("  ", 1)[1].rsplit(maxsplit=1)
    assert (float(start_s or 0), label.strip()) == (0.0, prediction.labels[0])
    assert float(probability) == pytest.approx(prediction.probability[0], abs=1e-3)
    assert imported == "[]"


def test_command_writes_and_compares(trained_run, test_windows, tmp_path, capsys):
    recording, out = tmp_path / "recording.csv", tmp_path / "model.onnx"
    header = ",".join(
        f"{name}_{axis} [{unit}]" for name, unit in (("acc", "m/s2"), ("gyro", "rad/s")) for axis in "xyz"
    )
    np.savetxt(recording, test_windows[0][0], delimiter=",", header=header, comments="")
    assert main(["export", str(trained_run), "--out", str(out), "--check", str(recording)]) == 0
    printed = capsys.readouterr().out
    assert f"{out}, {out.stat().st_size / 1e6:.2f} MB" in printed
    assert "same activity 100.00%" in printed and "1 windows" in printed


@pytest.mark.parametrize(("model", "out"), [("absent", "model.onnx"), (None, "model.pt")])
def test_bad_arguments_are_one_line(model, out, trained_run, tmp_path, capsys):
    where = str(tmp_path / model) if model else str(trained_run)
    assert main(["export", where, "--out", str(tmp_path / out)]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ") and "\n" not in error and str(tmp_path) in error


def test_features_without_a_translation_are_named(recognizer):
    encoder = replace(recognizer.model.encoder, blocks=("statistical", "kinematic"))
    other = Recognizer(recognizer.model)
    other.model = replace(recognizer.model, encoder=encoder)
    with pytest.raises(InputError, match="'kinematic' cannot be exported"):
        RecognizerGraph(other)


def test_motion_windows_depend_on_the_seed_and_hold_gravity(recognizer):
    first, again, other = (motion_windows(recognizer.source, 30, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    still = first[np.argmin(first.std(1).max(1))]
    assert np.linalg.norm(still[:, :3].mean(0)) == pytest.approx(9.80665, abs=0.1)
