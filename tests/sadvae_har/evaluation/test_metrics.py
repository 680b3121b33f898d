import numpy as np
import pytest

from sadvae_har.evaluation import metrics as m


def test_hand_computed_zsl_metrics() -> None:
    labels = np.array(["a", "a", "a", "a", "b", "b", "c"])
    predictions = np.array(["a", "a", "a", "b", "b", "c", "b"])
    assert m.accuracy(labels, predictions) == pytest.approx(4 / 7)
    assert m.per_class_top1(labels, predictions) == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    # F1: a 2*3/(4+3), b 2*1/(2+3), c 0
    assert m.macro_f1(labels, predictions) == pytest.approx((6 / 7 + 2 / 5 + 0) / 3)
    assert m.majority(labels) == pytest.approx(4 / 7)


def test_confusion_matrix_keeps_the_given_order() -> None:
    labels, predictions = np.array(["b", "b", "a", "c"]), np.array(["b", "a", "c", "c"])
    counts = m.confusion_matrix(labels, predictions, ["c", "b", "a"])
    assert counts.tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 0]]


def test_classes_only_predicted_do_not_count_as_classes() -> None:
    labels, predictions = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    assert m.per_class_top1(labels, predictions) == pytest.approx(0.75)
    assert m.macro_f1(labels, predictions) == pytest.approx((2 / 3 + 1) / 2)


def test_hand_computed_gzsl_scores() -> None:
    labels = np.array(["s", "s", "t", "u", "u", "u", "u"])
    predictions = np.array(["s", "u", "t", "u", "s", "s", "s"])
    seen, unseen, mean = m.gzsl_scores(labels, predictions, ["s", "t"], ["u"])
    assert (seen, unseen) == (0.75, 0.25)
    assert mean == pytest.approx(2 * 0.75 * 0.25)
    assert m.harmonic_mean(0.0, 0.0) == 0.0
    assert m.gzsl_scores(labels[:3], predictions[:3], ["s", "t"], ["u"]) == (0.75, 0.0, 0.0)


def test_auroc_by_hand_with_ties_and_against_all_pairs() -> None:
    assert m.auroc(np.array([0, 0, 1, 1]), np.array([0.1, 0.5, 0.5, 0.9])) == pytest.approx(3.5 / 4)
    assert m.auroc(np.array([0, 1]), np.array([1.0, 1.0])) == 0.5
    assert np.isnan(m.auroc(np.array([1, 1]), np.array([0.1, 0.2])))
    rng = np.random.default_rng(0)
    positive, score = rng.random(60) < 0.4, rng.integers(0, 8, 60)
    difference = score[positive][:, None] - score[~positive][None]
    assert m.auroc(positive, score) == pytest.approx(np.mean((difference > 0) + 0.5 * (difference == 0)))


def test_seen_unseen_curve_by_hand() -> None:
    # One seen class 0, one unseen class 1; the unseen class wins beyond a bias of 2, 1 and -1.
    scores, labels = np.array([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 1])
    seen, unseen = m.seen_unseen_curve(scores, labels, 1)
    assert seen.tolist() == [1, 1, 1, 0]
    assert unseen.tolist() == [0, 0.5, 1, 1]
    assert m.ausuc(seen, unseen) == 1.0


@pytest.mark.parametrize("decimals", [6, 0], ids=["no ties", "many ties"])
def test_seen_unseen_curve_equals_brute_force_over_biases(decimals: int) -> None:
    rng = np.random.default_rng(1)
    n_seen, n_classes = 3, 5
    labels = rng.integers(n_classes, size=80)
    scores = np.round(rng.normal(size=(80, n_classes)) + 1.5 * np.eye(n_classes)[labels], decimals)
    seen, unseen = m.seen_unseen_curve(scores, labels, n_seen)
    switch = scores[:, :n_seen].max(1) - scores[:, n_seen:].max(1)
    changes = np.unique(switch)
    between = [changes[0] - 1, *((changes[1:] + changes[:-1]) / 2), changes[-1] + 1]
    points = []
    for bias in between:
        predictions = (scores + bias * (np.arange(n_classes) >= n_seen)).argmax(1)
        points.append(m.gzsl_scores(labels, predictions, range(n_seen), range(n_seen, n_classes))[:2])
    np.testing.assert_allclose(np.stack([seen, unseen], 1), points, atol=1e-12)


def test_curve_is_monotone_and_ignores_a_bias_on_unseen_scores() -> None:
    rng = np.random.default_rng(2)
    labels, scores = rng.integers(6, size=200), rng.normal(size=(200, 6))
    seen, unseen = m.seen_unseen_curve(scores, labels, 4)
    assert (np.diff(seen) <= 1e-12).all() and (np.diff(unseen) >= -1e-12).all()
    shifted = m.seen_unseen_curve(scores + 3.0 * (np.arange(6) >= 4), labels, 4)
    assert m.ausuc(*shifted) == pytest.approx(m.ausuc(seen, unseen))


def test_random_scores_have_the_stated_chance_area() -> None:
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(5, size=40_000), rng.normal(size=(40_000, 5))
    assert m.ausuc(*m.seen_unseen_curve(scores, labels, 3)) == pytest.approx(m.chance_ausuc(3, 2), abs=0.01)
    assert m.chance_ausuc(3, 2) == pytest.approx(1 / 12)
