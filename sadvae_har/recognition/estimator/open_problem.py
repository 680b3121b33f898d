"""A problem without a test: rows of features to fit on, and classes that may come later.

A run (`problem.py`) sets test subjects and unseen classes apart to measure itself. Whoever fits a classifier on rows of
their own tests it elsewhere, so here all rows train the final models; only the inner folds, where step, gate and
temperature are chosen, hold rows and pseudo-unseen classes back. Axis legend: n rows, D features, S seen classes,
U unseen classes, E text features.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.draw_splits import MIN_SEEN, inner_folds
from feature_extraction.protocol.split import OPEN, Split
from sadvae_har.config.settings import Config
from sadvae_har.experiment import stages
from sadvae_har.experiment.problem import Problem, lay_out
from sadvae_har.method.gate import DomainClassifier, Scores, fit_gate
from sadvae_har.method.scorer import FoldModel, SeenClassifier
from sadvae_har.recognition.calibration import fit_temperature
from sadvae_har.recognition.model.parts import final_fold_model

HELD_BACK = 6  # Every inner fold holds back a sixth of the groups, as `split_creation` draws validation subjects.
_BEHIND = 1e-6  # By how much log scores of the side that the gate turns down stay behind.

# Nothing to fit it on: a window is unseen if the best unseen description matches better than the best seen one.
TEXT_MARGIN = DomainClassifier(
    ("text_margin",), "hard", 1.0, 1.0, threshold=0.5, mean=(0.0,), scale=(1.0,), weights=(1.0,), bias=0.0
)


class OpenProblem(NamedTuple):
    """A problem, and whom its inner folds do not learn from.

    Attributes:
        problem: Final problem and inner folds.
        held_back: Groups of rows that each inner fold holds back and is measured on.
    """

    problem: Problem
    held_back: tuple[tuple[str, ...], ...]


class OpenFit(NamedTuple):
    """What was fitted.

    Attributes:
        fold: Trained models.
        seen: Classifier of the seen classes.
        gate: Between seen and unseen.
        temperature: Divisor of the joint log scores.
        n_inner_folds: Folds that step, gate and temperature were chosen on; 0 if nothing could be chosen.
    """

    fold: FoldModel
    seen: SeenClassifier
    gate: DomainClassifier
    temperature: float
    n_inner_folds: int


def lay_out_open(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None,
    vectors: np.ndarray,
    names: Sequence[str],
    n_unseen: int,
    seed: int,
) -> OpenProblem:
    """Lay out final problem and inner folds; a fold that leaves fewer than two classes to train on is dropped.

    Args:
        features: [n, D].
        labels: Position of each row's class in `names` [n].
        groups: Subject of each row [n], or none if they are not known.
        vectors: Semantic vectors of the classes [S, E].
        names: Their names, S.
        n_unseen: U; inner folds hold out as large a share of the classes.
        seed: Seed of the draws.

    Raises:
        InputError: There is one class or one group only, or all classes have the same vector.
    """
    seen, share = tuple(names), n_unseen / (len(names) + n_unseen)
    if len(seen) < 2:
        raise InputError(f"y holds 1 class, {seen[0]!r}; descriptions need at least two to be learned from")
    inner = inner_folds(seen, share, seed) if len(seen) >= MIN_SEEN else ()
    subjects = _row_groups(labels, seed) if groups is None else groups.astype(str)
    everybody = tuple(np.unique(subjects).tolist())
    if len(everybody) < 2 and groups is not None:
        raise InputError(f"groups: all rows are of {everybody[0]!r}; two are needed, or leave groups out")
    held_back = [_held_back(everybody, number, seed) for number in range(len(inner))]
    allowed = [np.flatnonzero(~np.isin(subjects, groups_of_fold)) for groups_of_fold in held_back]
    left = [set(np.array(seen)[labels[rows]]) - set(fold) for rows, fold in zip(allowed, inner, strict=True)]
    kept = [number for number, classes in enumerate(left) if len(classes) >= 2]
    split = Split(
        dataset="features",
        name="open",
        kind=OPEN,
        seed=seed,
        seen=seen,
        unseen=(),
        train_subjects=everybody,
        val_subjects=(),
        test_subjects=(),
        inner=tuple(inner[number] for number in kept),
    )
    table = FeatureTable(
        features=features,
        labels=np.array(seen)[labels],
        subjects=subjects,
        recordings=subjects,
        start_s=np.zeros(len(features)),
        blocks={"features": features.shape[1]},
        dataset=split.dataset,
        window_key="",
    )
    problem = lay_out(table, split, vectors, np.arange(len(features)), [allowed[number] for number in kept])
    return OpenProblem(problem, tuple(held_back[number] for number in kept))


def _row_groups(labels: np.ndarray, seed: int) -> np.ndarray:
    """Deal the rows of each class into `HELD_BACK` groups, [n]; classes of fewer rows leave some groups out."""
    generator = np.random.default_rng(seed)
    groups = np.empty(len(labels), dtype="U8")
    for number in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == number))
        groups[rows] = (np.arange(len(rows)) % HELD_BACK).astype(str)
    return groups


def _held_back(groups: Sequence[str], number: int, seed: int) -> tuple[str, ...]:
    """Return the groups that an inner fold holds back; folds take turns as far as there are groups."""
    names = np.random.default_rng(seed).permutation(groups).tolist()
    size = max(1, round(len(names) / HELD_BACK))
    start = number * size
    return tuple(sorted(names[k % len(names)] for k in range(start, start + size)))


def fit_open(open_problem: OpenProblem, config: Config) -> OpenFit:
    """Train the models; choose step, gate and temperature on the inner folds.

    Where that cannot be done, because there are fewer than four classes or too few rows to hold any back, the last
    step is taken, the gate is `TEXT_MARGIN` and the temperature 1.

    Args:
        open_problem: As `lay_out_open` returns it.
        config: Settings.
    """
    problem, held_back = open_problem
    trainer = stages.make_trainer(problem, config)
    snapshots = {}
    while trainer.step_number < config.train.n_steps:
        trainer.step()
        if trainer.step_number in config.train.checkpoints:
            snapshots[trainer.step_number] = trainer.snapshot()
    fitted = stages.choose_models(snapshots, problem, config, key="")
    scored = [stages.score_fold(problem, config, fitted, k, names) for k, names in enumerate(held_back, start=1)]
    folds = [fold for fold in scored if 0 < fold.is_unseen.sum() < len(fold.labels)]
    gate, temperature = TEXT_MARGIN, 1.0
    if folds:
        gate = fit_gate(folds, problem.split, config.gate, config.seed)
        temperature = fit_temperature([gated_log_scores(gate, fold) for fold in folds], [fold.labels for fold in folds])
    fold, seen = final_fold_model(problem, config, fitted), fitted.seen_classifier_of(problem, 0)
    return OpenFit(fold, seen, gate, temperature, len(folds))


def gated_log_scores(gate: DomainClassifier, scores: Scores) -> np.ndarray:
    """Return joint log scores whose largest one is the class that the gate predicts, [n, S + U].

    The gate decides between seen and unseen before it looks at classes, so that the likeliest class may be on the side
    it turns down. That side is then lowered until it is just behind.
    """
    n_seen = scores.seen_logits.shape[1]
    joint, positions = (value.numpy() for value in gate.decide(*scores.tensors()))
    unseen = positions >= n_seen
    lead = joint[:, n_seen:].max(1) - joint[:, :n_seen].max(1)
    joint[:, :n_seen] -= np.where(unseen, np.maximum(_BEHIND - lead, 0), 0)[:, None]
    joint[:, n_seen:] -= np.where(unseen, 0, np.maximum(_BEHIND + lead, 0))[:, None]
    return joint
