"""Methods that have learned from labelled windows of every activity they can name: ours, a variant, and a rival.

Axis legend: n windows, R training windows, A activities.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from feature_extraction.protocol.split import Split
from sadvae_har.benchmark.everyday.tested import Tested
from sadvae_har.everyday.corpus import Corpus
from sadvae_har.everyday.known import Known, NetworkConfig, fit_known, fit_linear, with_network

OURS, NETWORKED, NETWORK = "ours", "ours with a network", "ours, network alone"
LOGISTIC = "logistic regression"


@dataclass(frozen=True)
class Classifier:
    """A classifier of trained activities.

    Attributes:
        known: Its weights.
        fit_s: How long it took to learn them.
    """

    known: Known
    fit_s: float

    def scores(self, tested: Tested, names: Sequence[str]) -> np.ndarray:
        """Return log scores [n, A] of activities, up to a term that all activities of a window share."""
        logits = self.known.logits(tested.features, tested.samples, tested.has_gyro)
        return logits[:, [self.known.activities.index(name) for name in names]]


def fit_classifiers(
    corpus: Corpus, rows: np.ndarray, split: Split, config: NetworkConfig, seed: int
) -> Mapping[str, Classifier]:
    """Train ours, ours with a small network beside it, which also stands alone, and logistic regression.

    Args:
        corpus: All windows.
        rows: Those to learn from [R].
        split: What may be learned from.
        config: How the network is trained.
        seed: Seed of networks.

    Raises:
        LeakageError: A row is of a class or a person that the split holds out.
    """
    start = time.perf_counter()
    known = fit_known(corpus, rows, split, replace(config, n_networks=0), seed)
    ours_s = time.perf_counter()
    networked = with_network(known, corpus, rows, config, seed)
    networked_s = time.perf_counter()
    possible = corpus.possible[rows][:, corpus.positions(known.activities)]
    linear = fit_linear(known.statistics(corpus.features[rows]), possible, balanced_weights(corpus, rows))
    logistic_s = time.perf_counter()
    nothing = (torch.zeros_like(known.linear[0]), torch.zeros_like(known.linear[1]))
    return {
        OURS: Classifier(known, ours_s - start),
        NETWORKED: Classifier(networked, networked_s - start),
        NETWORK: Classifier(replace(networked, linear=nothing), networked_s - start),
        LOGISTIC: Classifier(replace(known, linear=linear), logistic_s - networked_s),
    }


def balanced_weights(corpus: Corpus, rows: np.ndarray) -> np.ndarray:
    """Return weights [R] of mean 1: activities weigh the same; in each its data sets do; in each of these its places.

    A window that may be of several activities counts in each of them with an even share.
    """
    sets, places = (
        np.unique(names[rows], return_inverse=True)[1] for names in (corpus.windows.datasets, corpus.windows.placements)
    )
    share = corpus.possible[rows] / corpus.possible[rows].sum(1, keepdims=True)
    weights = np.zeros(len(rows))
    for of_activity in share.T:
        held = np.flatnonzero(of_activity)
        cell = sets[held] * (places.max() + 1) + places[held]
        total = np.bincount(cell, of_activity[held])
        n_places = np.bincount(np.unique(cell) // (places.max() + 1))
        n_sets = np.count_nonzero(n_places)
        weights[held] += of_activity[held] / total[cell] / n_places[sets[held]] / max(n_sets, 1)
    return weights / weights.mean()
