"""The published recipe: its quirks are there, its numbers are right, and it learns an easy problem."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_problem import SPLIT, tiny_problem

from feature_extraction.errors import InputError, LeakageError
from sadvae_har.baselines.method import SeenData
from sadvae_har.baselines.reference import networks
from sadvae_har.baselines.reference.recipe import (
    ReferenceConfig,
    load_reference_config,
    run_reference,
    score_reference,
    train_reference,
)
from sadvae_har.config.files import CONFIGS_FOLDER

SMALL = ReferenceConfig(
    latent_dim=16,
    instance_dim=4,
    learning_rate=3e-3,
    adversary_every=2,
    n_cycles=4,
    passes_per_cycle=2,
    samples_per_class=50,
    classifier_steps=200,
    classifier_learning_rate=1e-2,
)
REFERENCE_FILES = sorted((CONFIGS_FOLDER).glob("reference_*.yaml"))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


EasyProblem = tuple[SeenData, np.ndarray, np.ndarray, np.ndarray]


def easy_problem(seed: int = 0) -> EasyProblem:
    """Features are a linear map of the text plus noise; 12 seen and 3 unseen classes, 4 hidden factors.

    Returns:
        Seen data, and of the unseen classes their texts, test windows and labels.
    """
    rng = np.random.default_rng(seed)
    text = rng.normal(size=(15, 4)) @ rng.normal(size=(4, 20))
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    to_features = rng.normal(size=(20, 30))
    labels, test_labels = np.arange(600) % 12, np.arange(150) % 3
    features = text[labels] @ to_features + 0.2 * rng.normal(size=(600, 30))
    test_features = text[12 + test_labels] @ to_features + 0.2 * rng.normal(size=(150, 30))
    return SeenData(features, labels, text[:12]), text[12:], test_features, test_labels


def train(problem: EasyProblem, config: ReferenceConfig = SMALL, seed: int = 0) -> np.ndarray:
    return train_reference(*problem[:3], config, seed)


@pytest.fixture(scope="module")
def problem() -> EasyProblem:
    return easy_problem()


@pytest.fixture(scope="module")
def predictions(problem: EasyProblem) -> np.ndarray:
    return train(problem)


def test_easy_problem_is_solved_above_chance(problem: EasyProblem, predictions: np.ndarray) -> None:
    assert predictions.shape == (4, 150) and predictions.dtype == np.int64
    rows = score_reference(predictions, problem[3])
    assert rows["last_cycle"]["per_class_top1"] > 0.6  # chance is 1/3
    assert rows["last_cycle"]["per_class_top1"] == rows["last_cycle"]["per_class_top1_by_cycle"][-1]
    assert rows["oracle"]["accuracy"] >= rows["last_cycle"]["accuracy"]


def test_same_seed_same_result_other_seed_other(problem: EasyProblem, predictions: np.ndarray) -> None:
    torch.manual_seed(99)
    np.testing.assert_array_equal(train(problem), predictions)
    assert not np.array_equal(train(problem, seed=1), predictions)


def test_global_generator_is_not_touched(problem: EasyProblem) -> None:
    before = torch.get_rng_state()
    train(problem, replace(SMALL, n_cycles=1, passes_per_cycle=1))
    assert torch.equal(before, torch.get_rng_state())


def test_a_problem_is_learned_from_train_windows_of_seen_classes_alone() -> None:
    solved = tiny_problem()
    found = run_reference(solved, SMALL, seed=0)
    assert len(found["last_cycle"]["per_class_top1_by_cycle"]) == SMALL.n_cycles
    final = solved.folds[0]
    tested = solved.windows(final.held_out, SPLIT.test_subjects)
    features = final.features.clone()
    features[np.setdiff1d(np.arange(len(features)), np.concatenate([final.rows, tested]))] = torch.nan
    blind = replace(solved, folds=(replace(final, features=features), *solved.folds[1:]))
    assert run_reference(blind, SMALL, seed=0) == found
    leaking = replace(final, rows=solved.windows(final.train, SPLIT.test_subjects))
    with pytest.raises(LeakageError, match="reference recipe"):
        run_reference(replace(solved, folds=(leaking, *solved.folds[1:])), SMALL, seed=0)


def test_oracle_is_picked_on_test_labels() -> None:
    labels = np.array([0, 0, 0, 1])
    cycles = np.array([[0, 0, 0, 0], [1, 0, 0, 1], [1, 1, 1, 1]])
    rows = score_reference(cycles, labels)
    # Cycles 1 and 2 tie in accuracy; the first wins although cycle 2 is better per class.
    assert rows["oracle"] == {"per_class_top1": 0.5, "accuracy": 0.75, "cycle": 1}
    assert rows["last_cycle"]["per_class_top1_by_cycle"] == pytest.approx([0.5, 5 / 6, 0.5])
    assert rows["last_cycle"]["accuracy"] == 0.25


def test_scalar_noise_puts_samples_on_a_line() -> None:
    mean, log_variance = torch.randn(1, 8, generator=generator(1)), torch.randn(1, 8, generator=generator(2))
    posterior = networks.Gaussian(mean.expand(200, -1), log_variance.expand(200, -1))
    samples = networks.sample_on_a_line(posterior, generator()) - mean
    assert torch.linalg.matrix_rank(samples, rtol=1e-5) == 1
    torch.testing.assert_close(samples.std(0), (0.5 * log_variance[0]).exp(), rtol=0.15, atol=0)


def test_decoders_and_classifier_never_go_negative() -> None:
    layer = networks.LinearReLU(8, 50, generator())
    outputs = layer(torch.randn(100, 8, generator=generator(1)))
    assert outputs.min() == 0
    assert outputs.max() > 0
    model = networks.ReferenceNetworks(6, 5, 4, 2, generator())
    assert all(isinstance(part, networks.LinearReLU) for part in (model.feature_decoder, model.text_decoder))


def test_kl_by_hand() -> None:
    # Per dimension (m² + e^v - 1 - v) / 2: 0.5 for (1, 0), (3 - ln 4) / 2 for (0, ln 4); the second is prior.
    posterior = networks.Gaussian(
        torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, math.log(4)], [0.0, 0.0]])
    )
    expected = (0.5 + (3 - math.log(4)) / 2) / 2
    assert networks.kl_divergence(posterior).item() == pytest.approx(expected)


def test_kl_grows_with_dimensions_while_squared_error_does_not() -> None:
    ones = networks.Gaussian(torch.ones(3, 10), torch.zeros(3, 10))
    assert networks.kl_divergence(ones).item() == pytest.approx(5.0)
    assert networks.kl_divergence(networks.Gaussian(torch.ones(3, 5), torch.zeros(3, 5))).item() == pytest.approx(2.5)
    model = networks.ReferenceNetworks(6, 5, 4, 2, generator())
    torch.nn.init.zeros_(model.feature_decoder.affine.weight)
    features, text = torch.full((3, 6), 2.0), torch.zeros(3, 5)
    terms = model.terms(features, text, model.encode(features, text), generator())
    assert terms.reconstruct_features.item() == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("step", "cycle", "expected"),
    [
        (0, 5, (0.0, 0.0, 0.0)),
        (1000, 5, (0.0, 0.0, 0.0)),
        (1300, 5, (0.01, 0.0, 0.0)),
        (1360, 5, (0.012, 0.0, 0.0)),
        (1390, 5, (0.013, 0.001, 1.0)),
        (1390, 1, (0.013, 0.0, 1.0)),
        (1390, 2, (0.013, 0.001, 1.0)),
    ],
)
def test_weights_inside_a_cycle(step: int, cycle: int, expected: tuple[float, float, float]) -> None:
    assert networks.weights_at(step, 1700, cycle) == pytest.approx(expected)


def test_total_uses_the_weights_and_minimises_the_adversarys_mean() -> None:
    terms = networks.ReferenceTerms(*(torch.tensor(float(10**i)) for i in range(7)))
    total = terms.total(networks.Weights(2.0, 3.0, 0.5)).item()
    assert total == pytest.approx(1 + 10 + 2 * 100 + 3 * (1_000 + 1_000_000) + 0.5 * (10_000 + 100_000))


def test_adversary_gradient_reaches_only_the_adversary() -> None:
    model = networks.ReferenceNetworks(6, 5, 4, 2, generator())
    features, text = torch.randn(8, 6, generator=generator(1)), torch.randn(8, 5, generator=generator(2))
    loss = model.adversary_loss(model.encode(features, text), generator())
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2), abs=0.2)
    assert all(parameter.grad is None for parameter in model.vae_parameters())
    gradients = [parameter.grad for parameter in model.discriminator.parameters()]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)


def test_total_correlation_is_the_mean_probability() -> None:
    model = networks.ReferenceNetworks(6, 5, 4, 2, generator())
    last = model.discriminator[2]
    assert isinstance(last, torch.nn.Linear)
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.constant_(last.bias, math.log(3))
    features, text = torch.zeros(3, 6), torch.zeros(3, 5)
    terms = model.terms(features, text, model.encode(features, text), generator())
    assert terms.total_correlation.item() == pytest.approx(0.75)


@pytest.mark.parametrize("path", REFERENCE_FILES, ids=lambda path: path.stem)
def test_shipped_yaml_parses(path: Path) -> None:
    config = load_reference_config(path)
    assert (config.n_cycles, config.samples_per_class, config.classifier_steps) == (10, 500, 300)


def test_shipped_yaml_has_the_published_settings() -> None:
    expected = {
        "reference_ntu60": (160, 8, 3.4e-5, 5),
        "reference_ntu120": (256, 32, 3.5e-5, 4),
        "reference_ntu60_random": (224, 16, 3.6e-5, 7),
        "reference_pku": (128, 16, 3.1e-5, 2),
        "reference_har": (160, 8, 1e-3, 5),
    }
    assert {path.stem for path in REFERENCE_FILES} == set(expected)
    for path in REFERENCE_FILES:
        config = load_reference_config(path)
        latent_dim, instance_dim, learning_rate, every = expected[path.stem]
        assert (config.latent_dim, config.instance_dim, config.adversary_every) == (
            latent_dim,
            instance_dim,
            every,
        )
        assert config.learning_rate == pytest.approx(learning_rate, rel=0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latent_dim: 4\nlatent_size: 5\n", "unknown key latent_size"),
        ("latent_dim: 4\n", "missing key instance_dim, learning_rate, adversary_every"),
        (
            "latent_dim: 4\ninstance_dim: 9\nlearning_rate: 0.1\nadversary_every: 1\n",
            "smaller than latent_dim",
        ),
        ("latent_dim: 4\ninstance_dim: 4\nlearning_rate: 0.1\nadversary_every: 1\n", "instance_dim: 4 must be smaller"),
        (
            "latent_dim: 4\ninstance_dim: 2\nlearning_rate: 1e-3\nadversary_every: 1\n",
            "learning_rate: '1e-3'",
        ),
        ("latent_dim: 4.5\ninstance_dim: 2\nlearning_rate: 0.1\nadversary_every: 1\n", "latent_dim: 4.5"),
        ("latent_dim: 4\ninstance_dim: 2\nlearning_rate: 0.1\nadversary_every: 0\n", "adversary_every: 0"),
        ("- 1\n", "found list"),
        ("a: [\n", "not readable as YAML"),
    ],
)
def test_bad_yaml_names_file_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_reference_config(path)
    assert str(path) in str(caught.value)


def test_missing_yaml(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_reference_config(tmp_path / "none.yaml")
