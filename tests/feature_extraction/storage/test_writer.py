"""The one writer of files: what it never replaces, permissions, links, full disks, and two at the same time."""

import os
import socket
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from full_disk import files_no_longer_than, small_disk

from feature_extraction.errors import InputError, WriteError
from feature_extraction.storage.files import (
    append_lines,
    atomic_path,
    changing,
    growing_file,
    write_json,
    write_npz,
    write_text,
)
from feature_extraction.storage.tensors import write_tensors


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def grow(path: Path) -> None:
    with growing_file(path) as file:
        file.write("text")


WRITERS = [lambda path: write_text(path, "text"), lambda path: append_lines(path, "text\n"), grow]


def make_device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device node needs rights that this user lacks")


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(path.parent)  # names of sockets must be short
        made.bind(path.name)


@pytest.mark.parametrize("write", WRITERS, ids=["text", "lines", "growing"])
@pytest.mark.parametrize(
    ("make", "kind"),
    [(os.mkfifo, "pipe"), (make_device, "device"), (make_socket, "socket"), (Path.mkdir, "folder")],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_regular_file_is_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable, kind: str, write: Callable, linked: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    path = target = tmp_path / "target"
    make(target)
    if linked:
        path = tmp_path / "link"
        path.symlink_to(target)
    before = target.stat()
    with pytest.raises(
        InputError, match=rf"{path.name}: (is a {kind}, which is never replaced|not a file); name a file"
    ):
        write(path)
    assert (target.stat().st_ino, target.stat().st_mode) == (before.st_ino, before.st_mode)
    assert {entry.name for entry in tmp_path.iterdir()} == {"target", path.name}


@pytest.mark.parametrize("write", WRITERS, ids=["text", "lines", "growing"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path: Path, write: Callable, exists: bool) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "target", tmp_path / "link"
    if exists:
        target.write_text("")
    link.symlink_to(Path("elsewhere") / "target")
    write(link)
    assert link.is_symlink() and not target.is_symlink() and target.read_text().strip() == "text"
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_a_link_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(WriteError, match="a: cannot be written .*; check the path"):
        write_text(tmp_path / "a", "text")


@pytest.mark.parametrize("write", WRITERS, ids=["text", "lines", "growing"])
@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_a_new_file_has_the_permissions_that_the_umask_leaves(
    tmp_path: Path, umask: Callable, write: Callable, mask: int, mode: int
) -> None:
    umask(mask)
    write(tmp_path / "file")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@pytest.mark.parametrize("write", WRITERS, ids=["text", "lines", "growing"])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_a_replaced_file_keeps_its_permissions(tmp_path: Path, umask: Callable, write: Callable, mode: int) -> None:
    path = tmp_path / "file"
    path.write_text("")
    path.chmod(mode)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode and path.read_text().strip() == "text"


def test_a_replacement_of_a_private_file_is_private_while_it_is_written(tmp_path: Path, umask: Callable) -> None:
    path = tmp_path / "file"
    path.write_text("")
    path.chmod(0o600)
    with atomic_path(path) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_write_protected_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(WriteError, match=r"file: is write-protected; make it writable \(chmod u\+w\)"):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".txt")
    write_text(path, "text")
    with changing(path):
        assert path.read_text() == "text"
    with pytest.raises(WriteError, match="cannot be written .*name too long"):
        write_text(tmp_path / ("n" * 300), "text")


NOISE = np.random.default_rng(0).random(20_000)


def write_curves(path: Path) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra plots")
    from feature_extraction.pretraining.curves import plot_curves

    plot_curves([{"epoch": k, "loss a": 0.5, "val": 1.0} for k in range(3)], "val", path)


def write_predictions(path: Path) -> None:
    from sadvae_har.commands.prediction_files import COLUMNS, write_file

    write_file([dict.fromkeys(COLUMNS, float(value)) for value in NOISE[:5000]], path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.txt", lambda path: write_text(path, "x" * 100_000)),
        ("a.json", lambda path: write_json(path, NOISE.tolist())),
        ("a.npz", lambda path: write_npz(path, {"a": NOISE, "b": NOISE})),
        ("a.jsonl", lambda path: append_lines(path, "x" * 100_000)),
        ("a.safetensors", lambda path: write_tensors(path, "kind", {}, {"a": torch.from_numpy(NOISE)})),
        ("a.png", write_curves),
        ("a.csv", write_predictions),
        ("a.parquet", write_predictions),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("exists", [True, False])
def test_a_full_disk_is_one_line_and_leaves_the_old_file(
    tmp_path: Path, name: str, write: Callable, exists: bool
) -> None:
    path = tmp_path / name
    if exists:
        path.write_bytes(b"old\n")
    with pytest.raises(WriteError) as caught, files_no_longer_than(2000):
        write(path)
    assert str(caught.value).startswith(f"{path}: cannot be written (File too large); raise the limit")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == ([(name, b"old\n")] if exists else [])


def test_a_disk_without_room_is_one_line_and_leaves_the_old_file(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as folder:
        write_text(folder / "old.txt", "old")
        for path, write in ((folder / "old.txt", write_text), (folder / "new.txt", append_lines)):
            with pytest.raises(WriteError, match=r"\.txt: cannot be written \(No space left on device\); free space"):
                write(path, "x" * 100_000)
        with pytest.raises(WriteError, match="No space left on device"):
            write_npz(folder / "a.npz", {"a": NOISE})
        assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("old.txt", "old")]


def test_rows_that_came_before_the_disk_was_full_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "live.csv"
    with pytest.raises(WriteError, match="live.csv: cannot be written"), files_no_longer_than(1000):  # noqa: SIM117
        with growing_file(path) as file:
            for number in range(1000):
                file.write(f"row {number:04}\n")
                file.flush()
    rows = path.read_text().splitlines()
    assert rows == [f"row {number:04}" for number in range(len(rows))] and len(rows) > 100
    assert path.read_text().endswith("\n")


def test_lines_of_several_writers_all_count(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"whole\nhal")  # as an interrupted write leaves it
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: append_lines(path, f"{k}\n"), range(40)))
    lines = path.read_text().splitlines()
    assert lines[0] == "whole" and sorted(map(int, lines[1:])) == list(range(40))
    assert [entry.name for entry in tmp_path.iterdir()] == ["rows.jsonl"]


def test_changes_of_one_file_wait_for_each_other_by_whatever_name(tmp_path: Path) -> None:
    path, link = tmp_path / "count", tmp_path / "link"
    write_text(path, "0")
    link.symlink_to(path)

    def count(name: Path) -> Any:
        with changing(name):
            write_text(name, str(int(name.read_text()) + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, [path, link] * 20))
    assert path.read_text() == "40"
    assert {entry.name for entry in tmp_path.iterdir()} == {"count", "link"}
