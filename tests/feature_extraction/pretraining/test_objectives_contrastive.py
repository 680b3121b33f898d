"""InfoNCE by hand, and the contrast of two views."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import normalize
from toy_patches import N_FEATURES, WIDTH, ToyEncoder, make_batch, noise, seeded

from feature_extraction.pretraining.objectives import contrastive
from feature_extraction.pretraining.objectives.contrastive import (
    Contrastive,
    draw_patches,
    soft_info_nce,
)


def info_nce(first, second, temperature, group=None):
    """The loss of one group, unless several are given."""
    return contrastive.info_nce(first, second, temperature, torch.zeros(len(first)) if group is None else group)


def losses(batch, seed=0):
    torch.manual_seed(0)
    return Contrastive(WIDTH, N_FEATURES).losses(ToyEncoder(), batch, seeded(seed))


def test_info_nce_by_hand():
    first = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    second = torch.tensor([[1.0, 0.0], [0.6, 0.8]])  # cosines [[1, 0.6], [0, 0.8]]
    rows = math.log(1 + math.exp(-0.4 / 0.5)) + math.log(1 + math.exp(-0.8 / 0.5))
    columns = math.log(1 + math.exp(-1.0 / 0.5)) + math.log(1 + math.exp(-0.2 / 0.5))
    assert info_nce(first, second, 0.5).item() == pytest.approx((rows + columns) / 4, rel=1e-6)


def test_identical_views_cost_nothing_when_cold_and_unrelated_ones_cost_log_n():
    views = normalize(noise(8, 16), dim=1)
    assert info_nce(views, views, 0.01).item() < 1e-4
    assert info_nce(views, views.roll(1, dims=0), 0.01).item() > 10
    same = torch.ones(8, 1)
    assert info_nce(same, same, 0.1).item() == pytest.approx(math.log(8), rel=1e-5)


def test_info_nce_is_symmetric_and_indifferent_to_order():
    first, second = normalize(noise(6, 4), dim=1), normalize(noise(6, 4, seed=1), dim=1)
    value = info_nce(first, second, 0.1)
    order = torch.randperm(6, generator=seeded())
    torch.testing.assert_close(info_nce(second, first, 0.1), value)
    torch.testing.assert_close(info_nce(first[order], second[order], 0.1), value)


def test_groups_are_told_apart_on_their_own():
    first, second = normalize(noise(5, 4), dim=1), normalize(noise(5, 4, seed=1), dim=1)
    group = torch.tensor([0, 1, 0, 1, 1])
    apart = [info_nce(first[group == k], second[group == k], 0.1) * (group == k).sum() for k in (0, 1)]
    torch.testing.assert_close(info_nce(first, second, 0.1, group), sum(apart) / 5)
    alone = info_nce(first, second, 0.1, torch.arange(5))
    assert alone.item() == 0.0


def test_no_rows_cost_nothing():
    empty = torch.zeros(0, 4, requires_grad=True)
    assert info_nce(empty, empty, 0.1).item() == 0.0


def test_soft_info_nce_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0)]])  # probabilities 1/4 and 3/4
    value = soft_info_nce(logits, torch.tensor([[0.5, 0.5]])).item()
    assert value == pytest.approx(0.5 * math.log(4) + 0.5 * math.log(4 / 3) - math.log(2), rel=1e-6)
    many = noise(5, 7)
    assert soft_info_nce(many, many.softmax(dim=1)).item() == pytest.approx(0.0, abs=1e-6)
    assert soft_info_nce(many, noise(5, 7, seed=1).softmax(dim=1)).item() > 0.1


def test_one_hot_targets_are_plain_info_nce():
    first, second = normalize(noise(6, 4), dim=1), normalize(noise(6, 4, seed=1), dim=1)
    logits = first @ second.T / 0.1
    both = soft_info_nce(logits, torch.eye(6)) + soft_info_nce(logits.T, torch.eye(6))
    torch.testing.assert_close(both / 2, info_nce(first, second, 0.1))


def test_drawn_patches_are_valid_different_and_at_most_as_many_as_asked():
    valid = make_batch().valid
    rows = draw_patches(valid, 50, seeded())
    assert len(rows) == 50 == len(rows.unique()) and valid.flatten()[rows].all()
    assert sorted(draw_patches(valid, 10_000, seeded()).tolist()) == valid.flatten().nonzero()[:, 0].tolist()


def test_other_data_sets_are_no_negatives():
    batch = make_batch()
    one_set = losses(replace(batch, dataset=torch.zeros_like(batch.dataset)))
    assert all(value < one_set[term] for term, value in losses(batch).items())


@pytest.mark.parametrize("view", ["values", "second"])
def test_both_views_are_read(view):
    batch = make_batch()
    changed = losses(replace(batch, **{view: batch.clean + 1.0}))
    assert all(changed[name] != value for name, value in losses(batch).items())


def test_padding_is_not_compared():
    batch = make_batch()
    louder = [torch.where(batch.valid[..., None], view, 100.0) for view in (batch.values, batch.second)]
    for name, value in losses(replace(batch, values=louder[0], second=louder[1])).items():
        torch.testing.assert_close(value, losses(batch)[name])


def test_loss_follows_the_seed(monkeypatch):
    monkeypatch.setattr(contrastive, "MOST_PATCHES", 40)
    first, again, other = (losses(make_batch(), seed)["patch"] for seed in (0, 0, 1))
    assert first == again and first != other
