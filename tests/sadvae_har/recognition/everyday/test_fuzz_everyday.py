"""Malformed everyday models: refused with one line, whichever of the two kinds they claim to be."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from malformed import DECLARED, csv_text, edited, places, put, read_model, write_model, written

from feature_extraction.errors import InputError
from feature_extraction.storage.places import MODELS_FOLDER
from sadvae_har.recognition.everyday.model import load_everyday
from sadvae_har.recognition.model import header as header_module
from sadvae_har.recognition.model.file import load_model
from sadvae_har.recognition.model.header import EVERYDAY_KIND, FORMAT, KIND, find_model, read_summary
from sadvae_har.recognition.recognizer import Recognizer

pytest_plugins = ("fuzzing",)
OF_ANY_VALUE = ("checksum", "program", "name", "sources")
OF_TEXTS = (("name", "x"), ("sources", "x"))  # a text is a name, and so is each of its letters


@pytest.fixture
def unusable(refused, tmp_path):
    """Return a function that requires `predict` to refuse a model; it loads the model before the recording."""

    def check(path):
        return refused("predict", written(tmp_path / "a.csv", csv_text().encode()), "--model", path, *DECLARED)

    return check


def test_the_sound_model_would_not_be_refused(everyday_model_path, sound_everyday, tmp_path):
    path = write_model(tmp_path / "a.safetensors", json.loads(sound_everyday[0]), sound_everyday[1], EVERYDAY_KIND)
    assert path.read_bytes() == everyday_model_path.read_bytes()
    Recognizer.load(path)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_bytes(seed, everyday_model_path, unusable, tmp_path):
    rng, content = np.random.default_rng(seed), bytearray(everyday_model_path.read_bytes())
    if seed % 2:
        content = content[: int(rng.integers(len(content)))]
    else:
        content[int(rng.integers(len(content) if seed % 4 else 10_000))] ^= 1 << int(rng.integers(8))
    unusable(written(tmp_path / "a.safetensors", bytes(content)))


@pytest.mark.parametrize("seed", range(60))
def test_headers_with_a_right_checksum(seed, sound_everyday, unusable, tmp_path):
    """Something else in any place, as long as it is not a place that may hold anything."""
    header = json.loads(sound_everyday[0])
    spots = [at for at in places(header) if at[0] not in OF_ANY_VALUE and at[0] != "pairs" and len(at) < 5]
    at = spots[seed * len(spots) // 60]
    put(header, at, lambda old: [{"a": [1]}] if isinstance(old, dict) else {"a": {"b": [1]}})
    unusable(write_model(tmp_path / "a.safetensors", header, sound_everyday[1], EVERYDAY_KIND))


@pytest.mark.parametrize("seed", range(60))
def test_headers_that_lack_something_or_hold_nothing(seed, sound_everyday, unusable, tmp_path):
    header = json.loads(sound_everyday[0])
    optional = (*OF_ANY_VALUE, "config", "trained")  # a config is filled up; a description, too
    may_lack = [("gate", "net"), ("described",), *(at for at in places(header) if isinstance(at[-1], int))]
    spots = [at for at in places(header) if at[0] not in optional and at not in may_lack]
    at = spots[seed // 2 * len(spots) // 30]
    put(header, at, None if seed % 2 else lambda _: None)
    unusable(write_model(tmp_path / "a.safetensors", header, sound_everyday[1], EVERYDAY_KIND))


FIELDS = ("name", "sources", "settings", "networks", "trained", "described", "pairs", "gate")
WRONG = [(name, value) for name in FIELDS for value in ("absent", None, "x", 7) if (name, value) not in OF_TEXTS]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
def test_whole_fields_that_are_missing_or_of_another_type(name, value, sound_everyday, unusable, tmp_path):
    header = json.loads(sound_everyday[0])
    put(header, (name,), None if value == "absent" else lambda _: value)
    unusable(write_model(tmp_path / "a.safetensors", header, sound_everyday[1], EVERYDAY_KIND))


@pytest.mark.parametrize("value", [10**9, 10**15, 10**400, float("nan"), float("inf"), -1e308, -7], ids=str)
def test_headers_with_impossible_numbers(value, sound_everyday, tmp_path):
    """What may be any number, such as a bias, loads, and nothing else than an error of input is raised."""
    parts = ("networks", "settings", "calibration", "gate", "config")
    spots = [at for at in places(json.loads(sound_everyday[0])) if at[0] in parts]
    spots = [spots[k] for k in np.random.default_rng(len(str(value))).permutation(len(spots))[:25]]
    n_refused = 0
    for at in spots:
        header = json.loads(sound_everyday[0])
        put(header, at, lambda _: value)
        path = write_model(tmp_path / "a.safetensors", header, sound_everyday[1], EVERYDAY_KIND)
        try:
            load_everyday(path)
        except InputError as error:
            n_refused += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert n_refused > len(spots) / 2


@pytest.mark.parametrize("kind", ["missing", "of another shape", "of impossible values", "of other numbers"])
def test_tensors_with_a_right_checksum(kind, sound_everyday, everyday_model_path, tmp_path):
    """Every tensor in turn."""
    free = {f"network-0/body.{k}.num_batches_tracked" for k in (1, 4, 7, 10)}  # which nothing reads
    for name in sorted(set(sound_everyday[1]) - free):
        tensors = dict(sound_everyday[1])
        value = tensors.pop(name)
        if kind == "of another shape":
            wide = value.shape[-1] > 1
            tensors[name] = value[..., : value.shape[-1] // 2] if wide else torch.cat([value, value], dim=-1)
        elif kind == "of impossible values":
            tensors[name] = value + (torch.nan if value.is_floating_point() else -10_000)
        elif kind == "of other numbers":
            tensors[name] = value.bfloat16() if value.is_floating_point() else value.float()
        if kind == "of other numbers" and value.is_floating_point():
            shutil.copy(everyday_model_path, tmp_path / "a.safetensors")
            path = with_raw(tmp_path / "a.safetensors", json.loads(sound_everyday[0]), tensors)
        else:
            path = write_model(tmp_path / "a.safetensors", json.loads(sound_everyday[0]), tensors, EVERYDAY_KIND)
        with pytest.raises(InputError, match="a.safetensors: "):
            Recognizer.load(path)


def with_raw(path, header, tensors):
    """Write a file with numbers that NumPy does not know, and no checksum, which cannot be computed."""
    from safetensors.torch import save_file

    save_file(tensors, path, {EVERYDAY_KIND: json.dumps(header)})
    return path


def test_numbers_out_of_all_proportion(sound_everyday, tmp_path):
    tensors = {name: value * 1e30 if "text_encoder" in name else value for name, value in sound_everyday[1].items()}
    path = write_model(tmp_path / "a.safetensors", json.loads(sound_everyday[0]), tensors, EVERYDAY_KIND)
    recognizer = Recognizer.load(path)  # trained activities are recognised without them
    with pytest.raises(InputError, match="its numbers cannot be used"):
        _ = recognizer.scorer


@pytest.mark.parametrize("version", [2, 0, -1, True, "1", None, 10**30], ids=repr)
def test_other_versions(version, everyday_model_path, unusable, tmp_path):
    line = unusable(edited(everyday_model_path, tmp_path / "a.safetensors", version=version))
    assert ("newer version" in line) == (version in (2, 10**30) and version is not True)


@pytest.fixture
def both(sound_everyday, trained_recognizer_path):
    """Return header and tensors of either kind of model."""
    return {
        EVERYDAY_KIND: (json.loads(sound_everyday[0]), sound_everyday[1]),
        KIND: read_model(trained_recognizer_path),
    }


@pytest.mark.parametrize("claimed", [EVERYDAY_KIND, KIND])
@pytest.mark.parametrize("with_format", [False, True])
def test_a_model_under_the_name_of_the_other_kind(claimed, with_format, both, unusable, tmp_path):
    """Whatever the header says of itself beside it."""
    (other,) = both.keys() - {claimed}
    header, tensors = both[other]
    header = header | ({"format": {EVERYDAY_KIND: EVERYDAY_KIND, KIND: FORMAT}[claimed]} if with_format else {})
    path = write_model(tmp_path / "a.safetensors", header, tensors, claimed)
    unusable(path)
    with pytest.raises(InputError, match="a.safetensors"):
        read_summary(path)


def test_a_reader_refuses_a_file_of_the_other_kind(everyday_model_path, trained_recognizer_path):
    with pytest.raises(InputError, match="no file of kind"):
        load_model(everyday_model_path)
    with pytest.raises(InputError, match="no file of kind"):
        load_everyday(trained_recognizer_path)


# Where a model is looked for


def test_a_shipped_model_is_found_by_its_name(everyday_model_path, tmp_path, monkeypatch):
    monkeypatch.setattr(header_module, "MODELS_FOLDER", tmp_path / "models")
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    shutil.copy(everyday_model_path, tmp_path / "models" / "tiny")
    monkeypatch.chdir(tmp_path)
    assert find_model("tiny") == tmp_path / "models" / "tiny" / everyday_model_path.name
    assert type(Recognizer.load("tiny")).__name__ == "EverydayRecognizer"
    (tmp_path / "tiny").mkdir()  # a folder of one's own of that name counts first
    with pytest.raises(InputError, match="tiny/recognizer.safetensors: no such model file"):
        find_model("tiny")
    shutil.copy(everyday_model_path, tmp_path / "tiny")
    assert find_model("tiny") == Path("tiny") / everyday_model_path.name


@pytest.mark.parametrize("name", ["nothing", "../models/tiny/none", "models/everyday", "", "a\0b"], ids=ascii)
def test_what_is_no_model_is_said_to_be_none(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no such model file; name one, or the folder of a finished run"):
        find_model(name)


def test_models_that_are_shipped_can_be_read():
    for path in sorted(MODELS_FOLDER.glob("*/*.safetensors")):
        assert read_summary(path).activities
