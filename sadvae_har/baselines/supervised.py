"""Multinomial logistic regression on labelled windows of all classes: an upper bound, not a zero-shot method.

`fit` has to be given labelled windows of the unseen classes, too (`SeenData` of all classes, train subjects only).
It shows what the features can tell apart had those classes been recorded; its score stands apart from the rivals'.
Semantic vectors serve as class names alone: `score` puts the classes it has learned in the order of the given
vectors and refuses a vector it has not learned, so a fit on seen classes cannot pass as zero-shot.
Axis legend: see `method.py`; here S counts all classes learned, B batch.
"""

from dataclasses import dataclass

import numpy as np

from feature_extraction.errors import InputError
from sadvae_har.baselines.method import SeenData
from sadvae_har.baselines.softmax import LogisticRegression
from sadvae_har.config.settings import ClassifierConfig


@dataclass(frozen=True)
class FittedSupervised:
    """A classifier, and the semantic vectors [S, E] that name its classes."""

    classifier: LogisticRegression
    text: np.ndarray

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return log-probabilities among all learned classes, in the order of the given vectors, [n, C].

        Raises:
            InputError: A given vector is that of no learned class.
        """
        distance = np.linalg.norm(text[:, None].astype(np.float64) - self.text[None], axis=2)
        tolerance = 1e-4 * np.linalg.norm(self.text, axis=1).max()
        strange = np.flatnonzero(distance.min(1) > tolerance)
        if len(strange):
            raise InputError(
                f"supervised upper bound: class {strange[0]} of {len(text)} has the semantic vector of none of the "
                f"{len(self.text)} classes it was fitted on; fit it on labelled windows of all classes"
            )
        return self.classifier.log_probabilities(features)[:, distance.argmin(1)]


@dataclass(frozen=True)
class Supervised:
    """The labelled upper bound.

    Attributes:
        weight_decay: Decoupled weight decay.
        learning_rate: Of AdamW.
        n_steps: Training steps.
        batch_size: B.
    """

    weight_decay: float = 1.0
    learning_rate: float = 1e-3
    n_steps: int = 300
    batch_size: int = 128

    def fit(self, data: SeenData, seed: int) -> FittedSupervised:
        """Learn all classes from labelled windows.

        Raises:
            InputError: Two classes have the same semantic vector, so it cannot name them.
        """
        if len(np.unique(data.text, axis=0)) < len(data.text):
            raise InputError(
                f"supervised upper bound: some of the {len(data.text)} classes have the same semantic vector; "
                "describe every class in its own words"
            )
        config = ClassifierConfig(
            n_steps=self.n_steps, learning_rate=self.learning_rate, weight_decay=self.weight_decay
        )
        return FittedSupervised(LogisticRegression.fit(data, config, self.batch_size, seed), data.text)
