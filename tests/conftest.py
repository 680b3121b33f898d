"""Fixtures for every test file: real recordings where they are at hand, tiny ones in the same layout."""

import subprocess
import sys
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_raw(tmp_path_factory):
    """Return a function that unpacks a real data set once and returns its folder; skips where there is none."""
    target = tmp_path_factory.mktemp("shared_raw")

    def unpack(name: str, *subjects: int) -> Path:
        if not (SHARED_DATA / "unpack.py").exists():
            pytest.skip(f"no real recordings: {SHARED_DATA} is absent")
        command = [sys.executable, str(SHARED_DATA / "unpack.py"), name, "--to", str(target)]
        if subjects:
            command += ["--subjects", *map(str, subjects)]
        subprocess.run(command, check=True, capture_output=True)
        return target / name

    return unpack


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory):
    """Return the folder of a run on real recordings: wrist, seven shoulder exercises, two known by text only."""
    from sadvae_har.config import Config
    from sadvae_har.pipeline import Locations, run

    home = tmp_path_factory.mktemp("trained")
    run(Config(dataset="watch", split="random-1"), Locations(resources=home / "resources"), home / "run")
    return home / "run"


@pytest.fixture(scope="session")
def trained_recognizer_path(trained_run):
    """Return the model file of that run."""
    return trained_run / "recognizer.safetensors"
