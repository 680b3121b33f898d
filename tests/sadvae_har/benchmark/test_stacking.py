"""Calibrated stacking by hand and by brute force."""

import numpy as np
import pytest

from sadvae_har.benchmark.stacking import JointScores, choose_bias
from sadvae_har.evaluation.metrics import gzsl_scores

# Two seen classes, one unseen; the unseen window's best seen score leads by 1.
SCORES = np.array([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [2.0, 0.0, 1.0]])
FOLD = JointScores(SCORES, np.array([0, 1, 2]), n_seen=2)


def random_fold(seed: int, n: int = 200) -> JointScores:
    rng = np.random.default_rng(seed)
    labels = rng.integers(6, size=n)
    scores = 2 * np.eye(6)[labels] + rng.normal(size=(n, 6)) + np.array([1, 1, 1, 1, 0, 0])
    return JointScores(scores, labels, n_seen=4)


def test_lead_by_hand() -> None:
    assert FOLD.lead.tolist() == [3, 3, 1]


def test_bias_moves_windows_to_unseen() -> None:
    assert FOLD.predict(0.5).tolist() == [0, 1, 0]
    assert FOLD.predict(1.0).tolist() == [0, 1, 2]
    assert FOLD.predict(3.0).tolist() == [2, 2, 2]


def test_harmonic_means_agree_with_predictions() -> None:
    fold = random_fold(0)
    biases = np.sort(np.random.default_rng(1).normal(size=40)) * 2
    expected = [gzsl_scores(fold.labels, fold.predict(bias), range(4), range(4, 6))[2] for bias in biases]
    assert fold.harmonic_means(biases) == pytest.approx(expected)


def test_harmonic_means_on_the_switching_points_themselves() -> None:
    fold = random_fold(2)
    expected = [gzsl_scores(fold.labels, fold.predict(bias), range(4), range(4, 6))[2] for bias in fold.lead[:30]]
    assert fold.harmonic_means(fold.lead[:30]) == pytest.approx(expected)


def test_chosen_bias_is_right_for_all() -> None:
    assert choose_bias([FOLD]) == pytest.approx(1.0, abs=0.1)
    assert FOLD.harmonic_means(np.array([choose_bias([FOLD])])).tolist() == [1.0]


def test_chosen_bias_beats_none() -> None:
    folds = [random_fold(seed) for seed in range(3)]
    chosen = choose_bias(folds)
    mean = [np.mean([fold.harmonic_means(np.array([bias]))[0] for fold in folds]) for bias in (0.0, chosen)]
    assert mean[1] > mean[0] + 0.05
