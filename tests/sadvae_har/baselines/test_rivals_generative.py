"""Generative and contrastive rivals: they learn an easy problem, draw from their seed alone, their losses are right."""

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from sadvae_har.baselines import softmax
from sadvae_har.baselines.method import SeenData, balanced_batches
from sadvae_har.baselines.pair_network import PairNetwork
from sadvae_har.baselines.rivals import cada_vae, clswgan, sdgzsl, smie
from sadvae_har.method.losses import kl_divergence
from sadvae_har.method.networks import Gaussian

torch.set_num_threads(1)

LN2, LN4 = math.log(2), math.log(4)
N_SEEN, N_HELD_OUT, TEXT_DIM, FEATURE_DIM = 16, 5, 8, 24
RIVALS = pytest.mark.parametrize("rival", [cada_vae, clswgan, sdgzsl, smie], ids=lambda rival: rival.__name__[27:])


def problem(noise: float = 0.5) -> tuple[SeenData, np.ndarray, np.ndarray, np.ndarray]:
    """Features are a linear map of attributes plus noise; returns seen data, and features, labels, text held out."""
    rng = np.random.default_rng(0)
    text = rng.normal(size=(N_SEEN + N_HELD_OUT, TEXT_DIM)).astype(np.float32)
    to_features = rng.normal(size=(TEXT_DIM, FEATURE_DIM)) / math.sqrt(TEXT_DIM)
    labels, held_out = np.arange(640) % N_SEEN, np.arange(200) % N_HELD_OUT

    def features(of_text: np.ndarray) -> np.ndarray:
        clean = of_text @ to_features
        return (clean + noise * rng.normal(size=clean.shape)).astype(np.float32)

    seen = SeenData(features(text[:N_SEEN][labels]), labels, text[:N_SEEN])
    return seen, features(text[N_SEEN:][held_out]), held_out, text[N_SEEN:]


SEEN, FEATURES, LABELS, TEXT = problem()
FITTED: dict[tuple[str, int], Any] = {}


def fitted(rival: ModuleType, seed: int = 0) -> Any:
    """Return the first candidate fitted on the problem; fitted once for all tests."""
    key = (rival.__name__, seed)
    if key not in FITTED:
        FITTED[key] = rival.candidates()[0].fit(SEEN, seed)
    return FITTED[key]


@RIVALS
def test_held_out_classes_are_recognised(rival: ModuleType) -> None:
    accuracy = (fitted(rival).score(FEATURES, TEXT).argmax(1) == LABELS).mean()
    assert accuracy > 0.8  # chance is 0.2
    misled = (fitted(rival).score(FEATURES, np.roll(TEXT, 1, axis=0)).argmax(1) == LABELS).mean()
    assert misled < accuracy / 2  # texts of the wrong classes: it is the text that tells


@RIVALS
def test_scores_are_log_probabilities_of_any_number_of_classes(rival: ModuleType) -> None:
    every = np.concatenate([SEEN.text, TEXT])
    for text in (TEXT, TEXT[:2], every):
        scores = fitted(rival).score(FEATURES, text)
        assert scores.shape == (len(FEATURES), len(text))
        np.testing.assert_allclose(np.exp(scores).sum(1), 1, rtol=1e-4)
    # Seen and held-out classes side by side: seen windows are still found among all 21.
    found = fitted(rival).score(SEEN.features, every).argmax(1) == SEEN.labels
    assert found.mean() > 0.5


@RIVALS
def test_a_window_is_scored_by_itself(rival: ModuleType) -> None:
    together, alone = fitted(rival).score(FEATURES, TEXT)[7], fitted(rival).score(FEATURES[7:8], TEXT)[0]
    np.testing.assert_allclose(alone, together, rtol=1e-3, atol=1e-4)


@RIVALS
def test_same_seed_same_scores_other_seed_other(rival: ModuleType) -> None:
    first = fitted(rival).score(FEATURES, TEXT)
    np.testing.assert_array_equal(fitted(rival).score(FEATURES, TEXT), first)
    torch.manual_seed(99)
    np.random.seed(99)
    np.testing.assert_array_equal(rival.candidates()[0].fit(SEEN, 0).score(FEATURES, TEXT), first)
    assert np.abs(fitted(rival, 1).score(FEATURES, TEXT) - first).max() > 0.05


@RIVALS
def test_global_generators_and_inputs_are_left_as_they_are(rival: ModuleType) -> None:
    arrays = (SEEN.features, SEEN.labels, SEEN.text, FEATURES, TEXT)
    before = [array.copy() for array in arrays]
    of_torch, of_numpy = torch.get_rng_state(), np.random.get_state()
    rival.candidates()[0].fit(SEEN, 2).score(FEATURES, TEXT)
    assert torch.equal(torch.get_rng_state(), of_torch)
    np.testing.assert_array_equal(np.random.get_state()[1], of_numpy[1])
    assert np.random.get_state()[2] == of_numpy[2]
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@RIVALS
def test_candidates_are_few_and_differ(rival: ModuleType) -> None:
    settings = rival.candidates()
    assert 1 <= len(settings) <= 4
    assert len(set(settings)) == len(settings)


