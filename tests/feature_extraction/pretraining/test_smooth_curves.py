"""Curves are smooth and stay between their knots; maps of time increase and keep the ends."""

import math

import pytest
import torch

from feature_extraction.errors import InputError
from feature_extraction.pretraining.augment.smooth_curves import draw_curves, draw_time_maps


def generator():
    return torch.Generator().manual_seed(0)


def test_curves_pass_smoothly_between_normal_knots():
    curves = draw_curves(5000, 81, generator(), n_knots=5)
    knots = curves[:, ::20]
    assert abs(knots.mean().item()) < 0.03 and knots.std().item() == pytest.approx(1.0, abs=0.03)
    low, high = torch.minimum(knots[:, :-1], knots[:, 1:]), torch.maximum(knots[:, :-1], knots[:, 1:])
    between = curves[:, :80].unflatten(1, (4, 20))
    assert (between >= low[..., None] - 1e-6).all() and (between <= high[..., None] + 1e-6).all()
    torch.testing.assert_close(curves[:, 10], (knots[:, 0] + knots[:, 1]) / 2)
    # Flat at a knot: of the way to the next one, 20 samples on, the first step covers (1 - cos(π / 20)) / 2.
    first_step = (1 - math.cos(math.pi / 20)) / 2
    torch.testing.assert_close(curves[:, 21] - knots[:, 1], first_step * (knots[:, 2] - knots[:, 1]), rtol=0, atol=1e-5)
    torch.testing.assert_close(curves[:, 19] - knots[:, 1], first_step * (knots[:, 0] - knots[:, 1]), rtol=0, atol=1e-5)
    with pytest.raises(InputError, match="n_knots: 1"):
        draw_curves(1, 10, generator(), n_knots=1)


def test_time_maps_are_increasing_and_keep_the_ends():
    source, speed = draw_time_maps(200, 64, 0.5, generator())
    assert source[:, 0].abs().max() == 0 and source.max() <= 63
    torch.testing.assert_close(source[:, -1], torch.full((200,), 63.0))
    assert (source.diff(dim=1) > 0).all() and (source - torch.arange(64)).abs().max() > 5
    torch.testing.assert_close(source.diff(dim=1), (speed[:, 1:] + speed[:, :-1]) / 2, rtol=0, atol=2e-5)
