"""Distances to the nearest training windows, on a line where they can be counted."""

import numpy as np
import pytest

from sadvae_har.method import nearest as nearest_module
from sadvae_har.method.nearest import N_NEIGHBORS, NearestWindows

LINE = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [10.0], [20.0]])
PEOPLE = np.array(["a", "a", "a", "a", "a", "b", "c"])


def test_the_mean_distance_to_the_nearest_five_by_hand() -> None:
    assert N_NEIGHBORS == 5
    found = NearestWindows(LINE).find(np.array([[-1.0], [10.5], [21.0]]))
    # 1 to 5; 0.5, 6.5, 7.5, 8.5 and 9.5; 1, 11, 17, 18 and 19.
    assert found.log_distance == pytest.approx(np.log([15 / 5, 32.5 / 5, 66 / 5]), abs=1e-5)
    assert found.row.tolist() == [0, 5, 6]


def test_the_order_of_training_windows_does_not_matter() -> None:
    queries = np.array([[-1.0], [10.4], [21.0]])
    found, backwards = NearestWindows(LINE).find(queries), NearestWindows(LINE[::-1]).find(queries)
    assert backwards.log_distance == pytest.approx(found.log_distance, abs=1e-5)
    assert (len(LINE) - 1 - backwards.row).tolist() == found.row.tolist()


def test_fewer_than_five_training_windows_all_count() -> None:
    found = NearestWindows(np.array([[0.0], [1.0], [10.0]])).find(np.array([[0.6], [9.0]]))
    assert found.log_distance == pytest.approx(np.log([(0.6 + 0.4 + 9.4) / 3, (9 + 8 + 1) / 3]), abs=1e-5)
    assert found.row.tolist() == [1, 2]


def test_windows_of_others_by_hand() -> None:
    """The mean goes over the windows that others have, two or six here, and never over more than five."""
    found = NearestWindows(LINE).find_others(PEOPLE)
    expected = [(10 - x + 20 - x) / 2 for x in range(5)]  # a: the windows of b and c
    expected += [(6 + 7 + 8 + 9 + 10) / 5, (10 + 16 + 17 + 18 + 19) / 5]  # b: those of a; c: that of b and four of a
    assert found.log_distance == pytest.approx(np.log(expected), abs=1e-5)
    assert found.row.tolist() == [5, 5, 5, 5, 5, 4, 5]


def test_a_training_window_itself_is_at_a_finite_distance() -> None:
    windows = np.random.default_rng(0).normal(size=(40, 30))
    found = NearestWindows(windows).find(windows[:9])
    assert np.isfinite(found.log_distance).all() and found.row.tolist() == list(range(9))
    assert np.isfinite(NearestWindows(np.zeros((9, 2))).find(np.zeros((1, 2))).log_distance).all()


def test_many_windows_are_compared_in_parts_without_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    windows, queries = generator.normal(size=(50, 8)), generator.normal(size=(33, 8))
    people = generator.integers(0, 4, 50)
    training = NearestWindows(windows)
    whole = training.find(queries), training.find_others(people)
    monkeypatch.setattr(nearest_module, "CHUNK", 7)
    for found, wanted in zip((training.find(queries), training.find_others(people)), whole, strict=True):
        # Squared distances are differences of products in float32, whose order of summation is the processor's.
        assert found.log_distance == pytest.approx(wanted.log_distance, abs=1e-5)
        assert np.array_equal(found.row, wanted.row)


def test_no_windows_are_no_trouble() -> None:
    found = NearestWindows(LINE).find(np.empty((0, 1)))
    assert found.log_distance.shape == found.row.shape == (0,)
