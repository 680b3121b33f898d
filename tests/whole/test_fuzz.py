"""Hundreds of malformed inputs: each one is one line of error and exit code 2, in seconds, with nothing executed.

Inputs are damaged by `malformed.py` from a seed that stands in the name of the test.
"""

import io
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
from checkout import ROOT
from kitchen import write_kitchen
from malformed import (
    DECLARED,
    Payload,
    csv_bytes,
    csv_text,
    npy_bytes,
    npz_of,
    parquet_bytes,
    written,
    yaml_bytes,
    zip_bomb,
    zipped,
)

from feature_extraction.storage.files import read_npz
from sadvae_har import __main__ as cli

pytest_plugins = ("fuzzing",)
DSADS = ROOT / "resources" / "feature_tables" / "dsads.npz"
CHANNELS = [f"imu.{quantity}_{axis}" for quantity in ("acc", "gyro") for axis in "xyz"]


@pytest.fixture(scope="module")
def model(trained_recognizer_path):
    return trained_recognizer_path


def test_the_input_that_is_damaged_is_sound(model, tmp_path):
    path = written(tmp_path / "a.csv", csv_text().encode())
    assert cli.main(["predict", str(path), "--model", str(model), *DECLARED]) == 0


@pytest.mark.parametrize("seed", range(60))
def test_csv_recordings(seed, model, refused, tmp_path):
    path = written(tmp_path / "a.csv", csv_bytes(np.random.default_rng(seed), seed))
    refused("predict", path, "--model", model, *DECLARED)


@pytest.mark.parametrize("seed", range(56))
def test_npy_recordings(seed, model, refused, tmp_path):
    path = written(tmp_path / "a.npy", npy_bytes(np.random.default_rng(seed), seed, tmp_path / "canary"))
    columns = [f"{channel}={k}" for k, channel in enumerate(CHANNELS)]
    refused("predict", path, "--model", model, *DECLARED, "--columns", ",".join(columns))


@pytest.mark.parametrize("seed", range(42))
def test_parquet_recordings(seed, model, refused, tmp_path):
    path = written(tmp_path / "a.parquet", parquet_bytes(np.random.default_rng(seed), seed))
    refused("predict", path, "--model", model, *DECLARED)


@pytest.mark.parametrize("seed", [seed for seed in range(45) if seed % 10 != 5])  # 5 is too short, no error in a stream
def test_lines_on_standard_input(seed, model, refused, tmp_path, monkeypatch):
    content = csv_bytes(np.random.default_rng(seed), seed)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
    refused("predict", "--follow", "--model", model, *DECLARED, streams=True)


@pytest.mark.parametrize("seed", range(70))
def test_lists_of_activities(seed, model, refused, tmp_path):
    path = written(tmp_path / "a.yaml", yaml_bytes(np.random.default_rng(seed), seed, tmp_path / "canary"))
    refused("predict", "a.csv", "--model", model, "--activities", path)


