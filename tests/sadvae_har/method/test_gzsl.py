import numpy as np
import pytest

from sadvae_har.method.gzsl import gated_predictions, joint_log_scores

P_SEEN = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]])
P_UNSEEN = np.array([[0.2, 0.5, 0.3], [0.6, 0.4, 0.0], [0.1, 0.1, 0.8]])
P = np.array([0.25, 0.5, 1.0])


def test_joint_scores_by_hand() -> None:
    scores = np.exp(joint_log_scores(P_SEEN, P_UNSEEN, P))
    expected = [
        [0.675, 0.075, 0.05, 0.125, 0.075],
        [0.15, 0.35, 0.3, 0.2, 0.0],
        [0.0, 0.0, 0.1, 0.1, 0.8],
    ]
    assert scores == pytest.approx(np.array(expected), abs=1e-12)


def test_joint_scores_are_a_distribution_whatever_the_number_of_classes() -> None:
    rng = np.random.default_rng(0)
    for n_seen, n_unseen in ((1, 1), (14, 5), (3, 40)):
        seen, unseen = (rng.dirichlet(np.ones(n), size=50) for n in (n_seen, n_unseen))
        scores = joint_log_scores(seen, unseen, rng.random(50))
        assert scores.shape == (50, n_seen + n_unseen)
        assert np.exp(scores).sum(1) == pytest.approx(np.ones(50))


def test_a_certain_gate_leaves_finite_scores() -> None:
    scores = joint_log_scores(P_SEEN, P_UNSEEN, np.array([0.0, 1.0, 1.0]))
    assert np.isfinite(scores).all()
    assert scores[0, :2].min() > scores[0, 2:].max() and scores[1, 2:].max() > scores[1, :2].max()


def test_more_probably_unseen_means_unseen() -> None:
    assert gated_predictions(P_SEEN, P_UNSEEN, np.array([0.1, 0.6, 0.9]), 0.5).tolist() == [0, 2, 4]
    assert gated_predictions(P_SEEN, P_UNSEEN, np.array([0.1, 0.6, 0.9]), 0.7).tolist() == [0, 1, 4]
    assert gated_predictions(P_SEEN, P_UNSEEN, np.array([0.1, 0.6, 0.9]), 0.05).tolist() == [3, 2, 4]


def test_a_window_on_the_threshold_is_seen() -> None:
    below, on, above = np.nextafter(0.3, 0), 0.3, np.nextafter(0.3, 1)
    predicted = gated_predictions(P_SEEN, P_UNSEEN, np.array([below, on, above]), 0.3)
    assert predicted.tolist() == [0, 1, 4]


def test_temperature_does_not_change_who_wins_inside_a_side() -> None:
    p = np.array([0.1, 0.9, 0.9])
    hard = gated_predictions(P_SEEN**4, P_UNSEEN**4, p, 0.5)
    assert hard.tolist() == gated_predictions(P_SEEN, P_UNSEEN, p, 0.5).tolist()
