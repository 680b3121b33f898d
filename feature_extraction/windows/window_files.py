"""The file of all windows: written piece by piece, checked as a whole."""

import json
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from feature_extraction.errors import InputError

CHUNK_WINDOWS = 256  # overlapping windows are views; only this many are copied at a time


class WindowWriter:
    """Append windows to a `.npy` file without holding them in memory; use it in a `with` block."""

    def __init__(self, path: Path, window_shape: tuple[int, int]) -> None:
        """Open the file and leave room for the header, which is complete only after `close`."""
        self.shape = window_shape
        self.n_windows = 0
        self._file: BinaryIO = path.open("wb")
        self._write_header()
        self._start = self._file.tell()

    def append(self, windows: np.ndarray) -> None:
        """Add windows [n, T, C]."""
        if windows.shape[1:] != self.shape:
            raise InputError(f"windows of shape {windows.shape} do not fit {self.shape}")
        for start in range(0, len(windows), CHUNK_WINDOWS):
            self._file.write(np.ascontiguousarray(windows[start : start + CHUNK_WINDOWS], dtype="<f4").data)
        self.n_windows += len(windows)

    def close(self) -> None:
        """Write the final header and close the file."""
        self._file.seek(0)
        self._write_header()
        if self._file.tell() != self._start:
            raise RuntimeError("the header of the window file changed its length")
        self._file.close()

    def __enter__(self) -> "WindowWriter":
        """Return the writer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def _write_header(self) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": (self.n_windows, *self.shape)}
        np.lib.format.write_array_header_1_0(self._file, header)


def spot_checksum(path: Path, block_bytes: int = 1 << 18, n_blocks: int = 1024) -> str:
    """Checksum of a file's size and of evenly spaced blocks; a file up to 256 MiB is covered completely."""
    size = path.stat().st_size
    whole = -(-size // block_bytes)
    blocks = np.unique(np.linspace(0, max(whole - 1, 0), min(whole, n_blocks)).astype(np.int64))
    checksum = 0
    with path.open("rb") as file:
        for block in blocks:
            file.seek(int(block) * block_bytes)
            checksum = zlib.crc32(file.read(block_bytes), checksum)
    return json.dumps([size, checksum])
