"""What a run may train on: folds, standardisation and the checks before anything is trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_problem import CLASSES, SPLIT, make_table, select_rows, text_vectors, tiny_problem

from feature_extraction.errors import InputError, LeakageError
from feature_extraction.protocol.split import OPEN, Provenance, Split
from sadvae_har.experiment.problem import Problem, make_problem


@pytest.fixture(scope="module")
def problem() -> Problem:
    return tiny_problem()


def test_final_fold_trains_on_every_seen_window_of_train_subjects(problem: Problem) -> None:
    table, final = make_table(), problem.folds[0]
    wanted = np.isin(table.labels, SPLIT.seen) & np.isin(table.subjects, SPLIT.train_subjects)
    assert final.name == "final"
    assert final.rows.tolist() == np.flatnonzero(wanted).tolist()
    assert problem.names(final.train) == SPLIT.seen and problem.names(final.held_out) == SPLIT.unseen


def test_inner_folds_hold_out_their_pseudo_unseen_classes(problem: Problem) -> None:
    table = make_table()
    assert [fold.name for fold in problem.folds[1:]] == ["inner-1", "inner-2"]
    for fold, held_out in zip(problem.folds[1:], SPLIT.inner, strict=True):
        assert set(problem.names(fold.held_out)) == set(held_out)
        assert set(problem.names(fold.train)) == set(SPLIT.seen) - set(held_out)
        assert set(table.labels[fold.rows].tolist()) == set(problem.names(fold.train))
        assert set(table.subjects[fold.rows].tolist()) == set(SPLIT.train_subjects)


def test_class_index_counts_seen_then_unseen_and_marks_others() -> None:
    split = replace(SPLIT, unseen=("row", "climb"))  # cycle belongs to neither side
    table = make_table()
    problem = make_problem(table, split, text_vectors()[[*range(9), 10]])
    for name, position in (("walk", 0), ("kneel", 7), ("row", 8), ("climb", 9), ("cycle", -1)):
        assert set(problem.class_index[table.labels == name].tolist()) == {position}


def test_windows_are_those_of_class_and_subjects(problem: Problem) -> None:
    table = make_table()
    rows = problem.windows(np.array([8, 10]), SPLIT.test_subjects)
    assert set(table.labels[rows].tolist()) == {"row", "climb"} and set(table.subjects[rows].tolist()) == {"s6"}
    assert len(rows) == 12


def test_train_windows_are_standardised(problem: Problem) -> None:
    train = problem.folds[0].features[problem.folds[0].rows]
    assert train.mean(0).abs().max() < 1e-5
    assert (train.std(0, correction=0) - 1).abs().max() < 1e-5


def test_standardiser_reads_train_rows_only(problem: Problem) -> None:
    """Changing every other window - unseen classes, validation and test subjects - changes nothing in them."""
    table = make_table()
    rows = problem.folds[0].rows
    elsewhere = np.setdiff1d(np.arange(len(table)), rows)
    features = table.features.copy()
    features[elsewhere] = 100 * features[elsewhere] - 3
    changed = make_problem(replace(table, features=features), SPLIT, text_vectors())
    assert np.array_equal(changed.standardizer.mean, problem.standardizer.mean)
    assert np.array_equal(changed.standardizer.scale, problem.standardizer.scale)
    assert torch.equal(changed.folds[0].features[rows], problem.folds[0].features[rows])


def test_inner_fold_is_standardised_without_its_pseudo_unseen_classes(problem: Problem) -> None:
    for fold in problem.folds:
        windows = fold.features[fold.rows]
        assert windows.mean(0).abs().max() < 1e-4 and (windows.std(0, correction=0) - 1).abs().max() < 1e-3
    assert not torch.allclose(problem.folds[0].features, problem.folds[1].features, atol=1e-2)


def test_inner_fold_never_reads_the_texts_of_its_pseudo_unseen_classes(problem: Problem) -> None:
    vectors = text_vectors()
    held_out = problem.folds[1].held_out
    vectors[held_out] += 1
    changed = make_problem(make_table(), SPLIT, vectors)
    kept = problem.folds[1].train
    assert torch.equal(changed.folds[1].coordinates[kept], problem.folds[1].coordinates[kept])
    assert not torch.equal(changed.folds[0].coordinates[kept], problem.folds[0].coordinates[kept])


def test_texts_and_windows_of_the_problem_are_laid_out_as_those_of_its_final_fold(problem: Problem) -> None:
    """Its space is that of all seen classes, not that of a fold which leaves some out; so is its standardiser."""
    vectors = text_vectors()
    assert problem.space.centre == pytest.approx(vectors[:8].mean(0), abs=1e-6)
    assert problem.centred_vectors[:8].mean(0).numpy() == pytest.approx(np.zeros(4), abs=1e-6)
    assert problem.centred_vectors.numpy() == pytest.approx((vectors - vectors[:8].mean(0)) / problem.space.scale)
    coordinates, outside = problem.space.locate(vectors)
    assert torch.equal(problem.folds[0].coordinates, coordinates) and torch.equal(problem.folds[0].outside, outside)
    assert not torch.equal(problem.folds[1].coordinates, coordinates)
    standardised = torch.from_numpy(problem.standardizer.transform(make_table().features))
    assert torch.equal(problem.folds[0].features, standardised)


def test_texts_that_are_all_alike_are_refused() -> None:
    with pytest.raises(InputError, match="8 training classes have the same vector.*text.views"):
        make_problem(make_table(), SPLIT, np.ones((11, 4), np.float32))


@pytest.mark.parametrize(
    ("classes", "subjects", "culprit"),
    [(CLASSES[:9], ("s1",), "row"), (CLASSES[:2], ("s1", "s6"), "s6")],
    ids=["unseen class", "test subject"],
)
@pytest.mark.parametrize("labelled", [True, False])
def test_features_that_saw_too_much_are_leakage(
    classes: tuple[str, ...], subjects: tuple[str, ...], culprit: str, labelled: bool
) -> None:
    table = make_table(provenance=(Provenance("toy", classes, subjects, labelled),))
    with pytest.raises(LeakageError, match=f"feature table: .*toy/random-1.*{culprit}"):
        make_problem(table, SPLIT, text_vectors())


def test_features_that_saw_seen_classes_or_other_data_sets_pass() -> None:
    honest = (
        Provenance("toy", SPLIT.seen, SPLIT.train_subjects + SPLIT.val_subjects, labelled=True),
        Provenance("elsewhere", SPLIT.seen, ("s6",), labelled=True),
        Provenance("elsewhere", CLASSES, ("s6",), labelled=False),
    )
    make_problem(make_table(provenance=honest), SPLIT, text_vectors())


def test_features_of_another_data_set_are_refused() -> None:
    with pytest.raises(InputError, match="features are of 'other', split 'random-1' is of 'toy'"):
        make_problem(replace(make_table(), dataset="other"), SPLIT, text_vectors())


@pytest.mark.parametrize("n_left", [0, 1], ids=["no window", "one window"])
@pytest.mark.parametrize(
    ("name", "part"),
    [("sit", "train"), ("sit", "test"), ("climb", "test")],
    ids=["seen in training", "seen in test", "unseen in test"],
)
def test_class_without_two_windows_is_refused(name: str, part: str, n_left: int) -> None:
    table = make_table()
    subjects = SPLIT.train_subjects if part == "train" else SPLIT.test_subjects
    found = np.flatnonzero((table.labels == name) & np.isin(table.subjects, subjects))
    fewer = select_rows(table, np.setdiff1d(np.arange(len(table)), found[n_left:]))
    with pytest.raises(InputError, match=f"class '{name}' has fewer than two windows of the {part} subjects .*move"):
        make_problem(fewer, SPLIT, text_vectors())


def test_validation_subjects_must_have_windows_of_both_kinds() -> None:
    """Otherwise nothing could be chosen, which is better known before training than after."""
    table = make_table()
    for kept in ((), ("sit",), ("run", "stand")):  # nothing; held-out windows of a fold alone; of no fold
        rows = ~np.isin(table.subjects, SPLIT.val_subjects) | np.isin(table.labels, kept)
        split = replace(SPLIT, inner=(("sit", "jump"),))
        with pytest.raises(InputError, match=r"no inner fold has windows of both .*\['s4', 's5'\]"):
            make_problem(select_rows(table, np.flatnonzero(rows)), split, text_vectors())


def test_one_fold_with_validation_windows_of_both_kinds_is_enough() -> None:
    table = make_table()  # of the validation subjects, running and sitting alone: the second fold holds out neither
    kept = ~np.isin(table.subjects, SPLIT.val_subjects) | np.isin(table.labels, ("run", "sit"))
    problem = make_problem(select_rows(table, np.flatnonzero(kept)), SPLIT, text_vectors())
    assert [fold.name for fold in problem.folds] == ["final", "inner-1", "inner-2"]


PEOPLE = SPLIT.train_subjects + SPLIT.val_subjects + SPLIT.test_subjects
OPEN_SPLIT = Split(
    dataset="toy",
    name=OPEN,
    kind=OPEN,
    seed=0,
    seen=CLASSES,
    unseen=(),
    train_subjects=PEOPLE,
    val_subjects=(),
    test_subjects=(),
    inner=(CLASSES[:2],),
    held_back=(PEOPLE[:2],),
)


def test_an_open_split_trains_on_everything_and_its_inner_folds_hold_people_back() -> None:
    table = make_table()
    final, inner = make_problem(table, OPEN_SPLIT, text_vectors()).folds
    assert final.rows.tolist() == list(range(len(table)))
    kept = ~np.isin(table.subjects, PEOPLE[:2]) & ~np.isin(table.labels, CLASSES[:2])
    assert inner.rows.tolist() == np.flatnonzero(kept).tolist()


def test_an_open_split_that_does_not_know_everything_is_refused() -> None:
    table = make_table()
    someone = np.where(table.subjects == PEOPLE[0], "s9", table.subjects)
    swimming = np.where(table.labels == "sit", "swim", table.labels)
    for change, words in (
        ({"subjects": someone}, r"does not know windows of \['s9'\], so"),
        ({"labels": swimming}, r"does not know classes \['swim'\], so"),
    ):
        with pytest.raises(InputError, match=words):
            make_problem(replace(table, **change), OPEN_SPLIT, text_vectors())
    with pytest.raises(InputError, match="class 'sit' has no windows; record more of it"):
        make_problem(select_rows(table, np.flatnonzero(table.labels != "sit")), OPEN_SPLIT, text_vectors())
