"""Pairs of an activity and a place, their vectors, and the problem of telling them apart by description."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from everyday_model import pretend_corpus, tiny_config

from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.errors import InputError
from sadvae_har.everyday.corpus import Corpus
from sadvae_har.everyday.described import Held, PairProblem, lay_out_pairs, vectors_of
from sadvae_har.recognition.everyday.pairs import Pair, pair_vectors, sum_over_places

CONFIG = tiny_config().method
HELD = Held(("waving", "sitting"), ("beta/0", "beta/1", "beta/2"))


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return pretend_corpus()


@pytest.fixture(scope="module")
def laid(corpus: Corpus, text_cache: Path) -> PairProblem:
    rows = np.arange(1, len(corpus))
    return lay_out_pairs(corpus, rows, np.nan_to_num(corpus.features[rows]), CONFIG, [HELD], text_cache)


def test_pairs_are_what_certain_windows_are_of(laid: PairProblem, corpus: Corpus) -> None:
    """Windows that may be of several activities are no examples of any."""
    assert (corpus.possible[laid.rows].sum(1) == 1).all()
    assert not (corpus.labels[laid.rows] == "wisdm: stairs").any()
    assert len(laid.rows) == (corpus.possible[1:].sum(1) == 1).sum()
    activities = np.array(corpus.activities)[corpus.possible[laid.rows].argmax(1)]
    expected = [*zip(activities.tolist(), corpus.windows.placements[laid.rows].tolist(), strict=True)]
    assert [tuple(laid.pairs[k]) for k in laid.problem.class_index] == expected
    assert laid.pairs == tuple(sorted(set(laid.pairs))) and len(laid.pairs) == 18


def test_a_pair_with_a_single_window_is_left_out(corpus: Corpus, text_cache: Path) -> None:
    waving = np.flatnonzero((corpus.windows.labels == "waving") & (corpus.windows.placements == "hip"))
    rows = np.append(np.flatnonzero(corpus.windows.labels != "waving"), waving[0])
    laid = lay_out_pairs(corpus, rows, np.nan_to_num(corpus.features[rows]), CONFIG, (), text_cache)
    assert Pair("waving", "hip") not in laid.pairs and waving[0] not in laid.rows


def test_one_pair_is_too_few(corpus: Corpus, text_cache: Path) -> None:
    rows = np.flatnonzero((corpus.labels == "alpha: walking") & (corpus.windows.placements == "hip"))
    with pytest.raises(InputError, match="fewer than two activities to learn from"):
        lay_out_pairs(corpus, rows, np.nan_to_num(corpus.features[rows]), CONFIG, (), text_cache)


def test_an_inner_fold_learns_from_nobody_and_nothing_that_it_holds_out(laid: PairProblem, corpus: Corpus) -> None:
    fold = laid.problem.folds[1]
    learned = laid.rows[fold.rows]
    assert not np.isin(corpus.windows.subjects[learned], HELD.subjects).any()
    assert not corpus.possible[learned][:, corpus.positions(HELD.activities)].any()
    assert {laid.pairs[k].activity for k in fold.held_out} == set(HELD.activities)
    others = ~np.isin(corpus.windows.subjects[laid.rows], HELD.subjects)
    others &= ~corpus.possible[laid.rows][:, corpus.positions(HELD.activities)].any(1)
    assert len(learned) == others.sum() > 0
    np.testing.assert_array_equal(np.sort(laid.problem.folds[0].rows), np.arange(len(laid.rows)))


def test_an_inner_fold_is_standardised_by_what_it_learns_from(laid: PairProblem) -> None:
    fold = laid.problem.folds[1]
    own = fold.features[fold.rows].numpy()
    assert np.abs(own.mean(0)).max() < 1e-3
    assert np.abs(laid.problem.folds[0].features[fold.rows].numpy().mean(0)).max() > 0.01


def test_a_vector_speaks_of_its_place_alone(text_cache: Path) -> None:
    pairs = [Pair("walking", "wrist"), Pair("walking", "hip"), Pair("running", "wrist")]
    vectors = vectors_of(pairs, CONFIG.text, text_cache)
    assert vectors.dtype == np.float32 and len(vectors) == 3
    assert not np.allclose(vectors[0], vectors[1]) and not np.allclose(vectors[0], vectors[2])
    walking = load_vocabulary().descriptions["walking"]
    silent = replace(walking, motion={"wrist": walking.motion["wrist"], "hip": "what the wrist does not read"})
    np.testing.assert_array_equal(pair_vectors([(silent, "wrist")], CONFIG.text, text_cache)[0], vectors[0])


def test_vectors_do_not_depend_on_those_beside_them(text_cache: Path) -> None:
    pairs = [Pair("walking", "wrist"), Pair("running", "hip")]
    both = vectors_of(pairs, CONFIG.text, text_cache)
    alone = np.concatenate([vectors_of([pair], CONFIG.text, text_cache) for pair in pairs])
    np.testing.assert_array_equal(both, alone)


def test_scores_over_places_are_sums_of_densities() -> None:
    densities = np.array([[0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 3.0, 4.0]])
    found = sum_over_places(np.log(densities), np.array([0, 2, 0, 2]), 4)
    expected = [[0.4, 0.0, 0.6, 0.0], [4.0, 0.0, 6.0, 0.0]]
    np.testing.assert_allclose(np.exp(found), expected)
    assert (found[:, [1, 3]] == -np.inf).all()


def test_a_pair_says_its_name() -> None:
    assert Pair("walking", "hip").name == "walking at hip"
