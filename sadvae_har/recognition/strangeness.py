"""How strange a window is for the trained class it is most like, on a scale that people who were not trained on share.

Some activities look alike in everyone, others differ from person to person. So a window's distance to its nearest
training windows is compared with the distances that windows of that class have to the training windows of *other*
people. Distances are measured where the spread within classes is the same in all directions (Mahalanobis), which is
where the person, the style and the noise count least.

Axis legend: R training windows, n windows, D features, S classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from feature_extraction.errors import InputError
from sadvae_har.method.nearest import NearestWindows

FLOOR = 0.3  # Variance added to the covariance within classes of standardised features.
LEAST_SPREAD = 0.05  # Of log distances; a class recorded once has none of its own.


@dataclass(frozen=True)
class Strangeness:
    """Whitened training windows and the usual distances of their classes.

    Attributes:
        training: Whitened training windows [R, D].
        classes: Their classes [R].
        factor: Lower Cholesky factor of the covariance within classes, float32 [D, D].
        usual: Mean log distance of each class's windows to windows of other people [S].
        spread: Standard deviation of these log distances [S].
    """

    training: NearestWindows
    classes: np.ndarray
    factor: np.ndarray
    usual: np.ndarray
    spread: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, classes: np.ndarray, subjects: np.ndarray) -> "Strangeness":
        """Fit to training windows.

        Args:
            features: Standardised features [R, D].
            classes: Class of each window, 0 to S - 1, [R].
            subjects: Subject of each window [R].
        """
        residuals = np.array(features, np.float64)
        for number in np.unique(classes):
            residuals[classes == number] -= residuals[classes == number].mean(0)
        covariance = residuals.T @ residuals / len(residuals) + FLOOR * np.eye(features.shape[1])
        factor = np.linalg.cholesky(covariance).astype(np.float32)
        training = NearestWindows(_whiten(factor, features))
        # With one person only, all but the window itself stand for other people.
        groups = subjects if len(np.unique(subjects)) > 1 else np.arange(len(features))
        distances = training.find_others(groups).log_distance
        numbers = range(int(classes.max()) + 1)
        usual = np.array([distances[classes == k].mean() if (classes == k).any() else 0.0 for k in numbers])
        spread = np.array([distances[classes == k].std() if (classes == k).any() else 0.0 for k in numbers])
        return cls(training, classes, factor, usual, spread + LEAST_SPREAD)

    @classmethod
    def of_drawn(
        cls, drawn: np.ndarray, drawn_classes: np.ndarray, features: np.ndarray, classes: np.ndarray
    ) -> "Strangeness":
        """Fit to windows drawn from the densities of classes, with the usual distances of the real ones to them.

        Args:
            drawn: Standardised features of drawn windows, which stand for training windows, [R, D].
            drawn_classes: Their classes [R].
            features: Standardised features of real windows [n, D]; not kept.
            classes: Their classes [n].
        """
        found = cls.fit(drawn, drawn_classes, np.arange(len(drawn)))
        distances = found.training.find(_whiten(found.factor, features)).log_distance
        usual, spread = found.usual.copy(), found.spread.copy()
        for k in np.unique(classes):
            usual[k], spread[k] = distances[classes == k].mean(), distances[classes == k].std() + LEAST_SPREAD
        return replace(found, usual=usual, spread=spread)

    def measure(self, features: np.ndarray) -> np.ndarray:
        """Return how strange windows are [n], in standard deviations of the usual log distance.

        Args:
            features: Standardised features [n, D].
        """
        found = self.training.find(_whiten(self.factor, features))
        alike = self.classes[found.row]
        return (found.log_distance - self.usual[alike]) / self.spread[alike]

    def measure_training(self, groups: np.ndarray) -> np.ndarray:
        """Return how strange training windows are to those of other people, [R].

        Args:
            groups: Person of each training window [R]; with one only, all but the window itself are of others.
        """
        groups = groups if len(np.unique(groups)) > 1 else np.arange(len(groups))
        found = self.training.find_others(groups)
        alike = self.classes[found.row]
        return (found.log_distance - self.usual[alike]) / self.spread[alike]

    def shift_of_others(self) -> np.ndarray:
        """Return how much farther from training windows, in log distance, those of other people lie than these, [R]."""
        among = self.training.find_others(np.arange(len(self.classes))).log_distance
        total = np.bincount(self.classes, among, len(self.usual))
        usual_among = total / np.maximum(np.bincount(self.classes, minlength=len(self.usual)), 1)
        return (self.usual - usual_among)[self.classes]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays to save, less training windows and classes, which a model file holds already."""
        return {"factor": self.factor, "usual": self.usual, "spread": self.spread}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], features: np.ndarray, classes: np.ndarray) -> "Strangeness":
        """Rebuild from `to_arrays`, standardised training windows [R, D] and their classes [R].

        Raises:
            InputError: An array is missing or does not fit.
        """
        if not arrays.keys() >= {"factor", "usual", "spread"}:
            raise InputError(f"strangeness: arrays {sorted(arrays)} cannot be used")
        factor, usual, spread = (arrays[name] for name in ("factor", "usual", "spread"))
        n_features, n_classes = features.shape[1], int(classes.max()) + 1
        fits = factor.shape == (n_features, n_features) and usual.shape == spread.shape == (n_classes,)
        fits = fits and all(np.isfinite(part).all() for part in (factor, usual, spread))
        if not fits or not (spread > 0).all() or not (np.diagonal(factor) > 0).all():
            raise InputError(f"strangeness: arrays of shapes {factor.shape} and {usual.shape} cannot be used")
        return cls(NearestWindows(_whiten(factor, features)), classes, factor, usual, spread)


def _whiten(factor: np.ndarray, features: np.ndarray) -> np.ndarray:
    rows = torch.from_numpy(np.asarray(features, np.float32))
    return torch.linalg.solve_triangular(torch.from_numpy(factor), rows.T, upper=False).T.contiguous().numpy()
