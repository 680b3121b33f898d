"""Recognising what nobody recorded: SA-DVAE over pairs of an activity and the place where a device is worn.

What a device feels of an activity depends on where it is worn, and the descriptions say it for seven places. So the
classes of this part are pairs, each with a semantic vector of its own; windows that may be of several activities are no
examples here. An activity's score is the sum over its places, or that of one place where it is known.
Axis legend: R rows, n windows, P pairs, A activities, D statistical features, E text features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.errors import InputError
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.split import OPEN, Split
from feature_extraction.storage.places import TEXT_CACHE
from sadvae_har.config.settings import Config, TextConfig
from sadvae_har.everyday.corpus import Corpus
from sadvae_har.experiment import stages
from sadvae_har.experiment.fitted import class_scorer
from sadvae_har.experiment.problem import Problem, lay_out
from sadvae_har.recognition.everyday.pairs import Pair, pair_vectors

LEAST_WINDOWS = 2  # of a pair, to be learned from


@dataclass(frozen=True)
class Held:
    """What an inner fold holds out.

    Attributes:
        activities: Known to it by their descriptions only.
        subjects: People that it does not learn from and is measured on.
    """

    activities: tuple[str, ...]
    subjects: tuple[str, ...]


@dataclass(frozen=True)
class PairProblem:
    """The problem of telling pairs apart by their descriptions.

    Attributes:
        problem: As arrays; its classes are the pairs.
        pairs: In the order of its classes, P.
        rows: Window of the corpus behind each of its windows.
        held: What each inner fold holds out.
    """

    problem: Problem
    pairs: tuple[Pair, ...]
    rows: np.ndarray
    held: tuple[Held, ...]


def vectors_of(pairs: Sequence[Pair], text: TextConfig, cache: Path = TEXT_CACHE) -> np.ndarray:
    """Return semantic vectors of pairs of the everyday vocabulary, float32 [P, E]."""
    descriptions = load_vocabulary().descriptions
    return pair_vectors([(descriptions[pair.activity], pair.placement) for pair in pairs], text, cache)


def lay_out_pairs(
    corpus: Corpus,
    rows: np.ndarray,
    features: np.ndarray,
    config: Config,
    held: Sequence[Held] = (),
    text_cache: Path = TEXT_CACHE,
) -> PairProblem:
    """Lay out the final problem, which learns from all rows, and the inner folds.

    Args:
        corpus: All windows.
        rows: Those to learn from [R].
        features: Their statistics without gaps [R, D]; what fills the gaps was fitted to all rows, for all folds alike.
        config: Settings.
        held: One entry per inner fold; `rows` then hold the windows that folds are measured on, too.
        text_cache: Folder of sentence embeddings made before.

    Raises:
        InputError: Fewer than two pairs are left.
    """
    certain = corpus.possible[rows].sum(1) == 1
    activity = np.array(corpus.activities)[corpus.possible[rows].argmax(1)]
    names = np.array([Pair(*pair).name for pair in zip(activity, corpus.windows.placements[rows], strict=True)])
    found, count = np.unique(names[certain], return_counts=True)
    kept = np.flatnonzero(certain & np.isin(names, found[count >= LEAST_WINDOWS]))
    both = zip(activity[kept].tolist(), corpus.windows.placements[rows[kept]].tolist(), strict=True)
    pairs = tuple(Pair(*pair) for pair in sorted(set(both)))
    if len(pairs) < 2:
        raise InputError("fewer than two activities to learn from; add data sets")
    windows = corpus.windows.take(rows[kept])
    everybody = tuple(np.unique(windows.subjects).tolist())
    split = Split(
        dataset="everyday",
        name="everyday",
        kind=OPEN,
        seed=config.seed,
        seen=tuple(pair.name for pair in pairs),
        unseen=(),
        train_subjects=everybody,
        val_subjects=(),
        test_subjects=(),
        inner=tuple(tuple(p.name for p in pairs if p.activity in fold.activities) for fold in held),
        held_back=tuple(tuple(s for s in everybody if s in set(fold.subjects)) for fold in held),
    )
    table = FeatureTable(
        features=features[kept],
        labels=names[kept],
        subjects=windows.subjects,
        recordings=windows.recordings,
        start_s=windows.start_s,
        blocks={"statistical": features.shape[1]},
        dataset=split.dataset,
        window_key="",
    )
    vectors = vectors_of(pairs, config.text, text_cache)
    inner = [np.flatnonzero(~np.isin(windows.subjects, fold.subjects)) for fold in held]
    problem = lay_out(table, split, vectors, np.arange(len(kept)), inner)
    return PairProblem(problem, pairs, rows[kept], tuple(held))


def train_pairs(laid: PairProblem, config: Config) -> dict[str, Tensor]:
    """Train the SA-DVAE models of the final problem and of all inner folds; return their averaged weights."""
    trainer = stages.make_trainer(laid.problem, config)
    for _ in tqdm(range(config.train.n_steps), desc="training VAEs", unit="step", disable=None):
        trainer.step()
    return trainer.snapshot()


class Described:
    """Scores windows against any activities by their descriptions, with the final models."""

    def __init__(self, laid: PairProblem, weights: dict[str, Tensor], config: Config) -> None:
        """Prepare the synthesis from the weights of all models."""
        self.space, self.standardizer = laid.problem.space, laid.problem.standardizer
        self.scorer = class_scorer(laid.problem, 0, config, weights, stages.synthesis_stream(config, 0))

    def logits(self, features: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Return log densities [n, P] of windows against pairs, up to a term that all share.

        Args:
            features: Statistics without gaps [n, D].
            vectors: Semantic vectors of any pairs [P, E].
        """
        standardised = torch.from_numpy(self.standardizer.transform(features))
        return self.scorer.text_logits(*self.space.locate(vectors), standardised).numpy()
