"""ESZSL: a bilinear map between features and semantic vectors in closed form (Romera-Paredes & Torr, ICML 2015).

The squared error between compatibilities and ±1 class indicators is minimised with a penalty on the map seen from
either side; classes are weighted equally. Semantic vectors are given unit length only when classes are scored: seen
ones that are centred sum to zero, which unit lengths would spoil, and a small λ would make much of the remainder.
Axis legend: see `method.py`.
"""

from dataclasses import dataclass

import numpy as np

from sadvae_har.baselines.method import SeenData, normalised

NAME = "eszsl"


@dataclass(frozen=True)
class FittedBilinear:
    """A compatibility of features and unit semantic vectors, by a map [D, E]."""

    weights: np.ndarray

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return xᵀ W s for the given semantic vectors at unit length, [n, C]."""
        return features @ (self.weights @ normalised(text).T)


def balanced_moments(data: SeenData) -> tuple[np.ndarray, np.ndarray]:
    """Return averages over windows in which all classes weigh alike.

    Returns:
        The second moments of the features [D, D], and the class means weighted 1/S each [D, S].
    """
    count = np.bincount(data.labels, minlength=len(data.text))
    weights = (1 / (count[data.labels] * len(count))).astype(np.float32)
    indicators = np.zeros((len(data.labels), len(count)), np.float32)
    indicators[np.arange(len(data.labels)), data.labels] = weights
    moments = data.features.T @ (data.features * weights[:, None])
    return moments.astype(np.float64), (data.features.T @ indicators).astype(np.float64)


@dataclass(frozen=True)
class ESZSL:
    """Embarrassingly simple zero-shot learning.

    Attributes:
        feature_regularisation: γ, added to the second moments of the standardised features.
        text_regularisation: λ, added to the products of the classes' semantic vectors, whose mean square length is 1.
    """

    feature_regularisation: float = 1.0
    text_regularisation: float = 1.0

    def fit(self, data: SeenData, seed: int) -> FittedBilinear:
        """Solve for the map; nothing is drawn, so the seed changes nothing."""
        text = data.text.astype(np.float64) / np.sqrt(data.text.shape[1])
        moments, means = balanced_moments(data)
        targets = 2 * means - means.sum(1, keepdims=True)  # Features times indicators of +1 (own class) and -1.
        from_features = np.linalg.solve(moments + self.feature_regularisation * np.eye(len(moments)), targets)
        # S (SᵀS + λ)⁻¹ equals (SSᵀ + λ)⁻¹ S and needs a system of the classes, not of the dimensions.
        from_text = np.linalg.solve(text @ text.T + self.text_regularisation * np.eye(len(text)), text)
        return FittedBilinear((from_features @ from_text).astype(np.float32))


def candidates() -> tuple[ESZSL, ...]:
    """Return the settings to choose from."""
    return tuple(ESZSL(gamma, lambda_) for gamma in (1.0, 3.0, 10.0) for lambda_ in (0.3, 3.0))
