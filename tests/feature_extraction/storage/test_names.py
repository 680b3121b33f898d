import unicodedata

import pytest

from feature_extraction.errors import InputError
from feature_extraction.storage.names import Spellings, file_name, file_names, plain_name
from feature_extraction.storage.yaml import read_yaml


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" Anna ", "Anna"),
        ("01", "01"),
        ("1.0", "1"),
        ("1.5", "1.5"),
        ("null", "null"),
        (unicodedata.normalize("NFD", "Jürgen"), "Jürgen"),
    ],
)
def test_a_name_is_text_in_one_normal_form(text: str, name: str) -> None:
    assert plain_name(text) == name


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Anna", "anna"),
        ("1", "01"),
        ("P7", "p07"),
        ("sit down", "sitdown"),
        ("ﬁt", "fit"),
        ("Ann\u00a0a", "Ann a"),
        ("Anna\u200b", "Anna"),
        ("STRASSE", "straße"),
    ],
)
def test_two_spellings_of_one_name_are_refused(first: str, second: str) -> None:
    seen = Spellings("subject")
    assert seen.add(first, "a.csv: rows 1 to 2") == seen.add(first, "c.csv") == first
    with pytest.raises(InputError) as caught:
        seen.add(second, "b.csv")
    for shown in (repr(first), repr(second), "a.csv: rows 1 to 2", "b.csv: subject"):
        assert shown in str(caught.value)


@pytest.mark.parametrize("pair", [("1", "10"), ("a b", "a-b"), ("anna", "hanna"), ("00", "1"), ("p1", "p2")])
def test_different_names_are_different(pair: tuple[str, str]) -> None:
    seen = Spellings("class")
    for name in pair:
        seen.add(name, "here")


def test_file_names_are_safe_and_different() -> None:
    assert file_name("walking upstairs") == "walking-upstairs"
    assert file_names(["a b", "a-b"])[1] == "a-b"
    names = [
        "a b",
        "a-b",
        "a/b",
        "a/../../escaped",
        "..",
        "",
        "con",
        "Walk",
        "walk",
        "läuft",
        "lauft",
        "歩く",
        "x" * 300,
    ]
    found = file_names(names)
    assert len({name.casefold() for name in found}) == len(names)
    for name in found:
        assert name.isascii() and set(name) & set("/\\: ") == set() and ".." not in name and 0 < len(name) < 80
    assert found == file_names(names)


def test_yaml_names_are_text_where_names_are_wanted(tmp_path) -> None:
    path = tmp_path / "names.yaml"
    path.write_text("null: {code: 01, rate: 01}\nyes: everyday\n01: x\nignore: [no, 1e3]\nvalue:\n")
    assert read_yaml(path, ("code", "ignore")) == {
        "null": {"code": "01", "rate": 1},
        "yes": "everyday",
        "01": "x",
        "ignore": ["no", "1e3"],
        "value": None,
    }
    assert read_yaml(path)[None] == {"code": 1, "rate": 1}
