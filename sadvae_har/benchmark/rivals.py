"""One rival on one problem: settings chosen on the inner folds, then zero-shot and generalised zero-shot scores.

Every rival meets the same standardised features, the same centred semantic vectors, the same inner folds and at most
`N_SETTINGS` candidate settings. Axis legend: n windows, S seen classes, U unseen classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from sadvae_har.baselines.method import Method, Scorer, SeenData
from sadvae_har.benchmark.stacking import JointScores, choose_bias
from sadvae_har.evaluation.metrics import auroc, ausuc, gzsl_scores, per_class_top1, seen_unseen_curve
from sadvae_har.evaluation.numbers import evaluate_zsl
from sadvae_har.experiment.fitted import seed_of
from sadvae_har.experiment.problem import Fold, Problem
from sadvae_har.experiment.semantic_space import SemanticSpace

N_SETTINGS = 6


@dataclass(frozen=True)
class RivalResult:
    """What the benchmark keeps of a rival.

    Attributes:
        setting: The chosen candidate, as text.
        inner_top1: Its mean per-class top-1 on the inner folds.
        zsl: What `zsl_numbers` returns.
        gzsl: What `gzsl_numbers` returns, by calibrated stacking; empty if it does not apply.
    """

    setting: str
    inner_top1: float
    zsl: dict[str, Any]
    gzsl: dict[str, float]


def evaluate_rival(problem: Problem, candidates: Sequence[Method], seeds: Sequence[int]) -> list[RivalResult]:
    """Choose among candidates on the inner folds, refit on all seen classes once per seed, score the test windows.

    The first seed chooses; setting and bias hold for all of them.

    Raises:
        InputError: More candidates than the common tuning budget.
        LeakageError: A fold would train on an unseen class or on a subject that is not a train subject.
    """
    if not 1 <= len(candidates) <= N_SETTINGS:
        raise InputError(
            f"{len(candidates)} candidate settings; the tuning budget of every method is 1 to {N_SETTINGS}"
        )
    inner, final = problem.folds[1:], problem.folds[0]
    subjects = problem.split.train_subjects + problem.split.val_subjects
    best: tuple[float, Method, list[Scorer]] | None = None
    for candidate in candidates:
        fitted = [_fit(candidate, problem, fold, seeds[0]) for fold in inner]
        top1 = [_zsl_top1(problem, fold, scorer, subjects) for fold, scorer in zip(inner, fitted, strict=True)]
        if best is None or np.mean(top1) > best[0]:
            best = (float(np.mean(top1)), candidate, fitted)
    assert best is not None
    inner_top1, method, fitted = best
    bias = choose_bias([_joint(problem, f, s, problem.split.val_subjects) for f, s in zip(inner, fitted, strict=True)])
    setting = ", ".join(f"{name}={value}" for name, value in vars(method).items())
    results = []
    for seed in seeds:
        scorer = _fit(method, problem, final, seed)
        zsl = _zsl_report(problem, final, scorer, seed)
        results.append(RivalResult(setting, inner_top1, zsl, _gzsl_report(problem, final, scorer, bias)))
    return results


def evaluate_upper_bound(problem: Problem, method: Method, seed: int) -> RivalResult:
    """Score a classifier that was given labelled train windows of the unseen classes, too; never a zero-shot number."""
    every = np.arange(len(problem.classes))
    rows = problem.windows(every, problem.split.train_subjects)
    fold = replace(problem.folds[0], name="upper bound", train=every, rows=rows)
    scorer = _fit_rows(method, problem, fold, seed)
    final = problem.folds[0]
    zsl = _zsl_report(problem, final, scorer, seed, text=_text(problem, fold))
    return RivalResult("labelled unseen classes", float("nan"), zsl, {})


def _text(problem: Problem, fold: Fold) -> np.ndarray:
    vectors = problem.text.numpy()
    return SemanticSpace.fit(vectors[fold.train], len(fold.train) - 1).centred(vectors).numpy()


def _fit(method: Method, problem: Problem, fold: Fold, seed: int) -> Scorer:
    problem.split.check_fit(problem.names(fold.train), np.unique(problem.subjects[fold.rows]), f"rival ({fold.name})")
    return _fit_rows(method, problem, fold, seed)


def _fit_rows(method: Method, problem: Problem, fold: Fold, seed: int) -> Scorer:
    data = SeenData(
        features=fold.features[fold.rows].numpy(),
        labels=np.searchsorted(fold.train, problem.class_index[fold.rows]),
        text=_text(problem, fold)[fold.train],
    )
    return method.fit(data, seed_of(seed, len(fold.train), *fold.held_out.tolist()))


def _zsl_top1(problem: Problem, fold: Fold, scorer: Scorer, subjects: tuple[str, ...]) -> float:
    rows = problem.windows(fold.held_out, subjects)
    scores = scorer.score(fold.features[rows].numpy(), _text(problem, fold)[fold.held_out])
    return per_class_top1(problem.class_index[rows], fold.held_out[scores.argmax(1)])


def _joint(problem: Problem, fold: Fold, scorer: Scorer, subjects: tuple[str, ...]) -> JointScores:
    order = np.concatenate([fold.train, fold.held_out])
    rows = problem.windows(order, subjects)
    scores = scorer.score(fold.features[rows].numpy(), _text(problem, fold)[order])
    position = np.argsort(order)
    labels = position[np.searchsorted(order[position], problem.class_index[rows])]
    return JointScores(scores, labels, len(fold.train))


def _zsl_report(
    problem: Problem, final: Fold, scorer: Scorer, seed: int, text: np.ndarray | None = None
) -> dict[str, Any]:
    rows = problem.windows(final.held_out, problem.split.test_subjects)
    vectors = (_text(problem, final) if text is None else text)[final.held_out]
    return zsl_numbers(problem, rows, scorer.score(final.features[rows].numpy(), vectors).argmax(1), seed)


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
    report = evaluate_zsl(labels, predictions, subjects, problem.recordings[rows], problem.split.unseen, seed)
    masks = {str(subject): subjects == subject for subject in np.unique(subjects)}
    return {
        "top1": report["per_class_top1"]["value"],
        "low": report["per_class_top1"]["low"],
        "high": report["per_class_top1"]["high"],
        "accuracy": report["accuracy"]["value"],
        "macro_f1": report["macro_f1"]["value"],
        "by_subject": {name: round(per_class_top1(labels[m], predictions[m]), 6) for name, m in masks.items()},
    }


def _gzsl_report(problem: Problem, final: Fold, scorer: Scorer, bias: float) -> dict[str, float]:
    joint = _joint(problem, final, scorer, problem.split.test_subjects)
    return gzsl_numbers(joint, joint.predict(bias), -joint.lead)


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
