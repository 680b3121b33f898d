"""A problem without a test: rows of features to fit on, and classes that may come later.

Whoever fits a classifier on rows of their own tests it elsewhere, so the split is an open one: all rows train the final
models; only the inner folds, where step, gate and temperature are chosen, hold rows and pseudo-unseen classes back.
Axis legend: n rows, D features, S seen classes, U unseen classes, E text features.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.draw_splits import HELD_BACK, open_folds
from feature_extraction.protocol.split import OPEN, Split
from sadvae_har.config.settings import Config
from sadvae_har.experiment import stages
from sadvae_har.experiment.problem import Problem, make_problem
from sadvae_har.method.gate import DomainClassifier, Scores, usable_folds
from sadvae_har.method.scorer import FoldModel, SeenClassifier
from sadvae_har.recognition.calibration import fit_temperature
from sadvae_har.recognition.model.parts import final_fold_model

_BEHIND = 1e-6  # By how much log scores of the side that the gate turns down stay behind.


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
) -> Problem:
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
    subjects = _row_groups(labels, seed) if groups is None else groups.astype(str)
    everybody = tuple(np.unique(subjects).tolist())
    if len(everybody) < 2 and groups is not None:
        raise InputError(f"groups: all rows are of {everybody[0]!r}; two are needed, or leave groups out")
    classes = np.array(seen)[labels]
    recorded = {name: set(classes[subjects == name].tolist()) for name in everybody}
    folds = open_folds(seen, recorded, share, seed)
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
        inner=tuple(fold for fold, _ in folds),
        held_back=tuple(held for _, held in folds),
    )
    table = FeatureTable(
        features=features,
        labels=classes,
        subjects=subjects,
        recordings=subjects,
        start_s=np.zeros(len(features)),
        blocks={"features": features.shape[1]},
        dataset=split.dataset,
        window_key="",
    )
    return make_problem(table, split, vectors)


def _row_groups(labels: np.ndarray, seed: int) -> np.ndarray:
    """Deal the rows of each class into `HELD_BACK` groups, [n]; classes of fewer rows leave some groups out."""
    generator = np.random.default_rng(seed)
    groups = np.empty(len(labels), dtype="U8")
    for number in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == number))
        groups[rows] = (np.arange(len(rows)) % HELD_BACK).astype(str)
    return groups


def fit_open(problem: Problem, config: Config) -> OpenFit:
    """Train the models; choose step, gate and temperature on the inner folds.

    Where that cannot be done, because there are fewer than four classes or too few rows to hold any back, the last
    step is taken, the gate is `TEXT_MARGIN` and the temperature 1.

    Args:
        problem: As `lay_out_open` returns it.
        config: Settings.
    """
    trainer = stages.make_trainer(problem, config)
    snapshots = {}
    while trainer.step_number < config.train.n_steps:
        trainer.step()
        if trainer.step_number in config.train.checkpoints:
            snapshots[trainer.step_number] = trainer.snapshot()
    fitted = stages.choose_models(snapshots, problem, config, key="")
    folds = usable_folds(stages.score_inner_folds(problem, config, fitted))
    gate, temperature = stages.gate_of(problem, config, folds), 1.0
    if folds:
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
