"""Malformed model files: refused with one line before memory is taken for them or anything is executed."""

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from malformed import (
    DECLARED,
    Payload,
    csv_text,
    edited,
    npz_of,
    places,
    put,
    read_model,
    write_model,
    written,
    zip_bomb,
)
from safetensors.torch import save_file

from feature_extraction.encoders.patch_transformer.device_readers import device_readers
from feature_extraction.errors import InputError
from feature_extraction.features.window_encoder import WindowEncoder
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.recordings.recording import three_axes
from feature_extraction.storage.places import ENCODERS_FOLDER
from feature_extraction.windows.cutting import WindowSettings
from feature_extraction.windows.input_format import InputFormat
from sadvae_har.recognition.model.header import KIND
from sadvae_har.recognition.recognizer import Recognizer

pytest_plugins = ("fuzzing",)


@pytest.fixture(scope="module")
def model(trained_recognizer_path):
    return trained_recognizer_path


@pytest.fixture
def unusable(refused, tmp_path):
    """Return a function that requires `predict` to refuse a model; it loads the model before the recording."""

    def check(path):
        refused("predict", written(tmp_path / "a.csv", csv_text().encode()), "--model", path, *DECLARED)

    return check


@pytest.mark.parametrize("seed", range(40))
def test_model_files_with_damaged_bytes(seed, model, unusable, tmp_path):
    rng, content = np.random.default_rng(seed), bytearray(model.read_bytes())
    if seed % 2:
        content = content[: int(rng.integers(len(content)))]
    else:
        content[int(rng.integers(len(content) if seed % 4 else 10_000))] ^= 1 << int(rng.integers(8))
    unusable(written(tmp_path / "a.safetensors", bytes(content)))


@pytest.mark.parametrize("seed", range(100))
def test_model_headers_with_a_right_checksum(seed, sound, unusable, tmp_path):
    header = json.loads(sound[0])
    spots = [at for at in places(header) if at[0] not in ("checksum", "program") and len(at) < 5]
    at = spots[seed * len(spots) // 100]
    put(header, at, lambda old: [{"a": [1]}] if isinstance(old, dict) else {"a": {"b": [1]}})
    path = write_model(tmp_path / "a.safetensors", header, sound[1])
    unusable(path)


@pytest.mark.parametrize("seed", range(50))
def test_model_headers_with_impossible_numbers(seed, sound, unusable, tmp_path):
    rng, header = np.random.default_rng(seed), json.loads(sound[0])
    decisive = ("model", "train", "classifier")
    names = {"n_seeds", "samples_per_class", "latent_dim", "instance_dim", "hidden_dim", "discriminator_dim"}
    spots = [at for at in places(header) if at[0] == "config" and at[-1] in names and at[1] in decisive]
    spots += [at for at in places(header) if at[0] in ("gate", "calibration", "encoder") and is_number(header, at)]
    at = spots[seed % len(spots)]
    value = (10**9, 10**15, 10**400, float("nan"), float("inf"), -1e308, -7)[int(rng.integers(7))]
    if at[0] in ("gate", "calibration"):
        value = (float("nan"), float("inf"), 10**400)[seed % 3]
    put(header, at, lambda _: value)
    unusable(write_model(tmp_path / "a.safetensors", header, sound[1]))


def is_number(header, at):
    for key in at:
        header = header[key]
    return isinstance(header, float) or (isinstance(header, int) and not isinstance(header, bool))


@pytest.mark.parametrize("seed", range(80))
def test_model_headers_that_lack_something_or_hold_nothing(seed, sound, unusable, tmp_path):
    header = json.loads(sound[0])
    optional = ("checksum", "program", "config", "described", "trained")
    may_lack = ("placements", 0), ("gate", "net")  # a gate of before its net was written has none
    spots = [at for at in places(header) if at[0] not in optional and at[-2:] not in may_lack]
    at = spots[seed // 2 * len(spots) // 40]
    put(header, at, None if seed % 2 else lambda _: None)
    path = write_model(tmp_path / "a.safetensors", header, sound[1])
    unusable(path)


@pytest.mark.parametrize("seed", range(90))
def test_model_tensors_with_a_right_checksum(seed, sound, unusable, tmp_path):
    rng, tensors = np.random.default_rng(seed), dict(sound[1])
    name = sorted(tensors)[seed % len(tensors)]
    value = tensors.pop(name)
    kind = seed // len(sound[1]) % 3
    if kind == 1:
        tensors[name] = value[..., : value.shape[-1] // 2] if value.shape[-1] > 1 else torch.cat([value, value], dim=-1)
    elif kind == 2:
        tensors[name] = damaged_values(value, rng)
    unusable(write_model(tmp_path / "a.safetensors", json.loads(sound[0]), tensors))


def damaged_values(value, rng):
    """Return a tensor in which some values cannot be used, or whose numbers are of another kind."""
    spots = torch.from_numpy(rng.random(value.shape) < 0.1)
    if value.is_floating_point():
        spots.view(-1)[0] = True
        return torch.where(spots, float(rng.choice([np.nan, np.inf, -np.inf])), value)
    return value - 10_000


def framed(header: bytes) -> bytes:
    """Return a safetensors file without data."""
    return len(header).to_bytes(8, "little") + header


def lone_tensor(shape: list[int]) -> bytes:
    """Return a safetensors file that claims a tensor and has none."""
    return framed(json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * shape[0]]}}).encode())


