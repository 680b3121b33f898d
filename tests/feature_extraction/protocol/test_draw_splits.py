from dataclasses import replace
from pathlib import Path

import pytest

from feature_extraction.descriptions.class_list import load_class_list
from feature_extraction.errors import InputError
from feature_extraction.protocol.draw_splits import (
    SplitSource,
    SubjectPartition,
    create_loco,
    create_random,
    create_splits,
    create_zerohar,
    inner_folds,
    known_partition,
    random_partition,
)
from feature_extraction.protocol.split import Split, find_split, list_splits

SIZES = {  # seen, unseen
    "berkeley-mhad": (8, 3),
    "dsads": (14, 5),
    "hapt": (9, 3),
    "sp-sw-har": (4, 1),
    "umafall": (10, 3),
    "usc-had": (8, 4),
    "utd-mhad": (22, 5),
    "watch": (5, 2),
    "wharf": (9, 3),
    "wisdm": (12, 6),
}
LEFT_OUT = {
    "wharf": {"eating with fork and knife", "eating with a spoon"},
    "umafall": {"going downstairs", "going upstairs"},
}
N_RANDOM = dict.fromkeys(SIZES, 6) | {"sp-sw-har": 5}  # no more differ
ZEROHAR = {
    "usc-had": [
        {"walking forward", "walking upstairs", "jumping", "sleeping"},
        {"walking left", "walking downstairs", "sitting", "elevator up"},
        {"walking right", "running forward", "standing", "elevator down"},
    ],
    "wisdm": [
        {"eating soup", "walking", "sitting", "brushing teeth", "kicking soccer ball", "writing"},
        {"eating chips", "jogging", "standing", "drinking from cup", "playing catch", "clapping"},
        {"eating pasta", "stairs", "typing", "eating sandwich", "dribbling basketball", "folding clothes"},
    ],
}
LOCO = ("hapt",)
COMMITTED = [(dataset, name) for dataset in SIZES for name in list_splits(dataset)]
PARTS = SubjectPartition(train=("1", "2"), val=("3",), test=("4",))
CLASSES = tuple("abcdefgh")
SOURCE = SplitSource("own", CLASSES, PARTS)


def unseen_of(splits: list[Split]) -> list[tuple[str, ...]]:
    return [split.unseen for split in splits]


@pytest.mark.parametrize("dataset", SIZES)
def test_every_data_set_has_its_committed_splits(dataset: str) -> None:
    folds = [f"zerohar-fold{number}" for number in (1, 2, 3)] if dataset in ZEROHAR else []
    assert list_splits(dataset, kind="random") == [f"random-{number + 1}" for number in range(N_RANDOM[dataset])]
    assert list_splits(dataset, kind="zerohar") == folds
    assert len(list_splits(dataset, kind="loco")) == (sum(SIZES[dataset]) if dataset in LOCO else 0)
    assert (
        len({frozenset(find_split(dataset, name).unseen) for name in list_splits(dataset, kind="random")})
        == N_RANDOM[dataset]
    )


@pytest.mark.parametrize(("dataset", "name"), COMMITTED)
def test_committed_split_fits_its_class_list(dataset: str, name: str) -> None:
    split = find_split(dataset, name)
    assert (split.dataset, split.name) == (dataset, name)
    n_classes = sum(SIZES[dataset])
    expected = (n_classes - 1, 1) if split.kind == "loco" else SIZES[dataset]
    assert (len(split.seen), len(split.unseen)) == expected
    left_out = LEFT_OUT.get(dataset, set())
    names = [label for label in load_class_list(dataset).names if label not in left_out]
    assert sorted(split.classes) == sorted(names)
    assert list(split.seen) == [label for label in names if label in split.seen]
    pseudo_unseen = [label for fold in split.inner for label in fold]
    assert len(split.inner) >= 2
    assert len(set(pseudo_unseen)) == len(pseudo_unseen)
    assert all(len(fold) >= 2 for fold in split.inner)


@pytest.mark.parametrize("dataset", SIZES)
def test_committed_splits_share_one_subject_partition(dataset: str) -> None:
    splits = [find_split(dataset, name) for name in list_splits(dataset)]
    parts = {(split.train_subjects, split.val_subjects, split.test_subjects) for split in splits}
    expected = known_partition(dataset)
    assert expected is not None
    assert parts == {(expected.train, expected.val, expected.test)}


