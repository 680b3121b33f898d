"""Named tensors with a JSON header in one safetensors file, and a checksum over both: the one reader and writer.

Nothing in such a file is executed on loading. The checksum tells damage from a sound file; it is no signature and
does not say who made the file.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from feature_extraction.errors import InputError
from feature_extraction.storage.files import atomic_path, content_hash, require_file
from feature_extraction.storage.json_text import parse_json

if TYPE_CHECKING:  # Importing torch takes seconds, and whoever reads a header does without.
    import torch
    from torch import Tensor

LARGEST_FILE = 4 << 30  # bytes
_DTYPES = {"F16", "F32", "F64", "I8", "I16", "I32", "I64", "U8", "BOOL"}  # that NumPy and PyTorch both have


def write_tensors(path: Path, kind: str, header: Mapping[str, Any], tensors: Mapping[str, "Tensor"]) -> None:
    """Write tensors and what is to be known about them, atomically.

    Args:
        path: File to make or replace.
        kind: What the file is, such as `sadvae_har_recognizer`; only files of the same kind are read back.
        header: Plain values, ready for JSON.
        tensors: Named `part/name`; `under` finds those of a part again.
    """
    from safetensors.torch import save

    copies = {name: value.detach().contiguous().clone() for name, value in tensors.items()}  # no shared memory
    full = {**header, "checksum": _checksum(header, {name: value.numpy() for name, value in copies.items()})}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(copies, metadata={kind: json.dumps(full)}))  # save_file hides that a disk is full


Accept = Callable[[Mapping[str, Any]], None]


def read_header(path: Path, kind: str, remedy: str, accept: Accept | None = None) -> dict[str, Any]:
    """Read the header of a sound file alone; arguments and errors as of `read_tensors`."""
    return _read(path, kind, remedy, accept)[0]


def read_tensors(
    path: Path, kind: str, remedy: str, accept: Accept | None = None
) -> tuple[dict[str, Any], dict[str, "Tensor"]]:
    """Read a file that `write_tensors` made.

    Args:
        path: The file.
        kind: What it has to be.
        remedy: What to do if it cannot be used, for the message.
        accept: Looks at the header before anything else is read, and raises on one of another version.

    Returns:
        The header and the tensors.

    Raises:
        InputError: It is missing, of another kind, or damaged.
    """
    import torch

    header, arrays = _read(path, kind, remedy, accept)
    return header, {name: torch.from_numpy(value) for name, value in arrays.items()}


def under(tensors: Mapping[str, "Tensor"], part: str) -> dict[str, "Tensor"]:
    """Return the tensors named `part/...`, by what follows."""
    prefix = f"{part}/"
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def optimizer_tensors(optimizer: "torch.optim.Optimizer", part: str) -> dict[str, "Tensor"]:
    """Return the state of an optimiser as tensors named `part/parameter/entry`."""
    state = optimizer.state_dict()["state"]
    return {f"{part}/{index}/{name}": value for index, values in state.items() for name, value in values.items()}


def restore_optimizer(optimizer: "torch.optim.Optimizer", tensors: Mapping[str, "Tensor"], part: str) -> None:
    """Put back what `optimizer_tensors` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in under(tensors, part).items():
        index, _, entry = name.partition("/")
        state.setdefault(int(index), {})[entry] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def _read(path: Path, kind: str, remedy: str, accept: Accept | None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    require_file(path, remedy)
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"{path}: {path.stat().st_size >> 30} GiB, more than any file of this program; {remedy}")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            names = list(file.keys())
            strange = {file.get_slice(name).get_dtype() for name in names} - _DTYPES
            if strange:
                raise ValueError(f"tensors of type {min(strange)}")
            arrays = {name: file.get_tensor(name) for name in names}
        if kind not in metadata:
            raise InputError(f"{path}: no file of kind {kind!r}, or of an earlier version; {remedy}")
        header = parse_json(metadata[kind])
        if not isinstance(header, dict):
            raise ValueError(f"header is a {type(header).__name__}")
    except InputError:
        raise
    except (SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: damaged or not a safetensors file ({reason}); {remedy}") from error
    if accept is not None:
        accept(header)
    if header.pop("checksum", None) != _checksum(header, arrays):
        raise InputError(f"{path}: damaged: its content does not match its checksum; {remedy}")
    return header, arrays


def _checksum(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Return a digest of everything in the file but itself."""
    parts: list[bytes | str] = [json.dumps(header, sort_keys=True)]
    for name in sorted(arrays):
        parts += [f"{name} torch.{arrays[name].dtype} {arrays[name].shape}", arrays[name].tobytes()]
    return content_hash(*parts)
