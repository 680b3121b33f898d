"""The gate: which way its threshold points, what it may be fitted on, and what it must not depend on."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from synthetic_problem import SPLIT

from feature_extraction.errors import InputError, LeakageError
from sadvae_har.config.settings import GATE_CUES, GateConfig
from sadvae_har.evaluation.metrics import auroc, gzsl_scores
from sadvae_har.method import gate as gate_module
from sadvae_har.method.gate import (
    THRESHOLDS,
    DomainClassifier,
    GateExamples,
    best_temperature,
    choose_threshold,
    fit_gate,
)

CONFIG = GateConfig()
CUES = CONFIG.cues


def make_fold(seed: int = 0, held_out: tuple[str, ...] = SPLIT.inner[0], n: int = 20, **changes: Any) -> GateExamples:
    """Return `n` windows per class; held-out ones have a larger text margin and lie further from training windows."""
    rng = np.random.default_rng(seed)
    train = tuple(name for name in SPLIT.seen if name not in held_out)
    names = train + held_out
    labels = np.repeat(np.arange(len(names)), n)
    is_unseen = labels >= len(train)
    logits, text = (3 * np.eye(len(names))[labels] + rng.normal(size=(len(labels), len(names))) for _ in range(2))
    fold = GateExamples(
        seen_logits=logits[:, : len(train)],
        text_logits=text,
        novelty=1 * is_unseen + rng.normal(size=len(labels)),
        labels=labels,
        class_names=names,
        subjects=np.tile(np.array(SPLIT.val_subjects), len(labels) // 2),
        rows=np.arange(len(labels)),
    )
    return replace(fold, **changes)


def logit(p: float) -> float:
    """Return log odds by the formula that the threshold goes through, so that equal probabilities stay equal."""
    return math.log(p / (1 - p))


@dataclass(frozen=True)
class FixedGate(DomainClassifier):
    """A gate whose probabilities are given."""

    fixed: tuple[float, ...] = ()

    def _log_odds(self, *_: torch.Tensor) -> torch.Tensor:
        return torch.tensor([logit(p) for p in self.fixed], dtype=torch.float64)


def fixed_gate(p: np.ndarray, fusion: str = "hard") -> DomainClassifier:
    return FixedGate(CUES, fusion, 1.0, 1.0, 0.5, (0.0,) * 2, (1.0,) * 2, (1.0,) * 2, 0.0, tuple(p.tolist()))


FOLDS = (make_fold(0), make_fold(1, SPLIT.inner[1]))


@pytest.fixture(scope="module")
def gate() -> DomainClassifier:
    return fit_gate(FOLDS, SPLIT, CONFIG, seed=0)


def test_unseen_windows_get_the_higher_probability(gate: DomainClassifier) -> None:
    fresh = make_fold(2)
    p = gate.p_unseen(fresh)
    assert ((p > 0) & (p < 1)).all()
    assert auroc(fresh.is_unseen, p) > 0.9
    assert min(gate.weights) > 0


def test_higher_probability_means_unseen(gate: DomainClassifier) -> None:
    fold = make_fold(2)
    order = np.argsort(gate.p_unseen(fold))
    called_unseen = gate.predict(fold)[order] >= fold.seen_logits.shape[1]
    assert 0 < called_unseen.sum() < len(called_unseen)
    assert (np.diff(called_unseen.astype(int)) >= 0).all()


def test_probability_by_hand() -> None:
    gate = DomainClassifier(
        CUES, "hard", 1.0, 1.0, 0.5, mean=(1.0, 0.0), scale=(2.0, 1.0), weights=(1.0, -1.0), bias=0.5
    )
    margin_of_three = np.array([[2.0, 5.0, 0, 0, 0, 1.0, 8.0, 0]] * 160)
    fold = make_fold(text_logits=margin_of_three, novelty=np.full(160, 0.5))
    # (3 - 1) / 2 - 0.5 + 0.5 = 1.
    assert gate.p_unseen(fold) == pytest.approx(np.full(160, 1 / (1 + math.exp(-1))))


def test_temperatures_by_hand() -> None:
    """An even gate; seen probabilities 1/4 and 3/4, unseen ones 1/5 and 4/5."""
    gate = DomainClassifier(
        CUES, "hard", 2.0, 0.5, 0.5, mean=(0.0, 0.0), scale=(1.0, 1.0), weights=(0.0, 0.0), bias=0.0
    )
    fold = make_fold(
        seen_logits=np.array([[0.0, 2 * math.log(3)]]),
        text_logits=np.array([[7.0, -7.0, 0.0, 0.5 * math.log(4)]]),
        novelty=np.zeros(1),
    )
    assert np.exp(gate.joint_log_scores(fold)) == pytest.approx(np.array([[0.125, 0.375, 0.1, 0.4]]))


def test_energy_by_hand() -> None:
    fold = make_fold(seen_logits=np.log([[1.0, 2, 3, 4, 5, 6]]), text_logits=np.zeros((1, 8)), novelty=np.ones(1))
    assert fold.cues(("energy", "novelty")) == pytest.approx(np.array([[-math.log(21), 1.0]]))


def test_tuned_rule_is_the_applied_rule_at_every_threshold(
    gate: DomainClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log odds on, just below and just above each threshold score alike in tuning, in application and by hand."""
    fold = make_fold(3, n=50)
    n_seen, n_classes = fold.seen_logits.shape[1], len(fold.class_names)
    rng = np.random.default_rng(0)
    on = np.array([logit(float(threshold)) for threshold in THRESHOLDS])
    near = np.concatenate([on, np.nextafter(on, -np.inf), np.nextafter(on, np.inf)])
    fitted = gate._log_odds(*fold.tensors()).numpy()
    log_odds = np.where(rng.random(len(fold.labels)) < 0.5, rng.choice(near, len(fold.labels)), fitted)
    monkeypatch.setattr(DomainClassifier, "_log_odds", lambda self, *scores: torch.from_numpy(log_odds))
    seen, unseen = fold.seen_logits.argmax(1), n_seen + fold.unseen_logits.argmax(1)
    n_on = 0
    for threshold, log_odds_there in zip(THRESHOLDS, on, strict=True):
        tuned = replace(gate, threshold=float(threshold))
        loaded = DomainClassifier.from_dict(json.loads(json.dumps(tuned.to_dict())), "gate.json")
        by_hand = np.where(log_odds > log_odds_there, unseen, seen)
        n_on += (log_odds == log_odds_there).sum()
        assert np.array_equal(loaded.predict(fold), by_hand)
        expected = gzsl_scores(fold.labels, by_hand, range(n_seen), range(n_seen, n_classes))[2]
        assert gate_module._harmonic(fold, tuned) == expected
    assert n_on > 30


