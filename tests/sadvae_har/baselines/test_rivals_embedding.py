"""Embedding-type rivals: equations they must satisfy, what they must recognise, and what they must not touch.

Axis legend: see `sadvae_har/baselines/method.py`.
"""

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import solve_sylvester

from sadvae_har.baselines.method import Method, SeenData, normalised
from sadvae_har.baselines.rivals import ale, chance, conse, devise, eszsl, mlp_prototype, revise, ridge, sae
from sadvae_har.baselines.softmax import LogisticRegression

torch.set_num_threads(1)

CLOSED_FORM = (eszsl, sae, ridge)
TRAINED = (mlp_prototype, devise, conse, ale, revise)
ZERO_SHOT = CLOSED_FORM + TRAINED
EVERY = (*ZERO_SHOT, chance)
N_SEEN, N_UNSEEN, N_PER_CLASS, FEATURE_DIM, TEXT_DIM = 24, 6, 20, 30, 5


def name_of(module: ModuleType) -> str:
    return module.__name__.rsplit(".", 1)[1]


@pytest.fixture(scope="module")
def world() -> tuple[SeenData, np.ndarray, np.ndarray, np.ndarray]:
    """Seen data, then features, labels and texts of unseen classes: features are a linear map of text, and noise."""
    generator = np.random.default_rng(0)
    text = generator.normal(size=(N_SEEN + N_UNSEEN, TEXT_DIM)).astype(np.float32)
    text -= text[:N_SEEN].mean(0)
    to_features = generator.normal(size=(TEXT_DIM, FEATURE_DIM))
    labels = np.repeat(np.arange(len(text)), N_PER_CLASS)
    features = text[labels] @ to_features + generator.normal(size=(len(labels), FEATURE_DIM))
    features = (features / features.std(0)).astype(np.float32)
    seen = labels < N_SEEN
    data = SeenData(features[seen], labels[seen], text[:N_SEEN])
    return data, features[~seen], labels[~seen] - N_SEEN, text[N_SEEN:]


def brief(module: ModuleType) -> Method:
    """The first setting, trained for a few steps only."""
    method: Any = module.candidates()[0]
    if hasattr(method, "training"):
        return replace(method, training=replace(method.training, n_steps=10))
    return replace(method, n_steps=10) if hasattr(method, "n_steps") else method


def shrunk(data: SeenData, n_classes: int) -> SeenData:
    rows = data.labels < n_classes
    return SeenData(data.features[rows], data.labels[rows], data.text[:n_classes])


@pytest.mark.parametrize("module", ZERO_SHOT, ids=name_of)
def test_recognises_held_out_classes_by_their_texts(module, world):
    data, features, labels, text = world
    for setting in {module.candidates()[0], module.candidates()[-1]}:
        score = setting.fit(data, 0).score(features, text)
        accuracy = (score.argmax(1) == labels).mean()
        shuffled = (score.argmax(1) == np.roll(labels, N_PER_CLASS)).mean()
        assert accuracy > FLOOR.get(name_of(module), 0.8), setting  # Chance is 1/6.
        assert shuffled < 0.2, setting


FLOOR = {"conse": 0.6}  # A convex combination cannot leave the hull of the seen texts.


@pytest.mark.parametrize("module", EVERY, ids=name_of)
@pytest.mark.parametrize("n_classes", (1, 3, 40))
def test_scores_any_number_of_classes(module, n_classes, world):
    data, features, _, _ = world
    text = np.random.default_rng(1).normal(size=(n_classes, TEXT_DIM)).astype(np.float32)
    score = brief(module).fit(shrunk(data, 4), 0).score(features[:7], text)
    assert score.shape == (7, n_classes)
    assert np.isfinite(score).all()


@pytest.mark.parametrize("module", EVERY, ids=name_of)
def test_has_at_most_six_different_settings(module):
    settings = module.candidates()
    assert 1 <= len(settings) == len(set(settings)) <= 6


@pytest.mark.parametrize("module", EVERY, ids=name_of)
def test_seed_decides_everything_that_is_drawn(module, world):
    data, features, _, _ = world
    method = brief(module)
    first, again, other = (method.fit(data, seed).score(features, data.text) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) == (module in CLOSED_FORM)


