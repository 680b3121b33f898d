"""`predict` and `activities` as a user meets them, on real recordings."""

import csv
import io
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from feature_extraction.datasets import get_dataset
from feature_extraction.recordings.recording import Recording
from sadvae_har import __main__ as cli
from sadvae_har.method.gate import TEXT_MARGIN, SafetyNet
from sadvae_har.recognition.recognizer import Recognizer

DECLARED = ["--units", "acc=g,gyro=rad/s"]


@pytest.fixture(scope="module")
def model(trained_recognizer_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "recognizer.safetensors"
    shutil.copy(trained_recognizer_path, path)
    return path


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of 40 s with time stamps."""
    items = [item for item in get_dataset("watch").read() if isinstance(item, Recording) and item.subject == "9"]
    samples = np.concatenate([item.samples[:1000] for item in items[:2]])
    path = tmp_path_factory.mktemp("recordings") / "exercises.csv"
    rows = np.column_stack([np.arange(len(samples)) * 20, samples])
    np.savetxt(path, rows, delimiter=",", fmt="%.6g", header="t_ms,ax,ay,az,gx,gy,gz", comments="")
    return path


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


def test_segments_are_printed_and_findings_said(model: Path, recording: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("predict", recording, "--model", model, *DECLARED) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == str(recording)
    assert "pendulum" in said.out and "0.0 s to" in said.out
    assert "time <- column 't_ms' in ms: 50 Hz" in said.err and "acc in g: declared" in said.err


def test_a_gate_that_stands_aside_says_so_once(
    model: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    recognizer = Recognizer.load(model)
    net = SafetyNet("stands aside", 0.04, 0.3, 0.97, 0.1)
    recognizer.model = replace(recognizer.model, gate=replace(TEXT_MARGIN, mean=(1e6,), net=net))
    recognizer.save(tmp_path / "aside.safetensors")
    assert run("predict", recording, recording, "--model", tmp_path / "aside.safetensors", *DECLARED) == 0
    said = capsys.readouterr()
    assert said.err.count("the gate of this model stands aside: ") == 1 and "described" not in said.out
    assert run("predict", recording, "--model", model, *DECLARED) == 0
    assert "stands aside" not in capsys.readouterr().err


def test_every_format_holds_the_same_windows(
    model: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name in ("w.csv", "w.json", "w.parquet"):
        assert run("predict", recording, "--model", model, *DECLARED, "--out", tmp_path / name) == 0
        assert f"windows: {tmp_path / name}" in capsys.readouterr().out
    from_csv = list(csv.DictReader((tmp_path / "w.csv").open()))
    from_json = [json.loads(line) for line in (tmp_path / "w.json").read_text().splitlines()]
    from_parquet = pyarrow.parquet.read_table(tmp_path / "w.parquet").to_pylist()
    assert from_json == from_parquet and len(from_json) == 15
    assert [row["label"] for row in from_csv] == [row["label"] for row in from_json]
    assert [float(row["probability"]) for row in from_csv] == [row["probability"] for row in from_json]
    assert run("predict", recording, "--model", model, *DECLARED, "--out", "csv") == 0
    assert list(csv.DictReader(io.StringIO(capsys.readouterr().out))) == from_csv


def test_a_guess_needs_a_yes(model: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join(line.split(",", 1)[1] for line in recording.read_text().splitlines()[1:]) + "\n")
    flags = ["--model", model, *DECLARED, "--rate-hz", "50"]
    assert run("predict", bare, *flags) == 2
    said = capsys.readouterr().err
    assert "the lines above are guesses; add --yes" in said and "imu.acc_x" in said
    assert run("predict", bare, *flags, "--yes") == 0
    without_yes = capsys.readouterr().out
    assert run("predict", recording, "--model", model, *DECLARED) == 0
    lines = (without_yes.splitlines()[1:], capsys.readouterr().out.splitlines()[1:])
    assert lines[0] == lines[1]


def test_good_files_are_written_though_others_are_bad(
    model: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "bad.csv").write_text("hello\n")
    short = tmp_path / "short.csv"
    short.write_text("\n".join(recording.read_text().splitlines()[:80]) + "\n")
    files = [tmp_path / "bad.csv", recording, short]
    assert run("predict", *files, "--model", model, *DECLARED, "--out", tmp_path / "w.csv") == 2
    said = capsys.readouterr().err
    assert "bad.csv" in said and "no stretch without gaps has the 5 s of a window" in said
    assert said.splitlines()[-1] == "error: 2 of 3 recordings could not be read, see above"
    assert len((tmp_path / "w.csv").read_text().splitlines()) == 16


def test_two_additions_at_once_both_count(model: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.safetensors"
    shutil.copy(model, changed)
    names = ("arm circles", "waving", "clapping")
    with ThreadPoolExecutor(len(names)) as pool:
        words = ((("activities", "add", changed, name, f"The person is {name}."),) for name in names)
        assert [*pool.map(lambda given: run(*given[0]), words)] == [0, 0, 0]
    assert set(names) <= set(Recognizer.load(changed).names)
    assert [path.name for path in tmp_path.iterdir()] == [changed.name]


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "RECORDING", "--model", "MODEL", "--out", "PIPE"),
        ("activities", "add", "MODEL", "x", "y", "--out", "PIPE"),
    ],
    ids=lambda words: words[0],
)
def test_a_target_that_is_no_file_is_refused_before_any_work(
    model: Path, recording: Path, tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture
) -> None:
    pipe = tmp_path / "out.csv"
    os.mkfifo(pipe)
    places = {"RECORDING": recording, "MODEL": model, "PIPE": pipe}
    assert run(*(places.get(word, word) for word in words)) == 2
    said = capsys.readouterr()
    assert said.err == f"error: {pipe}: is a pipe, which is never replaced; name a file\n" and not said.out
    assert pipe.is_fifo()


def test_activities_are_listed_added_used_and_removed(
    model: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    changed = tmp_path / "changed.safetensors"
    text = "The person stretches one arm out sideways and draws wide circles in the air with it."
    assert run("activities", "add", model, "arm circles", text, "--out", changed) == 0
    assert run("activities", "list", changed) == 0
    assert f"described  arm circles          {text}" in capsys.readouterr().out
    assert run("activities", "list", model) == 0
    assert "arm circles" not in capsys.readouterr().out
    assert run("activities", "remove", changed, "arm circles") == 0
    assert run("activities", "list", changed) == 0
    assert "arm circles  " not in capsys.readouterr().out.partition("removed")[2]
    extra = tmp_path / "extra.yaml"
    extra.write_text(f"activities:\n  arm circles: {text}\n  waving: {{sentence: The person waves a hand.}}\n")
    flags = ["--model", model, *DECLARED, "--activities", extra, "--out", "json"]
    assert run("predict", recording, *flags) == 0
    assert len(capsys.readouterr().out.splitlines()) == 15


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give one recording or more, or --follow"),
        (("x.csv", "--follow"), "give one recording or more, or --follow"),
        (("x.csv", "--out", "xml"), "--out: 'xml' names no format"),
        (("x.csv", "--out", "parquet"), "give a path, or csv"),
        (("--follow", "--out", "w.parquet"), "give a path, or csv"),
        (("x.csv", "--units", "acc"), "--units: 'acc' is no pair"),
        (("x.csv", "--units", "acc=miles"), "unit 'miles' is unknown"),
        (("x.csv", "--columns", "=ax"), "--columns: '=ax' is no pair"),
        (("absent.csv",), "absent.csv: cannot be read"),
        (("x.csv", "--activities", "absent.yaml"), "absent.yaml: no such file"),
    ],
    ids=str,
)
def test_misuse_is_one_line(model: Path, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture) -> None:
    assert run("predict", *words, "--model", model) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "- a\n- b\n", "5: text\n", "a: [1]\n", "a: {b: c}\n", "a: x\na: y\n", "{", "a: ''\n"]
)
def test_activity_files_that_cannot_be_used(
    model: Path, recording: Path, tmp_path: Path, text: str, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "extra.yaml"
    path.write_text(text)
    assert run("predict", recording, "--model", model, "--activities", path) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: ") and len(said.err.splitlines()) == 1


def test_a_recording_is_never_written_over(
    model: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    copy = tmp_path / "own.csv"
    copy.write_bytes(recording.read_bytes())
    before = copy.read_bytes()
    (tmp_path / "link.csv").symlink_to(copy)
    for out in (copy, tmp_path / "link.csv"):
        assert run("predict", copy, "--model", model, *DECLARED, "--out", out) == 2
        assert "itself and would be replaced" in capsys.readouterr().err and copy.read_bytes() == before


def test_nothing_is_written_into_a_folder_that_is_read(
    model: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    copy = folder / "own.csv"
    copy.write_bytes(recording.read_bytes())
    before = copy.read_bytes()
    for out in (copy, folder / "new.csv"):
        assert run("predict", folder, "--model", model, *DECLARED, "--out", out) == 2
        assert "which is read; name a file elsewhere" in capsys.readouterr().err
    assert copy.read_bytes() == before and list(folder.iterdir()) == [copy]


def test_lines_that_arrive_are_not_guessed_either(
    model: Path, recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    lines = "\n".join(line.split(",", 1)[1] for line in recording.read_text().splitlines()[1:]) + "\n"
    flags = ["predict", "--follow", "--model", model, *DECLARED, "--rate-hz", "50"]
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    assert run(*flags) == 2 and "add --yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    assert run(*flags, "--yes") == 0 and len(capsys.readouterr().out.splitlines()) == 16


def test_an_interrupted_live_recording_loses_no_window(
    model: Path, recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    class Interrupted(io.StringIO):
        def readline(self, size: int | None = -1) -> str:
            line = super().readline(size or -1)
            if not line:
                raise KeyboardInterrupt
            return line

    sent = recording.read_text().splitlines(keepends=True)[: 1 + 750]
    monkeypatch.setattr("sys.stdin", Interrupted("".join(line.split(",", 1)[1] for line in sent)))
    assert run("predict", "--follow", "--model", model, *DECLARED, "--rate-hz", "50", "--out", "csv") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 5  # windows that 15 s hold
