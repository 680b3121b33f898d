"""Loss values against numbers computed by hand, gradients against finite differences."""

import math

import pytest
import torch
from synthetic_problem import generators
from torch.distributions import Normal
from torch.distributions import kl_divergence as torch_kl

from sadvae_har.method.losses import (
    LossTerms,
    adversary_loss,
    kl_divergence,
    squared_error,
    total_correlation,
    wasserstein_squared,
)
from sadvae_har.method.networks import Gaussian, stacked_mlp

LN2, LN3, LN4 = math.log(2), math.log(3), math.log(4)


def random_posterior(seed: int = 0, dtype: torch.dtype = torch.float64) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    mean, log_variance = torch.randn(2, 3, 5, 4, generator=generator, dtype=dtype)
    return Gaussian(mean, log_variance)


def test_squared_error_by_hand() -> None:
    predicted = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[1.0, 1.0], [2.0, 2.0]]])
    target = torch.tensor([[[0.0, 0.0], [0.0, 3.0]], [[1.0, 1.0], [2.0, 0.0]]])
    # Model 0: half of (1 + 4) and of 9, mean 3.5. Model 1: half of 0 and of 4, mean 1.
    assert squared_error(predicted, target).tolist() == [3.5, 1.0]


def test_kl_by_hand() -> None:
    # First window: mean (1, -2), variance (1, 4): half of (1 + 1 - 1 - 0) + (4 + 4 - 1 - ln 4) = 4 - ln 2.
    # Second window: standard normal, 0. Mean over the two: 2 - ln(2) / 2 = 1.653426.
    posterior = Gaussian(torch.tensor([[[1.0, -2.0], [0.0, 0.0]]]), torch.tensor([[[0.0, LN4], [0.0, 0.0]]]))
    assert kl_divergence(posterior).tolist() == pytest.approx([2 - LN2 / 2])
    assert kl_divergence(posterior).item() == pytest.approx(1.653426)


def test_kl_is_zero_for_the_standard_normal_and_positive_elsewhere() -> None:
    zeros = torch.zeros(3, 5, 4)
    assert kl_divergence(Gaussian(zeros, zeros)).tolist() == [0, 0, 0]
    for seed in range(20):
        assert (kl_divergence(random_posterior(seed)) > 0).all()
    for change in (1e-2, -1e-2):
        assert (kl_divergence(Gaussian(zeros + change, zeros)) > 0).all()
        assert (kl_divergence(Gaussian(zeros, zeros + change)) > 0).all()


