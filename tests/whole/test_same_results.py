"""A run ends alike wherever, however and however often it is started: results are the same bytes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkout import ROOT
from kitchen import Kitchen

from sadvae_har.__main__ import main

pytestmark = pytest.mark.slow
STEPS = ["--train.n_steps", "120", "--train.n_checkpoints", "30"]  # so that there is something to interrupt
RESULTS = ("split.json", "model.safetensors", "metrics.json", "gate.json", "predictions.npz", "recognizer.safetensors")
PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Kitchen:
    made = Kitchen(tmp_path_factory.mktemp("kitchen"))
    assert main(["splits", "create", str(made.yaml), "--count", "1", "--out", str(made.folder / "splits")]) == 0
    return made


def start(kitchen: Kitchen, out: str, folder: Path | None = None, **environment: str) -> subprocess.Popen[str]:
    """Start the run in a process of its own."""
    plain = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "sadvae_har", "run", *kitchen.flags(out), *STEPS],
        env={**os.environ, **plain, **environment},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        _, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, said


def results(kitchen: Kitchen, out: str) -> dict[str, bytes]:
    return {name: (kitchen.folder / out / name).read_bytes() for name in RESULTS}


@pytest.fixture(scope="module")
def expected(kitchen: Kitchen) -> dict[str, bytes]:
    finish(start(kitchen, "whole"))
    return results(kitchen, "whole")


def test_order_language_time_place_and_threads_change_nothing(
    kitchen: Kitchen, expected: dict[str, bytes], tmp_path: Path
) -> None:
    other = {"PYTHONHASHSEED": "7", "LC_ALL": "C", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati"}
    other["OMP_NUM_THREADS"] = "2"
    finish(start(kitchen, "elsewhere", tmp_path, **other))
    assert results(kitchen, "elsewhere") == expected


def test_two_processes_on_one_folder_end_alike(kitchen: Kitchen, expected: dict[str, bytes]) -> None:
    finish(*[start(kitchen, "shared") for _ in range(2)])
    assert results(kitchen, "shared") == expected


def test_a_killed_run_goes_on_and_ends_alike(kitchen: Kitchen, expected: dict[str, bytes]) -> None:
    killed, state = start(kitchen, "killed"), kitchen.folder / "killed" / "training_state.safetensors"
    while not state.exists() and killed.poll() is None:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL and state.exists()
    finish(start(kitchen, "killed"))
    assert results(kitchen, "killed") == expected
