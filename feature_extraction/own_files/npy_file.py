"""An NPY file of a user: a matrix of numbers, used in place."""

import math
from pathlib import Path

import numpy as np

from feature_extraction.errors import InputError

LONGEST_HEADER = 10_000  # bytes, NumPy's own limit


def map_npy(path: Path) -> np.ndarray:
    """Open a matrix of numbers [T, C] without reading it; its header is compared with the size of the file first.

    Raises:
        InputError: It is an array of something else.
        OSError: It cannot be read; `ValueError`, `SyntaxError` and `tokenize.TokenError` (NumPy parses the header as
            Python text): it is no NPY file, a damaged one, or one of objects.
    """
    with path.open("rb") as file:
        if file.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
            raise ValueError("not an NPY file")
        file.seek(0)
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"NPY format {version[0]}.{version[1]}, expected 1.0 or 2.0")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, in_columns, kind = read(file, max_header_size=LONGEST_HEADER)
        first = file.tell()
    if kind.kind not in "fiu" or len(shape) != 2 or any(isinstance(size, bool) for size in shape):
        raise InputError(f"{path}: {kind} of shape {str(shape)[:80]}; expected numbers, one row per sample")
    if min(shape) < 0 or first + math.prod(shape) * kind.itemsize != path.stat().st_size:
        raise ValueError(f"not as long as its header says, which is an array of shape {str(shape)[:80]}")
    if math.prod(shape) == 0:
        raise ValueError(f"nothing in it, an array of shape {str(shape)[:80]}")
    return np.memmap(path, kind, "r", first, shape, "F" if in_columns else "C")
