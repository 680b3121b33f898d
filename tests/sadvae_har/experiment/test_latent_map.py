"""The picture of the semantic latent space: which model drew it, and where things lie in it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_problem import SPLIT, TINY, tiny_problem
from torch.nn import functional

from sadvae_har.config.settings import Config
from sadvae_har.experiment import stages
from sadvae_har.experiment.fitted import class_scorer, restore_networks
from sadvae_har.experiment.latent_map import LatentPlane, latent_map
from sadvae_har.experiment.problem import Problem
from sadvae_har.method.scorer import ClassScorer, FoldModel

LATENTS = replace(TINY, classifier=replace(TINY.classifier, synthesise="latents"))


@pytest.fixture(scope="module")
def problem() -> Problem:
    return tiny_problem()


@pytest.fixture(scope="module")
def weights(problem: Problem) -> dict[str, torch.Tensor]:
    trainer = stages.make_trainer(problem, TINY)
    for _ in range(60):
        trainer.step()
    return trainer.snapshot()


def scorer_of(problem: Problem, weights: dict[str, torch.Tensor], config: Config = TINY) -> ClassScorer:
    return class_scorer(problem, 0, config, weights, stream=5)


def with_seeds(model: FoldModel, order: list[int]) -> FoldModel:
    """Return the models of some seeds, in some order."""
    chosen = {name: value[order] for name, value in model.networks.state_dict().items()}
    networks = restore_networks(chosen, len(order), TINY.model)
    return replace(model, networks=networks, donors=model.donors[order], noise=model.noise[order])


def test_the_plane_is_that_of_the_first_seed(problem: Problem, weights: dict[str, torch.Tensor]) -> None:
    model, coordinates = scorer_of(problem, weights).model, problem.folds[0].coordinates
    both, first, second = (LatentPlane(with_seeds(model, order), coordinates) for order in ([0, 1], [0], [1]))
    assert both.anchors_xy.shape == (11, 2)
    # float32, and one model at a time may add up in another order than two at once.
    assert both.anchors_xy == pytest.approx(first.anchors_xy, abs=1e-4)
    windows = problem.folds[0].features[:30]
    assert both.place_windows(windows) == pytest.approx(first.place_windows(windows), abs=1e-4)
    assert np.abs(both.anchors_xy - second.anchors_xy).max() > 0.05


def test_an_anchor_lies_where_the_first_seed_puts_its_description(
    problem: Problem, weights: dict[str, torch.Tensor]
) -> None:
    model, coordinates = scorer_of(problem, weights).model, problem.folds[0].coordinates
    plane = LatentPlane(model, coordinates)
    with torch.no_grad():
        latents = model.networks.text_encoder(coordinates.expand(2, -1, -1)).mean
    assert plane.anchors_xy == pytest.approx(plane.place(latents[0]), abs=1e-5)
    assert np.abs(plane.anchors_xy - plane.place(latents[1])).max() > 0.05
    # Only the direction of a latent counts, and equal angles lie close: the plane is a projection of unit vectors.
    assert plane.place(3 * latents[0]) == pytest.approx(plane.anchors_xy, abs=1e-5)
    directions = functional.normalize(latents[0], dim=-1)
    apart = torch.cdist(directions, directions).numpy()
    there = np.linalg.norm(plane.anchors_xy[:, None] - plane.anchors_xy[None], axis=-1)
    assert (there <= apart + 1e-5).all()


@pytest.mark.parametrize("config", [TINY, LATENTS], ids=["features", "latents"])
def test_the_map_shows_windows_descriptions_and_samples(
    problem: Problem, weights: dict[str, torch.Tensor], config: Config
) -> None:
    scorer = scorer_of(problem, weights, config)
    found = latent_map(problem, scorer, seed=0)
    xy, names, kinds = (found[f"latent_map_{part}"] for part in ("xy", "class", "kind"))
    assert xy.shape == (len(names), 2) and np.isfinite(xy).all()
    for name in problem.classes:
        own = "unseen" if name in SPLIT.unseen else "seen"
        shown = {kind: int(((names == name) & (kinds == kind)).sum()) for kind in np.unique(kinds[names == name])}
        # Six windows of the test subject; the twenty samples are fewer than the forty that would be shown.
        assert shown == {own: 6, "text": 1} | ({"synthesised": 20} if own == "unseen" else {})
    plane = LatentPlane(scorer.model, problem.folds[0].coordinates)
    assert xy[kinds == "text"] == pytest.approx(plane.anchors_xy, abs=1e-6)
    rows = problem.windows(np.array([8]), SPLIT.test_subjects)
    wanted = plane.place_windows(problem.folds[0].features[rows])
    assert np.sort(xy[(names == "row") & (kinds == "unseen")], axis=0) == pytest.approx(np.sort(wanted, 0), abs=1e-5)
    again, other = latent_map(problem, scorer, seed=0), latent_map(problem, scorer, seed=1)
    assert np.array_equal(again["latent_map_xy"], xy) and np.array_equal(other["latent_map_kind"], kinds)
