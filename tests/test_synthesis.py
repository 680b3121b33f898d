import math

import pytest
import torch
from synthetic_problem import generators

from sadvae_har.config import ClassifierConfig, ModelConfig
from sadvae_har.model import SADVAE
from sadvae_har.synthesis import synthesise

K, U, N, L = 2, 3, 400, 5
LATENTS = ClassifierConfig(samples_per_class=N)
FEATURES = ClassifierConfig(samples_per_class=N, synthesise="features")


@pytest.fixture
def model() -> SADVAE:
    return SADVAE(6, 4, ModelConfig(latent_dim=L, instance_dim=2), generators(0, 1)).requires_grad_(False)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


TEXT, SEEN = normal(5, U, 4), normal(6, 30, 6)


@pytest.mark.parametrize("config", [LATENTS, FEATURES], ids=["latents", "features"])
def test_shape_is_models_classes_samples_latent(model: SADVAE, config: ClassifierConfig) -> None:
    assert synthesise(model, TEXT, SEEN, config, generators(1, 2)).shape == (K, U, N, L)


def test_samples_follow_the_text_posterior(model: SADVAE) -> None:
    posterior = model.text_encoder(TEXT.expand(K, -1, -1))
    samples = synthesise(model, TEXT, SEEN, LATENTS, generators(1, 2))
    deviation = (posterior.log_variance / 2).exp()
    assert ((samples.mean(2) - posterior.mean).abs() < 5 * deviation / math.sqrt(N)).all()
    assert (samples.std(2) / deviation - 1).abs().max() < 0.2


@pytest.mark.parametrize("config", [LATENTS, FEATURES], ids=["latents", "features"])
def test_samples_of_a_class_span_every_dimension(model: SADVAE, config: ClassifierConfig) -> None:
    """One scalar of noise per sample, as published, would leave every class on a line (rank 1)."""
    samples = synthesise(model, TEXT, SEEN, config, generators(1, 2))
    centred = samples - samples.mean(2, keepdim=True)
    singular = torch.linalg.svdvals(centred)
    assert (torch.linalg.matrix_rank(centred) == L).all()
    assert (singular[..., -1] > 0.01 * singular[..., 0]).all()


def test_noise_of_two_dimensions_is_independent(model: SADVAE) -> None:
    samples = synthesise(model, TEXT, SEEN, LATENTS, generators(1, 2))
    for k in range(K):
        for u in range(U):
            correlation = torch.corrcoef(samples[k, u].T)
            assert (correlation - torch.eye(L)).abs().max() < 5 / math.sqrt(N)


def test_latents_do_not_read_seen_windows(model: SADVAE) -> None:
    first, second = (synthesise(model, TEXT, seen, LATENTS, generators(1, 2)) for seen in (SEEN, SEEN * torch.nan))
    assert torch.equal(first, second)


def test_features_borrow_the_variety_of_seen_windows(model: SADVAE) -> None:
    """With the text posterior squeezed to a point, what varies comes from the instance latents."""
    model.text_encoder.network[0].weight[..., L:] = 0
    model.text_encoder.network[0].bias[..., L:] = -100
    same = SEEN[:1].expand(30, -1)
    varied, uniform = (synthesise(model, TEXT, seen, FEATURES, generators(1, 2)) for seen in (SEEN, same))
    assert varied.std(2).mean() > 3 * uniform.std(2).mean()


def test_same_seed_same_samples_other_seed_other_samples(model: SADVAE) -> None:
    first, again, other = (
        synthesise(model, TEXT, SEEN, LATENTS, generators(*seeds)) for seeds in ((1, 2), (1, 2), (1, 3))
    )
    assert torch.equal(first, again)
    assert torch.equal(first[0], other[0]) and not torch.equal(first[1], other[1])


def test_order_of_classes_is_kept(model: SADVAE) -> None:
    means = synthesise(model, TEXT, SEEN, LATENTS, generators(1, 2)).mean(2)
    reversed_means = synthesise(model, TEXT.flip(0), SEEN, LATENTS, generators(1, 2)).mean(2)
    expected = model.text_encoder(TEXT.expand(K, -1, -1)).mean
    for found, wanted in ((means, expected), (reversed_means, expected.flip(1))):
        assert torch.cdist(found, wanted).argmin(-1).tolist() == [[0, 1, 2]] * K
