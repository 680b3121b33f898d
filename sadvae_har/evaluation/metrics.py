"""Metrics of zero-shot and generalised zero-shot recognition, in pure NumPy.

Labels may be integers or strings. Axis legend: n windows, S seen classes, U unseen classes.

Sources: per-class accuracy and harmonic mean, Xian et al. 2018 (Zero-Shot Learning: A Comprehensive
Evaluation of the Good, the Bad and the Ugly); seen-unseen curve and its area, Chao et al. 2016
(An Empirical Study and Analysis of Generalized Zero-Shot Learning).
"""

from collections.abc import Iterable

import numpy as np


def per_class_top1(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Return the mean over the classes present in `labels` of the share predicted rightly."""
    _, inverse, count = np.unique(labels, return_inverse=True, return_counts=True)
    right = np.bincount(inverse, weights=labels == predictions, minlength=len(count))
    return float((right / count).mean())


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Return the share of windows predicted rightly."""
    return float(np.mean(labels == predictions))


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: Iterable[object]) -> np.ndarray:
    """Count windows by true class (row) and predicted class (column), [K, K] int."""
    order = np.array(list(classes))
    position = np.argsort(order)
    row = position[np.searchsorted(order, labels, sorter=position)]
    column = position[np.searchsorted(order, predictions, sorter=position)]
    return np.bincount(row * len(order) + column, minlength=len(order) ** 2).reshape(len(order), len(order))


def macro_f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Return the mean F1 over the classes present in `labels`."""
    counts = confusion_matrix(labels, predictions, np.unique(np.concatenate([labels, predictions])))
    present = counts.sum(1) > 0
    both = counts.sum(0) + counts.sum(1)
    return float((2 * np.diag(counts)[present] / both[present]).mean())


def harmonic_mean(seen: float, unseen: float) -> float:
    """Return 2 S U / (S + U), or 0 if both are 0."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen > 0 else 0.0


def gzsl_scores(
    labels: np.ndarray, predictions: np.ndarray, seen: Iterable[object], unseen: Iterable[object]
) -> tuple[float, float, float]:
    """Return S, U and H: per-class top-1 on seen-class windows, on unseen-class windows, harmonic mean.

    A side without windows scores 0.
    """
    sides = []
    for classes in (seen, unseen):
        mask = np.isin(labels, np.array(list(classes)))
        sides.append(per_class_top1(labels[mask], predictions[mask]) if mask.any() else 0.0)
    return sides[0], sides[1], harmonic_mean(*sides)


def seen_unseen_curve(scores: np.ndarray, labels: np.ndarray, n_seen: int) -> tuple[np.ndarray, np.ndarray]:
    """Trace S and U while a bias added to every unseen score goes from minus to plus infinity.

    Exact: every bias at which some prediction changes is a point of the curve.

    Args:
        scores: Joint scores, seen classes first, [n, S + U].
        labels: Position of the true class, [n] int.
        n_seen: S.

    Returns:
        Seen accuracy and unseen accuracy (mean per class) after each change, both [P], from all-seen
        to all-unseen.
    """
    best_seen, best_unseen = scores[:, :n_seen].argmax(1), scores[:, n_seen:].argmax(1) + n_seen
    rows = np.arange(len(scores))
    switch = scores[rows, best_seen] - scores[rows, best_unseen]  # the bias beyond which unseen wins
    is_seen = labels < n_seen
    count = np.bincount(labels, minlength=scores.shape[1])
    weight = 1 / count[labels]
    lost = np.where(is_seen & (best_seen == labels), weight, 0.0) / max(1, (count[:n_seen] > 0).sum())
    won = np.where(~is_seen & (best_unseen == labels), weight, 0.0) / max(1, (count[n_seen:] > 0).sum())
    order = np.argsort(switch, kind="stable")
    last = np.append(np.flatnonzero(np.diff(switch[order])), len(order) - 1)
    seen = lost.sum() - np.concatenate([[0.0], np.cumsum(lost[order])[last]])
    unseen = np.concatenate([[0.0], np.cumsum(won[order])[last]])
    return np.clip(seen, 0, 1), np.clip(unseen, 0, 1)


def ausuc(seen: np.ndarray, unseen: np.ndarray) -> float:
    """Return the area under the seen-unseen curve (trapezoids), 1 for a perfect predictor."""
    return float(np.sum(np.diff(unseen) * (seen[1:] + seen[:-1]) / 2))


def chance_ausuc(n_seen: int, n_unseen: int) -> float:
    """Return the expected area for random scores: the triangle between (1 / S, 0) and (0, 1 / U)."""
    return 1 / (2 * n_seen * n_unseen) if n_seen and n_unseen else float("nan")


def auroc(is_positive: np.ndarray, score: np.ndarray) -> float:
    """Return the chance that a positive scores above a negative, ties counting half; nan without either."""
    is_positive = np.asarray(is_positive, bool)
    n_positive, n_negative = int(is_positive.sum()), int((~is_positive).sum())
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    _, inverse, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2
    total = rank[inverse][is_positive].sum()
    return float((total - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def majority(labels: np.ndarray) -> float:
    """Return the accuracy of always predicting the largest class."""
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


def reliability(confidence: np.ndarray, right: np.ndarray, n_bins: int = 15) -> np.ndarray:
    """Return mean confidence, accuracy and number of windows of equally wide bins of confidence that hold any.

    Args:
        confidence: Probability given to the prediction [n].
        right: Whether the prediction is right [n].
        n_bins: Bins in [0, 1].

    Returns:
        [bins, 3].
    """
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    rows = [(confidence[bins == b].mean(), right[bins == b].mean(), (bins == b).sum()) for b in np.unique(bins)]
    return np.array(rows, np.float64).reshape(-1, 3)


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, n_bins: int = 15) -> float:
    """Return the gap between confidence and accuracy, averaged over windows (Guo et al., ICML 2017)."""
    table = reliability(confidence, right, n_bins)
    return float((np.abs(table[:, 0] - table[:, 1]) * table[:, 2]).sum() / table[:, 2].sum())
