import numpy as np
import pytest

from sadvae_har.evaluation import metrics as m
from sadvae_har.evaluation.intervals import (
    draw,
    drawing_units,
    interval,
    resampled_auroc,
    resampled_gzsl,
    resampled_zsl,
)

N_SEEN, N_CLASSES = 4, 7


def _predictions(n: int, decimals: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels [n], joint scores [n, 7] and gate scores [n]; few decimals make many ties."""
    rng = np.random.default_rng(0)
    labels = rng.integers(N_CLASSES, size=n)
    scores = np.round(rng.normal(size=(n, N_CLASSES)) + np.eye(N_CLASSES)[labels], decimals)
    return labels, scores, np.round(rng.random(n) + 0.2 * (labels >= N_SEEN), decimals + 1)


@pytest.mark.parametrize("decimals", [6, 0], ids=["no ties", "many ties"])
def test_every_resample_equals_the_metric_of_its_windows(decimals: int) -> None:
    labels, scores, gate = _predictions(300, decimals)
    predicted, is_unseen = scores.argmax(1), labels >= N_SEEN
    units = np.random.default_rng(1).integers(5, size=300)
    draws = draw(5, seed=0, n_resamples=40)
    columns = {
        **resampled_zsl(labels, predicted, N_CLASSES, units, draws),
        **resampled_gzsl(labels, predicted, scores, N_SEEN, units, draws),
        "auroc": resampled_auroc(is_unseen, gate, units, draws),
    }
    for r, counts in enumerate(draws.astype(int)):
        i = np.concatenate([np.tile(np.flatnonzero(units == unit), count) for unit, count in enumerate(counts)])
        seen, unseen, mean = m.gzsl_scores(labels[i], predicted[i], range(N_SEEN), range(N_SEEN, N_CLASSES))
        expected = {
            "per_class_top1": m.per_class_top1(labels[i], predicted[i]),
            "accuracy": m.accuracy(labels[i], predicted[i]),
            "macro_f1": m.macro_f1(labels[i], predicted[i]),
            "seen": seen,
            "unseen": unseen,
            "harmonic_mean": mean,
            "ausuc": m.ausuc(*m.seen_unseen_curve(scores[i], labels[i], N_SEEN)),
            "auroc": m.auroc(is_unseen[i], gate[i]),
        }
        assert {name: values[r] for name, values in columns.items()} == pytest.approx(expected, abs=1e-12)


def test_classes_missing_from_a_resample_do_not_count() -> None:
    labels, predicted, units = np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0, 0, 1])
    found = resampled_zsl(labels, predicted, 3, units, np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]]))
    assert found["per_class_top1"].tolist() == [0.5, 1.0, 0.75]
    assert found["macro_f1"].tolist() == pytest.approx([2 / 3, 1.0, 2 / 3])


def test_resamples_without_a_side_do_not_make_the_interval_nan() -> None:
    positive, score = np.array([True, False, True, False]), np.array([0.9, 0.2, 0.8, 0.1])
    units = np.array([0, 1, 2, 2])
    draws = draw(3, seed=0)
    assert np.isnan(resampled_auroc(positive, score, units, draws)).any()
    assert interval(resampled_auroc(positive, score, units, draws)) == (1.0, 1.0)
    labels, scores = np.where(positive, 1, 0), np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    found = resampled_gzsl(labels, labels, scores, 1, units, draws)
    assert {name: interval(values) for name, values in found.items()} == dict.fromkeys(found, (1.0, 1.0))
    assert np.isnan(interval(np.array([np.nan]))).all()


def test_subjects_are_drawn_and_with_fewer_than_three_recordings() -> None:
    recordings = np.repeat(["r0", "r1", "r2", "r3"], 2)
    three, two = np.array(list("aabbbbcc")), np.array(list("aabbbbbb"))
    assert drawing_units(three, recordings).tolist() == [0, 0, 1, 1, 1, 1, 2, 2]
    assert drawing_units(two, recordings).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert drawing_units(np.full(8, "a"), recordings).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_draws_have_as_many_subjects_as_there_are_and_depend_on_the_seed_only() -> None:
    draws = draw(6, seed=3)
    assert draws.shape == (1000, 6)
    assert (draws.sum(1) == 6).all()
    assert draws.mean(0) == pytest.approx(np.ones(6), abs=0.1)
    np.testing.assert_array_equal(draws, draw(6, seed=3))
    assert (draws != draw(6, seed=4)).any()


def test_interval_is_that_of_percentiles() -> None:
    assert interval(np.arange(1001.0)) == pytest.approx((25.0, 975.0))
    assert interval(np.arange(1001.0), level=0.5) == pytest.approx((250.0, 750.0))
