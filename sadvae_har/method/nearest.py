"""Distances to the nearest training windows (Sun et al. 2022, nearest neighbours for out-of-distribution detection).

Axis legend: R training windows, n windows, D features.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

N_NEIGHBORS = 5
SMALLEST_DISTANCE = 1e-6  # keeps the logarithm of a distance finite where a window equals a training window
CHUNK = 512  # windows whose distances to all training windows are in memory at once


class Nearest(NamedTuple):
    """What lies near windows.

    Attributes:
        log_distance: Log of the mean distance to the nearest training windows [n].
        row: The nearest training window [n].
    """

    log_distance: np.ndarray
    row: np.ndarray


class NearestWindows:
    """Training windows, ready to be compared with others."""

    def __init__(self, windows: np.ndarray) -> None:
        """Keep windows [R, D]."""
        self.windows = np.ascontiguousarray(windows, np.float32)

    @cached_property
    def _squared(self) -> np.ndarray:
        return np.square(self.windows).sum(1)

    def find(self, windows: np.ndarray) -> Nearest:
        """Compare windows [n, D] with all training windows."""
        return self._find(windows, None)

    def find_others(self, groups: np.ndarray) -> Nearest:
        """Compare every training window with those of other groups, such as other people.

        Args:
            groups: Group of each training window [R]; at least two.
        """
        return self._find(self.windows, groups)

    def _find(self, windows: np.ndarray, groups: np.ndarray | None) -> Nearest:
        n_neighbors = min(N_NEIGHBORS, len(self.windows))
        distances, rows = [np.empty(0)], [np.empty(0, np.int64)]
        for start in range(0, len(windows), CHUNK):
            part = windows[start : start + CHUNK]
            squared = self._squared - 2 * part @ self.windows.T + np.square(part).sum(1)[:, None]
            if groups is not None:
                squared[groups[start : start + CHUNK, None] == groups] = np.inf
            rows.append(squared.argmin(1))
            smallest = np.partition(squared, n_neighbors - 1, axis=1)[:, :n_neighbors]
            finite = np.isfinite(smallest)  # Other people may have fewer windows than neighbours are asked for.
            total = np.sqrt(np.where(finite, np.maximum(smallest, 0), 0)).sum(1)
            distances.append(total / np.maximum(finite.sum(1), 1))
        return Nearest(np.log(np.concatenate(distances) + SMALLEST_DISTANCE), np.concatenate(rows))
