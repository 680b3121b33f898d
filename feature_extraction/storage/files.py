"""Atomic files: a reader sees either the whole old file or the whole new one, never half of either."""

import hashlib
import json
import math
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.storage.json_text import LARGEST, parse_json

BEARABLE, LARGEST_RATIO = 1 << 28, 100  # bytes; arrays of measurements do not shrink to a hundredth
# What Python raises on zip files that are damaged, or written in a way that it does not know.
DAMAGED_ZIP = (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_NPY_HEADER = re.compile(  # of plain numbers or texts, as NumPy writes it
    rb"\x93NUMPY\x01\x00..\{'descr': '([<>|](?:[iu][1248]|f[248]|b1|[SU][1-9]\d{0,5}))', "
    rb"'fortran_order': (?:True|False), 'shape': \(([\d, ]*)\), \} *\n",
    re.DOTALL,
)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary file in the folder of `path`; on success it takes the place of `path`.

    Args:
        path: File to create or replace. Missing parent folders are made.

    Yields:
        A temporary path with the same suffix; an exception inside the block deletes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: The file is missing, unreadable or damaged.
    """
    content = read_bounded(path, LARGEST)
    try:
        return parse_json(content.decode())
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON ({error}); delete it or restore it") from error


def read_bounded(path: Path, largest: int) -> bytes:
    """Read a file that has no reason to be large.

    Args:
        path: The file.
        largest: Most bytes.

    Raises:
        InputError: It is missing, no file, unreadable, or larger.
    """
    require_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error
    if len(content) > largest:
        raise InputError(f"{path}: more than {largest >> 20} MiB; give a file with less in it")
    return content


def require_file(path: Path) -> None:
    """Refuse a path that is missing, or that is a folder, device or pipe: reading some of these never ends.

    Raises:
        InputError: Naming the path.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file():
        raise InputError(f"{path}: not a file; name a file")


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write named arrays as a compressed `.npz`, atomically. Object arrays (pickles) are refused."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read every array of an `.npz` file.

    Raises:
        InputError: The file is missing, damaged or holds pickled objects.
    """
    require_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > BEARABLE and unpacked > LARGEST_RATIO * path.stat().st_size:
                raise InputError(f"{path}: would unpack to {unpacked / 1e9:.1f} GB; it is no file of this program")
            return {entry.filename.removesuffix(".npy"): _read_array(archive, entry) for entry in entries}
    except InputError:
        raise
    except DAMAGED_ZIP as error:
        raise InputError(f"{path}: damaged or not an .npz file ({error}); delete it and make it again") from error


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """Read one array whose header promises exactly what is there, so that a hostile one never gets to NumPy."""
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{entry.filename} is encrypted or compressed in an unusual way")
    with archive.open(entry) as file:
        header = _NPY_HEADER.match(file.read(512))
    if header is None:
        raise ValueError(f"{entry.filename} is no array of plain numbers or texts")
    n_values = math.prod(int(size) for size in header[2].replace(b",", b" ").split())
    if header.end() + n_values * np.dtype(header[1].decode()).itemsize != entry.file_size:
        raise ValueError(f"{entry.filename} is not as long as its header says")
    with archive.open(entry) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def content_hash(*parts: bytes | str) -> str:
    """Return a 16-digit hexadecimal digest (BLAKE2b) of the parts, in order."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()
