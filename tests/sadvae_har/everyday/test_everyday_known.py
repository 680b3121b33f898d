"""The classifier of trained activities: labels of several meanings, what it may learn from, one layer for both."""

import math

import numpy as np
import pytest
import torch
from everyday_model import pretend_corpus

from feature_extraction.errors import LeakageError
from sadvae_har.everyday.corpus import Corpus
from sadvae_har.everyday.known import (
    NETWORK_SHARE,
    NEVER,
    Known,
    NetworkConfig,
    _augmented,
    _partners,
    embed,
    fit_known,
    fit_linear,
    set_loss,
)

pytestmark = pytest.mark.slow
BRIEF = NetworkConfig(n_networks=2, n_steps=5)
NO_NETWORK = NetworkConfig(n_networks=0)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return pretend_corpus()


@pytest.fixture(scope="module")
def known(corpus: Corpus) -> Known:
    split = corpus.split("beta", ["waving"])
    return fit_known(corpus, corpus.learnable(split), split, BRIEF, 0)


def logits_of(known: Known, corpus: Corpus, rows: np.ndarray) -> np.ndarray:
    return known.logits(corpus.features[rows], corpus.windows.samples[rows], corpus.windows.has_gyro[rows])


def test_the_loss_of_several_meanings_is_that_of_their_sum() -> None:
    """Probabilities 1/2, 1/4, 1/4: by hand, with the second window weighing three times as much."""
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]))
    possible = torch.tensor([[True, True, False], [False, False, True]])
    found = set_loss(logits, possible, torch.tensor([1.0, 3.0]))
    assert found.item() == pytest.approx(-(math.log(0.75) + 3 * math.log(0.25)) / 4, rel=1e-6)


def test_windows_of_several_meanings_teach_what_they_are_not() -> None:
    """Two clusters; one is known to be a or b, the other c: nothing is said about a against b."""
    generator = np.random.default_rng(0)
    features = np.concatenate([generator.normal(-2, 0.3, (40, 1)), generator.normal(2, 0.3, (40, 1))]).astype(
        np.float32
    )
    possible = np.repeat([[True, True, False, False], [False, False, True, False]], 40, axis=0)
    weight, bias = fit_linear(features, possible, np.ones(80))
    chances = torch.addmm(bias, torch.tensor([[-2.0], [2.0]]), weight).softmax(1)
    assert chances[0, :2].tolist() == pytest.approx([0.5, 0.5], abs=0.01)
    assert chances[1, 2] > 0.95
    assert bias[3] == NEVER and chances[:, 3].max() == 0


@pytest.mark.parametrize(
    ("target", "novel", "leaked"),
    [
        ("beta", [], "beta: walking"),
        ("beta", ["waving"], "alpha: waving"),
        ("beta", ["walking upstairs"], "wisdm: stairs"),
        (None, ["waving"], "alpha: waving"),
    ],
)
def test_a_row_that_is_held_out_raises(target: str | None, novel: list[str], leaked: str, corpus: Corpus) -> None:
    """One row among all that may be learned from."""
    split = corpus.split(target, novel)
    rows = corpus.learnable(split)
    fit_known(corpus, rows[::4], split, NO_NETWORK, 0)
    smuggled = np.append(rows, np.flatnonzero(corpus.labels == leaked)[0])
    with pytest.raises(LeakageError, match=f"classifier of known activities: handed .*{leaked.split(':')[0]}"):
        fit_known(corpus, smuggled, split, NO_NETWORK, 0)


def test_only_what_some_window_may_be_of_is_trained(known: Known, corpus: Corpus) -> None:
    assert set(known.activities) == set(corpus.activities) - {"waving"}
    assert [name for name in corpus.activities if name in known.activities] == list(known.activities)
    logits = logits_of(known, corpus, np.arange(len(corpus)))
    assert logits.shape == (len(corpus), len(known.activities)) and np.isfinite(logits).all()
    assert logits.min() > NEVER / 2


