"""Windows against descriptions: averaged over the models, class by class, in parts or at once."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_problem import generators

from sadvae_har.config.settings import ClassifierConfig, ModelConfig
from sadvae_har.method import scorer as scorer_module
from sadvae_har.method.classifier import ClassDensities
from sadvae_har.method.model import SADVAE
from sadvae_har.method.nearest import NearestWindows
from sadvae_har.method.scorer import ClassScorer, FoldModel, SeenClassifier, gather_scores
from sadvae_har.method.synthesis import draw_noise

S, R, D, P, L, N, C = 3, 40, 6, 4, 5, 60, 5  # models, training windows, features, coordinates, latent, samples, classes
KINDS = [(kind, made) for kind in ("gaussian", "cosine", "softmax") for made in ("features", "latents")]


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


COORDINATES, OUTSIDE = normal(0, C, P), torch.tensor([0.0, 0.0, 0.5, 2.0, 0.0])
WINDOWS = normal(1, 23, D)


def fold_model(kind: str = "gaussian", made: str = "features") -> FoldModel:
    """Return untrained models, whose training windows are of the first three classes."""
    networks = SADVAE(D, P, ModelConfig(latent_dim=L, instance_dim=2), generators(1, 2, 3)).requires_grad_(False)
    return FoldModel(
        networks=networks,
        classifier=ClassifierConfig(samples_per_class=N, kind=kind, synthesise=made, n_steps=5),  # type: ignore[arg-type]
        train_features=normal(2, R, D),
        train_classes=torch.arange(R) % 3,
        donors=torch.randint(R, (S, N), generator=torch.Generator().manual_seed(3)),
        noise=draw_noise(networks, P, N, generators(4, 5, 6)),
    )


def one_of(model: FoldModel, k: int) -> FoldModel:
    """Return the model of one seed alone."""
    networks = SADVAE(D, P, model.networks.config, generators(0)).requires_grad_(False)
    networks.load_state_dict({name: value[k : k + 1] for name, value in model.networks.state_dict().items()})
    return replace(model, networks=networks, donors=model.donors[k : k + 1], noise=model.noise[k : k + 1])


@pytest.mark.parametrize(("kind", "made"), KINDS)
def test_logits_are_the_mean_over_the_models(kind: str, made: str) -> None:
    model = fold_model(kind, made)
    together = ClassScorer(model, COORDINATES, generators(7, 8, 9)).text_logits(COORDINATES, OUTSIDE, WINDOWS)
    alone = torch.stack(
        [
            ClassScorer(one_of(model, k), COORDINATES, generators(7 + k)).text_logits(COORDINATES, OUTSIDE, WINDOWS)
            for k in range(S)
        ]
    )
    assert together.shape == (23, C) and alone.std(0).min() > 1e-3
    # float32: sums of D whitened squares, and a batched product may add them up in another order than a lone one.
    assert together.numpy() == pytest.approx(alone.mean(0).numpy(), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(("kind", "made"), KINDS[:4])
def test_a_class_is_scored_the_same_beside_any_others(kind: str, made: str) -> None:
    scorer = ClassScorer(fold_model(kind, made), COORDINATES)
    logits = scorer.text_logits(COORDINATES, OUTSIDE, WINDOWS)
    order = torch.tensor([3, 0, 4])
    assert torch.equal(scorer.text_logits(COORDINATES[order], OUTSIDE[order], WINDOWS), logits[:, order])
    fitted = [scorer.fit(*pair) for pair in zip(COORDINATES, OUTSIDE, strict=True)]
    kept = tuple(torch.cat(part, dim=1) for part in zip(*fitted, strict=True))
    assert kept[0].shape[:2] == (S, C)
    assert scorer.logits(kept, WINDOWS).numpy() == pytest.approx(logits.numpy(), rel=1e-4, abs=1e-4)


def test_densities_of_synthesised_features_by_hand() -> None:
    """A class's logit is the log density under its own samples, made from the donors of each model."""
    model = fold_model()
    scorer = ClassScorer(model, COORDINATES)
    samples = scorer.synthesiser.samples(COORDINATES[3], OUTSIDE[3])
    expected = ClassDensities.fit(samples, model.classifier.shrinkage).logits(WINDOWS.expand(S, -1, -1)).mean(0)
    assert scorer.text_logits(COORDINATES[3:4], OUTSIDE[3:4], WINDOWS).numpy() == pytest.approx(
        expected.numpy(), rel=1e-4, abs=1e-4
    )
    # A donor moved to its own class is itself, but for what the text posterior scatters.
    donors = model.train_features[model.donors]
    own = scorer.synthesiser.samples(COORDINATES[0], torch.tensor(0.0))
    of_class = model.train_classes[model.donors] == 0
    assert (own - donors)[of_class].mean(0).abs().max() < (own - donors)[~of_class].mean(0).abs().max()


def test_seen_logits_by_hand() -> None:
    seen = SeenClassifier(torch.tensor([[1.0, 0.0], [2.0, -1.0]]), torch.tensor([0.5, 0.25]))
    assert seen.n_classes == 2
    assert seen.logits(torch.tensor([[1.0, 1.0], [0.0, 3.0]])).tolist() == [[3.5, -0.75], [6.5, -2.75]]


def test_what_the_gate_reads_is_put_together() -> None:
    model, text = fold_model(), normal(9, 23, C)
    seen = SeenClassifier(normal(10, D, 3), normal(11, 3))
    scores = gather_scores(model, seen, text, WINDOWS)
    assert np.array_equal(scores.seen_logits, seen.logits(WINDOWS).numpy())
    assert np.array_equal(scores.text_logits, text.numpy()) and np.array_equal(scores.unseen_logits, text[:, 3:])
    novelty = NearestWindows(model.train_features.numpy()).find(WINDOWS.numpy()).log_distance
    assert np.array_equal(scores.novelty, novelty)


def test_latents_come_in_parts_without_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fold_model()
    whole = model.semantic_latents(WINDOWS)
    monkeypatch.setattr(scorer_module, "BATCH", 7)
    assert whole.shape == (S, 23, L)
    # Sums of D = 6 products of order 1 in float32.
    assert torch.allclose(model.semantic_latents(WINDOWS), whole, atol=1e-5)
