"""Window statistics: predicted from the embedding, where the sensors have them."""

import math
from dataclasses import replace

import pytest
import torch
from toy_patches import N_FEATURES, ToyEncoder, make_batch, seeded

from feature_extraction.pretraining.objectives.window_statistics import WindowStatistics


def make_objective(n_statistics=3):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return WindowStatistics(N_FEATURES, n_statistics)


def error(objective, batch):
    return objective.losses(ToyEncoder(), batch, seeded())["error"]


def test_a_perfect_prediction_costs_nothing_and_an_error_of_two_costs_one_and_a_half():
    objective, batch = make_objective(), make_batch()
    with torch.no_grad():
        objective.head.weight.zero_()
        objective.head.bias.copy_(torch.tensor([1.0, -2.0, 0.5]))
    truth = torch.tensor([1.0, -2.0, 0.5]).expand(len(batch.values), 3).clone()
    assert error(objective, replace(batch, statistics=truth)).item() == 0.0
    assert error(objective, replace(batch, statistics=truth + 2)).item() == pytest.approx(1.5)


def test_statistics_that_sensors_lack_do_not_count():
    objective, batch = make_objective(), make_batch()
    lacking = batch.statistics.clone()
    lacking[:, 1] = math.nan
    changed = replace(batch, statistics=lacking)
    assert error(objective, changed).isfinite()
    assert error(objective, changed) != error(objective, batch)
