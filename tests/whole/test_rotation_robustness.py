"""Turned windows keep what a rotation keeps; turned by nothing they are classified as before."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from checkout import ROOT
from pooled_problem import SMALL, make_dataset
from synthetic_problem import TINY, make_table, tiny_problem
from synthetic_windows import make_channels

from feature_extraction.descriptions.embeddings import DEFAULT_TEXT_MODEL
from feature_extraction.encoders.patch_transformer.network import PatchTransformer
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.recordings.recording import Channel
from feature_extraction.storage.places import TEXT_CACHE
from sadvae_har.experiment import stages as experiment
from sadvae_har.experiment.run_folder import RunFolder

PATH = ROOT / "benchmarks" / "rotation_robustness.py"


@pytest.fixture(scope="module")
def rotation() -> ModuleType:
    spec = importlib.util.spec_from_file_location(PATH.stem, PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw(channels: tuple[Channel, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 20, len(channels))).astype(np.float32)


def test_lengths_and_angles_between_sensors_are_kept(rotation: ModuleType) -> None:
    channels = make_channels(("wrist", "hip"))
    samples = draw(channels)
    turned = rotation.turn_sensors(samples, channels, rotation.draw_rotation(0))
    before, after = (values.reshape(3, 20, 4, 3).astype(np.float64) for values in (samples, turned))
    assert np.abs(after - before).mean() > 0.3
    products = [np.einsum("ntsa,ntra->ntsr", values, values) for values in (before, after)]
    np.testing.assert_allclose(products[1], products[0], atol=1e-5)  # each vector with each, itself included
    handedness = [np.linalg.det(values[:, :, :3]) for values in (before, after)]
    np.testing.assert_allclose(handedness[1], handedness[0], atol=1e-5)


def test_a_quarter_turn_about_z_takes_x_to_y_for_both_sensors(rotation: ModuleType) -> None:
    samples = np.arange(6, dtype=np.float32)[None, None]
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32)
    assert rotation.turn_sensors(samples, make_channels(), quarter).ravel().tolist() == [-1, 0, 2, -4, 3, 5]


def test_what_is_no_motion_sensor_stays_and_the_input_is_not_changed(rotation: ModuleType) -> None:
    channels = (Channel("imu", "mag", "x", "uT"), *make_channels(quantities=("acc",)))
    samples = draw(channels)
    copy = samples.copy()
    turned = rotation.turn_sensors(samples, channels, rotation.draw_rotation(1))
    assert np.array_equal(turned[..., 0], samples[..., 0]) and np.array_equal(samples, copy)
    assert not np.allclose(turned[..., 1:], samples[..., 1:])


def test_seeds_are_rotations_of_their_own(rotation: ModuleType) -> None:
    first, again, other = (rotation.draw_rotation(seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.allclose(first, other)
    assert np.linalg.det(first) == pytest.approx(1, abs=1e-5)


def test_turned_by_nothing_every_window_is_described_as_before(rotation: ModuleType, tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = PatchTransformer(SMALL.encoder).eval()
    folder = tmp_path / "random"
    PatchCheckpoint(encoder, (), (), DEFAULT_TEXT_MODEL, "random", {}).save(folder)
    windows = make_dataset("hapt")
    blocks = rotation.describers(windows, [folder], TEXT_CACHE)
    assert list(blocks) == ["statistical", "random"]
    for describe in blocks.values():
        plain = describe(windows.samples, windows.placements)
        same, turned = (
            describe(rotation.turn_sensors(windows.samples, windows.channels, by), windows.placements)
            for by in (np.eye(3, dtype=np.float32), rotation.draw_rotation(0))
        )
        np.testing.assert_array_equal(same, plain)
        assert not np.allclose(turned, plain, atol=1e-3)


def test_the_same_features_give_the_same_predictions_and_others_do_not(rotation: ModuleType, tmp_path: Path) -> None:
    problem, table = tiny_problem(), make_table()
    fitted = experiment.train_zsl(problem, TINY, RunFolder(tmp_path))
    rows, plain = experiment.predict_unseen(problem, TINY, fitted)
    same = rotation.with_test_features(problem, rows, table.features[rows])
    np.testing.assert_array_equal(experiment.predict_unseen(same, TINY, fitted)[1], plain)
    shuffled = rotation.with_test_features(problem, rows, table.features[rows[::-1]])
    np.testing.assert_array_equal(experiment.predict_unseen(shuffled, TINY, fitted)[1], plain[::-1])
    kept = np.setdiff1d(np.arange(len(table)), rows)
    assert torch.equal(shuffled.folds[0].features[kept], problem.folds[0].features[kept])


def test_report_has_the_accuracy_before_and_after_each_turn(rotation: ModuleType) -> None:
    problem, table = tiny_problem(), make_table()
    rows = problem.windows(problem.folds[0].held_out, problem.split.test_subjects)
    numbers = rotation.compare(problem, TINY, rows, [table.features[rows], table.features[rows[::-1]]])
    assert numbers["before"] == numbers["after"][0] > numbers["after"][1]
    assert numbers["mean_after"] == pytest.approx(np.mean(numbers["after"]), abs=1e-4)
