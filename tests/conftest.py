"""Fixtures for every test file: real recordings where they are at hand, tiny ones in the same layout."""

import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT
from everyday_model import pretend_corpus, tiny_config
from text_archive import unpack

from sadvae_har.config.settings import Config
from sadvae_har.everyday.train import train_everyday
from sadvae_har.experiment.inputs import Locations
from sadvae_har.pipeline import run
from sadvae_har.recognition.everyday.model import EverydayModel, save_everyday
from sadvae_har.recognition.everyday.recognizer import EverydayRecognizer
from sadvae_har.recognition.model.header import MODEL_FILE

# `scripts/test.sh --fast` leaves out what trains, or starts a browser or other processes: every test that uses one of
# these fixtures, and these modules. A test elsewhere is left out with `@pytest.mark.slow`.
SLOW_FIXTURES = {
    "trained_run",
    "shared_raw",
    "kitchen",
    "trained",
    "finished",
    "run_tiny",
    "fitted",
    "address",
    "sound",
    "everyday_model",
}
SLOW_MODULES = {
    *(
        "test_demo_page",
        "test_demo_server",
        "test_examples",
        "test_fuzz",
        "test_rotation_robustness",
        "test_public_face",
    ),
    *("test_pretrain", "test_pretrain_resnet", "test_pooled_start", "test_event_files", "test_objectives_training"),
    *("test_rivals_generative", "test_zerohar", "test_reference", "test_benchmark", "test_rivals", "test_estimator"),
    *(
        "test_stages",
        "test_pipeline",
        "test_onnx_export",
        "test_read_malformed",
        "test_external_kinds",
        "test_open_problem",
    ),
}
SHARED_DATA = ROOT.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes long."""
    for item in items:
        if item.path.stem in SLOW_MODULES or SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


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
def text_cache(tmp_path_factory) -> Path:
    """Return a text cache with the texts of `text_archive.py`; the text model is loaded for others only."""
    return unpack(tmp_path_factory.mktemp("text_feats"))


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory, text_cache) -> Path:
    """Return the folder of a run on real recordings: wrist, seven shoulder exercises, two known by text only."""
    home = tmp_path_factory.mktemp("trained")
    (home / "resources").mkdir()
    (home / "resources" / "text_feats").symlink_to(text_cache)
    run(Config(dataset="watch", split="random-1"), Locations(resources=home / "resources"), home / "run")
    return home / "run"


@pytest.fixture(scope="session")
def trained_recognizer_path(trained_run) -> Path:
    """Return the model file of that run."""
    return trained_run / MODEL_FILE


@pytest.fixture(scope="session")
def everyday_model(text_cache: Path) -> EverydayModel:
    """Return an everyday model of pretend data sets; nobody may change it."""
    return train_everyday(pretend_corpus(), ("alpha, made up", "beta, made up"), tiny_config(), text_cache)


@pytest.fixture(scope="session")
def everyday_model_path(everyday_model: EverydayModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return its file."""
    path = tmp_path_factory.mktemp("everyday") / MODEL_FILE
    save_everyday(everyday_model, path)
    return path


@pytest.fixture
def everyday(everyday_model_path: Path, text_cache: Path) -> EverydayRecognizer:
    """Return a recogniser of that file, a new one for every test."""
    return EverydayRecognizer.load(everyday_model_path, text_cache)
