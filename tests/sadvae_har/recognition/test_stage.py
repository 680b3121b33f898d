"""The end of stage 4 on the small problem: what is calibrated on whom, and which runs leave no model file."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from synthetic_problem import SPLIT, TINY, briefly_trained, tiny_problem

from feature_extraction.errors import InputError, LeakageError
from feature_extraction.storage.files import read_json
from sadvae_har import pipeline
from sadvae_har.config.settings import Config
from sadvae_har.experiment import stages
from sadvae_har.experiment.fitted import FittedModels
from sadvae_har.experiment.problem import Problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.method.gate import GateExamples
from sadvae_har.recognition.model.parts import FinishedRun, gather_model
from sadvae_har.recognition.prediction import smooth
from sadvae_har.recognition.stage import CALIBRATION_FILE, calibrate, fit_strangeness, measure


@pytest.fixture(scope="module")
def problem() -> Problem:
    return tiny_problem()


@pytest.fixture(scope="module")
def fitted(problem: Problem) -> FittedModels:
    return briefly_trained(problem)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


@pytest.fixture
def examples(problem: Problem, fitted: FittedModels, folder: RunFolder) -> list[GateExamples]:
    return stages.prepare_gate(problem, TINY, fitted, folder)


@pytest.fixture
def finished(problem: Problem, fitted: FittedModels, examples: list[GateExamples], folder: RunFolder) -> FinishedRun:
    return FinishedRun(problem, TINY, fitted, stages.train_gate(problem, TINY, examples, folder))


def test_limits_come_from_the_inner_folds_and_the_report_from_test_windows(
    finished: FinishedRun, examples: list[GateExamples], folder: RunFolder
) -> None:
    test = stages.score_test(finished.problem, TINY, finished.fitted)
    found = calibrate(finished, examples, test, folder)
    report = read_json(folder.path / CALIBRATION_FILE)
    assert report["n_windows"] == len(test.labels) and set(report["unknown"]) == set(SPLIT.unseen)
    assert report["temperature"] == found.calibration.temperature
    other = replace(test, text_logits=test.text_logits[::-1].copy(), labels=test.labels[::-1].copy())
    assert calibrate(finished, examples, other, folder).calibration == found.calibration
    assert calibrate(finished, examples[:1], test, folder).calibration != found.calibration
    wanted = fit_strangeness(finished.problem, 0)
    assert np.array_equal(found.strangeness.factor, wanted.factor) and len(wanted.usual) == len(SPLIT.seen)


def test_strangeness_is_smoothed_within_recordings(problem: Problem, examples: list[GateExamples]) -> None:
    strangeness = fit_strangeness(problem, 1)
    windows = problem.folds[1].features[examples[0].rows].numpy()
    _, piece = np.unique(problem.recordings[examples[0].rows], return_inverse=True)
    found = measure(problem, 1, strangeness, examples[0])
    assert np.array_equal(found, smooth(strangeness.measure(windows), piece))
    assert not np.allclose(found, strangeness.measure(windows))


@pytest.mark.parametrize(("position", "subject"), [(8, "s1"), (0, "s6")], ids=["unseen class", "test subject"])
def test_strangeness_of_forbidden_windows_is_leakage(problem: Problem, position: int, subject: str) -> None:
    foreign = problem.windows(np.array([position]), (subject,))
    inner = replace(problem.folds[1], rows=np.append(problem.folds[1].rows, foreign[0]))
    leaking = replace(problem, folds=(problem.folds[0], inner))
    with pytest.raises(LeakageError, match=r"strangeness \(inner-1\): "):
        fit_strangeness(leaking, 1)


def test_a_class_called_unknown_cannot_be_recognised(finished: FinishedRun) -> None:
    renamed = replace(finished, problem=replace(finished.problem, classes=("Unknown", *SPLIT.classes[1:])))
    nothing: Any = None
    with pytest.raises(InputError, match="a class is called 'unknown'.* rename it"):
        gather_model(renamed, nothing, nothing, nothing, nothing)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (replace(TINY, classifier=replace(TINY.classifier, kind="softmax")), "classifier.kind: 'softmax' tells all"),
        (TINY, "the feature table does not say how its windows were cut"),
    ],
    ids=["softmax", "windows of unknown origin"],
)
def test_a_run_that_cannot_be_used_for_recognition_says_why(
    finished: FinishedRun,
    examples: list[GateExamples],
    folder: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    config: Config,
    reason: str,
) -> None:
    inputs: Any = SimpleNamespace()
    if config != TINY:
        monkeypatch.setattr(pipeline, "_window_encoder", lambda *_: None)
    this = pipeline.Run(config, folder, finished.problem, inputs, folder.path)
    pipeline.run_stage_4(this, replace(finished, config=config), examples)
    assert folder.metrics()[pipeline.NO_MODEL_FILE].startswith(reason)
    assert {"gzsl", "gate", "chance"} <= folder.metrics().keys()
    assert not (folder.path / "recognizer.safetensors").exists() and not (folder.path / CALIBRATION_FILE).exists()


def test_leakage_is_no_reason_to_go_without_a_model_file(
    finished: FinishedRun, examples: list[GateExamples], folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leak(*_: object) -> None:
        raise LeakageError("strangeness (final): a test subject")

    monkeypatch.setattr(pipeline, "_window_encoder", lambda *_: None)
    monkeypatch.setattr(pipeline, "calibrate", leak)
    inputs: Any = SimpleNamespace(class_list=None)
    with pytest.raises(LeakageError, match="a test subject"):
        pipeline.run_stage_4(pipeline.Run(TINY, folder, finished.problem, inputs, folder.path), finished, examples)
