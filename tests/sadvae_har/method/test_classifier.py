import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from synthetic_problem import generators

from sadvae_har.config.settings import ClassifierConfig
from sadvae_har.method.classifier import (
    COSINE_SCALE,
    ClassDensities,
    cosine_logits,
    fit_softmax,
    mean_directions,
    softmax_logits,
)

COSINE = ClassifierConfig(kind="cosine")
GAUSSIAN = ClassifierConfig(kind="gaussian", shrinkage=0.01)
SOFTMAX = ClassifierConfig(kind="softmax", n_steps=150, learning_rate=5e-2)


def clusters(seed: int = 0, n: int = 30) -> torch.Tensor:
    """Return samples [2, 3, n, 4] of three classes far apart, for two models."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.eye(3, 4).expand(2, -1, -1) * 3
    return centres[:, :, None] + 0.3 * torch.randn(2, 3, n, 4, generator=generator)


def classify(
    samples: torch.Tensor, queries: torch.Tensor, config: ClassifierConfig, seeds: tuple[int, ...] = (0, 1)
) -> torch.Tensor:
    """Return logits [K, B, U] of queries [K, B, D] against classes that samples [K, U, n, D] stand for."""
    classes = samples.unbind(1)
    if config.kind == "softmax":
        return softmax_logits(classes, queries, config, generators(*seeds))
    if config.kind == "cosine":
        return cosine_logits(torch.cat([mean_directions(entry) for entry in classes], dim=1), queries)
    parts = [ClassDensities.fit(entry, config.shrinkage) for entry in classes]
    return ClassDensities(*(torch.cat(part, dim=1) for part in zip(*parts, strict=True))).logits(queries)


def test_cosine_logits_by_hand() -> None:
    synthesised = torch.tensor(
        [[[[3.0, 0.0], [0.0, 5.0]], [[-1.0, 0.0], [-2.0, 0.0]]]]
    )  # directions (1, 1)/√2, (-1, 0)
    queries = torch.tensor([[[2.0, 2.0], [-7.0, 0.0]]])
    expected = torch.tensor([[[1.0, -(0.5**0.5)], [-(0.5**0.5), 1.0]]]) * COSINE_SCALE
    assert torch.allclose(classify(synthesised, queries, COSINE), expected, atol=1e-6)


def test_gaussian_logits_by_hand() -> None:
    # Means (2, 0) and (-2, 0), variances (1, 0) and (3, 0), and √2 · √½ = 1 more everywhere: (2, 1) and (4, 1).
    root = 3**0.5
    synthesised = torch.tensor([[[[3.0, 0.0], [1.0, 0.0]], [[-2 + root, 0.0], [-2 - root, 0.0]]]])
    queries = torch.tensor([[[0.0, 5.0], [2.0, 0.0]]])
    logits = classify(synthesised, queries, replace(GAUSSIAN, shrinkage=0.5**0.5))
    expected = [[-0.5 * (4 / 2 + 25 + math.log(2)), -0.5 * (4 / 4 + 25 + math.log(4))]]
    expected += [[-0.5 * math.log(2), -0.5 * (16 / 4 + math.log(4))]]
    assert logits[0].tolist() == [pytest.approx(row, rel=1e-4) for row in expected]


def test_gaussian_agrees_with_scipy() -> None:
    samples, queries = clusters(), clusters(seed=1).flatten(1, 2)
    logits = classify(samples, queries, GAUSSIAN)
    for k in range(2):
        for c in range(3):
            points = samples[k, c].numpy().astype(np.float64)
            covariance = np.cov(points.T, bias=True) + 0.01 * 2 * np.eye(4)
            expected = multivariate_normal(points.mean(0), covariance).logpdf(queries[k].numpy())
            assert logits[k, :, c].numpy() + math.log(2 * math.pi) * -2 == pytest.approx(expected, rel=1e-3, abs=1e-2)


def test_wider_samples_claim_windows_far_away() -> None:
    near, far = torch.tensor([[[0.5, 0.0, 0.0, 0.0]]]), torch.tensor([[[6.0, 0.0, 0.0, 0.0]]])
    noise = torch.randn(1, 1, 500, 4, generator=torch.Generator().manual_seed(0))
    both = torch.cat([0.5 * noise, 3 * noise], dim=1)
    assert classify(both, near, GAUSSIAN).argmax(-1).item() == 0
    assert classify(both, far, GAUSSIAN).argmax(-1).item() == 1


def test_cosine_ignores_lengths() -> None:
    samples = clusters()
    queries = samples[:, :, 0]
    logits = classify(samples, queries, COSINE)
    assert torch.allclose(classify(3 * samples, 0.1 * queries, COSINE), logits, atol=1e-5)


@pytest.mark.parametrize("config", [COSINE, SOFTMAX, GAUSSIAN], ids=["cosine", "softmax", "gaussian"])
def test_classes_far_apart_are_told_apart(config: ClassifierConfig) -> None:
    queries = clusters(seed=1)
    logits = classify(clusters(), queries.flatten(1, 2), config)
    assert logits.argmax(-1).unflatten(1, (3, 30)).tolist() == [[[c] * 30 for c in range(3)]] * 2


@pytest.mark.parametrize("config", [COSINE, SOFTMAX, GAUSSIAN], ids=["cosine", "softmax", "gaussian"])
def test_models_never_mix(config: ClassifierConfig) -> None:
    samples, queries = clusters(), clusters(seed=1).flatten(1, 2)
    both = classify(samples, queries, config)
    alone = classify(samples[1:], queries[1:], config, (1,))
    assert torch.allclose(both[1:], alone, atol=1e-3)


def test_order_of_classes_is_the_order_of_columns() -> None:
    samples, queries = clusters(), clusters(seed=1).flatten(1, 2)
    logits = classify(samples, queries, COSINE)
    assert torch.allclose(classify(samples.flip(1), queries, COSINE), logits.flip(-1), atol=1e-5)


def test_softmax_fits_a_known_log_odds() -> None:
    """Class 1 in three of four windows, nothing to read: the logits differ by ln 3."""
    inputs, targets = torch.zeros(1, 4, 2), torch.tensor([[1, 1, 1, 0]])
    config = replace(SOFTMAX, n_steps=400, weight_decay=0.0)
    layer = fit_softmax(lambda: (inputs, targets), 2, config, generators(0))
    assert (layer.bias[0, 0, 1] - layer.bias[0, 0, 0]).item() == pytest.approx(1.0986, abs=1e-2)
    assert not any(parameter.requires_grad for parameter in layer.parameters())


def test_weight_decay_holds_the_weights_down() -> None:
    inputs, targets = clusters().flatten(1, 2), torch.arange(3).repeat_interleave(30).expand(2, -1)
    lengths = [
        fit_softmax(lambda: (inputs, targets), 3, replace(SOFTMAX, weight_decay=decay), generators(0, 1)).weight.norm()
        for decay in (0.0, 1e-3, 1.0)
    ]
    assert lengths[0] > lengths[1] > 1.2 * lengths[2]


def test_same_seed_same_classifier_other_seed_other_classifier() -> None:
    samples, queries = clusters(), clusters(seed=1).flatten(1, 2)
    config = replace(SOFTMAX, n_steps=3)
    first, again, other = (classify(samples, queries, config, seeds) for seeds in ((0, 1), (0, 1), (0, 2)))
    assert torch.equal(first, again)
    assert not torch.allclose(first[1], other[1])
