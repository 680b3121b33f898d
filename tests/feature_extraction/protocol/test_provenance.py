"""What an encoder may have learned from: the split's own data set, other data sets, and nobody knows what."""

import re
from dataclasses import replace

import pytest

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import LeakageError
from feature_extraction.protocol.split import EVERYTHING, SEPARATOR, Provenance, Split

SPLIT = Split(
    dataset="usc-had",
    name="custom",
    kind="custom",
    seed=0,
    seen=("standing", "walking upstairs", "running forward"),
    unseen=("walking forward", "sitting"),
    train_subjects=("1", "2"),
    val_subjects=("9",),
    test_subjects=("11",),
    inner=(("standing",),),
)
OWN = Provenance("usc-had", ("standing", "running forward"), ("1", "2", "9"), labelled=True)
OTHER = Provenance("hapt", ("standing", "walking downstairs"), ("1", "30"), labelled=True)


def across(name: str, seen: tuple[str, ...]) -> Split:
    """Return a split that learns from some people of HAPT and is tested on everybody of USC-HAD."""
    classes = [f"usc-had{SEPARATOR}{name}" for name in get_dataset("usc-had").class_list().names]
    return Split(
        dataset="hapt to usc-had",
        name=name,
        kind="cross",
        seed=0,
        seen=tuple(f"hapt{SEPARATOR}{name}" for name in seen),
        unseen=tuple(classes),
        train_subjects=("hapt: 1", "hapt: 3"),
        val_subjects=(),
        test_subjects=("hapt: 2", "usc-had: 1"),
        inner=(),
    )


OPEN = across("open", get_dataset("hapt").class_list().names)
STRICT = across("strict", ("stand-to-sit", "sit-to-stand"))


def check(*entries: Provenance, split: Split = SPLIT, held_out: tuple[str, ...] = ()) -> None:
    split.check_provenance(entries, "encoder:tiny", held_out)


def refused(message: str, *entries: Provenance, split: Split = SPLIT, held_out: tuple[str, ...] = ()) -> None:
    with pytest.raises(LeakageError, match=message) as caught:
        check(*entries, split=split, held_out=held_out)
    assert str(caught.value).startswith("encoder:tiny: ") and "\n" not in str(caught.value)


def test_seen_classes_of_train_subjects_and_labels_of_other_activities_pass() -> None:
    check(OWN, OTHER)


@pytest.mark.parametrize("labelled", [True, False])
def test_own_unseen_classes_and_test_subjects_are_leakage_with_and_without_labels(labelled: bool) -> None:
    for change in ({"classes": ("standing", "sitting")}, {"subjects": ("1", "11")}):
        remedy = re.escape("pretrained without them (--exclude-unseen usc-had/custom)")
        refused(remedy, replace(OWN, labelled=labelled, **change))


def test_the_label_of_a_synonym_is_leakage_that_names_both_classes_and_the_remedy() -> None:
    words = ("'walking' of hapt", "unseen class 'walking forward'", "usc-had/custom", "--exclude-unseen")
    refused(".*".join(map(re.escape, words)), OWN, replace(OTHER, classes=("standing", "walking")))


def test_signals_of_a_synonym_pass_without_their_labels() -> None:
    check(replace(OTHER, classes=("walking", "sitting"), labelled=False), OTHER)


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("field", ["classes", "subjects"])
def test_everything_of_the_own_data_set_is_leakage(field: str, labelled: bool) -> None:
    refused(
        "test subjects .*'11'" if field == "subjects" else "sitting.*walking forward",
        replace(OWN, labelled=labelled, **{field: EVERYTHING}),
    )


def test_all_labels_of_another_data_set_are_those_of_its_class_list() -> None:
    refused("'walking' of hapt", replace(OTHER, classes=EVERYTHING, subjects=EVERYTHING))
    check(replace(OTHER, classes=EVERYTHING, subjects=EVERYTHING, labelled=False))
    check(Provenance("wharf", EVERYTHING, EVERYTHING, labelled=True), split=replace(SPLIT, unseen=("jumping",)))


def test_unknown_labels_of_an_unknown_data_set_are_leakage_and_its_signals_are_not() -> None:
    everything = Provenance("uk-biobank", EVERYTHING, EVERYTHING, labelled=True)
    refused("uk-biobank, but not known which.*list the classes", everything)
    check(replace(everything, labelled=False))


def test_labels_count_by_name_where_a_data_set_is_ones_own() -> None:
    own = replace(SPLIT, dataset="kitchen", unseen=("walking",), seen=("stirring", "wiping", "cooking", "standing"))
    refused("unseen class 'walking' of split kitchen", replace(OTHER, classes=("walking",)), split=own)
    check(OTHER, split=own)


def test_held_out_classes_count_as_unseen() -> None:
    check(OWN, held_out=("walking upstairs",))
    refused("'running forward'", OWN, held_out=("running forward",))
    refused("'standing' of hapt", OTHER, held_out=("standing",))
    check(replace(OTHER, labelled=False), held_out=("standing",))


@pytest.mark.parametrize("split", [OPEN, STRICT], ids=lambda split: split.name)
def test_across_data_sets_nothing_of_the_target_may_have_been_met(split: Split) -> None:
    refused("usc-had: standing", Provenance("usc-had", ("standing",), ("1",), labelled=False), split=split)
    refused("usc-had: ", Provenance("usc-had", EVERYTHING, ("1",), labelled=False), split=split)


def test_across_data_sets_train_subjects_of_the_sources_pass_and_their_test_subjects_do_not() -> None:
    train = tuple(name.removeprefix("hapt: ") for name in OPEN.train_subjects if name.startswith("hapt: "))
    names = get_dataset("hapt").class_list().names
    learned = Provenance("hapt", names, train, labelled=True)
    check(learned, split=OPEN)
    refused("hapt: walking", learned, split=STRICT)
    tested = next(name for name in OPEN.test_subjects if name.startswith("hapt: "))
    refused(tested, replace(learned, subjects=(tested.removeprefix("hapt: "),)), split=OPEN)


def test_across_data_sets_labels_of_a_third_one_count() -> None:
    refused("'jogging' of wisdm.*'running forward'", Provenance("wisdm", ("jogging",), ("1",), True), split=OPEN)
    check(Provenance("wisdm", ("typing", "jogging"), ("1",), labelled=False), split=OPEN)