def sparse(path: Path, size: int) -> None:
    """Make a file that is large and takes no space."""
    with path.open("wb") as file:
        file.truncate(size)


def with_bfloat16(path: Path, model: Path) -> None:
    """Write a model of which one tensor holds numbers that NumPy does not know."""
    header, tensors = read_model(model)
    save_file(tensors | {"seen/bias": tensors["seen/bias"].bfloat16()}, path, {KIND: json.dumps(header)})


IMPOSTORS = {
    "nothing": lambda path, model: path.write_bytes(b""),
    "a folder": lambda path, model: path.mkdir(),
    "a link to itself": lambda path, model: path.symlink_to(path),
    "a link to nowhere": lambda path, model: path.symlink_to(path.with_name("nowhere")),
    "a pipe": lambda path, model: os.mkfifo(path),
    "text": lambda path, model: path.write_text("not a model\n" * 100),
    "a pickle": lambda path, model: path.write_bytes(pickle.dumps(Payload(path.with_name("canary")))),
    "a checkpoint of torch": lambda path, model: torch.save({"x": Payload(path.with_name("canary"))}, path),
    "a zip bomb": lambda path, model: zip_bomb(path),
    "pickled arrays": lambda path, model: npz_of(path, {"a": np.array([Payload(path.with_name("canary"))])}),
    "another safetensors file": lambda path, model: save_file({"a": torch.zeros(3)}, path),
    "weights of a run": lambda path, model: shutil.copy(model.with_name("model.safetensors"), path),
    "a header of 4 exabytes": lambda path, model: path.write_bytes((1 << 62).to_bytes(8, "little") + b"{}"),
    "a tensor of 4 exabytes": lambda path, model: path.write_bytes(lone_tensor([1 << 60])),
    "tensors that overflow": lambda path, model: path.write_bytes(lone_tensor([1 << 40, 1 << 40])),
    "a nested header": lambda path, model: path.write_bytes(framed(b'{"a":' * 5000)),
    "a file of 5 GiB": lambda path, model: sparse(path, 5 << 30),
    "text in a list": lambda path, model: write_model(path, ["x"], {}),
    "nested text": lambda path, model: save_file({}, path, {KIND: "[" * 100_000}),
    "a number of 5000 digits": lambda path, model: save_file({}, path, {KIND: "9" * 5000}),
    "numbers of another kind": lambda path, model: with_bfloat16(path, model),
    "a format of others": lambda path, model: edited(model, path, format="onnx"),
    "a newer version": lambda path, model: edited(model, path, version=2),
    "a version of another kind": lambda path, model: edited(model, path, version="1"),
    "a version far off": lambda path, model: edited(model, path, version=10**30),
}


