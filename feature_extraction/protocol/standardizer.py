"""Standardisation fitted on seen windows of train or validation subjects only.

Axis legend: N windows, D features.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.protocol.split import Split

CLIP = 10.0
MIN_STD = 1e-6  # relative to the mean: what rounding leaves of a constant, whatever the unit of a feature
CHUNK_WINDOWS = 512


@dataclass(frozen=True)
class Standardizer:
    """Mean and spread per column; transforms to zero mean and unit spread, clipped to ±10.

    Attributes:
        mean: float32 [D].
        scale: Standard deviation, float32 [D]; 0 marks a constant column, which becomes 0.
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, labels: np.ndarray, subjects: np.ndarray, split: Split) -> "Standardizer":
        """Fit on windows that the split allows to be fitted on.

        Args:
            features: [N, D].
            labels: Class names [N].
            subjects: Subject names [N].
            split: The split whose rules hold.

        Raises:
            LeakageError: A window is of an unseen class or a test subject.
            InputError: There are no windows.
        """
        _require_fit(labels, subjects, split)
        return cls._from_moments(features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64))

    @classmethod
    def fit_windows(
        cls, samples: np.ndarray, rows: np.ndarray, labels: np.ndarray, subjects: np.ndarray, split: Split
    ) -> "Standardizer":
        """Fit per channel on every sample of some windows, reading them in small chunks.

        Args:
            samples: Windows [N, T, C]; may be a memory map.
            rows: Windows to fit on [n].
            labels: Class names of all windows [N].
            subjects: Subject names of all windows [N].
            split: The split whose rules hold.

        Raises:
            LeakageError: A window in `rows` is of an unseen class or a test subject.
            InputError: There are no windows.
        """
        _require_fit(labels[rows], subjects[rows], split)
        count, total, square = 0, np.zeros(samples.shape[2]), np.zeros(samples.shape[2])
        shift = np.asarray(samples[rows[0]], dtype=np.float64).mean(axis=0)  # avoids cancellation in the variance
        for start in range(0, len(rows), CHUNK_WINDOWS):
            values = np.asarray(samples[rows[start : start + CHUNK_WINDOWS]], dtype=np.float64) - shift
            count += values.shape[0] * values.shape[1]
            total += values.sum(axis=(0, 1))
            square += np.square(values).sum(axis=(0, 1))
        return cls._from_moments(shift + total / count, np.sqrt(np.maximum(square / count - (total / count) ** 2, 0)))

    @classmethod
    def _from_moments(cls, mean: np.ndarray, std: np.ndarray) -> "Standardizer":
        constant = std <= MIN_STD * np.abs(mean)
        return cls(mean.astype(np.float32), np.where(constant, 0, std).astype(np.float32))

    def transform(self, features: np.ndarray) -> np.ndarray:
        """Return standardised float32 features [N, D].

        Raises:
            InputError: The number of columns differs from the one fitted on.
        """
        n_columns = features.shape[-1]
        if n_columns != len(self.mean):
            raise InputError(f"{n_columns} feature columns, standardised on {len(self.mean)}; use the same blocks")
        inverse = np.divide(1, self.scale, out=np.zeros_like(self.scale), where=self.scale > 0)
        return np.clip((features - self.mean) * inverse, -CLIP, CLIP).astype(np.float32)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays to save."""
        return {"mean": self.mean, "scale": self.scale}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Standardizer":
        """Rebuild from `to_arrays`.

        Raises:
            InputError: An array is missing or has the wrong shape.
        """
        if not {"mean", "scale"} <= set(arrays):
            raise InputError(
                f"standardisation needs arrays mean and scale, found {', '.join(sorted(arrays)) or 'none'}"
            )
        mean, scale = (np.asarray(arrays[name], dtype=np.float32) for name in ("mean", "scale"))
        if mean.ndim != 1 or mean.shape != scale.shape or not np.isfinite([mean, scale]).all() or (scale < 0).any():
            raise InputError(f"standardisation of shapes {mean.shape} and {scale.shape} cannot be used; fit again")
        return cls(mean, scale)


def _require_fit(labels: np.ndarray, subjects: np.ndarray, split: Split) -> None:
    """Refuse windows that the split keeps from being fitted on, and no windows."""
    split.check_fit(labels.tolist(), subjects.tolist(), "standardisation")
    if len(labels) == 0:
        raise InputError(f"standardisation: split {split.dataset}/{split.name} has no windows to fit on; widen it")
