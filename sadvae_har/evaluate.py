"""From predictions to the numbers of a run, each with its interval over subjects."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sadvae_har.metrics import (
    accuracy,
    ausuc,
    auroc,
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

    def measured(metric: Callable[[np.ndarray, np.ndarray], float]) -> dict[str, float]:
        interval = subject_bootstrap(lambda i: metric(labels[i], predictions[i]), subjects, recordings, seed)
        return _with_interval(metric(labels, predictions), interval)

    counts = confusion_matrix(labels, predictions, unseen)
    return {
        "per_class_top1": measured(per_class_top1),
        "accuracy": measured(accuracy),
        "macro_f1": measured(macro_f1),
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
        `gzsl` with seen, unseen, harmonic_mean and ausuc, and `gate` with auroc; each with value, low and high.
    """
    position = {name: k for k, name in enumerate([*seen, *unseen])}
    true = np.array([position[name] for name in labels.tolist()])
    is_unseen = true >= len(seen)

    def scores(i: np.ndarray) -> tuple[float, ...]:
        area = ausuc(*seen_unseen_curve(joint_scores[i], true[i], len(seen)))
        return (*gzsl_scores(labels[i], predictions[i], seen, unseen), area, auroc(is_unseen[i], p_unseen[i]))

    everything = np.arange(len(true))
    values = scores(everything)
    bounds = [
        subject_bootstrap(lambda i, k=k: scores(i)[k], subjects, recordings, seed, n_resamples=200)  # type: ignore[misc]
        for k in range(len(values))
    ]
    named = [_with_interval(value, bound) for value, bound in zip(values, bounds, strict=True)]
    counts = confusion_matrix(labels, predictions, [*seen, *unseen])
    return {
        "gzsl": {
            **dict(zip(("seen", "unseen", "harmonic_mean", "ausuc"), named[:4], strict=True)),
            "per_class": _per_class(counts, [*seen, *unseen]),
            "n_windows": len(true),
        },
        "gate": {"auroc": named[4]},
    }


def _with_interval(value: float, interval: tuple[float, float]) -> dict[str, float]:
    return {"value": round(value, 6), "low": round(interval[0], 6), "high": round(interval[1], 6)}


def _per_class(counts: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    total = counts.sum(1)
    return {
        name: round(float(counts[k, k] / total[k]), 6) for k, name in enumerate(classes) if total[k]
    }
