"""Damaged files of a run: one line that names the file and what to do about it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from run_results import key_of, of_run
from safetensors.torch import save_file
from synthetic_problem import TINY

from feature_extraction.errors import InputError
from feature_extraction.storage.files import read_npz, write_npz
from sadvae_har.experiment import stages as experiment
from sadvae_har.experiment.fitted import (
    FittedModels,
)
from sadvae_har.experiment.problem import Problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.pipeline import load_or_train

pytest_plugins = ("tiny_run",)


@pytest.fixture
def copy(finished: RunFolder, tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "copy")
    folder.path.mkdir()
    for path in finished.path.iterdir():
        if path.name != "report.html":
            (folder.path / path.name).write_bytes(path.read_bytes())
    return folder


def cut(path: Path, kept: float = 0.6) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])


@pytest.mark.parametrize("kept", [0.0, 0.0001, 0.6, 0.999])
def test_truncated_model_is_refused(copy: RunFolder, problem: Problem, kept: float) -> None:
    cut(copy.path / "model.safetensors", kept)
    with pytest.raises(InputError, match=r"model\.safetensors: damaged .*delete it to train again") as caught:
        load_or_train(of_run(problem, copy))
    assert "\n" not in str(caught.value)


def test_safetensors_of_another_program_is_refused(copy: RunFolder, problem: Problem) -> None:
    path = copy.path / "model.safetensors"
    for metadata in (None, {"sadvae_har": "not json"}, {"sadvae_har": "{}"}):
        save_file({"weight": torch.zeros(2)}, path, metadata)
        with pytest.raises(InputError, match=r"model\.safetensors: .*delete it to train again"):
            load_or_train(of_run(problem, copy))


def test_missing_model_names_the_stage_that_makes_it(problem: Problem, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model.safetensors: no such model; run `zsl train` first"):
        FittedModels.load(tmp_path / "model.safetensors", "key")


def test_model_of_another_run_is_refused(copy: RunFolder, problem: Problem) -> None:
    moved = tuple(replace(fold, coordinates=fold.coordinates + 0.1) for fold in problem.folds)
    texts = replace(problem, folds=moved)
    features = replace(problem, features=problem.features * 1.5)
    settings = replace(TINY, model=replace(TINY.model, kl_text=0.3))
    for other, config in ((texts, TINY), (features, TINY), (problem, settings), (problem, replace(TINY, seed=9))):
        with pytest.raises(InputError, match=r"trained with another split, other settings, features or texts; delete"):
            load_or_train(of_run(other, copy, config))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"threshold": 0.5}'])
def test_damaged_gate_is_refused(copy: RunFolder, text: str) -> None:
    (copy.path / "gate.json").write_text(text)
    with pytest.raises(InputError, match=r"gate\.json: "):
        experiment.read_gate(copy)


def test_missing_gate_is_refused(copy: RunFolder) -> None:
    (copy.path / "gate.json").unlink()
    with pytest.raises(InputError, match=r"gate\.json: no such file"):
        experiment.read_gate(copy)


def test_damaged_gate_examples_are_refused(copy: RunFolder, problem: Problem) -> None:
    path = copy.path / "gate_examples.npz"
    arrays = read_npz(path)
    write_npz(path, {name: value for name, value in arrays.items() if name != "inner-2/novelty"})
    with pytest.raises(InputError, match=r"gate_examples\.npz: lacks scores of inner fold 2; delete it"):
        experiment.read_gate_examples(problem, copy)
    cut(path)
    with pytest.raises(InputError, match=r"gate_examples\.npz: damaged"):
        experiment.read_gate_examples(problem, copy)


def test_damaged_predictions_are_refused(copy: RunFolder, problem: Problem) -> None:
    fitted = load_or_train(of_run(problem, copy))
    cut(copy.path / "predictions.npz")
    before = (copy.path / "metrics.json").read_bytes()
    test = experiment.score_test(problem, TINY, fitted)
    with pytest.raises(InputError, match=r"predictions\.npz: damaged"):
        experiment.evaluate_gzsl(problem, TINY, experiment.read_gate(copy), test, copy)
    assert (copy.path / "metrics.json").read_bytes() == before


def test_truncated_training_state_is_refused(problem: Problem, tmp_path: Path) -> None:
    (tmp_path / "training_state.safetensors").write_bytes(b"\x10\x00")
    with pytest.raises(InputError, match=r"training_state\.safetensors: damaged or not .*; delete it"):
        experiment.train_zsl(problem, TINY, RunFolder(tmp_path), key_of(problem))
    assert [path.name for path in tmp_path.iterdir()] == ["training_state.safetensors"]
