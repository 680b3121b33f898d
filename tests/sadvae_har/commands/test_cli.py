"""Every command as a newcomer calls it: help, each stage alone, the whole run, interruption, continuation."""

import importlib.util
import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kitchen import NAMES, QUICK, ROWS_PER_CLASS, Kitchen, contents, one_thread, write_kitchen  # noqa: F401  (one_thread is autouse)
from synthetic_problem import TEXT_DIM  # noqa: F401  (sets one torch thread)
from tiny_layouts import write_usc_had

from feature_extraction.errors import LeakageError
from feature_extraction.features.table import FeatureTable
from feature_extraction.pretraining.resnet.config import PretrainConfig
from feature_extraction.protocol.draw_splits import create_splits
from feature_extraction.protocol.split import Split, find_split, list_splits
from sadvae_har import __main__ as cli
from sadvae_har.config.settings import TrainConfig
from sadvae_har.method.training import Trainer

STAGES = (("zsl", "train"), ("zsl", "evaluate"), ("gate", "train"), ("gzsl", "evaluate"))
ARTEFACTS = {
    *("checksums.json", "config.yaml", "split.json", "environment.json", "progress.jsonl", "model.safetensors"),
    *("gate_examples.npz", "gate.json", "metrics.json", "predictions.npz", "report.html"),
    *("recognizer.safetensors", "calibration.json"),
}


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory):
    """A kitchen whose raw recordings no command may change, prepared, split and run once."""
    made = Kitchen(tmp_path_factory.mktemp("kitchen"))
    raw = contents(made.yaml.parent)
    assert cli.main(["splits", "create", str(made.yaml), "--count", "1", "--out", str(made.folder / "splits")]) == 0
    assert cli.main(["run", *made.flags()]) == 0
    yield made
    assert contents(made.yaml.parent) == raw


