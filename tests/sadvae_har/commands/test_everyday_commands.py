"""`everyday`, and `predict` and `activities` without a model named: the shipped one for any device."""

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from everyday_model import felt, pretend_corpus, tiny_config
from full_disk import files_no_longer_than

from feature_extraction.storage.places import MODELS_FOLDER
from sadvae_har import __main__ as cli
from sadvae_har.everyday import kept
from sadvae_har.everyday import train as training
from sadvae_har.everyday.card import everyday_card
from sadvae_har.recognition.everyday.model import EverydayModel, load_everyday, save_everyday
from sadvae_har.recognition.model.header import MODEL_FILE, read_summary

DECLARED = ["--units", "acc=m/s2,gyro=rad/s", "--rate-hz", "50", "--no-time-column"]


@pytest.fixture
def shipped(everyday_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the tiny model where the shipped one lies."""
    for module in ("sadvae_har.recognition.model.header", "sadvae_har.commands.activities"):
        monkeypatch.setattr(f"{module}.MODELS_FOLDER", tmp_path / "models")
    path = tmp_path / "models" / "everyday" / "recognizer.safetensors"
    path.parent.mkdir(parents=True)
    shutil.copy(everyday_model_path, path)
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A CSV file of 20 s of walking and 20 s of running, as two devices record it."""
    parts = [
        np.concatenate([felt(name, place, 50.0, 20.0, 7, turn) for name in ("walking", "running")])
        for turn, place in enumerate(("wrist", "thigh"))
    ]
    names = [
        f"{device} {sensor}_{axis}" for device in ("watch", "phone") for sensor in ("acc", "gyro") for axis in "xyz"
    ]
    path = tmp_path / "outside.csv"
    np.savetxt(path, np.concatenate(parts, axis=1), delimiter=",", fmt="%.6g", header=",".join(names), comments="")
    return path


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


def test_predict_needs_no_model(shipped: Path, recording: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("predict", recording, *DECLARED) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == str(recording) and "0.0 s to" in said.out
    assert "watch: worn at the wrist, as its name says" in said.err
    assert "phone: placement unknown, all places count; say it with --placement" in said.err
    assert run("predict", recording, *DECLARED, "--model", shipped) == 0
    assert capsys.readouterr() == said


def test_a_model_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recording: Path, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("sadvae_har.recognition.model.header.MODELS_FOLDER", tmp_path / "none")
    assert run("predict", recording) == 2
    assert "everyday: no such model file" in capsys.readouterr().err


def test_only_what_can_occur_is_found(shipped: Path, recording: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("predict", recording, *DECLARED, "--only", "Running, jumping  jacks", "--out", "json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["activity"] for row in rows} <= {"running", "jumping jacks"} and len(rows) == 15
    assert run("predict", recording, *DECLARED, "--only", "waving", "--out", "csv") == 0
    assert {row["activity"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))} == {"waving"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--only", "wavin"), "'wavin' is neither on the list nor described by this program; near ones are waving"),
        (("--only", " ,"), "--only: names nothing"),
        (("--placement", "mars"), "placement 'mars' is unknown; choose from head, trunk"),
        (("--placement", "left=wrist"), "placement of 'left': no such device; there are watch, phone"),
        (("--placement", "wrist,hip"), "--placement: 'wrist,hip' is not one place for each device"),
        (("--placement", "watch="), "--placement: 'watch=' is not one place for each device"),
        (("--placement", ""), "--placement: '' is not one place for each device"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    shipped: Path, recording: Path, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture
) -> None:
    assert run("predict", recording, *DECLARED, *words) == 2
    said = capsys.readouterr()
    assert message in said.err and not said.out


def test_where_devices_are_worn_is_declared(shipped: Path, recording: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("predict", recording, *DECLARED, "--placement", "phone=left pocket") == 0
    said = capsys.readouterr().err
    assert "phone: worn at the thigh, declared" in said and "watch: worn at the wrist, as its name says" in said
    assert run("predict", recording, *DECLARED, "--placement", "hip") == 0
    said = capsys.readouterr().err
    assert "phone: worn at the hip, declared" in said and "watch: worn at the hip, declared" in said


def test_a_model_of_its_own_devices_refuses_places(
    trained_recognizer_path: Path, recording: Path, capsys: pytest.CaptureFixture
) -> None:
    assert run("predict", recording, "--model", trained_recognizer_path, "--placement", "wrist") == 2
    assert "reads the devices that it was trained on" in capsys.readouterr().err


def test_lines_that_arrive_may_be_of_any_devices(
    shipped: Path, recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    flags = [*DECLARED[:-1], "--placement", "phone=thigh", "--out", "csv"]
    monkeypatch.setattr("sys.stdin", io.StringIO(recording.read_text()))
    assert run("predict", "--follow", *flags) == 0
    said = capsys.readouterr()
    assert "phone: worn at the thigh, declared" in said.err
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert run("predict", recording, *flags, "--no-time-column") == 0
    from_file = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [{**row, "file": "-"} for row in from_file] == rows


def test_the_shipped_model_stays_as_it_is(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    before = shipped.read_bytes()
    for out in ((), ("--out", shipped), ("--out", shipped.parent / "other.safetensors")):
        assert run("activities", "add", "everyday", "jumping jacks", *out) == 2
        assert "shipped models stay as they are; write a copy: --out" in capsys.readouterr().err
    assert run("activities", "remove", "everyday", "walking") == 2
    assert "--out" in capsys.readouterr().err and shipped.read_bytes() == before
    assert [*shipped.parent.iterdir()] == [shipped] and not (tmp_path / "everyday").exists()


def test_an_activity_of_the_vocabulary_is_added_by_its_name(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    own = tmp_path / "own.safetensors"
    assert run("activities", "add", "everyday", "Jumping jacks", "--out", own) == 0
    said = capsys.readouterr()
    assert said.out.startswith("takes ") and " % of the windows of the others" in said.out.splitlines()[0]
    assert said.out.splitlines()[1] == f"'jumping jacks' added: {own}"
    assert read_summary(own).activities[-1].name == "jumping jacks"
    assert run("activities", "list", own) == 0 and "described  jumping jacks" in capsys.readouterr().out
    assert run("activities", "add", own, "juggling") == 2
    assert "no everyday activity 'juggling'; " in capsys.readouterr().err
    assert run("activities", "remove", own, "jumping jacks") == 0
    assert len(read_summary(own).activities) == len(read_summary(shipped).activities)


def test_one_that_takes_much_of_the_others_is_warned_of(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = ("activities", "add", "everyday", "strolling", "A person walks at an easy pace.", "--out", tmp_path / "own")
    from sadvae_har.recognition.activities import Taken
    from sadvae_har.recognition.recognizer import Recognizer

    for share, warned in ((0.0304, True), (0.03, False)):
        taken = Taken(share, {"walking": 0.4, "running": 0.05, "sitting": 0.0})
        monkeypatch.setattr(Recognizer, "taken_by", lambda self, name, found=taken: found)
        assert run(*words) == 0
        said = capsys.readouterr()
        assert "takes 3.0 % of the windows of the others; most of: walking 40 %, running 5 %\n" in said.out
        assert ("warning: 'strolling' takes more than 3 %" in said.err) == warned


def test_the_list_of_the_shipped_model_is_the_default(shipped: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("activities", "list") == 0
    said = capsys.readouterr().out
    assert said.startswith("everyday: windows of 5 s at 20 Hz of any devices") and "trained    walking " in said
    assert run("everyday", "show") == 0
    said = capsys.readouterr().out
    assert "walking upstairs" in said and "  alpha, made up" in said and " MB" in said.splitlines()[0]


def test_what_is_no_everyday_model_is_not_shown(trained_recognizer_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("everyday", "show", trained_recognizer_path) == 2
    assert "no everyday model" in capsys.readouterr().err


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch, text_cache: Path, tmp_path: Path) -> list[str]:
    """Return the words of a training on the pretend data sets, with tiny settings."""
    monkeypatch.setattr("sadvae_har.everyday.corpus.Corpus.load", lambda *_: pretend_corpus())
    monkeypatch.setattr(training, "EverydayConfig", tiny_config)
    resources = tmp_path / "resources"
    resources.mkdir()
    (resources / "text_feats").symlink_to(text_cache)
    return ["everyday", "train", "--datasets", "dsads,wisdm", "--resources", str(resources)]


def test_a_model_is_trained_with_its_card(
    pretend: list[str], tmp_path: Path, everyday_model: EverydayModel, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "out"
    assert run(*pretend, "--out", out) == 0
    assert f"model: {out / 'recognizer.safetensors'}" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "recognizer.safetensors"]
    model = load_everyday(out / "recognizer.safetensors")
    assert len(model.sources) == 2 and "CC BY 4.0" in model.sources[0] and "Barshan" in model.sources[0]
    card = (out / "README.md").read_text()
    assert "sadvae-har everyday train --raw FOLDER --datasets dsads,wisdm --seed 0 --out out" in card
    sources = [source.rpartition(" ") for source in model.sources]
    for text in (
        *(f"{words} <{address}>" for words, _, address in sources),
        "waving",
        "Sitting, standing and lying",
        "no medical device",
    ):
        assert text in card
    assert "staged" not in card
    falling = replace(model.trained[0], name="falling")
    assert "staged by young people" in everyday_card(replace(model, trained=(falling, *model.trained[1:])), "", 1)
    assert str(tmp_path) not in card
    # The same seed gives the same numbers, whoever asks.
    assert np.array_equal(model.fold.train_features, everyday_model.fold.train_features)
    assert np.array_equal(model.seen.weight, everyday_model.seen.weight) and model.gate == everyday_model.gate


@pytest.mark.parametrize("where", ["train_pairs", "measure_fold", "fit_calibration"])
def test_an_interrupted_training_goes_on_to_the_same_model(
    pretend: list[str], tmp_path: Path, everyday_model: EverydayModel, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole.safetensors"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, where, interrupt)
        assert run(*pretend, "--out", out) == 130
    (parts,) = (out / kept.PARTS).iterdir()
    assert (parts / "known.npz").is_file() and not (out / "recognizer.safetensors").exists()
    with monkeypatch.context() as patch:
        patch.setattr(training, "fit_known", training.fit_known if where == "measure_fold" else _no_more(parts))
        assert run(*pretend, "--out", out) == 0
    model = load_everyday(out / "recognizer.safetensors")
    for found, path in ((model, tmp_path / "resumed.safetensors"), (everyday_model, whole)):
        save_everyday(_without_sources(found), path)
    assert (tmp_path / "resumed.safetensors").read_bytes() == whole.read_bytes()
    assert not (out / kept.PARTS).exists()


def _no_more(parts: Path):  # type: ignore[no-untyped-def]
    """Return a training of classifiers that is only called for folds that are not there."""
    original, done = training.fit_known, len([*parts.glob("fold-*.npz")])

    def fit(*arguments):  # type: ignore[no-untyped-def]
        assert done < 3, "trained again"
        return original(*arguments)

    return fit


def _without_sources(model: EverydayModel) -> EverydayModel:
    return replace(model, sources=())


def test_other_settings_use_no_part_of_before(tmp_path: Path) -> None:
    one, other = (kept.Kept.of(pretend_corpus(), tiny_config(seed), tmp_path) for seed in (0, 1))
    made = one.arrays("part", lambda: {"x": np.zeros(2)})
    assert np.array_equal(one.arrays("part", lambda: pytest.fail("made again"))["x"], made["x"])
    assert other.arrays("part", lambda: {"x": np.ones(2)})["x"].sum() == 2
    other.clear()
    assert not (tmp_path / kept.PARTS).exists()


def test_a_damaged_part_is_made_again(tmp_path: Path) -> None:
    parts = kept.Kept.of(pretend_corpus(), tiny_config(0), tmp_path)
    parts.arrays("part", lambda: {"x": np.arange(9)})
    (path,) = tmp_path.rglob("part.npz")
    data = path.read_bytes()
    for place in range(0, 8 * len(data), 101):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        assert parts.arrays("part", lambda: {"x": np.arange(9)})["x"].tolist() == [*range(9)]
        assert parts.arrays("part", lambda: pytest.fail("made again"))["x"].tolist() == [*range(9)]


def test_a_full_disk_ends_training_in_one_line(
    pretend: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "out"
    with files_no_longer_than(20_000):
        assert run(*pretend, "--out", out) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"error: {out}") and "cannot be written (File too large)" in said
    assert not [path for path in out.rglob("*") if path.suffix == ".safetensors" or "-" in path.stem]


def test_the_shipped_card_is_what_the_code_says_of_the_shipped_model() -> None:
    path = MODELS_FOLDER / "everyday" / MODEL_FILE
    card = path.with_name("README.md").read_text(encoding="utf-8")
    command = card.partition("| made by | `")[2].partition("`")[0]
    assert card == everyday_card(load_everyday(path), command, path.stat().st_size)


def test_misuse_of_training_is_one_line(pretend: list[str], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(*pretend, "--seed", "-1") == 2 and "--seed: -1 cannot be used" in capsys.readouterr().err
    assert run(*pretend, "--datasets", "nope") == 2 and "data set 'nope' is unknown" in capsys.readouterr().err
    (tmp_path / "README.md").write_text("mine")
    assert run(*pretend, "--out", tmp_path) == 2 and "would be replaced" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == "mine"
