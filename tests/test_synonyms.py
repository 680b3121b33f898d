"""The map of synonymous classes names real classes, each once per group."""

from pathlib import Path

import pytest

from feature_extraction.class_lists import load_class_list
from feature_extraction.errors import InputError
from feature_extraction.synonyms import load_synonyms, with_synonyms


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


@pytest.mark.parametrize("text", ["- a\n- b\n", "walking: 3\n", "walking: {usc-had: 3}\n", "a: [\n"])
def test_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "synonyms.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"synonyms\.yaml: expected groups"):
        load_synonyms(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.yaml: no such file"):
        load_synonyms(tmp_path / "nothing.yaml")
