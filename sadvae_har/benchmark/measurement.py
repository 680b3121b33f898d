"""What one run of one method on one split gave, and the numbers in it.

Axis legend: n windows, S seen classes, U unseen classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sadvae_har.benchmark.stacking import JointScores
from sadvae_har.evaluation.metrics import auroc, ausuc, gzsl_scores, per_class_top1, seen_unseen_curve
from sadvae_har.evaluation.numbers import TestWindows, evaluate_zsl
from sadvae_har.experiment.problem import Problem


@dataclass(frozen=True)
class Measurement:
    """What one run gave; becomes a row of the results file.

    Attributes:
        method: Name of the method or variant.
        group: `ours`, `rival`, `reference`, `ablation`, `gate`, `oracle` or `upper bound`.
        seed: Seed.
        zsl: See `zsl_numbers`; gates have none.
        gzsl: See `gzsl_numbers`; none where it does not apply.
        setting: What the inner folds chose, as text.
        inner_top1: Per-class top-1 on the inner folds.
        seconds: Time of the run, tuning included.
    """

    method: str
    group: str
    seed: int
    zsl: Mapping[str, Any] | None
    gzsl: Mapping[str, float] | None = None
    setting: str = ""
    inner_top1: float | None = None
    seconds: float = field(default=0.0, compare=False)


def zsl_numbers(problem: Problem, rows: np.ndarray, predicted: np.ndarray, seed: int) -> dict[str, Any]:
    """Return top-1 per class with its interval, accuracy, macro-F1, and top-1 per class of every test subject.

    Args:
        problem: Which windows are whose.
        rows: Test windows of unseen classes [n].
        predicted: Predicted positions among the unseen classes [n].
        seed: Seed of the bootstrap.
    """
    unseen = np.array(problem.split.unseen)
    labels, predictions = unseen[problem.class_index[rows] - len(problem.split.seen)], unseen[predicted]
    subjects = problem.subjects[rows]
    windows = TestWindows(labels, predictions, subjects, problem.recordings[rows])
    report = evaluate_zsl(windows, problem.split.unseen, seed)
    masks = {str(subject): subjects == subject for subject in np.unique(subjects)}
    return {
        "top1": report["per_class_top1"]["value"],
        "low": report["per_class_top1"]["low"],
        "high": report["per_class_top1"]["high"],
        "accuracy": report["accuracy"]["value"],
        "macro_f1": report["macro_f1"]["value"],
        "by_subject": {name: round(per_class_top1(labels[m], predictions[m]), 6) for name, m in masks.items()},
    }


def gzsl_numbers(joint: JointScores, predicted: np.ndarray, unseenness: np.ndarray) -> dict[str, float]:
    """Return S, U, H, AUSUC and how well windows of unseen classes are told from those of seen ones (AUROC).

    Args:
        joint: Scores and labels of the test windows.
        predicted: Predicted positions [n].
        unseenness: What the decision for unseen rests on, higher for unseen [n].
    """
    n_classes = joint.scores.shape[1]
    seen, unseen, mean = gzsl_scores(joint.labels, predicted, range(joint.n_seen), range(joint.n_seen, n_classes))
    area = ausuc(*seen_unseen_curve(joint.scores, joint.labels, joint.n_seen))
    separation = auroc(joint.labels >= joint.n_seen, unseenness)
    numbers = {"seen": seen, "unseen": unseen, "h": mean, "ausuc": area, "auroc": separation}
    return {name: round(float(value), 6) for name, value in numbers.items()}
