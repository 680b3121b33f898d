import numpy as np
import pytest
from synthetic_problem import SPLIT, TINY, make_table, text_vectors

from feature_extraction.errors import InputError
from sadvae_har.experiment.problem import Problem
from sadvae_har.method.gate import TEXT_MARGIN, DomainClassifier, Scores
from sadvae_har.recognition.calibration import fit_temperature
from sadvae_har.recognition.estimator.open_problem import (
    fit_open,
    gated_log_scores,
    lay_out_open,
)

SEEN = SPLIT.seen


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, positions of classes and subjects of all rows of seen classes."""
    table = make_table()
    kept = np.isin(table.labels, SEEN)
    labels = np.array([SEEN.index(name) for name in table.labels[kept]])
    return table.features[kept], labels, table.subjects[kept]


def problem_of(groups: np.ndarray | None, n_classes: int = 8, n_unseen: int = 3, seed: int = 0) -> Problem:
    features, labels, _ = rows()
    kept = labels < n_classes
    groups = None if groups is None else groups[kept]
    return lay_out_open(
        features[kept], labels[kept], groups, text_vectors()[:n_classes], SEEN[:n_classes], n_unseen, seed
    )


def test_all_rows_train_the_final_problem() -> None:
    features, labels, subjects = rows()
    problem = problem_of(subjects)
    assert problem.folds[0].rows.tolist() == list(range(len(features)))
    assert np.array_equal(problem.class_index, labels)
    assert problem.standardizer.mean == pytest.approx(features.mean(0), abs=1e-5)


def test_inner_folds_hold_back_whole_subjects_and_classes() -> None:
    _, labels, subjects = rows()
    problem = problem_of(subjects)
    held_back = problem.split.held_back
    assert len(problem.folds) == 4
    assert [len(names) for names in held_back] == [1, 1, 1]  # a sixth of six
    assert len(set(held_back)) == 3  # they take turns
    for fold, names in zip(problem.folds[1:], held_back, strict=True):
        assert len(fold.held_out) == 2
        wanted = ~np.isin(subjects, names) & np.isin(labels, fold.train)
        assert fold.rows.tolist() == np.flatnonzero(wanted).tolist()
        assert sorted([*fold.train, *fold.held_out]) == list(range(8))
        assert abs(fold.features[fold.rows].mean(0)).max() < 1e-5  # standardised on its own rows


def test_without_subjects_a_sixth_of_the_rows_of_each_class_is_held_back() -> None:
    _, labels, _ = rows()
    problem = problem_of(None)
    held_back = problem.split.held_back
    for names in held_back:
        assert np.bincount(labels[np.isin(problem.subjects, names)]).tolist() == [6] * 8  # of 36 rows each
    assert np.array_equal(problem.subjects, problem_of(None).subjects)
    assert not np.array_equal(problem.subjects, problem_of(None, seed=1).subjects)


def test_folds_without_two_classes_to_train_on_are_dropped() -> None:
    """Each subject recorded one class: what is left after subject and classes are held back is too little or enough."""
    features, labels, _ = rows()
    four = labels < 4
    groups = np.array(["a", "a", "a", "b"])[labels[four]]
    problem = lay_out_open(features[four], labels[four], groups, text_vectors()[:4], SEEN[:4], 0, 0)
    assert len(problem.folds) == len(problem.split.held_back) + 1 < 3
    for fold in problem.folds:
        assert len(set(labels[four][fold.rows])) >= 2


def test_one_subject_cannot_be_split() -> None:
    with pytest.raises(InputError, match="groups: all rows are of 's1'; two are needed, or leave groups out"):
        problem_of(np.full(8 * 36, "s1"))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_few_classes_take_the_last_step_and_the_text_margin(n_classes: int) -> None:
    problem = problem_of(None, n_classes)
    assert len(problem.folds) == 1 and not problem.split.held_back
    fitted = fit_open(problem, TINY)
    assert fitted.n_inner_folds == 0 and fitted.temperature == 1
    assert fitted.gate == TEXT_MARGIN
    assert fitted.fold.train_features.shape == (36 * n_classes, 10)


def test_the_text_margin_alone() -> None:
    """Seen 1 and 2; the unseen description matches worse, as well, better."""
    text = np.array([[1.0, 2.0, 1.5], [1.0, 2.0, 2.0], [1.0, 2.0, 2.5]])
    scores = Scores(np.zeros((3, 2)), text, np.zeros(3))
    assert TEXT_MARGIN.p_unseen(scores) == pytest.approx([1 / (1 + np.exp(0.5)), 0.5, 1 / (1 + np.exp(-0.5))])
    assert (TEXT_MARGIN.predict(scores) == 2).tolist() == [False, False, True]


def test_a_fit_on_folds_fits_gate_and_temperature() -> None:
    _, _, subjects = rows()
    fitted = fit_open(problem_of(subjects), TINY)
    assert fitted.n_inner_folds == 3
    assert fitted.gate.cues == TINY.gate.cues
    assert fitted.seen.n_classes == 8


def fixed(threshold: float) -> DomainClassifier:
    return DomainClassifier(
        ("novelty",), "hard", 1.0, 1.0, threshold, mean=(0.0,), scale=(1.0,), weights=(1.0,), bias=0.0
    )


def test_gated_log_scores_by_hand() -> None:
    """An even gate: seen (.5, .5), unseen (.9, .1). Joint .25, .25, .45, .05; the gate turns the unseen side down."""
    scores = Scores(np.log([[0.5, 0.5]]), np.array([[0.0, 0.0, np.log(9), 0.0]]), np.zeros(1))
    found = gated_log_scores(fixed(0.6), scores)
    assert np.exp(found[0]) == pytest.approx([0.25, 0.25, 0.25, 0.25 / 9], rel=1e-5)
    assert found[0, 2] < found[0, 0]
    assert np.exp(gated_log_scores(fixed(0.4), scores)[0]) == pytest.approx([0.25, 0.25, 0.45, 0.05])


def test_the_largest_score_is_the_prediction_of_the_gate() -> None:
    generator = np.random.default_rng(0)
    scores = Scores(generator.normal(size=(500, 4)), generator.normal(size=(500, 7)), generator.normal(size=500))
    for threshold in (0.1, 0.5, 0.9):
        gate = fixed(threshold)
        found = gated_log_scores(gate, scores)
        assert np.array_equal(found.argmax(1), gate.predict(scores))
        untouched = gate.joint_log_scores(scores).argmax(1) == gate.predict(scores)
        assert 0 < untouched.sum() < 500
        assert np.array_equal(found[untouched], gate.joint_log_scores(scores)[untouched])


def test_temperature_by_hand() -> None:
    """Three of four are right at log odds of 2 ln 3: twice too sure. An empty fold does not count."""
    joint, labels = np.tile([0.0, 2 * np.log(3)], (4, 1)), np.array([1, 1, 1, 0])
    assert fit_temperature([joint, joint[:0]], [labels, labels[:0]]) == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize("n_rows", [1, 2, 3])
@pytest.mark.parametrize("with_groups", [True, False])
def test_a_row_or_two_of_each_class_can_be_fitted(n_rows: int, with_groups: bool) -> None:
    features, labels, _ = rows()
    first = np.concatenate([np.flatnonzero(labels == k)[:n_rows] for k in range(5)])
    groups = np.arange(len(first)) % 2 if with_groups else None
    problem = lay_out_open(features[first], labels[first], groups, text_vectors()[:5], SEEN[:5], 1, 0)
    fitted = fit_open(problem, TINY)
    assert np.isfinite(fitted.temperature) and fitted.fold.train_features.shape == (5 * n_rows, 10)
