"""A run that was interrupted ends with the same result; a finished one is not run again, nor taken for another."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from run_results import ARTEFACTS, contents, key_of
from synthetic_problem import SPLIT, TINY, make_table, text_vectors

from feature_extraction.errors import InputError
from sadvae_har import pipeline
from sadvae_har.experiment import stages as experiment
from sadvae_har.experiment.problem import Problem, make_problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.method.training import Trainer
from sadvae_har.pipeline import NO_MODEL_FILE, Run

pytest_plugins = ("tiny_run",)


def test_a_finished_run_is_not_run_again(
    finished: RunFolder, run_tiny: Callable[..., RunFolder], caplog: pytest.LogCaptureFixture
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in finished.path.iterdir()}
    with caplog.at_level(logging.INFO):
        run_tiny(finished.path)
    assert {path.name: path.stat().st_mtime_ns for path in finished.path.iterdir()} == before
    assert "is complete" in caplog.text


def test_a_finished_run_of_other_features_is_refused(
    finished: RunFolder, run_tiny: Callable[..., RunFolder], problem: Problem
) -> None:
    """Its numbers are not those of the features that it is asked for now, though config and split are the same."""
    assert finished.metrics() and (finished.path / "report.html").exists()
    with pytest.raises(InputError, match=r"trained with another split, other settings, features or texts; delete"):
        run_tiny(finished.path, solved=make_problem(make_table(seed=1), SPLIT, text_vectors()))


@pytest.mark.parametrize("lost", ["zsl", "gzsl", "chance", NO_MODEL_FILE, "report.html"])
def test_a_run_that_lacks_something_is_not_complete(finished: RunFolder, problem: Problem, lost: str) -> None:
    inputs = SimpleNamespace()
    this = Run(TINY, finished, problem, inputs, finished.path)  # type: ignore[arg-type]
    assert this.is_complete() and not replace(this, config=replace(TINY, reference="reference.yaml")).is_complete()
    kept = {name: value for name, value in finished.metrics().items() if name != lost}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "metrics", lambda _: kept)
        patch.setattr(pipeline, "REPORT_FILE", "absent.html" if lost == "report.html" else "report.html")
        assert not this.is_complete()
        # Without inputs, as of the original layout, no model file is owed.
        assert replace(this, inputs=None).is_complete() == (lost == NO_MODEL_FILE)


def test_test_windows_are_scored_once(run_tiny: Callable[..., RunFolder], tmp_path: Path) -> None:
    scored: list[int] = []
    original = experiment.score_fold

    def count(*arguments: Any) -> Any:
        scored.append(arguments[3])
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "score_fold", count)
        run_tiny(tmp_path)
    assert sorted(scored) == [0, 1, 2]


def test_same_seed_same_result_other_seed_other_result(
    finished: RunFolder, run_tiny: Callable[..., RunFolder], tmp_path: Path
) -> None:
    assert contents(run_tiny(tmp_path / "again")) == contents(finished)
    other = contents(run_tiny(tmp_path / "other", replace(TINY, seed=1)))
    assert other["model.safetensors"] != contents(finished)["model.safetensors"]


@pytest.mark.parametrize("step", [5, 40, 95, 120], ids=lambda step: f"in step {step}")
def test_interrupted_training_ends_with_the_same_result(
    finished: RunFolder, run_tiny: Callable[..., RunFolder], tmp_path: Path, step: int
) -> None:
    original = Trainer.step

    def interrupt(trainer: Trainer) -> Any:
        if trainer.step_number == step - 1:
            raise KeyboardInterrupt
        return original(trainer)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "step", interrupt)
        run_tiny(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    started = {"checksums.json", "config.yaml", "split.json", "environment.json"}
    assert left == started | ({"progress.jsonl", "training_state.safetensors"} if step > 40 else set())
    steps_made: list[int] = []

    def count(trainer: Trainer) -> Any:
        steps_made.append(trainer.step_number)
        return original(trainer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", count)
        folder = run_tiny(tmp_path)
    assert steps_made[0] == (step - 1) // 40 * 40  # it goes on from the last checkpoint
    assert contents(folder) == contents(finished)
    assert {path.name for path in tmp_path.iterdir()} == ARTEFACTS


@pytest.mark.parametrize("stage", ["evaluate_zsl", "prepare_gate", "train_gate", "score_test", "evaluate_gzsl"])
def test_run_interrupted_between_stages_ends_with_the_same_result(
    finished: RunFolder, run_tiny: Callable[..., RunFolder], tmp_path: Path, stage: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(experiment, stage, interrupt)
        run_tiny(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "train_zsl", interrupt)  # stage 1 is complete and must not run again
        folder = run_tiny(tmp_path)
    assert contents(folder) == contents(finished)


def test_training_state_of_another_problem_is_not_resumed(problem: Problem, tmp_path: Path) -> None:
    def after_first_save(*arguments: object) -> None:
        original(*arguments)
        raise KeyboardInterrupt

    original = experiment.save_state
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(experiment, "save_state", after_first_save)
        experiment.train_zsl(problem, TINY, RunFolder(tmp_path), key_of(problem))
    other = make_problem(make_table(seed=1), SPLIT, text_vectors())
    fresh = experiment.train_zsl(other, TINY, RunFolder(tmp_path / "fresh"), key_of(other))
    resumed = experiment.train_zsl(other, TINY, RunFolder(tmp_path), key_of(other))
    assert all(torch.equal(fresh.weights[name], resumed.weights[name]) for name in fresh.weights)
