"""From predictions to the numbers of a run, each with its interval over subjects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from sadvae_har.evaluation.intervals import (
    draw,
    drawing_units,
    interval,
    resampled_auroc,
    resampled_gzsl,
    resampled_zsl,
)
from sadvae_har.evaluation.metrics import (
    accuracy,
    auroc,
    ausuc,
    confusion_matrix,
    gzsl_scores,
    macro_f1,
    per_class_top1,
    seen_unseen_curve,
)


@dataclass(frozen=True)
class TestWindows:
    """Test windows and what they were taken for.

    Attributes:
        labels: Class names [n].
        predictions: Class names [n].
        subjects: Subject of each window [n].
        recordings: Recording of each window [n].
    """

    __test__ = False  # pytest takes every class called Test... for tests

    labels: np.ndarray
    predictions: np.ndarray
    subjects: np.ndarray
    recordings: np.ndarray

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """Return the attributes by name, behind a prefix."""
        return {f"{prefix}{field.name}": getattr(self, field.name) for field in fields(TestWindows)}


@dataclass(frozen=True)
class GatedWindows(TestWindows):
    """Test windows of seen and unseen classes.

    Attributes:
        scores: Joint log scores, seen classes first, [n, S + U].
        p_unseen: The gate's probability of unseen [n].
    """

    scores: np.ndarray
    p_unseen: np.ndarray


def evaluate_zsl(windows: TestWindows, unseen: Sequence[str], seed: int) -> dict[str, Any]:
    """Report ZSL: test windows of unseen classes, classified among the unseen classes.

    Args:
        windows: Of unseen classes.
        unseen: Unseen class names, in order.
        seed: Seed of the bootstrap.

    Returns:
        `per_class_top1`, `accuracy` and `macro_f1`, each with value, low and high; `per_class`, and
        the number of windows.

    Raises:
        InputError: There are no windows, or a label or prediction is not an unseen class.
    """
    true, predicted = _positions(windows.labels, unseen), _positions(windows.predictions, unseen)
    units = drawing_units(windows.subjects, windows.recordings)
    draws = draw(units.max() + 1, seed)
    values = {
        "per_class_top1": per_class_top1(true, predicted),
        "accuracy": accuracy(true, predicted),
        "macro_f1": macro_f1(true, predicted),
    }
    counts = confusion_matrix(windows.labels, windows.predictions, unseen)
    return {
        **_with_intervals(values, resampled_zsl(true, predicted, len(unseen), units, draws)),
        "per_class": _per_class(counts, unseen),
        "n_windows": len(true),
    }


def evaluate_gzsl(windows: GatedWindows, seen: Sequence[str], unseen: Sequence[str], seed: int) -> dict[str, Any]:
    """Report GZSL: test windows of all classes, classified among all classes.

    Args:
        windows: Of all classes.
        seen: Seen class names, in order.
        unseen: Unseen class names, in order.
        seed: Seed of the bootstrap.

    Returns:
        `gzsl` with seen, unseen, harmonic_mean and ausuc, `gate` with auroc; each has value, low and high.

    Raises:
        InputError: There are no windows, a label or prediction is not a class, or a score is not a number.
    """
    joint_scores, p_unseen = windows.scores, windows.p_unseen
    classes, n_seen = [*seen, *unseen], len(seen)
    if np.isnan(joint_scores).any() or np.isnan(p_unseen).any():
        raise InputError("evaluation: scores hold NaN; train again with a smaller learning rate")
    true, predicted = _positions(windows.labels, classes), _positions(windows.predictions, classes)
    units = drawing_units(windows.subjects, windows.recordings)
    draws = draw(units.max() + 1, seed)
    on_seen, on_unseen, mean = gzsl_scores(true, predicted, range(n_seen), range(n_seen, len(classes)))
    area = ausuc(*seen_unseen_curve(joint_scores, true, n_seen))
    values = {"seen": on_seen, "unseen": on_unseen, "harmonic_mean": mean, "ausuc": area}
    found = _with_intervals(values, resampled_gzsl(true, predicted, joint_scores, n_seen, units, draws))
    is_unseen = true >= n_seen
    gate = _with_intervals(
        {"auroc": auroc(is_unseen, p_unseen)}, {"auroc": resampled_auroc(is_unseen, p_unseen, units, draws)}
    )
    counts = confusion_matrix(windows.labels, windows.predictions, classes)
    return {
        "gzsl": {**found, "per_class": _per_class(counts, classes), "n_windows": len(true)},
        "gate": gate,
    }


def _positions(names: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Return the position of each name among `classes`, [n] int."""
    if len(names) == 0:
        raise InputError(f"evaluation: no test windows of {list(classes)}; choose a split whose subjects did them")
    strange = sorted(set(names.tolist()) - set(classes))
    if strange:
        raise InputError(f"evaluation: {strange} are not among the classes {list(classes)}; use the run's own split")
    position = {name: k for k, name in enumerate(classes)}
    return np.array([position[name] for name in names.tolist()])


def _with_intervals(values: Mapping[str, float], resampled: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Return value, low and high of each named metric."""
    report = {}
    for name, value in values.items():
        low, high = interval(resampled[name])
        report[name] = {"value": round(value, 6), "low": round(low, 6), "high": round(high, 6)}
    return report


def _per_class(counts: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    total = counts.sum(1)
    return {name: round(float(counts[k, k] / total[k]), 6) for k, name in enumerate(classes) if total[k]}
