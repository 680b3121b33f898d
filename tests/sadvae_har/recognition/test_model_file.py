"""The one-file model: what it holds comes back, and what is damaged or newer is refused."""

import json
from pathlib import Path

import pytest
import torch
from checkout import ROOT
from malformed import read_model, write_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from feature_extraction.errors import InputError
from sadvae_har.recognition.model.file import KIND, load_model, save_model


@pytest.fixture
def path(trained_recognizer_path: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "model.safetensors"
    copy.write_bytes(trained_recognizer_path.read_bytes())
    return copy


def rewrite(path: Path, change_header=lambda header: None, change_tensors=lambda tensors: None, sign=True) -> None:
    """Change a model file, with a checksum that fits unless told otherwise."""
    header, tensors = read_model(path)
    change_header(header)
    change_tensors(tensors)
    if sign:
        write_model(path, header, tensors)
    else:
        save_file(tensors, path, metadata={KIND: json.dumps(header)})


def test_saving_what_was_loaded_gives_the_same_file(path: Path, tmp_path: Path) -> None:
    save_model(load_model(path), tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_it_holds_no_pickle_and_no_path_of_this_machine(path: Path) -> None:
    with safe_open(path, framework="pt") as file:
        header = file.metadata()[KIND]
    assert str(ROOT) not in header and str(path.parent) not in header
    assert b"torch._utils" not in path.read_bytes()


def test_a_newer_version_is_refused_before_anything_else_is_read(path: Path) -> None:
    rewrite(path, lambda header: header.update(version=99, program="9.9", encoder=None), sign=False)
    with pytest.raises(InputError, match=r"made by a newer version of this program \(format 99, '9.9'\).*update"):
        load_model(path)


def test_a_changed_number_is_noticed(path: Path) -> None:
    rewrite(path, change_tensors=lambda tensors: tensors["seen/weight"].add_(1e-3), sign=False)
    with pytest.raises(InputError, match="does not match its checksum"):
        load_model(path)


@pytest.mark.parametrize("keep", [0, 7, 8, 100, 5000, -1])
def test_a_truncated_file_is_damaged(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"model\.safetensors: damaged or not a safetensors file .*; make it again"):
        load_model(path)


@pytest.mark.parametrize("name", ["encoder", "text", "config", "gate", "calibration", "trained"])
@pytest.mark.parametrize("value", [None, [], {}, "x", -1], ids=repr)
def test_a_header_that_makes_no_sense_is_refused(path: Path, name: str, value: object) -> None:
    rewrite(path, lambda header: header.__setitem__(name, value))
    with pytest.raises(InputError, match=r"model\.safetensors: "):
        load_model(path)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("seen/weight", lambda t: t[:, :-1].clone()),
        ("seen/bias", lambda t: t[:-1].clone()),
        ("train/features", lambda t: t[:, :-3].clone()),
        ("train/features", lambda t: torch.full_like(t, torch.nan)),
        ("train/classes", lambda t: t + 40),
        ("train/classes", lambda t: t - 1),
        ("synthesis/donors", lambda t: t + 10**6),
        ("synthesis/donors", lambda t: t[:, :3].clone()),
        ("synthesis/noise", lambda t: t[:1].clone()),
        ("text/vectors", lambda t: t[:-1].clone()),
        ("space/axes", lambda t: t[:, :-1].clone()),
        ("standardizer/mean", lambda t: t[:-1].clone()),
        ("familiarity/factor", lambda t: torch.zeros_like(t)),
        ("networks/text_encoder.network.0.weight", lambda t: t[:, :, :-1].clone()),
    ],
)
def test_tensors_that_do_not_fit_are_refused(path: Path, name: str, make) -> None:
    rewrite(path, change_tensors=lambda tensors: tensors.__setitem__(name, make(tensors[name])))
    with pytest.raises(InputError, match=r"model\.safetensors: "):
        load_model(path)


def test_every_tensor_is_needed(path: Path) -> None:
    names = list(load_file(path))
    original = path.read_bytes()
    for name in names:
        path.write_bytes(original)
        rewrite(path, change_tensors=lambda tensors, name=name: tensors.pop(name))
        with pytest.raises(InputError, match=r"model\.safetensors: "):
            load_model(path)


def test_features_of_another_version_are_refused(path: Path) -> None:
    rewrite(path, lambda header: header["encoder"]["versions"].update(statistical=99))
    with pytest.raises(InputError, match="made with version 99 of the statistical features"):
        load_model(path)


@pytest.mark.parametrize("change", [{"format": "onnx"}, {"version": "1"}, {"version": True}, {"version": 0}])
def test_a_header_of_another_format_is_no_recogniser(path: Path, change: dict[str, object]) -> None:
    rewrite(path, lambda header: header.update(change))
    with pytest.raises(InputError, match=r"model\.safetensors: holds no recogniser \(format .*; make it again"):
        load_model(path)


def test_another_safetensors_file_is_no_recogniser(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"other\.safetensors: no file of kind .*; make it again"):
        load_model(tmp_path / "other.safetensors")
