"""NPY files, used in place; what the header says is compared with the size of the file before anything is read."""

import math
from pathlib import Path
from tokenize import TokenError

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.storage.files import require_file

LONGEST_HEADER = 10_000  # bytes, NumPy's own limit
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def map_npy(path: Path) -> np.ndarray:
    """Open an array of numbers or texts without reading it.

    Raises:
        InputError: It is missing, no NPY file, damaged, empty, or holds objects.
    """
    require_file(path)
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            if version not in _READERS:
                raise ValueError(f"format {version[0]}.{version[1]}, expected 1.0 or 2.0")
            shape, in_columns, kind = _READERS[version](file, max_header_size=LONGEST_HEADER)
            first = file.tell()
        if kind.hasobject:
            raise ValueError("objects instead of numbers")
        whole = all(type(size) is int and size >= 0 for size in shape)
        if not whole or first + math.prod(shape) * kind.itemsize != path.stat().st_size:
            raise ValueError(f"not as long as its header says, which is an array of shape {str(shape)[:80]}")
        if math.prod(shape) == 0:
            raise ValueError(f"nothing in it, an array of shape {str(shape)[:80]}")
        return np.memmap(path, kind, "r", first, shape, "F" if in_columns else "C")
    except (OSError, ValueError, SyntaxError, TokenError) as error:  # NumPy parses the header as Python text
        detail = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not readable as npy ({detail}); correct the file or its format") from error
