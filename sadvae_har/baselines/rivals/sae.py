"""SAE: a linear auto-encoder whose code is the semantic vector and whose decoder is tied (Kodirov et al., CVPR 2017).

W [E, D] minimises |X - Wᵀ S|² + λ |W X - S|², class-balanced, which makes it the solution of the Sylvester equation
S Sᵀ W + λ W X Xᵀ = (1 + λ) S Xᵀ. Windows are compared with classes in either space. Axis legend: see `method.py`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import eigh

from sadvae_har.baselines.method import SeenData, cosines
from sadvae_har.baselines.rivals.eszsl import balanced_moments

NAME = "sae"


def solve_symmetric_sylvester(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return the W of least norm with a W + W b = c.

    Both sides are diagonalised, ten times faster than the Schur forms of `scipy.linalg.solve_sylvester`.

    Args:
        a: Symmetric, not negative, [E, E].
        b: Symmetric, not negative, [D, D].
        c: [E, D]; directions in which both `a` and `b` vanish are ignored.
    """
    values_a, vectors_a = eigh(a)
    values_b, vectors_b = eigh(b)
    sums = values_a[:, None] + values_b
    turned = vectors_a.T @ c @ vectors_b
    solved = np.divide(turned, sums, out=np.zeros_like(turned), where=sums > 1e-10 * sums.max())
    return vectors_a @ solved @ vectors_b.T


@dataclass(frozen=True)
class FittedSAE:
    """Encoder weights [E, D]; their transpose decodes."""

    weights: np.ndarray
    space: Literal["text", "features"]

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return the cosine of encoded windows and texts, or of windows and decoded texts, [n, C]."""
        if self.space == "text":
            return cosines(features @ self.weights.T, text)
        return cosines(features, text @ self.weights)


@dataclass(frozen=True)
class SAE:
    """Semantic auto-encoder.

    Attributes:
        encoding_weight: λ, the weight of the encoding error beside the decoding error.
        space: Where windows meet classes.
    """

    encoding_weight: float = 1.0
    space: Literal["text", "features"] = "text"

    def fit(self, data: SeenData, seed: int) -> FittedSAE:
        """Solve the Sylvester equation; nothing is drawn, so the seed changes nothing."""
        text = data.text.astype(np.float64)
        moments, means = balanced_moments(data)
        weights = solve_symmetric_sylvester(
            text.T @ text / len(text),
            self.encoding_weight * moments,
            (1 + self.encoding_weight) * text.T @ means.T,
        )
        return FittedSAE(weights.astype(np.float32), self.space)


def candidates() -> tuple[SAE, ...]:
    """Return the settings to choose from."""
    return tuple(SAE(value, "text") for value in (1.0, 30.0, 1000.0)) + tuple(
        SAE(value, "features") for value in (0.1, 1.0, 30.0)
    )
