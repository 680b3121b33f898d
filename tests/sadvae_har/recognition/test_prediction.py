import numpy as np
import pytest

from sadvae_har.recognition.prediction import segments

ONE_PIECE = np.zeros(6, int)


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
