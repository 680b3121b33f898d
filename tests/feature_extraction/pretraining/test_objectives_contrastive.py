"""InfoNCE by hand, and the contrast of two views."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import normalize
from toy_patches import N_FEATURES, WIDTH, ToyEncoder, make_batch, noise, seeded

from feature_extraction.errors import InputError
from feature_extraction.pretraining.objectives.contrastive import (
    Contrastive,
    ContrastiveConfig,
    draw_patches,
    info_nce,
    soft_info_nce,
)


def losses(batch, config=None, seed=0):
    torch.manual_seed(0)
    return Contrastive(WIDTH, N_FEATURES, config).losses(ToyEncoder(), batch, seeded(seed))


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


def test_other_data_sets_are_no_negatives_unless_asked():
    """A window of another data set changes the loss of the first only if data sets are told apart."""
    batch = make_batch()
    apart = ContrastiveConfig(max_patches=10_000)
    together = replace(apart, within_dataset=False)
    one_set = replace(batch, dataset=torch.zeros_like(batch.dataset))
    assert losses(batch, apart)["window"] < losses(batch, together)["window"]
    assert losses(batch, apart)["patch"] < losses(batch, together)["patch"]
    for term in ("window", "patch"):
        torch.testing.assert_close(losses(one_set, apart)[term], losses(batch, together)[term])


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


def test_loss_follows_the_seed():
    config = ContrastiveConfig(max_patches=40)
    first, again, other = (losses(make_batch(), config, seed)["patch"] for seed in (0, 0, 1))
    assert first == again and first != other


@pytest.mark.parametrize("change", [{"temperature": 0.0}, {"temperature": -1.0}, {"projection": 0}, {"max_patches": 1}])
def test_impossible_numbers_are_refused(change):
    with pytest.raises(InputError, match=str(next(iter(change.values())))):
        ContrastiveConfig(**change)


def test_wrong_shapes_are_refused():
    with pytest.raises(InputError, match=r"\(3, 4\) and \(2, 4\)"):
        info_nce(noise(3, 4), noise(2, 4), 0.1)
    with pytest.raises(InputError, match="temperature"):
        info_nce(noise(3, 4), noise(3, 4), float("nan"))
    with pytest.raises(InputError, match="width 0"):
        Contrastive(0, 4)
