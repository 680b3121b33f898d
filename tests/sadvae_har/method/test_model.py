"""The seven terms of one step against a paper-and-pencil model, and who each loss reaches."""

import math

import pytest
import torch
from synthetic_problem import generators

from sadvae_har.config.settings import ModelConfig
from sadvae_har.method.losses import adversary_loss
from sadvae_har.method.model import SADVAE, Batch, Noise, sample
from sadvae_har.method.networks import Gaussian, StackedLinear

LN2, LN4 = math.log(2), math.log(4)
SMALL = ModelConfig(latent_dim=3, instance_dim=2, hidden_dim=8, discriminator_dim=8)


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)[None, :, None]


def set_layer(layer: StackedLinear, weight: list[list[float]], bias: list[float]) -> None:
    layer.weight.data = torch.tensor([weight])
    layer.bias.data = torch.tensor([[bias]])


def pencil_model() -> SADVAE:
    """One feature, one text dimension, latents of one dimension; every map can be followed by hand."""
    config = ModelConfig(
        latent_dim=1,
        instance_dim=1,
        hidden_dim=0,
        discriminator_dim=1,
        kl_features=2.0,
        kl_text=3.0,
        cross_alignment=0.5,
        distribution_alignment=2.0,
        total_correlation=4.0,
    )
    model = SADVAE(1, 1, config, generators(0))
    set_layer(model.semantic_encoder.network[0], [[2.0, 0.0]], [0.0, 0.0])  # mean 2x, variance 1
    set_layer(model.instance_encoder.network[0], [[-1.0, 0.0]], [0.0, 0.0])  # mean -x, variance 1
    set_layer(model.text_encoder.network[0], [[1.0, 0.0]], [0.0, LN4])  # mean t, variance 4
    set_layer(model.feature_decoder[0], [[1.0], [1.0]], [0.0])  # z_semantic + z_instance
    set_layer(model.text_decoder[0], [[3.0]], [0.0])  # 3 z_text
    set_layer(model.discriminator[0], [[1.0], [2.0]], [0.0])  # leaky ReLU of z_semantic + 2 z_instance
    set_layer(model.discriminator[2], [[1.0]], [0.0])
    return model


def pencil_losses() -> tuple[dict[str, float], float]:
    x, t = column(1, 2), column(1, -1)
    noise = Noise(semantic=column(1, 0), instance=column(0, -1), text=column(0.5, 0))
    terms, adversary = pencil_model().losses(Batch(x, x, t, t), noise, ramp=0.5)
    return {name: value.item() for name, value in vars(terms).items()}, adversary.item()


def test_terms_by_hand() -> None:
    """With x = (1, 2) and t = (1, -1) the latents are z_semantic (3, 4), z_instance (-1, -3), z_text (2, -1)."""
    terms, _ = pencil_losses()
    assert terms == pytest.approx(
        {
            # Decoded (2, 1) for (1, 2): half of 1 and of 1.
            "reconstruct_features": 0.5,
            # Decoded (6, -3) for (1, -1): half of 25 and of 4, mean 7.25.
            "reconstruct_text": 7.25,
            # Semantic half of (4, 16): 5. Instance half of (1, 4): 1.25. Text half of 1 + 4 - 1 - ln 4: 2 - ln 2.
            "kl": 0.5 * (2 * (5 + 1.25) + 3 * (2 - LN2)),
            # z_text + z_instance = (1, -4) for (1, 2): half of 0 and of 36, mean 9, weight 0.5.
            "cross_features": 4.5,
            # z_text = (2, -1) for (1, 2): half of 1 and of 9, mean 2.5, weight 1.
            "synthesis": 2.5,
            # 3 z_semantic = (9, 12) for (1, -1): half of 64 and of 169, mean 58.25, weight 0.5.
            "cross_text": 29.125,
            # Means (2, 4) and (1, -1), deviations 1 and 2: 1 + 1 and 25 + 1, mean 14, weight 2.
            "distribution_alignment": 28.0,
            # Logits: 3 - 2 = 1 and leaky 4 - 6 = -0.4, mean 0.3, ramp 0.5, weight 4.
            "total_correlation": 0.6,
        }
    )


def test_adversary_loss_by_hand() -> None:
    """Joint logits 1 and -0.4; shuffled pairs (3, -3), (4, -1) give leaky -3 = -0.6 and 2."""
    softplus = [math.log1p(math.exp(value)) for value in (-1, 0.4, -0.6, 2)]
    assert pencil_losses()[1] == pytest.approx(sum(softplus) / 2)
    joint, shuffled = column(1, -0.4), column(-0.6, 2)
    assert pencil_losses()[1] == pytest.approx(adversary_loss(joint, shuffled).item())