@pytest.mark.parametrize("seed", range(70))
def test_descriptions_of_data_sets(seed, refused, tmp_path):
    rng = np.random.default_rng(seed)
    path = write_kitchen(tmp_path / "raw", n_subjects=1)
    if seed % 2:
        path.write_bytes(yaml_bytes(rng, seed // 2, tmp_path / "canary"))
    else:
        lines = path.read_text().splitlines()
        spot = int(rng.integers(len(lines) - 9))
        key = lines[spot].partition(":")[0]
        lines[spot] = f"{key}: {['{a: {b: [1]}}', '[[1], {}]', '.nan', '~', '-3', ''][seed // 2 % 6]}"
        path.write_text("\n".join(lines))
    refused("data", "check", path)


@pytest.fixture(scope="module")
def run_folder(model, tmp_path_factory):
    """Return a copy of the run that made the model, without files that tests never damage."""
    return shutil.copytree(model.parent, tmp_path_factory.mktemp("run") / "run")


DAMAGE = (
    lambda content, rng: content[: len(content) // 2],
    lambda content, rng: b"",
    lambda content, rng: rng.bytes(500),
    lambda content, rng: b"[" * 100_000,
    lambda content, rng: b'{"a":' * 100_000,
    lambda content, rng: b"9" * 5000,
    lambda content, rng: b"[1, 2, 3]",
    lambda content, rng: b"null",
)
RUN_FILES = ("metrics.json", "predictions.npz", "split.json", "environment.json", "config.yaml", "gate.json")


@pytest.mark.parametrize("seed", range(len(RUN_FILES) * len(DAMAGE)))
def test_reports_of_damaged_run_folders(seed, run_folder, refused):
    path, damage = run_folder / RUN_FILES[seed // len(DAMAGE)], DAMAGE[seed % len(DAMAGE)]
    content = path.read_bytes()
    path.write_bytes(damage(content, np.random.default_rng(seed)))
    try:
        if path.suffix == ".yaml" and damage is DAMAGE[0]:
            path.write_bytes(b"half: [")
        assert path.name in refused("report", run_folder)
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(
    "kind", ["nothing", "a file", "empty", "a pipe inside", "another folder inside", "a link to itself"]
)
def test_folders_that_are_no_runs(kind, refused, tmp_path):
    folder = tmp_path / "run"
    if kind == "a file":
        folder.write_text("run")
    elif kind == "a link to itself":
        folder.symlink_to(folder)
    elif kind != "nothing":
        folder.mkdir()
    for name in (*RUN_FILES, "recognizer.safetensors"):
        if kind == "a pipe inside":
            os.mkfifo(folder / name)
        elif kind == "another folder inside":
            (folder / name).mkdir()
    refused("report", folder)
    refused("activities", "list", folder)


TABLE = {
    "header of another kind": {"header": np.array("[1]")},
    "header that is nested": {"header": np.array("[" * 5000)},
    "header of 5000 digits": {"header": np.array("9" * 5000)},
    "header that is empty": {"header": np.array("")},
    "header of numbers": {"header": np.arange(3)},
    "features of words": {"features": np.array([["a"]])},
    "features in a row": {"features": np.zeros(9)},
    "features of no window": {"features": np.zeros((0, 405), np.float32)},
    "labels of numbers": {"labels": np.arange(9120)},
    "one label": {"labels": np.array(["sitting"])},
    "a single subject": {"subjects": np.array("1")},
    "features without an end": {"features": np.full((9120, 405), np.inf, np.float16)},
}


@pytest.mark.parametrize(
    "name", [*TABLE, "a zip bomb", "a pickle", "pickles", "a folder", "a pipe", "zeros", "a huge shape"]
)
def test_feature_tables(name, refused, tmp_path):
    path = tmp_path / "a.npz"
    if name in TABLE:
        npz_of(path, read_npz(DSADS) | TABLE[name])
    else:
        canary, shape = Payload(tmp_path / "canary"), npy_bytes(np.random.default_rng(0), 5, tmp_path)
        {
            "a zip bomb": lambda: zip_bomb(path),
            "a pickle": lambda: path.write_bytes(pickle.dumps(canary)),
            "pickles": lambda: npz_of(path, {"header": np.array([canary])}),
            "a folder": path.mkdir,
            "a pipe": lambda: os.mkfifo(path),
            "zeros": lambda: path.write_bytes(bytes(4000)),
            "a huge shape": lambda: zipped(path, "features.npy", shape),
        }[name]()
    refused("run", "--feature-table", path, "--dataset", "dsads", "--out", tmp_path / "run")


def test_in_a_process_of_its_own(model, tmp_path):
    """The parser of a C library dies, if it dies, with the process: no traceback, no signal."""
    nested = written(tmp_path / "a.yaml", b"a: " + b"[" * 1_000_000)
    pickled = written(tmp_path / "a.npy", npy_bytes(np.random.default_rng(0), 3, tmp_path / "canary"))
    for words in (
        ["data", "check", nested],
        ["predict", pickled, "--model", model, *DECLARED],
    ):
        command = [sys.executable, "-m", "sadvae_har", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "canary").exists()
