"""A recogniser scores windows as stage 4 of its run did, whatever is synthesised and however classes are told apart."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_problem import SPLIT, TINY, briefly_trained, text_vectors, tiny_problem

from sadvae_har.config.settings import Config
from sadvae_har.experiment import stages
from sadvae_har.experiment.fitted import FittedModels
from sadvae_har.experiment.problem import Problem
from sadvae_har.recognition import scorer as scorer_module
from sadvae_har.recognition.model.parts import final_fold_model
from sadvae_har.recognition.scorer import ActivityScorer

N_TRAINED = len(SPLIT.seen)
KINDS = [(kind, made) for kind in ("gaussian", "cosine") for made in ("features", "latents")]
Scorers = Callable[[Config], ActivityScorer]


@pytest.fixture(scope="module")
def problem() -> Problem:
    return tiny_problem()


@pytest.fixture(scope="module")
def fitted(problem: Problem) -> FittedModels:
    return briefly_trained(problem)


@pytest.fixture(scope="module")
def make(problem: Problem, fitted: FittedModels) -> Scorers:
    """Return a function that makes a scorer of the trained activities."""

    def make(config: Config) -> ActivityScorer:
        fold, seen = final_fold_model(problem, config, fitted), fitted.seen_classifier_of(problem, 0)
        return ActivityScorer(fold, seen, problem.space, text_vectors()[:N_TRAINED])

    return make


def with_described(scorer: ActivityScorer) -> ActivityScorer:
    for vector in text_vectors()[N_TRAINED:]:
        scorer.add(vector[None])
    return scorer


def config_of(kind: str, made: str) -> Config:
    return replace(TINY, classifier=replace(TINY.classifier, kind=kind, synthesise=made))  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "made"), KINDS)
def test_scores_are_those_of_stage_4(
    problem: Problem, fitted: FittedModels, make: Scorers, kind: str, made: str
) -> None:
    config = config_of(kind, made)
    wanted = stages.score_test(problem, config, fitted)
    found = with_described(make(config)).scores(problem.folds[0].features[wanted.rows].numpy())
    assert found.text_logits.shape == (len(wanted.rows), 11)
    # float32: densities of all models are merged into one, and products of another shape add up in another order.
    assert found.text_logits == pytest.approx(wanted.text_logits, rel=1e-4, abs=1e-3)
    assert found.seen_logits == pytest.approx(wanted.seen_logits, abs=1e-5)
    assert found.novelty == pytest.approx(wanted.novelty, abs=1e-5)


@pytest.mark.parametrize(("kind", "made"), KINDS)
def test_an_activity_that_came_and_went_leaves_no_trace(problem: Problem, make: Scorers, kind: str, made: str) -> None:
    windows, vectors = problem.folds[0].features[:40].numpy(), text_vectors()
    scorer = make(config_of(kind, made))
    alone = scorer.scores(windows).text_logits
    copy = scorer.copy()
    with_described(scorer)
    together = scorer.scores(windows).text_logits
    assert copy.scores(windows).text_logits.shape == alone.shape == (40, N_TRAINED)
    # float32: the products of more classes at once may add up in another order.
    assert together[:, :N_TRAINED] == pytest.approx(alone, rel=1e-4, abs=1e-3)
    scorer.remove(N_TRAINED + 1)
    assert scorer.scores(windows).text_logits == pytest.approx(
        np.delete(together, N_TRAINED + 1, 1), rel=1e-4, abs=1e-3
    )
    assert torch.equal(scorer.coordinates, problem.space.locate(np.delete(vectors, N_TRAINED + 1, 0))[0])


def test_windows_are_scored_in_parts_without_a_difference(
    problem: Problem, make: Scorers, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = problem.folds[0].features[:40].numpy()
    scorer = with_described(make(TINY))
    whole = scorer.scores(windows)
    monkeypatch.setattr(scorer_module, "BATCH", 7)
    assert scorer.scores(windows).text_logits == pytest.approx(whole.text_logits, rel=1e-4, abs=1e-3)


def test_similarity_is_the_mean_cosine_of_the_latents(problem: Problem, make: Scorers) -> None:
    windows, scorer = problem.folds[0].features[:5], with_described(make(TINY))
    model = scorer.model
    with torch.no_grad():
        texts = model.networks.text_encoder(scorer.coordinates.expand(2, -1, -1)).mean.numpy()
        latents = model.semantic_latents(windows).numpy()
    lengths = [np.linalg.norm(part, axis=-1) for part in (latents, texts)]
    cosines = np.einsum("snl,sal->sna", latents, texts) / (lengths[0][:, :, None] * lengths[1][:, None])
    assert scorer.similarity(windows.numpy()) == pytest.approx(cosines.mean(0), abs=1e-5)
