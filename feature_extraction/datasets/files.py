"""Reading one file of numbers, with errors that name the file."""

from pathlib import Path

import numpy as np

from feature_extraction.datasets.mat_tags import require_sound_tags
from feature_extraction.errors import InputError
from feature_extraction.storage.files import require_file

FETCH_AGAIN = "fetch the file again or take it away"


def read_mat(path: Path, wanted: str, n_columns: int) -> dict[str, np.ndarray]:
    """Read a MATLAB file and check its matrix `wanted`.

    Returns:
        Every variable of the file; `wanted` is float64 [T, n_columns].

    Raises:
        InputError: The file is damaged, lacks the variable, or the matrix has another shape.
    """
    from scipy.io import loadmat  # slow to import, and a warm cache never needs it

    require_sound_tags(path)
    try:
        variables = loadmat(path)
    except Exception as error:  # noqa: BLE001 - scipy raises almost anything on a damaged file
        detail = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: not readable as a MATLAB file ({detail}); {FETCH_AGAIN}") from error
    if wanted not in variables:
        present = ", ".join(name for name in variables if not name.startswith("__")) or "nothing"
        raise InputError(f"{path}: no variable {wanted!r} in it (it holds {present}); {FETCH_AGAIN}")
    matrix = variables[wanted]
    if matrix.ndim != 2 or matrix.shape[1] != n_columns or len(matrix) == 0 or matrix.dtype.kind not in "fiu":
        raise InputError(
            f"{path}: {wanted} is {matrix.dtype} of shape {matrix.shape}; expected numbers in "
            f"{n_columns} columns; {FETCH_AGAIN}"
        )
    return {**variables, wanted: matrix.astype(np.float64)}


def read_numbers(path: Path, n_columns: int, delimiter: str | None = None, dtype: type = np.float64) -> np.ndarray:
    """Read a text file of numbers.

    Args:
        path: The file.
        n_columns: Columns it must have.
        delimiter: Between values; white space by default.
        dtype: Type of the result.

    Returns:
        [T, n_columns].

    Raises:
        InputError: The file is empty, holds something else, or has another number of columns.
    """
    require_file(path)
    try:
        with path.open(encoding="utf-8") as file:  # an open file is read faster than a path
            lines = file.read().splitlines()
        values = np.loadtxt(lines, delimiter=delimiter, dtype=dtype, ndmin=2) if lines else np.empty((0, 0))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as numbers ({' '.join(str(error).split())}); {FETCH_AGAIN}") from error
    if values.size == 0:
        raise InputError(f"{path}: empty; {FETCH_AGAIN}")
    if values.shape[1] != n_columns:
        raise InputError(f"{path}: {values.shape[1]} columns, expected {n_columns}; {FETCH_AGAIN}")
    return values


def require_finite(values: np.ndarray, path: Path) -> np.ndarray:
    """Return `values`; refuse NaN and infinity.

    Raises:
        InputError: Naming the file, the first bad row and how many there are.
    """
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise InputError(f"{path}: {len(bad)} rows are not finite, the first is row {bad[0] + 1}; {FETCH_AGAIN}")
    return values
