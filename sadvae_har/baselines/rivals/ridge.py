"""Ridge regression from IMU features to semantic vectors, nearest class by cosine.

The nearest-prototype baseline of zero-shot learning with the regression written down in closed form
(Palatucci et al., NeurIPS 2009, with classes weighted equally). Axis legend: see `method.py`.
"""

from dataclasses import dataclass

import numpy as np

from sadvae_har.baselines.method import SeenData, cosines

NAME = "ridge"


@dataclass(frozen=True)
class FittedRidge:
    """Regression weights [D, E]."""

    weights: np.ndarray

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return the cosine of predicted and given semantic vectors, [n, C]."""
        return cosines(features @ self.weights, text)


@dataclass(frozen=True)
class Ridge:
    """Ridge prototype regression.

    Attributes:
        regularisation: λ, added to the second moments of the standardised features.
    """

    regularisation: float = 1.0

    def fit(self, data: SeenData, seed: int) -> FittedRidge:
        """Solve the class-balanced regression; nothing is drawn, so the seed changes nothing."""
        count = np.bincount(data.labels, minlength=len(data.text))
        weighted = data.features * (1 / (count[data.labels] * len(count)))[:, None].astype(np.float32)
        moments = data.features.T @ weighted + self.regularisation * np.eye(data.features.shape[1], dtype=np.float32)
        return FittedRidge(np.linalg.solve(moments, weighted.T @ data.text[data.labels]))


def candidates() -> tuple[Ridge, ...]:
    """Return the settings to choose from."""
    return tuple(Ridge(value) for value in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0))
