"""Input that nobody should believe: seeded damage to recordings, YAML, model files, feature tables and run folders.

Every function makes one malformed input from a generator, so that a failure is found again by its seed.
"""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from pyarrow import parquet
from safetensors import safe_open
from safetensors.torch import save_file

from feature_extraction.storage.tensors import write_tensors
from sadvae_har.recognition.model.header import KIND, kind_of_model

NAMES = ("ax", "ay", "az", "gx", "gy", "gz")
N_ROWS = 600
DECLARED = ["--rate-hz", "50", "--units", "acc=g,gyro=rad/s"]
NUMBERS = np.random.default_rng(0).normal(0, 0.05, (N_ROWS, 6)) + [0, 0, 1, 0, 0, 0]
WORDS = (
    "fast",
    "0x1f",
    "1_000",
    "--1",
    "1.2.3",
    "inf",
    "-Infinity",
    "1e999",
    "1e300",
    "#REF!",
    "\x07",
    "½",
    "true",
    "{}",
)


SHAPES = (
    b"(600000000000, 6)",
    b"(-600, 6)",
    b"((600,), 6)",
    b"(600, 6, )[0]",
    b"(1e3, 6)",
    b"(600 6)  ",
    b"('600', 6)",
    b"(100000000000000000000000, 6)",
    b"(True, 6)",
    b"(0, 100000000000000000000)",
)


