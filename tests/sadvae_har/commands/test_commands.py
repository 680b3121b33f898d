"""Commands as people call them: bad input is one line and exit code 2, stages equal `run`, README commands exist."""

import json
import subprocess

import numpy as np
import pytest
import torch
from checkout import ROOT

from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.draw_splits import create_splits
from feature_extraction.protocol.split import find_split
from sadvae_har import __main__ as cli

QUICK = ["--train.n_steps", "8", "--train.n_checkpoints", "2", "--train.n_seeds", "1", "--classifier.n_steps", "5"]


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def table(tmp_path):
    """A small table of DSADS' classes and subjects, made of noise: commands must run, not recognise."""
    split = find_split("dsads", "random-1")
    subjects = (*split.train_subjects, *split.val_subjects, *split.test_subjects)
    rows = [(label, subject) for label in split.classes for subject in subjects for _ in range(4)]
    labels, people = (np.array(column) for column in zip(*rows, strict=True))
    features = np.random.default_rng(0).normal(size=(len(rows), 12)).astype(np.float32)
    path = tmp_path / "table.npz"
    recordings = np.array([f"{label}/{subject}" for label, subject in rows])
    start_s = np.arange(len(rows), dtype=float)
    FeatureTable(features, labels, people, recordings, start_s, {"statistical": 12}, "dsads", "key").save(path)
    return path


def arguments(table, tmp_path, out):
    return ["--feature-table", str(table), "--resources", str(tmp_path / "r"), "--out", str(tmp_path / out), *QUICK]


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["data", "prepare", "nope"], "'nope' is unknown; choose from"),
        (["data", "prepare", "usc-had", "--raw", "missing"], "no such folder"),
        (["splits", "list", "nope"], "unknown"),
        (["run", "--split", "nope"], "no such split; there are"),
        (["run", "--train.n_steps", "abc"], "abc"),
        (["run", "--train.n_steps", "-3"], "use at least 1"),
        (["run", "--unknown.flag", "1"], "unknown.flag"),
        (["run", "--config", "missing.yaml"], "missing.yaml"),
        (["run", "--text.views", "[smell]"], "smell"),
        (["run", "--feature-table", "missing.npz"], "missing.npz: no such file"),
        (["report", "missing"], "missing"),
        (["encoder", "show", "missing"], "missing"),
        ([], "command"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(argv, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(argv) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("error: ") and words in error
    assert list(tmp_path.iterdir()) == []


def test_run_leaves_the_named_artefacts_and_the_stages_give_the_same(table, tmp_path, capsys):
    assert cli.main(["run", *arguments(table, tmp_path, "whole")]) == 0
    assert "ZSL per-class top-1" in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "whole").iterdir()}
    wanted = "config.yaml split.json environment.json metrics.json predictions.npz progress.jsonl model.safetensors"
    assert {*wanted.split(), "gate.json", "gate_examples.npz", "report.html"} == names
    whole = metrics(tmp_path / "whole")
    for path in ("zsl.per_class_top1", "zsl.accuracy", "zsl.macro_f1", "gate.auroc"):
        group, name = path.split(".")
        assert set(whole[group][name]) == {"value", "low", "high"}
    assert {"seen", "unseen", "harmonic_mean", "ausuc"} <= set(whole["gzsl"])
    assert whole["chance"]["zsl"] == pytest.approx(0.2)

    for stage in (["zsl", "train"], ["zsl", "evaluate"], ["gate", "train"], ["gzsl", "evaluate"]):
        assert cli.main([*stage, *arguments(table, tmp_path, "stages")]) == 0
    assert metrics(tmp_path / "stages") == whole


def test_stages_out_of_order_name_the_missing_one(table, tmp_path, capsys):
    assert cli.main(["gate", "train", *arguments(table, tmp_path, "out")]) == 2
    assert "run `zsl train` first" in capsys.readouterr().err


def test_interrupted_run_continues_to_the_same_result(table, tmp_path, monkeypatch):
    from sadvae_har.method.training import Trainer

    assert cli.main(["run", *arguments(table, tmp_path, "whole")]) == 0
    step = Trainer.step

    def interrupted(self):
        if self.step_number == 6:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(Trainer, "step", interrupted)
    assert cli.main(["run", *arguments(table, tmp_path, "again")]) == 130
    monkeypatch.setattr(Trainer, "step", step)
    assert cli.main(["run", *arguments(table, tmp_path, "again")]) == 0
    assert metrics(tmp_path / "again") == metrics(tmp_path / "whole")


def test_folder_of_another_run_is_refused(table, tmp_path, capsys):
    assert cli.main(["zsl", "train", *arguments(table, tmp_path, "out")]) == 0
    assert cli.main(["run", *arguments(table, tmp_path, "out"), "--seed", "5"]) == 2
    assert "choose another --out" in capsys.readouterr().err


def test_truncated_model_is_refused(table, tmp_path, capsys):
    assert cli.main(["zsl", "train", *arguments(table, tmp_path, "out")]) == 0
    path = tmp_path / "out" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    assert cli.main(["run", *arguments(table, tmp_path, "out")]) == 2
    assert "model.safetensors: damaged" in capsys.readouterr().err


def test_export_in_the_original_layout_runs_again(table, tmp_path, capsys):
    target = tmp_path / "original"
    assert cli.main(["original", "export", "--feature-table", str(table), "--out", str(target)]) == 0
    sizes = ["--name", "dsads", "--n-classes", "19", "--n-unseen", "5", "--text.views", "[sentence]"]
    where = ["--resources", str(tmp_path / "r"), "--out", str(tmp_path / "run")]
    assert cli.main(["original", "run", str(target), *sizes, *where, *QUICK]) == 0
    assert metrics(tmp_path / "run")["chance"]["zsl"] == pytest.approx(0.2)


def test_created_splits_are_those_that_are_committed():
    for made in create_splits("dsads", "random"):
        assert made == find_split("dsads", made.name)


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_short_and_parse(script):
    assert len(script.read_text().splitlines()) <= 30
    subprocess.run(["bash", "-n", str(script)], check=True)
    if script.name.startswith("train_eval"):
        assert subprocess.run(["bash", str(script)], capture_output=True).returncode == 2
