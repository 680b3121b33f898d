"""Domain classifier: is a window of a seen or of an unseen class?

It reads the two probability vectors p_s and p_u only through summaries that do not depend on how many
classes there are, because it is fitted on inner folds (pseudo-unseen classes of validation subjects) and
applied to the real unseen classes. Temperature and threshold are chosen by leaving one fold out at a time.

Axis legend: n windows, S seen classes, U (pseudo-)unseen classes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from feature_extraction.errors import InputError
from feature_extraction.protocol import Split
from sadvae_har.config import GateConfig
from sadvae_har.gzsl import gated_predictions
from sadvae_har.metrics import auroc, gzsl_scores


@dataclass(frozen=True)
class GateExamples:
    """What one inner fold shows the gate.

    Attributes:
        seen_logits: Seen-class logits [n, S].
        unseen_logits: Pseudo-unseen-class logits [n, U].
        labels: Position of the true class in seen + pseudo-unseen, [n].
        class_names: Names in the same order, S + U.
        subjects: Subject of each window, [n].
    """

    seen_logits: np.ndarray
    unseen_logits: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    subjects: np.ndarray

    @property
    def is_unseen(self) -> np.ndarray:
        """Whether the true class is pseudo-unseen, [n] bool."""
        return self.labels >= self.seen_logits.shape[1]


@dataclass(frozen=True)
class DomainClassifier:
    """A logistic regression on probability summaries, with its temperature and threshold.

    Attributes:
        temperature: Divisor of the logits before the softmax.
        threshold: A window is unseen if and only if its probability exceeds it.
        mean: Mean of each summary where it was fitted.
        scale: Standard deviation of each summary where it was fitted.
        weights: Coefficients on the standardised summaries.
        bias: Intercept.
    """

    temperature: float
    threshold: float
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def p_unseen(self, seen_logits: np.ndarray, unseen_logits: np.ndarray) -> np.ndarray:
        """Return the probability that each window is of an unseen class, [n]."""
        summaries = probability_summaries(seen_logits / self.temperature, unseen_logits / self.temperature)
        standard = (summaries - np.array(self.mean)) / np.array(self.scale)
        return 1 / (1 + np.exp(-(standard @ np.array(self.weights) + self.bias)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: dict[str, Any], where: str) -> "DomainClassifier":
        """Rebuild from `to_dict`.

        Raises:
            InputError: A field is missing or unknown.
        """
        try:
            return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in value.items()})
        except TypeError as error:
            raise InputError(f"{where}: not a domain classifier ({error}); train the gate again") from None


def probability_summaries(seen_logits: np.ndarray, unseen_logits: np.ndarray) -> np.ndarray:
    """Summarise both probability vectors, [n, 6].

    For each side: log of the largest probability, log ratio of the two largest, and entropy divided by
    the log of the number of classes.
    """
    columns: list[np.ndarray] = []
    for logits in (seen_logits, unseen_logits):
        log_p = log_softmax(logits, axis=1)
        top = np.sort(log_p, axis=1)[:, -2:]
        entropy = -(np.exp(log_p) * log_p).sum(1) / np.log(log_p.shape[1])
        columns += [top[:, 1], np.minimum(top[:, 1] - top[:, 0], 20.0), entropy]
    return np.stack(columns, axis=1)


def fit_gate(folds: Sequence[GateExamples], split: Split, config: GateConfig, seed: int) -> DomainClassifier:
    """Fit the domain classifier on inner folds.

    Args:
        folds: Windows of seen and pseudo-unseen classes of validation subjects, one entry per fold.
        split: The split, whose unseen classes and test subjects are refused.
        config: Candidate temperatures and regularisation.
        seed: Seed of the solver.

    Raises:
        LeakageError: A fold holds an unseen class or a test subject.
    """
    for examples in folds:
        split.check_fit(examples.class_names, np.unique(examples.subjects), "domain classifier")
    usable = [examples for examples in folds if 0 < examples.is_unseen.sum() < len(examples.labels)]
    if not usable:
        raise InputError(
            f"domain classifier: split {split.name} has no inner fold with both seen and pseudo-unseen windows "
            f"of the validation subjects {list(split.val_subjects)}; choose other validation subjects"
        )
    best: tuple[float, float, list[np.ndarray]] | None = None
    for temperature in config.temperatures:
        held_out = _held_out_probabilities(usable, temperature, config, seed)
        quality = float(np.mean([auroc(e.is_unseen, p) for e, p in zip(usable, held_out, strict=True)]))
        if best is None or quality > best[0]:
            best = (quality, temperature, held_out)
    assert best is not None
    _, temperature, held_out = best
    threshold = choose_threshold(usable, held_out)
    return _fit(usable, temperature, threshold, config, seed)


def choose_threshold(folds: Sequence[GateExamples], p_unseen: Sequence[np.ndarray]) -> float:
    """Return the threshold with the best harmonic mean of S and U, averaged over the folds."""

    def mean_harmonic(threshold: float) -> float:
        scores = []
        for examples, p in zip(folds, p_unseen, strict=True):
            predicted = gated_predictions(examples.seen_logits, examples.unseen_logits, p, threshold)
            n_seen, n_classes = examples.seen_logits.shape[1], len(examples.class_names)
            _, _, harmonic = gzsl_scores(examples.labels, predicted, range(n_seen), range(n_seen, n_classes))
            scores.append(harmonic)
        return float(np.mean(scores))

    return max(np.round(np.linspace(0.05, 0.95, 91), 2).tolist(), key=mean_harmonic)


def _held_out_probabilities(
    folds: Sequence[GateExamples], temperature: float, config: GateConfig, seed: int
) -> list[np.ndarray]:
    """Return p_unseen of each fold from a gate fitted on the others (on itself if it is the only one)."""
    probabilities = []
    for k, examples in enumerate(folds):
        others = [*folds[:k], *folds[k + 1 :]] or [examples]
        gate = _fit(others, temperature, 0.5, config, seed)
        probabilities.append(gate.p_unseen(examples.seen_logits, examples.unseen_logits))
    return probabilities


def _fit(
    folds: Sequence[GateExamples], temperature: float, threshold: float, config: GateConfig, seed: int
) -> DomainClassifier:
    summaries = np.concatenate(
        [probability_summaries(e.seen_logits / temperature, e.unseen_logits / temperature) for e in folds]
    )
    scaler = StandardScaler().fit(summaries)
    regression = LogisticRegression(C=config.regularisation, class_weight="balanced", random_state=seed, max_iter=1000)
    regression.fit(scaler.transform(summaries), np.concatenate([e.is_unseen for e in folds]))
    return DomainClassifier(
        temperature=float(temperature),
        threshold=float(threshold),
        mean=tuple(scaler.mean_.tolist()),
        scale=tuple(scaler.scale_.tolist()),
        weights=tuple(regression.coef_[0].tolist()),
        bias=float(regression.intercept_[0]),
    )
