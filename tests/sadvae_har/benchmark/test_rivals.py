"""Tuning and scoring of a rival: on a solvable problem, without leakage, within the common budget."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from synthetic_problem import CLASSES, SPLIT, tiny_problem

from feature_extraction.errors import InputError, LeakageError
from sadvae_har.baselines import closed_form
from sadvae_har.baselines.method import SeenData
from sadvae_har.baselines.rivals.ridge import Ridge
from sadvae_har.benchmark.measurement import gzsl_numbers
from sadvae_har.benchmark.methods import RIVALS
from sadvae_har.benchmark.rivals import evaluate_rival, evaluate_upper_bound
from sadvae_har.benchmark.stacking import JointScores
from sadvae_har.evaluation.metrics import per_class_top1
from sadvae_har.experiment.problem import Problem


@pytest.fixture(scope="module")
def problem() -> Problem:
    return tiny_problem()


@dataclass(frozen=True)
class Spy:
    """A method that remembers what it was given."""

    seen: list[SeenData]

    def fit(self, data: SeenData, seed: int) -> "Spy":
        self.seen.append(data)
        return self

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        return features[:, :1] * text[:, 0]


def test_ridge_solves_a_linear_problem(problem: Problem) -> None:
    (result,) = evaluate_rival(problem, (Ridge(0.1), Ridge(1.0)), seeds=(0,))
    assert result.zsl["top1"] >= 0.8  # chance 1/3
    assert result.zsl["by_subject"] == {"s6": pytest.approx(result.zsl["top1"])}
    assert result.zsl["low"] <= result.zsl["top1"] <= result.zsl["high"]
    assert set(result.gzsl) == {"seen", "unseen", "h", "ausuc", "auroc"}
    assert result.gzsl["h"] > 0.15 and result.inner_top1 > 0.8


@pytest.mark.parametrize("name", RIVALS)
def test_every_rival_stays_within_the_budget_and_gives_one_result_per_seed(problem: Problem, name: str) -> None:
    candidates = RIVALS[name][:1]
    first, second = evaluate_rival(problem, candidates, seeds=(0, 1))
    assert 1 <= len(RIVALS[name]) <= 6
    assert first.setting == second.setting and 0 <= second.zsl["top1"] <= 1
    assert evaluate_rival(problem, candidates, seeds=(0,))[0] == first


def test_closed_form_synthesis_solves_a_linear_problem(problem: Problem) -> None:
    (result,) = evaluate_rival(problem, closed_form.candidates(), seeds=(0,))
    assert result.zsl["top1"] >= 0.9


def test_upper_bound_reads_labelled_windows_of_unseen_classes(problem: Problem) -> None:
    (found,) = evaluate_upper_bound(problem, (0,))
    assert found.zsl is not None and found.zsl["top1"] >= 0.9 and found.gzsl is None


def test_rival_learns_from_train_windows_of_training_classes_only(problem: Problem) -> None:
    spy = Spy([])
    evaluate_rival(problem, (spy,), seeds=(0,))
    assert len(spy.seen) == len(problem.folds)
    for data, fold in zip(spy.seen, [*problem.folds[1:], problem.folds[0]], strict=True):
        assert np.array_equal(data.features, fold.features[fold.rows].numpy())
        assert len(data.text) == len(fold.train) and set(data.labels.tolist()) == set(range(len(fold.train)))
        assert data.text.mean(0) == pytest.approx(np.zeros(data.text.shape[1]), abs=1e-5)


@pytest.mark.parametrize(
    ("classes", "subjects"), [((*SPLIT.seen, "row"), SPLIT.train_subjects), (SPLIT.seen, ("s1", "s6"))]
)
def test_leaked_class_or_subject_raises(problem: Problem, classes: Sequence[str], subjects: tuple[str, ...]) -> None:
    final = problem.folds[0]
    positions = np.array([CLASSES.index(name) for name in classes])
    leaking = replace(final, train=positions, rows=problem.windows(positions, subjects))
    with pytest.raises(LeakageError, match="rival"):
        evaluate_rival(replace(problem, folds=(leaking, *problem.folds[1:])), (Ridge(),), seeds=(0,))


@pytest.mark.parametrize("n", [0, 7])
def test_more_settings_than_the_budget_are_refused(problem: Problem, n: int) -> None:
    with pytest.raises(InputError, match=f"{n} candidate settings; the tuning budget of every method is 1 to 6"):
        evaluate_rival(problem, tuple(Ridge(1.0 + k) for k in range(n)), seeds=(0,))


def test_perfect_scores_give_one_on_every_path_and_shuffled_labels_give_chance(problem: Problem) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(11, size=4000)
    perfect = JointScores(np.eye(11)[labels], labels, n_seen=8)
    found = gzsl_numbers(perfect, perfect.predict(0.0), -perfect.lead)
    assert found == pytest.approx({"seen": 1, "unseen": 1, "h": 1, "ausuc": 1, "auroc": 1})
    shuffled = JointScores(np.eye(11)[rng.permutation(labels)], labels, n_seen=8)
    found = gzsl_numbers(shuffled, shuffled.predict(0.0), -shuffled.lead)
    assert found["h"] == pytest.approx(1 / 11, abs=0.03) and found["auroc"] == pytest.approx(0.5, abs=0.03)
    assert per_class_top1(labels, rng.permutation(labels)) == pytest.approx(1 / 11, abs=0.02)