@pytest.mark.parametrize("module", EVERY, ids=name_of)
def test_leaves_global_random_state_and_inputs_alone(module, world):
    data, features, _, _ = world
    before = [array.copy() for array in (data.features, data.labels, data.text, features)]
    scores = []
    for state in (1, 2):  # Whoever draws from the global state gets another result the second time.
        np.random.seed(state)  # noqa: NPY002
        torch.manual_seed(state)
        drawn = np.random.get_state()[1].copy(), torch.get_rng_state()
        scores.append(brief(module).fit(data, 0).score(features, data.text))
        np.testing.assert_array_equal(np.random.get_state()[1], drawn[0])
        assert torch.equal(torch.get_rng_state(), drawn[1])
    np.testing.assert_array_equal(*scores)
    for array, copy in zip((data.features, data.labels, data.text, features), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("module", EVERY, ids=name_of)
def test_survives_a_constant_column_a_lone_window_and_a_zero_text(module, world):
    data, features, _, _ = world
    rows = np.flatnonzero((data.labels > 0) | (np.arange(len(data.labels)) == 0))
    seen, text = data.features[rows].copy(), data.text.copy()
    seen[:, 3] = 0
    text[:, 1] = 0
    text[2] = 0
    queries = features.copy()
    queries[0] = 0
    score = brief(module).fit(SeenData(seen, data.labels[rows], text), 0).score(queries, text)
    assert np.isfinite(score).all()
    assert score.std() > 0


@pytest.mark.parametrize("module", CLOSED_FORM, ids=name_of)
def test_closed_forms_weigh_classes_equally(module, world):
    data, features, _, text = world
    extra = np.concatenate([np.arange(len(data.labels)), np.repeat(np.flatnonzero(data.labels == 5), 9)])
    repeated = SeenData(data.features[extra], data.labels[extra], data.text)
    method = module.candidates()[0]
    np.testing.assert_allclose(
        method.fit(repeated, 0).score(features, text), method.fit(data, 0).score(features, text), atol=1e-3
    )


def balanced(data: SeenData) -> tuple[np.ndarray, np.ndarray]:
    """Weights of windows [N], summing to one and alike per class, and class indicators [N, S]."""
    indicators = np.eye(len(data.text))[data.labels]
    return (indicators / indicators.sum(0)).sum(1) / len(data.text), indicators


def test_ridge_satisfies_its_normal_equations(world):
    data = shrunk(world[0], 7)
    weights = ridge.Ridge(0.7).fit(data, 0).weights
    weight, _ = balanced(data)
    residual = data.features @ weights - data.text[data.labels]
    np.testing.assert_allclose(data.features.T @ (weight[:, None] * residual) + 0.7 * weights, 0, atol=1e-4)


def test_ridge_by_hand():
    # Moments are (2² + 2²)/2 = 4, so the weight is (2·1 + 2·1)/2 / (4 + 4) = 1/4.
    data = SeenData(np.array([[2], [-2]], np.float32), np.array([0, 1]), np.array([[1], [-1]], np.float32))
    np.testing.assert_allclose(ridge.Ridge(4.0).fit(data, 0).weights, [[0.25]])


def test_eszsl_satisfies_its_normal_equations(world):
    data = shrunk(world[0], 7)
    weights = eszsl.ESZSL(0.7, 0.2).fit(data, 0).weights
    weight, indicators = balanced(data)
    text = data.text / np.sqrt(TEXT_DIM)
    moments = data.features.T @ (weight[:, None] * data.features) + 0.7 * np.eye(FEATURE_DIM)
    products = text.T @ text + 0.2 * np.eye(TEXT_DIM)
    target = data.features.T @ (weight[:, None] * (2 * indicators - 1)) @ text
    np.testing.assert_allclose(moments @ weights @ products, target, atol=1e-4)


def test_eszsl_by_hand():
    # Moments 4, target 2·(2·1 + 2·1)/2 = 4, text products 1 + 1 = 2: the weight is 4 / (4 + 4) / (2 + 2) = 1/8.
    data = SeenData(np.array([[2], [-2]], np.float32), np.array([0, 1]), np.array([[1], [-1]], np.float32))
    fitted = eszsl.ESZSL(4.0, 2.0).fit(data, 0)
    np.testing.assert_allclose(fitted.weights, [[0.125]])
    np.testing.assert_allclose(fitted.score(data.features, 5 * data.text), [[0.25, -0.25], [-0.25, 0.25]])


@pytest.mark.parametrize("encoding_weight", (0.1, 3.0))
def test_sae_satisfies_its_sylvester_equation(encoding_weight, world):
    data = shrunk(world[0], 9)
    weights = sae.SAE(encoding_weight).fit(data, 0).weights
    weight, _ = balanced(data)
    windows, codes = data.features.T * np.sqrt(weight), data.text[data.labels].T * np.sqrt(weight)
    left = codes @ codes.T @ weights + encoding_weight * weights @ windows @ windows.T
    np.testing.assert_allclose(left, (1 + encoding_weight) * codes @ windows.T, atol=1e-3)


def test_sae_by_hand():
    # Code moments 1, feature moments 4: (1 + 3·4) w = (1 + 3)·2, so w = 8/13.
    data = SeenData(np.array([[2], [-2]], np.float32), np.array([0, 1]), np.array([[1], [-1]], np.float32))
    np.testing.assert_allclose(sae.SAE(3.0).fit(data, 0).weights, [[8 / 13]], rtol=1e-6)


def test_symmetric_sylvester_agrees_with_scipy_and_ignores_void_directions():
    generator = np.random.default_rng(0)
    roots, c = (generator.normal(size=(4, 4)), generator.normal(size=(6, 6))), generator.normal(size=(4, 6))
    a, b = (root @ root.T for root in roots)
    np.testing.assert_allclose(sae.solve_symmetric_sylvester(a, b, c), solve_sylvester(a, b, c), atol=1e-8)
    void = sae.solve_symmetric_sylvester(np.diag([2.0, 0.0]), np.diag([0.0, 3.0]), np.ones((2, 2)))
    np.testing.assert_allclose(void, [[1 / 2, 1 / 5], [0, 1 / 3]])


def test_convex_combination_of_certain_classes_is_their_text(world):
    text = world[0].text
    np.testing.assert_allclose(conse.convex_combination(np.eye(N_SEEN), text, 5), text, atol=1e-6)


def test_convex_combination_by_hand():
    probabilities, text = np.array([[0.1, 0.6, 0.3]]), np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 3.0]])
    np.testing.assert_allclose(conse.convex_combination(probabilities, text, 2), [[1, (0.6 + 0.9) / 0.9]])
    np.testing.assert_allclose(conse.convex_combination(probabilities, text, 9), [[1, 1.5]])


