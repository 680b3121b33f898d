"""The four stages on a small problem that can be solved: artefacts, accuracy, and what no stage may see."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from run_results import ARTEFACTS, key_of
from safetensors.torch import load_file
from synthetic_problem import SPLIT, TINY, generators, make_table, text_vectors

from feature_extraction.errors import InputError, LeakageError
from feature_extraction.storage.files import read_npz
from sadvae_har.config.settings import Config
from sadvae_har.evaluation.metrics import per_class_top1
from sadvae_har.experiment import stages as experiment
from sadvae_har.experiment.fitted import (
    FittedModels,
    fit_seen_classifiers,
    models_of_fold,
    restore_networks,
    seed_of,
)
from sadvae_har.experiment.problem import Problem, make_problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.method.model import SADVAE
from sadvae_har.pipeline import NO_MODEL_FILE

pytest_plugins = ("tiny_run",)
PREDICTIONS = {
    *("zsl_labels", "zsl_predictions", "zsl_scores", "zsl_subjects", "zsl_recordings"),
    *("gzsl_labels", "gzsl_predictions", "gzsl_scores", "gzsl_subjects", "gzsl_recordings"),
    *("gate_p_unseen", "gate_is_unseen", "gate_threshold", "seen", "unseen"),
    *("latent_map_xy", "latent_map_class", "latent_map_kind"),
}


def last_step(problem: Problem, config: Config = TINY) -> dict[str, torch.Tensor]:
    """Train to the last step and choose nothing, as a benchmark does; return the averaged weights."""
    trainer = experiment.make_trainer(problem, config)
    for _ in range(config.train.n_steps):
        trainer.step()
    return trainer.snapshot()


def test_a_run_leaves_exactly_these_files(finished: RunFolder) -> None:
    assert {path.name for path in finished.path.iterdir()} == ARTEFACTS
    assert set(read_npz(finished.path / "predictions.npz")) == PREDICTIONS


def test_metrics_hold_every_number_with_its_interval(finished: RunFolder) -> None:
    metrics = finished.metrics()
    measured = {
        "zsl": ("per_class_top1", "accuracy", "macro_f1"),
        "gzsl": ("seen", "unseen", "harmonic_mean", "ausuc"),
        "gate": ("auroc",),
    }
    for part, names in measured.items():
        for name in names:
            entry = metrics[part][name]
            assert 0 <= entry["low"] <= entry["value"] <= entry["high"] <= 1, (part, name)
    assert metrics["chance"] == pytest.approx({"zsl": 1 / 3, "gzsl": 1 / 11, "majority_zsl": 1 / 3})
    assert (metrics["dataset"], metrics["split"], metrics["seed"]) == ("toy", "random-1", 0)
    assert metrics[NO_MODEL_FILE] == "the feature table does not say how its windows were cut"
    assert metrics["chosen"].keys() == {
        *("step", "inner_top1", "seen_temperature", "unseen_temperature", "gate_threshold")
    }


def test_texts_that_predict_features_are_recognised(finished: RunFolder) -> None:
    metrics = finished.metrics()
    assert metrics["zsl"]["per_class_top1"]["value"] >= 0.8  # chance 1/3
    assert metrics["gzsl"]["seen"]["value"] >= 0.6
    assert metrics["gzsl"]["harmonic_mean"]["value"] >= 0.5
    assert metrics["gate"]["auroc"]["value"] >= 0.7


def test_shuffled_texts_are_not_recognised(run_tiny: Callable[..., RunFolder], tmp_path: Path) -> None:
    """The unseen classes' descriptions change places: then nothing but those can lead to the right answer."""
    vectors = text_vectors()
    vectors[8:] = vectors[[9, 10, 8]]
    folder = run_tiny(tmp_path, solved=make_problem(make_table(), SPLIT, vectors))
    assert folder.metrics()["zsl"]["per_class_top1"]["value"] <= 0.2


def test_final_problem_alone_is_solved_as_well(problem: Problem) -> None:
    alone = replace(problem, folds=problem.folds[:1], features=problem.features[:1])
    rows, logits, _ = experiment.score_unseen(alone, TINY, last_step(alone))
    assert per_class_top1(problem.class_index[rows] - len(SPLIT.seen), logits.argmax(1)) >= 0.8


def test_inner_folds_are_solved_without_a_look_at_test_windows(problem: Problem) -> None:
    top1 = experiment.inner_fold_top1(last_step(problem), problem, TINY)
    assert top1.shape == (len(SPLIT.inner),) and top1[1] >= 0.8  # the other fold's two classes differ off the span
    features = problem.features.clone()
    features[:, torch.from_numpy(np.isin(problem.subjects, SPLIT.test_subjects))] = torch.nan
    folds = tuple(replace(fold, features=features[k]) for k, fold in enumerate(problem.folds))
    blind = replace(problem, features=features, folds=folds)
    assert np.array_equal(experiment.inner_fold_top1(last_step(blind), blind, TINY), top1)


