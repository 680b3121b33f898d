"""Every path from predictions to reported numbers: a perfect predictor scores 1, an ignorant one chance."""

from typing import Any

import numpy as np
import pytest

from feature_extraction.errors import InputError
from sadvae_har.evaluation.metrics import chance_ausuc
from sadvae_har.evaluation.numbers import GatedWindows, TestWindows, evaluate_gzsl, evaluate_zsl

SEEN, UNSEEN = ("walk", "run", "sit"), ("jump", "lie")
CLASSES = np.array([*SEEN, *UNSEEN])
N = 1500


def _problem(ignorant: bool) -> dict[str, np.ndarray]:
    """Return scores made from the true classes, and labels: those classes, or the same ones shuffled."""
    rng = np.random.default_rng(0)
    true = np.arange(N) % len(CLASSES)
    scores = rng.normal(size=(N, len(CLASSES))) * 1e-3 + np.eye(len(CLASSES))[true]
    p_unseen = (true >= len(SEEN)) * 0.5 + 0.5 * rng.random(N)
    labels = rng.permutation(true) if ignorant else true
    return {
        "scores": scores,
        "predictions": CLASSES[scores.argmax(1)],
        "p_unseen": p_unseen,
        "labels": CLASSES[labels],
        "subjects": rng.integers(12, size=N).astype(str),
        "recordings": rng.integers(60, size=N).astype(str),
    }


def _gzsl(p: dict[str, np.ndarray]) -> dict[str, Any]:
    return evaluate_gzsl(GatedWindows(**p), SEEN, UNSEEN, seed=0)


def _zsl(p: dict[str, np.ndarray]) -> dict[str, Any]:
    mask = np.isin(p["labels"], UNSEEN)
    predictions = np.array(UNSEEN)[p["scores"][:, len(SEEN) :].argmax(1)]
    columns = (p["labels"], predictions, p["subjects"], p["recordings"])
    return evaluate_zsl(TestWindows(*(column[mask] for column in columns)), UNSEEN, seed=0)


def _values(report: dict[str, Any]) -> dict[str, float]:
    return {name: entry["value"] for name, entry in report.items() if isinstance(entry, dict) and "value" in entry}


def test_a_perfect_predictor_scores_one_on_every_metric() -> None:
    problem = _problem(ignorant=False)
    zsl, gzsl = _zsl(problem), _gzsl(problem)
    assert _values(zsl) == {"per_class_top1": 1, "accuracy": 1, "macro_f1": 1}
    assert _values(gzsl["gzsl"]) == {"seen": 1, "unseen": 1, "harmonic_mean": 1, "ausuc": 1}
    assert gzsl["gate"]["auroc"] == {"value": 1, "low": 1, "high": 1}
    assert zsl["per_class"] == dict.fromkeys(UNSEEN, 1.0)
    assert gzsl["gzsl"]["per_class"] == dict.fromkeys([*SEEN, *UNSEEN], 1.0)
    assert (zsl["n_windows"], gzsl["gzsl"]["n_windows"]) == (N * 2 // 5, N)


def test_shuffled_labels_score_chance_on_every_metric() -> None:
    problem = _problem(ignorant=True)
    zsl, gzsl = _zsl(problem), _gzsl(problem)
    assert _values(zsl) == pytest.approx(dict.fromkeys(("per_class_top1", "accuracy", "macro_f1"), 1 / 2), abs=0.07)
    chance = dict.fromkeys(("seen", "unseen", "harmonic_mean"), 1 / 5) | {"ausuc": chance_ausuc(3, 2)}
    assert _values(gzsl["gzsl"]) == pytest.approx(chance, abs=0.05)
    assert gzsl["gate"]["auroc"]["value"] == pytest.approx(0.5, abs=0.05)


def test_every_interval_contains_its_value() -> None:
    problem = _problem(ignorant=True)
    report = _gzsl(problem)
    entries = [e for part in (_zsl(problem), report["gzsl"], report["gate"]) for e in part.values()]
    intervals = [entry for entry in entries if isinstance(entry, dict) and "low" in entry]
    assert len(intervals) == 8
    for entry in intervals:
        assert entry["low"] < entry["value"] < entry["high"]


def test_the_order_of_classes_changes_nothing() -> None:
    problem = _problem(ignorant=True)
    seen, unseen = SEEN[::-1], UNSEEN[::-1]
    order = [2, 1, 0, 4, 3]
    windows = GatedWindows(**problem | {"scores": problem["scores"][:, order]})
    turned = evaluate_gzsl(windows, seen, unseen, seed=0)
    straight = _gzsl(problem)
    for part in ("gzsl", "gate"):
        assert _flat(turned[part]) == pytest.approx(_flat(straight[part]), abs=2e-6)


def test_the_order_of_windows_changes_no_value() -> None:
    problem = _problem(ignorant=True)
    order = np.random.default_rng(1).permutation(N)
    turned = {name: array[order] for name, array in problem.items()}
    assert _values(_gzsl(turned)["gzsl"]) == pytest.approx(_values(_gzsl(problem)["gzsl"]))
    assert _values(_zsl(turned)) == pytest.approx(_values(_zsl(problem)))


def test_one_test_subject_gets_intervals_over_recordings() -> None:
    problem = _problem(ignorant=True) | {"subjects": np.full(N, "only")}
    entry = _zsl(problem)["accuracy"]
    assert entry["low"] < entry["value"] < entry["high"]


def test_a_class_without_test_windows_is_left_out_of_the_classes() -> None:
    one = np.array(["jump"] * 4)
    windows = TestWindows(one, np.array(["jump", "jump", "jump", "lie"]), one, one)
    report = evaluate_zsl(windows, UNSEEN, seed=0)
    assert report["per_class"] == {"jump": 0.75}
    assert report["per_class_top1"]["value"] == 0.75


def test_what_cannot_be_evaluated_is_refused() -> None:
    problem, none = _problem(ignorant=False), np.array([], dtype=str)
    with pytest.raises(InputError, match="no test windows of .*jump"):
        evaluate_zsl(TestWindows(none, none, none, none), UNSEEN, seed=0)
    with pytest.raises(InputError, match="swim.*are not among the classes"):
        _gzsl(problem | {"predictions": np.full(N, "swim")})
    for name in ("scores", "p_unseen"):
        spoilt = problem[name].copy()
        spoilt.flat[7] = np.nan
        with pytest.raises(InputError, match="NaN"):
            _gzsl(problem | {name: spoilt})


def test_arrays_are_named_behind_their_prefix() -> None:
    """What a run saves of windows without a gate and with one are the same four columns."""
    problem = _problem(ignorant=False)
    columns = {name: problem[name] for name in ("labels", "predictions", "subjects", "recordings")}
    for windows in (TestWindows(**columns), GatedWindows(**problem)):
        found = windows.arrays("zsl_")
        assert found.keys() == {f"zsl_{name}" for name in columns}
        assert all(found[f"zsl_{name}"] is value for name, value in columns.items())


def _flat(part: dict[str, Any]) -> dict[str, float]:
    nested = {f"{name}/{key}": v for name, e in part.items() if isinstance(e, dict) for key, v in e.items()}
    return nested | {name: entry for name, entry in part.items() if not isinstance(entry, dict)}
