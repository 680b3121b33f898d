"""Own recordings through the commands: open splits, few people, few classes, unseen classes of one's choice."""

import json
from dataclasses import replace
from pathlib import Path

import kitchen
import numpy as np
import pytest
from checkout import ROOT
from kitchen import NAMES, QUICK, one_thread, write_kitchen  # noqa: F401  (one_thread is autouse)
from synthetic_problem import TEXT_DIM  # noqa: F401  (sets one torch thread)

from feature_extraction.errors import LeakageError
from feature_extraction.protocol.split import Provenance, Split
from sadvae_har import __main__ as cli
from sadvae_har.config.files import load_config
from sadvae_har.experiment.inputs import Locations, load_inputs
from sadvae_har.experiment.problem import make_problem
from sadvae_har.experiment.stages import make_trainer
from sadvae_har.method.gate import TEXT_MARGIN, fit_gate
from sadvae_har.recognition.calibration import fit_calibration
from sadvae_har.recognition.model.file import load_model
from sadvae_har.recognition.recognizer import Recognizer
from sadvae_har.recognition.stage import fit_strangeness
from sadvae_har.report.run_files import read_run

FIELD_CASES = ROOT.parent / "shared" / "field-cases"


def write(folder: Path, monkeypatch: pytest.MonkeyPatch, n_subjects: int, seconds: int = 8, names=NAMES) -> Path:
    monkeypatch.setattr(kitchen, "ROWS_PER_CLASS", seconds * kitchen.RATE_HZ)
    return write_kitchen(folder / "raw", n_subjects, names)


def flags(yaml: Path, split: str | Path, out: str) -> list[str]:
    home = yaml.parent.parent
    return [
        "--dataset",
        str(yaml),
        "--split",
        str(split),
        "--resources",
        str(home / "res"),
        "--out",
        str(home / out),
        *QUICK,
    ]


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


@pytest.mark.slow
def test_an_open_run_ends_with_a_model_and_a_report_that_says_nothing_was_tested(tmp_path, monkeypatch, capsys):
    yaml, out = write(tmp_path, monkeypatch, 4), tmp_path / "open"
    assert cli.main(["run", *flags(yaml, "open", "open")]) == 0
    assert "kitchen / open: nothing was tested" in capsys.readouterr().out
    split = Split.load(out / "split.json")
    assert split.kind == "open" and split.train_subjects == ("1", "2", "3", "4") and len(split.held_back) == 3
    page = (out / "report.html").read_text()
    assert "Nothing was tested: everything that is labelled was learned from" in page and "ZSL" not in page
    assert not (out / "calibration.json").exists() and not (out / "predictions.npz").exists()
    assert metrics(out).keys() == {"dataset", "split", "seed", "measured", "chosen"}
    model = load_model(out / "recognizer.safetensors")
    assert len(model.trained) == 8 and not model.described and len(model.fold.train_features) == 4 * 8 * 4
    assert model.gate != TEXT_MARGIN and 0 < model.calibration.temperature
    recognizer = Recognizer.load(out)
    recognizer.add_activity(
        "stamping", {"sentence": "A person stamps.", "kinematics": dict(model.trained[0].kinematics)}
    )
    assert recognizer.names[-1] == "stamping"
    before = (out / "recognizer.safetensors").stat().st_mtime_ns
    assert cli.main(["run", *flags(yaml, "open", "open")]) == 0
    assert (out / "recognizer.safetensors").stat().st_mtime_ns == before  # complete, so not run again
    recognizer.save(out / "recognizer.safetensors")
    (out / "report.html").write_text("damaged")
    assert cli.main(["run", *flags(yaml, "open", "open")]) == 0
    assert (out / "report.html").read_text() == page
    assert Recognizer.load(out).names[-1] == "stamping"  # what was added stays
    (out / "recognizer.safetensors").write_bytes(b"")
    assert cli.main(["run", *flags(yaml, "open", "open")]) == 0
    assert "stamping" not in Recognizer.load(out).names
    (out / "report.html").unlink()
    assert cli.main(["report", str(out)]) == 0 and (out / "report.html").read_text() == page
    assert cli.main(["report", str(out), str(out)]) == 2
    assert read_run(out).is_open


