"""Atomic files: interrupted writes leave the old file, damaged ones are refused in one line."""

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_extraction.errors import InputError, LeakageError
from feature_extraction.storage.files import (
    atomic_path,
    content_hash,
    read_json,
    read_npz,
    write_json,
    write_npz,
    write_text,
)


def test_a_finished_write_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "note.txt"
    for text in ("first", "second – größer"):
        write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert list(path.parent.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("exists", [True, False])
def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, error: type[BaseException], exists: bool) -> None:
    path = tmp_path / "note.txt"
    if exists:
        path.write_text("old")
    with pytest.raises(error), atomic_path(path) as temporary:
        temporary.write_text("half")
        assert temporary.parent == path.parent and temporary.suffix == path.suffix
        raise error
    assert [entry.read_text() for entry in tmp_path.iterdir()] == (["old"] if exists else [])


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_json_round_trip(tmp_path: Path) -> None:
    value = {"name": "Öl", "numbers": [1, 2.5, None], "nested": {"yes": True}}
    write_json(tmp_path / "value.json", value)
    assert read_json(tmp_path / "value.json") == value
    assert "Öl" in (tmp_path / "value.json").read_text(encoding="utf-8")


def test_a_value_that_is_not_json_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, 1)
    with pytest.raises(TypeError):
        write_json(path, {"array": np.zeros(2)})
    assert read_json(path) == 1 and len(list(tmp_path.iterdir())) == 1


def test_npz_round_trip(tmp_path: Path) -> None:
    arrays = {
        "numbers": np.arange(6, dtype=np.float32).reshape(2, 3),
        "names": np.array(["a", "bc"]),
        "one": np.array(3),
    }
    write_npz(tmp_path / "arrays.npz", arrays)
    loaded = read_npz(tmp_path / "arrays.npz")
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype and np.array_equal(loaded[name], array)


def test_pickles_are_neither_written_nor_read(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    objects = np.array([{"a": 1}], dtype=object)
    with pytest.raises(ValueError, match="[Oo]bject|pickle"):
        write_npz(path, {"objects": objects})
    assert not list(tmp_path.iterdir())
    np.savez(path, objects=objects)
    with pytest.raises(InputError, match=r"arrays\.npz: damaged or not an \.npz file"):
        read_npz(path)


@pytest.mark.parametrize("read", [read_json, read_npz])
def test_missing_file_is_named(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    with pytest.raises(InputError, match=r"absent: no such file"):
        read(tmp_path / "absent")


@pytest.mark.parametrize("text", [b"", b"{", b'{"a": 1', b"\xff\xfe\x00", b"nonsense"])
def test_damaged_json_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "value.json"
    path.write_bytes(text)
    with pytest.raises(InputError, match=r"value\.json: not readable as JSON .*delete it or restore it"):
        read_json(path)


@pytest.mark.parametrize("kept", [0, 4, 100, 0.5, 0.99])
def test_truncated_npz_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "arrays.npz"
    write_npz(path, {"noise": np.random.default_rng(0).random(5000)})
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    with pytest.raises(InputError, match=r"arrays\.npz: damaged or not an \.npz file .*delete it and make it again"):
        read_npz(path)


@pytest.mark.parametrize("place", [0.05, 0.3, 0.7])
def test_altered_npz_is_refused(tmp_path: Path, place: float) -> None:
    path = tmp_path / "arrays.npz"
    write_npz(path, {"noise": np.random.default_rng(0).random(5000)})
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"arrays\.npz: damaged"):
        read_npz(path)


HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"


def member(header: str, content: bytes = bytes(24)) -> bytes:
    """Return an array file with any header."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


@pytest.mark.parametrize(
    "content",
    [
        b"text",
        member(HEADER, bytes(16)),
        member(HEADER.replace("3", "10000000000")),
        member(HEADER.replace("3", "-3")),
        member(HEADER.replace("<f8", "|O")),
        member(HEADER.replace("<f8", "<U0")),
        member(HEADER.replace("'<f8'", "[('a', '<f8')]")),
        member(HEADER.replace("(3,)", "(" * 3000)),
    ],
)
def test_array_whose_header_promises_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "arrays.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", member(HEADER))
    assert read_npz(path)["a"].tolist() == [0, 0, 0]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(InputError, match=r"arrays\.npz: damaged or not an \.npz file \(a\.npy is no"):
        read_npz(path)


def test_something_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(InputError, match=r"arrays\.npz: damaged or not an \.npz file"):
        read_npz(path)
    with pytest.raises(InputError, match="not a file"):
        read_npz(tmp_path)


def test_hash_depends_on_content_order_and_boundaries() -> None:
    assert content_hash("ab", b"c") == content_hash(b"ab", "c")
    different = {content_hash(*parts) for parts in (("ab", "c"), ("a", "bc"), ("c", "ab"), ("abc",), ("ab", "c", ""))}
    assert len(different) == 5
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in different)


def test_hash_is_stable_across_versions() -> None:
    """Caches on disk are found by it."""
    assert content_hash("sadvae", b"\x00\x01") == "8eeccf6000c4812c"


def test_leakage_is_an_input_error_so_that_it_ends_with_exit_code_2() -> None:
    assert issubclass(LeakageError, InputError) and issubclass(InputError, ValueError)
    assert json.dumps(str(InputError("one line"))) == '"one line"'
