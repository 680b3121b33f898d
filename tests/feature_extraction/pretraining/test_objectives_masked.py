"""Masks keep their promises, and masked autoencoding is about hidden patches only."""

import math
from dataclasses import replace

import pytest
import torch
from toy_patches import N_SAMPLES, WIDTH, ToyEncoder, make_batch, noise, seeded

from feature_extraction.pretraining.objectives.masked_autoencoding import (
    SPREAD_FLOOR,
    MaskedAutoencoding,
    patch_target,
    reconstruction_terms,
)
from feature_extraction.pretraining.objectives.masks import STYLES, draw_masks, hide


def all_valid(n_windows=600, n_channels=6, n_patches=12):
    return torch.ones(n_windows, n_channels, n_patches, dtype=torch.bool)


def ragged(n_windows=600):
    """Windows with fewer channels, shorter windows and holes."""
    valid = torch.rand(n_windows, 5, 11, generator=seeded(3)) > 0.1
    channels = torch.randint(1, 6, (n_windows, 1, 1), generator=seeded(4))
    patches = torch.randint(1, 12, (n_windows, 1, 1), generator=seeded(5))
    return valid & (torch.arange(5)[:, None] < channels) & (torch.arange(11) < patches)


def hide_as(style, valid, ratio=0.4):
    return hide(valid, torch.full((len(valid),), STYLES.index(style)), seeded(), ratio)


def runs_of(row):
    """Return the lengths of the runs of ones in a list of 0 and 1."""
    return [len(run) for run in "".join(str(int(bit)) for bit in row).split("0") if run]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("ratio", [0.2, 0.4, 0.6])
def test_every_style_hides_the_asked_share(style, ratio):
    hidden = hide_as(style, all_valid(), ratio)
    assert hidden.float().mean().item() == pytest.approx(ratio, abs=0.01)


def test_random_style_hides_the_same_number_in_each_window():
    counts = hide_as("random", all_valid(n_channels=5, n_patches=10), 0.4).sum(dim=(1, 2))
    assert counts.unique().tolist() == [20]


def test_spans_have_the_asked_lengths_and_each_length_occurs():
    hidden = hide_as("span", all_valid())
    lengths = [length for row in hidden.flatten(0, 1).tolist() for length in runs_of(row)]
    assert set(lengths) == {2, 3, 4}
    assert min(lengths.count(length) for length in (2, 3, 4)) > len(lengths) / 6
    assert hidden.float().mean(dim=(0, 1)).min() > 0.2  # no place in time is spared


def test_spans_run_over_valid_patches_where_there_are_holes():
    valid, checked = ragged(), 0
    hidden = hide_as("span", valid)
    for window in range(len(valid)):
        rows = [hidden[window, c][valid[window, c]].tolist() for c in range(valid.shape[1])]
        lengths = [length for row in rows for length in runs_of(row)]
        fits = max(len(row) for row in rows) >= 6 and valid[window].sum() > 12
        assert not fits or (lengths and set(lengths) <= {2, 3, 4})
        checked += fits
    assert checked > 100


def test_channel_style_hides_whole_channels():
    hidden = hide_as("channel", all_valid())
    assert torch.equal(hidden.any(dim=2), hidden.all(dim=2))
    assert set(hidden.all(dim=2).sum(dim=1).tolist()) == {2, 3}  # 40 % of 6 is 2.4


def test_styles_are_mixed_as_asked():
    valid = all_valid(4000, 6, 8)
    hidden = draw_masks(valid, seeded())
    whole = (hidden.any(dim=2) == hidden.all(dim=2)).all(dim=1)
    single = torch.tensor([any(1 in runs_of(row) for row in window) for window in hidden.tolist()])
    assert whole.float().mean().item() == pytest.approx(0.2, abs=0.03)
    assert (single & ~whole).float().mean().item() == pytest.approx(0.4, abs=0.03)
    assert (~single & ~whole).float().mean().item() == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("ratio", [0.01, 0.4, 0.99])