@pytest.mark.parametrize("dataset", SIZES)
def test_committed_splits_can_be_made_again(dataset: str) -> None:
    made = create_splits(dataset, "random", seed=0)
    if dataset in ZEROHAR:
        made += create_splits(dataset, "zerohar", seed=0)
    if dataset in LOCO:
        made += create_splits(dataset, "loco", seed=0)
    assert made == [find_split(dataset, split.name) for split in made]
    assert len(made) == len(list_splits(dataset))


@pytest.mark.parametrize("dataset", ZEROHAR)
def test_zerohar_folds_are_the_published_ones(dataset: str) -> None:
    folds = [set(find_split(dataset, f"zerohar-fold{number}").unseen) for number in (1, 2, 3)]
    assert folds == ZEROHAR[dataset]
    assert set().union(*folds) == set(load_class_list(dataset).names)


@pytest.mark.parametrize(("dataset", "who"), [("wharf", "f1"), ("umafall", "14")])
def test_what_only_one_subject_recorded_is_left_out(dataset: str, who: str) -> None:
    partition = known_partition(dataset)
    assert partition is not None
    assert set(partition.without) == LEFT_OUT[dataset]
    assert who in partition.train


def test_same_seed_same_splits_other_seed_other_splits() -> None:
    first = create_random(SOURCE, 3, 4, seed=5)
    assert create_random(SOURCE, 3, 4, seed=5) == first
    assert set(unseen_of(create_random(SOURCE, 3, 4, seed=50))) != set(unseen_of(first))


def test_more_splits_start_with_the_same_ones() -> None:
    assert create_random(SOURCE, 3, 6, seed=0)[:2] == create_random(SOURCE, 3, 2, seed=0)


def test_random_splits_never_repeat_their_classes() -> None:
    splits = create_random(SOURCE, 1, 8, seed=0)
    assert sorted(unseen_of(splits)) == [(label,) for label in CLASSES]
    assert [split.name for split in splits] == [f"random-{number}" for number in range(1, 9)]


@pytest.mark.parametrize(("n_unseen", "count"), [(0, 1), (5, 1), (8, 1), (1, 9), (1, 0)])
def test_impossible_random_splits_are_refused(n_unseen: int, count: int) -> None:
    with pytest.raises(InputError, match="own: .*from 1 to "):
        create_random(SOURCE, n_unseen, count, seed=0)


def test_loco_leaves_every_class_out_once() -> None:
    splits = create_loco(replace(SOURCE, classes=("sit down", *CLASSES)), seed=0)
    assert unseen_of(splits) == [("sit down",), *((label,) for label in CLASSES)]
    assert splits[0].name == "loco-sit-down"
    assert [split.inner for split in create_loco(replace(SOURCE, classes=CLASSES[:4]), seed=0)] == [()] * 4
    with pytest.raises(InputError, match="2 classes; leaving one out needs three or more"):
        create_loco(replace(SOURCE, classes=CLASSES[:2]), seed=0)


def test_inner_folds_are_disjoint_and_of_about_the_share() -> None:
    folds = inner_folds([f"class {number}" for number in range(12)], 1 / 3, seed=0)
    assert [len(fold) for fold in folds] == [4, 4, 4]
    assert len({label for fold in folds for label in fold}) == 12
    assert inner_folds(CLASSES, 1 / 3, seed=1) != inner_folds(CLASSES, 1 / 3, seed=2)


def test_published_folds_are_refused_where_there_are_none() -> None:
    with pytest.raises(InputError, match="dsads: ZeroHAR's folds are known for usc-had, wisdm only"):
        create_zerohar(replace(SOURCE, dataset="dsads"), seed=0)
    with pytest.raises(InputError, match="unseen classes .*jumping.* are not among its classes"):
        create_zerohar(replace(SOURCE, dataset="usc-had"), seed=0)


def test_unknown_kind_or_data_set_is_refused() -> None:
    with pytest.raises(InputError, match="kind 'best' is unknown; choose from random, zerohar, loco"):
        create_splits("usc-had", "best")
    with pytest.raises(InputError, match="nowhere"):
        create_splits("nowhere")


