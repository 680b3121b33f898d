from pathlib import Path

import pytest
import yaml

from feature_extraction.descriptions.class_list import (
    ANYWHERE,
    VIEWS,
    attribute_names,
    class_list_from_mapping,
    load_class_list,
)
from feature_extraction.errors import InputError
from feature_extraction.storage.places import CLASS_LISTS_FOLDER

N_CLASSES = {
    **{"dsads": 19, "hapt": 12, "usc-had": 12, "utd-mhad": 27, "watch": 7, "wharf": 14, "wisdm": 18},
    **{"umafall": 15, "sp-sw-har": 5, "berkeley-mhad": 11},
}
NAMES = ("walking", "sitting")


def described(name: str) -> dict:
    return {
        "label": name,
        "sentence": f"A person is {name}.",
        "motion": {"wrist": f"The wrist of someone {name}."},
        "paraphrases": [f"{name} in manner {number}" for number in range(10)],
        "kinematics": dict.fromkeys(attribute_names(), 0.5),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kinematics = (CLASS_LISTS_FOLDER / "kinematics.yaml").read_text(encoding="utf-8")
    (tmp_path / "kinematics.yaml").write_text(kinematics, encoding="utf-8")
    (tmp_path / "tiny.csv").write_text("id,name,code\n0,walking,W\n1,sitting,S\n", encoding="utf-8")
    write_descriptions(tmp_path, {name: described(name) for name in NAMES})
    return tmp_path


def write_descriptions(folder: Path, classes: dict, **other: object) -> None:
    value = {"dataset": "tiny", "placements": ["wrist"], "classes": classes} | other
    (folder / "tiny_descriptions.yaml").write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")


@pytest.mark.parametrize("dataset", N_CLASSES)
def test_committed_class_list_is_complete(dataset: str) -> None:
    class_list = load_class_list(dataset)
    assert class_list.dataset == dataset
    assert len(class_list.names) == N_CLASSES[dataset]
    assert tuple(class_list.codes.values()) == class_list.names == tuple(class_list.descriptions)
    for description in class_list.descriptions.values():
        assert tuple(description.motion) == class_list.placements
        assert len(description.paraphrases) >= 10
        assert tuple(description.kinematics) == attribute_names()


def test_there_are_twenty_attributes() -> None:
    assert len(attribute_names()) == 20
    assert attribute_names()[0] == "torso_upright"
    assert attribute_names()[-1] == "transience"


def test_texts_come_back_on_one_line(folder: Path) -> None:
    classes = {name: described(name) for name in NAMES}
    classes["walking"]["sentence"] = "A person\n  walks   on.\n"
    write_descriptions(folder, classes)
    assert load_class_list("tiny", folder).descriptions["walking"].sentence == "A person walks on."


@pytest.mark.parametrize("view", VIEWS)
def test_missing_view_names_file_class_and_view(folder: Path, view: str) -> None:
    classes = {name: described(name) for name in NAMES}
    del classes["sitting"][view]
    write_descriptions(folder, classes)
    with pytest.raises(InputError, match=rf"tiny_descriptions.yaml: sitting: .*{view}"):
        load_class_list("tiny", folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"motion": {"wrist": "a", "ankle": "b"}}, "unknown .*ankle"),
        ({"motion": {}}, "missing .*wrist"),
        ({"motion": "swings"}, "motion must map"),
        ({"label": ""}, "label: expected a text"),
        ({"sentence": 3}, "sentence: expected a text, found 3"),
        ({"paraphrases": ["one", "two"]}, "at least 10 texts, found 2"),
        ({"paraphrases": ["same"] * 10}, "'same' stands there twice"),
        ({"paraphrases": [["nested"]] * 10}, "paraphrases: expected a text"),
        ({"colour": "blue"}, "unknown keys .*colour"),
        ({"kinematics": {"torso_upright": 1.0}}, "kinematics lacks .*thigh_vertical"),
        ({"kinematics": 3}, "kinematics must map"),
        ({"sentence": "A person is walking."}, "sentence .* is that of 'walking' too"),
        ({"label": "walking"}, "label .* is that of 'walking' too"),
    ],
)
def test_wrong_description_is_refused(folder: Path, changes: dict, message: str) -> None:
    write_descriptions(folder, {"walking": described("walking"), "sitting": described("sitting") | changes})
    with pytest.raises(InputError, match=f"sitting: .*{message}"):
        load_class_list("tiny", folder)


@pytest.mark.parametrize("value", [1.01, -0.1, float("nan"), True, "0.5", None])
def test_attribute_outside_its_range_is_refused(folder: Path, value: object) -> None:
    classes = {name: described(name) for name in NAMES}
    classes["sitting"]["kinematics"]["cadence"] = value
    write_descriptions(folder, classes)
    with pytest.raises(InputError, match="sitting: kinematics 'cadence' is .*; give a number from 0 to 1"):
        load_class_list("tiny", folder)


def test_unknown_attribute_is_refused(folder: Path) -> None:
    classes = {name: described(name) for name in NAMES}
    classes["sitting"]["kinematics"]["speed"] = 0.5
    write_descriptions(folder, classes)
    with pytest.raises(InputError, match="has unknown .*speed.*see class_lists/kinematics.yaml"):
        load_class_list("tiny", folder)