@pytest.mark.parametrize("command", ["", *(command.name for command in cli.COMMANDS)])
def test_help_teaches(command, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([*command.split(), "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: sadvae-har {command}")
    assert "<class" not in text
    if command:
        found = next(entry for entry in cli.COMMANDS if entry.name == command)
        assert " ".join(found.help.split()) in " ".join(text.split())
        assert f"Example: sadvae-har {command} {found.example}".strip() in " ".join(text.split())
        assert not found.arguments or found.example
        default = f"(type: int, default: {TrainConfig().n_steps})"
        assert "--train.n_steps" not in text or default in " ".join(text.split())


@pytest.mark.parametrize("command", [c for c in cli.COMMANDS if c.example], ids=lambda c: c.name)
def test_examples_in_the_help_are_accepted(command):
    words = shlex.split(f"{command.name} {command.example}")
    name, _ = cli.cl.leaf_arguments(cli.cl.build_parser(cli.COMMANDS).parse_args(words))
    assert name == command.name


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_debug_anywhere_shows_where_an_error_arose(place, capsys):
    words = ["data", "prepare", "nope"]
    assert cli.main(words) == 2
    line = capsys.readouterr().err
    assert cli.main([*words[:place], "--debug", *words[place:]]) == 2
    chain = capsys.readouterr().err
    assert line.startswith("error: data set 'nope' is unknown") and "--debug" in cli.cl.EXAMPLES
    assert chain.startswith("Traceback") and "in get_dataset" in chain and chain.endswith(f"\n{line}")


def test_a_bug_of_ours_is_called_one(monkeypatch, capsys):
    monkeypatch.setattr("feature_extraction.datasets.get_dataset", lambda _: {}["rate_hz"])
    assert cli.main(["splits", "list", "dsads"]) == 1
    line = capsys.readouterr().err
    assert line.startswith("error: KeyError: 'rate_hz'; this is a bug of sadvae-har") and line.count("\n") == 1
    assert cli.main(["splits", "list", "dsads", "--debug"]) == 1
    assert capsys.readouterr().err.startswith("Traceback") and "--debug" in line


@pytest.mark.parametrize(
    ("package", "extra", "words"),
    [
        ("streamlit", "demo", ["demo", "--model", "absent"]),
        ("matplotlib", "plots", ["benchmark", "--page"]),
        ("seglearn", "watch", ["data", "check", "watch"]),
    ],
)
def test_a_missing_extra_is_named_with_its_command(package, extra, words, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    assert cli.main(words) == 2
    assert (
        capsys.readouterr().err == f"error: {package} not installed; install with: pip install 'sadvae-har[{extra}]'\n"
    )


def test_own_splits_are_found_by_name_and_come_first(tmp_path, monkeypatch):
    shipped = find_split("usc-had", "random-1")
    monkeypatch.setattr("feature_extraction.protocol.split.OWN_SPLITS_FOLDER", tmp_path)
    assert find_split("usc-had", "random-1") == shipped
    for name in ("mine", "random-1"):
        replace(shipped, name=name, seed=77).save(tmp_path / "usc-had" / f"{name}.json")
    assert find_split("usc-had", "mine").seed == find_split("usc-had", "random-1").seed == 77
    assert {"mine", "random-2"} <= set(list_splits("usc-had")) and list_splits("usc-had", kind="random")[0] == "mine"


def test_data_list_names_source_and_licence(capsys):
    assert cli.main(["data", "list"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("dsads", "usc-had", "watch")) and "https://" in text and "CC BY" in text


def test_data_commands_read_a_data_set_in_its_authors_layout(tmp_path, capsys):
    raw = write_usc_had(tmp_path / "raw")
    before = contents(raw)
    assert cli.main(["data", "check", "usc-had", "--raw", str(raw)]) == 0
    assert "12 recordings, 2 subjects" in capsys.readouterr().out
    for flags in ([], [], ["--force"]):
        flags = ["--raw", str(raw), "--resources", str(tmp_path / "r"), *flags]
        assert cli.main(["data", "prepare", "usc-had", *flags]) == 0
        assert "walking forward" in capsys.readouterr().out
    assert contents(raw) == before


def test_splits_are_made_once_and_listed(tmp_path, capsys):
    create = ["splits", "create", "usc-had", "--kind", "zerohar", "--out", str(tmp_path)]
    assert cli.main(create) == 0
    assert "8 seen / 4 unseen" in capsys.readouterr().out
    made = contents(tmp_path)
    assert len(made) == 3 and cli.main(create) == 2
    assert "add --force" in capsys.readouterr().err and contents(tmp_path) == made
    assert cli.main([*create, "--force"]) == 0
    assert cli.main(["splits", "list", "usc-had"]) == 0
    assert "zerohar-fold2" in capsys.readouterr().out


def test_created_splits_are_those_that_are_committed():
    for made in create_splits("dsads", "random"):
        assert made == find_split("dsads", made.name)


def test_run_leaves_the_named_artefacts(kitchen):
    folder = kitchen.folder / "whole"
    assert {path.name for path in folder.iterdir()} == ARTEFACTS
    whole = metrics(folder)
    for place in ("zsl.per_class_top1", "zsl.accuracy", "zsl.macro_f1", "gzsl.harmonic_mean", "gate.auroc"):
        group, name = place.split(".")
        assert set(whole[group][name]) == {"value", "low", "high"} and 0 <= whole[group][name]["value"] <= 1
    assert {"seen", "unseen", "ausuc"} <= set(whole["gzsl"]) and whole["chance"]["zsl"] == pytest.approx(0.5)
    assert Split.load(folder / "split.json") == Split.load(kitchen.split)
    assert "Plotly.newPlot" in (folder / "report.html").read_text()


def test_a_table_that_does_not_say_how_its_windows_were_cut_gives_no_model(kitchen, caplog):
    """Features that others made run through all stages; what `predict` needs is left out, and that is said."""
    path = kitchen.folder / "foreign.npz"
    assert cli.main(["encoder", "extract", *kitchen.flags()[:6], "--out", str(path)]) == 0
    replace(FeatureTable.load(path), source=None).save(path)
    assert cli.main(["run", *kitchen.flags("foreign"), "--feature-table", str(path)]) == 0
    names = {entry.name for entry in (kitchen.folder / "foreign").iterdir()}
    assert names == ARTEFACTS - {"recognizer.safetensors", "calibration.json"}
    assert "does not say how its windows were cut" in caplog.text


def test_the_same_command_again_trains_nothing(kitchen, monkeypatch, capsys):
    before = contents(kitchen.folder / "whole")
    monkeypatch.setattr(Trainer, "step", lambda self: pytest.fail("trained again"))
    assert cli.main(["run", *kitchen.flags()]) == 0
    assert "ZSL per-class top-1" in capsys.readouterr().out and contents(kitchen.folder / "whole") == before


def test_a_run_without_its_metrics_is_evaluated_again_and_not_trained(kitchen, monkeypatch):
    folder = kitchen.folder / "whole"
    before = metrics(folder)
    (folder / "metrics.json").unlink()
    monkeypatch.setattr(Trainer, "step", lambda self: pytest.fail("trained again"))
    assert cli.main(["run", *kitchen.flags()]) == 0 and metrics(folder) == before


def test_stages_one_after_the_other_give_the_same_metrics(kitchen):
    for stage in STAGES:
        assert cli.main([*stage, *kitchen.flags("stages")]) == 0
    assert metrics(kitchen.folder / "stages") == metrics(kitchen.folder / "whole")
    assert {path.name for path in (kitchen.folder / "stages").iterdir()} == ARTEFACTS - {"report.html"}
    assert cli.main(["report", str(kitchen.folder / "stages")]) == 0


def test_a_report_of_half_a_run_does_not_stop_the_other_half(kitchen):
    """After `zsl train`, `zsl evaluate` and `report` there is a page; `run` still owes the gate, GZSL and the model."""
    for stage in STAGES[:2]:
        assert cli.main([*stage, *kitchen.flags("half")]) == 0
    assert cli.main(["report", str(kitchen.folder / "half")]) == 0
    assert cli.main(["run", *kitchen.flags("half")]) == 0
    assert metrics(kitchen.folder / "half") == metrics(kitchen.folder / "whole")
    assert {path.name for path in (kitchen.folder / "half").iterdir()} == ARTEFACTS
    assert "harmonic mean" in (kitchen.folder / "half" / "report.html").read_text()


@pytest.mark.parametrize("stage", STAGES[1:], ids=" ".join)
def test_stage_without_the_first_one_names_it(kitchen, stage, capsys):
    assert cli.main([*stage, *kitchen.flags(f"no-{stage[0]}")]) == 2
    assert "run `zsl train` first" in capsys.readouterr().err


OWNERS = {
    "evaluate_gzsl": "sadvae_har.experiment.stages",
    "calibration_report": "sadvae_har.recognition.stage",
    "save_model": "sadvae_har.recognition.stage",
}


@pytest.mark.parametrize("where", ["step", *OWNERS])
def test_interrupted_run_continues_to_the_same_result(kitchen, where, monkeypatch, capsys):
    owner = Trainer if where == "step" else cli.sys.modules[OWNERS[where]]
    original, calls = getattr(owner, where), []

    def interrupted(*arguments):
        calls.append(1)
        if where != "step" or len(calls) == 5:  # after the first of two checkpoints
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, where, interrupted)
        assert cli.main(["run", *kitchen.flags(f"interrupted-{where}")]) == 130
    assert capsys.readouterr().err.splitlines()[-1].startswith("interrupted; the same command continues")
    assert cli.main(["run", *kitchen.flags(f"interrupted-{where}")]) == 0
    assert metrics(kitchen.folder / f"interrupted-{where}") == metrics(kitchen.folder / "whole")
    assert {path.name for path in (kitchen.folder / f"interrupted-{where}").iterdir()} == ARTEFACTS
    assert "calibration" in (kitchen.folder / f"interrupted-{where}" / "report.html").read_text()


def test_a_leak_while_calibrating_ends_the_run(kitchen, monkeypatch, capsys):
    module = cli.sys.modules["sadvae_har.recognition.stage"]

    def leak(*_):
        raise LeakageError("calibration: handed a test subject")

    monkeypatch.setattr(module, "fit_calibration", leak)
    assert cli.main(["run", *kitchen.flags("leak")]) == 2
    assert "handed a test subject" in capsys.readouterr().err
    assert not (kitchen.folder / "leak" / "recognizer.safetensors").exists()


def test_interrupted_preparation_leaves_nothing_and_continues(tmp_path, monkeypatch):
    raw, module = write_usc_had(tmp_path / "raw"), cli.sys.modules["feature_extraction.datasets.prepare"]
    command = ["data", "prepare", "usc-had", "--raw", str(raw), "--resources", str(tmp_path / "r")]

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "bring_to", interrupt)
        assert cli.main(command) == 130
    assert {path.name for path in (tmp_path / "r").rglob("*") if path.is_file()} <= {"content.json"}
    assert cli.main(command) == 0


def test_every_split_of_a_kind_and_every_view_in_one_table(kitchen, monkeypatch, capsys):
    monkeypatch.setattr("sadvae_har.pipeline.list_splits", lambda dataset, kind=None: [str(kitchen.split)])
    monkeypatch.setattr(
        "feature_extraction.descriptions.embeddings._encode",
        lambda texts, _: np.eye(64, dtype=np.float32)[: len(texts)],
    )
    monkeypatch.setattr("sadvae_har.pipeline.VIEWS", ("label", "kinematics"))
    flags = [*kitchen.flags()[:4], "--resources", str(kitchen.folder / "more")]
    assert cli.main(["run", "--splits", "random", *flags, *QUICK]) == 0
    assert "mean" in capsys.readouterr().out
    assert cli.main(["descriptions", *flags, *QUICK[:-2]]) == 0
    text = capsys.readouterr().out
    assert all(view in text for view in ("label", "kinematics", "all"))


def test_features_go_into_one_file_that_runs_alone(kitchen, capsys):
    path = kitchen.folder / "table.npz"
    inputs = kitchen.flags()[:6]
    assert cli.main(["encoder", "extract", *inputs, "--out", str(path), "--every", "1"]) == 0
    assert "128 windows, statistical" in capsys.readouterr().out
    assert FeatureTable.load(path).dataset == "kitchen"
    assert cli.main(["run", *kitchen.flags("from-table"), "--feature-table", str(path)]) == 0


def test_encoder_is_trained_and_described(kitchen, monkeypatch, capsys):
    short = PretrainConfig(n_epochs=1, epoch_windows=64)
    monkeypatch.setattr("feature_extraction.pretraining.resnet.pretrain.PretrainConfig", lambda: short)
    assert cli.main(["encoder", "pretrain", *kitchen.flags()[:6]]) == 0
    folder = capsys.readouterr().out.removeprefix("encoder: ").strip()
    assert cli.main(["encoder", "show", folder]) == 0
    assert "kitchen" in capsys.readouterr().out


def test_texts_are_embedded_offline_by_the_default_model(kitchen, capsys):
    flags = ["--dataset", str(kitchen.yaml), "--resources", str(kitchen.resources), "--text.views", "[label]"]
    assert cli.main(["text", "embed", *flags]) == 0
    assert "8 classes x 1 texts x 384 dimensions" in capsys.readouterr().out


def test_export_in_the_original_layout_runs_again(kitchen):
    target = kitchen.folder / "original"
    inputs = kitchen.flags()[:6]
    assert cli.main(["original", "export", *inputs, "--out", str(target), "--text.views", "[kinematics]"]) == 0
    sizes = ["--name", "kitchen", "--n-classes", "8", "--n-unseen", "2"]
    where = ["--resources", str(kitchen.resources), "--out", str(kitchen.folder / "from-original")]
    assert cli.main(["original", "run", str(target), *sizes, *where, *QUICK]) == 0
    assert metrics(kitchen.folder / "from-original")["chance"]["zsl"] == pytest.approx(0.5)
