"""What labels of many data sets mean together, what may be learned from, and how much each window weighs."""

from dataclasses import replace

import numpy as np
import pytest
from everyday_model import DATA_SETS, MOTIONS, pretend_corpus, pretend_windows

from feature_extraction.datasets.device_windows import DeviceWindows
from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.errors import InputError, LeakageError
from sadvae_har.everyday.corpus import Corpus

STAIRS = {"walking upstairs", "walking downstairs"}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return pretend_corpus()


@pytest.fixture(scope="module")
def windows() -> DeviceWindows:
    return pretend_windows()


def possible_of(corpus: Corpus, label: str) -> set[str]:
    """Return what the windows of a class may be of; all of them the same."""
    (found,) = np.unique(corpus.possible[corpus.labels == label], axis=0)
    return {name for name, may in zip(corpus.activities, found, strict=True) if may}


def test_labels_mean_activities_of_the_vocabulary(corpus: Corpus) -> None:
    assert set(corpus.activities) == set(MOTIONS)
    assert possible_of(corpus, "alpha: running") == {"running"}
    assert possible_of(corpus, "wisdm: jogging") == {"running"}
    assert possible_of(corpus, "wisdm: stairs") == STAIRS
    assert possible_of(corpus, "alpha: walking upstairs") == {"walking upstairs"}
    assert corpus.possible.any(1).all()


def test_activities_stand_in_the_order_of_the_vocabulary_whatever_the_order_of_windows(windows: DeviceWindows) -> None:
    turned_round = Corpus.of(windows.take(np.arange(len(windows))[::-1]), load_vocabulary())
    assert turned_round.activities == tuple(name for name in load_vocabulary().names if name in MOTIONS)


def test_windows_without_a_meaning_or_a_place_are_left_out(windows: DeviceWindows) -> None:
    labels, placements = windows.labels.astype("U40"), windows.placements.copy()
    lost = (windows.datasets == "alpha") & (windows.labels == "waving")
    labels[lost] = "what nobody calls an activity"
    placements[windows.devices == "thigh"] = ""
    found = Corpus.of(replace(windows, labels=labels, placements=placements), load_vocabulary())
    kept = ~lost & (windows.devices != "thigh")
    assert len(found) == kept.sum() < len(windows)
    np.testing.assert_array_equal(found.windows.samples, windows.samples[kept])
    assert found.features.shape == (len(found), pretend_corpus().features.shape[1])


def test_a_class_that_a_shipped_data_set_does_not_have_is_refused(windows: DeviceWindows) -> None:
    strange = replace(windows, labels=np.where(windows.labels == "stairs", "ladder", windows.labels))
    with pytest.raises(InputError, match="wisdm: no class 'ladder'"):
        Corpus.of(strange, load_vocabulary())


def test_nothing_that_means_anything_is_refused(windows: DeviceWindows) -> None:
    nothing = replace(windows, datasets=np.full(len(windows), "mine"), labels=np.full(len(windows), "nonsense"))
    with pytest.raises(InputError, match="no class means an activity"):
        Corpus.of(nothing, load_vocabulary())


def test_everything_is_learned_from_where_nothing_is_tested(corpus: Corpus) -> None:
    split = corpus.split()
    assert split.kind == "open" and not split.unseen and not split.test_subjects
    np.testing.assert_array_equal(corpus.learnable(split), np.arange(len(corpus)))


def test_a_tested_data_set_is_not_learned_from(corpus: Corpus) -> None:
    split = corpus.split("beta")
    learned = corpus.learnable(split)
    assert set(corpus.windows.datasets[learned]) == {"alpha", "wisdm"}
    assert len(learned) == (corpus.windows.datasets != "beta").sum()
    assert set(split.test_subjects) == {"beta/0", "beta/1", "beta/2"}
    assert all(name.startswith("beta: ") for name in split.unseen)


@pytest.mark.parametrize("novel", sorted(STAIRS))
def test_a_class_that_merely_may_be_a_novel_activity_is_banned(novel: str, corpus: Corpus) -> None:
    split = corpus.split("beta", [novel])
    learned = corpus.learnable(split)
    assert "wisdm: stairs" in split.unseen and "wisdm: stairs" not in split.seen
    assert f"alpha: {novel}" in split.unseen
    assert not corpus.possible[learned][:, corpus.positions([novel])].any()
    (other,) = STAIRS - {novel}
    assert f"alpha: {other}" in split.seen


