"""How two processes exchange arrays and lines of text: a letter for the kind, a length, then plain bytes.

Nothing is unpickled, and nothing that comes in is believed: lengths are bounded, shapes must fit the bytes.
"""

import math
import struct
from typing import BinaryIO

import numpy as np

ARRAY, ERROR, LIMITS, LOADED = b"A", b"E", b"L", b"O"
LARGEST_ANSWER = 1 << 28  # bytes; a batch of 256 windows with 262,144 features each
LONGEST_TEXT, MOST_AXES = 2000, 8
_HEAD = struct.Struct("<cQ")
_FLOAT = np.dtype("<f4")


def send(stream: BinaryIO, kind: bytes, payload: bytes = b"") -> None:
    """Write one frame."""
    stream.write(_HEAD.pack(kind, len(payload)))
    stream.write(payload)
    stream.flush()


def receive(stream: BinaryIO, largest: int | None = None) -> tuple[bytes, bytes]:
    """Read one frame.

    Args:
        stream: From the other process.
        largest: Most bytes that a frame may have.

    Returns:
        Its kind and its bytes.

    Raises:
        EOFError: The stream ends.
        ValueError: The frame is larger.
    """
    kind, length = _HEAD.unpack(_read(stream, _HEAD.size))
    if largest is not None and length > largest:
        raise ValueError(f"a frame of {length} bytes, at most {largest} are taken")
    return kind, _read(stream, length)


def _read(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data


def array_bytes(array: np.ndarray) -> bytes:
    """Return the number of axes, their lengths and the values of an array, as float32."""
    return struct.pack(f"<B{array.ndim}Q", array.ndim, *array.shape) + array.astype(_FLOAT).tobytes()


def array_of(data: bytes) -> np.ndarray:
    """Return the float32 array that `array_bytes` made bytes of, with memory of its own.

    Raises:
        ValueError: The bytes are none, or do not fit the shape they claim.
    """
    n_axes = data[0] if data else MOST_AXES + 1
    start = 1 + 8 * n_axes
    if n_axes > MOST_AXES or len(data) < start:
        raise ValueError("no array")
    shape = struct.unpack_from(f"<{n_axes}Q", data, 1)
    if math.prod(shape) * _FLOAT.itemsize != len(data) - start:
        raise ValueError(f"an array of shape {shape} in {len(data)} bytes")
    return np.frombuffer(data, _FLOAT, offset=start).reshape(shape).astype(np.float32)


def text_of(data: bytes) -> str:
    """Return a line that can be printed: what could move a cursor or begin a line becomes a blank."""
    text = data.decode("utf-8", "replace")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:LONGEST_TEXT]
