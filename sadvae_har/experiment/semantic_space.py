"""The text space as training classes span it: fitted on their semantic vectors, applied to any class's.

Axis legend: C classes, E text features, P coordinates, R axes that the training classes span.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from feature_extraction.errors import InputError

_ROUNDING = 1e-6  # relative to the size of the vectors; equal ones differ by less
_WEAKEST_AXIS = 1e-4  # relative to the strongest one; below, an axis is rounding error


@dataclass(frozen=True)
class SemanticSpace:
    """Centre, scale and principal axes of the training classes' semantic vectors.

    S training classes say something about at most S - 1 directions of the text space. Whatever else a
    description holds would meet weights that no training window ever shaped. It is left out, and its size kept as
    a measure of how little is known about the class.

    Attributes:
        centre: Mean semantic vector [E].
        scale: Root mean square of the centred vectors.
        axes: Principal axes of the centred and scaled vectors, float64 [R, E].
        coordinate_scale: Root mean square of their coordinates.
        squared_length: Their mean squared length.
        width: P; coordinates beyond R are zero, so that folds of different size share one shape.
    """

    centre: np.ndarray
    scale: float
    axes: np.ndarray
    coordinate_scale: float
    squared_length: float
    width: int

    @classmethod
    def fit(cls, vectors: np.ndarray, width: int) -> "SemanticSpace":
        """Fit to the semantic vectors of the training classes.

        Args:
            vectors: Semantic vectors of the training classes alone [S, E].
            width: P.

        Raises:
            InputError: The training classes all have the same vector.
        """
        centre, scale = vectors.mean(0), float(np.sqrt(np.square(vectors - vectors.mean(0)).mean()))
        if not scale > _ROUNDING * np.sqrt(np.square(vectors).mean()):
            raise InputError(
                f"semantic vectors: {len(vectors)} training classes have the same vector, so texts cannot tell them "
                "apart; check text.views and text.kinematics_weight"
            )
        shifted = ((vectors - centre) / scale).astype(np.float32).astype(np.float64)
        _, strength, axes = np.linalg.svd(shifted, full_matrices=False)
        axes = axes[:width][strength[:width] > _WEAKEST_AXIS * strength[0]]
        coordinate_scale = float(np.sqrt(np.square(shifted @ axes.T).mean()))
        return cls(centre, scale, axes, coordinate_scale, float(np.square(shifted).sum(1).mean()), width)

    def centred(self, vectors: np.ndarray) -> Tensor:
        """Return semantic vectors [C, E], centred on the training classes and of unit mean square there."""
        return torch.from_numpy(((vectors - self.centre) / self.scale).astype(np.float32))

    def locate(self, vectors: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return coordinates of semantic vectors in the span of the training classes.

        Args:
            vectors: Semantic vectors [C, E].

        Returns:
            Coordinates along the axes, of unit mean square for training classes, [C, P], and the squared length
            outside the span, relative to the mean squared length of training classes, [C].

        Raises:
            InputError: The vectors are of another text model or other views.
        """
        if vectors.shape[-1] != len(self.centre):
            raise InputError(
                f"semantic vectors have {vectors.shape[-1]} dimensions, those of the training classes "
                f"{len(self.centre)}; use the same text model and views"
            )
        shifted = self.centred(vectors).numpy().astype(np.float64)
        coordinates = shifted @ self.axes.T
        outside = np.square(shifted - coordinates @ self.axes).sum(1) / self.squared_length
        padding = ((0, 0), (0, self.width - len(self.axes)))
        coordinates = np.pad(coordinates / self.coordinate_scale, padding)
        return torch.from_numpy(coordinates.astype(np.float32)), torch.from_numpy(outside.astype(np.float32))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays to save."""
        numbers = np.array([self.scale, self.coordinate_scale, self.squared_length, self.width], np.float64)
        return {"centre": self.centre, "axes": self.axes, "numbers": numbers}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "SemanticSpace":
        """Rebuild from `to_arrays`.

        Raises:
            InputError: An array is missing or has the wrong shape.
        """
        parts = [arrays.get(name, np.empty(0)) for name in ("centre", "axes", "numbers")]
        centre, axes, numbers = parts
        sound = numbers.shape == (4,) and centre.ndim == 1 and axes.ndim == 2 and axes.shape[1] == len(centre)
        if (
            not sound
            or not all(np.isfinite(part).all() for part in parts)
            or min(numbers) <= 0
            or len(axes) > numbers[3]
        ):
            raise InputError(f"semantic space: arrays of shapes {centre.shape} and {axes.shape} cannot be used")
        scale, coordinate_scale, squared_length, width = numbers.tolist()
        return cls(centre, scale, axes, coordinate_scale, squared_length, int(width))