@pytest.mark.slow
def test_an_open_run_stage_by_stage_leaves_the_same_model(tmp_path, monkeypatch, capsys):
    yaml = write(tmp_path, monkeypatch, 3)
    assert cli.main(["splits", "create", str(yaml), "--open", "--out", str(tmp_path / "splits")]) == 0
    assert "8 classes\nNothing was tested" in capsys.readouterr().out
    split = tmp_path / "splits" / "kitchen" / "open.json"
    assert cli.main(["run", *flags(yaml, split, "whole")]) == 0
    for stage in (("zsl", "train"), ("gate", "train"), ("gzsl", "evaluate")):
        assert cli.main([*stage, *flags(yaml, split, "staged")]) == 0
    whole, staged = (load_model(tmp_path / name / "recognizer.safetensors") for name in ("whole", "staged"))
    assert whole.gate == staged.gate and whole.calibration == staged.calibration
    assert cli.main(["zsl", "evaluate", *flags(yaml, split, "staged")]) == 2
    assert "open split has no unseen classes" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("names", [NAMES[:2], NAMES[:3]])
def test_two_classes_of_one_person_will_do(tmp_path, monkeypatch, names):
    yaml = write(tmp_path, monkeypatch, 1, names=names)
    assert cli.main(["run", *flags(yaml, "open", "open")]) == 0
    model = load_model(tmp_path / "open" / "recognizer.safetensors")
    assert len(model.trained) == len(names) and model.gate == TEXT_MARGIN
    assert model.calibration.temperature == 1 and np.isfinite(model.calibration.alone_limit)
    assert "too little to hold anything back" in (tmp_path / "open" / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_subjects", "said"), [(1, "other parts of the same recordings"), (2, "other recordings of the same people")]
)
def test_with_few_people_the_report_says_what_is_measured(tmp_path, monkeypatch, capsys, n_subjects, said):
    yaml = write(tmp_path, monkeypatch, n_subjects, seconds=40)
    assert cli.main(["splits", "create", str(yaml), "--count", "1", "--out", str(tmp_path / "splits")]) == 0
    assert f"Measured on {said}" in capsys.readouterr().out
    split = tmp_path / "splits" / "kitchen" / "random-1.json"
    assert said in split.read_text()
    assert cli.main(["run", *flags(yaml, split, "run")]) == 0
    assert f"measured on {said}" in capsys.readouterr().out
    page = (tmp_path / "run" / "report.html").read_text()
    assert f"All of this was measured on {said}" in page and "held out of training" in page
    assert metrics(tmp_path / "run")["measured"].startswith(f"measured on {said}")
    assert load_model(tmp_path / "run" / "recognizer.safetensors").described


@pytest.mark.slow
@pytest.mark.parametrize(("n_subjects", "seconds"), [(4, 8), (2, 40), (1, 40)])
def test_unseen_classes_and_test_windows_are_refused_on_every_path(tmp_path, monkeypatch, n_subjects, seconds):
    yaml = write(tmp_path, monkeypatch, n_subjects, seconds)
    assert cli.main(["splits", "create", str(yaml), "--count", "1", "--out", str(tmp_path / "splits")]) == 0
    split_path = tmp_path / "splits" / "kitchen" / "random-1.json"
    assert cli.main(["zsl", "train", *flags(yaml, split_path, "run")]) == 0
    config = load_config(tmp_path / "run" / "config.yaml")
    inputs = load_inputs(config, Locations(resources=tmp_path / "res"))
    split, problem = inputs.split, inputs.problem()
    learned = Provenance("kitchen", (split.unseen[0],), ("1",), labelled=True)
    with pytest.raises(LeakageError):
        make_problem(replace(inputs.table, provenance=(learned,)), split, inputs.vectors)
    tested = problem.windows(problem.folds[0].train, split.test_subjects)[:1]
    unseen = problem.windows(problem.folds[0].held_out, split.train_subjects)[:1]
    nobody = np.flatnonzero(problem.subjects == "")[:1]
    for row in (tested, unseen, nobody):
        if not len(row):
            continue
        leaking = [replace(fold, rows=np.concatenate([fold.rows, row])) for fold in problem.folds]
        wrong = replace(problem, folds=tuple(leaking))
        for learn in (lambda p: make_trainer(p, config), lambda p: fit_strangeness(p, 0)):
            learn(problem)
            with pytest.raises(LeakageError):
                learn(wrong)
    fold_of = {"class_names": split.seen, "subjects": np.array(split.test_subjects[:1])}
    for change in ({}, {"class_names": split.unseen, "subjects": np.array(split.val_subjects[:1])}):
        examples = type("Examples", (), fold_of | change)()
        with pytest.raises(LeakageError):
            fit_gate([examples], split, config.gate, 0)
        with pytest.raises(LeakageError):
            fit_calibration([examples], [], TEXT_MARGIN, split)