def test_classifier_of_samples_is_that_of_their_boundary() -> None:
    # Two classes at -1 and 1 on a line: log-odds vanish at 0 and have the sign of the query elsewhere.
    samples = torch.tensor([-1.0, 1.0])[:, None, None].expand(2, 10, 1)
    queries = torch.tensor([[-0.5], [0.0], [0.5]])
    scores = softmax.classify_by_samples(samples, queries, torch.Generator().manual_seed(0))
    odds = scores[:, 1] - scores[:, 0]
    assert odds[0] < -1 and odds[2] > 1
    assert abs(odds[1]) < 0.3


def test_balanced_batches_draw_every_class_equally_often() -> None:
    labels = np.repeat([0, 1, 2], [900, 90, 10])
    batches = balanced_batches(labels, n_steps=50, batch_size=60, seed=0)
    assert batches.shape == (50, 60)
    share = np.bincount(labels[batches.numpy().ravel()]) / 3000
    np.testing.assert_allclose(share, 1 / 3, atol=0.03)


def test_wasserstein_by_hand() -> None:
    # Means (0, 0) and (3, 4), deviations (1, 1) and (1, 2): √(9 + 16 + 1) = √26. The second pair is equal: 0.
    first = Gaussian(torch.tensor([[[0.0, 0.0], [1.0, 2.0]]]), torch.tensor([[[0.0, 0.0], [LN4, 0.0]]]))
    second = Gaussian(torch.tensor([[[3.0, 4.0], [1.0, 2.0]]]), torch.tensor([[[0.0, LN4], [LN4, 0.0]]]))
    assert cada_vae.wasserstein(first, second).item() == pytest.approx(math.sqrt(26) / 2, rel=1e-5)


def test_wasserstein_of_equal_gaussians_has_a_finite_gradient() -> None:
    mean, log_variance = torch.zeros(1, 3, 2, requires_grad=True), torch.zeros(1, 3, 2, requires_grad=True)
    cada_vae.wasserstein(Gaussian(mean, log_variance), Gaussian(torch.zeros(1, 3, 2), torch.zeros(1, 3, 2))).backward()
    assert mean.grad is not None and torch.isfinite(mean.grad).all()


def test_absolute_error_by_hand() -> None:
    # |1 - 0| + |-2 - 1| = 4 and 0: mean 2.
    predicted, target = torch.tensor([[[1.0, -2.0], [5.0, 5.0]]]), torch.tensor([[[0.0, 1.0], [5.0, 5.0]]])
    assert cada_vae.absolute_error(predicted, target).item() == 2.0


@pytest.mark.parametrize(
    ("progress", "share"), [(0.0, 0.0), (0.2, 0.0), (0.3, 0.25), (0.5, 0.75), (0.6, 1.0), (1.0, 1.0)]
)
def test_ramp(progress: float, share: float) -> None:
    assert cada_vae.ramp(progress, 0.2, 0.6) == pytest.approx(share)


def test_cada_vae_weights_ramp_from_reconstruction_to_all_terms() -> None:
    networks, rows = fitted(cada_vae).locate.__self__, torch.arange(32)
    features, text = torch.tensor(SEEN.features)[rows][None], torch.tensor(SEEN.text[SEEN.labels[:32]])[None]

    def loss(progress: float, kl: float, cross: float, alignment: float) -> float:
        config = cada_vae.CADAVAE(kl_weight=kl, cross_weight=cross, alignment_weight=alignment)
        return networks.loss(features, text, progress, config, torch.Generator().manual_seed(0)).item()

    of_features, of_text = networks.feature_encoder(features), networks.text_encoder(text)
    own = loss(0.0, 0.0, 0.0, 0.0)
    assert loss(0.0, 5.0, 5.0, 5.0) == own
    divergence = (kl_divergence(of_features) + kl_divergence(of_text)).item()
    assert loss(1.0, 2.0, 0.0, 0.0) - own == pytest.approx(2 * divergence, rel=1e-3)
    distance = cada_vae.wasserstein(of_features, of_text).item()
    assert loss(0.14, 0.0, 5.0, 2.0) - own == pytest.approx(distance, rel=1e-3)  # half of its ramp, cross not begun
    assert loss(1.0, 0.0, 1.0, 0.0) > 1.5 * own  # the other's latent restores too, but no better


