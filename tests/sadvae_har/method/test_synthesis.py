import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from synthetic_problem import generators

from sadvae_har.config.settings import ClassifierConfig, ModelConfig
from sadvae_har.method.model import SADVAE
from sadvae_har.method.synthesis import Synthesiser, draw_noise

K, C, N, L, D = 2, 5, 400, 5, 6
LATENTS = ClassifierConfig(samples_per_class=N, synthesise="latents", doubt=0.5)
FEATURES = ClassifierConfig(samples_per_class=N, synthesise="features", doubt=0.5)
UNSEEN = (2, 3, 4)
SPANNED = torch.zeros(C)  # nothing of any class lies outside of what the training classes span


@pytest.fixture
def model() -> SADVAE:
    return SADVAE(D, 4, ModelConfig(latent_dim=L, instance_dim=2), generators(0, 1)).requires_grad_(False)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Donors(NamedTuple):
    """Features [K, N, D] and classes [K, N] of training windows."""

    features: torch.Tensor
    classes: torch.Tensor


TEXT = normal(5, C, 4)
DONORS = Donors(normal(6, K, N, D), torch.arange(K * N).reshape(K, N) % 2)


def draw(
    model: SADVAE,
    config: ClassifierConfig,
    donors: Donors = DONORS,
    seeds: tuple[int, ...] = (1, 2),
    outside: torch.Tensor = SPANNED,
) -> torch.Tensor:
    """Return samples of the unseen classes [K, U, N, L or D]."""
    noise = draw_noise(model, 4, N, generators(*seeds))
    synthesiser = Synthesiser(model, donors.features, TEXT[donors.classes], noise, config)
    return torch.stack([synthesiser.samples(TEXT[k], outside[k]) for k in UNSEEN], dim=1)


def certain(model: SADVAE) -> SADVAE:
    """Squeeze the text posterior to its smallest variance, so that what varies comes from the donors."""
    model.text_encoder.network[0].weight[..., L:] = 0
    model.text_encoder.network[0].bias[..., L:] = -100
    return model


@pytest.mark.parametrize(("config", "width"), [(LATENTS, L), (FEATURES, D)], ids=["latents", "features"])
def test_shape_is_models_classes_samples_dimensions(model: SADVAE, config: ClassifierConfig, width: int) -> None:
    assert draw(model, config).shape == (K, len(UNSEEN), N, width)


def test_samples_follow_the_text_posterior(model: SADVAE) -> None:
    posterior = model.text_encoder(TEXT[list(UNSEEN)].expand(K, -1, -1))
    samples = draw(model, LATENTS)
    deviation = (posterior.log_variance / 2).exp()
    assert ((samples.mean(2) - posterior.mean).abs() < 5 * deviation / math.sqrt(N)).all()
    assert (samples.std(2) / deviation - 1).abs().max() < 0.2


@pytest.mark.parametrize("config", [LATENTS, FEATURES], ids=["latents", "features"])
def test_samples_of_a_class_span_every_dimension(model: SADVAE, config: ClassifierConfig) -> None:
    """One scalar of noise per sample, as published, would leave every class on a line (rank 1)."""
    samples = draw(model, config)
    centred = samples - samples.mean(2, keepdim=True)
    singular = torch.linalg.svdvals(centred)
    assert (torch.linalg.matrix_rank(centred) == samples.shape[-1]).all()
    assert (singular[..., -1] > 0.01 * singular[..., 0]).all()


def test_noise_of_two_dimensions_is_independent(model: SADVAE) -> None:
    samples = draw(model, LATENTS)
    for k in range(K):
        for u in range(len(UNSEEN)):
            correlation = torch.corrcoef(samples[k, u].T)
            assert (correlation - torch.eye(L)).abs().max() < 5 / math.sqrt(N)


def test_latents_do_not_read_seen_windows(model: SADVAE) -> None:
    poisoned = DONORS._replace(features=DONORS.features * torch.nan)
    assert torch.equal(draw(model, LATENTS), draw(model, LATENTS, poisoned))


