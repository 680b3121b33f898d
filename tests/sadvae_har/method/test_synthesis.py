import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_problem import generators

from sadvae_har.config.settings import ClassifierConfig, ModelConfig
from sadvae_har.method.model import SADVAE
from sadvae_har.method.synthesis import Donors, draw_noise, synthesise

K, C, N, L, D = 2, 5, 400, 5, 6
LATENTS = ClassifierConfig(samples_per_class=N, synthesise="latents")
FEATURES = ClassifierConfig(samples_per_class=N, synthesise="features")
UNSEEN = np.array([2, 3, 4])
SURE = torch.zeros(C)


@pytest.fixture
def model() -> SADVAE:
    return SADVAE(D, 4, ModelConfig(latent_dim=L, instance_dim=2), generators(0, 1)).requires_grad_(False)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


TEXT = normal(5, C, 4)
DONORS = Donors(normal(6, K, N, D), torch.arange(K * N).reshape(K, N) % 2)


def draw(
    model: SADVAE,
    config: ClassifierConfig,
    donors: Donors = DONORS,
    seeds: tuple[int, ...] = (1, 2),
    doubt: torch.Tensor = SURE,
) -> torch.Tensor:
    return synthesise(model, TEXT, doubt, UNSEEN, donors, draw_noise(model, 4, N, generators(*seeds)), config)


def certain(model: SADVAE) -> SADVAE:
    """Squeeze the text posterior to its smallest variance, so that what varies comes from the donors."""
    model.text_encoder.network[0].weight[..., L:] = 0
    model.text_encoder.network[0].bias[..., L:] = -100
    return model


@pytest.mark.parametrize(("config", "width"), [(LATENTS, L), (FEATURES, D)], ids=["latents", "features"])
def test_shape_is_models_classes_samples_dimensions(model: SADVAE, config: ClassifierConfig, width: int) -> None:
    assert draw(model, config).shape == (K, len(UNSEEN), N, width)


def test_samples_follow_the_text_posterior(model: SADVAE) -> None:
    posterior = model.text_encoder(TEXT[UNSEEN].expand(K, -1, -1))
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
    doubt = torch.tensor([0.0, 0.0, 0.0, 4.0, 0.0])
    sure, unsure = draw(certain(model), config), draw(model, config, doubt=doubt)
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


def test_order_of_classes_is_kept(model: SADVAE) -> None:
    config = replace(LATENTS, samples_per_class=3000)
    noise = draw_noise(model, 4, config.samples_per_class, generators(1, 2))
    means = synthesise(model, TEXT, SURE, UNSEEN, DONORS, noise, config).mean(2)
    backwards = synthesise(model, TEXT, SURE, UNSEEN[::-1].copy(), DONORS, noise, config).mean(2)
    expected = model.text_encoder(TEXT[UNSEEN].expand(K, -1, -1)).mean
    for found, wanted in ((means, expected), (backwards, expected.flip(1))):
        assert torch.cdist(found, wanted).argmin(-1).tolist() == [[0, 1, 2]] * K
