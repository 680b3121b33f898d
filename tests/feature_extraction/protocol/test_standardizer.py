"""Standardisation: hand-computed values, constants, clipping, leakage."""

import numpy as np
import pytest
from synthetic_windows import make_split, make_windows

from feature_extraction.errors import InputError, LeakageError
from feature_extraction.protocol.standardizer import CLIP, Standardizer

LABELS = np.array(["still", "slow"])
SUBJECTS = np.array(["s1", "s2"])


def fit(features):
    return Standardizer.fit(np.asarray(features, dtype=np.float32), LABELS, SUBJECTS, make_split())


def test_two_windows_by_hand():
    standardizer = fit([[1.0, 5.0], [3.0, 5.0]])
    np.testing.assert_array_equal(standardizer.mean, [2, 5])
    np.testing.assert_array_equal(standardizer.scale, [1, 0])
    transformed = standardizer.transform(np.array([[4.0, 9.0]]))
    np.testing.assert_array_equal(transformed, [[2, 0]])  # a constant column stays 0
    assert transformed.dtype == np.float32


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**-27, 2.0**20])
def test_the_unit_of_a_feature_does_not_matter(scale):
    windows = np.random.default_rng(0).normal(0, 1, (6, 3)).astype(np.float32)
    windows[:, 2] = 0.1
    labels, subjects = np.array(["still"] * 6), np.array(["s1"] * 6)
    one, other = (Standardizer.fit(windows * factor, labels, subjects, make_split()) for factor in (1, scale))
    np.testing.assert_array_equal(one.transform(windows), other.transform(windows * np.float32(scale)))
    assert one.scale[2] == other.scale[2] == 0 and (other.scale[:2] > 0).all()


def test_far_values_are_clipped():
    np.testing.assert_array_equal(fit([[0.0], [2.0]]).transform(np.array([[1000.0], [-1000.0]])), [[CLIP], [-CLIP]])


def test_unseen_classes_and_test_subjects_raise():
    features = np.zeros((2, 1))
    with pytest.raises(LeakageError, match="fast"):
        Standardizer.fit(features, np.array(["still", "fast"]), SUBJECTS, make_split())
    with pytest.raises(LeakageError, match="s4"):
        Standardizer.fit(features, LABELS, np.array(["s1", "s4"]), make_split())


def test_windows_are_fitted_per_channel_as_if_in_one_piece():
    windows, split = make_windows(), make_split()
    rows = split.rows(windows.labels, windows.subjects, split.seen, "train")
    fitted = Standardizer.fit_windows(windows.samples, rows, windows.labels, windows.subjects, split)
    flat = windows.samples[rows].reshape(-1, 6).astype(np.float64)
    np.testing.assert_allclose(fitted.mean, flat.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fitted.scale, flat.std(axis=0), rtol=1e-5)
    with pytest.raises(LeakageError):
        Standardizer.fit_windows(
            windows.samples, np.arange(len(windows.labels)), windows.labels, windows.subjects, split
        )


def test_no_windows_or_other_columns_are_refused():
    with pytest.raises(InputError, match="no windows"):
        Standardizer.fit(np.zeros((0, 2)), LABELS[:0], SUBJECTS[:0], make_split())
    with pytest.raises(InputError, match="3 feature columns, standardised on 2"):
        fit([[1.0, 5.0], [3.0, 5.0]]).transform(np.zeros((1, 3)))


def test_arrays_round_trip_and_damaged_arrays_are_refused():
    standardizer = fit([[1.0, 5.0], [3.0, 5.0]])
    again = Standardizer.from_arrays(standardizer.to_arrays())
    np.testing.assert_array_equal(again.transform(np.eye(2)), standardizer.transform(np.eye(2)))
    with pytest.raises(InputError, match="mean and scale"):
        Standardizer.from_arrays({"mean": standardizer.mean})
    with pytest.raises(InputError, match="fit again"):
        Standardizer.from_arrays({"mean": standardizer.mean, "scale": standardizer.scale[:1]})
