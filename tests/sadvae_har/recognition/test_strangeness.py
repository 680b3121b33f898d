import numpy as np
import pytest

from feature_extraction.errors import InputError
from sadvae_har.recognition.strangeness import LEAST_SPREAD, Familiarity

CENTRES = np.array([[0.0, 0, 0], [10, 0, 0]])


def training(seed: int = 0, n: int = 40, spread: tuple[float, float] = (0.5, 2.0)) -> tuple[np.ndarray, ...]:
    """Two classes of four people each; people differ more in the second class."""
    generator = np.random.default_rng(seed)
    classes, subjects = np.repeat([0, 1], n), np.tile(np.repeat(np.arange(4), n // 4), 2)
    person = generator.normal(size=(2, 4, 3)) * np.array(spread)[:, None, None]
    features = CENTRES[classes] + person[classes, subjects] + 0.1 * generator.normal(size=(2 * n, 3))
    return features.astype(np.float32), classes, subjects.astype(str)


def test_a_window_far_from_everything_is_stranger_than_one_of_a_new_person() -> None:
    familiarity = Familiarity.fit(*training())
    near, far = familiarity.strangeness(np.array([[0.3, 0.2, 0.1], [0, 30, 0]], np.float32))
    assert far > 5 and near < 2


def test_the_same_distance_is_stranger_where_people_are_alike() -> None:
    familiarity = Familiarity.fit(*training(spread=(0.1, 2.0)))
    offset = np.array([0, 3, 0])
    in_first, in_second = familiarity.strangeness((CENTRES + offset).astype(np.float32))
    assert in_first > in_second + 1


def test_usual_distances_are_to_other_people() -> None:
    features, classes, subjects = training()
    own = Familiarity.fit(features, classes, np.arange(len(features)).astype(str))  # every window its own person
    others = Familiarity.fit(features, classes, subjects)
    assert (others.usual > own.usual + 0.5).all()
    # One person alone: as if every window were a person.
    alone = Familiarity.fit(features, classes, np.full(len(features), "1"))
    assert np.array_equal(alone.usual, own.usual)


def test_saved_arrays_give_the_same_strangeness() -> None:
    features, classes, subjects = training()
    familiarity = Familiarity.fit(features, classes, subjects)
    again = Familiarity.from_arrays(familiarity.to_arrays(), features, classes)
    queries = np.random.default_rng(3).normal(size=(20, 3)).astype(np.float32)
    assert np.array_equal(again.strangeness(queries), familiarity.strangeness(queries))


def test_a_class_without_windows_and_a_lone_window_are_no_trouble() -> None:
    features, classes, subjects = training()
    familiarity = Familiarity.fit(features[:40], 2 * classes[:40] + 1, subjects[:40])
    assert familiarity.usual.shape == (2,) and familiarity.spread[0] == LEAST_SPREAD
    assert np.isfinite(familiarity.strangeness(features)).all()
    tiny = Familiarity.fit(features[:2], classes[:2], subjects[:2])
    assert np.isfinite(tiny.strangeness(features[:5])).all() and tiny.strangeness(np.empty((0, 3))).shape == (0,)


@pytest.mark.parametrize("change", [{"usual": np.zeros(5)}, {"spread": np.zeros(2)}, {"factor": np.zeros((3, 3))}])
def test_unusable_arrays_are_refused(change: dict[str, np.ndarray]) -> None:
    features, classes, subjects = training()
    arrays = Familiarity.fit(features, classes, subjects).to_arrays() | change
    with pytest.raises(InputError, match="familiarity"):
        Familiarity.from_arrays(arrays, features, classes)
