"""The one writer of files, and readers: one sees the whole old file or the whole new one, never half of either."""

import errno
import hashlib
import json
import math
import os
import re
import secrets
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from feature_extraction.errors import InputError, WriteError
from feature_extraction.storage.checksums import CHECKSUMS, as_text, digest_of, is_damaged, read_checksums
from feature_extraction.storage.json_text import LARGEST, parse_json
from feature_extraction.storage.locks import locked

BEARABLE, LARGEST_RATIO = 1 << 28, 100  # bytes; arrays of measurements do not shrink to a hundredth
# What Python raises on zip files that are damaged, or written in a way that it does not know.
DAMAGED_ZIP = (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # never from reading
_NO_LEAVE = "make it writable, or name another place"
_REMEDIES = {
    errno.ENOSPC: "free space there, or name another place",
    errno.EDQUOT: "free space within your quota, or name another place",
    errno.EFBIG: "raise the limit on the size of a file (ulimit -f), or name another place",
    errno.EROFS: _NO_LEAVE,
    errno.EACCES: _NO_LEAVE,
    errno.EPERM: _NO_LEAVE,
}
_NPY_HEADER = re.compile(  # of plain numbers or texts, as NumPy writes it
    rb"\x93NUMPY\x01\x00..\{'descr': '([<>|](?:[iu][1248]|f[248]|b1|[SU][1-9]\d{0,5}))', "
    rb"'fortran_order': (?:True|False), 'shape': \(([\d, ]*)\), \} *\n",
    re.DOTALL,
)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path`; on success it takes the place of `path`. Every file is written so.

    A link stays, and what it points to is replaced. A new file gets the permissions that the umask leaves, a replaced
    one keeps its own. Where the folder keeps checksums, the file's is noted.

    Args:
        path: File to create or replace. Missing parent folders are made.

    Yields:
        A temporary path with the same suffix; an exception inside the block deletes it.

    Raises:
        WriteError: `path` is a folder, device, pipe or socket or is write-protected, or the disk is full or cannot be
            written; what was there before is unchanged.
    """
    target, mode = _place(path)
    with writing(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.stem[:30]}-{secrets.token_hex(6)}{target.suffix}")
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600))
    try:
        with writing(path, NO_ROOM):  # the block may read, too
            yield temporary
        with writing(path), ExitStack() as noted:
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())  # some file systems find out only here that they are full
            if mode is not None:
                temporary.chmod(mode)
            for place in dict.fromkeys((path, target)):
                noted.enter_context(_noted(place, temporary))
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(path: Path) -> None:
    """Refuse a path that no file can be written to, before long work that ends there.

    Raises:
        WriteError: It is a folder, device, pipe or socket, or is write-protected.
    """
    _place(path)


@contextmanager
def writing(path: Path, causes: Collection[int] | None = None) -> Iterator[None]:
    """Turn what the system says when a file cannot be written into one line.

    Args:
        path: What is written; named in the error.
        causes: Error numbers that can only come from writing, where the block reads, too.

    Raises:
        WriteError: Naming the path and the remedy.
    """
    try:
        yield
    except OSError as error:
        if causes is not None and error.errno not in causes:
            raise
        remedy = _REMEDIES.get(error.errno or 0, "check the path, its permissions and the free space")
        raise WriteError(
            f"{path}: cannot be written ({os.strerror(error.errno) if error.errno else error}); {remedy}"
        ) from error


@contextmanager
def growing_file(path: Path) -> Iterator[TextIO]:
    """Yield a new, empty text file that is to be read while it grows; whole lines stay there after an error.

    Raises:
        WriteError: As of `atomic_path`.
    """
    require_writable(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("w", encoding="utf-8", newline="") as file:
                yield file
        except OSError:
            with path.open("r+b") as written:
                written.truncate(written.read().rfind(b"\n") + 1)
            raise


def append_lines(path: Path, lines: str) -> None:
    """Add lines to a text file, one process at a time; what an interrupted write left of a line is cut away.

    Args:
        path: The file, made if it does not exist.
        lines: Whole lines.

    Raises:
        InputError: The file cannot be written, or is damaged.
    """
    with changing(path):
        if path.exists():
            require_file(path)
        before = path.read_bytes() if path.exists() else b""
        with atomic_path(path) as temporary:
            temporary.write_bytes(before[: before.rfind(b"\n") + 1] + lines.encode())


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Keep other processes from reading, changing and writing a file at the same time.

    Raises:
        WriteError: The folder cannot be written.
    """
    with ExitStack() as stack:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(path))
        yield


def keep_checksums(folder: Path) -> None:
    """Note from here on a digest of every file written to a folder, so that every reader finds damage."""
    if read_checksums(folder) is None:
        write_text(folder / CHECKSUMS, as_text({}))


def _place(path: Path) -> tuple[Path, int | None]:
    """Return where a file is put, behind all links, and the permissions of the one that lies there."""
    with writing(path):
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            return target, None
    if not stat.S_ISREG(mode):
        raise WriteError(f"{path}: is a {_kind(mode)}, which is never replaced; name a file")
    if not os.access(path, os.W_OK):
        raise WriteError(f"{path}: is write-protected; make it writable (chmod u+w), or name another file")
    return target, stat.S_IMODE(mode) & 0o777


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
    return kinds.get(stat.S_IFMT(mode), "device")


@contextmanager
def _noted(path: Path, temporary: Path) -> Iterator[None]:
    """Note the digest of a file that is being replaced; until it is, that of the old one is good as well."""
    checksums = path.with_name(CHECKSUMS)
    if path == checksums or not checksums.exists():
        yield
        return
    with locked(checksums):
        known = read_checksums(path.parent) or {}
        digest = digest_of(temporary)
        write_text(checksums, as_text({**known, path.name: [*known.get(path.name, ()), digest]}))
        yield
        write_text(checksums, as_text({**known, path.name: [digest]}))


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


def require_file(path: Path, remedy: str = "restore it, or delete it and make it again") -> None:
    """Refuse a path that is missing, or is a folder, device or pipe, or a file that differs from its checksum.

    Args:
        path: What is to be read; reading a pipe may never end.
        remedy: What to do about damage, for the message.

    Raises:
        InputError: Naming the path.
    """
    try:
        if not path.exists():
            raise InputError(f"{path}: no such file")
        if not path.is_file():
            raise InputError(f"{path}: not a file; name a file")
        if is_damaged(path):
            raise InputError(f"{path}: damaged or changed since it was written; {remedy}")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error


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