def test_cada_vae_latents_fill_the_space(monkeypatch: pytest.MonkeyPatch) -> None:
    # One number drawn per sample, as in the published code, would put the latents of a class on a line (rank 1).
    seen_by_classifier: list[torch.Tensor] = []

    def record(samples: torch.Tensor, queries: torch.Tensor, generator: torch.Generator) -> np.ndarray:
        seen_by_classifier.append(samples)
        return np.zeros((len(queries), len(samples)))

    monkeypatch.setattr(softmax, "classify_by_samples", record)
    fitted(cada_vae).score(FEATURES, TEXT)
    config = cada_vae.candidates()[0]
    assert seen_by_classifier[0].shape == (N_HELD_OUT, config.samples_per_class, config.latent_dim)
    for samples in seen_by_classifier[0]:
        rank = torch.linalg.matrix_rank(samples - samples.mean(0), rtol=1e-4)
        assert rank == min(config.samples_per_class - 1, config.latent_dim)


@pytest.mark.parametrize(("norm", "penalty"), [(1.0, 0.0), (3.0, 4.0), (0.5, 0.25)])
def test_gradient_penalty_of_a_linear_critic_by_hand(norm: float, penalty: float) -> None:
    # The gradient of w·x is w everywhere: (‖w‖ - 1)².
    weights = torch.tensor([0.6, 0.8, 0.0]) * norm
    real, generated = torch.randn(2, 1, 7, 3, generator=torch.Generator().manual_seed(0))
    share = torch.linspace(0, 1, 7).view(1, 7, 1)
    value = clswgan.gradient_penalty(lambda x: x @ weights[:, None], real, generated, share)
    assert value.item() == pytest.approx(penalty, abs=1e-5)


def test_gradient_penalty_is_taken_between_real_and_generated() -> None:
    # The gradient of ½‖x‖² is x; at 0.25 · (4, 0) + 0.75 · (0, 0) = (1, 0) its norm is 1: no penalty.
    real, generated = torch.tensor([[[4.0, 0.0]]]), torch.zeros(1, 1, 2)

    def critic(x: torch.Tensor) -> torch.Tensor:
        return 0.5 * x.square().sum(-1, keepdim=True)

    assert clswgan.gradient_penalty(critic, real, generated, torch.tensor([[[0.25]]])).item() == pytest.approx(0.0)
    assert clswgan.gradient_penalty(critic, real, generated, torch.tensor([[[1.0]]])).item() == pytest.approx(9.0)


def test_gradient_penalty_trains_the_critic() -> None:
    # d/dw (‖w‖ - 1)² = 2 (‖w‖ - 1) w / ‖w‖: for w = (3, 4) that is 8 · (0.6, 0.8).
    weights = torch.tensor([3.0, 4.0], requires_grad=True)
    real, generated = torch.ones(1, 5, 2), torch.zeros(1, 5, 2)
    clswgan.gradient_penalty(lambda x: x @ weights[:, None], real, generated, torch.full((1, 5, 1), 0.5)).backward()
    assert weights.grad is not None
    assert weights.grad.tolist() == pytest.approx([4.8, 6.4])


def test_critic_learns_to_tell_real_from_generated() -> None:
    random = torch.Generator().manual_seed(0)
    networks = clswgan.ConditionalGAN(3, 2, clswgan.CLSWGAN(noise_dim=2, hidden_dim=8), random)
    optimiser = torch.optim.Adam(networks.critic.parameters(), lr=1e-2)
    real, text = torch.full((1, 64, 3), 2.0), torch.ones(1, 64, 2)
    for _ in range(100):
        loss = networks.critic_loss(real, text, 10.0, random)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    generated = networks.generate(text, random)
    gap = (networks.value(real, text).mean() - networks.value(generated, text).mean()).item()
    # The critic has slope 1 at most, so the gap approaches the distance of the two clouds from below.
    assert 0.5 < gap / (real - generated).norm(dim=-1).mean().item() < 1.2
    assert all(parameter.grad is None for parameter in networks.generator.parameters())


def test_relation_loss_by_hand() -> None:
    # Class 0: (0.5 - 1)² + 0.5² = 0.5. Class 1: 0² + (1 - 1)² = 0. Mean 0.25.
    relations = torch.tensor([[[0.5, 0.5], [0.0, 1.0]]])
    assert sdgzsl.relation_loss(relations, torch.tensor([0, 1])).item() == 0.25


def test_pair_network_is_one_layer_over_the_pair() -> None:
    network = PairNetwork(3, 4, (6, 0), torch.Generator().manual_seed(0)).requires_grad_(False)
    random = torch.Generator().manual_seed(1)
    vectors, text = torch.randn(1, 5, 3, generator=random), torch.randn(1, 2, 4, generator=random)
    weight = torch.cat([network.of_vector.weight[0], network.of_text.weight[0]])
    bias = network.of_vector.bias[0] + network.of_text.bias[0]
    hidden = torch.nn.functional.leaky_relu(torch.cat([vectors[0, 3], text[0, 1]]) @ weight + bias, 0.2)
    expected = network.head(hidden[None]).item()
    scores = network(vectors, text)
    assert scores.shape == (1, 5, 2)
    assert scores[0, 3, 1].item() == pytest.approx(expected, rel=1e-5)