def test_novel_activities_are_banned_without_a_tested_data_set_too(corpus: Corpus) -> None:
    learned = corpus.learnable(corpus.split(None, ["waving", "walking upstairs"]))
    assert not corpus.possible[learned][:, corpus.positions(["waving", "walking upstairs"])].any()
    assert len(learned)


@pytest.mark.parametrize("target", ["beta", None])
def test_what_is_held_out_cannot_be_fitted_on(target: str | None, corpus: Corpus) -> None:
    split = corpus.split(target, ["running"])
    with pytest.raises(LeakageError, match="wisdm: jogging"):
        split.check_fit(["alpha: walking", "wisdm: jogging"], ["alpha/0"], "it")


def test_a_person_of_the_tested_data_set_cannot_be_fitted_on(corpus: Corpus) -> None:
    with pytest.raises(LeakageError, match="beta/1"):
        corpus.split("beta").check_fit(["alpha: walking"], ["alpha/0", "beta/1"], "it")


@pytest.mark.parametrize("name", ["flying", "Running"])
def test_an_activity_without_windows_cannot_be_novel(name: str, corpus: Corpus) -> None:
    with pytest.raises(InputError, match=f"activity '{name}' has no windows; there are walking"):
        corpus.split("beta", [name])


@pytest.mark.parametrize("most", [1, 5, 1000])
def test_at_most_so_many_windows_of_a_class_at_a_place_are_drawn(most: int, corpus: Corpus) -> None:
    rows = np.flatnonzero(corpus.windows.datasets != "beta")
    drawn = corpus.some(rows, most, seed=3)
    assert len(set(drawn)) == len(drawn) and set(drawn) <= set(rows) and (np.diff(drawn) > 0).all()
    for cell in np.unique(corpus.cell[rows]):
        assert (corpus.cell[drawn] == cell).sum() == min(most, (corpus.cell[rows] == cell).sum())


def test_the_draw_follows_its_seed(corpus: Corpus) -> None:
    rows = np.arange(len(corpus))
    np.testing.assert_array_equal(corpus.some(rows, 2, seed=1), corpus.some(rows, 2, seed=1))
    assert not np.array_equal(corpus.some(rows, 2, seed=1), corpus.some(rows, 2, seed=2))


def test_a_cell_is_a_class_of_a_data_set_at_a_place(corpus: Corpus) -> None:
    expected = sum(len({name for name, _ in pretend.classes}) * len(pretend.devices) for pretend in DATA_SETS.values())
    assert len(np.unique(corpus.cell)) == expected


def test_weights_do_not_follow_how_long_a_class_was_recorded(corpus: Corpus) -> None:
    """All classes of an activity at all places weigh the same, and activities as the root of their data sets."""
    rows = np.flatnonzero((corpus.cell != corpus.cell[0]) | (np.arange(len(corpus)) % 3 > 0))
    weights = corpus.weights(rows)
    assert weights.mean() == pytest.approx(1)
    total = {cell: weights[corpus.cell[rows] == cell].sum() for cell in np.unique(corpus.cell[rows])}
    waving = corpus.labels[rows] == "alpha: waving", corpus.labels[rows] == "beta: waving"
    of_cell = {total[cell] for mask in waving for cell in corpus.cell[rows][mask].tolist()}
    assert max(of_cell) == pytest.approx(min(of_cell))
    share = corpus.possible[rows] / corpus.possible[rows].sum(1, keepdims=True)
    by_activity = dict(zip(corpus.activities, weights @ share, strict=True))
    assert by_activity["waving"] / np.sqrt(2) == pytest.approx(by_activity["walking"] / np.sqrt(3))


def test_devices_worn_at_the_same_time_share_a_moment(corpus: Corpus) -> None:
    rows = np.flatnonzero(corpus.windows.datasets == "alpha")
    moments = corpus.moments(rows)
    _, count = np.unique(moments, return_counts=True)
    assert set(count.tolist()) == {3}
    for number in moments[:5]:
        same = rows[moments == number]
        assert len(set(corpus.windows.devices[same])) == 3
        assert len(set(corpus.windows.recordings[same])) == len(set(corpus.windows.start_s[same])) == 1
