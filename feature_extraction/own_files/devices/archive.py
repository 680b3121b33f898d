"""The members of a zip file, copied to a temporary folder: limited in number and size, and never outside it."""

import stat
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

from feature_extraction.errors import InputError
from feature_extraction.storage.files import DAMAGED_ZIP, NO_ROOM, writing

MOST_MEMBERS = 500
MOST_BYTES = 2 << 30  # of all members together
READ_ENDINGS = (".csv", ".txt", ".tsv", ".json", ".npy", ".parquet", ".pq")  # others stay packed
BLOCK = 1 << 20


def is_zip(path: Path) -> bool:
    """Return whether a file begins as a zip file does."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def member_names(path: Path) -> list[str]:
    """Return the names of all members of a zip file.

    Raises:
        InputError: It is damaged.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            return packed.namelist()
    except DAMAGED_ZIP as error:
        raise InputError(f"{path}: not readable as a zip file ({error}); export again, or unpack it") from error


def unpack(path: Path, folder: Path) -> None:
    """Copy the tables of a zip file to a folder.

    Args:
        path: Zip file.
        folder: An empty folder; nothing is written outside it.

    Raises:
        InputError: The file is damaged or encrypted, has too many or too large members, or one of them is a
            link or leads out of the folder.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
            if len(members) > MOST_MEMBERS:
                raise InputError(f"{path}: {len(members)} members, more than {MOST_MEMBERS}; give one recording")
            left = MOST_BYTES
            for member in members:
                _require_harmless(path, member)
                if not member.is_dir() and member.filename.lower().endswith(READ_ENDINGS):
                    left = _copy(packed, member, folder / member.filename, left)
    except InputError:
        raise
    except DAMAGED_ZIP as error:
        raise InputError(f"{path}: not readable as a zip file ({error}); export again, or unpack it") from error


def _require_harmless(path: Path, member: zipfile.ZipInfo) -> None:
    name, windows = PurePosixPath(member.filename), PureWindowsPath(member.filename)
    shown = f"{path}: member {member.filename[:80]!r}"
    if name.is_absolute() or windows.is_absolute() or windows.drive or ".." in windows.parts or "\\" in member.filename:
        raise InputError(f"{shown} leads out of the folder it is unpacked to; unpack it yourself if you trust it")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise InputError(f"{shown} is a link; zip the files themselves")
    if member.flag_bits & 1:
        raise InputError(f"{shown} is encrypted; unpack it with its password and give the folder")


def _copy(packed: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Copy one member, and return how many bytes may still come."""
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with writing(target, NO_ROOM), packed.open(member) as source, target.open("wb") as file:
        while block := source.read(BLOCK):
            left -= len(block)
            if left < 0:
                raise InputError(
                    f"{packed.filename}: unpacked more than {MOST_BYTES >> 30} GiB; cut it into shorter ones"
                )
            file.write(block)
    return left
