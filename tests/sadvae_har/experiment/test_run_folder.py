import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_problem import SPLIT, TINY

from feature_extraction.errors import InputError
from feature_extraction.storage.files import read_json, read_npz
from sadvae_har.experiment.run_folder import DESCRIPTION, PACKAGES, RunFolder, environment


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "runs" / "toy")
    folder.start(TINY, SPLIT)
    return folder


def test_start_writes_what_the_run_is(folder: RunFolder) -> None:
    assert {path.name for path in folder.path.iterdir()} == {*DESCRIPTION, "checksums.json"}
    assert folder.config() == TINY and folder.split() == SPLIT


def test_environment_names_versions_seed_and_commit(folder: RunFolder) -> None:
    facts = read_json(folder.path / "environment.json")
    assert facts.keys() == environment(0).keys()
    assert facts["seed"] == TINY.seed and set(facts["packages"]) == set(PACKAGES)
    assert facts["packages"]["numpy"] == np.__version__


def test_the_same_run_goes_on_untouched(folder: RunFolder) -> None:
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    folder.start(TINY, SPLIT)
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


@pytest.mark.parametrize(
    ("config", "split"),
    [(replace(TINY, seed=1), SPLIT), (TINY, replace(SPLIT, train_subjects=("s1", "s2")))],
    ids=["config", "split"],
)
def test_another_run_is_refused(folder: RunFolder, config, split) -> None:
    for check in (folder.start, folder.require_same):
        with pytest.raises(InputError, match=r"runs/toy: holds a run with another config or split; choose another"):
            check(config, split)
    assert folder.config() == TINY and folder.split() == SPLIT


def test_a_start_that_was_interrupted_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config is written last: without it the folder counts as new."""
    folder = RunFolder(tmp_path)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sadvae_har.experiment.run_folder.write_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        folder.start(TINY, SPLIT)
    monkeypatch.undo()
    folder.start(replace(TINY, seed=5), SPLIT)
    assert folder.config().seed == 5


@pytest.mark.parametrize("name", ["config.yaml", "split.json"])
def test_damaged_description_of_the_run_is_refused(folder: RunFolder, name: str) -> None:
    (folder.path / name).write_text("{[")
    with pytest.raises(InputError, match=name):
        folder.start(TINY, SPLIT)


def test_progress_is_one_json_line_per_entry(folder: RunFolder) -> None:
    folder.log({"step": 1, "kl": 0.5})
    folder.log({"step": 2})
    lines = [json.loads(line) for line in (folder.path / "progress.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2] and lines[0]["kl"] == 0.5
    assert lines[0]["time"] <= lines[1]["time"]


def test_metrics_are_merged_one_level_deep(folder: RunFolder) -> None:
    assert folder.metrics() == {}
    folder.merge_metrics({"zsl": {"accuracy": 0.1}, "chosen": {"step": 3}, "seed": 0})
    folder.merge_metrics({"gzsl": {"seen": 0.2}, "chosen": {"threshold": 0.5}, "seed": 1})
    assert folder.metrics() == {
        "zsl": {"accuracy": 0.1},
        "chosen": {"step": 3, "threshold": 0.5},
        "seed": 1,
        "gzsl": {"seen": 0.2},
    }


def test_predictions_are_merged(folder: RunFolder) -> None:
    folder.merge_predictions({"a": np.arange(3), "b": np.array(["x"])})
    folder.merge_predictions({"a": np.arange(2), "c": np.array(1.5)})
    arrays = read_npz(folder.path / "predictions.npz")
    assert {name: array.tolist() for name, array in arrays.items()} == {"a": [0, 1], "b": ["x"], "c": 1.5}


def test_damaged_metrics_and_predictions_are_refused(folder: RunFolder) -> None:
    folder.merge_metrics({"seed": 0})
    folder.merge_predictions({"a": np.arange(1000)})
    for name in ("metrics.json", "predictions.npz"):
        path = folder.path / name
        path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match=r"metrics\.json: damaged"):
        folder.merge_metrics({"seed": 1})
    with pytest.raises(InputError, match=r"predictions\.npz: damaged"):
        folder.merge_predictions({"b": np.arange(3)})