class Payload:
    """An object whose unpickling makes a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.canary),)


def csv_text(numbers: np.ndarray = NUMBERS, names: tuple[str, ...] = NAMES) -> str:
    """Return a sound CSV recording."""
    return "\n".join([",".join(names), *(",".join(f"{value:.4f}" for value in row) for row in numbers)]) + "\n"


def csv_bytes(rng: np.random.Generator, seed: int) -> bytes:
    """Return text that is no recording of the watch."""
    rows = csv_text().splitlines()
    place, column = int(rng.integers(1, len(rows) - 1)), int(rng.integers(6))
    cells = rows[place].split(",")
    kind = seed % 10
    if kind == 0:
        cells[column] = str(rng.choice(WORDS))
    elif kind == 1:
        cells = cells[: int(rng.integers(1, 6))]
    elif kind == 2:
        cells += ["0.1"] * int(rng.integers(1, 9))
    elif kind == 3:
        cells[column] = '"' + cells[column]
    elif kind == 4:
        rows[0] = rows[0].replace(NAMES[column], f"column {column}")
    elif kind == 5:
        rows = rows[: int(rng.integers(1, 200))]
        return "\n".join(rows).encode()
    elif kind == 6:
        rows[0] = rows[0].replace(NAMES[column], NAMES[column - 1])
    rows[place] = ",".join(cells)
    text = "\n".join(rows).encode()
    if kind == 7:
        return rng.bytes(int(rng.integers(1, 5000)))
    if kind == 8:
        cut = int(rng.integers(100, len(text)))
        return text[:cut] + rng.bytes(40) + text[cut:]
    if kind == 9:
        return text.decode().encode("utf-16-le")[int(rng.integers(1, 3)) :]
    return text


def npy_bytes(rng: np.random.Generator, seed: int, canary: Path) -> bytes:
    """Return bytes of a .npy file that holds no recording of the watch."""
    shapes = ((), (0, 6), (N_ROWS, 0), (N_ROWS, 5), (N_ROWS, 9), (N_ROWS,), (1, N_ROWS, 6), (3, 6))
    kind = seed % 7
    if kind == 0:
        return _npy(np.zeros(shapes[int(rng.integers(len(shapes)))]))
    if kind == 1:
        return _npy(NUMBERS.astype(str(rng.choice(["bool", "complex128", "U8", "S5", "M8[s]"]))))
    if kind == 2:
        return pickle.dumps(Payload(canary), protocol=int(rng.integers(6)))
    if kind == 3:
        buffer = io.BytesIO()
        np.save(buffer, np.array([Payload(canary)], dtype=object), allow_pickle=True)
        return buffer.getvalue()
    content = _npy(NUMBERS)
    if kind == 4:
        return content[: int(rng.integers(0, len(content)))]
    if kind == 5:
        sound, shape = b"(600, 6), }", SHAPES[int(rng.integers(len(SHAPES)))] + b", }"
        return content.replace(sound + b" " * (len(shape) - len(sound)), shape)
    damaged = bytearray(content)
    for spot in rng.integers(0, 10, 3):
        damaged[spot] ^= int(rng.integers(1, 256))
    return bytes(damaged)


def parquet_bytes(rng: np.random.Generator, seed: int) -> bytes:
    """Return bytes of a .parquet file that holds no recording of the watch."""
    columns: dict[str, Any] = dict(zip(NAMES, NUMBERS.T, strict=True))
    name, kind = str(rng.choice(NAMES)), seed % 7
    strange = (["a"] * N_ROWS, [[1.0]] * N_ROWS, [{"v": 1}] * N_ROWS, [b"\xff"] * N_ROWS, [np.inf] * N_ROWS)
    if kind == 0:
        columns[name] = strange[int(rng.integers(len(strange)))]
    elif kind == 1:
        columns["unnamed"] = columns.pop(name)
    elif kind == 2:
        columns = {key: value[: int(rng.integers(0, 50))][:40] for key, value in columns.items()}
        columns = {key: value[: min(map(len, columns.values()))] for key, value in columns.items()}
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    content = buffer.getvalue()
    if kind == 3:
        return content[: int(rng.integers(0, len(content)))]
    if kind == 4:
        return content[int(rng.integers(1, len(content) - 8)) :]
    if kind == 5:  # a footer of an absurd length
        return content[:-8] + int(rng.integers(len(content), 2**32)).to_bytes(4, "little") + b"PAR1"
    if kind == 6:
        return content[:4] + rng.bytes(len(content) - 12) + content[-8:]
    return content


NO_NUMBERS = ("fast", "", [], {}, [[1]], {"a": {"b": [1]}}, None)
NO_YAML = (
    "a: [",
    "- just\n- a list",
    "42",
    "",
    "~",
    "name: [one, two]",
    "name: 3",
    "name: 2020-01-01",
    "name: ''",
    "name: {label: x}",
    "name: {sentence: [x]}",
    "name: {sentence: x, colour: red}",
    "name: {sentence: x, kinematics: {cadence: 2}}",
    "name: {sentence: x, motion: {elbow: y}}",
    "name: {sentence: x, paraphrases: y}",
    "3: a sentence",
    "? [a, b]\n: a sentence",
    "a: x\na: y",
    "name: *nowhere",
    "name: &n [*n]",
    "{{{{",
    "\tname: x",
    "name: \x00",
    "unknown: A person does something.",
    "pendulum: A person swings the arm like a pendulum.",
    "activities: {}",
    "activities: []",
    "name: !!binary x",
    "%YAML 9.9\n---\nname: x",
    "name: " + "words " * 2000,
    "n" * 500 + ": A person sits.",
    "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)),
    "name: " + "[" * 3000 + "]" * 3000,
    "name: " + "[" * 100_000,
    "? " * 50_000 + "x",
)


def yaml_bytes(rng: np.random.Generator, seed: int, canary: Path) -> bytes:
    """Return YAML that describes no activity."""
    if seed < len(NO_YAML):
        return NO_YAML[seed].encode()
    calls = ("python/object/apply:os.mkdir [{}]", "python/object/new:os.mkdir [[{}]]", "python/name:os.mkdir {}")
    if seed % 3 == 0:
        return f"name: !!{calls[int(rng.integers(3))].format(repr(str(canary)))}".encode()
    if seed % 3 == 1:
        return b"name: " + rng.bytes(int(rng.integers(20, 3000)))
    value = NO_NUMBERS[int(rng.integers(len(NO_NUMBERS)))]
    name = str(rng.choice(["stirring", "pendulum", "activities"]))
    return json.dumps({name: {"sentence": value}}).encode()


def read_model(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Return header and tensors of a model file, a recogniser or an everyday one."""
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()[kind_of_model(path)])
        return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def write_model(path: Path, header: Any, tensors: dict[str, torch.Tensor], kind: str = KIND) -> Path:
    """Write a model file whose checksum is right, whatever is in it."""
    if isinstance(header, dict):
        write_tensors(path, kind, {name: value for name, value in header.items() if name != "checksum"}, tensors)
    else:
        save_file(tensors, path, {kind: json.dumps(header)})
    return path


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the keys that lead to every value in nested mappings and lists."""
    if at:
        yield at
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield from places(entry, (*at, key))


def put(value: Any, at: tuple[Any, ...], change: Callable[[Any], Any] | None) -> None:
    """Change the value at a place, or take it out."""
    for key in at[:-1]:
        value = value[key]
    if change is None:
        del value[at[-1]]
    else:
        value[at[-1]] = change(value[at[-1]])


def npz_of(path: Path, arrays: dict[str, Any]) -> Path:
    """Write an .npz file that may hold pickles."""
    np.savez(path, **arrays)
    return path


def zip_bomb(path: Path, name: str = "features.npy") -> Path:
    """Write a small archive of a large array."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (20 << 21,)})
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(name, "w", force_zip64=True) as file,
    ):
        file.write(header.getvalue())
        for _ in range(20):
            file.write(bytes(1 << 24))
    return path


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def edited(model: Path, path: Path, **fields: Any) -> Path:
    """Write a copy of a model file with other fields in its header."""
    header, tensors = read_model(model)
    return write_model(path, header | fields, tensors, kind_of_model(model))


def zipped(path: Path, name: str, content: bytes) -> None:
    """Write an archive of one file."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
