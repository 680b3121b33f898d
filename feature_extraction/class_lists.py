"""Class lists and descriptions: what a data set's activities are called and what is said about them.

`class_lists/<dataset>.csv` holds id, name and the code used in the raw files;
`class_lists/<dataset>_descriptions.yaml` holds the views of every class. Both are validated as a whole,
so that a missing view or an attribute out of range fails before anything is trained.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from feature_extraction.errors import InputError

CLASS_LISTS_FOLDER = Path(__file__).resolve().parents[1] / "class_lists"
VIEWS = ("label", "sentence", "motion", "paraphrases", "kinematics")
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
    value = _read_yaml(path)
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
    value = _read_yaml(path)
    if not isinstance(value, Mapping) or not isinstance(value.get("classes"), Mapping):
        raise InputError(f"{path}: needs a mapping 'classes' of class names to descriptions")
    names = tuple(codes.values())
    missing, unknown = sorted(set(names) - set(value["classes"])), sorted(set(value["classes"]) - set(names))
    if missing or unknown:
        raise InputError(f"{path}: classes differ from {dataset}.csv; missing {missing}, unknown {unknown}")
    placements = tuple(value.get("placements") or ())
    descriptions = {
        name: _description(name, value["classes"][name], placements, f"{path}: {name}", complete=True) for name in names
    }
    return ClassList(dataset, names, codes, placements, descriptions)


def class_list_from_mapping(dataset: str, mapping: Mapping[str, Any], where: str) -> ClassList:
    """Build the class list of a user's own data set.

    Args:
        dataset: Data-set name.
        mapping: Class name -> mapping with `sentence` and, optionally, `label`, `motion`, `paraphrases`,
            `kinematics` and `code` (the label in the user's files; by default the name).
        where: File that the mapping comes from; named in errors.

    Raises:
        InputError: A class has no sentence, an unknown key, or a value out of range.
    """
    if not isinstance(mapping, Mapping) or len(mapping) < 2:
        raise InputError(f"{where}: 'classes' must map at least two class names to their descriptions")
    codes: dict[str, str] = {}
    descriptions = {}
    placements: tuple[str, ...] = ()
    for name, value in mapping.items():
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: class {name!r} must be a mapping with at least 'sentence'")
        code = str(value.get("code", name))
        if code in codes:
            raise InputError(f"{where}: classes {codes[code]!r} and {name!r} share the code {code!r}; give each its own")
        codes[code] = str(name)
        rest = {key: entry for key, entry in value.items() if key != "code"}
        description = _description(str(name), rest, tuple(value.get("motion") or ()), f"{where}: {name}", complete=False)
        descriptions[str(name)] = description
        placements = tuple(dict.fromkeys((*placements, *description.motion)))
    return ClassList(dataset, tuple(codes.values()), codes, placements, descriptions)


def _description(
    name: str, value: Any, placements: tuple[str, ...], where: str, *, complete: bool
) -> ClassDescription:
    """Validate one class; an incomplete one fills its views from the sentence."""
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: expected a mapping with the views {', '.join(VIEWS)}")
    unknown = sorted(set(value) - set(VIEWS))
    missing = sorted(set(VIEWS) - set(value)) if complete else [v for v in ("sentence",) if v not in value]
    if unknown or missing:
        raise InputError(f"{where}: missing views {missing}, unknown keys {unknown}; the views are {', '.join(VIEWS)}")
    sentence = _text(value["sentence"], f"{where}: sentence")
    motion = value.get("motion") or {"anywhere": sentence}
    if not isinstance(motion, Mapping) or (placements and set(motion) != set(placements)):
        raise InputError(f"{where}: motion must describe exactly the placements {list(placements)}")
    paraphrases = value.get("paraphrases") or [sentence]
    if not isinstance(paraphrases, list) or (complete and len(set(paraphrases)) < 10):
        raise InputError(f"{where}: paraphrases must be a list of at least ten different texts")
    return ClassDescription(
        name=name,
        label=_text(value.get("label", name), f"{where}: label"),
        sentence=sentence,
        motion={str(place): _text(text, f"{where}: motion at {place}") for place, text in motion.items()},
        paraphrases=tuple(_text(text, f"{where}: paraphrases") for text in paraphrases),
        kinematics=_kinematics(value.get("kinematics") or {}, where, complete=complete),
    )


def _kinematics(value: Any, where: str, *, complete: bool) -> dict[str, float]:
    names = attribute_names()
    if not value and not complete:
        return {}
    if not isinstance(value, Mapping) or set(value) != set(names):
        given = set(value) if isinstance(value, Mapping) else set()
        missing, unknown = sorted(set(names) - given), sorted(given - set(names))
        raise InputError(f"{where}: kinematics lacks {missing}, does not know {unknown}; see class_lists/kinematics.yaml")
    for name, entry in value.items():
        if isinstance(entry, bool) or not isinstance(entry, int | float) or not 0 <= entry <= 1:
            raise InputError(f"{where}: kinematics '{name}' is {entry!r}; give a number from 0 to 1")
    return {name: float(value[name]) for name in names}


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
        if row["id"] != str(number):
            raise InputError(f"{path}: line {number + 2} has id {row['id']!r}; number the classes 0, 1, 2, ...")
        if not row["name"] or not row["code"] or row["code"] in codes or row["name"] in codes.values():
            raise InputError(f"{path}: line {number + 2}: name {row['name']!r} or code {row['code']!r} is empty or twice")
        codes[row["code"]] = row["name"]
    if len(codes) < 2:
        raise InputError(f"{path}: fewer than two classes")
    return codes


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from None