def test_only_valid_patches_are_hidden_and_never_all_or_none(style, ratio):
    valid = ragged()
    valid[0] = False
    valid[1] = False
    valid[1, 0, 0] = True
    hidden = hide_as(style, valid, ratio)
    assert not (hidden & ~valid).any()
    enough = valid.sum(dim=(1, 2)) >= 2
    assert 400 < enough.sum() < 600
    assert hidden.any(dim=(1, 2))[enough].all() and not hidden[~enough].any()
    assert (valid & ~hidden).any(dim=(1, 2))[enough].all()


def test_masks_follow_the_seed():
    first, again, other = (draw_masks(all_valid(), seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_target_by_hand():
    shape_and_more = patch_target(torch.tensor([1.0, 1.0, 3.0, 3.0]))
    scale = 1 + SPREAD_FLOOR
    expected = torch.tensor([-1 / scale, -1 / scale, 1 / scale, 1 / scale, 2.0, math.log(scale), math.asinh(100), 0])
    torch.testing.assert_close(shape_and_more, expected)


def test_level_and_spread_are_in_the_target_and_a_still_patch_is_finite():
    still = patch_target(torch.full((4,), 1.0))
    torch.testing.assert_close(still, torch.tensor([0, 0, 0, 0, 1.0, math.log(SPREAD_FLOOR), 0, 0]))


def test_errors_by_hand():
    patches = torch.zeros(1, 1, 2, 4)
    hidden = torch.tensor([[[True, False]]])
    prediction = patch_target(patches)
    prediction[0, 0, 0, 0] += 2.0  # one of four samples: 4 / 4
    prediction[0, 0, 0, 4] += 3.0
    prediction[0, 0, 0, 5] -= 0.5
    prediction[0, 0, 0, 7] += 4.0  # one of two frequencies: 16 / 2
    terms = reconstruction_terms(prediction, patches, hidden)
    expected = {"shape": 1.0, "level": 9.0, "log_spread": 0.25, "log_spectrum": 8.0}
    assert {name: value.item() for name, value in terms.items()} == expected


def test_perfect_reconstruction_costs_nothing_and_visible_patches_do_not_count():
    patches, hidden = noise(4, 3, 5, N_SAMPLES), torch.rand(4, 3, 5, generator=seeded()) < 0.4
    prediction = patch_target(patches)
    prediction[~hidden] = 1e6
    assert [value.item() for value in reconstruction_terms(prediction, patches, hidden).values()] == [0.0] * 4
    prediction[hidden] += 1.0
    torch.testing.assert_close(
        torch.stack(list(reconstruction_terms(prediction, patches, hidden).values())), torch.ones(4)
    )


def test_nothing_hidden_costs_nothing_and_still_has_a_gradient():
    prediction = noise(2, 1, 1, N_SAMPLES + 2 + N_SAMPLES // 2).requires_grad_()
    terms = reconstruction_terms(prediction, noise(2, 1, 1, N_SAMPLES), torch.zeros(2, 1, 1, dtype=torch.bool))
    total = torch.stack(list(terms.values())).sum()
    total.backward()
    assert total.item() == 0.0 and torch.equal(prediction.grad, torch.zeros_like(prediction))


def test_what_is_hidden_does_not_reach_the_encoder():
    """Only visible patches change a token of another patch; a hidden one is read by the loss alone."""

    class Watching(ToyEncoder):
        def tokens(self, values, valid, descriptions, hidden=None):
            self.values = values.clone().requires_grad_()
            self.hidden = hidden
            return super().tokens(self.values, valid, descriptions, hidden)

    batch, encoder = make_batch(), Watching()
    losses = MaskedAutoencoding(WIDTH, N_SAMPLES).losses(encoder, batch, seeded())
    torch.stack(list(losses.values())).sum().backward()
    hidden = draw_masks(batch.valid, seeded())
    touched = (encoder.values.grad != 0).any(dim=-1)
    assert torch.equal(encoder.hidden, hidden)
    assert not touched[hidden].any() and not touched[~batch.valid].any()
    assert touched[batch.valid & ~hidden].float().mean() > 0.9


def test_the_augmented_views_are_not_read():
    batch, encoder = make_batch(), ToyEncoder()
    objective = MaskedAutoencoding(WIDTH, N_SAMPLES)
    broken = replace(batch, values=torch.full_like(batch.values, float("nan")))
    terms = objective.losses(encoder, broken, seeded())
    assert torch.stack(list(terms.values())).isfinite().all()