@pytest.mark.slow
def test_an_open_split_that_does_not_know_everybody_is_refused(tmp_path, monkeypatch, capsys):
    yaml = write(tmp_path, monkeypatch, 3)
    assert cli.main(["splits", "create", str(yaml), "--open", "--out", str(tmp_path / "splits")]) == 0
    first = yaml.parent / "recordings" / "kitchen_p1.csv"
    first.with_name("kitchen_p9.csv").write_text(first.read_text())
    assert cli.main(["run", *flags(yaml, tmp_path / "splits" / "kitchen" / "open.json", "run")]) == 2
    assert (
        "does not know windows of ['9'], so not everything that is labelled would be learned" in capsys.readouterr().err
    )


def test_unseen_classes_of_ones_own_choice(tmp_path, monkeypatch, capsys):
    yaml = write(tmp_path, monkeypatch, 4)
    create = ["splits", "create", str(yaml), "--out", str(tmp_path)]
    assert cli.main([*create, "--unseen", "pouring, stirring", "--test-subjects", "2"]) == 0
    split = Split.load(tmp_path / "kitchen" / "unseen-pouring-stirring.json")
    assert set(split.unseen) == {"stirring", "pouring"} and split.test_subjects == ("2",) and len(split.inner) == 3
    for words, message in (
        (["--unseen", "poring"], "class 'poring' is unknown; classes are stirring, chopping"),
        (["--unseen", "pouring,pouring"], "names 'pouring' twice"),
        (["--unseen", " , "], "names nothing"),
        (["--unseen", "pouring", "--test-subjects", "7"], "test subject '7' is unknown; subjects are 1, 2, 3, 4"),
        (["--test-subjects", "1"], "goes with --unseen"),
        (["--unseen", "pouring", "--open"], "--open: learns from every class"),
    ):
        assert cli.main([*create, *words]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("case", ["loco_names_collide", "loco_names_slash"])
def test_every_split_is_written_once_inside_out(tmp_path, case, capsys):
    if not FIELD_CASES.is_dir():
        pytest.skip(f"{FIELD_CASES} is absent")
    out = tmp_path / "deep" / "down" / "out"
    yaml = FIELD_CASES / case / "dataset.yaml"
    assert cli.main(["splits", "create", str(yaml), "--kind", "loco", "--out", str(out)]) == 0
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 7 and all(path.parent == out / "kitchen" for path in written)
    assert len({Split.load(path).unseen for path in written}) == 7
    assert {path.stem for path in written} == {Split.load(path).name for path in written}


def test_splits_of_awkward_class_names(tmp_path, monkeypatch):
    names = ("a b", "a-b", "x/../../y", "null", "Rollen", "wiping", "01")
    yaml = write(tmp_path, monkeypatch, 3, names=names)
    assert cli.main(["splits", "create", str(yaml), "--kind", "loco", "--out", str(tmp_path / "out")]) == 0
    found = [Split.load(path) for path in (tmp_path / "out" / "kitchen").glob("*.json")]
    assert {split.unseen for split in found} == {(name,) for name in names}


@pytest.mark.slow
def test_a_network_of_ones_own_needs_people(tmp_path, monkeypatch, capsys):
    yaml = write(tmp_path, monkeypatch, 1, seconds=40)
    assert cli.main(["run", *flags(yaml, "open", "run"), "--features.blocks", "[resnet]"]) == 2
    assert "learns from some people and is chosen on others" in capsys.readouterr().err


@pytest.mark.slow
def test_kinematics_that_are_not_written_do_not_stop_a_run(tmp_path, monkeypatch, caplog, text_cache):
    yaml = write(tmp_path, monkeypatch, 3, names=NAMES[:2])
    text = yaml.read_text()
    lines = [line.partition(', "kinematics"')[0] + "}" if "kinematics" in line else line for line in text.splitlines()]
    yaml.write_text("\n".join(lines) + "\n")
    (tmp_path / "res").mkdir()
    (tmp_path / "res" / "text_feats").symlink_to(text_cache)
    with caplog.at_level("INFO"):
        assert cli.main(["run", *flags(yaml, "open", "open")]) == 0
    said = "kinematics of stirring, chopping are predicted from name and sentence"
    assert len([record for record in caplog.records if said in record.message]) == 1
    model = load_model(tmp_path / "open" / "recognizer.safetensors")
    assert all(len(entry.kinematics) == 20 for entry in model.trained)
