"""ConSE: a window's semantic vector as a convex combination of seen ones (Norouzi et al., ICLR 2014).

A classifier of the seen classes says how likely each is; the most likely ones' semantic vectors, weighted by these
probabilities, are compared with the candidate classes by cosine. Where seen classes are candidates, too (GZSL),
they compete on the same terms. Axis legend: see `method.py`.
"""

from dataclasses import dataclass

import numpy as np

from sadvae_har.baselines.method import SeenData, cosines
from sadvae_har.baselines.softmax import LogisticRegression
from sadvae_har.config.settings import ClassifierConfig

NAME = "conse"


def convex_combination(probabilities: np.ndarray, text: np.ndarray, n_top: int) -> np.ndarray:
    """Return the mean semantic vector of the likeliest classes, weighted by probability.

    Args:
        probabilities: [n, S].
        text: [S, E].
        n_top: How many classes take part; all of them if there are fewer.

    Returns:
        [n, E].
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :n_top]
    weights = np.zeros_like(probabilities)
    np.put_along_axis(weights, order, np.take_along_axis(probabilities, order, axis=1), axis=1)
    return weights / weights.sum(1, keepdims=True) @ text


@dataclass(frozen=True)
class FittedConSE:
    """A classifier of the seen classes and their semantic vectors [S, E]."""

    classifier: LogisticRegression
    text: np.ndarray
    n_top: int

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return the cosine of combined and given semantic vectors, [n, C]."""
        probabilities = np.exp(self.classifier.log_probabilities(features))
        return cosines(convex_combination(probabilities, self.text, self.n_top), text)


@dataclass(frozen=True)
class ConSE:
    """Convex combination of semantic embeddings.

    Attributes:
        n_top: T, how many seen classes take part.
        weight_decay: Decoupled weight decay of the seen-class classifier; more makes it less certain.
        learning_rate: Of AdamW.
        n_steps: Training steps.
        batch_size: Windows per step.
    """

    n_top: int = 5
    weight_decay: float = 1.0
    learning_rate: float = 1e-3
    n_steps: int = 300
    batch_size: int = 128

    def fit(self, data: SeenData, seed: int) -> FittedConSE:
        """Train the seen-class classifier."""
        config = ClassifierConfig(
            n_steps=self.n_steps, learning_rate=self.learning_rate, weight_decay=self.weight_decay
        )
        return FittedConSE(LogisticRegression.fit(data, config, self.batch_size, seed), data.text, self.n_top)


def candidates() -> tuple[ConSE, ...]:
    """Return the settings to choose from."""
    return tuple(ConSE(n_top, decay) for n_top in (3, 10) for decay in (1.0, 10.0, 30.0))
