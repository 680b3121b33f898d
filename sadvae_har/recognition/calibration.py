"""Probabilities that mean what they say, and windows that are like nothing on the list.

Both are fitted on the inner folds: validation subjects, pseudo-unseen classes. The temperature of the joint
probabilities is the one with the smallest log loss (Guo et al., ICML 2017). A window is unknown if it is stranger
(`strangeness.py`) than all but 5 % of the windows of listed activities are. This limit is found separately for windows
taken for trained and for described activities, because the latter are always a little strange, and once more for lists
that hold trained activities alone. Axis legend: n windows, A activities.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.protocol.split import Split
from feature_extraction.storage.plain import from_plain
from sadvae_har.evaluation.metrics import expected_calibration_error, reliability
from sadvae_har.method.gate import DomainClassifier, GateExamples, log_loss, softmax

TEMPERATURES = (0.2, 10.0)
KNOWN_KEPT = 0.95


@dataclass(frozen=True)
class Calibration:
    """What was fitted.

    Attributes:
        temperature: Divisor of the joint log scores.
        trained_limit: Strangeness beyond which a window taken for a trained activity is unknown.
        described_limit: The same for a window taken for a described one.
        alone_limit: The same for every window while the list has no described activities.
    """

    temperature: float
    trained_limit: float
    described_limit: float
    alone_limit: float

    def probabilities(self, joint: np.ndarray) -> np.ndarray:
        """Return probabilities [n, A] from joint log scores [n, A]."""
        return softmax(joint / self.temperature)

    def excess(self, strangeness: np.ndarray, described: np.ndarray | None) -> np.ndarray:
        """Return by how much windows exceed the limit [n]; unknown ones are above 0.

        Args:
            strangeness: As `Strangeness` measures it, smoothed [n].
            described: Whether the window is taken for a described activity [n]; none if there are no such activities.
        """
        limit = self.limit_of_trained(described is not None)
        return strangeness - (limit if described is None else np.where(described, self.described_limit, limit))

    def limit_of_trained(self, has_described: bool) -> float:
        """Return the limit for windows taken for a trained activity, on a list with or without described ones."""
        return self.trained_limit if has_described else self.alone_limit

    def to_dict(self) -> dict[str, float]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Any) -> "Calibration":
        """Rebuild from `to_dict`.

        Raises:
            InputError: A field is missing or no finite number.
        """
        calibration = from_plain(cls, value, "calibration")
        if not np.isfinite(list(vars(calibration).values())).all() or calibration.temperature <= 0:
            raise InputError(f"calibration: {value} cannot be used")
        return calibration


def fit_calibration(
    folds: Sequence[GateExamples], strangeness: Sequence[np.ndarray], gate: DomainClassifier, split: Split
) -> Calibration:
    """Fit temperature and limits on inner folds.

    Args:
        folds: Windows of seen and pseudo-unseen classes of validation subjects, one entry per fold.
        strangeness: Their strangeness, smoothed, [n] each; without folds that of training windows among themselves.
        gate: The fitted gate.
        split: The split, whose unseen classes and test subjects are refused.

    Raises:
        LeakageError: A fold holds an unseen class or a test subject.
    """
    for examples in folds:
        split.check_fit(examples.class_names, np.unique(examples.subjects), "calibration")
    if not folds:
        limit = float(np.quantile(np.concatenate(strangeness), KNOWN_KEPT))
        return Calibration(1.0, limit, limit, limit)
    temperature = fit_temperature([gate.joint_log_scores(fold) for fold in folds], [fold.labels for fold in folds])
    found = np.concatenate(strangeness)
    described = np.concatenate([gate.predict(fold) >= fold.seen_logits.shape[1] for fold in folds])
    trained = ~np.concatenate([fold.is_unseen for fold in folds])
    limits = [
        float(np.quantile(found[chosen] if chosen.any() else found, KNOWN_KEPT))
        for chosen in (~described, described, trained)
    ]
    return Calibration(temperature, *limits)


def fit_temperature(joint: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> float:
    """Return the divisor of joint log scores with the smallest log loss, averaged over folds.

    Args:
        joint: Joint log scores of each fold [n, A].
        labels: Position of the true activities [n] each.
    """
    from scipy.optimize import minimize_scalar  # takes half a second; whoever recognises does without

    pairs = [(scores, truth) for scores, truth in zip(joint, labels, strict=True) if len(scores)]
    return float(minimize_scalar(log_loss, args=(pairs,), bounds=TEMPERATURES, method="bounded").x)


def calibration_report(
    test: GateExamples, strangeness: np.ndarray, gate: DomainClassifier, calibration: Calibration
) -> dict[str, Any]:
    """Say how well probabilities and the unknown label do on test windows.

    For the unknown label each unseen class is left out of the list in turn, and its windows should be flagged.

    Args:
        test: Test windows of all classes.
        strangeness: Their strangeness, smoothed [n].
        gate: The fitted gate.
        calibration: What was fitted on the inner folds.

    Returns:
        Plain values: `ece_before` (every temperature 1) and `ece_after` with their reliability tables; `unknown` by
        class; and the curve of known windows kept against unknown ones flagged, averaged over the classes left out.
    """
    uncalibrated = replace(gate, seen_temperature=1.0, unseen_temperature=1.0)
    predicted, rows = gate.predict(test), np.arange(len(test.labels))
    right = predicted == test.labels
    before = softmax(uncalibrated.joint_log_scores(test))[rows, predicted]
    after = calibration.probabilities(gate.joint_log_scores(test))[rows, predicted]
    unknown = _unknown_by_class(test, strangeness, gate, calibration)
    kept_levels = np.round(np.linspace(0.5, 1.0, 51), 2)
    curves = [flagged_at(entry["listed"], entry["unlisted"], kept_levels) for entry in unknown.values()]
    at_95 = np.array([KNOWN_KEPT])
    in_use = {}
    if curves:
        in_use["known_kept"] = float(np.mean([(entry["listed"] <= 0).mean() for entry in unknown.values()]))
        in_use["unknown_flagged"] = float(np.mean([(entry["unlisted"] > 0).mean() for entry in unknown.values()]))
    return {
        "n_windows": len(rows),
        "temperature": calibration.temperature,
        "ece_before": expected_calibration_error(before, right),
        "ece_after": expected_calibration_error(after, right),
        "reliability_before": reliability(before, right).tolist(),
        "reliability_after": reliability(after, right).tolist(),
        "unknown": {
            name: {
                "known_kept": float((entry["listed"] <= 0).mean()),
                "flagged": float((entry["unlisted"] > 0).mean()),
                "flagged_at_95": float(flagged_at(entry["listed"], entry["unlisted"], at_95)[0]),
                "flagged_at_95_trained": float(
                    flagged_at(entry["trained"], entry["unlisted"], np.array([KNOWN_KEPT]))[0]
                ),
            }
            for name, entry in unknown.items()
        },
        "unknown_curve": np.stack([kept_levels, np.mean(curves, axis=0)], axis=1).tolist() if curves else [],
        **in_use,
    }


def flagged_at(listed: np.ndarray, unlisted: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the share of unlisted windows beyond the thresholds that keep given shares of listed windows, [levels]."""
    return (unlisted[None] > np.quantile(listed, kept)[:, None]).mean(1)


def _unknown_by_class(
    test: GateExamples, strangeness: np.ndarray, gate: DomainClassifier, calibration: Calibration
) -> Mapping[str, Mapping[str, np.ndarray]]:
    """Return the excess of windows of listed, of trained and of unlisted classes, with each unseen class left out."""
    n_seen, n_classes = test.seen_logits.shape[1], len(test.class_names)
    result: dict[str, Mapping[str, np.ndarray]] = {}
    for left_out in range(n_seen, n_classes):
        unlisted = test.labels == left_out
        if not unlisted.any() or n_classes - n_seen < 2:
            continue
        listed = replace(test, text_logits=np.delete(test.text_logits, left_out, axis=1))
        excess = calibration.excess(strangeness, gate.predict(listed) >= n_seen)
        result[test.class_names[left_out]] = {
            "listed": excess[~unlisted],
            "trained": excess[test.labels < n_seen],
            "unlisted": excess[unlisted],
        }
    return result