def test_conse_of_a_certain_classifier_takes_the_class_nearest_to_that_prototype(world):
    data, _, _, text = world
    certain = LogisticRegression(1e4 * np.eye(N_SEEN), np.zeros(N_SEEN))
    score = conse.FittedConSE(certain, data.text, n_top=5).score(np.eye(N_SEEN), text)
    np.testing.assert_allclose(score, normalised(data.text) @ normalised(text).T, atol=1e-6)


def test_ranking_losses_by_hand():
    scores, labels = torch.tensor([[1.0, 0.5, 2.0], [0.0, 5.0, 0.0]]), torch.tensor([0, 1])
    # First window: 0.6 + 0.5 - 1 = 0.1 and 0.6 + 2 - 1 = 1.6 with rank 2; the second is right by far.
    assert devise.hinge_ranking_loss(scores, labels, 0.6).item() == pytest.approx(1.7 / 2)
    assert ale.weighted_ranking_loss(scores, labels, 0.6).item() == pytest.approx(1.7 * (1 + 1 / 2) / 2 / 2)
    assert ale.weighted_ranking_loss(scores, labels, 0.5).item() == pytest.approx(1.5 / 2)  # Rank 1.
    assert ale.weighted_ranking_loss(scores[1:], labels[1:], 0.5).item() == 0


def test_maximum_mean_discrepancy_is_that_of_two_points():
    first, second = torch.zeros(1, 2), torch.tensor([[1.0, 1.0]])  # Squared distance per dimension: 1.
    kernel = np.mean([np.exp(-1 / (2 * width)) for width in revise.KERNEL_WIDTHS])
    assert revise.maximum_mean_discrepancy(first, second).item() == pytest.approx(2 - 2 * kernel)
    assert revise.maximum_mean_discrepancy(first, first).item() == pytest.approx(0)


def test_contraction_is_the_norm_of_the_jacobian():
    network = revise.AutoEncoder(4, 3, torch.Generator().manual_seed(0))
    inputs = torch.randn(2, 4, generator=torch.Generator().manual_seed(1))
    jacobians = [torch.autograd.functional.jacobian(lambda x: network.encode(x[None])[0], row) for row in inputs]
    expected = sum(jacobian.square().sum().item() for jacobian in jacobians) / (2 * 3)
    assert network.contraction(network.encode(inputs)).item() == pytest.approx(expected, rel=1e-5)


def test_chance_is_at_chance_and_repeats_itself(world):
    fitted = chance.Chance().fit(world[0], 0)
    labels = np.arange(4000) % 4
    scores = fitted.score(np.zeros((4000, 2), np.float32), np.zeros((4, 2), np.float32))
    assert (scores.argmax(1) == labels).mean() == pytest.approx(0.25, abs=0.03)
    np.testing.assert_array_equal(scores, fitted.score(np.zeros((4000, 2)), np.zeros((4, 2))))
