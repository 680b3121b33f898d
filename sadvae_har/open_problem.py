"""A problem without a test: rows of features to fit on, and classes that may come later.

A run (`problem.py`) sets test subjects and unseen classes apart to measure itself. Whoever fits a classifier on rows of
their own tests it elsewhere, so here all rows train the final models; only the inner folds, where step, gate and
temperature are chosen, hold rows and pseudo-unseen classes back. Axis legend: n rows, D features, S seen classes,
U unseen classes, E text features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.feature_table import FeatureTable
from feature_extraction.protocol import Split
from feature_extraction.split_creation import MIN_SEEN, inner_folds
from sadvae_har import experiment
from sadvae_har.calibration import fit_temperature
from sadvae_har.config import Config
from sadvae_har.gate import DomainClassifier, Scores, fit_gate
from sadvae_har.problem import Problem, lay_out
from sadvae_har.recognizer_model import FeatureModel, gather_feature_model

TRAIN, VALIDATION = "train", "validation"  # stand for subjects where nobody says whose the rows are
VALIDATION_SHARE = 0.2  # of the rows of a class
GROUP_SHARE = 1 / 6  # of the groups, as `split_creation` draws validation subjects
_BEHIND = 1e-6  # By how much log scores of the side that the gate turns down stay behind.

# Nothing to fit it on: a window is unseen if the best unseen description matches better than the best seen one.
TEXT_MARGIN = DomainClassifier(
    ("text_margin",), "hard", 1.0, 1.0, threshold=0.5, mean=(0.0,), scale=(1.0,), weights=(1.0,), bias=0.0
)


@dataclass(frozen=True)
class OpenSplit(Split):
    """A split that tests nothing; unseen classes and test subjects are empty."""

    def __post_init__(self) -> None:
        """Ask for what is fitted on only."""
        if len(self.seen) < 2:
            raise InputError(f"y holds 1 class, {self.seen[0]!r}; descriptions need at least two to be learned from")


class OpenFit(NamedTuple):
    """What was fitted.

    Attributes:
        model: Networks, seen classifier and gate.
        temperature: Divisor of the joint log scores.
        n_inner_folds: Folds that step, gate and temperature were chosen on; 0 if nothing could be chosen.
    """

    model: FeatureModel
    temperature: float
    n_inner_folds: int


def open_problem(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None,
    vectors: np.ndarray,
    names: Sequence[str],
    n_unseen: int,
    seed: int,
) -> Problem:
    """Lay out final problem and inner folds.

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
    subjects = _parts(labels, seed) if groups is None else groups.astype(str)
    held_back = (VALIDATION,) if groups is None else _validation_groups(subjects, seed)
    seen, share = tuple(names), n_unseen / (len(names) + n_unseen)
    split = OpenSplit(
        dataset="features",
        name="open",
        kind="open",
        seed=seed,
        seen=seen,
        unseen=(),
        train_subjects=tuple(sorted(set(subjects.tolist()) - set(held_back))),
        val_subjects=held_back,
        test_subjects=(),
        inner=inner_folds(seen, share, seed) if len(seen) >= MIN_SEEN else (),
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
    inner = np.flatnonzero(~np.isin(subjects, held_back))
    return lay_out(table, split, vectors, np.arange(len(features)), inner)


def _parts(labels: np.ndarray, seed: int) -> np.ndarray:
    """Draw a fifth of the rows of each class for validation, as far as there are five, [n]."""
    generator = np.random.default_rng(seed)
    parts = np.full(len(labels), TRAIN, dtype=f"U{len(VALIDATION)}")
    for number in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == number))
        parts[rows[: int(VALIDATION_SHARE * len(rows))]] = VALIDATION
    return parts


def _validation_groups(subjects: np.ndarray, seed: int) -> tuple[str, ...]:
    names = np.unique(subjects).tolist()
    if len(names) < 2:
        raise InputError(f"groups: all rows are of {names[0]!r}; two are needed, or leave groups out")
    n_validation = max(1, round(GROUP_SHARE * len(names)))
    return tuple(sorted(np.random.default_rng(seed).permutation(names)[:n_validation].tolist()))


def fit_open(problem: Problem, config: Config, vectors: np.ndarray) -> OpenFit:
    """Train the models; choose step, gate and temperature on the inner folds.

    Where that cannot be done, because there are fewer than four classes or too few rows to hold any back, the last
    step is taken, the gate is `TEXT_MARGIN` and the temperature 1.

    Args:
        problem: As `open_problem` returns it.
        config: Settings.
        vectors: Semantic vectors of the classes [S, E].
    """
    trainer = experiment.make_trainer(problem, config)
    snapshots = {}
    while trainer.step_number < config.train.n_steps:
        trainer.step()
        if trainer.step_number in config.train.checkpoints:
            snapshots[trainer.step_number] = trainer.snapshot()
    fitted = experiment.choose_models(snapshots, problem, config, key="")
    split, numbers = problem.split, range(1, len(problem.folds))
    scored = [experiment.score_fold(problem, config, fitted, k, split.val_subjects) for k in numbers]
    folds = [fold for fold in scored if 0 < fold.is_unseen.sum() < len(fold.labels)]
    gate, temperature = TEXT_MARGIN, 1.0
    if folds:
        gate = fit_gate(folds, split, config.gate, config.seed)
        temperature = fit_temperature([gated_log_scores(gate, fold) for fold in folds], [fold.labels for fold in folds])
    stream = experiment.synthesis_stream(config, 0)
    model = gather_feature_model(problem, config, fitted, stream, gate, vectors)
    return OpenFit(model, temperature, len(folds))


def gated_log_scores(gate: DomainClassifier, scores: Scores) -> np.ndarray:
    """Return joint log scores whose largest one is the class that the gate predicts, [n, S + U].

    The gate decides between seen and unseen before it looks at classes, so that the likeliest class may be on the side
    it turns down. That side is then lowered until it is just behind.
    """
    joint, n_seen = gate.joint_log_scores(scores), scores.seen_logits.shape[1]
    unseen = gate.predict(scores) >= n_seen
    lead = joint[:, n_seen:].max(1) - joint[:, :n_seen].max(1)
    joint[:, :n_seen] -= np.where(unseen, np.maximum(_BEHIND - lead, 0), 0)[:, None]
    joint[:, n_seen:] -= np.where(unseen, 0, np.maximum(_BEHIND + lead, 0))[:, None]
    return joint