@pytest.mark.parametrize(
    ("p_seen", "p_unseen", "expected"),
    [
        (0.2, 0.8, 0.5),  # 0.2 ... 0.79 are all perfect: the one nearest to 0.5
        (0.6, 0.9, 0.6),  # a seen window on the threshold is seen, so 0.6 itself is perfect
        (0.1, 0.3, 0.29),  # an unseen window must exceed it, so 0.3 is not
    ],
)
def test_threshold_by_hand(p_seen: float, p_unseen: float, expected: float) -> None:
    fold = make_fold()
    assert choose_threshold([fold], [fixed_gate(np.where(fold.is_unseen, p_unseen, p_seen))]) == expected


def test_threshold_is_within_one_standard_error_of_the_best(gate: DomainClassifier) -> None:
    folds = [make_fold(seed) for seed in range(5)]
    gates = [fixed_gate(gate.p_unseen(fold) ** 3) for fold in folds]
    harmonic = np.array(
        [
            [gate_module._harmonic(f, replace(g, threshold=float(t))) for t in THRESHOLDS]
            for f, g in zip(folds, gates, strict=True)
        ]
    )
    chosen = int(np.flatnonzero(choose_threshold(folds, gates) == THRESHOLDS).item())
    best = int(harmonic.mean(0).argmax())
    error = harmonic[:, best].std(ddof=1) / math.sqrt(5)
    assert harmonic.mean(0)[chosen] >= harmonic.mean(0)[best] - error
    nearer = np.abs(THRESHOLDS - 0.5) < abs(THRESHOLDS[chosen] - 0.5)
    assert (harmonic.mean(0)[nearer] < harmonic.mean(0)[best] - error).all()


