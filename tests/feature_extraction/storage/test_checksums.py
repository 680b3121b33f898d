"""Folders that keep checksums: any damage and any edit by hand is found, and no interruption looks like damage."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from feature_extraction.errors import InputError
from feature_extraction.storage import files
from feature_extraction.storage.checksums import CHECKSUMS, damaged_files, is_damaged
from feature_extraction.storage.files import keep_checksums, read_json, read_npz, write_json, write_npz, write_text
from feature_extraction.storage.tensors import read_tensors, write_tensors
from feature_extraction.storage.yaml import read_yaml


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keep_checksums(tmp_path)
    write_json(tmp_path / "a.json", {"value": 1})
    write_npz(tmp_path / "a.npz", {"a": np.arange(3)})
    write_text(tmp_path / "a.yaml", "value: 1\n")
    write_tensors(tmp_path / "a.safetensors", "kind", {"value": 1}, {"a": torch.arange(3)})
    return tmp_path


READERS = {
    "a.json": read_json,
    "a.npz": read_npz,
    "a.yaml": read_yaml,
    "a.safetensors": lambda path: read_tensors(path, "kind", "restore it"),
}


@pytest.mark.parametrize("name", READERS)
def test_every_flipped_bit_is_found_by_every_reader(folder: Path, name: str) -> None:
    path = folder / name
    data = path.read_bytes()
    assert READERS[name](path) and not is_damaged(path)
    for place in range(0, 8 * len(data), 1 + len(data) // 40):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(InputError, match=f"{name}: damaged or changed since it was written; "):
            READERS[name](path)
        assert damaged_files(folder) == [path]


def test_a_file_written_again_is_sound(folder: Path) -> None:
    (folder / "a.json").write_text('{"value": 2}')
    assert damaged_files(folder) == [folder / "a.json"]
    write_json(folder / "a.json", {"value": 3})
    assert read_json(folder / "a.json") == {"value": 3} and damaged_files(folder) == []


def test_other_files_are_nobodys_business(folder: Path) -> None:
    (folder / "mine.json").write_text("[1]")
    assert read_json(folder / "mine.json") == [1]
    (folder / "a.json").unlink()
    assert damaged_files(folder) == []


@pytest.mark.parametrize("damage", ["", "{}", "[1]", None])
def test_damaged_checksums_are_themselves_found(folder: Path, damage: str | None) -> None:
    path = folder / CHECKSUMS
    path.write_text(path.read_text().replace("a.npz", "b.npz") if damage is None else damage)
    for use in (damaged_files, keep_checksums, lambda _: read_json(folder / "a.json")):
        with pytest.raises(InputError, match=rf"{CHECKSUMS}: damaged or changed since it was written; restore it, or"):
            use(folder)


@pytest.mark.parametrize("moment", ["before the file", "after the file"])
def test_a_write_that_is_killed_half_way_is_no_damage(
    folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The process ends between noting the digest and replacing the file, or before the old digest is dropped."""
    original, replaced = files.os.replace, []

    def replace(source: Path, target: Path) -> None:
        if moment == "before the file" and Path(target).name == "a.json":
            raise KeyboardInterrupt
        original(source, target)
        replaced.append(Path(target).name)
        if moment == "after the file" and replaced[-1] == "a.json":
            raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        write_json(folder / "a.json", {"value": 2})
    monkeypatch.undo()
    assert read_json(folder / "a.json") == {"value": 1 if moment == "before the file" else 2}
    assert len(json.loads((folder / CHECKSUMS).read_text())["files"]["a.json"]) == 2
    write_json(folder / "a.json", {"value": 3})
    assert read_json(folder / "a.json") == {"value": 3}
    assert len(json.loads((folder / CHECKSUMS).read_text())["files"]["a.json"]) == 1


def test_a_file_that_lies_elsewhere_is_noted_where_it_is_named_and_where_it_lies(folder: Path) -> None:
    other = folder / "other"
    keep_checksums(other)
    write_json(other / "moved.json", 1)
    (folder / "a.json").unlink()
    (folder / "a.json").symlink_to(other / "moved.json")
    write_json(folder / "a.json", 2)
    assert read_json(folder / "a.json") == read_json(other / "moved.json") == 2
