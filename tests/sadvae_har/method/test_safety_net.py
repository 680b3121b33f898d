"""A gate is tried on folds that it was not fitted on; one that does more harm than good is not used as it is."""

import json
from dataclasses import replace

import numpy as np
import pytest
from synthetic_problem import SPLIT

from feature_extraction.errors import InputError
from sadvae_har.config.settings import GateConfig
from sadvae_har.method.gate import (
    CLEARLY,
    LEAST_KEPT,
    DomainClassifier,
    GateExamples,
    SafetyNet,
    Scores,
    fit_gate,
    fit_without_net,
    with_safety_net,
)

CONFIG, N = GateConfig(), 20
N_TRAIN = len(SPLIT.seen) - len(SPLIT.inner[0])


def make_fold(seed: int, novelty_of_unseen: float, number: int = 0, of_seen: float = 0.0) -> GateExamples:
    """Return `N` windows a class, recognised rightly; text margins say nothing, novelty says what it is told to."""
    rng = np.random.default_rng(seed)
    held_out = SPLIT.inner[number]
    names = tuple(name for name in SPLIT.seen if name not in held_out) + held_out
    labels = np.repeat(np.arange(len(names)), N)
    text = rng.normal(scale=0.1, size=(len(labels), len(names)))
    return GateExamples(
        seen_logits=5 * np.eye(len(names))[labels][:, :N_TRAIN],
        text_logits=text,
        novelty=np.where(labels >= N_TRAIN, novelty_of_unseen, of_seen) + rng.normal(scale=0.1, size=len(labels)),
        labels=labels,
        class_names=names,
        subjects=np.full(len(labels), SPLIT.val_subjects[0]),
        rows=np.arange(len(labels)),
    )


def unseen_share(gate: DomainClassifier, scores: Scores) -> float:
    return float((gate.predict(scores) >= scores.seen_logits.shape[1]).mean())


def test_gate_that_works_is_left_alone() -> None:
    folds = [make_fold(0, 2.0), make_fold(1, 2.0, 1)]
    gate, fitted = fit_gate(folds, SPLIT, CONFIG, seed=0), fit_without_net(folds, SPLIT, CONFIG, seed=0)[0]
    assert replace(gate, net=SafetyNet()) == fitted
    assert gate.net == SafetyNet("kept", 1.0, 1.0, 1.0, 1.0, n_folds=2)
    assert "100 of 100 windows of seen activities" in gate.net.sentence


def test_a_single_fold_is_said_to_be_the_one_that_the_gate_was_fitted_on() -> None:
    gate = fit_gate([make_fold(0, 2.0)], SPLIT, CONFIG, seed=0)
    assert gate.net.n_folds == 1 and "tried on the one fold that it was fitted on" in gate.net.sentence


def test_gate_that_is_upside_down_on_other_folds_stands_aside() -> None:
    """What is novel is unseen in one fold and seen in the other, so either gate sends the wrong side of the other."""
    folds = [make_fold(0, 2.0), make_fold(1, 0.0, 1, of_seen=2.0)]
    gate = fit_gate(folds, SPLIT, CONFIG, seed=0)
    assert gate.net.action == "stands aside"
    assert gate.net.seen_kept_before + gate.net.unseen_found_before < 1 - CLEARLY
    assert gate.net.seen_kept > 0.9
    assert gate.cues == ("text_margin",) and gate.fusion == "hard"
    for fold in folds:
        assert (gate.predict(fold)[~fold.is_unseen] < N_TRAIN).all()
    matched = replace(
        folds[0], text_logits=folds[0].text_logits + 5.0 * (np.arange(len(folds[0].class_names)) >= N_TRAIN)
    )
    assert unseen_share(gate, matched) == 1


def test_gate_that_is_no_better_than_lots_on_other_folds_is_left_alone() -> None:
    """Each gate takes all windows of the other fold for seen, which is no sign of harm."""
    gate = fit_gate([make_fold(0, 2.0), make_fold(1, -2.0, 1)], SPLIT, CONFIG, seed=0)
    assert gate.net.action == "kept" and gate.net.seen_kept + gate.net.unseen_found == pytest.approx(1, abs=CLEARLY)


def test_threshold_is_raised_where_that_is_enough() -> None:
    folds = [make_fold(0, 2.0), make_fold(1, 2.0, 1)]
    gate, usable, gates = fit_without_net(folds, SPLIT, CONFIG, seed=0)
    everything_unseen = replace(gate, bias=gate.bias + 2.5, threshold=0.05)
    shifted = [replace(one, bias=one.bias + 2.5) for one in gates]
    found = with_safety_net(everything_unseen, usable, shifted)
    assert found.net.action == "moved"
    assert found.net.seen_kept_before < LEAST_KEPT <= found.net.seen_kept
    assert found.threshold > 0.05
    assert replace(found, threshold=0.05, net=SafetyNet()) == everything_unseen


def test_what_was_done_survives_json_and_old_gates_load() -> None:
    gate = fit_gate([make_fold(0, 2.0), make_fold(1, 0.0, 1, of_seen=2.0)], SPLIT, CONFIG, seed=0)
    written = json.loads(json.dumps(gate.to_dict()))
    assert DomainClassifier.from_dict(written, "gate.json") == gate
    del written["net"]
    old = DomainClassifier.from_dict(written, "gate.json")
    assert old == replace(gate, net=SafetyNet()) and old.net.sentence == ""


@pytest.mark.parametrize("change", [{"seen_kept": 1.5}, {"unseen_found": float("nan")}, {"action": "sleeps"}])
def test_impossible_records_are_refused(change: dict[str, object]) -> None:
    written = fit_gate([make_fold(0, 2.0), make_fold(1, 2.0, 1)], SPLIT, CONFIG, seed=0).to_dict()
    with pytest.raises(InputError, match="gate.json: not a domain classifier"):
        DomainClassifier.from_dict(written | {"net": written["net"] | change}, "gate.json")
