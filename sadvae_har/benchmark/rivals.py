"""One rival on one problem: settings chosen on the inner folds, then zero-shot and generalised zero-shot scores.

Every rival meets the same standardised features, the same centred semantic vectors, the same inner folds and at most
`N_SETTINGS` candidate settings. Axis legend: n windows, C classes, E semantic features.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from feature_extraction.errors import InputError
from sadvae_har.baselines.method import FittedMethod, Method, SeenData
from sadvae_har.baselines.softmax import LogisticRegression
from sadvae_har.benchmark.measurement import Measurement, gzsl_numbers, zsl_numbers
from sadvae_har.benchmark.stacking import JointScores, choose_bias
from sadvae_har.config.settings import ClassifierConfig
from sadvae_har.evaluation.metrics import per_class_top1
from sadvae_har.experiment.fitted import seed_of
from sadvae_har.experiment.problem import Fold, Problem
from sadvae_har.experiment.semantic_space import SemanticSpace

N_SETTINGS = 6
UPPER_BOUND = ClassifierConfig(n_steps=300, learning_rate=1e-3, weight_decay=1.0)
UPPER_BOUND_BATCH_SIZE = 128


@dataclass(frozen=True)
class RivalFold:
    """One fold as a rival sees it.

    Attributes:
        problem: The problem.
        fold: Its final problem or an inner fold.
        text: Semantic vectors of all classes, centred and scaled on the fold's training classes, [C, E].
    """

    problem: Problem
    fold: Fold
    text: np.ndarray

    @classmethod
    def of(cls, problem: Problem, fold: Fold) -> "RivalFold":
        """Centre the texts on the training classes of a fold."""
        vectors = problem.centred_vectors.numpy()
        space = SemanticSpace.fit(vectors[fold.train], len(fold.train) - 1)
        return cls(problem, fold, space.centred(vectors).numpy())

    def seen_data(self) -> SeenData:
        """Return the windows that the fold may train on."""
        rows = self.fold.rows
        return SeenData(
            features=self.fold.features[rows].numpy(),
            labels=np.searchsorted(self.fold.train, self.problem.class_index[rows]),
            text=self.text[self.fold.train],
        )

    def seed_of(self, seed: int) -> int:
        """Return a seed of the fold's own."""
        return seed_of(seed, len(self.fold.train), *self.fold.held_out.tolist())

    def fit(self, method: Method, seed: int) -> FittedMethod:
        """Fit on the windows that the fold may train on."""
        return method.fit(self.seen_data(), self.seed_of(seed))

    def scores(
        self, fitted: FittedMethod, classes: np.ndarray, subjects: tuple[str, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Score windows of some classes and subjects against these classes.

        Returns:
            The windows [n] and their scores in the order of the classes [n, C].
        """
        rows = self.problem.windows(classes, subjects)
        return rows, fitted.score(self.fold.features[rows].numpy(), self.text[classes])

    def zsl_top1(self, fitted: FittedMethod, subjects: tuple[str, ...]) -> float:
        """Return per-class top-1 on windows of held-out classes, among these classes."""
        rows, scores = self.scores(fitted, self.fold.held_out, subjects)
        return per_class_top1(self.problem.class_index[rows], self.fold.held_out[scores.argmax(1)])

    def joint_scores(self, fitted: FittedMethod, subjects: tuple[str, ...]) -> JointScores:
        """Return scores of windows of all classes of the fold against all of them."""
        order = np.concatenate([self.fold.train, self.fold.held_out])
        rows, scores = self.scores(fitted, order, subjects)
        position = np.argsort(order)
        labels = position[np.searchsorted(order[position], self.problem.class_index[rows])]
        return JointScores(scores, labels, len(self.fold.train))


def evaluate_rival(
    problem: Problem, candidates: Sequence[Method], seeds: Sequence[int], name: str = "rival", group: str = "rival"
) -> list[Measurement]:
    """Choose among candidates on the inner folds, refit on all seen classes once per seed, score the test windows.

    The first seed chooses; setting and bias of calibrated stacking hold for all of them. The time is shared out evenly.

    Raises:
        InputError: More candidates than the common tuning budget.
        LeakageError: A fold would train on an unseen class or on a subject that is not a train subject.
    """
    if not 1 <= len(candidates) <= N_SETTINGS:
        raise InputError(
            f"{len(candidates)} candidate settings; the tuning budget of every method is 1 to {N_SETTINGS}"
        )
    start, split = time.perf_counter(), problem.split
    for fold in problem.folds:
        split.check_fit(problem.names(fold.train), np.unique(problem.subjects[fold.rows]), f"rival ({fold.name})")
    final, *inner = (RivalFold.of(problem, fold) for fold in problem.folds)
    best: tuple[float, Method, list[FittedMethod]] | None = None
    for candidate in candidates:
        fitted = [fold.fit(candidate, seeds[0]) for fold in inner]
        subjects = split.train_subjects + split.val_subjects
        top1 = np.mean([fold.zsl_top1(one, subjects) for fold, one in zip(inner, fitted, strict=True)])
        if best is None or top1 > best[0]:
            best = (float(top1), candidate, fitted)
    assert best is not None
    inner_top1, method, fitted = best
    bias = choose_bias([fold.joint_scores(one, split.val_subjects) for fold, one in zip(inner, fitted, strict=True)])
    setting = ", ".join(f"{name}={value}" for name, value in vars(method).items())
    found = []
    for seed in seeds:
        refitted = final.fit(method, seed)
        rows, scores = final.scores(refitted, final.fold.held_out, split.test_subjects)
        zsl = zsl_numbers(problem, rows, scores.argmax(1), seed)
        joint = final.joint_scores(refitted, split.test_subjects)
        gzsl = gzsl_numbers(joint, joint.predict(bias), -joint.lead)
        found.append(Measurement(name, group, seed, zsl, gzsl, setting, inner_top1))
    seconds = (time.perf_counter() - start) / len(seeds)
    return [replace(entry, seconds=seconds) for entry in found]


def evaluate_upper_bound(problem: Problem, seeds: Sequence[int], name: str = "supervised") -> list[Measurement]:
    """Score logistic regression on labelled train windows of all classes, unseen ones, too; never a zero-shot number.

    It shows what the features can tell apart, had the unseen classes been recorded.
    """
    every, subjects = np.arange(len(problem.classes)), problem.split.train_subjects
    final = replace(problem.folds[0], train=every, rows=problem.windows(every, subjects))
    fold, tested = RivalFold.of(problem, final), problem.windows(final.held_out, problem.split.test_subjects)
    found = []
    for seed in seeds:
        start = time.perf_counter()
        classifier = LogisticRegression.fit(fold.seen_data(), UPPER_BOUND, UPPER_BOUND_BATCH_SIZE, fold.seed_of(seed))
        scores = classifier.log_probabilities(final.features[tested].numpy())[:, final.held_out]
        zsl = zsl_numbers(problem, tested, scores.argmax(1), seed)
        seconds = time.perf_counter() - start
        found.append(Measurement(name, "upper bound", seed, zsl, setting="labelled unseen classes", seconds=seconds))
    return found
