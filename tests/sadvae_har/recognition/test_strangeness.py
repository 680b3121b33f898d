import numpy as np
import pytest

from feature_extraction.errors import InputError
from sadvae_har.method.nearest import NearestWindows
from sadvae_har.recognition.strangeness import FLOOR, LEAST_SPREAD, Strangeness

CENTRES = np.array([[0.0, 0, 0], [10, 0, 0]])
LINE = np.array([[0.0], [2.0], [10.0], [16.0]])
TWO_CLASSES, TWO_PEOPLE = np.array([0, 0, 1, 1]), np.array(["a", "b", "a", "b"])


def training(seed: int = 0, n: int = 40, spread: tuple[float, float] = (0.5, 2.0)) -> tuple[np.ndarray, ...]:
    """Two classes of four people each; people differ more in the second class."""
    generator = np.random.default_rng(seed)
    classes, subjects = np.repeat([0, 1], n), np.tile(np.repeat(np.arange(4), n // 4), 2)
    person = generator.normal(size=(2, 4, 3)) * np.array(spread)[:, None, None]
    features = CENTRES[classes] + person[classes, subjects] + 0.1 * generator.normal(size=(2 * n, 3))
    return features.astype(np.float32), classes, subjects.astype(str)


def test_a_window_far_from_everything_is_stranger_than_one_of_a_new_person() -> None:
    strangeness = Strangeness.fit(*training())
    near, far = strangeness.measure(np.array([[0.3, 0.2, 0.1], [0, 30, 0]], np.float32))
    assert far > 5 and near < 2


def test_the_spread_within_classes_is_whitened() -> None:
    """A factor times itself is the covariance of what windows are off the mean of their class, plus the floor."""
    generator = np.random.default_rng(1)
    mixing = np.array([[3.0, 0, 0], [1.0, 0.5, 0], [-2.0, 0.2, 0.1]])
    classes = np.repeat([0, 2], [30, 90])  # none of class 1, and of the others unequally many
    off = generator.normal(size=(120, 3)) @ mixing.T
    features = off + np.array([[50.0, -7, 3]]) * (classes == 2)[:, None]
    strangeness = Strangeness.fit(features.astype(np.float32), classes, np.arange(120) % 4)
    centred = np.concatenate([off[:30] - off[:30].mean(0), off[30:] - off[30:].mean(0)])
    expected = centred.T @ centred / 120 + FLOOR * np.eye(3)
    assert strangeness.factor @ strangeness.factor.T == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert np.allclose(strangeness.factor, np.tril(strangeness.factor))
    # Whitened training windows: factor times them gives the features back.
    assert strangeness.training.windows @ strangeness.factor.T == pytest.approx(features, rel=1e-4, abs=1e-3)


def test_usual_distances_and_strangeness_by_hand() -> None:
    """Off the class means by 1, 1, 3 and 3: variance 5, and 5.3 with the floor. Nobody has five windows of others."""
    strangeness = Strangeness.fit(LINE.astype(np.float32), TWO_CLASSES, TWO_PEOPLE)
    root = np.sqrt(5.3)
    # The windows of the other person are 2 and 16, 2 and 8, 8 and 6, 16 and 6 away.
    first, second = np.log(np.array([9, 5]) / root), np.log(np.array([7, 11]) / root)
    assert strangeness.usual == pytest.approx([first.mean(), second.mean()], abs=1e-5)
    assert strangeness.spread == pytest.approx([first.std() + 0.05, second.std() + 0.05], abs=1e-5)
    # 15 is 15, 13, 5 and 1 away, and nearest to a window of the second class; 3 is 3, 1, 7 and 13 away.
    found = strangeness.measure(np.array([[15.0], [3.0]], np.float32))
    by_hand = [
        (np.log(34 / 4 / root) - second.mean()) / (second.std() + LEAST_SPREAD),
        (np.log(24 / 4 / root) - first.mean()) / (first.std() + LEAST_SPREAD),
    ]
    assert found == pytest.approx(by_hand, abs=1e-4)


def test_the_class_of_the_nearest_window_sets_the_scale() -> None:
    strangeness = Strangeness(
        training=NearestWindows(LINE / 2),
        classes=TWO_CLASSES,
        factor=np.array([[2.0]], np.float32),
        usual=np.array([0.5, -1.0]),
        spread=np.array([0.1, 4.0]),
    )
    found = strangeness.measure(np.array([[5.0], [7.0]], np.float32))
    # 5 is 5, 3, 5 and 11 away, nearest to the first class; 7 is 7, 5, 3 and 9 away, nearest to the second.
    assert found == pytest.approx([(np.log(24 / 4 / 2) - 0.5) / 0.1, (np.log(24 / 4 / 2) + 1) / 4], abs=1e-4)


def test_the_same_distance_is_stranger_where_people_are_alike() -> None:
    features, classes, subjects = training(spread=(0.1, 2.0))
    strangeness = Strangeness.fit(features, classes, subjects)
    offset = 2 * strangeness.factor[:, 2]  # (0, 0, 2) where distances are measured
    own = np.stack([features[(classes == k) & (subjects == "1")].mean(0) for k in (0, 1)])
    queries = own + offset
    found = strangeness.training.find(np.linalg.solve(strangeness.factor, queries.T).T)
    assert classes[found.row].tolist() == [0, 1] and abs(np.diff(found.log_distance)) < 0.1
    in_first, in_second = strangeness.measure(queries)
    assert in_first > in_second + 1
    of_second = (found.log_distance[1] - strangeness.usual[1]) / strangeness.spread[1]
    assert in_second == pytest.approx(of_second, abs=1e-3)


def test_usual_distances_are_to_other_people() -> None:
    features, classes, subjects = training()
    own = Strangeness.fit(features, classes, np.arange(len(features)).astype(str))  # every window its own person
    others = Strangeness.fit(features, classes, subjects)
    assert (others.usual > own.usual + 0.5).all()
    # One person alone: as if every window were a person.
    alone = Strangeness.fit(features, classes, np.full(len(features), "1"))
    assert np.array_equal(alone.usual, own.usual)


def test_saved_arrays_give_the_same_strangeness() -> None:
    features, classes, subjects = training()
    strangeness = Strangeness.fit(features, classes, subjects)
    again = Strangeness.from_arrays(strangeness.to_arrays(), features, classes)
    queries = np.random.default_rng(3).normal(size=(20, 3)).astype(np.float32)
    assert np.array_equal(again.measure(queries), strangeness.measure(queries))


def test_a_class_without_windows_and_a_lone_window_are_no_trouble() -> None:
    features, classes, subjects = training()
    strangeness = Strangeness.fit(features[:40], 2 * classes[:40] + 1, subjects[:40])
    assert strangeness.usual.shape == (2,) and strangeness.usual[0] == 0 and strangeness.spread[0] == LEAST_SPREAD
    assert strangeness.usual[1] != 0 and strangeness.spread[1] > LEAST_SPREAD
    assert np.isfinite(strangeness.measure(features)).all()
    tiny = Strangeness.fit(features[:2], classes[:2], subjects[:2])
    assert np.isfinite(tiny.measure(features[:5])).all() and tiny.measure(np.empty((0, 3))).shape == (0,)


@pytest.mark.parametrize(
    "change",
    [
        *({"usual": np.zeros(5)}, {"usual": np.array([0.0, np.nan])}, {"usual": None}),
        *({"spread": np.ones(5)}, {"spread": np.array([1.0, 0.0])}, {"spread": np.array([1.0, np.inf])}),
        *({"factor": np.eye(2)}, {"factor": np.diag([1.0, 0.0, 1.0])}, {"factor": np.diag([1.0, np.nan, 1.0])}),
    ],
)
def test_unusable_arrays_are_refused(change: dict[str, np.ndarray | None]) -> None:
    features, classes, subjects = training()
    changed = Strangeness.fit(features, classes, subjects).to_arrays() | change
    arrays = {name: value for name, value in changed.items() if value is not None}
    with pytest.raises(InputError, match="strangeness"):
        Strangeness.from_arrays(arrays, features, classes)


def test_of_drawn_windows_usual_is_how_far_real_ones_lie() -> None:
    """By hand: drawn windows 0 and 2, and 10 and 16, as above; real ones 5 off the class and at one of it."""
    real, classes = np.array([[-5.0], [7.0], [10.0]]), np.array([0, 0, 1])
    found = Strangeness.of_drawn(LINE.astype(np.float32), TWO_CLASSES, real.astype(np.float32), classes)
    root = np.sqrt(5 + FLOOR)
    # -5 is 5, 7, 15 and 21 away from all four drawn ones, 7 is 7, 5, 3 and 9 away, 10 is 10, 8, 0 and 6 away.
    first, second = np.log(np.array([48 / 4, 24 / 4]) / root), np.log(np.array([24 / 4]) / root)
    assert found.usual == pytest.approx([first.mean(), second.mean()], abs=1e-5)
    assert found.spread == pytest.approx([first.std() + LEAST_SPREAD, LEAST_SPREAD], abs=1e-5)


def test_of_drawn_windows_nothing_real_is_kept() -> None:
    features, classes, _ = training()
    drawn, drawn_classes, _ = training(seed=1)
    found = Strangeness.of_drawn(drawn, drawn_classes, features, classes)
    assert len(found.training.windows) == len(drawn)
    alone = Strangeness.fit(drawn, drawn_classes, np.arange(len(drawn)))
    np.testing.assert_array_equal(found.training.windows, alone.training.windows)
    np.testing.assert_array_equal(found.factor, alone.factor)
    assert not np.allclose(found.usual, alone.usual)


def test_of_drawn_windows_real_ones_are_as_strange_as_usual() -> None:
    features, classes, _ = training()
    drawn, drawn_classes, _ = training(seed=1)
    found = Strangeness.of_drawn(drawn, drawn_classes, features, classes)
    measured = found.measure(features)
    for k in (0, 1):
        assert measured[classes == k].mean() == pytest.approx(0, abs=1e-3)
        assert 0.5 < measured[classes == k].std() < 1  # the spread has a floor


def test_of_drawn_windows_a_class_without_real_ones_keeps_the_usual_of_drawn_ones() -> None:
    features, classes, _ = training()
    only = classes == 0
    found = Strangeness.of_drawn(features, classes, features[only], classes[only])
    alone = Strangeness.fit(features, classes, np.arange(len(features)))
    assert found.usual[1] == alone.usual[1] and found.usual[0] != alone.usual[0]
