import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from feature_extraction.errors import InputError, LeakageError
from feature_extraction.protocol.split import Provenance, Split, find_split, list_splits

SPLIT = Split(
    dataset="tiny",
    name="random-1",
    kind="random",
    seed=1,
    seen=("walking", "running", "sitting", "standing"),
    unseen=("jumping", "lying"),
    train_subjects=("1", "2"),
    val_subjects=("3",),
    test_subjects=("4",),
    inner=(("walking", "sitting"), ("running", "standing")),
)


def seen_by(*, classes: tuple[str, ...] = ("walking",), subjects: tuple[str, ...] = ("1",), dataset: str = "tiny"):
    return [Provenance(dataset, classes, subjects, labelled=True)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seen": ()}, "'seen' is empty"),
        ({"inner": ()}, "'inner' is empty"),
        ({"test_subjects": ()}, "'test_subjects' is empty"),
        ({"unseen": ("jumping", "walking")}, "'walking' stands in both 'seen' and 'unseen'"),
        ({"unseen": ("jumping", "jumping")}, "'jumping' stands in both 'unseen' and 'unseen'"),
        ({"test_subjects": ("4", "2")}, "'2' stands in both 'train' and 'test'"),
        ({"val_subjects": ("4",)}, "'4' stands in both 'val' and 'test'"),
        ({"inner": (("jumping",),)}, r"must hold seen classes only; remove \['jumping'\]"),
        ({"inner": ((),)}, "must hold seen classes only"),
        ({"inner": (("walking", "running", "sitting"),)}, "leaves fewer than two seen classes"),
    ],
)
def test_inconsistent_split_is_refused(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=f"split tiny/random-1: .*{message}"):
        replace(SPLIT, **change)


def test_classes_are_seen_then_unseen() -> None:
    assert SPLIT.classes == ("walking", "running", "sitting", "standing", "jumping", "lying")
    assert [SPLIT.subjects(part) for part in ("train", "val", "test")] == [("1", "2"), ("3",), ("4",)]


def test_rows_are_those_of_class_and_part() -> None:
    labels = np.array(["walking", "jumping", "walking", "jumping", "walking"])
    subjects = np.array(["1", "4", "4", "1", "3"])
    assert SPLIT.rows(labels, subjects, SPLIT.seen, "train").tolist() == [0]
    assert SPLIT.rows(labels, subjects, SPLIT.seen, "val").tolist() == [4]
    assert SPLIT.rows(labels, subjects, SPLIT.classes, "test").tolist() == [1, 2]
    assert SPLIT.rows(labels, subjects, ["lying"], "test").tolist() == []


def test_fitting_on_seen_classes_of_train_and_val_subjects_passes() -> None:
    SPLIT.check_fit(["walking", "running", "walking"], ["1", "2", "3"], "standardiser")


def test_fitting_on_an_unseen_class_is_leakage() -> None:
    with pytest.raises(LeakageError, match=r"standardiser: .*tiny/random-1.*\['jumping'\]"):
        SPLIT.check_fit(["walking", "jumping"], ["1", "1"], "standardiser")


def test_fitting_on_a_class_outside_the_split_is_leakage() -> None:
    with pytest.raises(LeakageError, match=r"\['flying'\]"):
        SPLIT.check_fit(["flying"], ["1"], "standardiser")


def test_fitting_on_a_test_subject_is_leakage() -> None:
    with pytest.raises(LeakageError, match=r"gate: .*test subjects .*\['4'\]"):
        SPLIT.check_fit(["walking", "walking"], ["1", "4"], "gate")


def test_fitting_takes_arrays() -> None:
    with pytest.raises(LeakageError):
        SPLIT.check_fit(np.array(["walking", "lying"]), np.array(["1", "2"]), "standardiser")


def test_provenance_of_seen_classes_and_of_other_data_sets_passes() -> None:
    SPLIT.check_provenance([], "features")
    SPLIT.check_provenance(seen_by(), "features")
    SPLIT.check_provenance(seen_by(classes=("walking", "flying"), subjects=("4",), dataset="other"), "features")


@pytest.mark.parametrize("leak", [{"classes": ("walking", "jumping")}, {"subjects": ("1", "4")}])
def test_provenance_with_an_unseen_class_or_a_test_subject_is_leakage(leak: dict) -> None:
    with pytest.raises(LeakageError, match="features: "):
        SPLIT.check_provenance(seen_by(dataset="other") + seen_by(**leak), "features")


def test_provenance_survives_json() -> None:
    entry = seen_by()[0]
    assert Provenance.from_dict(json.loads(json.dumps(asdict(entry)))) == entry


def test_split_survives_saving(tmp_path: Path) -> None:
    path = tmp_path / "tiny" / "random-1.json"
    SPLIT.save(path)
    assert Split.load(path) == SPLIT == find_split("tiny", "random-1", tmp_path)


def test_split_file_with_missing_or_unknown_fields_is_refused(tmp_path: Path) -> None:
    value = asdict(SPLIT) | {"colour": "blue"}
    del value["inner"]
    path = tmp_path / "split.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(InputError, match=r"split.json: .*missing \['inner'\], unknown \['colour'\]"):
        Split.load(path)


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '"text"'])
def test_damaged_split_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "split.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="split.json"):
        Split.load(path)


@pytest.mark.parametrize("field", ["seen", "test_subjects", "inner"])
def test_split_file_with_a_number_for_a_list_is_refused(tmp_path: Path, field: str) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps(asdict(SPLIT) | {field: 3}), encoding="utf-8")
    with pytest.raises(InputError, match="split.json"):
        Split.load(path)


def test_split_that_does_not_exist_lists_those_that_do(tmp_path: Path) -> None:
    for name in ("random-2", "random-1", "loco-lying"):
        replace(SPLIT, name=name).save(tmp_path / "tiny" / f"{name}.json")
    with pytest.raises(InputError, match="no such split; there are: loco-lying, random-1, random-2"):
        find_split("tiny", "zerohar-fold1", tmp_path)
    assert list_splits("other", tmp_path) == []


def test_splits_of_a_kind_are_found_whatever_they_are_called(tmp_path: Path) -> None:
    for name, kind in (("random-1", "random"), ("random-hard", "custom"), ("mine", "random"), ("loco-lying", "loco")):
        replace(SPLIT, name=name, kind=kind).save(tmp_path / "tiny" / f"{name}.json")
    assert list_splits("tiny", tmp_path) == ["loco-lying", "mine", "random-1", "random-hard"]
    assert list_splits("tiny", tmp_path, kind="random") == ["mine", "random-1"]
    assert list_splits("tiny", tmp_path, kind="rand") == []


def test_subjects_of_a_split_written_by_hand_may_be_numbers(tmp_path: Path) -> None:
    value = asdict(SPLIT) | {"train_subjects": [1, 2], "val_subjects": [3], "test_subjects": ["4"]}
    path = tmp_path / "split.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    assert Split.load(path) == SPLIT


def test_overlap_in_a_split_file_names_the_file_and_the_subject(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps(asdict(SPLIT) | {"test_subjects": [2]}), encoding="utf-8")
    with pytest.raises(InputError, match=r"split\.json: split tiny/random-1: '2' stands in both 'train' and 'test'"):
        Split.load(path)


def test_names_in_a_split_file_are_in_one_normal_form(tmp_path: Path) -> None:
    value = {**asdict(SPLIT), "test_subjects": ["Ju\u0308rgen ", 7]}
    (tmp_path / "split.json").write_text(json.dumps(value), encoding="utf-8")
    assert Split.load(tmp_path / "split.json").test_subjects == ("J\u00fcrgen", "7")
