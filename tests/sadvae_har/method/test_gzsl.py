import math

import numpy as np
import pytest
import torch

from sadvae_har.method.gzsl import LOWEST_LOG, Decision, decide, joint_log_scores

P_SEEN = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]])
P_UNSEEN = np.array([[0.2, 0.5, 0.3], [0.6, 0.4, 0.0], [0.1, 0.1, 0.8]])


def log(probabilities: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(probabilities).log()


def log_odds(p: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(p).logit()


def decided(p: list[float], threshold: float, fusion: str = "hard") -> list[int]:
    """Return the predicted positions, given the probabilities of unseen."""
    found = decide(log(P_SEEN), log(P_UNSEEN), log_odds(np.array(p)), threshold, fusion)
    return found.positions.tolist()


def test_joint_scores_by_hand() -> None:
    scores = joint_log_scores(log(P_SEEN), log(P_UNSEEN), log_odds(np.array([0.25, 0.5, 1.0]))).exp()
    expected = [
        [0.675, 0.075, 0.05, 0.125, 0.075],
        [0.15, 0.35, 0.3, 0.2, 0.0],
        [0.0, 0.0, 0.1, 0.1, 0.8],
    ]
    assert scores.numpy() == pytest.approx(np.array(expected), abs=1e-12)


def test_joint_scores_are_a_distribution_whatever_the_number_of_classes() -> None:
    rng = np.random.default_rng(0)
    for n_seen, n_unseen in ((1, 1), (14, 5), (3, 40)):
        seen, unseen = (log(rng.dirichlet(np.ones(n), size=50)) for n in (n_seen, n_unseen))
        scores = joint_log_scores(seen, unseen, log_odds(rng.random(50)))
        assert scores.shape == (50, n_seen + n_unseen)
        assert scores.exp().sum(1).numpy() == pytest.approx(np.ones(50))


def test_a_certain_gate_leaves_finite_scores() -> None:
    scores = joint_log_scores(log(P_SEEN), log(P_UNSEEN), log_odds(np.array([0.0, 1.0, 1.0])))
    assert torch.isfinite(scores).all()
    assert scores[0, :2].min() > scores[0, 2:].max() and scores[1, 2:].max() > scores[1, :2].max()


def test_more_probably_unseen_means_unseen() -> None:
    assert decided([0.1, 0.6, 0.9], 0.5) == [0, 2, 4]
    assert decided([0.1, 0.6, 0.9], 0.7) == [0, 1, 4]
    assert decided([0.1, 0.6, 0.9], 0.05) == [3, 2, 4]


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.95])
def test_a_window_on_the_threshold_is_seen(threshold: float) -> None:
    on = math.log(threshold / (1 - threshold))
    near = torch.tensor([np.nextafter(on, -9), on, np.nextafter(on, 9)], dtype=torch.float64)
    assert decide(log(P_SEEN), log(P_UNSEEN), near, threshold, "hard").positions.tolist() == [0, 1, 4]


def test_temperature_does_not_change_who_wins_inside_a_side() -> None:
    odds = log_odds(np.array([0.1, 0.9, 0.9]))
    sharp = decide(4 * log(P_SEEN), 4 * log(P_UNSEEN), odds, 0.5, "hard")
    assert sharp.positions.tolist() == decided([0.1, 0.9, 0.9], 0.5)


def test_soft_fusion_takes_the_likeliest_class_after_the_odds_are_shifted() -> None:
    # At 0.5 the joint scores: .45 .05 | .1 .25 .15; .12 .28 | .36 .24 0; .35 .35 | .03 .03 .24.
    assert decided([0.5, 0.6, 0.3], 0.5, "soft") == [0, 2, 0]
    # Odds 1, 3/2 and 3/7 over those of 0.8, which are 4: unseen at 1/5, 3/11 and 3/31.
    assert decided([0.5, 0.6, 0.3], 0.8, "soft") == [0, 1, 0]
    # Over those of 0.2, which are 1/4: unseen at 4/5, 6/7 and 12/19.
    assert decided([0.5, 0.6, 0.3], 0.2, "soft") == [3, 2, 4]


@pytest.mark.parametrize("fusion", ["hard", "soft"])
def test_the_joint_scores_do_not_depend_on_threshold_and_fusion(fusion: str) -> None:
    odds = log_odds(np.array([0.1, 0.6, 0.9]))
    for threshold in (0.05, 0.5, 0.95):
        found = decide(log(P_SEEN), log(P_UNSEEN), odds, threshold, fusion)
        assert torch.equal(found.joint, joint_log_scores(log(P_SEEN), log(P_UNSEEN), odds))


@pytest.mark.parametrize("fusion", ["hard", "soft"])
def test_without_unseen_classes_seen_ones_compete_alone(fusion: str) -> None:
    seen = log(np.array([[0.9, 0.1], [0.0, 1.0], [0.5, 0.5]]))
    found: Decision = decide(seen, torch.empty(3, 0), torch.full((3,), 99.0), 0.5, fusion)
    assert found.positions.tolist() == [0, 1, 0]
    assert torch.equal(found.joint, seen.clamp(min=LOWEST_LOG))
