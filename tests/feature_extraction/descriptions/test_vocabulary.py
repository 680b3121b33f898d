"""Everyday activities are described in full, and every class of the shipped data sets means some of them."""

from pathlib import Path

import pytest
import yaml

from feature_extraction.descriptions.class_list import VIEWS, attribute_names, load_class_list
from feature_extraction.descriptions.vocabulary import Meaning, load_vocabulary
from feature_extraction.errors import InputError
from feature_extraction.storage.places import CLASS_LISTS_FOLDER

ACTIVITIES = ("walking upstairs", "walking downstairs", "clapping")
MEANINGS = {"stairs": {"broader": ["walking upstairs", "walking downstairs"]}, "clap": {"same": "clapping"}}


def write(folder: Path, classes: dict | None = None, data_sets: object = None) -> Path:
    value = {
        "dataset": "everyday",
        "placements": ["wrist"],
        "classes": classes or {name: described(name) for name in ACTIVITIES},
        "data_sets": {"tiny": MEANINGS} if data_sets is None else data_sets,
    }
    (folder / "everyday.yaml").write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
    (folder / "tiny.csv").write_text("id,name,code\n0,stairs,S\n1,clap,C\n", encoding="utf-8")
    return folder


def described(name: str) -> dict:
    return {
        "label": name,
        "sentence": f"A person is {name}.",
        "motion": {"wrist": f"The wrist is {name}."},
        "paraphrases": [f"{name} {k}" for k in range(10)],
        "kinematics": dict.fromkeys(attribute_names(), 0.5),
    }


def test_every_activity_is_described_in_words_that_no_other_has() -> None:
    vocabulary = load_vocabulary()
    assert vocabulary.placements == ("head", "trunk", "hip", "thigh", "ankle", "upper arm", "wrist")
    assert vocabulary.names == tuple(vocabulary.descriptions) and len(vocabulary.names) > 100
    texts = []
    for name, known in vocabulary.descriptions.items():
        assert known.label == name and tuple(known.motion) == vocabulary.placements
        assert tuple(known.kinematics) == attribute_names()
        texts += [known.sentence, *known.motion.values(), *known.paraphrases]
    assert len(set(texts)) == len(texts)


def test_every_class_of_the_shipped_data_sets_means_something() -> None:
    vocabulary = load_vocabulary()
    assert set(vocabulary.meanings) == {path.stem for path in CLASS_LISTS_FOLDER.glob("*.csv")}
    for dataset, meanings in vocabulary.meanings.items():
        assert tuple(meanings) == load_class_list(dataset).names
        assert all(set(meaning.activities) <= set(vocabulary.names) for meaning in meanings.values())
    assert vocabulary.meaning("usc-had", "walking left") == Meaning("narrower", ("walking",))
    assert vocabulary.meaning("wisdm", "stairs") == Meaning("broader", ("walking upstairs", "walking downstairs"))


def test_a_class_of_ones_own_means_the_activity_of_its_name_or_nothing() -> None:
    vocabulary = load_vocabulary()
    assert vocabulary.meaning("mine", " Brushing  TEETH") == Meaning("same", ("brushing teeth",))
    assert vocabulary.meaning("mine", "juggling").activities == ()


def test_an_unknown_class_of_a_shipped_data_set_is_refused_with_near_ones() -> None:
    with pytest.raises(InputError, match="hapt: no class 'walkin'; near ones are walking"):
        load_vocabulary().meaning("hapt", "walkin")


def test_a_small_vocabulary_is_read(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(write(tmp_path))
    assert vocabulary.names == ACTIVITIES and vocabulary.placements == ("wrist",)
    assert vocabulary.meanings == {
        "tiny": {
            "stairs": Meaning("broader", ("walking upstairs", "walking downstairs")),
            "clap": Meaning("same", ("clapping",)),
        }
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"same": "claping"}, "activity 'claping' is unknown; near ones are clapping"),
        ({"same": 3}, "activity 3 is unknown"),
        ({"alike": "clapping"}, "give one of same, narrower, broader, overlapping"),
        ({"same": "clapping", "narrower": "clapping"}, "give one of same, narrower"),
        ({}, "give one of same, narrower"),
        ("clapping", "expected a mapping of names, found 'clapping'"),
        ({"same": ["clapping", "walking upstairs"]}, "'same' takes one activity"),
        ({"narrower": []}, "'narrower' takes one activity"),
        ({"broader": "clapping"}, "'broader' takes several activities"),
        ({"overlapping": ["clapping"]}, "'overlapping' takes several activities"),
        ({"broader": []}, "'broader' takes several activities"),
        ({"broader": ["clapping", "clapping"]}, "activity 'clapping' stands there twice"),
    ],
)
def test_a_wrong_meaning_is_refused(tmp_path: Path, value: object, message: str) -> None:
    folder = write(tmp_path, data_sets={"tiny": MEANINGS | {"clap": value}})
    with pytest.raises(InputError, match=f"everyday.yaml: data_sets: tiny: clap: .*{message}"):
        load_vocabulary(folder)


@pytest.mark.parametrize(
    ("data_sets", "message"),
    [
        ({"tiny": {"stairs": MEANINGS["stairs"]}}, r"tiny: classes \['clap'\] are missing"),
        ({"tiny": MEANINGS | {"clapp": {"same": "clapping"}}}, "tiny: no class 'clapp'; near ones are clap"),
        ({"tiny": 3}, "tiny: expected a mapping of names, found 3"),
        ({}, r"data_sets lacks \['tiny'\]"),
        ({"tiny": MEANINGS, "tinny": MEANINGS}, r"has \['tinny'\]"),
        ([], r"data_sets: expected a mapping of names, found \[\]"),
    ],
)
def test_classes_that_differ_from_the_class_lists_are_refused(tmp_path: Path, data_sets: object, message: str) -> None:
    with pytest.raises(InputError, match=f"everyday.yaml: .*{message}"):
        load_vocabulary(write(tmp_path, data_sets=data_sets))


@pytest.mark.parametrize("view", VIEWS)
def test_an_activity_without_a_view_is_refused(tmp_path: Path, view: str) -> None:
    classes = {name: described(name) for name in ACTIVITIES}
    del classes["clapping"][view]
    with pytest.raises(InputError, match=f"everyday.yaml: clapping: .*{view}"):
        load_vocabulary(write(tmp_path, classes))


@pytest.mark.parametrize("name", ["Clapping", "hand  clapping", 3])
def test_activities_are_texts_in_lower_case(tmp_path: Path, name: object) -> None:
    with pytest.raises(InputError, match="must be a text in lower case"):
        load_vocabulary(write(tmp_path, {name: described("clapping")}))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"everyday\.yaml: no such file"):
        load_vocabulary(tmp_path)
