"""Feature synthesis in closed form: what remains of ours when the networks are taken away.

Ridge regression from semantic vectors to class means synthesises the mean of every class; windows are scored by
linear discriminant analysis with the seen classes' common covariance. It is close to EXEM (Changpinyo et al., ICCV
2017), which predicts exemplars by kernel regression. In the benchmark it shows what training the VAEs adds.
Axis legend: see `method.py`.
"""

from dataclasses import dataclass

import numpy as np

from sadvae_har.baselines.method import SeenData


@dataclass(frozen=True)
class FittedClosedForm:
    """Centre [D], map from semantic vectors to means [E, D], and inverse common covariance [D, D]."""

    centre: np.ndarray
    to_means: np.ndarray
    precision: np.ndarray

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return log densities up to a term that all classes share, [n, C]."""
        means = text @ self.to_means
        weights = means @ self.precision
        return (features - self.centre) @ weights.T - 0.5 * (means * weights).sum(1)


@dataclass(frozen=True)
class ClosedForm:
    """Linear-Gaussian feature synthesis.

    Attributes:
        text_regularisation: λ, relative to the mean square length of the seen semantic vectors.
        shrinkage: Variance added to the common covariance, as a multiple of √D.
    """

    text_regularisation: float = 0.1
    shrinkage: float = 0.2

    def fit(self, data: SeenData, seed: int) -> FittedClosedForm:
        """Solve both problems; nothing is drawn, so the seed changes nothing."""
        n_classes, n_features = len(data.text), data.features.shape[1]
        means = data.class_means().astype(np.float64)
        centre = means.mean(0)
        products = data.text @ data.text.T
        ridge = self.text_regularisation * np.trace(products) / n_classes * np.eye(n_classes)
        to_means = data.text.T @ np.linalg.solve(products + ridge, means - centre)
        count = np.bincount(data.labels, minlength=n_classes)
        within = (data.features - means[data.labels]) / np.sqrt(count[data.labels] * n_classes)[:, None]
        covariance = within.T @ within + self.shrinkage * np.sqrt(n_features) * np.eye(n_features)
        return FittedClosedForm(centre, to_means, np.linalg.inv(covariance))


def candidates() -> tuple[ClosedForm, ...]:
    """Return the settings to choose from."""
    return tuple(ClosedForm(text, shrinkage) for text in (0.03, 0.1, 0.3) for shrinkage in (0.2, 0.5))