def test_a_window_moved_to_its_own_class_is_itself(model: SADVAE) -> None:
    donors = DONORS._replace(classes=torch.full((K, N), 2))
    samples = draw(certain(model), FEATURES, donors).mean(2)
    assert torch.allclose(samples[:, 0], donors.features.mean(1), atol=0.01)
    assert not torch.allclose(samples[:, 1], donors.features.mean(1), atol=0.1)


def test_linear_decoders_shift_every_window_by_the_difference_of_the_texts(model: SADVAE) -> None:
    certain(model)
    mean = model.text_encoder(TEXT.expand(K, -1, -1)).mean
    weight = model.feature_decoder[0].weight[:, :L]
    shift = (mean[:, 3] - mean[:, 0])[:, None] @ weight
    donors = DONORS._replace(classes=torch.zeros(K, N, dtype=torch.long))
    moved = draw(model, FEATURES, donors)[:, 1] - donors.features
    assert torch.allclose(moved.mean(1, keepdim=True), shift, atol=0.01)
    assert shift.abs().max() > 0.1


@pytest.mark.parametrize("config", [LATENTS, FEATURES], ids=["latents", "features"])
def test_a_class_in_doubt_scatters_wider_around_the_same_mean(model: SADVAE, config: ClassifierConfig) -> None:
    outside = torch.tensor([0.0, 0.0, 0.0, 32.0, 0.0])  # at a doubt of one half: a deviation of 4 in every coordinate
    sure, unsure = draw(certain(model), config), draw(model, config, outside=outside)
    assert torch.equal(sure[:, 0], unsure[:, 0]) and torch.equal(sure[:, 2], unsure[:, 2])
    assert unsure[:, 1].var(1).sum() > 1.2 * sure[:, 1].var(1).sum()
    assert torch.allclose(unsure[:, 1].mean(1), sure[:, 1].mean(1), atol=0.5)


def test_features_borrow_the_variety_of_seen_windows(model: SADVAE) -> None:
    same = DONORS._replace(features=DONORS.features[:, :1].expand(-1, N, -1), classes=torch.zeros_like(DONORS.classes))
    certain(model)
    assert draw(model, FEATURES).std(2).min() > 0.5
    assert draw(model, FEATURES, same).std(2).max() < 0.05


@pytest.mark.parametrize("config", [LATENTS, FEATURES], ids=["latents", "features"])
def test_same_seed_same_samples_other_seed_other_samples(model: SADVAE, config: ClassifierConfig) -> None:
    first, again, other = (draw(model, config, seeds=seeds) for seeds in ((1, 2), (1, 2), (1, 3)))
    assert torch.equal(first, again)
    assert torch.equal(first[0], other[0]) and not torch.equal(first[1], other[1])


def test_doubt_is_the_variance_per_unit_outside_the_span(model: SADVAE) -> None:
    """The text encoder is linear, so a latent varies as its weights carry the variance of the coordinates."""
    certain(model)
    outside = torch.full((C,), 2.0)
    weight = model.text_encoder.network[0].weight[..., :L]
    for doubt in (0.1, 0.5):
        samples = draw(model, replace(LATENTS, doubt=doubt), outside=outside)
        wanted = 2 * doubt * weight.square().sum(1, keepdim=True)
        assert (samples.var(2) / wanted - 1).abs().max() < 5 * math.sqrt(2 / N)
    none = draw(model, replace(LATENTS, doubt=0.0), outside=outside)
    assert torch.equal(none, draw(model, LATENTS))


def test_a_class_is_synthesised_the_same_whatever_came_before(model: SADVAE) -> None:
    noise = draw_noise(model, 4, N, generators(1, 2))
    for config in (LATENTS, FEATURES):
        synthesiser = Synthesiser(model, DONORS.features, TEXT[DONORS.classes], noise, config)
        first = synthesiser.samples(TEXT[2], torch.tensor(1.0))
        synthesiser.samples(TEXT[3], torch.tensor(0.0))
        assert torch.equal(synthesiser.samples(TEXT[2], torch.tensor(1.0)), first)
