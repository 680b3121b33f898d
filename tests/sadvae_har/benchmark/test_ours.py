"""Our method as the benchmark trains it: the final problem alone, and the inner folds alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_problem import SPLIT, TINY, tiny_problem

from sadvae_har.benchmark.ours import last_step_inner_top1, predict_last_step
from sadvae_har.evaluation.metrics import per_class_top1
from sadvae_har.experiment.problem import Problem


@pytest.fixture(scope="module")
def problem() -> Problem:
    return tiny_problem()


def test_final_problem_alone_is_solved_as_well(problem: Problem) -> None:
    rows, predicted = predict_last_step(problem, TINY)
    assert per_class_top1(problem.class_index[rows] - len(SPLIT.seen), predicted) >= 0.8


def test_inner_folds_are_solved_without_a_look_at_test_windows(problem: Problem) -> None:
    top1 = last_step_inner_top1(problem, TINY)
    assert top1.shape == (len(SPLIT.inner),) and top1[1] >= 0.8  # the other fold's two classes differ off the span
    features = problem.features.clone()
    features[:, torch.from_numpy(np.isin(problem.subjects, SPLIT.test_subjects))] = torch.nan
    assert np.array_equal(last_step_inner_top1(replace(problem, features=features), TINY), top1)