def test_described_and_listed_classes_must_agree(folder: Path) -> None:
    write_descriptions(folder, {name: described(name) for name in ("walking", "flying")})
    with pytest.raises(InputError, match=r"describe \['sitting'\], rename or remove \['flying'\]"):
        load_class_list("tiny", folder)


@pytest.mark.parametrize("placements", [None, "wrist", [], ["wrist", "wrist"], [1]])
def test_placements_must_be_listed(folder: Path, placements: object) -> None:
    write_descriptions(folder, {name: described(name) for name in NAMES}, placements=placements)
    with pytest.raises(InputError, match="placements"):
        load_class_list("tiny", folder)


def test_descriptions_of_another_data_set_are_refused(folder: Path) -> None:
    write_descriptions(folder, {name: described(name) for name in NAMES}, dataset="other")
    with pytest.raises(InputError, match="'dataset' is 'other'; write 'tiny'"):
        load_class_list("tiny", folder)


def test_class_described_twice_is_refused(folder: Path) -> None:
    path = folder / "tiny_descriptions.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "  walking:\n    label: again\n", encoding="utf-8")
    with pytest.raises(InputError, match="'walking' stands there twice"):
        load_class_list("tiny", folder)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("0,walking,W\n1,sitting,W\n", "line 3: sitting: code 'W' is taken by 'walking'"),
        ("0,walking,W\n1,walking,S\n", "line 3: class 'walking' stands there twice"),
        ("0,walking,W\n2,sitting,S\n", "line 3 has id '2'"),
        ("0,walking,W\n1,,S\n", "line 3: needs exactly id, name and code"),
        ("0,walking,W\n1,sitting\n", "line 3: needs exactly id, name and code"),
        ("0,walking,W\n1,sitting,S,X\n", "line 3: needs exactly id, name and code"),
        ("0,walking,W\n", "fewer than two classes"),
    ],
)
def test_wrong_csv_names_the_line(folder: Path, rows: str, message: str) -> None:
    (folder / "tiny.csv").write_text(f"id,name,code\n{rows}", encoding="utf-8")
    with pytest.raises(InputError, match=f"tiny.csv: {message}"):
        load_class_list("tiny", folder)


def test_missing_or_damaged_files_are_named(folder: Path) -> None:
    with pytest.raises(InputError, match=r"other.csv: no such file"):
        load_class_list("other", folder)
    (folder / "tiny.csv").write_text("name,code\n", encoding="utf-8")
    with pytest.raises(InputError, match="columns are"):
        load_class_list("tiny", folder)
    (folder / "tiny.csv").write_text("id,name,code\n0,walking,W\n1,sitting,S\n", encoding="utf-8")
    (folder / "tiny_descriptions.yaml").write_text("classes: [", encoding="utf-8")
    with pytest.raises(InputError, match="not readable as YAML"):
        load_class_list("tiny", folder)


def test_own_class_needs_a_name_and_a_sentence_only() -> None:
    mapping = {"stirring": {"sentence": "Someone stirs."}, "chopping": {"code": "C", "sentence": "Someone chops."}}
    class_list = class_list_from_mapping("kitchen", mapping, "dataset.yaml")
    assert class_list.names == ("stirring", "chopping")
    assert class_list.codes == {"stirring": "stirring", "C": "chopping"}
    assert class_list.placements == (ANYWHERE,)
    description = class_list.descriptions["stirring"]
    assert description.label == "stirring"
    assert description.motion == {ANYWHERE: "Someone stirs."}
    assert description.paraphrases == ("Someone stirs.",)
    assert description.kinematics == {}


def test_own_class_without_motion_gets_its_sentence_at_every_placement() -> None:
    mapping = {"a": {"sentence": "A.", "motion": {"wrist": "w", "ankle": "k"}}, "b": {"sentence": "B."}}
    class_list = class_list_from_mapping("own", mapping, "dataset.yaml")
    assert class_list.placements == ("wrist", "ankle")
    assert class_list.descriptions["b"].motion == {"wrist": "B.", "ankle": "B."}


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("walks", "b: expected a mapping"),
        ({"label": "b"}, "b: 'sentence' is missing"),
        ({"sentence": "B.", "code": "a"}, "b: code 'a' is taken by 'a'"),
        ({"sentence": "A."}, "b: sentence 'A.' is that of 'a' too"),
        ({"sentence": "B.", "motion": {"ankle": "k"}}, "a: motion .*missing .*ankle|b: motion .*missing .*wrist"),
        ({"sentence": "B.", "kinematics": {"cadence": 2}}, "b: kinematics lacks"),
        ({"sentence": "B.", "paraphrases": []}, "b: paraphrases must be a list"),
        ({"sentence": "B.", "weight": 3}, "b: unknown keys .*weight"),
    ],
)
def test_wrong_own_class_is_refused(second: object, message: str) -> None:
    mapping = {"a": {"sentence": "A.", "motion": {"wrist": "w"}}, "b": second}
    with pytest.raises(InputError, match=f"dataset.yaml: ({message})"):
        class_list_from_mapping("own", mapping, "dataset.yaml")


def test_own_class_name_that_yaml_reads_as_no_text_is_refused() -> None:
    with pytest.raises(InputError, match="put it in quotes"):
        class_list_from_mapping("own", {True: {"sentence": "A."}, "b": {"sentence": "B."}}, "dataset.yaml")