def test_kl_agrees_with_an_independent_implementation() -> None:
    mean, log_variance = posterior = random_posterior()
    expected = torch_kl(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(-1).mean(-1)
    assert torch.allclose(kl_divergence(posterior), expected)


@pytest.mark.parametrize("which", [0, 1], ids=["mean", "log_variance"])
def test_kl_gradient_agrees_with_finite_differences(which: int) -> None:
    parts = [part.clone() for part in random_posterior()]
    parts[which].requires_grad_(True)
    kl_divergence(Gaussian(*parts)).sum().backward()
    gradient, small = parts[which].grad, 1e-6
    assert gradient is not None
    with torch.no_grad():
        for index in [(0, 0, 0), (1, 4, 2), (2, 3, 3)]:
            values = []
            for sign in (1, -1):
                moved = [part.clone() for part in parts]
                moved[which][index] += sign * small
                values.append(kl_divergence(Gaussian(*moved)).sum().item())
            assert gradient[index].item() == pytest.approx((values[0] - values[1]) / (2 * small), rel=1e-5)


def test_wasserstein_by_hand() -> None:
    # Means (0, 0) and (3, 4), deviations (1, 1) and (2, 1): 9 + 16 + (1 - 2)² = 26. The second pair is equal.
    first = Gaussian(torch.tensor([[[0.0, 0.0], [1.0, 1.0]]]), torch.tensor([[[0.0, 0.0], [LN4, 0.0]]]))
    second = Gaussian(torch.tensor([[[3.0, 4.0], [1.0, 1.0]]]), torch.tensor([[[LN4, 0.0], [LN4, 0.0]]]))
    assert wasserstein_squared(first, second).tolist() == pytest.approx([13.0])
    assert torch.equal(wasserstein_squared(first, second), wasserstein_squared(second, first))
    assert wasserstein_squared(first, first).tolist() == [0.0]


def test_adversary_loss_by_hand() -> None:
    # An undecided adversary pays 2 ln 2; logits ±ln 3 are right with probability 3/4, so it pays 2 ln(4/3).
    joint, shuffled = torch.tensor([[[0.0], [LN3]]]), torch.tensor([[[0.0], [-LN3]]])
    assert adversary_loss(joint, shuffled).tolist() == pytest.approx([LN2 + math.log(4 / 3)])
    assert adversary_loss(shuffled, joint) > adversary_loss(joint, shuffled)


def test_adversary_loss_of_a_certain_adversary_stays_finite() -> None:
    sure = torch.full((1, 2, 1), 1e4)
    assert adversary_loss(sure, -sure).tolist() == [0.0]
    assert adversary_loss(-sure, sure).tolist() == [2e4]


def test_total_correlation_is_the_mean_logit_per_model() -> None:
    assert total_correlation(torch.tensor([[[1.0], [3.0]], [[-1.0], [0.0]]])).tolist() == [2.0, -0.5]


def test_total_sums_the_terms_per_model() -> None:
    terms = LossTerms(*(torch.tensor([1.0, 10.0]) * (i + 1) for i in range(8)))
    assert terms.total().tolist() == [36.0, 360.0]


def test_every_loss_averages_over_the_batch() -> None:
    first, second = random_posterior(0), random_posterior(1)
    twice = [Gaussian(*(torch.cat([part, part], dim=1) for part in p)) for p in (first, second)]
    assert torch.allclose(kl_divergence(first), kl_divergence(twice[0]))
    assert torch.allclose(wasserstein_squared(first, second), wasserstein_squared(*twice))
    assert torch.allclose(squared_error(first.mean, second.mean), squared_error(twice[0].mean, twice[1].mean))
    logits = [p.mean[..., :1] for p in (first, second, *twice)]
    assert torch.allclose(adversary_loss(logits[0], logits[1]), adversary_loss(logits[2], logits[3]))


def test_trained_adversary_recovers_the_density_ratio_of_a_gaussian_pair() -> None:
    """Two standard normals of correlation 0.8 share -ln(1 - 0.8²) / 2 = 0.511 nats."""
    rho, generator = 0.8, torch.Generator().manual_seed(0)

    def draw(n: int) -> torch.Tensor:
        a, b = torch.randn(2, 1, n, 1, generator=generator)
        return torch.cat([a, rho * a + math.sqrt(1 - rho**2) * b], dim=-1)

    network = stacked_mlp(2, 48, 1, generators(1))
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(500):
        joint = draw(512)
        shuffled = torch.cat([joint[..., :1], joint[..., 1:].roll(1, dims=1)], dim=-1)
        loss = adversary_loss(network(joint), network(shuffled)).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    fresh = draw(4000)
    x, y = fresh[0].T
    true = -math.log(1 - rho**2) / 2 - (rho**2 * (x**2 + y**2) - 2 * rho * x * y) / (2 * (1 - rho**2))
    with torch.no_grad():
        logits = network(fresh)
    assert total_correlation(logits).item() == pytest.approx(-math.log(1 - rho**2) / 2, abs=0.1)
    assert torch.corrcoef(torch.stack([logits.flatten(), true]))[0, 1] > 0.9
    independent = torch.randn(1, 4000, 2, generator=generator)
    with torch.no_grad():
        assert total_correlation(network(independent)).item() < 0