@pytest.mark.parametrize("name", IMPOSTORS)
def test_what_is_no_model_file(name, model, refused, tmp_path):
    IMPOSTORS[name](tmp_path / "a.safetensors", model)
    line = refused("activities", "list", tmp_path / "a.safetensors")
    assert "a.safetensors" in line and ("newer version" in line) == (name in ("a newer version", "a version far off"))


def wide_config(model):
    """Return the config of a model with far wider layers."""
    config = read_model(model)[0]["config"]
    return config | {"model": config["model"] | {"latent_dim": 8192}}


def test_absurd_widths_are_refused_before_a_network_of_them_is_made(model, tmp_path):
    path = edited(model, tmp_path / "a.safetensors", config=wide_config(model))
    with pytest.raises(InputError, match=r"weights 'discriminator.0.weight' have shape .* expected \(4, 8208, 64\)"):
        Recognizer.load(path)


@pytest.fixture(scope="module")
def encoder_parts():
    """Return header, as text, and tensors of features that a network makes."""
    source = InputFormat(
        "watch", three_axes("wrist", "acc", "m/s2"), ("wrist",), WindowSettings(50.0, 5.0, 0.5, ("acc",))
    )
    checkpoint = PatchCheckpoint.load(ENCODERS_FOLDER / "tiny")
    sentences = device_readers(source.channels, [torch.zeros(3, checkpoint.encoder.config.text_dim)])
    encoder = WindowEncoder(source, ("encoder:tiny",), {"encoder:tiny": checkpoint}, {"encoder:tiny": sentences})
    header, tensors = encoder.to_parts()
    return json.dumps(header), tensors


def test_absurd_encoders_are_refused_before_a_network_of_them_is_made(encoder_parts, tmp_path):
    header, tensors = json.loads(encoder_parts[0]), encoder_parts[1]
    assert WindowEncoder.from_parts(header, tensors, tmp_path).blocks == ("encoder:tiny",)
    sizes = header["networks"]["encoder:tiny"]["encoder"]
    for name, size in (
        ("width", 1 << 40),
        ("feed_forward", 1 << 40),
        ("text_dim", 1 << 40),
        ("depth", 1 << 40),
        ("width", 4096),
    ):
        header["networks"]["encoder:tiny"]["encoder"] = sizes | {name: size}
        with pytest.raises(InputError, match="the file is damaged"):
            WindowEncoder.from_parts(header, tensors, tmp_path)


@pytest.mark.parametrize("value", ["absent", None, [], "x", [{"a": [1]}], {"a": {"b": [1]}}, 10**15, -7], ids=repr)
def test_encoder_headers_with_something_else_in_any_place(value, encoder_parts, tmp_path):
    """Nothing but an error of input is raised; some places, such as the name of the data set, may hold anything."""
    spots = [at for at in places(json.loads(encoder_parts[0])) if not {"bank", "provenance", "training"} & set(at)]
    n_refused = 0
    for at in spots:
        header = json.loads(encoder_parts[0])
        put(header, at, None if value == "absent" else lambda _: value)
        try:
            WindowEncoder.from_parts(header, encoder_parts[1], tmp_path)
        except InputError:
            n_refused += 1
    assert n_refused > len(spots) / 2


@pytest.mark.parametrize(
    "damaged",
    [{}, {"sentences/7": torch.zeros(3, 4)}, {"sentences/0": torch.tensor(1.0)}, {"sentences/0": torch.zeros(3, 2)}],
    ids=["none", "of another number", "a number", "of another width"],
)
def test_descriptions_of_channels_that_do_not_fit_are_refused(damaged, encoder_parts, tmp_path):
    kept = {name: value for name, value in encoder_parts[1].items() if "/sentences/" not in name}
    tensors = kept | {f"encoder:tiny/{name}": value for name, value in damaged.items()}
    with pytest.raises(InputError, match="descriptions"):
        WindowEncoder.from_parts(json.loads(encoder_parts[0]), tensors, tmp_path)


def test_numbers_out_of_all_proportion_are_refused(sound, tmp_path):
    tensors = {name: value * 1e30 if "text_encoder" in name else value for name, value in sound[1].items()}
    path = write_model(tmp_path / "a.safetensors", json.loads(sound[0]), tensors)
    with pytest.raises(InputError, match="a.safetensors"):
        Recognizer.load(path)
