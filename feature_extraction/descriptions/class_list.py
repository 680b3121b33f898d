"""Class lists and descriptions: what a data set's activities are called and what is said about them.

`class_lists/<dataset>.csv` holds id, name and the code used in the raw files;
`class_lists/<dataset>_descriptions.yaml` holds the views of every class. Both are validated as a whole,
so that a missing view or an attribute out of range fails before anything is trained.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from feature_extraction.errors import InputError
from feature_extraction.storage.places import CLASS_LISTS_FOLDER
from feature_extraction.storage.yaml import read_yaml

VIEWS = ("label", "sentence", "motion", "paraphrases", "kinematics")
ANYWHERE = "anywhere"  # the one placement of descriptions that do not distinguish placements
_MIN_PARAPHRASES = 10
_CSV_COLUMNS = ["id", "name", "code"]


@dataclass(frozen=True)
class ClassDescription:
    """What is said about one class.

    Attributes:
        name: Class name, unique in the data set.
        label: Bare everyday name.
        sentence: What the whole body does.
        motion: What a sensor feels, by placement.
        paraphrases: Varied descriptions of the same motion.
        kinematics: Named attributes in [0, 1] (`class_lists/kinematics.yaml`); empty if none were given.
    """

    name: str
    label: str
    sentence: str
    motion: Mapping[str, str]
    paraphrases: tuple[str, ...]
    kinematics: Mapping[str, float]


@dataclass(frozen=True)
class ClassList:
    """The classes of one data set.

    Attributes:
        dataset: Data-set name.
        names: Class names in the authors' order.
        codes: Code in the raw files -> class name.
        placements: Every placement that a description speaks of.
        descriptions: Class name -> description.
    """

    dataset: str
    names: tuple[str, ...]
    codes: Mapping[str, str]
    placements: tuple[str, ...]
    descriptions: Mapping[str, ClassDescription]


@cache
def attribute_names(folder: Path = CLASS_LISTS_FOLDER) -> tuple[str, ...]:
    """Return the names of the kinematic attributes, in the order of `kinematics.yaml`.

    Raises:
        InputError: The file is missing or has no `attributes`.
    """
    path = folder / "kinematics.yaml"
    value = read_yaml(path)
    if not isinstance(value, Mapping) or not isinstance(value.get("attributes"), Mapping):
        raise InputError(f"{path}: needs a mapping 'attributes' of attribute names to definitions")
    return tuple(value["attributes"])


def load_class_list(dataset: str, folder: Path = CLASS_LISTS_FOLDER) -> ClassList:
    """Read and validate the class list and the descriptions of a data set.

    Raises:
        InputError: A file is missing or damaged, or a class lacks a view; names file, class and remedy.
    """
    codes = _read_codes(folder / f"{dataset}.csv")
    path = folder / f"{dataset}_descriptions.yaml"
    value = read_yaml(path)
    if not isinstance(value, Mapping) or not isinstance(value.get("classes"), Mapping):
        raise InputError(f"{path}: needs a mapping 'classes' of class names to descriptions")
    if value.get("dataset") != dataset:
        raise InputError(f"{path}: 'dataset' is {value.get('dataset')!r}; write {dataset!r}, as in the file name")
    names, classes = tuple(codes.values()), value["classes"]
    missing, unknown = _differences(names, classes)
    if missing or unknown:
        raise InputError(
            f"{path}: classes differ from {dataset}.csv; describe {missing}, take away or rename {unknown}"
        )
    placements = _placements(value.get("placements"), str(path))
    attributes = attribute_names(folder)
    for name in names:
        if not isinstance(classes[name], Mapping):
            raise InputError(f"{path}: {name}: expected a mapping with the views {', '.join(VIEWS)}")
        lacking, _ = _differences(VIEWS, classes[name])
        if lacking:
            raise InputError(f"{path}: {name}: views {lacking} are missing; every class needs {', '.join(VIEWS)}")
        _require_paraphrases(classes[name]["paraphrases"], f"{path}: {name}")
    descriptions = {
        name: describe_class(name, classes[name], placements, attributes, f"{path}: {name}") for name in names
    }
    _require_different(descriptions, str(path))
    return ClassList(dataset, names, codes, placements, descriptions)


def class_list_from_mapping(dataset: str, mapping: Mapping[str, Any], where: str) -> ClassList:
    """Build the class list of a user's own data set.

    Args:
        dataset: Data-set name.
        mapping: Class name -> mapping with `sentence` and, optionally, `label` (by default the name),
            `motion` and `paraphrases` (by default the sentence), `kinematics` and `code` (the label in
            the user's files; by default the name).
        where: File that the mapping comes from; named in errors.

    Raises:
        InputError: A class has no sentence, an unknown key, or a value out of range.
    """
    if not isinstance(mapping, Mapping) or len(mapping) < 2:
        raise InputError(f"{where}: 'classes' must map at least two class names to their descriptions")
    classes: dict[str, dict[str, Any]] = {}
    codes: dict[str, str] = {}
    for key, value in mapping.items():
        name = _text(key, f"{where}: class name {key!r} (put it in quotes)")
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: {name}: expected a mapping with at least 'sentence', found {value!r}")
        if "sentence" not in value:
            raise InputError(f"{where}: {name}: 'sentence' is missing; say in a sentence what the whole body does")
        code = str(value.get("code", name))
        if code in codes:
            raise InputError(f"{where}: {name}: code {code!r} is taken by {codes[code]!r}; give each class its own")
        if name in classes:
            raise InputError(f"{where}: class {name!r} stands there twice; keep one")
        codes[code] = name
        classes[name] = {view: entry for view, entry in value.items() if view != "code"}
    motions = [value["motion"] for value in classes.values() if isinstance(value.get("motion"), Mapping)]
    placements = tuple(dict.fromkeys(str(place) for motion in motions for place in motion)) or (ANYWHERE,)
    attributes = attribute_names()
    descriptions = {
        name: describe_class(name, value, placements, attributes, f"{where}: {name}") for name, value in classes.items()
    }
    _require_different(descriptions, where)
    return ClassList(dataset, tuple(classes), codes, placements, descriptions)


def describe_class(
    name: str, value: Mapping[str, Any], placements: tuple[str, ...], attributes: tuple[str, ...], where: str
) -> ClassDescription:
    """Return the description of one class; views that are not given are filled from name and sentence.

    Args:
        name: Class name.
        value: `sentence` and, optionally, other views, as in `class_list_from_mapping`.
        placements: What `motion` must describe.
        attributes: What `kinematics` must give a value.
        where: Named in errors.

    Raises:
        InputError: A view is unknown, a text empty, or a value out of range.
    """
    _, unknown = _differences(VIEWS, value)
    if unknown:
        raise InputError(f"{where}: unknown keys {unknown}; the views are {', '.join(VIEWS)}")
    sentence = _text(value["sentence"], f"{where}: sentence")
    motion = value["motion"] if "motion" in value else dict.fromkeys(placements, sentence)
    if not isinstance(motion, Mapping):
        raise InputError(f"{where}: motion must map placements to texts, found {motion!r}")
    missing, unknown = _differences(placements, motion)
    if missing or unknown:
        raise InputError(
            f"{where}: motion must describe exactly the placements {', '.join(placements)}; "
            f"missing {missing}, unknown {unknown}"
        )
    paraphrases = value.get("paraphrases", [sentence])
    if not isinstance(paraphrases, list | tuple) or not paraphrases:
        raise InputError(f"{where}: paraphrases must be a list of texts, found {paraphrases!r}")
    return ClassDescription(
        name=_text(name, f"{where}: name"),
        label=_text(value.get("label", name), f"{where}: label"),
        sentence=sentence,
        motion={place: _text(motion[place], f"{where}: motion at {place}") for place in placements},
        paraphrases=tuple(_text(text, f"{where}: paraphrases") for text in paraphrases),
        kinematics=_kinematics(value["kinematics"], attributes, where) if "kinematics" in value else {},
    )


def _kinematics(value: Any, attributes: tuple[str, ...], where: str) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: kinematics must map attributes to numbers, found {value!r}")
    missing, unknown = _differences(attributes, value)
    if missing or unknown:
        raise InputError(
            f"{where}: kinematics lacks {missing}, does not know {unknown}; see class_lists/kinematics.yaml"
        )
    for name, entry in value.items():
        if isinstance(entry, bool) or not isinstance(entry, int | float) or not 0 <= entry <= 1:
            raise InputError(f"{where}: kinematics '{name}' is {entry!r}; give a number from 0 to 1")
    return {name: float(value[name]) for name in attributes}


def _placements(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise InputError(f"{where}: 'placements' must list the placements of the sensors, found {value!r}")
    names = [_text(entry, f"{where}: placements") for entry in value]
    _require_once(names, f"{where}: placements")
    return tuple(names)


def _require_paraphrases(value: Any, where: str) -> None:
    if not isinstance(value, list) or len(value) < _MIN_PARAPHRASES:
        found = len(value) if isinstance(value, list) else repr(value)
        raise InputError(f"{where}: paraphrases must list at least {_MIN_PARAPHRASES} texts, found {found}")
    _require_once([_text(entry, f"{where}: paraphrases") for entry in value], f"{where}: paraphrases")


def _require_different(descriptions: Mapping[str, ClassDescription], where: str) -> None:
    """Refuse classes that nothing tells apart: the same label or the same sentence."""
    for view in ("label", "sentence"):
        owner: dict[str, str] = {}
        for name, description in descriptions.items():
            text = getattr(description, view)
            if text in owner:
                raise InputError(
                    f"{where}: {name}: {view} {text!r} is that of {owner[text]!r} too; say how they differ"
                )
            owner[text] = name


def _require_once(names: Iterable[str], where: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"{where}: {twice[0]!r} stands there twice; keep one")


def _differences(wanted: Iterable[str], given: Iterable[Any]) -> tuple[list[str], list[str]]:
    """Return what is wanted and not given, and what is given and not wanted."""
    wanted, names = list(wanted), [str(key) for key in given]
    return [key for key in wanted if key not in names], [key for key in names if key not in wanted]


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: expected a text, found {value!r}")
    return " ".join(value.split())


def _read_codes(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), reader.fieldnames
    except FileNotFoundError:
        raise InputError(f"{path}: no such class list") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as CSV ({error})") from None
    if columns != _CSV_COLUMNS:
        raise InputError(f"{path}: columns are {columns}; expected {_CSV_COLUMNS}")
    codes: dict[str, str] = {}
    for number, row in enumerate(rows):
        where = f"{path}: line {number + 2}"
        name, code = row["name"], row["code"]
        if row["id"] != str(number):
            raise InputError(f"{where} has id {row['id']!r}; number the classes 0, 1, 2, ...")
        if not name or not code or None in row:
            raise InputError(f"{where}: needs exactly id, name and code")
        if code in codes:
            raise InputError(f"{where}: {name}: code {code!r} is taken by {codes[code]!r}; give each class its own")
        if name in codes.values():
            raise InputError(f"{where}: class {name!r} stands there twice; keep one")
        codes[code] = name
    if len(codes) < 2:
        raise InputError(f"{path}: fewer than two classes")
    return codes
