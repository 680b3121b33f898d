"""Training of an everyday model: both classifiers, the gate between them, and what *unknown* means.

Whoever uses the model does so on devices and people that no data set had. So the inner folds, on which gate,
temperature and limits are chosen, hold out whole data sets, and activities beside them.
Axis legend: R rows, n windows, S trained activities, U held-out ones, D statistics.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from feature_extraction.datasets.device_windows import SETTINGS
from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.storage.places import TEXT_CACHE
from sadvae_har.config.settings import Config, GateConfig, ModelConfig, TrainConfig
from sadvae_har.everyday.corpus import Corpus
from sadvae_har.everyday.described import Held, PairProblem, lay_out_pairs, train_pairs
from sadvae_har.everyday.kept import Kept
from sadvae_har.everyday.known import Known, NetworkConfig, fit_known, with_network
from sadvae_har.experiment import stages
from sadvae_har.experiment.fitted import class_scorer
from sadvae_har.method.gate import DomainClassifier, GateExamples, SafetyNet, best_temperatures, log_softmax
from sadvae_har.method.scorer import FoldModel, SeenClassifier
from sadvae_har.recognition.calibration import Calibration, fit_calibration, fit_temperature
from sadvae_har.recognition.everyday.model import EverydayModel
from sadvae_har.recognition.everyday.pairs import sum_over_places
from sadvae_har.recognition.model.header import EVERYDAY, everyday_format
from sadvae_har.recognition.model.text_settings import TextSettings
from sadvae_har.recognition.prediction import smooth
from sadvae_har.recognition.strangeness import Strangeness

logger = logging.getLogger(__name__)

N_FOLDS = 3
DRAWN_PER_PAIR = 40
FLOOR = 0.05  # variance added to that within pairs, of standardised statistics, before windows are drawn
TAKEN = 0.03  # of the windows of trained activities, by an activity that is added alone, in the mean
MEASURED_PER_CELL = 40  # windows of a class of a data set at a place that an inner fold is measured on


def method_config() -> Config:
    """Return the settings of the described part."""
    return Config(
        dataset=EVERYDAY,
        split=EVERYDAY,
        model=ModelConfig(feature_noise=0.2),
        train=TrainConfig(n_seeds=2, n_steps=200, n_checkpoints=1),
    )


@dataclass(frozen=True)
class EverydayConfig:
    """How an everyday model is trained.

    Attributes:
        seed: Seed of every random draw.
        network: Of the small networks.
        method: Of the described part.
    """

    seed: int = 0
    network: NetworkConfig = field(default_factory=NetworkConfig)
    method: Config = field(default_factory=method_config)


def train_everyday(
    corpus: Corpus,
    sources: Sequence[str],
    config: EverydayConfig,
    text_cache: Path = TEXT_CACHE,
    kept: Kept | None = None,
) -> EverydayModel:
    """Train a model on all windows of a corpus.

    Args:
        corpus: Of all data sets to learn from.
        sources: What to say of each of them in the model file.
        config: Settings.
        text_cache: Folder of sentence embeddings made before.
        kept: Parts that were finished before, and where those that are finished now go.
    """
    kept = kept or Kept()
    split = corpus.split()
    rows = corpus.some(corpus.learnable(split), seed=config.seed)
    method = replace(config.method, seed=config.seed)
    held = inner_folds(corpus, rows, config.seed)
    logger.info("training the classifier of %d activities on %d windows", len(corpus.activities), len(rows))
    known = _fit_known(corpus, rows, config, kept)
    laid = lay_out_pairs(corpus, rows, known.guess.fill(corpus.features[rows]), method, held, text_cache)
    logger.info("training %d x %d VAEs on %d pairs", 1 + len(held), method.train.n_seeds, len(laid.pairs))
    weights = _tensors(kept.arrays("described", lambda: _arrays(train_pairs(laid, method))))
    folds = []
    for number in tqdm(range(1, len(laid.problem.folds)), desc="inner folds", unit="fold", disable=None):
        measure = partial(_fold_arrays, corpus, laid, number, weights, method, config.network, config.seed)
        folds.append(_measured(kept.arrays(f"fold-{number}", measure)))
    gate = gate_of_additions([examples for examples, _ in folds], method.gate)
    fold, strangeness = drawn_model(laid, 0, weights, method)
    chosen_on = replace(split, seen=corpus.activities)
    calibration = fit_calibration([f for f, _ in folds], [strange for _, strange in folds], gate, chosen_on)
    calibration = replace(calibration, temperature=temperature_alone([f for f, _ in folds], gate))
    return _gathered(corpus, sources, known, laid, fold, strangeness, gate, calibration, method)


def _fit_known(corpus: Corpus, rows: np.ndarray, config: EverydayConfig, kept: Kept) -> Known:
    """Return what `fit_known` returns, kept after every network."""

    def keep(name: str, fit: Callable[[], Known]) -> Known:
        return Known.from_arrays(kept.arrays(name, lambda: fit().to_arrays()))

    alone = replace(config.network, n_networks=0)
    known = keep("known", partial(fit_known, corpus, rows, corpus.split(), alone, config.seed))
    for number in range(1, config.network.n_networks + 1):
        known = keep(f"known-{number}", partial(with_network, known, corpus, rows, config.network, config.seed))
    return known


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in tensors.items()}


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def _fold_arrays(*arguments: Any) -> dict[str, np.ndarray]:
    """Return what `measure_fold` finds as arrays."""
    examples, strangeness = measure_fold(*arguments)
    return {**{name: np.asarray(value) for name, value in vars(examples).items()}, "strangeness": strangeness}


def _measured(arrays: dict[str, np.ndarray]) -> tuple[GateExamples, np.ndarray]:
    """Return what `measure_fold` found from arrays."""
    parts: dict[str, Any] = {name: value for name, value in arrays.items() if name != "strangeness"}
    names = tuple(parts["class_names"].tolist())
    return GateExamples(**(parts | {"class_names": names})), arrays["strangeness"]


def _gathered(
    corpus: Corpus,
    sources: Sequence[str],
    known: Known,
    laid: PairProblem,
    fold: FoldModel,
    strangeness: Strangeness,
    gate: DomainClassifier,
    calibration: Calibration,
    method: Config,
) -> EverydayModel:
    vocabulary, text = load_vocabulary(), method.text
    described = [vocabulary.descriptions[name] for name in known.activities]
    paraphrases = min(len(entry.paraphrases) for entry in described)
    return EverydayModel(
        name=EVERYDAY,
        sources=tuple(sources),
        source=everyday_format(asdict(SETTINGS)),
        config=method,
        text=TextSettings(text.model, text.views, text.kinematics_weight, vocabulary.placements, paraphrases),
        guess=known.guess,
        networks=tuple(trained.network.requires_grad_(False) for trained in known.networks),
        known_standardizer=known.standardizer,
        seen=SeenClassifier(*(value.contiguous() for value in known.layer)),
        standardizer=laid.problem.standardizer,
        space=laid.problem.space,
        fold=fold,
        pairs=laid.pairs,
        gate=gate,
        strangeness=strangeness,
        calibration=calibration,
        trained=tuple(described),
        described=(),
        vectors=laid.problem.vectors,
    )


def gate_of_additions(folds: Sequence[GateExamples], config: GateConfig) -> DomainClassifier:
    """Return a gate that is made for adding activities one at a time, and lets each take few windows of the others.

    A list of everyday activities is used by people who add one or two to it. So each held-out activity is put on the
    list alone, and the limit is where it takes `TAKEN` of the windows of trained activities in the mean.

    Args:
        folds: Windows of trained and held-out activities of data sets that were held out.
        config: Candidate temperatures.
    """
    odds, spreads, own = [], [], []
    for fold in folds:
        n_seen = fold.seen_logits.shape[1]
        for k in range(n_seen, len(fold.class_names)):
            alone = np.concatenate([fold.text_logits[:, :n_seen], fold.text_logits[:, k : k + 1]], axis=1)
            values = replace(fold, text_logits=alone).cues(("text_odds",))[:, 0]
            odds.append(values[~fold.is_unseen])
            spreads.append(values[~fold.is_unseen].std())
            own.append(values[fold.labels == k])
    candidates = np.quantile(np.concatenate(odds), np.linspace(0.5, 1, 501))
    taken = np.array([np.mean([(values > limit).mean() for values in odds]) for limit in candidates])
    limit = float(candidates[taken <= TAKEN].min())
    shares = (
        float(np.mean([(values <= limit).mean() for values in odds])),
        float(np.mean([(values > limit).mean() for values in own if len(values)])),
    )
    seen_temperature, unseen_temperature = best_temperatures(folds, config)
    return DomainClassifier(
        cues=("text_odds",),
        fusion="hard",
        seen_temperature=seen_temperature,
        unseen_temperature=unseen_temperature,
        threshold=0.5,
        mean=(limit,),
        scale=(float(np.mean(spreads)),),
        weights=(1.0,),
        bias=0.0,
        net=SafetyNet("kept", *shares, *shares, len(folds)),
    )


def temperature_alone(folds: Sequence[GateExamples], gate: DomainClassifier) -> float:
    """Return the temperature of probabilities on a list of trained activities alone, which most people use."""
    seen = [~fold.is_unseen for fold in folds]
    scores = [
        log_softmax(fold.seen_logits[rows] / gate.seen_temperature) for fold, rows in zip(folds, seen, strict=True)
    ]
    return fit_temperature(scores, [fold.labels[rows] for fold, rows in zip(folds, seen, strict=True)])


def inner_folds(corpus: Corpus, rows: np.ndarray, seed: int) -> list[Held]:
    """Hold out a share of the data sets and a share of the activities in each fold; people where there is one set.

    Args:
        corpus: All windows.
        rows: Those to learn from.
        seed: Of the draws.
    """
    generator = np.random.default_rng(seed)
    windows = corpus.windows
    names = np.unique(windows.datasets[rows])
    groups = windows.datasets if len(names) > 1 else windows.subjects
    groups_found = generator.permutation(np.unique(groups[rows]))
    activities = generator.permutation(np.array(corpus.activities)[corpus.possible[rows].any(0)])
    n_folds = min(N_FOLDS, len(groups_found))
    folds = []
    for number in range(n_folds):
        out = np.isin(groups, groups_found[number::n_folds])
        people = np.unique(windows.subjects[rows][out[rows]])
        folds.append(Held(tuple(activities[number::n_folds].tolist()), tuple(people.tolist())))
    return folds


def measure_fold(
    corpus: Corpus,
    laid: PairProblem,
    number: int,
    weights: dict[str, Tensor],
    method: Config,
    network: NetworkConfig,
    seed: int,
) -> tuple[GateExamples, np.ndarray]:
    """Score the windows that an inner fold holds out, by activity.

    Args:
        corpus: All windows.
        laid: The problem with its inner folds.
        number: Of the fold, from 1.
        weights: Of all SA-DVAE models.
        method: Settings of the described part.
        network: Settings of the fold's own network.
        seed: Seed of the fold's classifier.

    Returns:
        Scores of windows of trained and held-out activities, and their strangeness, smoothed.
    """
    problem, held = laid.problem, laid.held[number - 1]
    windows, fold = corpus.windows, problem.folds[number]
    out = np.isin(windows.subjects[laid.rows], held.subjects)
    activity = np.array([pair.activity for pair in laid.pairs])[problem.class_index]
    learned = np.flatnonzero(~out & ~np.isin(activity, held.activities))
    trained = tuple(name for name in corpus.activities if name in set(activity[learned].tolist()))
    allowed = laid.rows[learned]
    banned = corpus.possible[:, corpus.positions(held.activities)].any(1)
    split = replace(
        corpus.split(),
        kind="cross",
        seen=tuple(np.unique(corpus.labels[~banned]).tolist()),
        unseen=tuple(np.unique(corpus.labels[banned]).tolist()),
        test_subjects=held.subjects,
        train_subjects=tuple(np.setdiff1d(windows.subjects, held.subjects).tolist()),
    )
    known = fit_known(corpus, allowed, split, network, seed)
    measured = np.flatnonzero(out)
    measured = measured[np.isin(laid.rows[measured], corpus.some(laid.rows[measured], MEASURED_PER_CELL, seed))]
    unseen = tuple(name for name in dict.fromkeys(activity[measured].tolist()) if name not in trained)
    names = (*trained, *unseen)
    scorer = class_scorer(problem, number, method, weights, stages.synthesis_stream(method, number))
    pairs = scorer.text_logits(fold.coordinates, fold.outside, fold.features[measured]).numpy()
    owner = np.array([names.index(p.activity) if p.activity in names else -1 for p in laid.pairs])
    text = sum_over_places(pairs[:, owner >= 0], owner[owner >= 0], len(names))
    rows = laid.rows[measured]
    drawn, strangeness = drawn_model(laid, number, weights, method)
    features = fold.features[measured]
    examples = GateExamples(
        seen_logits=known.logits(corpus.features[rows], windows.samples[rows], windows.has_gyro[rows])[
            :, [known.activities.index(name) for name in trained]
        ],
        text_logits=text,
        novelty=drawn.nearest.find(features.numpy()).log_distance,
        labels=np.array([names.index(name) for name in activity[measured]]),
        class_names=names,
        subjects=windows.subjects[rows],
        rows=rows,
    )
    piece = np.unique(np.char.add(windows.recordings[rows], windows.devices[rows]), return_inverse=True)[1]
    order = np.lexsort((windows.start_s[rows], piece))
    found = np.empty(len(rows))
    found[order] = smooth(strangeness.measure(features.numpy())[order], piece[order])
    return examples, found


def drawn_model(
    laid: PairProblem, number: int, weights: dict[str, Tensor], method: Config
) -> tuple[FoldModel, Strangeness]:
    """Return the models of a fold with windows drawn from the densities of its pairs in place of training windows.

    All pairs share one covariance within them; so nothing is kept of any person but means over many windows.

    Args:
        laid: The problem.
        number: Of the fold; 0 is the final problem.
        weights: Of all SA-DVAE models.
        method: Settings.
    """
    problem, fold = laid.problem, laid.problem.folds[number]
    features, classes = fold.features[fold.rows].numpy(), problem.class_index[fold.rows]
    found = np.unique(classes)
    means = np.stack([features[classes == k].mean(0) for k in found])
    residuals = features - means[np.searchsorted(found, classes)]
    covariance = residuals.T @ residuals / len(residuals) + FLOOR * np.eye(features.shape[1])
    factor = np.linalg.cholesky(covariance)
    generator = np.random.default_rng(method.seed)
    noise = generator.standard_normal((len(found), DRAWN_PER_PAIR, features.shape[1]))
    drawn = (means[:, None] + noise @ factor.T).reshape(-1, features.shape[1]).astype(np.float32)
    drawn_classes = np.repeat(found, DRAWN_PER_PAIR)
    scorer = class_scorer(problem, number, method, weights, stages.synthesis_stream(method, number)).model
    picks = torch.from_numpy(generator.integers(len(drawn), size=tuple(scorer.donors.shape)))
    model = replace(
        scorer,
        train_features=torch.from_numpy(drawn),
        train_classes=torch.from_numpy(drawn_classes.astype(np.int64)),
        donors=picks,
    )
    return model, Strangeness.of_drawn(drawn, drawn_classes, features, classes)
