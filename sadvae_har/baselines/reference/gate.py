"""The published seen-unseen gate, quirks included; `sadvae_har/method/gate.py` holds the corrected one.

Axis legend: n windows, U unseen (or pseudo-unseen) classes, S seen classes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from feature_extraction.errors import InputError

TEMPERATURES = range(1, 10)
THRESHOLDS = tuple(percent / 100 for percent in range(25, 75))


class GateInputs(NamedTuple):
    """What the gate looks at: unseen-class probabilities [n, U] and seen-class logits [n, S] of n windows."""

    unseen_probabilities: np.ndarray
    seen_logits: np.ndarray


@dataclass(frozen=True)
class ReferenceGateResult:
    """Decisions of the published gate.

    Attributes:
        p_unseen: Probability that a window is of an unseen class, float [n].
        is_unseen: Decision, bool [n].
        temperature: Chosen softmax temperature of the seen logits.
        threshold: Chosen threshold.
    """

    p_unseen: np.ndarray
    is_unseen: np.ndarray
    temperature: int
    threshold: float


def reference_gate(
    pseudo_unseen: GateInputs,
    seen: GateInputs,
    test: GateInputs,
    seed: int,
    temperatures: Iterable[int] = TEMPERATURES,
    thresholds: Iterable[float] = THRESHOLDS,
) -> ReferenceGateResult:
    """Fit the gate on held-out windows and apply it to test windows.

    Args:
        pseudo_unseen: Held-out windows of the pseudo-unseen classes, through models that never saw them.
        seen: Held-out windows of the remaining seen classes, through the same models.
        test: Test windows of all classes, through the final models.
        seed: Seed of the draws (balancing, held-out sixth).
        temperatures: Candidates.
        thresholds: Candidates.

    Returns:
        Decisions on the test windows.

    Raises:
        InputError: Fewer than six windows on one side, or columns or rows that do not fit together.
    """
    for name, group in (("pseudo_unseen", pseudo_unseen), ("seen", seen), ("test", test)):
        if len(group.unseen_probabilities) != len(group.seen_logits) or len(group.seen_logits) < 6:
            shapes = f"{group.unseen_probabilities.shape} and {group.seen_logits.shape}"
            raise InputError(f"{name}: {shapes}; the reference gate needs six or more windows, in the same rows")
    rng = np.random.default_rng(seed)
    n_seen = min(len(seen.seen_logits), len(pseudo_unseen.seen_logits))
    balanced = rng.choice(len(seen.seen_logits), n_seen, replace=False)
    seen = GateInputs(*(table[balanced] for table in seen))
    n_top = min(table.shape[1] for group in (pseudo_unseen, seen, test) for table in group)

    best_accuracy, best = -1.0, (1, 0.5, LogisticRegression())
    for temperature in temperatures:
        held_out, kept = [], []
        for group in (pseudo_unseen, seen):
            inputs = _inputs(group, temperature, n_top)
            order = rng.permutation(len(inputs))
            n_held_out = min(300, len(inputs) // 6)
            held_out.append(inputs[order[:n_held_out]])
            kept.append(inputs[order[n_held_out:]])
        # C = 2: the published two-class softmax at C = 1 penalises the weight difference half as much.
        model = LogisticRegression(C=2.0, max_iter=50_000).fit(*_with_labels(kept))
        values, is_seen = _with_labels(held_out)
        p_unseen = model.predict_proba(values)[:, 0]
        for threshold in thresholds:
            agreement = float(np.mean((p_unseen <= threshold) == is_seen))
            if agreement > best_accuracy:
                best_accuracy, best = agreement, (temperature, threshold, model)

    temperature, threshold, model = best
    p_unseen = model.predict_proba(_inputs(test, temperature, n_top))[:, 0]
    # Quirk: tuned as "unseen if p_unseen > threshold", applied as "seen if 1 - p_unseen > threshold".
    return ReferenceGateResult(p_unseen, ~(1 - p_unseen > threshold), temperature, threshold)


def merge_reference(gate: ReferenceGateResult, test: GateInputs) -> np.ndarray:
    """Return predictions over seen, then unseen classes [n]: index into S + U, unseen ones start at S."""
    n_seen = test.seen_logits.shape[1]
    return np.where(gate.is_unseen, n_seen + test.unseen_probabilities.argmax(1), test.seen_logits.argmax(1))


def _inputs(group: GateInputs, temperature: int, n_top: int) -> np.ndarray:
    """Return the `n_top` largest of both probabilities side by side, [n, 2 n_top]."""
    # Quirk: only the seen side has a temperature, and of it only as many classes as there are unseen ones.
    scaled = np.asarray(group.seen_logits, dtype=np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(1, keepdims=True))
    tables = (group.unseen_probabilities, scaled / scaled.sum(1, keepdims=True))
    return np.concatenate([-np.sort(-table, axis=1)[:, :n_top] for table in tables], axis=1)


def _with_labels(groups: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Stack unseen and seen inputs; label them 0 and 1."""
    return np.concatenate(groups), np.repeat([0, 1], [len(group) for group in groups])
