"""A model makes the same features of windows in memory as the feature table it was trained on holds."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_extraction.datasets.prepare import prepare
from feature_extraction.errors import InputError
from feature_extraction.features.extract import extract_encoder, features_for
from feature_extraction.features.window_encoder import WindowEncoder
from feature_extraction.pretraining.resnet.config import PretrainConfig
from feature_extraction.pretraining.resnet.pretrain import pretrain
from feature_extraction.protocol.split import Split, find_split
from feature_extraction.windows.input_format import InputFormat
from feature_extraction.windows.window_set import WindowSet

BLOCKS = ("statistical", "kinematic", "encoder:tiny")


@pytest.fixture(scope="module")
def windows(trained_run: Path) -> WindowSet:
    whole = prepare("watch", out=trained_run.parent / "resources" / "windows")
    rows = np.arange(0, len(whole), 12)
    columns = {
        name: getattr(whole, name)[rows] for name in ("labels", "subjects", "recordings", "placements", "start_s")
    }
    return replace(whole, samples=np.array(whole.samples[rows]), **columns, key="few")


@pytest.fixture(scope="module")
def split() -> Split:
    return find_split("watch", "random-1")


@pytest.fixture(scope="module")
def encoder(windows: WindowSet) -> WindowEncoder:
    return WindowEncoder.load(InputFormat.of(windows), BLOCKS)


def test_features_are_those_of_the_table(
    windows: WindowSet, split: Split, encoder: WindowEncoder, tmp_path: Path
) -> None:
    table = features_for(windows, split, BLOCKS, tmp_path)
    assert table.source == encoder.source and tuple(table.blocks) == encoder.blocks
    assert encoder.features(windows.samples) == pytest.approx(table.features, abs=1e-4)


def test_one_window_alone_gives_what_it_gives_among_others(windows: WindowSet, encoder: WindowEncoder) -> None:
    together = encoder.features(windows.samples[:5])
    alone = np.concatenate([encoder.features(windows.samples[k : k + 1]) for k in range(5)])
    assert alone == pytest.approx(together, abs=1e-4)


def test_parts_give_the_same_encoder_without_a_text_model(windows: WindowSet, encoder: WindowEncoder) -> None:
    header, tensors = encoder.to_parts()
    again = WindowEncoder.from_parts(header, tensors, Path("model"))
    assert np.array_equal(again.features(windows.samples[:9]), encoder.features(windows.samples[:9]))


def test_a_network_trained_on_seen_classes_is_carried_along(windows: WindowSet, split: Split, tmp_path: Path) -> None:
    folder = pretrain(windows, split, PretrainConfig(n_epochs=1), tmp_path / "resnet")
    table = extract_encoder(windows, folder, tmp_path / "resnet.npz", split)
    encoder = WindowEncoder.load(InputFormat.of(windows), ("resnet",), folder)
    header, tensors = encoder.to_parts()
    again = WindowEncoder.from_parts(header, tensors, Path("model"))
    assert again.features(windows.samples) == pytest.approx(table.features, abs=1e-4)
    with pytest.raises(InputError, match="resnet: the folder of its encoder is not known"):
        WindowEncoder.load(InputFormat.of(windows), ("resnet",))


def test_an_encoder_of_others_cannot_be_carried_along(windows: WindowSet, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("kind: torchscript\n")
    with pytest.raises(InputError, match="a model file cannot hold an encoder of others"):
        WindowEncoder.load(InputFormat.of(windows), (f"encoder:{tmp_path / 'net.yaml'}",))


def test_weights_that_are_missing_are_noticed(encoder: WindowEncoder) -> None:
    header, tensors = encoder.to_parts()
    name = next(name for name in tensors if "sentences" not in name)
    with pytest.raises(InputError, match="weights .* have shape None.*the file is damaged"):
        WindowEncoder.from_parts(header, {key: value for key, value in tensors.items() if key != name}, Path("model"))
    without = {key: value for key, value in tensors.items() if "sentences" not in key}
    with pytest.raises(InputError, match="channel descriptions do not fit"):
        WindowEncoder.from_parts(header, without, Path("model"))
    with pytest.raises(InputError, match="nothing makes the features"):
        WindowEncoder.from_parts({**header, "networks": {}}, tensors, Path("model"))


def test_formats_come_back(windows: WindowSet) -> None:
    source = InputFormat.of(windows)
    assert InputFormat.from_dict(source.to_dict()) == source and source.settings.window_samples == 250
    with pytest.raises(InputError, match="format of the windows"):
        InputFormat.from_dict({"dataset": "watch"})


def test_what_needs_no_encoder_of_others_loads_nothing_for_them() -> None:
    heavy = "onnx", "onnxruntime", "pyarrow", "sentence_transformers", "sklearn", "transformers"
    code = f"import feature_extraction.features.window_encoder, sys; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
