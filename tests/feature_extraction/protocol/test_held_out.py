"""Splits of data sets with few people: recordings or parts of them are held out, and what is held out stays out."""

import json
from dataclasses import replace

import numpy as np
import pytest

from feature_extraction.errors import InputError, LeakageError
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol import draw_splits
from feature_extraction.protocol.draw_splits import Recorded, create_custom, create_open
from feature_extraction.protocol.groups import NOBODY, Piece, Stretch, groups_of, near
from feature_extraction.protocol.partition import parts_partition, recordings_partition
from feature_extraction.protocol.split import Provenance, Split
from feature_extraction.protocol.standardizer import Standardizer
from feature_extraction.recordings.recording import Channel
from feature_extraction.windows.cutting import WindowSettings
from feature_extraction.windows.input_format import InputFormat

SETTINGS = WindowSettings(rate_hz=50, window_s=2.0, overlap=0.5, quantities=("acc",))
CLASSES = tuple("abcdefgh")


def pieces(n_files: int, seconds: float = 60.0, subjects: str = "1", one_file: bool = False) -> list[Piece]:
    """Return recordings: of each subject `n_files` a class, or all classes in one file `n_files` times."""
    found = []
    for subject in subjects:
        for number in range(n_files):
            for k, label in enumerate(CLASSES):
                name = f"{subject}_{number}.csv#{k + 1}" if one_file else f"{subject}_{label}_{number}.csv#1"
                found.append(Piece(label, subject, name, 0.0, seconds))
    return found


def recorded(*args: object, **options: object) -> Recorded:
    return Recorded("own", CLASSES, tuple(pieces(*args, **options)), SETTINGS)  # type: ignore[arg-type]


def table_of(source: Recorded) -> FeatureTable:
    """Return the windows of recordings with one feature, their number."""
    rows = [
        (piece.label, piece.subject, piece.name, start)
        for piece in source.pieces
        for start in np.arange(0, piece.end_s - SETTINGS.window_s + 1e-9, 1.0)
    ]
    labels, subjects, names, start_s = (np.array(column) for column in zip(*rows, strict=True))
    channels = tuple(Channel("wrist", "acc", axis, "m/s2") for axis in "xyz")
    return FeatureTable(
        features=np.random.default_rng(0).normal(size=(len(rows), 3)).astype(np.float32),
        labels=labels,
        subjects=subjects,
        recordings=names,
        start_s=start_s,
        blocks={"statistical": 3},
        dataset="own",
        window_key="",
        source=InputFormat("own", channels, (), SETTINGS),
    )


def source_of(monkeypatch: pytest.MonkeyPatch, what: Recorded) -> None:
    """Let a data set called `watch`, whose class list and partition are known, hold something else."""
    monkeypatch.setattr(Recorded, "read", classmethod(lambda cls, dataset, raw=None: what))
    monkeypatch.setattr(draw_splits, "known_partition", lambda dataset: None)


def random_split(monkeypatch: pytest.MonkeyPatch, what: Recorded) -> Split:
    source_of(monkeypatch, what)
    return draw_splits.create_splits("watch", count=1)[0]


CASES = {
    "people": (recorded(1, subjects="1234"), "people"),
    "two people": (recorded(3, subjects="12"), "recordings"),
    "several files of one person": (recorded(4), "recordings"),
    "two files a class": (recorded(2), "recordings"),
    "files with all classes": (recorded(4, one_file=True), "recordings"),
    "one file a class": (recorded(1), "parts"),
    "one file": (recorded(1, one_file=True), "parts"),
}


