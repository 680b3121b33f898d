"""What `predict` and `data check` say about recordings that are not what they are said to be."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from checkout import ROOT
from notations import motion

from feature_extraction.errors import InputError
from sadvae_har import Declared, Recognizer, predict_file
from sadvae_har.__main__ import main

CASES = ROOT.parent / "shared" / "field-cases"


@pytest.fixture(scope="module")
def recognizer(trained_recognizer_path) -> Recognizer:
    return Recognizer.load(trained_recognizer_path)


def write(folder: Path, values: np.ndarray, acc: str = "m/s2", gyro: str = "rad/s", name: str = "walk.csv") -> Path:
    header = [f"acc_{axis} [{acc}]" for axis in "xyz"] + [f"gyro_{axis} [{gyro}]" for axis in "xyz"]
    lines = [",".join(f"{value:.5f}" for value in row) for row in values]
    (folder / name).write_text("\n".join([",".join(header), *lines]) + "\n")
    return folder / name


def test_contradicted_units_give_no_label_even_with_yes(recognizer, trained_recognizer_path, tmp_path, capsys):
    values = motion()
    values[:, :3] /= 9.80665
    path = write(tmp_path, values)
    with pytest.raises(InputError, match=r"the values look like g; correct the unit in the names of the columns"):
        predict_file(recognizer, path, Declared(rate_hz=50.0))
    for extra in ([], ["--yes"]):
        assert main(["predict", str(path), "--model", str(trained_recognizer_path), "--rate-hz", "50", *extra]) == 2
        out, err = capsys.readouterr()
        assert out == "" and "acc_x [m/s2]" in err


def test_questions_need_a_yes_and_are_collected(recognizer, trained_recognizer_path, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    path = write(tmp_path, motion(), name="left_ankle.csv")
    command = ["predict", str(path), "--model", str(trained_recognizer_path), "--rate-hz", "50"]
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert out == "" and "says ankle, the model was trained at the wrist" in err and "--yes" in err
    assert main([*command, "--yes"]) == 0
    assert "question: file name 'left_ankle'" in capsys.readouterr().err
    doubts = []
    assert len(predict_file(recognizer, path, Declared(rate_hz=50.0), doubts=doubts))
    assert [doubt.severity for doubt in doubts if doubt.kind == "place"] == ["question"]


def test_lines_that_arrive_are_looked_at_before_the_first_label(trained_recognizer_path, tmp_path, capsys, monkeypatch):
    values = motion()
    values[:, 3:] *= 180 / np.pi
    text = write(tmp_path, np.vstack([values, values])).read_text()
    command = ["predict", "--follow", "--model", str(trained_recognizer_path), "--rate-hz", "50"]
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert "the values look like deg/s" in err and "imu" not in out


def test_a_place_in_a_header_is_in_question_for_lines_as_for_files(
    trained_recognizer_path, tmp_path, capsys, monkeypatch
):
    header, *lines = write(tmp_path, np.vstack([motion(), motion()])).read_text().splitlines()
    text = "\n".join([header.replace("acc_", "ankle_acc_").replace("gyro_", "ankle_gyro_"), *lines]) + "\n"
    command = ["predict", "--follow", "--model", str(trained_recognizer_path), "--rate-hz", "50"]
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert "imu" not in out and "says ankle, the model was trained at the wrist" in err


def test_the_reference_is_where_gravity_pointed_in_training(recognizer):
    reference = recognizer.reference
    assert reference.places == ("wrist",) and "pendulum" in reference.activities
    np.testing.assert_allclose(np.linalg.norm(reference.gravity["imu"], axis=1), 1, atol=1e-6)
    assert reference.gravity_mps2["imu"] == pytest.approx(9.8, abs=1)


@pytest.mark.skipif(not CASES.exists(), reason=f"no field cases: {CASES} is absent")
@pytest.mark.parametrize(
    ("case", "code", "word"),
    [("check_unit_one", 1, "error: 7 of 28 recordings (rec_p1.csv#1"), ("check_time_unit", 2, "steps of 20 s")],
)
def test_data_check_fails_where_training_would_be_wrong(case, code, word, capsys):
    assert main(["data", "check", str(CASES / case / "dataset.yaml")]) == code
    assert word in "".join(capsys.readouterr())
