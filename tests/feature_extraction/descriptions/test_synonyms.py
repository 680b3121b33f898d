"""The map of synonymous classes names real classes, each once per group."""

from pathlib import Path

import pytest

from feature_extraction.descriptions.class_list import load_class_list
from feature_extraction.descriptions.synonyms import find_synonym, load_synonyms, with_synonyms
from feature_extraction.errors import InputError


def test_every_named_class_exists() -> None:
    for group in load_synonyms():
        assert len({dataset for dataset, _ in group}) >= 2
        for dataset, name in group:
            assert name in load_class_list(dataset).names, f"{dataset}: {name}"


def test_synonyms_are_found_both_ways_and_others_stay_alone() -> None:
    assert ("usc-had", "jumping") in with_synonyms([("dsads", "jumping")])
    assert ("dsads", "jumping") in with_synonyms([("usc-had", "jumping")])
    assert with_synonyms([("dsads", "rowing")]) == {("dsads", "rowing")}
    assert with_synonyms([]) == frozenset()


def test_a_class_stands_for_its_synonyms_and_its_namesakes() -> None:
    unseen = [("usc-had", "sitting"), ("usc-had", "walking forward")]
    assert find_synonym(("hapt", "walking"), unseen) == ("usc-had", "walking forward")
    assert find_synonym(("hapt", "standing"), unseen) is None
    assert find_synonym(("mine", "sitting"), unseen) == ("usc-had", "sitting")
    assert find_synonym(("hapt", "juggling"), [("mine", "juggling")]) == ("mine", "juggling")


def test_a_data_set_of_ones_own_goes_by_its_names() -> None:
    assert find_synonym(("hapt", "walking"), [("mine", "walking forward")]) == ("mine", "walking forward")
    assert find_synonym(("mine", "jogging"), [("dsads", "running on a treadmill")]) is not None
    assert find_synonym(("hapt", "walking"), [("mine", "walking the dog")]) is None
    # dsads calls nothing `jogging`, so there the name of another data set says nothing
    assert find_synonym(("dsads", "jogging"), [("usc-had", "running forward")]) is None


@pytest.mark.parametrize("text", ["- a\n- b\n", "walking: 3\n", "walking: {usc-had: 3}\n", "a: [\n"])
def test_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "synonyms.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"synonyms\.yaml: (expected groups|not readable as YAML)"):
        load_synonyms(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.yaml: no such file"):
        load_synonyms(tmp_path / "nothing.yaml")
