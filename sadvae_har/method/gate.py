"""Domain classifier: is a window of a seen or of an unseen class?

It is fitted on inner folds (pseudo-unseen classes of validation subjects) and applied to the real unseen
classes, so it reads only cues whose meaning does not depend on how many classes there are:

* the text margin: how much better the best unseen description matches than the best seen one, both in
  the same semantic latent space;
* novelty: how far the window lies from every training window;
* energy: how little the seen classifier makes of the window (Liu et al., NeurIPS 2020).

SA-DVAE reads the probability vectors of the seen and the unseen classifier instead, whose shape changes with the
number of classes. Temperatures make the two classifiers' probabilities comparable; they and the threshold are chosen
on the inner folds too. Axis legend: n windows, S seen classes, U (pseudo-)unseen classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy.special import log_softmax, logsumexp

from feature_extraction.errors import InputError
from feature_extraction.protocol.split import Split
from sadvae_har.config.settings import GateConfig
from sadvae_har.evaluation.metrics import gzsl_scores
from sadvae_har.method.gzsl import fused_predictions, gated_predictions, joint_log_scores

THRESHOLDS = np.round(np.linspace(0.05, 0.95, 91), 2)
N_NEIGHBORS = 5  # Nearest training windows whose mean distance says how new a window is.
NOVELTY_CHUNK = 512  # Windows whose distances to all training windows are in memory at once.
PER_CUE = ("mean", "scale", "weights")  # Fields of the domain classifier with one number per cue.


@dataclass(frozen=True)
class Scores:
    """What the gate and the two classifiers read of windows.

    Attributes:
        seen_logits: Logits of the classifier of the training classes [n, S].
        text_logits: Logits of all classes by description, training classes first [n, S + U].
        novelty: Log distance to the training windows [n].
    """

    seen_logits: np.ndarray
    text_logits: np.ndarray
    novelty: np.ndarray

    @property
    def unseen_logits(self) -> np.ndarray:
        """Logits of the classes known by description only, [n, U]."""
        return self.text_logits[:, self.seen_logits.shape[1] :]

    def cues(self, names: Sequence[str]) -> np.ndarray:
        """Return the named cues, [n, len(names)]."""
        n_seen = self.seen_logits.shape[1]
        values: dict[str, Callable[[], np.ndarray]] = {
            "text_margin": lambda: self.text_logits[:, n_seen:].max(1) - self.text_logits[:, :n_seen].max(1),
            "novelty": lambda: self.novelty,
            "energy": lambda: -logsumexp(self.seen_logits, axis=1),
        }
        return np.stack([values[name]() for name in names], axis=1)


@dataclass(frozen=True)
class GateExamples(Scores):
    """Scores of the labelled windows of one fold, whose training classes count as seen.

    Attributes:
        labels: Position of the true class in training + held-out classes [n].
        class_names: Names in the same order, S + U.
        subjects: Subject of each window [n].
        rows: Index of each window in the feature table [n].
    """

    labels: np.ndarray
    class_names: tuple[str, ...]
    subjects: np.ndarray
    rows: np.ndarray

    @property
    def is_unseen(self) -> np.ndarray:
        """Whether the true class is a held-out one, [n] bool."""
        return self.labels >= self.seen_logits.shape[1]


@dataclass(frozen=True)
class DomainClassifier:
    """A logistic regression on the cues, with temperatures and a threshold.

    Attributes:
        cues: Names of the cues it reads.
        fusion: `hard` or `soft`, see `GateConfig`.
        seen_temperature: Divisor of the seen logits before the softmax.
        unseen_temperature: Divisor of the unseen logits before the softmax.
        threshold: Probability of unseen beyond which a window is unseen; soft fusion shifts its odds as much.
        mean: Mean of each cue where it was fitted.
        scale: Standard deviation of each cue where it was fitted.
        weights: Coefficients on the standardised cues.
        bias: Intercept.
    """

    cues: tuple[str, ...]
    fusion: str
    seen_temperature: float
    unseen_temperature: float
    threshold: float
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def p_unseen(self, scores: Scores) -> np.ndarray:
        """Return the probability that each window is of an unseen class, [n]."""
        standard = (scores.cues(self.cues) - np.array(self.mean)) / np.array(self.scale)
        return 1 / (1 + np.exp(-(standard @ np.array(self.weights) + self.bias)))

    def probabilities(self, scores: Scores) -> tuple[np.ndarray, np.ndarray]:
        """Return p_s [n, S] and p_u [n, U] at their temperatures."""
        return (
            self.seen_probabilities(scores),
            softmax(scores.unseen_logits / self.unseen_temperature),
        )

    def seen_probabilities(self, scores: Scores) -> np.ndarray:
        """Return the probabilities of the training classes alone, [n, S]."""
        return softmax(scores.seen_logits / self.seen_temperature)

    def predict(self, scores: Scores) -> np.ndarray:
        """Return predicted positions in training + held-out classes, [n]."""
        return self.decide(scores)[1]

    def joint_log_scores(self, scores: Scores) -> np.ndarray:
        """Return the log probability of every class, [n, S + U]."""
        return self.decide(scores)[0]

    def decide(self, scores: Scores) -> tuple[np.ndarray, np.ndarray]:
        """Return what `joint_log_scores` and `predict` do, at the price of one of them."""
        seen, unseen, p_unseen = *self.probabilities(scores), self.p_unseen(scores)
        rule = gated_predictions if self.fusion == "hard" else fused_predictions
        return joint_log_scores(seen, unseen, p_unseen), rule(seen, unseen, p_unseen, self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Any, where: str) -> "DomainClassifier":
        """Rebuild from `to_dict`.

        Raises:
            InputError: A field is missing, unknown, or does not hold the finite numbers it should.
        """
        try:
            config = GateConfig(cues=tuple(value["cues"]), fusion=value["fusion"])
            fields: dict[str, Any] = {"cues": config.cues, "fusion": config.fusion}
            for name in value.keys() - fields.keys():
                number = np.array(value[name], np.float64)
                if number.shape != ((len(config.cues),) if name in PER_CUE else ()) or not np.isfinite(number).all():
                    raise ValueError(f"{name} is {value[name]!r}")
                fields[name] = tuple(number.tolist()) if number.ndim else number.item()
            return cls(**fields)
        except (AttributeError, KeyError, TypeError, ValueError, InputError) as error:
            raise InputError(f"{where}: not a domain classifier ({error}); train the gate again") from None


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities of logits [n, classes]; SciPy's gives the same, in ten times as long for a single window."""
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


