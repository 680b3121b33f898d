import numpy as np
import pytest
from synthetic_problem import text_vectors

from feature_extraction.errors import InputError
from sadvae_har.experiment.semantic_space import SemanticSpace


def centred(vectors: np.ndarray, n_train: int) -> np.ndarray:
    return SemanticSpace.fit(vectors[:n_train], n_train - 1).centred(vectors).numpy()


def test_text_is_centred_on_the_seen_classes() -> None:
    vectors = text_vectors()
    text = centred(vectors, 8)
    assert text[:8].mean(0) == pytest.approx(np.zeros(4), abs=1e-6)
    assert np.square(text[:8]).mean() == pytest.approx(1)
    vectors[8:] *= 5
    assert np.array_equal(centred(vectors, 8)[:8], text[:8])


def test_text_by_hand() -> None:
    # Seen (1, 0) and (3, 0): centre (2, 0), mean square 2 / 4, scale √½.
    text = centred(np.array([[1.0, 0.0], [3.0, 0.0], [2.0, 1.0]]), 2)
    root = np.sqrt(2)
    assert text == pytest.approx(np.array([[-root, 0], [root, 0], [0, root]]))


def test_span_coordinates_by_hand() -> None:
    """Two training classes in three dimensions span one line; what a third class holds beside it is left out."""
    vectors = np.array([[0.0, 0, 0], [2.0, 0, 4.0], [1.5, 5.0, 3.0]])
    # Centre (1, 0, 2), off it by (1, 0, 2) and its opposite: mean square 10 / 6, so squared lengths 5 / (5/3) = 3.
    space = SemanticSpace.fit(vectors[:2], width=4)
    assert space.scale == pytest.approx(np.sqrt(5 / 3)) and space.squared_length == pytest.approx(3)
    found, outside = space.locate(vectors)
    # The third class lies half as far along the line as the second, and 5 beside it: 25 / (5/3) = 15, relative to 3.
    assert outside.tolist() == pytest.approx([0, 0, 5], abs=1e-6)
    sign = np.sign(found[1, 0].item())
    assert found.numpy() == pytest.approx(sign * np.array([[-1, 0, 0, 0], [1, 0, 0, 0], [0.5, 0, 0, 0]]))


def test_the_mean_squared_length_goes_over_classes_of_unequal_length() -> None:
    vectors = np.array([[-6.0, 0, 0, 0, 0], [1.0, 0, 0, 3.0, 0], [5.0, 0, 0, -3.0, 0]])
    space = SemanticSpace.fit(vectors, width=2)
    # Squared lengths 36, 10 and 34; in units of the mean square 80 / 15 their mean is 5, whatever the lengths are.
    assert space.scale == pytest.approx(np.sqrt(80 / 15)) and space.squared_length == pytest.approx(5)
    assert space.locate(np.array([[0.0, 4.0, 0, 0, 0]]))[1].tolist() == pytest.approx([16 / (80 / 15) / 5])


def test_span_keeps_the_geometry_of_training_classes() -> None:
    vectors = text_vectors()
    train = np.arange(8)
    coordinates = SemanticSpace.fit(vectors[train], width=7).locate(vectors)[0].numpy()
    assert coordinates.shape == (11, 7) and not coordinates[:, 4:].any()  # four dimensions have rank four
    found = np.linalg.norm(coordinates[:, None] - coordinates[None], axis=-1)
    wanted = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    assert found / found[0, 1] == pytest.approx(wanted / wanted[0, 1], rel=1e-4)
    assert coordinates[train].mean(0) == pytest.approx(np.zeros(7), abs=1e-5)
    assert np.square(coordinates[train, :4]).mean() == pytest.approx(1, rel=1e-5)


def test_saved_arrays_give_the_same_space() -> None:
    vectors = text_vectors()
    space = SemanticSpace.fit(vectors[:8], width=7)
    again = SemanticSpace.from_arrays(space.to_arrays())
    for found, wanted in zip(again.locate(vectors), space.locate(vectors), strict=True):
        assert np.array_equal(found, wanted)


def test_one_class_at_a_time_is_located_like_all_together() -> None:
    vectors = text_vectors()
    space = SemanticSpace.fit(vectors[:8], width=7)
    together = space.locate(vectors)[0].numpy()
    alone = np.concatenate([space.locate(vectors[k : k + 1])[0].numpy() for k in range(len(vectors))])
    assert alone == pytest.approx(together, abs=1e-6)


def test_vectors_of_another_text_model_are_refused() -> None:
    space = SemanticSpace.fit(text_vectors()[:8], width=7)
    with pytest.raises(InputError, match="have 5 dimensions, those of the training classes 4"):
        space.locate(np.zeros((1, 5)))


@pytest.mark.parametrize(
    "change", [{"centre": np.zeros(3)}, {"numbers": np.zeros(4)}, {"axes": np.full((2, 4), np.nan)}]
)
def test_unusable_arrays_are_refused(change: dict[str, np.ndarray]) -> None:
    arrays = SemanticSpace.fit(text_vectors()[:8], width=7).to_arrays() | change
    with pytest.raises(InputError, match="semantic space"):
        SemanticSpace.from_arrays(arrays)
