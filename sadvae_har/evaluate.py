"""From predictions to the numbers of a run, each with its interval over subjects."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sadvae_har.metrics import (
    accuracy,
    auroc,
    ausuc,
    confusion_matrix,
    gzsl_scores,
    macro_f1,
    per_class_top1,
    seen_unseen_curve,
    subject_bootstrap,
)


def evaluate_zsl(
    labels: np.ndarray,
    predictions: np.ndarray,
    subjects: np.ndarray,
    recordings: np.ndarray,
    unseen: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """Report ZSL: test windows of unseen classes, classified among the unseen classes.

    Args:
        labels: Class names [n].
        predictions: Class names [n].
        subjects: Subject of each window [n].
        recordings: Recording of each window [n].
        unseen: Unseen class names, in order.
        seed: Seed of the bootstrap.

    Returns:
        `per_class_top1`, `accuracy` and `macro_f1`, each with value, low and high; `per_class`, and
        the number of windows.
    """
    true, predicted = _positions(labels, unseen), _positions(predictions, unseen)

    def scores(i: np.ndarray) -> tuple[float, ...]:
        return tuple(metric(true[i], predicted[i]) for metric in (per_class_top1, accuracy, macro_f1))

    counts = confusion_matrix(labels, predictions, unseen)
    return {
        **_measured(("per_class_top1", "accuracy", "macro_f1"), scores, subjects, recordings, seed),
        "per_class": _per_class(counts, unseen),
        "n_windows": len(labels),
    }


def evaluate_gzsl(
    labels: np.ndarray,
    predictions: np.ndarray,
    joint_scores: np.ndarray,
    p_unseen: np.ndarray,
    subjects: np.ndarray,
    recordings: np.ndarray,
    seen: Sequence[str],
    unseen: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """Report GZSL: test windows of all classes, classified among all classes.

    Args:
        labels: Class names [n].
        predictions: Class names [n].
        joint_scores: Log scores, seen classes first, [n, S + U].
        p_unseen: The gate's probability of unseen [n].
        subjects: Subject of each window [n].
        recordings: Recording of each window [n].
        seen: Seen class names, in order.
        unseen: Unseen class names, in order.
        seed: Seed of the bootstrap.

    Returns:
        `gzsl` with seen, unseen, harmonic_mean and ausuc, `gate` with auroc; each has value, low and high.
    """
    classes, n_seen = [*seen, *unseen], len(seen)
    true, predicted = _positions(labels, classes), _positions(predictions, classes)
    sides = range(n_seen), range(n_seen, len(classes))

    def scores(i: np.ndarray) -> tuple[float, ...]:
        area = ausuc(*seen_unseen_curve(joint_scores[i], true[i], n_seen))
        return (*gzsl_scores(true[i], predicted[i], *sides), area, auroc(true[i] >= n_seen, p_unseen[i]))

    names = ("seen", "unseen", "harmonic_mean", "ausuc", "auroc")
    found = _measured(names, scores, subjects, recordings, seed)
    gate = {"auroc": found.pop("auroc")}
    counts = confusion_matrix(labels, predictions, classes)
    return {
        "gzsl": {**found, "per_class": _per_class(counts, classes), "n_windows": len(true)},
        "gate": gate,
    }


def _positions(names: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Return the position of each name among `classes`, [n] int: resampling integers is fast."""
    position = {name: k for k, name in enumerate(classes)}
    return np.array([position[name] for name in names.tolist()])


def _measured(
    names: Sequence[str],
    scores: Callable[[np.ndarray], Sequence[float]],
    subjects: np.ndarray,
    recordings: np.ndarray,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Return value, low and high of each named score; `scores` takes window indices."""
    values = scores(np.arange(len(subjects)))
    bounds = subject_bootstrap(scores, subjects, recordings, seed)
    return {
        name: {"value": round(value, 6), "low": round(low, 6), "high": round(high, 6)}
        for name, value, (low, high) in zip(names, values, bounds.tolist(), strict=True)
    }


def _per_class(counts: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    total = counts.sum(1)
    return {name: round(float(counts[k, k] / total[k]), 6) for k, name in enumerate(classes) if total[k]}