def test_temperature_by_hand() -> None:
    """Three of four windows are right at a log odds of 2 ln 3: twice too sure."""
    logits, labels = np.tile([0.0, 2 * math.log(3)], (4, 1)), np.array([1, 1, 1, 0])
    assert best_temperature([logits], [labels], CONFIG.temperatures) == 2.0
    assert best_temperature([logits / 8], [labels], (0.25, 1.0, 4.0)) == 0.25
    assert best_temperature([logits[:0]], [labels[:0]], CONFIG.temperatures) == 1.0


def test_cues_do_not_depend_on_order_or_number_of_classes(gate: DomainClassifier) -> None:
    """A gate fitted on few pseudo-unseen classes means the same on any number of unseen ones."""
    fold = make_fold(4)
    rng = np.random.default_rng(0)
    n_seen = fold.seen_logits.shape[1]
    seen_text, unseen_text = fold.text_logits[:, :n_seen], fold.text_logits[:, n_seen:]
    backwards = np.concatenate([seen_text[:, ::-1], unseen_text[:, ::-1]], axis=1)
    permuted = replace(fold, seen_logits=fold.seen_logits[:, ::-1].copy(), text_logits=backwards)
    low = np.full((160, 30), -99.0)
    larger = replace(
        fold,
        seen_logits=np.concatenate([fold.seen_logits, rng.normal(size=(160, 30))], axis=1),
        text_logits=np.concatenate([seen_text, low, unseen_text, low[:, :9]], axis=1),
    )
    for other in (permuted, larger):
        assert np.array_equal(gate.p_unseen(other), gate.p_unseen(fold))


def test_threshold_does_not_depend_on_the_order_of_classes() -> None:
    fold = make_fold(5)
    p = np.random.default_rng(1).random(160) * 0.5 + 0.5 * fold.is_unseen
    reordered = replace(
        fold,
        seen_logits=fold.seen_logits[:, ::-1].copy(),
        labels=np.where(fold.labels < 6, 5 - fold.labels, fold.labels),
    )
    gates = [fixed_gate(p)]
    assert choose_threshold([fold], gates) == choose_threshold([reordered], gates)


def test_soft_fusion_weighs_both_classifiers() -> None:
    """A sure seen classifier outweighs an unsure unseen one that the gate slightly prefers."""
    fold = make_fold(seen_logits=np.array([[9.0, 0.0]]), text_logits=np.array([[0.0, 0.0, 1.0, 1.1]]), n=20)
    p = np.array([0.55])
    assert fixed_gate(p).predict(fold).tolist() == [3]
    assert fixed_gate(p, "soft").predict(fold).tolist() == [0]
    assert replace(fixed_gate(p, "soft"), threshold=0.05).predict(fold).tolist() == [3]


@pytest.mark.parametrize("cue", GATE_CUES)
def test_every_cue_alone_makes_a_gate(cue: str) -> None:
    gate = fit_gate(FOLDS, SPLIT, GateConfig(cues=(cue,)), seed=0)
    assert gate.cues == (cue,) and len(gate.weights) == 1
    assert auroc(make_fold(2).is_unseen, gate.p_unseen(make_fold(2))) > 0.6


@pytest.mark.parametrize("n_folds", [1, 2])
def test_one_fold_is_enough(n_folds: int) -> None:
    """Then temperatures, weights and threshold all come from that fold."""
    folds = list(FOLDS[:n_folds])
    found = fit_gate(folds, SPLIT, CONFIG, seed=0)
    fitted = gate_module._fit(folds, CONFIG, 0)
    assert replace(found, threshold=0.5, net=fitted.net) == fitted
    if n_folds == 1:
        assert found.threshold == choose_threshold(folds, [fitted])


def test_weaker_regularisation_gives_larger_weights() -> None:
    lengths = [
        np.linalg.norm(fit_gate(FOLDS, SPLIT, GateConfig(regularisation=strength), seed=0).weights)
        for strength in (1e-3, 1e-2, 1.0)
    ]
    assert 4 * lengths[0] < 2 * lengths[1] < lengths[2]


def test_kinds_count_alike_however_many_windows_they_have() -> None:
    """Seen windows four times over leave the gate where it was: on fresh windows its log odds do not shift by ln 4."""
    fold, fresh = FOLDS[0], make_fold(2)
    rows = np.concatenate([np.tile(np.flatnonzero(~fold.is_unseen), 4), np.flatnonzero(fold.is_unseen)])
    columns = ("seen_logits", "text_logits", "novelty", "labels", "subjects", "rows")
    more = replace(fold, **{name: getattr(fold, name)[rows] for name in columns})
    loose = GateConfig(regularisation=1e4)  # otherwise four times the windows would weigh against the penalty
    found, wanted = (fit_gate([entry], SPLIT, loose, seed=0)._log_odds(*fresh.tensors()) for entry in (more, fold))
    assert found.numpy() == pytest.approx(wanted.numpy(), abs=0.05)


