from dataclasses import replace

import numpy as np
import pytest
from synthetic_problem import SPLIT

from feature_extraction.errors import InputError, LeakageError
from sadvae_har.evaluation.metrics import expected_calibration_error, reliability
from sadvae_har.method.gate import DomainClassifier, GateExamples
from sadvae_har.recognition.calibration import Calibration, calibration_report, fit_calibration, flagged_at

GATE = DomainClassifier(
    cues=("novelty",),
    fusion="hard",
    seen_temperature=1.0,
    unseen_temperature=1.0,
    threshold=0.5,
    mean=(0.0,),
    scale=(1.0,),
    weights=(8.0,),
    bias=0.0,
)


def make_fold(seed: int, sharpness: float, n: int = 600) -> GateExamples:
    """Three seen and two held-out classes whose labels are drawn from probabilities, then logits are sharpened."""
    generator = np.random.default_rng(seed)
    labels, n_seen = np.empty(n, int), 3
    seen, text = generator.normal(size=(n, 3)) * 1.5, generator.normal(size=(n, 5)) * 1.5
    held_out = generator.random(n) < 0.4
    for k in range(n):
        logits = text[k, 3:] if held_out[k] else seen[k]
        chances = np.exp(logits) / np.exp(logits).sum()
        labels[k] = generator.choice(len(chances), p=chances) + (n_seen if held_out[k] else 0)
    return GateExamples(
        seen_logits=sharpness * seen,
        text_logits=sharpness * text,
        novelty=np.where(held_out, 1.0, -1.0),
        labels=labels,
        class_names=SPLIT.seen[:5],
        subjects=np.full(n, SPLIT.val_subjects[0]),
        rows=np.arange(n),
    )


def select(fold: GateExamples, rows: np.ndarray) -> GateExamples:
    """Return some of the windows of a fold."""
    columns = ("seen_logits", "text_logits", "novelty", "labels", "subjects", "rows")
    return replace(fold, **{name: getattr(fold, name)[rows] for name in columns})


def strange(fold: GateExamples, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=len(fold.labels)) + 2 * fold.is_unseen


def test_temperature_undoes_overconfidence() -> None:
    folds = [make_fold(seed, sharpness=3.0) for seed in (0, 1)]
    calibration = fit_calibration(folds, [strange(fold) for fold in folds], GATE, SPLIT)
    assert 1.5 < calibration.temperature < 3  # the gate's part of the joint scores is not too sharp
    test = make_fold(7, sharpness=3.0)
    report = calibration_report(test, strange(test), GATE, calibration)
    assert report["ece_after"] < 0.06 < 0.15 < report["ece_before"]


def test_limits_keep_most_known_windows_of_both_kinds() -> None:
    folds = [make_fold(seed, 1.0) for seed in (0, 1)]
    values = [strange(fold) for fold in folds]
    calibration = fit_calibration(folds, values, GATE, SPLIT)
    for fold, value in zip(folds, values, strict=True):
        described = GATE.predict(fold) >= 3
        excess = calibration.excess(value, described)
        assert (excess[described] <= 0).mean() == pytest.approx(0.95, abs=0.02)
        assert (excess[~described] <= 0).mean() == pytest.approx(0.95, abs=0.02)
        alone = calibration.excess(value, None)[~fold.is_unseen]
        assert (alone <= 0).mean() == pytest.approx(0.95, abs=0.02)
    assert calibration.described_limit > calibration.trained_limit + 1


def test_without_folds_all_limits_are_those_of_the_training_windows() -> None:
    found = fit_calibration([], [np.arange(51.0), np.arange(51.0, 101.0)], GATE, SPLIT)
    assert found == Calibration(1.0, 95.0, 95.0, 95.0)


def test_an_unseen_class_or_a_test_subject_is_leakage() -> None:
    fold = make_fold(0, 1.0)
    for changes in ({"class_names": (*SPLIT.seen[:4], SPLIT.unseen[0])}, {"subjects": np.full(600, "s6")}):
        with pytest.raises(LeakageError, match="calibration"):
            fit_calibration([replace(fold, **changes)], [strange(fold)], GATE, SPLIT)


