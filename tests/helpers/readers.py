"""Every reader of the program: a sound input of each, which tests and `fuzz_many.py` damage, and how it is read."""

import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from device_exports import EXPORTS
from kitchen import write_kitchen
from malformed import NAMES, NUMBERS, csv_text
from notations import motion
from pyarrow import parquet
from result_row import ROW

from feature_extraction.datasets.files import read_mat, read_numbers
from feature_extraction.datasets.own.config import load_custom_config
from feature_extraction.datasets.own.reader import custom_dataset, list_files, read_files
from feature_extraction.descriptions.class_list import load_class_list
from feature_extraction.encoders.external import load_external
from feature_extraction.features.table import FeatureTable
from feature_extraction.own_files.read import Account, Declared, bounded_lines, follow, plan_all, read_recording
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.pretraining.config import load_patch_config
from feature_extraction.protocol.split import Split, find_split
from feature_extraction.storage.files import read_json, read_npz, write_npz
from feature_extraction.storage.npy import map_npy
from feature_extraction.storage.places import CLASS_LISTS_FOLDER, ENCODERS_FOLDER, MODELS_FOLDER
from feature_extraction.storage.tensors import read_tensors
from feature_extraction.storage.yaml import read_yaml
from sadvae_har.baselines.reference.recipe import load_reference_config
from sadvae_har.benchmark.rows import read_rows
from sadvae_har.config.files import load_config
from sadvae_har.config.settings import Config
from sadvae_har.recognition.activities import read_activities
from sadvae_har.recognition.everyday.model import load_everyday
from sadvae_har.recognition.model.header import MODEL_FILE, read_summary

SPARED = ("E4 file", "Sensor Logger file", "Sensor Logger folder")  # the last needs no single one of its files
DECLARED = Declared(rate_hz=50.0, units={"acc": "g", "gyro": "rad/s"})


@dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
        write: Writes a sound input into an empty folder and returns the file that is damaged.
        read: Reads it again.
    """

    write: Callable[[Path], Path]
    read: Callable[[Path], Any]


def _written(name: str, content: str | bytes | Callable[[], str | bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        found = content() if callable(content) else content
        path = folder / name
        path.write_bytes(found if isinstance(found, bytes) else found.encode())
        return path

    return write


def _bytes(write: Callable[[Any], Any]) -> Callable[[], bytes]:
    def content() -> bytes:
        buffer = io.BytesIO()
        write(buffer)
        return buffer.getvalue()

    return content


def _copied(source: Path, name: str = "") -> Callable[[Path], Path]:
    """Return a function that copies a file, or a folder and names a file in it."""

    def write(folder: Path) -> Path:
        if source.is_dir():
            shutil.copytree(source, folder, dirs_exist_ok=True)
            return folder / name
        return Path(shutil.copy(source, folder))

    return write


def read_own(path: Path, declared: Declared = DECLARED) -> int:
    """Read a recording of a user, whatever it is, and return its rows."""
    plan = plan_all(path, declared)
    return sum(len(chunk) for chunk in read_recording(path, plan, Account()))


def _lines(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as stream:
        return sum(len(chunk) for chunk in follow(bounded_lines(stream, "input"), None, DECLARED)[1])


def _own_dataset(path: Path) -> int:
    config = load_custom_config(path)
    files = list_files(config, path.parent)
    return sum(1 for _ in read_files(config, files, custom_dataset(path).load_classes()))


def _device(name: str) -> Reader:
    """Return the reader of an export; of a folder, a file that it needs is damaged."""
    samples = motion()[:300]

    def write(folder: Path) -> Path:
        path = EXPORTS[name].write(folder, samples)
        files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file())
        return next((file for file in files if "Total" in file.name), files[0])

    def read(path: Path) -> int:
        lone = path.suffix == ".zip" or len(list(path.parent.iterdir())) == 1
        return read_own(path if lone else path.parent, Declared())

    return Reader(write, read)


def _zip(folder: Path) -> Path:
    path = folder / "walk.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("walk.csv", csv_text())
    return path


def _kitchen(folder: Path) -> Path:
    return write_kitchen(folder, n_subjects=1)


def _table(folder: Path) -> Path:
    path, n = folder / "a.npz", 12
    text = np.array(["a", "b"] * (n // 2))
    FeatureTable(np.zeros((n, 3), np.float32), text, text, text, np.zeros(n), {"statistical": 3}, "d", "k").save(path)
    return path


def _external(folder: Path) -> Path:
    """Write a small ONNX network with its description."""
    import onnx
    from onnx import TensorProto, helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 50, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", 3])
    graph = helper.make_graph([helper.make_node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=0)], "g", [x], [y])
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(network, {"sadvae_har": json.dumps({"labels": ["a"], "rate_hz": 25})})
    onnx.save(network, folder / "net.onnx")
    said = {
        **{"name": "net", "kind": "onnx", "file": "net.onnx", "rate_hz": 25.0, "n_samples": 50, "layout": "BTC"},
        **{"channels": ["acc_x", "acc_y", "acc_z"], "units": {"acc": "m/s2"}, "source": "s", "licence": "l"},
        **{"citation": "c", "provenance": []},
    }
    (folder / "net.yaml").write_text(yaml.safe_dump(said))
    return folder / "net.onnx"


def _result_rows() -> str:
    return "".join(json.dumps(asdict(ROW)) + "\n" for _ in range(3))


def _mat(buffer: Any) -> None:
    from scipy.io import savemat

    savemat(buffer, {"d_iner": NUMBERS[:50]})


TABLE = pa.table(dict(zip(NAMES, NUMBERS.T, strict=True)) | {"note": ["walk"] * len(NUMBERS)})
REFERENCE = {"latent_dim": 8, "instance_dim": 4, "learning_rate": 0.001, "adversary_every": 2}
READERS = {
    "json": Reader(_written("a.json", json.dumps({"a": [1, 2.5, None, "é"], "b": {"c": True}})), read_json),
    "yaml": Reader(_written("a.yaml", "a: [1, 2.5, null, é]\nb: {c: true}\n"), read_yaml),
    "npz": Reader(lambda folder: (write_npz(folder / "a.npz", {"a": NUMBERS}), folder / "a.npz")[1], read_npz),
    "npy": Reader(_written("a.npy", _bytes(lambda buffer: np.save(buffer, NUMBERS))), map_npy),
    "tensors": Reader(
        _copied(ENCODERS_FOLDER / "tiny" / "model.safetensors"), lambda p: read_tensors(p, "sadvae_har_encoder", "x")
    ),
    "mat": Reader(_written("a.mat", _bytes(_mat)), lambda path: read_mat(path, "d_iner", 6)),
    "numbers": Reader(_written("a.txt", "1 2 3\n4 5 6\n"), lambda path: read_numbers(path, 3)),
    "csv recording": Reader(_written("a.csv", csv_text), read_own),
    "quoted csv recording": Reader(
        _written("a.csv", lambda: re.sub(r"^([^,]+)", r'"\1"', csv_text(), flags=re.MULTILINE)), read_own
    ),
    "recording of blanks": Reader(_written("a.txt", lambda: csv_text().replace(",", " ")), read_own),
    "utf-16 recording": Reader(_written("a.csv", lambda: csv_text().encode("utf-16")), read_own),
    "npy recording": Reader(_written("a.npy", _bytes(lambda buffer: np.save(buffer, NUMBERS))), read_own),
    "parquet recording": Reader(
        _written("a.parquet", _bytes(lambda buffer: parquet.write_table(TABLE, buffer))), read_own
    ),
    "zip recording": Reader(_zip, read_own),
    "lines": Reader(_written("a.csv", csv_text), _lines),
    **{name: _device(name) for name in EXPORTS if name not in SPARED},
    "dataset.yaml": Reader(_kitchen, _own_dataset),
    "class list": Reader(_copied(CLASS_LISTS_FOLDER, "watch.csv"), lambda p: load_class_list("watch", p.parent)),
    "class descriptions": Reader(
        _copied(CLASS_LISTS_FOLDER, "watch_descriptions.yaml"), lambda p: load_class_list("watch", p.parent)
    ),
    "split": Reader(
        _written("a.json", lambda: json.dumps(asdict(find_split("dsads", "random-1")))), lambda p: Split.load(p)
    ),
    "config": Reader(_written("a.yaml", lambda: yaml.safe_dump(Config().to_dict())), load_config),
    "reference recipe": Reader(_written("a.yaml", yaml.safe_dump(REFERENCE)), load_reference_config),
    "pretraining": Reader(
        _written("a.yaml", "n_epochs: 2\nobjectives: {masked_autoencoding: 1.0}\n"), load_patch_config
    ),
    "feature table": Reader(_table, FeatureTable.load),
    "encoder": Reader(_copied(ENCODERS_FOLDER / "tiny", "config.json"), lambda p: PatchCheckpoint.load(p.parent)),
    "encoder weights": Reader(
        _copied(ENCODERS_FOLDER / "tiny", "model.safetensors"), lambda p: PatchCheckpoint.load(p.parent)
    ),
    "network of others": Reader(_external, lambda path: load_external(path.with_name("net.yaml"))),
    "encoder of others": Reader(lambda f: _external(f).with_name("net.yaml"), load_external),
    "activities": Reader(
        _written("a.yaml", "rope skipping: A person jumps over a swinging rope.\nx: {sentence: y}\n"), read_activities
    ),
    "result rows": Reader(_written("a.jsonl", _result_rows), read_rows),
    "model": Reader(_copied(MODELS_FOLDER / "everyday" / MODEL_FILE), load_everyday),
    "model at a glance": Reader(_copied(MODELS_FOLDER / "everyday" / MODEL_FILE), read_summary),
}
