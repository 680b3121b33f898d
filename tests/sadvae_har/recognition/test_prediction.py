import numpy as np
import pytest

from sadvae_har.recognition.prediction import CONTEXT, GOES_ON, in_context, segments, smooth

ONE_PIECE = np.zeros(6, int)


def test_smoothing_by_hand() -> None:
    assert CONTEXT == 2
    found = smooth(np.array([0.0, 3, 6, 0, 0, 10]), ONE_PIECE)
    assert found == pytest.approx([3, 9 / 4, 9 / 5, 19 / 5, 16 / 4, 10 / 3])


def test_smoothing_stops_at_the_end_of_a_piece() -> None:
    found = smooth(np.array([0.0, 2, 10, 20]), np.array([0, 0, 1, 1]))
    assert found == pytest.approx([1, 1, 15, 15])
    assert smooth(np.array([5.0]), np.array([3])) == pytest.approx([5])
    assert smooth(np.empty(0), np.empty(0, int)).shape == (0,)


def by_enumeration(probabilities: np.ndarray, weight: float) -> np.ndarray:
    """The same model summed over all sequences of one short recording, with every window in reach of every other."""
    n, n_activities = probabilities.shape
    change = (1 - GOES_ON) / (n_activities - 1)
    found = np.zeros_like(probabilities)
    for sequence in np.ndindex(*[n_activities] * n):
        chance = np.prod([GOES_ON if a == b else change for a, b in zip(sequence[:-1], sequence[1:], strict=True)])
        evidence = probabilities[np.arange(n), sequence]
        for k in range(n):
            found[k, sequence[k]] += chance * evidence[k] * np.prod(np.delete(evidence, k) ** weight)
    return found / found.sum(1, keepdims=True)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_posteriors_are_sums_over_all_sequences(n: int, weight: float) -> None:
    probabilities = np.random.default_rng(n).dirichlet(np.ones(4), n)
    found = in_context(probabilities, np.zeros(n, int), weight)
    assert found == pytest.approx(by_enumeration(probabilities, weight))


def test_a_window_without_neighbours_stays_as_it_is() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 4)
    assert in_context(probabilities, np.arange(4), 0.5) == pytest.approx(probabilities)


def test_pieces_tell_nothing_about_each_other() -> None:
    probabilities = np.random.default_rng(1).dirichlet(np.ones(3), 7)
    piece = np.array([0, 0, 0, 1, 1, 2, 2])
    found = in_context(probabilities, piece, 0.5)
    parts = [in_context(probabilities[piece == k], np.zeros(int((piece == k).sum()), int), 0.5) for k in range(3)]
    assert found == pytest.approx(np.concatenate(parts))


def test_windows_further_off_than_the_context_do_not_count() -> None:
    probabilities = np.random.default_rng(2).dirichlet(np.ones(3), 12)
    other = probabilities.copy()
    other[6 + CONTEXT + 1 :] = other[6 + CONTEXT + 1 :, ::-1]
    other[: 6 - CONTEXT] = other[: 6 - CONTEXT, ::-1]
    one, two = (in_context(values, np.zeros(12, int), 0.5) for values in (probabilities, other))
    assert one[6] == pytest.approx(two[6], abs=1e-15) and abs(one[8] - two[8]).max() > 1e-6


def test_a_doubtful_window_goes_with_its_neighbours_and_a_certain_one_does_not() -> None:
    sure = [0.9, 0.1]
    for odd, expected in (([0.4, 0.6], 0), ([0.001, 0.999], 1)):
        found = in_context(np.array([sure, sure, odd, sure, sure]), np.zeros(5, int), 0.5)
        assert found.argmax(1).tolist() == [0, 0, expected, 0, 0]


def test_what_cannot_occur_stays_impossible() -> None:
    probabilities = np.array([[0.5, 0.5, 0.0]] * 5)
    probabilities[2] = [1.0, 0.0, 0.0]
    found = in_context(probabilities, np.zeros(5, int), 0.5)
    assert np.isfinite(found).all() and found[:, 2].max() < 1e-12


def test_segments_part_half_way_between_overlapping_windows() -> None:
    start_s = np.arange(6) * 2.5
    labels = np.array(["walk"] * 3 + ["sit"] * 3)
    probability = np.array([0.5, 0.6, 0.7, 0.5, 0.5, 0.5])
    first, second = segments(start_s, start_s + 5, labels, probability, ONE_PIECE, {"sit"})
    # The last walking window ends at 10 s, the first sitting one starts at 7.5 s.
    assert (first.start_s, first.end_s, first.label, first.unseen) == (0, 8.75, "walk", False)
    assert (second.start_s, second.end_s, second.label, second.unseen) == (8.75, 17.5, "sit", True)
    assert first.probability == pytest.approx(0.6) and second.probability == 0.5


def test_a_gap_ends_a_segment_though_the_label_stays() -> None:
    start_s = np.array([0.0, 2.5, 100, 102.5])
    found = segments(start_s, start_s + 5, np.full(4, "walk"), np.ones(4), np.array([0, 0, 1, 1]), ())
    assert [(part.start_s, part.end_s) for part in found] == [(0, 7.5), (100, 107.5)]
    assert segments(*[np.empty(0)] * 4, np.empty(0, int), ()) == ()


def test_segments_touch_where_the_last_one_is_a_single_window() -> None:
    start_s = np.arange(4) * 2.5
    probability = np.array([0.5, 0.7, 0.9, 0.4])
    first, second = segments(start_s, start_s + 5, np.array(list("aaac")), probability, np.zeros(4, int), ())
    assert (first.label, first.start_s, first.end_s) == ("a", 0, 8.75) and first.probability == pytest.approx(0.7)
    assert (second.label, second.start_s, second.end_s, second.probability) == ("c", 8.75, 12.5, 0.4)


@pytest.mark.parametrize("seed", range(8))
def test_segments_cover_all_windows_in_order(seed: int) -> None:
    """Without a gap or an overlap inside a piece, and from its first window to its last."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(1, 40))
    labels, piece = generator.choice(list("abc"), n), np.sort(generator.integers(0, 3, n))
    start_s = np.arange(n) * 2.5 + 50 * piece
    found = segments(start_s, start_s + 5, labels, generator.random(n), piece, ())
    for number in np.unique(piece):
        first_s, last_s = start_s[piece == number].min(), start_s[piece == number].max() + 5
        own = [part for part in found if first_s <= part.start_s < last_s]
        edges = [first_s, *(part.end_s for part in own)]
        assert [part.start_s for part in own] == edges[:-1] and edges[-1] == last_s
        assert all(a.label != b.label for a, b in zip(own[:-1], own[1:], strict=True))
        for part in own:
            middle = start_s + 2.5
            inside = (piece == number) & (part.start_s < middle) & (middle < part.end_s)
            assert set(labels[inside].tolist()) == {part.label}
    assert all(0 <= part.probability <= 1 for part in found)
