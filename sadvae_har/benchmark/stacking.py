"""Calibrated stacking: a bias on seen scores turns any zero-shot method into a generalised one.

Source: Chao et al., An Empirical Study and Analysis of Generalized Zero-Shot Learning for Object Recognition in the
Wild, ECCV 2016. Axis legend: n windows, S seen classes, U unseen classes, B candidate biases.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sadvae_har.evaluation.metrics import harmonic_mean, seen_unseen_curve

N_CANDIDATES = 101


@dataclass(frozen=True)
class JointScores:
    """Scores of one fold's windows against all its classes.

    Attributes:
        scores: [n, S + U], seen classes first.
        labels: Position of the true class [n].
        n_seen: S.
    """

    scores: np.ndarray
    labels: np.ndarray
    n_seen: int

    @property
    def lead(self) -> np.ndarray:
        """By how much the best seen class leads the best unseen one, [n]."""
        return self.scores[:, : self.n_seen].max(1) - self.scores[:, self.n_seen :].max(1)

    def harmonic_means(self, biases: np.ndarray) -> np.ndarray:
        """Return H of every bias on the seen scores, [B]."""
        seen, unseen = seen_unseen_curve(self.scores, self.labels, self.n_seen)
        switches = np.unique(self.lead)
        reached = np.searchsorted(switches, biases, side="right")
        return np.array([harmonic_mean(seen[k], unseen[k]) for k in reached])

    def predict(self, bias: float) -> np.ndarray:
        """Return predicted positions after subtracting the bias from seen scores, [n]."""
        seen, unseen = self.scores[:, : self.n_seen].argmax(1), self.scores[:, self.n_seen :].argmax(1)
        return np.where(self.lead <= bias, self.n_seen + unseen, seen)


def choose_bias(folds: Sequence[JointScores]) -> float:
    """Return the bias with the highest harmonic mean of S and U, averaged over inner folds.

    Args:
        folds: Windows of training and pseudo-unseen classes, one entry per fold; at least one.
    """
    pooled = np.concatenate([fold.lead for fold in folds])
    candidates = np.unique(np.quantile(pooled, np.linspace(0, 1, N_CANDIDATES)))
    return float(candidates[np.mean([fold.harmonic_means(candidates) for fold in folds], axis=0).argmax()])
