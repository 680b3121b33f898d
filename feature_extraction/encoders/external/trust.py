"""Which encoders of others are code, and whether the user trusts this very code.

A file is known by its SHA-256, as `sha256sum` prints it; a folder by that of the list of its files. Whoever names the
digest has decided where it came from; a file that is changed later has another.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from feature_extraction.errors import InputError
from feature_extraction.storage.checksums import digest_of

PLAIN = (".safetensors", ".json", ".md", ".txt", "")  # of what folders of models hold; none can be code
PASSED_OVER = (".git", "__pycache__")  # what git and Python keep beside sources, and nothing here reads


@dataclass(frozen=True)
class Code:
    """Something that can do more than compute.

    Attributes:
        path: File or folder.
        what: What it is, for people.
    """

    path: Path
    what: str


def require_trust(code: Code, trusted: Collection[str]) -> str:
    """Refuse code that the user has not said to trust.

    Args:
        code: What is to run.
        trusted: Digests of code that may.

    Returns:
        Its digest.

    Raises:
        InputError: It is not trusted; the message has its digest and how to say so.
    """
    digest = code_digest(code.path)
    if digest not in trusted:
        raise InputError(
            f"{code.path}: {code.what} is code of others and can do whatever you can; ask for ONNX, which holds none, "
            f"or, if you know where it comes from, add --trust-code {digest}, in YAML and Python the same digest in "
            "the list trust_code"
        )
    return digest


def find_in_folder(folder: Path) -> Code | None:
    """Return the folder of a model as code if it holds a file that could be: pickled weights, or sources."""
    if not folder.is_dir():
        return None
    others = sorted(
        name.as_posix()
        for name in (entry.relative_to(folder) for entry in folder.rglob("*") if entry.is_file())
        if name.suffix.lower() not in PLAIN and not any(part.startswith(".") for part in name.parts)
    )
    return Code(folder, f"{others[0]} in it, which is no .safetensors,") if others else None


def code_digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the sorted lines `<SHA-256>  '<path>'` of the files of a folder, in hex.

    Raises:
        InputError: The folder holds a link to a folder.
    """
    if not path.is_dir():
        return digest_of(path)
    lines = []
    for entry in path.rglob("*"):
        name = entry.relative_to(path)
        if set(PASSED_OVER) & set(name.parts):
            continue
        if entry.is_symlink() and entry.is_dir():
            raise InputError(f"{entry}: a link to a folder, in a folder of code; put the folder itself there")
        if entry.is_file():
            lines.append(f"{digest_of(entry)}  {name.as_posix()!r}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