def test_predictions_agree_with_the_metrics(finished: RunFolder, problem: Problem) -> None:
    arrays, metrics = read_npz(finished.path / "predictions.npz"), finished.metrics()
    seen, unseen = arrays["seen"], arrays["unseen"]
    assert (tuple(seen.tolist()), tuple(unseen.tolist())) == (SPLIT.seen, SPLIT.unseen)
    assert set(arrays["zsl_labels"].tolist()) == set(SPLIT.unseen)
    assert set(arrays["zsl_subjects"].tolist()) == set(arrays["gzsl_subjects"].tolist()) == set(SPLIT.test_subjects)
    assert np.array_equal(unseen[arrays["zsl_scores"].argmax(1)], arrays["zsl_predictions"])
    right = arrays["zsl_labels"] == arrays["zsl_predictions"]
    assert metrics["zsl"]["accuracy"]["value"] == pytest.approx(right.mean(), abs=1e-6)

    assert np.exp(arrays["gzsl_scores"]).sum(1) == pytest.approx(np.ones(len(arrays["gzsl_labels"])))
    assert np.array_equal(arrays["gate_is_unseen"], np.isin(arrays["gzsl_labels"], unseen))
    called_unseen = np.isin(arrays["gzsl_predictions"], unseen)
    assert np.array_equal(called_unseen, arrays["gate_p_unseen"] > arrays["gate_threshold"])
    share = np.exp(arrays["gzsl_scores"])[:, len(seen) :].sum(1)
    assert share == pytest.approx(arrays["gate_p_unseen"])
    assert metrics["chosen"]["gate_threshold"] == arrays["gate_threshold"]
    assert set(arrays["latent_map_kind"].tolist()) == {"seen", "unseen", "synthesised", "text"}
    assert len(arrays["latent_map_xy"]) == len(arrays["latent_map_class"]) == len(arrays["latent_map_kind"])


def test_the_gate_saw_validation_windows_of_seen_classes_only(finished: RunFolder, problem: Problem) -> None:
    arrays = read_npz(finished.path / "gate_examples.npz")
    for number, held_out in enumerate(SPLIT.inner, start=1):
        part = {k.partition("/")[2]: v for k, v in arrays.items() if k.startswith(f"inner-{number}/")}
        names = part["class_names"]
        assert set(names.tolist()) == set(SPLIT.seen) and set(names[6:].tolist()) == set(held_out)
        assert set(part["subjects"].tolist()) == set(SPLIT.val_subjects)
        assert np.array_equal(problem.class_index[part["rows"]], [SPLIT.seen.index(n) for n in names[part["labels"]]])
        assert part["seen_logits"].shape[1] == 6 and part["text_logits"].shape[1] == 8
        seen = part["labels"] < 6  # columns of the seen classifier stand for the fold's classes, in their order
        assert (part["seen_logits"].argmax(1) == part["labels"])[seen].mean() > 0.9


def test_progress_tells_every_checkpoint_and_the_choice(finished: RunFolder) -> None:
    lines = [json.loads(line) for line in (finished.path / "progress.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines[:-1]] == [40, 80, 120]
    assert lines[-1]["chosen_step"] == finished.metrics()["chosen"]["step"]
    top1 = {int(step): value for step, value in lines[-1]["inner_top1"].items()}
    assert top1.keys() == {40, 80, 120}
    assert finished.metrics()["chosen"]["inner_top1"] == pytest.approx(top1[lines[-1]["chosen_step"]], abs=1e-4)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({10: [0.9], 20: [0.8], 30: [0.89]}, 10),  # one fold has no standard error: the best
        ({10: [0.9], 20: [0.9], 30: [0.8]}, 20),  # ties go to the later
        ({10: [0.8, 1.0], 20: [0.7, 0.92], 30: [0.6, 0.98]}, 20),  # best 0.9, error 0.141 / √2 = 0.1: at least 0.8
        ({30: [0.8, 1.0], 20: [0.5, 0.5], 10: [0.85, 0.85]}, 30),  # the order of the entries does not matter
        ({10: [0.5, 0.5], 20: [0.6, 0.6], 30: [0.7, 0.7]}, 30),
    ],
)
def test_chosen_step_is_the_latest_within_one_standard_error(scores: dict[int, list[float]], expected: int) -> None:
    assert experiment.choose_step({step: np.array(values) for step, values in scores.items()}) == expected


@pytest.mark.parametrize(
    ("position", "subject", "message"),
    [(8, "s1", "row"), (0, "s6", "test subjects.*s6"), (None, "s1", "climb")],
    ids=["unseen class", "test subject", "class outside the split"],
)
def test_training_on_forbidden_windows_is_leakage(
    problem: Problem, tmp_path: Path, position: int | None, subject: str, message: str
) -> None:
    if position is None:
        class_index = np.where(problem.class_index == 10, -1, problem.class_index)
        foreign = np.flatnonzero((class_index == -1) & (problem.subjects == subject))
        problem = replace(problem, class_index=class_index)
    else:
        foreign = problem.windows(np.array([position]), (subject,))
    inner = replace(problem.folds[1], rows=np.append(problem.folds[1].rows, foreign[0]))
    leaking = replace(problem, folds=(problem.folds[0], inner))
    with pytest.raises(LeakageError, match=rf"VAE training \(inner-1\): .*{message}"):
        experiment.train_zsl(leaking, TINY, RunFolder(tmp_path / "run"), key_of(leaking))
    assert not (tmp_path / "run").exists()


