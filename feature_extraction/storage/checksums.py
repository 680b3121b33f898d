"""`checksums.json` of a folder: a digest of every file that this program wrote there, so that any damage is found.

A folder has one from the moment that `files.keep_checksums` makes it; the one writer of files keeps it up to date, and
every reader compares. It tells damage and edits by hand; it is no signature and does not say who wrote a file.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from feature_extraction.errors import InputError
from feature_extraction.storage.json_text import parse_json
from feature_extraction.storage.locks import locked

CHECKSUMS = "checksums.json"
FORMAT = "sadvae-har checksums 1"
Digests = Mapping[str, Sequence[str]]  # file name -> digest, or two while the file is being replaced


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_text(files: Digests) -> str:
    """Return the content of `checksums.json`, which has a checksum of its own."""
    value = {"format": FORMAT, "files": dict(files), "checksum": _checksum(files)}
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def read_checksums(folder: Path) -> Digests | None:
    """Return the digests that a folder keeps; none if it keeps none, as folders of earlier versions.

    Raises:
        InputError: The file is damaged.
    """
    path = folder / CHECKSUMS
    try:
        value = parse_json(path.read_bytes().decode())
        if value["format"] == FORMAT and value["checksum"] == _checksum(value["files"]):
            return value["files"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):  # said below
        pass
    raise InputError(
        f"{path}: damaged or changed since it was written; restore it, or delete the folder and make it again"
    )


def is_damaged(path: Path) -> bool:
    """Return whether a file is another than was written there; a file whose folder keeps no digest of it never is.

    Raises:
        InputError: The checksums themselves are damaged.
    """
    if not _differs(path):
        return False
    try:
        with locked(path.with_name(CHECKSUMS)):  # another process may just have replaced it
            return _differs(path)
    except OSError:  # a folder that cannot be written does not change
        return True


def damaged_files(folder: Path) -> list[Path]:
    """Return the files of a folder that are others than were written there; errors as of `is_damaged`."""
    return [path for name in read_checksums(folder) or () if (path := folder / name).is_file() and is_damaged(path)]


def _differs(path: Path) -> bool:
    known = (read_checksums(path.parent) or {}).get(path.name)
    return known is not None and digest_of(path) not in known


def _checksum(files: Digests) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
