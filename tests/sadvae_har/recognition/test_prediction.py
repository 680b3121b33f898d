import numpy as np
import pytest

from sadvae_har.recognition.prediction import CONTEXT, segments, smooth, smooth_labels

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


def test_a_single_odd_window_is_outvoted_and_three_are_not() -> None:
    labels = np.array(["a", "a", "a", "b", "a", "a", "a", "a"])
    assert set(smooth_labels(labels, np.zeros(8, int)).tolist()) == {"a"}
    labels = np.array(["a", "a", "a", "b", "b", "b", "a", "a"])
    assert smooth_labels(labels, np.zeros(8, int)).tolist() == labels.tolist()


def test_ties_keep_the_own_label_and_other_pieces_have_no_vote() -> None:
    assert smooth_labels(np.array(["a", "b"]), np.zeros(2, int)).tolist() == ["a", "b"]
    assert smooth_labels(np.array(["a", "b", "b"]), np.array([0, 1, 1])).tolist() == ["a", "b", "b"]
    assert smooth_labels(np.array(["a", "b", "b"]), np.zeros(3, int)).tolist() == ["b", "b", "b"]


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
    # The lone b is outvoted by two a; the last window has one vote for each label and keeps its own.
    first, second = segments(start_s, start_s + 5, np.array(list("aabc")), probability, np.zeros(4, int), ())
    assert (first.label, first.start_s, first.end_s) == ("a", 0, 8.75) and first.probability == pytest.approx(0.6)
    assert (second.label, second.start_s, second.end_s, second.probability) == ("c", 8.75, 12.5, 0.4)


def test_an_outvoted_window_has_no_part_in_the_probability() -> None:
    start_s, labels = np.arange(5) * 2.5, np.array(list("aabaa"))
    found = segments(start_s, start_s + 5, labels, np.array([0.5, 0.5, 0.1, 0.5, 0.5]), np.zeros(5, int), {"b"})
    assert [(part.label, part.probability, part.unseen) for part in found] == [("a", 0.5, False)]


@pytest.mark.parametrize("seed", range(8))
def test_segments_cover_all_windows_in_order(seed: int) -> None:
    """Without a gap or an overlap inside a piece, and from its first window to its last."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(1, 40))
    labels, piece = generator.choice(list("abc"), n), np.sort(generator.integers(0, 3, n))
    start_s = np.arange(n) * 2.5 + 50 * piece
    found = segments(start_s, start_s + 5, labels, generator.random(n), piece, ())
    smoothed = smooth_labels(labels, piece)
    for number in np.unique(piece):
        first_s, last_s = start_s[piece == number].min(), start_s[piece == number].max() + 5
        own = [part for part in found if first_s <= part.start_s < last_s]
        edges = [first_s, *(part.end_s for part in own)]
        assert [part.start_s for part in own] == edges[:-1] and edges[-1] == last_s
        assert all(a.label != b.label for a, b in zip(own[:-1], own[1:], strict=True))
        for part in own:
            middle = start_s + 2.5
            inside = (piece == number) & (part.start_s < middle) & (middle < part.end_s)
            assert set(smoothed[inside].tolist()) == {part.label}
    assert all(0 <= part.probability <= 1 for part in found)
