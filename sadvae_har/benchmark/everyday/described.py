"""Methods that know activities by what is written about them: ours and closed-form rivals, on the same pairs.

All learn from the same windows and from the same pairs of an activity and a place, and read the same texts. Rivals
choose their settings on inner folds that hold out data sets and activities; ours has the settings of the product.
Axis legend: n windows, R training windows, P pairs, A activities, D statistical features, E text features.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.encoders.turn_free.statistics import GyroGuess
from feature_extraction.protocol.split import Split
from sadvae_har.baselines import closed_form
from sadvae_har.baselines.method import Method
from sadvae_har.baselines.rivals import eszsl, ridge
from sadvae_har.benchmark.everyday.tested import Tested
from sadvae_har.benchmark.rivals import RivalFold
from sadvae_har.config.settings import Config, TextConfig
from sadvae_har.evaluation.metrics import per_class_top1
from sadvae_har.everyday.corpus import Corpus
from sadvae_har.everyday.described import Described, Held, PairProblem, lay_out_pairs, train_pairs, vectors_of
from sadvae_har.everyday.train import inner_folds
from sadvae_har.recognition.everyday.pairs import Pair, sum_over_places

DESCRIBED, CLOSED_FORM = "ours, by descriptions", "closed form, no VAEs"
RIVALS: Mapping[str, tuple[Method, ...]] = {
    CLOSED_FORM: closed_form.candidates(),
    eszsl.NAME: eszsl.candidates(),
    ridge.NAME: ridge.candidates(),
}
OF_DENSITIES = (DESCRIBED, CLOSED_FORM)  # whose scores are log densities, which are summed over places

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]  # statistics [n, D], semantic vectors [P, E] -> scores [n, P]


@dataclass(frozen=True)
class Texts:
    """Semantic vectors of all activities of a corpus at all places.

    Attributes:
        vectors: Pair -> vector [E].
        cache: Folder of sentence embeddings made before.
    """

    vectors: Mapping[Pair, np.ndarray]
    cache: Path

    @classmethod
    def of(cls, corpus: Corpus, text: TextConfig, cache: Path) -> "Texts":
        """Embed what is written about every activity at every place."""
        pairs = [Pair(name, place) for name in corpus.activities for place in load_vocabulary().placements]
        return cls(dict(zip(pairs, vectors_of(pairs, text, cache), strict=True)), cache)


@dataclass(frozen=True)
class ByDescription:
    """A method that scores windows against pairs.

    Attributes:
        score: Scores of pairs.
        guess: Of the gyroscope's statistics.
        summed: Whether an activity's score is the sum over its places, or that of its best place.
        recorded: Pairs that were learned from; activities without any are looked for at all places.
        texts: Of all pairs.
        fit_s: How long it took to learn.
    """

    score: Score
    guess: GyroGuess
    summed: bool
    recorded: tuple[Pair, ...]
    texts: Texts
    fit_s: float

    def scores(self, tested: Tested, names: Sequence[str], place_known: bool = False) -> np.ndarray:
        """Return scores [n, A] of activities; at the place of each window alone where that is known."""
        trained = {pair.activity for pair in self.recorded}
        pairs = [
            pair for pair in self.texts.vectors
            if pair.activity in names and (pair in self.recorded or pair.activity not in trained)
        ]  # fmt: skip
        vectors = np.stack([self.texts.vectors[pair] for pair in pairs])
        found = self.score(self.guess.fill(tested.features), vectors)
        if place_known:
            here = np.array([pair.placement for pair in pairs]) == tested.placements[:, None]
            found = np.where(here, found, -np.inf)
        return of_activities(found, [list(names).index(pair.activity) for pair in pairs], len(names), self.summed)


def of_activities(scores: np.ndarray, owner: Sequence[int], n_activities: int, summed: bool) -> np.ndarray:
    """Return scores of activities [n, A] from those of pairs [n, P], of whose activities `owner` has the positions."""
    if summed:
        return sum_over_places(scores, np.array(owner), n_activities)
    columns = [scores[:, np.array(owner) == k].max(1, initial=-np.inf) for k in range(n_activities)]
    return np.stack(columns, axis=1)


def fit_described(
    corpus: Corpus, rows: np.ndarray, split: Split, config: Config, texts: Texts, settings: Mapping[str, Method]
) -> Mapping[str, ByDescription]:
    """Train ours and every rival on the same pairs.

    Args:
        corpus: All windows.
        rows: Those to learn from [R].
        split: What may be learned from.
        config: Settings of ours.
        texts: Semantic vectors.
        settings: Of each rival, as `choose_settings` returns them.

    Raises:
        LeakageError: A row is of a class or a person that the split holds out.
    """
    guess, laid = _lay_out(corpus, rows, split, config, texts)
    start = time.perf_counter()
    ours = Described(laid, train_pairs(laid, config), config)
    fitted = partial(ByDescription, guess=guess, recorded=laid.pairs, texts=texts)
    found = {DESCRIBED: fitted(score=ours.logits, summed=True, fit_s=time.perf_counter() - start)}
    final = RivalFold.of(laid.problem, laid.problem.folds[0])
    for name, method in settings.items():
        start = time.perf_counter()
        score = _rival_score(laid, final, method, config.seed)
        fit_s = time.perf_counter() - start
        found[name] = fitted(score=score, summed=name in OF_DENSITIES, fit_s=fit_s)
    return found


def choose_settings(
    corpus: Corpus, rows: np.ndarray, split: Split, config: Config, texts: Texts, novel: bool
) -> Mapping[str, Method]:
    """Choose the settings of every rival on inner folds, each of which holds out data sets and activities.

    Args:
        corpus: All windows.
        rows: Those to learn from [R].
        split: What may be learned from.
        config: Its text settings and seed count.
        texts: Semantic vectors.
        novel: Whether held-out activities are to be told apart on the held-out data sets, or the other ones.
    """
    held = inner_folds(corpus, rows, config.seed)
    laid = _lay_out(corpus, rows, split, config, texts, held)[1]
    return {
        name: max(candidates, key=lambda method: _inner_top1(laid, method, config.seed, novel, name in OF_DENSITIES))
        for name, candidates in RIVALS.items()
    }


def _lay_out(
    corpus: Corpus, rows: np.ndarray, split: Split, config: Config, texts: Texts, held: Sequence[Held] = ()
) -> tuple[GyroGuess, PairProblem]:
    labels, subjects = corpus.labels[rows], corpus.windows.subjects[rows]
    split.check_fit(np.unique(labels).tolist(), np.unique(subjects).tolist(), "recognition by descriptions")
    guess = GyroGuess.fit(corpus.features[rows], corpus.n_of_accelerometer)
    return guess, lay_out_pairs(corpus, rows, guess.fill(corpus.features[rows]), config, held, texts.cache)


def _rival_score(laid: PairProblem, fold: RivalFold, method: Method, seed: int) -> Score:
    fitted = fold.fit(method, seed)
    problem = laid.problem

    def score(features: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        return fitted.score(problem.standardizer.transform(features), problem.space.centred(vectors).numpy())

    return score


def _inner_top1(laid: PairProblem, method: Method, seed: int, novel: bool, summed: bool) -> float:
    """Return per-class top-1 on the people that inner folds hold out, mean over folds where it is defined."""
    problem, found = laid.problem, []
    for fold, held in zip(problem.folds[1:], laid.held, strict=True):
        fold = replace(fold, train=np.unique(problem.class_index[fold.rows]))  # some pairs only held-out people did
        classes = fold.held_out if novel else fold.train
        names, owner = np.unique([laid.pairs[k].activity for k in classes], return_inverse=True)
        if len(names) < 2 or not len(problem.windows(classes, held.subjects)):
            continue
        view = RivalFold.of(problem, fold)
        rows, scores = view.scores(view.fit(method, seed), classes, held.subjects)
        true = np.searchsorted(names, [laid.pairs[k].activity for k in problem.class_index[rows]])
        answers = of_activities(scores, owner.tolist(), len(names), summed).argmax(1)
        found.append(per_class_top1(true, answers))
    return float(np.mean(found)) if found else 0.0