def test_threshold_is_chosen_with_gates_that_never_saw_the_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[DomainClassifier] = []
    original: Callable[..., float] = choose_threshold

    def spy(folds: list[GateExamples], gates: list[DomainClassifier]) -> float:
        handed.extend(gates)
        return original(folds, gates)

    monkeypatch.setattr(gate_module, "choose_threshold", spy)
    fit_gate(FOLDS, SPLIT, CONFIG, seed=0)
    for k in range(2):
        assert handed[k] == gate_module._fit([FOLDS[1 - k]], CONFIG, 0)


def test_an_unseen_class_is_leakage() -> None:
    names = (*SPLIT.seen[:7], SPLIT.unseen[0])
    with pytest.raises(LeakageError, match=f"domain classifier: .*{SPLIT.unseen[0]}"):
        fit_gate([*FOLDS, make_fold(class_names=names)], SPLIT, CONFIG, seed=0)


def test_a_test_subject_is_leakage() -> None:
    subjects = np.where(np.arange(160) == 159, SPLIT.test_subjects[0], SPLIT.val_subjects[0])
    with pytest.raises(LeakageError, match=r"domain classifier: .*test subjects.*s6"):
        fit_gate([make_fold(subjects=subjects), *FOLDS], SPLIT, CONFIG, seed=0)


@pytest.mark.parametrize("wanted", [True, False], ids=["no seen windows", "no pseudo-unseen windows"])
def test_folds_with_one_kind_of_window_only_are_refused(wanted: bool) -> None:
    fold = make_fold()
    kept = fold.is_unseen == wanted
    rows = ("seen_logits", "text_logits", "novelty", "labels", "subjects", "rows")
    one_sided = replace(fold, **{name: getattr(fold, name)[kept] for name in rows})
    with pytest.raises(InputError, match=r"split random-1 has no inner fold .*\['s4', 's5'\]; choose other"):
        fit_gate([one_sided], SPLIT, CONFIG, seed=0)
    assert fit_gate([*FOLDS, one_sided], SPLIT, CONFIG, seed=0) == fit_gate(FOLDS, SPLIT, CONFIG, seed=0)


def test_same_folds_same_gate(gate: DomainClassifier) -> None:
    assert fit_gate(FOLDS, SPLIT, CONFIG, seed=0) == gate
    assert fit_gate(FOLDS[::-1], SPLIT, CONFIG, seed=0).threshold == gate.threshold


def test_round_trip_through_json(gate: DomainClassifier) -> None:
    loaded = DomainClassifier.from_dict(json.loads(json.dumps(gate.to_dict())), "gate.json")
    assert loaded == gate
    assert np.array_equal(loaded.p_unseen(FOLDS[0]), gate.p_unseen(FOLDS[0]))


@pytest.mark.parametrize(
    "damage",
    [
        lambda value: {k: v for k, v in value.items() if k != "bias"},
        lambda value: value | {"colour": 1.0},
        lambda value: value | {"threshold": "high"},
        lambda value: value | {"threshold": None},
        lambda value: value | {"threshold": 1},
        lambda value: value | {"unseen_temperature": 0.0},
        lambda value: value | {"scale": [1.0, 0.0]},
        lambda value: value | {"bias": float("nan")},
        lambda value: value | {"bias": 10**400},
        lambda value: value | {"bias": [1.0, 2.0]},
        lambda value: value | {"mean": [0.0]},
        lambda value: value | {"weights": 1.0},
        lambda value: value | {"cues": ["weather", "novelty"]},
        lambda value: value | {"cues": ["novelty"]},
        lambda value: value | {"fusion": "warm"},
        lambda value: list(value.values()),
        lambda value: None,
    ],
)
def test_damaged_gate_is_refused(gate: DomainClassifier, damage: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(InputError, match=r"run/gate\.json: not a domain classifier.*; train the gate again"):
        DomainClassifier.from_dict(damage(json.loads(json.dumps(gate.to_dict()))), "run/gate.json")
