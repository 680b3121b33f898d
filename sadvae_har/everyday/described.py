"""Recognising what nobody recorded: SA-DVAE over pairs of an activity and the place where a device is worn.

What a device feels of an activity depends on where it is worn, and the descriptions say it for seven places. So the
classes of this part are pairs, each with a semantic vector of its own; windows that may be of several activities are no
examples here. An activity's score is the sum over its places, or that of one place where it is known.
Axis legend: N windows, R rows, P pairs, D statistical features, E text features.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feature_extraction.descriptions.class_list import ClassDescription
from feature_extraction.descriptions.embeddings import semantic_vectors
from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.split import OPEN, Split
from feature_extraction.storage.places import TEXT_CACHE
from sadvae_har.config.settings import Config, TextConfig
from sadvae_har.everyday.corpus import Corpus
from sadvae_har.experiment.problem import Problem, lay_out

N_FOLDS = 4
LEAST_WINDOWS = 2  # of a pair, to be learned from


class Pair(NamedTuple):
    """An activity as a device at one place feels it."""

    activity: str
    placement: str

    @property
    def name(self) -> str:
        """One text that stands for both."""
        return f"{self.activity} at {self.placement}"


def pair_vectors(
    descriptions: Sequence[ClassDescription], placements: Sequence[str], text: TextConfig, cache: Path = TEXT_CACHE
) -> np.ndarray:
    """Return semantic vectors of activities as felt at places, one of each, float32 [P, E].

    Args:
        descriptions: Of the activities.
        placements: The place of each.
        text: Text model and views.
        cache: Folder of sentence embeddings made before.
    """
    local = [
        replace(entry, motion={place: entry.motion[place]})
        for entry, place in zip(descriptions, placements, strict=True)
    ]
    return semantic_vectors(local, text.views, text.kinematics_weight, text.model, cache)


def recorded_pairs(corpus: Corpus, rows: np.ndarray) -> tuple[tuple[Pair, ...], np.ndarray]:
    """Return the pairs that some rows are examples of, and the number of the pair of each window, -1 if none, [N]."""
    certain = rows[corpus.possible[rows].sum(1) == 1]
    names = np.array(corpus.activities)[corpus.possible[certain].argmax(1)]
    keys = np.char.add(np.char.add(names, "\n"), corpus.windows.placements[certain])
    found, inverse, count = np.unique(keys, return_inverse=True, return_counts=True)
    enough = count >= LEAST_WINDOWS
    pairs = tuple(Pair(*key.split("\n")) for key in found[enough].tolist())
    number = np.full(len(corpus), -1)
    number[certain] = np.where(enough, np.cumsum(enough) - 1, -1)[inverse]
    return pairs, number


def pair_problem(
    corpus: Corpus, rows: np.ndarray, statistics: np.ndarray, config: Config, text_cache: Path = TEXT_CACHE
) -> tuple[Problem, tuple[Pair, ...]]:
    """Lay out the problem of telling pairs apart by their descriptions, with inner folds over activities and people.

    Args:
        corpus: All windows.
        rows: Those to learn from [R].
        statistics: Standardised statistics of these rows [R, D].
        config: Settings.
        text_cache: Folder of sentence embeddings made before.

    Returns:
        The problem, whose windows are those rows that are examples of a pair, and the pairs in its order.
    """
    pairs, number = recorded_pairs(corpus, rows)
    kept = number[rows] >= 0
    windows, numbers = corpus.windows.take(rows[kept]), number[rows[kept]]
    names = np.array([pair.name for pair in pairs])
    subjects = windows.subjects
    everybody = np.unique(subjects)
    activities = sorted({pair.activity for pair in pairs})
    generator = np.random.default_rng(config.seed)
    activity_fold = dict(
        zip(generator.permutation(activities).tolist(), np.arange(len(activities)) % N_FOLDS, strict=True)
    )
    person_fold = generator.permutation(np.arange(len(everybody)) % N_FOLDS)
    held_out = [tuple(pair.name for pair in pairs if activity_fold[pair.activity] == k) for k in range(N_FOLDS)]
    held_back = [tuple(everybody[person_fold == k].tolist()) for k in range(N_FOLDS)]
    split = Split(
        dataset="everyday",
        name="everyday",
        kind=OPEN,
        seed=config.seed,
        seen=tuple(names.tolist()),
        unseen=(),
        train_subjects=tuple(everybody.tolist()),
        val_subjects=(),
        test_subjects=(),
        inner=tuple(held_out),
        held_back=tuple(held_back),
    )
    table = FeatureTable(
        features=statistics[kept],
        labels=names[numbers],
        subjects=subjects,
        recordings=windows.recordings,
        start_s=windows.start_s,
        blocks={"statistical": statistics.shape[1]},
        dataset=split.dataset,
        window_key="",
    )
    vocabulary = load_vocabulary()
    described = [vocabulary.descriptions[pair.activity] for pair in pairs]
    vectors = pair_vectors(described, [pair.placement for pair in pairs], config.text, text_cache)
    everything = np.arange(len(table.labels))
    inner = [everything[~np.isin(subjects, names)] for names in held_back]
    return lay_out(table, split, vectors, everything, inner), pairs
