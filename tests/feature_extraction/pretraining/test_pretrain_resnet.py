"""Pretraining: it learns, resumes exactly, keeps the protocol, and its checkpoints notice damage."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_windows import make_split, make_windows

from feature_extraction.encoders.resnet import ResNetConfig
from feature_extraction.errors import InputError, LeakageError
from feature_extraction.pretraining import loop
from feature_extraction.pretraining.augment.augment import AugmentConfig
from feature_extraction.pretraining.resnet.checkpoint import EncoderCheckpoint
from feature_extraction.pretraining.resnet.config import PretrainConfig
from feature_extraction.pretraining.resnet.loop import Task, fit
from feature_extraction.pretraining.resnet.pretrain import pretrain, pretraining_key
from feature_extraction.pretraining.resnet.supervised import METRIC, Batch, SupervisedObjective
from feature_extraction.pretraining.schedule import draw_balanced, learning_rate_factor
from feature_extraction.pretraining.state import Metric
from feature_extraction.pretraining.weights import CONFIG, WEIGHTS

CONFIG_SMALL = PretrainConfig(
    n_epochs=4,
    epoch_windows=32,
    batch_size=8,
    patience=4,
    encoder=ResNetConfig(widths=(4, 8), n_features=6),
    augment=AugmentConfig(),
)
LONGER = replace(
    CONFIG_SMALL,
    epoch_windows=200,
    n_epochs=20,
    patience=20,
    learning_rate=1e-2,
    encoder=ResNetConfig(widths=(8, 16), n_features=8),
)


@pytest.fixture(scope="module")
def windows():
    return make_windows()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    windows = make_windows(n_per_class=30)
    folder = tmp_path_factory.mktemp("encoder") / "resnet"
    return pretrain(windows, make_split(), LONGER, folder)


def rows_of(folder):
    return [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]


def test_loss_falls_and_the_folder_explains_itself(finished):
    history = rows_of(finished)
    assert [row["epoch"] for row in history] == list(range(1, 21))
    assert history[-1]["cross_entropy"] < 0.7 * history[0]["cross_entropy"]
    assert history[-1]["val_per_class_accuracy"] > 0.6
    names = sorted(path.name for path in finished.iterdir())
    assert names == ["checksums.json", "config.json", "curves.png", "model.safetensors", "progress.jsonl"]


def test_checkpoint_says_what_it_learned_from(finished):
    checkpoint = EncoderCheckpoint.load(finished)
    (provenance,) = checkpoint.provenance
    assert provenance.classes == ("still", "slow", "medium")
    assert provenance.subjects == ("s1", "s2", "s3")  # s3 chose the epoch
    assert provenance.labelled and provenance.dataset == "synthetic"
    best = max(row["val_per_class_accuracy"] for row in rows_of(finished))
    assert checkpoint.training["val_per_class_accuracy"] == best


def test_input_statistics_are_those_of_the_train_windows(finished):
    windows = make_windows(n_per_class=30)
    checkpoint = EncoderCheckpoint.load(finished)
    assert not checkpoint.encoder.training
    split = make_split()
    rows = split.rows(windows.labels, windows.subjects, split.seen, "train")
    flat = windows.samples[rows].reshape(-1, 6)
    np.testing.assert_allclose(checkpoint.encoder.mean.numpy(), flat.mean(axis=0), rtol=1e-3, atol=1e-3)


def test_interrupted_run_ends_as_an_uninterrupted_one(windows, tmp_path, monkeypatch):
    whole = pretrain(windows, make_split(), CONFIG_SMALL, tmp_path / "whole")
    run_epoch, calls = loop._train_epoch, []

    def interrupt(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        run_epoch(*args)

    monkeypatch.setattr(loop, "_train_epoch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pretrain(windows, make_split(), CONFIG_SMALL, tmp_path / "parts")
    assert not (tmp_path / "parts" / CONFIG).exists()
    monkeypatch.setattr(loop, "_train_epoch", run_epoch)
    parts = pretrain(windows, make_split(), CONFIG_SMALL, tmp_path / "parts")

    assert (parts / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    without_time = [[{k: v for k, v in row.items() if k != "seconds"} for row in rows_of(p)] for p in (parts, whole)]
    assert without_time[0] == without_time[1]


def test_other_seed_gives_other_weights_and_no_global_generator_is_touched(windows, tmp_path):
    short = replace(CONFIG_SMALL, n_epochs=1)
    before = torch.get_rng_state()
    first = pretrain(windows, make_split(), short, tmp_path / "a")
    other = pretrain(windows, make_split(), replace(short, seed=1), tmp_path / "b")
    assert torch.equal(before, torch.get_rng_state())
    weights = [EncoderCheckpoint.load(folder).encoder.state_dict()["stem.weight"] for folder in (first, other)]
    assert not torch.equal(*weights)


def test_early_stop(windows, tmp_path):
    config = replace(CONFIG_SMALL, n_epochs=30, patience=1)
    folder = pretrain(windows, make_split(), config, tmp_path / "a")
    assert len(rows_of(folder)) < 30


@pytest.mark.parametrize(("row", "message"), [(("fast", "s1"), "fast"), (("slow", "s4"), "s4")])
def test_fit_refuses_unseen_classes_and_test_subjects(windows, tmp_path, row, message):
    split = make_split()
    allowed = split.rows(windows.labels, windows.subjects, split.seen, "train")
    val = split.rows(windows.labels, windows.subjects, split.seen, "val")
    foreign = np.flatnonzero((windows.labels == row[0]) & (windows.subjects == row[1]))[:1]
    for train, chosen in ((np.append(allowed, foreign), val), (allowed, np.append(val, foreign))):
        task = Task(windows, split, split.seen, train, chosen)
        with pytest.raises(LeakageError, match=message):
            fit(task, CONFIG_SMALL, tmp_path, "key")


def test_weights_do_not_depend_on_unseen_classes_or_test_subjects(windows, tmp_path):
    kept_back = (windows.labels == "fast") | (windows.subjects == "s4")
    samples = windows.samples.copy()
    samples[kept_back] = 1e6
    short = replace(CONFIG_SMALL, n_epochs=1)
    folders = [
        pretrain(replace(windows, samples=s), make_split(), short, tmp_path / name)
        for name, s in (("a", windows.samples), ("b", samples))
    ]
    assert (folders[0] / WEIGHTS).read_bytes() == (folders[1] / WEIGHTS).read_bytes()


def test_held_out_classes_are_not_learned_from(windows, tmp_path):
    short = replace(CONFIG_SMALL, n_epochs=1)
    folder = pretrain(windows, make_split(), short, tmp_path / "a", held_out=("slow",))
    assert EncoderCheckpoint.load(folder).provenance[0].classes == ("still", "medium")


def test_a_finished_folder_is_reused_and_another_run_is_refused(finished):
    windows = make_windows(n_per_class=30)
    assert pretrain(windows, make_split(), LONGER, finished) == finished
    with pytest.raises(InputError, match="another folder"):
        pretrain(windows, make_split(), CONFIG_SMALL, finished)


def test_impossible_tasks_are_refused_before_training(windows, tmp_path):
    with pytest.raises(InputError, match="pair them"):
        pretrain(windows, make_split(dataset="other"), CONFIG_SMALL, tmp_path)
    with pytest.raises(InputError, match="no train windows of \\['flying'\\]"):
        pretrain(windows, make_split(seen=("still", "slow", "flying")), CONFIG_SMALL, tmp_path)
    with pytest.raises(InputError, match="validation subjects \\['s9'\\]"):
        pretrain(windows, make_split(val_subjects=("s9",)), CONFIG_SMALL, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_key_follows_whatever_decides_the_result(windows):
    split = make_split()
    keys = {
        pretraining_key(windows, split),
        pretraining_key(replace(windows, key="other"), split),
        pretraining_key(windows, make_split(train_subjects=("s1",))),
        pretraining_key(windows, split, config=CONFIG_SMALL),
        pretraining_key(windows, split, held_out=("slow",)),
    }
    assert len(keys) == 5


@pytest.mark.parametrize("file", [WEIGHTS, CONFIG])
def test_truncated_checkpoints_are_refused(finished, tmp_path, file):
    for path in finished.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    whole = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=file.replace(".", r"\.")):
        EncoderCheckpoint.load(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(InputError, match="no such file"):
        EncoderCheckpoint.load(tmp_path)


def test_foreign_checkpoints_are_refused(windows, finished, tmp_path):
    other = replace(CONFIG_SMALL, n_epochs=1, seed=3)
    folder = pretrain(windows, make_split(), other, tmp_path / "other")
    (folder / "checksums.json").unlink()  # as an encoder of an earlier version
    (folder / WEIGHTS).write_bytes((finished / WEIGHTS).read_bytes())
    with pytest.raises(InputError, match="weights of the run"):
        EncoderCheckpoint.load(folder)
    (folder / CONFIG).write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="not a resnet of format"):
        EncoderCheckpoint.load(folder)


def test_a_damaged_training_state_is_named(windows, tmp_path):
    (tmp_path / "state.safetensors").write_bytes(b"not a state")
    with pytest.raises(InputError, match=r"state\.safetensors: damaged.*delete it to start afresh"):
        pretrain(windows, make_split(), CONFIG_SMALL, tmp_path)


def test_balanced_draws_are_even_over_classes():
    groups = [np.array([0]), np.arange(1, 100)]
    drawn = draw_balanced(groups, 4000, torch.Generator().manual_seed(0))
    assert (drawn == 0).mean() == pytest.approx(0.5, abs=0.03)
    assert set(drawn) == set(range(100))


@pytest.mark.parametrize(("progress", "factor"), [(0.05, 1.0), (0.525, 0.5), (1.0, 0.0)])
def test_learning_rate_schedule(progress, factor):
    assert learning_rate_factor(progress) == pytest.approx(factor, abs=1e-9)
    assert 0 < learning_rate_factor(0.0) < 0.05


def test_metric_direction():
    loss = Metric("val_loss", higher_is_better=False)
    assert loss.improves(0.1, 0.2) and not loss.improves(0.2, 0.2) and loss.at_least_as_good(0.2, 0.2)
    assert METRIC.improves(0.3, 0.2)


def test_supervised_accuracy_by_hand():
    """Three windows of class a, all right, and one of class b, wrong: 0.5 per class, not 0.75."""
    objective = SupervisedObjective(1, 2)
    with torch.no_grad():
        objective.classifier.weight.zero_()
        objective.classifier.bias.copy_(torch.tensor([1.0, 0.0]))
    batch = Batch(torch.zeros(4, 1), torch.tensor([0, 0, 0, 1]))
    assert objective.evaluate(torch.nn.Identity(), [batch]) == 0.5