def test_windows_outside_training_change_neither_models_nor_gate(
    finished: RunFolder, run_tiny: Callable[..., RunFolder], tmp_path: Path
) -> None:
    """Test windows may be anything: what is fitted and chosen stays the same to the last digit."""
    table = make_table()
    features = table.features.copy()
    features[np.isin(table.subjects, SPLIT.test_subjects)] *= -3
    folder = run_tiny(tmp_path, solved=make_problem(replace(table, features=features), SPLIT, text_vectors()))
    ours, theirs = (load_file(f.path / "model.safetensors") for f in (finished, folder))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert (folder.path / "gate.json").read_bytes() == (finished.path / "gate.json").read_bytes()
    assert folder.metrics()["chosen"] == finished.metrics()["chosen"]
    assert folder.metrics()["zsl"] != finished.metrics()["zsl"]


def test_text_margin_is_positive_where_a_held_out_description_fits_best(finished: RunFolder, problem: Problem) -> None:
    fitted = FittedModels.load(finished.path / "model.safetensors", key_of(problem))
    scores = experiment.score_fold(problem, TINY, fitted, 0, SPLIT.test_subjects)
    margin = scores.cues(("text_margin",))[:, 0]
    assert margin[scores.is_unseen].mean() > margin[~scores.is_unseen].mean()
    assert scores.novelty[scores.is_unseen].mean() > scores.novelty[~scores.is_unseen].mean()
    assert scores.class_names == problem.classes
    assert np.array_equal(scores.labels, problem.class_index[scores.rows])


def test_models_of_a_fold_are_those_of_its_seeds(finished: RunFolder, problem: Problem) -> None:
    fitted = FittedModels.load(finished.path / "model.safetensors", key_of(problem))
    assert {len(value) for value in fitted.weights.values()} == {3 * TINY.train.n_seeds}
    model = models_of_fold(fitted.weights, 1, TINY)
    name = "text_encoder.network.0.weight"
    assert torch.equal(model.state_dict()[name], fitted.weights[name][2:4])
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_saved_models_come_back(finished: RunFolder, problem: Problem, tmp_path: Path) -> None:
    fitted = FittedModels.load(finished.path / "model.safetensors", key_of(problem))
    fitted.save(tmp_path / "again.safetensors")
    again = FittedModels.load(tmp_path / "again.safetensors", fitted.key)
    assert (again.step, again.inner_top1, again.key) == (fitted.step, fitted.inner_top1, fitted.key)
    for found, wanted in ((again.weights, fitted.weights), (again.seen_classifier, fitted.seen_classifier)):
        assert found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert set(again.inner_top1) == {40, 80, 120} and again.step in again.inner_top1


@pytest.mark.parametrize("hidden_dim", [0, 6])
def test_networks_are_restored_from_weights_of_their_sizes_only(hidden_dim: int) -> None:
    config = replace(TINY.model, hidden_dim=hidden_dim)
    original = SADVAE(10, 7, config, generators(0, 1))
    weights = original.state_dict()
    restored = restore_networks(weights, 2, config).state_dict()
    assert restored.keys() == weights.keys() and all(torch.equal(restored[name], weights[name]) for name in weights)
    name = "semantic_encoder.network.0.weight"
    for damaged in (
        {key: value for key, value in weights.items() if key != name},
        weights | {name: weights[name][:, :-1]},
        weights | {name: weights[name][:1]},
        weights | {"colour.0.weight": weights[name]},
    ):
        with pytest.raises(InputError, match=r"weights '(semantic_encoder.network|colour)\.0\.weight' have shape"):
            restore_networks(damaged, 2, config)


def test_weight_decay_reaches_the_seen_classifiers(problem: Problem) -> None:
    strong = replace(TINY, classifier=replace(TINY.classifier, weight_decay=2.0))
    found, held = (fit_seen_classifiers(problem, config)["weight"].square().sum((1, 2)) for config in (TINY, strong))
    assert (held < 0.8 * found).all()


def test_random_streams_of_a_run_and_of_other_runs_differ() -> None:
    streams = [(seed, 1, fold, k) for seed in range(3) for fold in range(4) for k in range(4)]
    streams += [(seed, kind, fold) for seed in range(3) for kind in (2, 3) for fold in range(4)]
    assert len({seed_of(*numbers) for numbers in streams}) == len(streams)
    assert seed_of(0, 1, 2) == seed_of(0, 1, 2)