def test_unknown_windows_are_those_of_the_class_left_out() -> None:
    test = make_fold(3, 1.0)
    calibration = Calibration(1.0, trained_limit=2.0, described_limit=2.0, alone_limit=2.0)
    value = np.where(test.labels == 4, 5.0, 0.0)  # the last class is strange, everything else is not
    report = calibration_report(test, value, GATE, calibration)
    last, other = report["unknown"][SPLIT.seen[4]], report["unknown"][SPLIT.seen[3]]
    assert last["flagged"] == last["flagged_at_95"] == last["known_kept"] == 1
    assert other["flagged"] == 0 and other["known_kept"] < 1
    assert report["known_kept"] == pytest.approx((1 + other["known_kept"]) / 2) and report["unknown_flagged"] == 0.5
    assert [row[0] for row in report["unknown_curve"]][::50] == [0.5, 1.0]


def test_a_window_at_the_limit_is_known() -> None:
    test = make_fold(3, 1.0)
    report = calibration_report(test, np.full(600, 2.0), GATE, Calibration(1.0, 2.0, 2.0, 2.0))
    assert {(part["known_kept"], part["flagged"]) for part in report["unknown"].values()} == {(1, 0)}
    assert report["known_kept"] == 1 and report["unknown_flagged"] == 0


def test_described_activities_may_hide_what_stands_out_of_trained_ones() -> None:
    test = make_fold(3, 1.0)
    value = np.array([0.0, 0.0, 0.0, 5.0, 3.0])[test.labels]
    report = calibration_report(test, value, GATE, Calibration(1.0, 2.0, 2.0, 2.0))
    # The other described activity is stranger than the one left out, all trained ones are less strange.
    last = report["unknown"][SPLIT.seen[4]]
    assert (last["flagged_at_95"], last["flagged_at_95_trained"]) == (0, 1)


def test_flagged_at_by_hand() -> None:
    listed, unlisted = np.arange(101.0), np.array([40.0, 60, 96, 200])
    assert flagged_at(listed, unlisted, np.array([0.5, 0.95, 1.0])).tolist() == [0.75, 0.5, 0.25]


def test_calibration_error_by_hand() -> None:
    confidence, right = np.array([0.95, 0.95, 0.55, 0.55]), np.array([True, False, True, True])
    assert expected_calibration_error(confidence, right, 10) == pytest.approx((0.45 + 0.45) / 2)
    assert reliability(confidence, right, 10) == pytest.approx(np.array([[0.55, 1, 2], [0.95, 0.5, 2]]))
    assert expected_calibration_error(np.array([1.0, 1.0]), np.array([True, True])) == 0


KEPT = Calibration(1.5, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"temperature": 1},
        {name: value for name, value in KEPT.to_dict().items() if name != "alone_limit"},
        KEPT.to_dict() | {"colour": 1.0},
        KEPT.to_dict() | {"temperature": 0},
        KEPT.to_dict() | {"temperature": -1.0},
        KEPT.to_dict() | {"trained_limit": float("nan")},
        KEPT.to_dict() | {"alone_limit": float("inf")},
        KEPT.to_dict() | {"described_limit": "2"},
    ],
)
def test_unusable_values_are_refused(value: object) -> None:
    with pytest.raises(InputError, match="calibration"):
        Calibration.from_dict(value)
    assert Calibration.from_dict(KEPT.to_dict()) == KEPT


def test_one_unseen_class_cannot_be_left_out() -> None:
    """Without it there would be no unseen class: nothing is said about unknown windows, and nothing is NaN."""
    whole = make_fold(3, 1.0)
    test = select(replace(whole, text_logits=whole.text_logits[:, :4], class_names=SPLIT.seen[:4]), whole.labels < 4)
    report = calibration_report(test, strange(test), GATE, KEPT)
    assert report["unknown"] == {} and report["unknown_curve"] == []
    assert not {"known_kept", "unknown_flagged"} & report.keys()
    assert np.isfinite([report["ece_before"], report["ece_after"]]).all()


def test_a_class_without_test_windows_is_not_left_out() -> None:
    whole = make_fold(3, 1.0)
    test = select(whole, whole.labels != 4)
    report = calibration_report(test, strange(test), GATE, KEPT)
    assert list(report["unknown"]) == [SPLIT.seen[3]]
    assert np.isfinite(report["unknown_curve"]).all() and np.isfinite(report["unknown_flagged"])