def test_people_who_were_not_trained_on_are_recognised(known: Known, corpus: Corpus) -> None:
    rows = np.flatnonzero((corpus.windows.datasets == "beta") & (corpus.windows.labels != "waving"))
    found = np.array(known.activities)[logits_of(known, corpus, rows).argmax(1)]
    assert (found == corpus.windows.labels[rows]).mean() > 0.8


def test_one_layer_gives_the_sum_of_both_parts(known: Known, corpus: Corpus) -> None:
    rows = np.arange(0, len(corpus), 7)
    statistics = torch.from_numpy(known.statistics(corpus.features[rows]))
    samples, has_gyro = corpus.windows.samples[rows], corpus.windows.has_gyro[rows]
    expected = statistics @ known.linear[0] + known.linear[1]
    for trained in known.networks:
        embedded = torch.from_numpy(embed([trained.network], samples, has_gyro))
        expected = expected + NETWORK_SHARE / 2 * (embedded @ trained.weight + trained.bias)
    assert logits_of(known, corpus, rows) == pytest.approx(expected.numpy(), abs=1e-3)


def test_it_goes_without_a_network(corpus: Corpus) -> None:
    split = corpus.split()
    found = fit_known(corpus, corpus.learnable(split), split, NO_NETWORK, 0)
    logits = logits_of(found, corpus, np.arange(len(corpus)))
    certain = corpus.possible.sum(1) == 1
    assert corpus.possible[certain][np.arange(certain.sum()), logits[certain].argmax(1)].mean() > 0.9


def test_training_follows_its_seed_and_no_other(corpus: Corpus) -> None:
    """Whatever else draws from PyTorch's generator meanwhile; and that goes on as if nothing had been trained."""
    split = corpus.split()
    rows = corpus.learnable(split)[::5]
    config = NetworkConfig(n_networks=1, n_steps=3)
    torch.manual_seed(1)
    first, after = fit_known(corpus, rows, split, config, 4), torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(after, torch.rand(1))
    torch.manual_seed(2)
    again, other = (fit_known(corpus, rows, split, config, seed) for seed in (4, 5))
    assert all(torch.equal(a, b) for a, b in zip(first.layer, again.layer, strict=True))
    assert not torch.equal(first.layer[0], other.layer[0])


def test_a_model_of_devices_that_all_have_a_gyroscope_reads_one_without(corpus: Corpus) -> None:
    """As an inner fold may be: the data set that lacks gyroscopes is the one that it is measured on."""
    split = corpus.split()
    rows = np.flatnonzero((corpus.windows.datasets == "alpha") & corpus.windows.has_gyro)
    found = fit_known(corpus, rows, split, NetworkConfig(n_networks=1, n_steps=2), 0)
    without = np.flatnonzero(~corpus.windows.has_gyro)
    assert np.isfinite(logits_of(found, corpus, without)).all()


def test_augmented_windows_are_still_windows(corpus: Corpus) -> None:
    rows = np.arange(len(corpus))
    samples, has_gyro = _augmented(corpus, rows, torch.Generator().manual_seed(0))
    assert samples.shape == corpus.windows.samples.shape and torch.isfinite(samples).all()
    assert not samples[~has_gyro][..., 3:].any()
    assert not has_gyro[torch.from_numpy(~corpus.windows.has_gyro)].any()
    hidden = 1 - has_gyro.sum().item() / corpus.windows.has_gyro.sum()
    assert hidden == pytest.approx(0.25, abs=0.08)
    before, after = (np.linalg.norm(x[..., :3], axis=2).mean(1) for x in (corpus.windows.samples, samples.numpy()))
    assert (after / before).mean() == pytest.approx(1, abs=0.05)
    assert (after / before).std() == pytest.approx(0.1, abs=0.03)


def test_partners_are_two_windows_of_one_moment() -> None:
    assert _partners(np.array([4, 1, 4, 2, 1, 4])).tolist() == [[1, 4], [0, 2], [2, 5]]
    assert len(_partners(np.array([3, 1, 2]))) == 0