@pytest.mark.parametrize("case", CASES)
def test_every_class_has_train_and_test_windows_and_choices(monkeypatch, case):
    what, holds_out = CASES[case]
    split, table = random_split(monkeypatch, what), table_of(what)
    assert split.holds_out == holds_out and len(split.seen) == 6 and len(split.inner) == 3
    groups = split.groups(table)
    for classes, part in ((split.seen, "train"), (split.seen, "test"), (split.unseen, "test")):
        for name in classes:
            assert len(split.rows(table.labels, groups, [name], part)) >= 2
    chosen_on = set(table.labels[split.rows(table.labels, groups, split.seen, "val")].tolist())
    assert any(chosen_on & set(fold) and chosen_on - set(fold) for fold in split.inner)
    assert random_split(monkeypatch, what) == split


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][1] != "people"])
def test_no_window_of_one_part_is_within_a_window_of_another(monkeypatch, case):
    what, _ = CASES[case]
    split, table = random_split(monkeypatch, what), table_of(what)
    groups = split.groups(table)
    part = np.array(["" for _ in groups], dtype="U5")
    for name in ("train", "val", "test"):
        part[np.isin(groups, split.subjects(name))] = name
    for recording in np.unique(table.recordings):
        own = np.flatnonzero(table.recordings == recording)
        start_s, of = table.start_s[own], part[own]
        apart = (of[:, None] != of) & (of[:, None] != "") & (of != "")
        gaps = np.abs(start_s[:, None] - start_s)[apart]
        assert not len(gaps) or gaps.min() >= 2 * SETTINGS.window_s


@pytest.mark.parametrize("case", CASES)
def test_unseen_classes_and_what_is_tested_leak_nowhere(monkeypatch, case):
    what, holds_out = CASES[case]
    split, table = random_split(monkeypatch, what), table_of(what)
    groups = split.groups(table)
    labels, features = table.labels, table.features
    allowed = split.rows(labels, groups, split.seen, "train")
    Standardizer.fit(features[allowed], labels[allowed], groups[allowed], split)
    tested = split.rows(labels, groups, split.seen, "test")[:1]
    unseen = np.flatnonzero(np.isin(labels, split.unseen) & np.isin(groups, split.train_subjects))[:1]
    for row in (tested, unseen):
        rows = np.concatenate([allowed, row])
        with pytest.raises(LeakageError):
            Standardizer.fit(features[rows], labels[rows], groups[rows], split)
    if holds_out != "people":
        with pytest.raises(LeakageError, match="keeps out of everything"):
            split.check_fit(split.seen[:1], ["1"], "fit")  # a person instead of recordings
        with pytest.raises(LeakageError, match="never met this data set"):
            split.check_provenance(
                [Provenance("watch" if split.dataset == "watch" else "own", ("a",), ("1",), False)], ""
            )
    if holds_out == "parts":
        with pytest.raises(LeakageError, match="keeps out of everything"):
            split.check_fit(split.seen[:1], [NOBODY], "fit")


def test_short_recordings_leave_nothing_to_test(monkeypatch):
    source_of(monkeypatch, recorded(1, seconds=5.0))
    with pytest.raises(InputError, match="none of 8 classes can be unseen: recordings are too few and too short"):
        draw_splits.create_splits("watch")


def test_a_split_file_says_what_it_measures(tmp_path, monkeypatch):
    split = random_split(monkeypatch, recorded(4))
    split.save(tmp_path / "split.json")
    assert json.loads((tmp_path / "split.json").read_text())["meaning"] == (
        "measured on other recordings of the same people, which says little about other people"
    )
    assert Split.load(tmp_path / "split.json") == split


def test_recordings_of_one_class_alone_are_refused():
    alone = [*pieces(2), Piece("i", "1", "only.csv#1", 0.0, 60.0)]
    with pytest.raises(InputError, match="own: one recording only of i"):
        recordings_partition(alone, 0, "own", SETTINGS)


def test_whole_recordings_are_dealt_where_they_are_too_short_to_be_cut():
    short = [Piece("a", "1", f"x.csv#{k}", 0.0, 4.0) for k in range(5)]
    parts = parts_partition([*short, Piece("b", "1", "x.csv#9", 0.0, 60.0)], 0, SETTINGS)
    for names in (parts.train, parts.val, parts.test):
        recordings = {stretch.recording for name in names if (stretch := Stretch.parse(name))}
        assert "x.csv#9" in recordings and len(recordings) > 1
    assert not parts.untested


def test_groups_by_hand():
    names = ["a.csv", "b.csv#1 @ 0-10 s", "b.csv#1 @ 14-20.5 s"]
    recordings = np.array(["a.csv#1", "a.csv#2", "b.csv#1", "b.csv#1", "b.csv#1", "b.csv#1", "b.csv#2", "c.csv#1"])
    start_s = np.array([0.0, 99.0, 9.99, 10.0, 14.0, 20.5, 0.0, 0.0])
    found = groups_of(names, recordings, start_s).tolist()
    assert found == ["a.csv", "a.csv", names[1], NOBODY, names[2], NOBODY, NOBODY, NOBODY]


