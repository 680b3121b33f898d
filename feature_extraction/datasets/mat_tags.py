"""The tags of a MATLAB file (level 5), walked before SciPy reads it, whose process a wrong one ends.

Format: https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf.
"""

import struct
import zlib
from pathlib import Path

from feature_extraction.errors import InputError
from feature_extraction.storage.files import read_bounded

LARGEST = 1 << 30  # bytes, packed and unpacked
DEEPEST = 20  # matrices within each other
_HEADER, _MATRIX, _COMPRESSED = 128, 14, 15
_KNOWN = {*range(1, 8), 9, 12, 13, _MATRIX, _COMPRESSED, 16, 17, 18}
_ORDERS = {b"IM": "<", b"MI": ">"}


def require_sound_tags(path: Path) -> None:
    """Refuse a file whose elements are of types that do not exist, or that end behind it.

    Raises:
        InputError: It is missing, larger than any recording, or no sound MATLAB file of level 5 to 7.2.
    """
    content = read_bounded(path, LARGEST)
    order = _ORDERS.get(content[126:_HEADER])
    try:
        if order is None:
            raise ValueError("no header of level 5")
        _walk(memoryview(content)[_HEADER:], order, DEEPEST, LARGEST)
    except (ValueError, struct.error, zlib.error) as error:
        raise InputError(f"{path}: not readable as a MATLAB file ({error}); fetch it again or take it away") from error


def _walk(elements: memoryview, order: str, deepest: int, left: int) -> int:
    """Look at elements that follow each other; return how many bytes may still be unpacked."""
    if deepest < 0:
        raise ValueError(f"more than {DEEPEST} matrices within each other")
    place = 0
    while place < len(elements):
        kind, size = struct.unpack_from(f"{order}II", elements, place)
        small = kind >> 16
        if small:  # type and size share a word, and up to four bytes follow
            kind, size = kind & 0xFFFF, small
        if kind not in _KNOWN or (small and size > 4):
            raise ValueError(f"an element of type {kind}")
        first = place + (4 if small else 8)
        if first + size > len(elements):
            raise ValueError("an element that ends behind the file")
        body = elements[first : first + size]
        if kind == _COMPRESSED:
            unpacked = zlib.decompressobj().decompress(body, left + 1)
            left -= len(unpacked)
            if left < 0:
                raise ValueError(f"more than {LARGEST >> 20} MiB when unpacked")
            left = _walk(memoryview(unpacked), order, deepest, left)
        elif kind == _MATRIX:
            left = _walk(body, order, deepest - 1, left)
        place = first + size if kind == _COMPRESSED else place + 8 if small else first + -(-size // 8) * 8
    return left