def sdgzsl_loss(config: sdgzsl.SDGZSL, adversary_bias: float = 0.0) -> float:
    """Return the loss of new networks whose relations are all 0.5 and whose adversary says `adversary_bias`."""
    networks = sdgzsl.DisentanglingVAE(FEATURE_DIM, TEXT_DIM, config, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for layer in (networks.relation.head[-1], networks.adversary[-1]):
            layer.weight.zero_()
            layer.bias.zero_()
        networks.adversary[-1].bias.add_(adversary_bias)
    batch = torch.tensor(SEEN.features[:32])[None], torch.tensor(SEEN.labels[:32]), torch.tensor(SEEN.text)[None]
    loss, parts = networks.loss(*batch, torch.Generator().manual_seed(1))
    assert parts.shape == (1, 32, config.consistent_dim + config.unrelated_dim)
    return loss.item()


def test_sdgzsl_terms_have_their_weights_and_signs() -> None:
    plain = sdgzsl_loss(sdgzsl.SDGZSL(relation_weight=0.0, correlation_weight=0.0))
    # Relations of 0.5 with each of 16 classes: 16 x 0.25 = 4.
    related = sdgzsl_loss(sdgzsl.SDGZSL(relation_weight=2.0, correlation_weight=0.0))
    assert related - plain == pytest.approx(8.0, rel=1e-3)
    # An adversary that says 3 everywhere estimates a dependence of 3, which the networks are to lower.
    dependent = sdgzsl_loss(sdgzsl.SDGZSL(relation_weight=0.0, correlation_weight=0.5), adversary_bias=3.0)
    assert dependent - plain == pytest.approx(1.5, rel=1e-3)


def test_sdgzsl_adversary_finds_dependence_and_only_that() -> None:
    def last_loss(dependent: bool) -> float:
        random = torch.Generator().manual_seed(0)
        networks = sdgzsl.DisentanglingVAE(3, 2, sdgzsl.SDGZSL(consistent_dim=2, unrelated_dim=2), random)
        consistent, other = torch.randn(2, 1, 512, 2, generator=random)
        parts = torch.cat([consistent, consistent if dependent else other], -1)
        optimiser = torch.optim.Adam(networks.adversary.parameters(), lr=1e-2)
        for _ in range(60):
            loss = networks.adversary_loss(parts, random)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return loss.item()

    assert last_loss(dependent=True) < 0.8
    assert last_loss(dependent=False) == pytest.approx(2 * LN2, abs=0.1)


def test_jensen_shannon_bound_by_hand() -> None:
    # Zero logits know nothing: -2 ln 2. Logit ln 3 on joint pairs, -ln 3 on others: 2 ln(3/4).
    assert smie.jensen_shannon_bound(torch.zeros(5), torch.zeros(5, 7)).item() == pytest.approx(-2 * LN2)
    known = smie.jensen_shannon_bound(torch.full((4,), math.log(3)), torch.full((4, 2), -math.log(3)))
    assert known.item() == pytest.approx(2 * math.log(0.75))
    certain = smie.jensen_shannon_bound(torch.full((4,), 50.0), torch.full((4, 2), -50.0))
    assert certain.item() == pytest.approx(0.0, abs=1e-6)


def test_smie_scores_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(smie).score(FEATURES, TEXT)
    monkeypatch.setattr(smie, "SCORE_ROWS", 33)
    np.testing.assert_allclose(fitted(smie).score(FEATURES, TEXT), whole, rtol=1e-4, atol=1e-5)


def test_smie_learns_the_log_density_ratio() -> None:
    # Three classes told apart with certainty: the ratio of joint to product density is 3, and the logit ln 3 = 1.10
    # of the own class is the best answer to one joint pair against a third of the product pairs.
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    text = (4 * np.eye(3)).astype(np.float32)
    features = (text[labels] + 0.1 * rng.normal(size=(300, 3))).astype(np.float32)
    network = (
        smie.SMIE(learning_rate=1e-2, weight_decay=0.0, n_steps=500).fit(SeenData(features, labels, text), 0).network
    )
    logits = network(torch.tensor(features)[None], torch.tensor(text)[None])[0].numpy()
    own = logits[np.arange(300), labels]
    assert own.mean() == pytest.approx(math.log(3), abs=0.1)
    assert np.sort(logits, axis=1)[:, :2].max() < -3
