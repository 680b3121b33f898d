"""What programs import from the package: the list is pinned, and nothing of it is loaded before its first use."""

import ast
import subprocess
import sys

import pytest
from checkout import ROOT

import sadvae_har

PUBLIC = """
    Channel Config Declared DomainClassifier FeatureTable InputError LeakageError Locations PatchCheckpoint Prediction
    Recognizer Recording RecordingStream SADVAE Split WindowEncoder WindowSet WindowStream ZeroShotClassifier
    embed_views find_split get_dataset load_config plan_reading predict_file prepare read_activities read_recording
    read_run run
""".split()


def test_the_public_names_are_these() -> None:
    assert sorted(sadvae_har.__all__) == sorted(PUBLIC)
    assert set(PUBLIC) <= set(dir(sadvae_har))


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    assert getattr(sadvae_har, name).__doc__


def test_type_checkers_see_what_is_loaded() -> None:
    """The imports under TYPE_CHECKING are those that happen at first use."""
    tree = ast.parse((ROOT / "sadvae_har" / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        node.module: " ".join(alias.name for alias in node.names)
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
    }
    assert seen == sadvae_har._HOMES


def test_a_name_that_is_not_public_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Recogniser'"):
        sadvae_har.Recogniser  # noqa: B018


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import sadvae_har", "numpy torch jsonargparse"),
        ("from sadvae_har.__main__ import main; main(['data', 'list'])", "torch scipy sklearn matplotlib transformers"),
        ("from sadvae_har import Recognizer, predict_file", "sklearn matplotlib sentence_transformers plotly"),
        ("from sadvae_har import run", "matplotlib tensorboard sentence_transformers streamlit onnx"),
    ],
)
def test_nothing_is_loaded_that_is_not_used(code: str, absent: str) -> None:
    check = f"import sys\n{code}\nprint('loaded:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = done.stdout.partition("loaded: ")[2].split()
    assert "sadvae_har" in loaded and not set(loaded) & set(absent.split())