def test_subjects_file_without_a_part_is_refused(tmp_path: Path) -> None:
    (tmp_path / "subjects.json").write_text('{"tiny": {"train": ["1"], "val": ["2"]}}', encoding="utf-8")
    with pytest.raises(InputError, match="subjects.json: tiny: .*missing .'test'."):
        known_partition("tiny", tmp_path)
    assert known_partition("other", tmp_path) is None


def test_drawn_partition_gives_every_class_train_and_test_subjects() -> None:
    everyone = {str(number) for number in range(1, 9)}
    recorded = {"common": everyone, "rare": {"1", "2"}, "rarer": {"2", "3"}}
    for seed in range(20):
        parts = random_partition(recorded, seed, "own")
        assert sorted(parts.train + parts.val + parts.test) == sorted(everyone)
        assert (len(parts.test), len(parts.val)) == (2, 1)
        for subjects in recorded.values():
            assert subjects & set(parts.train) and subjects & set(parts.test)
        assert random_partition(recorded, seed, "own") == parts
    assert random_partition(recorded, 0, "own") != random_partition(recorded, 2, "own")


def test_two_people_left_by_chosen_test_subjects_are_one_to_train_and_one_to_choose_on() -> None:
    everyone = {str(number) for number in range(1, 13)}
    parts = random_partition({"a": everyone, "b": everyone}, 0, "own", test=sorted(everyone - {"3", "4"}))
    assert len(parts.test) == 10 and len(parts.train) == len(parts.val) == 1


@pytest.mark.parametrize(
    ("recorded", "message"),
    [
        ({"a": {"1", "2"}}, r"subjects are \['1', '2'\]; three are needed"),
        (
            {"a": {"1", "2", "3"}, "c": set()},
            "no draw of 1 test and 1 validation subjects leaves every class with train",
        ),
        ({"a": {"1", "2"}, "b": {"2", "3"}, "c": {"1", "3"}}, "no draw of 1 test and 1 validation"),
    ],
)
def test_partition_that_cannot_be_is_refused(recorded: dict[str, set[str]], message: str) -> None:
    with pytest.raises(InputError, match=f"own: {message}"):
        random_partition(recorded, 0, "own")


def test_a_class_of_one_person_is_trained_on_and_not_tested() -> None:
    recorded = {"a": {"1", "2", "3"}, "b": {"1"}, "c": {"1", "2"}}
    for seed in range(10):
        parts = random_partition(recorded, seed, "own")
        assert "1" in parts.train and parts.untested == tuple(
            name for name, own in recorded.items() if not own & set(parts.test)
        )
        assert "b" in parts.untested and "a" not in parts.untested
    assert "1" in random_partition(recorded, 0, "own", unseen=["b"]).test  # an unseen class needs test windows instead


def test_own_data_set_gets_splits_from_its_recordings(tmp_path: Path) -> None:
    rows = "t,ax,ay,az\n" + "".join(f"{number / 50},0,0,1\n" for number in range(10))
    for activity in CLASSES:
        for subject in ("p1", "p2", "p3", "p4"):
            (tmp_path / f"{activity}_{subject}.csv").write_text(rows, encoding="utf-8")
    classes = "".join(f"  {label}: {{sentence: A person does {label}.}}\n" for label in CLASSES)
    (tmp_path / "dataset.yaml").write_text(
        "dataset: own\nfiles: '*.csv'\nrate_hz: 50\n"
        "columns: {wrist.acc_x: ax, wrist.acc_y: ay, wrist.acc_z: az}\nunits: {acc: g}\n"
        "label: {pattern: '([a-z])_'}\nsubject: {pattern: '_(p[0-9])'}\n"
        f"classes:\n{classes}",
        encoding="utf-8",
    )
    splits = create_splits(str(tmp_path / "dataset.yaml"), count=3)
    assert [split.dataset for split in splits] == ["own"] * 3
    assert [len(split.unseen) for split in splits] == [2] * 3
    assert sorted(splits[0].train_subjects + splits[0].val_subjects + splits[0].test_subjects) == [
        "p1",
        "p2",
        "p3",
        "p4",
    ]