class TrainingWindows:
    """Training windows in feature space, and how far others lie from them (Sun et al. 2022, kNN OOD)."""

    def __init__(self, features: np.ndarray, n_neighbors: int = N_NEIGHBORS) -> None:
        """Keep standardised features [R, D]; distances are means over the nearest `n_neighbors`."""
        self.features = np.ascontiguousarray(features, np.float32)
        self.n_neighbors = min(n_neighbors, len(features))
        self._squared = np.square(self.features).sum(1)

    def novelty(self, features: np.ndarray) -> np.ndarray:
        """Return the log mean distance of windows [n, D] to their nearest training windows, [n]."""
        distances = [self._distances(part) for part in np.array_split(features, len(features) // NOVELTY_CHUNK + 1)]
        return np.log(np.concatenate(distances) + 1e-6)

    def _distances(self, features: np.ndarray) -> np.ndarray:
        squared = self._squared - 2 * features @ self.features.T + np.square(features).sum(1)[:, None]
        nearest = np.partition(squared, self.n_neighbors - 1, axis=1)[:, : self.n_neighbors]
        return np.sqrt(np.maximum(nearest, 0)).mean(1)


def fit_gate(folds: Sequence[GateExamples], split: Split, config: GateConfig, seed: int) -> DomainClassifier:
    """Fit temperatures, domain classifier and threshold on inner folds.

    Args:
        folds: Windows of seen and pseudo-unseen classes of validation subjects, one entry per fold.
        split: The split, whose unseen classes and test subjects are refused.
        config: Candidate temperatures and regularisation.
        seed: Seed of the solver.

    Raises:
        LeakageError: A fold holds an unseen class or a test subject.
        InputError: No fold has windows of both kinds.
    """
    for examples in folds:
        split.check_fit(examples.class_names, np.unique(examples.subjects), "domain classifier")
    usable = [examples for examples in folds if 0 < examples.is_unseen.sum() < len(examples.labels)]
    if not usable:
        raise InputError(
            f"domain classifier: split {split.name} has no inner fold with both seen and pseudo-unseen windows "
            f"of the validation subjects {list(split.val_subjects)}; choose other validation subjects"
        )
    held_out = []
    for k in range(len(usable)):
        others = [*usable[:k], *usable[k + 1 :]] or usable
        held_out.append(_fit(others, config, seed))
    return replace(_fit(usable, config, seed), threshold=choose_threshold(usable, held_out))


def choose_threshold(folds: Sequence[GateExamples], gates: Sequence[DomainClassifier]) -> float:
    """Return the threshold nearest to 0.5 among those as good as the best; gate k was fitted without fold k.

    Goodness is the harmonic mean of S and U, averaged over the folds; as good means within one standard
    error over the folds. A few validation subjects cannot tell such thresholds apart.
    """
    harmonic = np.array(
        [
            [_harmonic(fold, replace(gate, threshold=float(threshold))) for threshold in THRESHOLDS]
            for fold, gate in zip(folds, gates, strict=True)
        ]
    )
    mean = harmonic.mean(0)
    best = int(mean.argmax())
    error = harmonic[:, best].std(ddof=1) / np.sqrt(len(folds)) if len(folds) > 1 else 0.0
    as_good = THRESHOLDS[mean >= mean[best] - error]
    return float(as_good[np.abs(as_good - 0.5).argmin()])


def best_temperature(logits: Sequence[np.ndarray], labels: Sequence[np.ndarray], candidates: Sequence[float]) -> float:
    """Return the temperature with the smallest log loss, averaged over folds; 1 if no fold has windows."""
    pairs = [(x, y) for x, y in zip(logits, labels, strict=True) if len(y)]
    return float(min(candidates, key=lambda temperature: log_loss(temperature, pairs))) if pairs else 1.0


def log_loss(temperature: float, folds: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the log loss of logits over a temperature, averaged over folds.

    Args:
        temperature: Divisor of the logits.
        folds: Logits [n, A] and positions of the true classes [n] of each fold, which has at least one window.
    """
    losses = [-log_softmax(x / temperature, axis=1)[np.arange(len(y)), y].mean() for x, y in folds]
    return float(np.mean(losses))


def _harmonic(examples: GateExamples, gate: DomainClassifier) -> float:
    n_seen, n_classes = examples.seen_logits.shape[1], len(examples.class_names)
    return gzsl_scores(examples.labels, gate.predict(examples), range(n_seen), range(n_seen, n_classes))[2]


def _fit(folds: Sequence[GateExamples], config: GateConfig, seed: int) -> DomainClassifier:
    cues = np.concatenate([examples.cues(config.cues) for examples in folds])
    from sklearn.linear_model import LogisticRegression  # slow to import, and a trained gate does without
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(cues)
    regression = LogisticRegression(C=config.regularisation, class_weight="balanced", random_state=seed)
    regression.fit(scaler.transform(cues), np.concatenate([examples.is_unseen for examples in folds]))
    seen = [~examples.is_unseen for examples in folds]
    return DomainClassifier(
        cues=config.cues,
        fusion=config.fusion,
        seen_temperature=best_temperature(
            [e.seen_logits[mask] for e, mask in zip(folds, seen, strict=True)],
            [e.labels[mask] for e, mask in zip(folds, seen, strict=True)],
            config.temperatures,
        ),
        unseen_temperature=best_temperature(
            [e.unseen_logits[~mask] for e, mask in zip(folds, seen, strict=True)],
            [e.labels[~mask] - e.seen_logits.shape[1] for e, mask in zip(folds, seen, strict=True)],
            config.temperatures,
        ),
        threshold=0.5,
        mean=tuple(scaler.mean_.tolist()),
        scale=tuple(scaler.scale_.tolist()),
        weights=tuple(regression.coef_[0].tolist()),
        bias=float(regression.intercept_[0]),
    )