def test_near_by_hand():
    recordings, start_s = np.array(["a"] * 6 + ["b"]), np.array([0.0, 1, 2, 3, 4, 5, 1])
    held = np.array([True, False, False, False, False, False, False])
    assert near(recordings, start_s, held, 1.5).tolist() == [True, True, True, False, False, False, False]


@pytest.mark.parametrize("case", CASES)
def test_an_open_split_learns_from_everything(case):
    what, table = CASES[case][0], table_of(CASES[case][0])
    split = create_open(what, seed=3)
    assert split.seen == CLASSES and not split.unseen and not split.test_subjects
    groups = split.groups(table)
    assert len(split.rows(table.labels, groups, split.seen, "train")) == len(table)
    assert len(split.inner) == 3 and len(set(split.held_back)) == (2 if case.startswith("two") else 3)
    for fold, names in zip(split.inner, split.held_back, strict=True):
        held = set(table.labels[np.isin(groups, names)].tolist())
        assert held & set(fold) and held - set(fold)
    assert create_open(what, seed=3) == split != create_open(what, seed=4)


def test_an_open_split_of_two_classes_chooses_nothing():
    what = replace(recorded(2), classes=("a", "b"), pieces=tuple(p for p in pieces(2) if p.label in "ab"))
    split = create_open(what)
    assert split.seen == ("a", "b") and split.inner == split.held_back == ()
    with pytest.raises(InputError, match="two classes are needed"):
        create_open(replace(what, classes=("a",)))


def test_an_open_split_needs_what_it_holds_back_for_every_fold():
    split = create_open(recorded(1, subjects="123"))
    for wrong in ((), split.held_back[:1], (*split.held_back[:2], ())):
        with pytest.raises(InputError, match="held_back"):
            replace(split, held_back=wrong)


WATCH = ("pendulum", "shoulder abduction", "forward elevation", "internal rotation", "external rotation")
WATCH += ("trapezius extension",)


def watch_like(subjects_of: dict[str, str]) -> Recorded:
    found = [Piece(label, who, f"{label}_{who}", 0.0, 60.0) for label, whose in subjects_of.items() for who in whose]
    return Recorded("watch", tuple(subjects_of), tuple(found), SETTINGS)


def test_unseen_classes_and_test_subjects_of_ones_own_choice(monkeypatch):
    source_of(monkeypatch, watch_like(dict.fromkeys(WATCH, "12345") | {"pendulum": "35"}))
    split = create_custom("watch", ["pendulum"], ["3", "4"], seed=1)
    assert split.kind == "custom" and split.name == "unseen-pendulum" and split.unseen == ("pendulum",)
    assert split.test_subjects == ("3", "4") and len(split.val_subjects + split.train_subjects) == 3
    assert set(create_custom("watch", ["pendulum"]).test_subjects) & set("35")


@pytest.mark.parametrize(
    ("unseen", "subjects", "message"),
    [
        (["pendulums"], [], "--unseen: class 'pendulums' is unknown; classes are pendulum, "),
        (["pendulum"], ["9"], "test subject '9' is unknown; subjects are 1, 2, 3"),
        (["pendulum"], ["1", "2"], "fewer than two subjects are left to learn"),
        (["upright row"], [], "unseen class 'upright row' has no recordings"),
        (list(WATCH[:5]), [], "1 class stays seen; two are needed"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(monkeypatch, unseen, subjects, message):
    source_of(monkeypatch, watch_like(dict.fromkeys(WATCH, "123")))
    with pytest.raises(InputError, match=message):
        create_custom("watch", unseen, subjects)


def test_a_class_that_one_person_did_is_learned_from(monkeypatch):
    source_of(monkeypatch, watch_like(dict.fromkeys(WATCH, "12345") | {"upright row": "2"}))
    splits = draw_splits.create_splits("watch", count=2)
    for split in splits:
        assert split.untested in ((), ("upright row",)) and "upright row" in split.seen
        assert split.untested or "2" in split.test_subjects