def test_noise_enters_the_encoders_and_not_the_targets() -> None:
    x, t, zeros = column(1, 2), column(1, -1), column(0, 0)
    model, noise = pencil_model(), Noise(zeros, zeros, zeros)
    terms, _ = model.losses(Batch(x + 1, x, t + 1, t), noise, ramp=1.0)
    # Encoders see (2, 3) and (2, 0): decoded x + 1 - with mean 2x - x - stays 1 off; 3 t = (6, 0) for (1, -1).
    assert terms.reconstruct_features.item() == pytest.approx(0.5)
    assert terms.reconstruct_text.item() == pytest.approx((25 + 1) / 4)


def test_sample_is_mean_plus_deviation_times_noise() -> None:
    posterior = Gaussian(column(1, 2), column(0, LN4))
    assert sample(posterior, column(3, -1)).flatten().tolist() == pytest.approx([4, 0])


def random_step(model: SADVAE, seed: int = 1) -> tuple[Batch, Noise]:
    generator = torch.Generator().manual_seed(seed)

    def draw(n: int) -> torch.Tensor:
        return torch.randn(model.n_models, 16, n, generator=generator)

    features, text = draw(6), draw(4)
    config = model.config
    return Batch(features, features, text, text), Noise(
        *map(draw, (config.latent_dim, config.instance_dim, config.latent_dim))
    )


def split_parameters(model: SADVAE) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    return model.vae_parameters(), list(model.discriminator.parameters())


def test_shapes_follow_the_symbol_table() -> None:
    model = SADVAE(6, 4, SMALL, generators(0, 1))
    batch, noise = random_step(model)
    semantic, instance = model.semantic_encoder(batch.features), model.instance_encoder(batch.features)
    assert semantic.mean.shape == model.text_encoder(batch.text).mean.shape == (2, 16, 3)
    assert instance.log_variance.shape == (2, 16, 2)
    assert model.decode_features(semantic.mean, instance.mean).shape == (2, 16, 6)
    terms, adversary = model.losses(batch, noise, ramp=1.0)
    assert {value.shape for value in (*vars(terms).values(), adversary)} == {(2,)}
    assert model.n_models == 2


def test_parameters_are_shared_out_between_the_two_players() -> None:
    model = SADVAE(6, 4, SMALL, generators(0))
    vae, adversary = split_parameters(model)
    assert len(vae) + len(adversary) == len(list(model.parameters())) and len(adversary) == 4
    assert not {id(p) for p in vae} & {id(p) for p in adversary}


def test_adversary_loss_reaches_only_the_adversary() -> None:
    model = SADVAE(6, 4, SMALL, generators(0, 1))
    model.losses(*random_step(model), ramp=1.0)[1].sum().backward()
    vae, adversary = split_parameters(model)
    assert all(p.grad is None for p in vae)
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in adversary)


def test_total_correlation_reaches_both_feature_encoders_and_no_text() -> None:
    model = SADVAE(6, 4, SMALL, generators(0))
    terms, _ = model.losses(*random_step(model), ramp=1.0)
    terms.total_correlation.sum().backward(inputs=model.vae_parameters())
    reached = {name.partition(".")[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {"semantic_encoder", "instance_encoder"}


def test_a_step_on_the_total_correlation_lowers_the_adversarys_logit() -> None:
    model = SADVAE(6, 4, SMALL, generators(0, 1))
    batch, noise = random_step(model)
    before = model.losses(batch, noise, ramp=1.0)[0].total_correlation
    before.sum().backward(inputs=model.vae_parameters())
    with torch.no_grad():
        for parameter in model.vae_parameters():
            if parameter.grad is not None:
                parameter -= 0.01 * parameter.grad
        after = model.losses(batch, noise, ramp=1.0)[0].total_correlation
    assert (after < before).all()


def test_ramp_weighs_kl_and_total_correlation_only() -> None:
    model = SADVAE(6, 4, SMALL, generators(0))
    step = random_step(model)
    none, half, full = (vars(model.losses(*step, ramp=ramp)[0]) for ramp in (0.0, 0.5, 1.0))
    for name in none:
        if name in ("kl", "total_correlation"):
            assert none[name].item() == 0 and half[name].item() == pytest.approx(full[name].item() / 2)
        else:
            assert torch.equal(none[name], full[name])
