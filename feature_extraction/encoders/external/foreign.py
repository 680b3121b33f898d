"""Handling of other people's packages, files and code, whose errors become one line with a remedy."""

import importlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from feature_extraction.encoders.external.spec import Combine
from feature_extraction.errors import InputError
from feature_extraction.storage.checksums import digest_of


def require_package(module: str, package: str, kind: str) -> ModuleType:
    """Import a package that is no requirement of ours.

    Args:
        module: What to import.
        package: What to install.
        kind: Kind of encoder that needs it.

    Raises:
        InputError: It is not installed or cannot be imported; the message has the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"encoders of kind {kind!r} need the package {package} ({error}); install it: pip install {package}"
        ) from error


def require_file(path: Path, hint: str, folder: bool = False) -> None:
    """Refuse a path that is not there.

    Raises:
        InputError: Naming the path and where to get it.
    """
    if not (path.is_dir() if folder else path.is_file()):
        raise InputError(f"{path}: no such {'folder' if folder else 'file'}; {hint}")


@contextmanager
def reported(where: str, remedy: str) -> Iterator[None]:
    """Turn any error of other people's code into an `InputError` of one line; memory errors pass.

    Args:
        where: What was being done, with the name of the encoder or file.
        remedy: What to do about it.

    Raises:
        InputError: With the last line of the original message.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        detail = f"{type(error).__name__}: {lines[-1][:300]}" if lines else type(error).__name__
        raise InputError(f"{where} failed ({detail}); {remedy}") from error


# How protobuf writes that an ONNX tensor lies in another file: the word, then the name behind its length, a varint.
_LOCATION = re.compile(rb"\x0a\x08location\x12([\x80-\xff]?)([\x00-\x7f])", re.DOTALL)


def digests(path: Path, suffixes: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Digest a file and the data files that belong to it, or all files of a folder.

    To a file belong those beside it whose names continue its own, and those that an ONNX file takes weights from.

    Args:
        path: File or folder; hidden files and byte code in it are passed over.
        suffixes: Only files that end so; all if empty.

    Returns:
        Name relative to the folder, then digest, of each file in order of name.
    """
    if path.is_dir():
        root, found = path, path.rglob("*")
    else:
        root, found = path.parent, (other for other in path.parent.iterdir() if other.name.startswith(path.name))
    parts: list[str] = []
    for file in sorted(found):
        name = file.relative_to(root)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if file.is_file() and not hidden and (not suffixes or file.suffix in suffixes):
            parts += [name.as_posix(), digest_of(file)]
    for location in [] if path.is_dir() else _external_data(path):
        if (root / location).is_file():
            parts += [location, digest_of(root / location)]
    return tuple(parts)


def _external_data(path: Path) -> list[str]:
    """Return the files that an ONNX file takes weights from, relative to its folder; no others know of any."""
    content, names = path.read_bytes(), set()
    for match in _LOCATION.finditer(content):
        length = (match[1][0] & 0x7F) + (match[2][0] << 7) if match[1] else match[2][0]
        names.add(os.fsdecode(content[match.end() : match.end() + length]))
    return sorted(name for name in names if "\0" not in name)


def embed_channels(embed: Callable[[Tensor], Tensor], pieces: np.ndarray, combine: Combine) -> np.ndarray:
    """Embed every channel with a network of single series, and concatenate or average the vectors.

    Args:
        embed: Maps series [n, T] to vectors [n, E], E the width of the network.
        pieces: B windows [B, T, C], T samples of C channels.
        combine: `concatenate` keeps apart what each channel says, `mean` keeps D small.

    Returns:
        [B, C * E] or [B, E].
    """
    n_windows, n_samples, n_channels = pieces.shape
    series = torch.from_numpy(np.ascontiguousarray(pieces.transpose(0, 2, 1)).reshape(-1, n_samples))
    with torch.no_grad():
        vectors = embed(series).to("cpu", torch.float32).numpy().reshape(n_windows, n_channels, -1)
    return vectors.mean(axis=1) if combine == "mean" else vectors.reshape(n_windows, -1)
