"""Class lists and descriptions: what a data set's activities are called and what is said about them.

`class_lists/<dataset>.csv` holds id, name and the code used in the raw files;
`class_lists/<dataset>_descriptions.yaml` holds the views of every class. Both are validated as a whole,
so that a missing view or an attribute out of range fails before anything is trained.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from feature_extraction.errors import InputError
from feature_extraction.storage.files import require_file
from feature_extraction.storage.names import Spellings, plain_name, require_plain, require_printable
from feature_extraction.storage.places import CLASS_LISTS_FOLDER
from feature_extraction.storage.yaml import read_yaml

VIEWS = ("label", "sentence", "motion", "paraphrases", "kinematics")
ANYWHERE = "anywhere"  # the one placement of descriptions that do not distinguish placements
_MIN_PARAPHRASES = 10
MOST_CLASSES, MOST_PARAPHRASES = 1000, 1000
LONGEST_DESCRIPTION = 2000  # characters; sentence encoders read some hundred words
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

    def described(self, names: Sequence[str]) -> list[ClassDescription]:
        """Return the descriptions of some classes, in order.

        Raises:
            InputError: There is no such class.
        """
        strange = [name for name in names if name not in self.descriptions]
        if strange:
            raise InputError(f"{self.dataset}: no class {strange[0]!r}; there are {', '.join(self.names)}")
        return [self.descriptions[name] for name in names]


@cache
def attribute_names() -> tuple[str, ...]:
    """Return the names of the kinematic attributes, in the order of `kinematics.yaml`."""
    return tuple(read_mapping(CLASS_LISTS_FOLDER / "kinematics.yaml", "attributes")["attributes"])


def read_mapping(path: Path, key: str) -> Mapping[Any, Any]:
    """Return what a YAML file holds: a mapping with another mapping under `key`.

    Raises:
        InputError: The file is missing or damaged, or holds something else.
    """
    value = read_yaml(path)
    if not isinstance(value, Mapping) or not isinstance(value.get(key), Mapping):
        raise InputError(f"{path}: needs a mapping {key!r} of names to what is said about them")
    return value


def load_class_list(dataset: str, folder: Path = CLASS_LISTS_FOLDER) -> ClassList:
    """Read and validate the class list and the descriptions of a data set; every class needs every view.

    Raises:
        InputError: A file is missing or damaged, or a class lacks a view; names file, class and remedy.
    """
    codes = read_codes(folder / f"{dataset}.csv")
    path = folder / f"{dataset}_descriptions.yaml"
    return fully_described(dataset, codes, read_mapping(path, "classes"), path)


def fully_described(dataset: str, codes: Mapping[str, str], value: Mapping[Any, Any], path: Path) -> ClassList:
    """Return the class list whose descriptions a file holds; every class needs every view.

    Args:
        dataset: Name that the file must give itself.
        codes: Code in the raw files -> class name.
        value: What the file holds, as `read_mapping` returns it.
        path: The file; named in errors.

    Raises:
        InputError: A class, a view or a text is missing, unknown or out of range.
    """
    classes = value["classes"]
    if value.get("dataset") != dataset:
        raise InputError(f"{path}: 'dataset' is {value.get('dataset')!r}; write {dataset!r}, as in the file name")
    missing, unknown = differences(codes.values(), classes)
    if missing or unknown:
        raise InputError(f"{path}: classes differ from {dataset}.csv; describe {missing}, rename or remove {unknown}")
    placements = value.get("placements")
    if not isinstance(placements, list) or not placements:
        raise InputError(f"{path}: 'placements' must list the placements of the sensors, found {placements!r}")
    placements = _texts(placements, f"{path}: placements")
    for name, views in classes.items():
        lacking, _ = differences(VIEWS, views) if isinstance(views, Mapping) else (VIEWS, ())
        if lacking:
            raise InputError(f"{path}: {name}: views {lacking} are missing; every class needs {', '.join(VIEWS)}")
        given = views["paraphrases"]
        if not isinstance(given, list) or len(_texts(given, f"{path}: {name}: paraphrases")) < _MIN_PARAPHRASES:
            found = len(given) if isinstance(given, list) else repr(given)
            raise InputError(f"{path}: {name}: paraphrases must list at least {_MIN_PARAPHRASES} texts, found {found}")
    return _class_list(dataset, codes, classes, placements, str(path))


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
    if len(mapping) > MOST_CLASSES:
        raise InputError(f"{where}: {len(mapping)} classes, more than {MOST_CLASSES}; leave some out")
    classes: dict[str, Mapping[str, Any]] = {}
    codes: dict[str, str] = {}
    spellings = Spellings("class")
    for key, value in mapping.items():
        name = plain_name(_text(key, f"{where}: class name {key!r} (put it in quotes)"))
        spellings.add(name, where)
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: {name}: expected a mapping with at least 'sentence', found {value!r}")
        _add_code(codes, plain_name(str(value.get("code", name))), name, where)
        classes[name] = {view: entry for view, entry in value.items() if view != "code"}
    motions = [value["motion"] for value in classes.values() if isinstance(value.get("motion"), Mapping)]
    placements = tuple(dict.fromkeys(str(place) for motion in motions for place in motion)) or (ANYWHERE,)
    return _class_list(dataset, codes, classes, placements, where)


def _class_list(
    dataset: str, codes: Mapping[str, str], classes: Mapping[str, Any], placements: tuple[str, ...], where: str
) -> ClassList:
    """Describe every class; refuse two that nothing tells apart: the same label or the same sentence."""
    names = tuple(codes.values())
    descriptions = {name: describe_class(name, classes[name], placements, f"{where}: {name}") for name in names}
    for view in ("label", "sentence"):
        owner: dict[str, str] = {}
        for name, description in descriptions.items():
            text = getattr(description, view)
            if owner.setdefault(text, name) != name:
                raise InputError(f"{where}: {name}: {view} {text!r} is that of {owner[text]!r} too; tell them apart")
    return ClassList(dataset, names, codes, placements, descriptions)


def describe_class(name: str, value: Mapping[str, Any], placements: tuple[str, ...], where: str) -> ClassDescription:
    """Return the description of one class; views that are not given are filled from name and sentence.

    Args:
        name: Class name.
        value: `sentence` and, optionally, other views, as in `class_list_from_mapping`.
        placements: What `motion` must describe.
        where: Named in errors.

    Raises:
        InputError: A view is unknown, a text empty, or a value out of range.
    """
    _, unknown = differences(VIEWS, value)
    if unknown:
        raise InputError(f"{where}: unknown keys {unknown}; the views are {', '.join(VIEWS)}")
    if "sentence" not in value:
        raise InputError(f"{where}: 'sentence' is missing; say in a sentence what the whole body does")
    sentence = _text(value["sentence"], f"{where}: sentence")
    motion = value.get("motion", dict.fromkeys(placements, sentence))
    if not isinstance(motion, Mapping):
        raise InputError(f"{where}: motion must map placements to texts, found {motion!r}")
    missing, unknown = differences(placements, motion)
    if missing or unknown:
        places = ", ".join(placements)
        raise InputError(f"{where}: motion must describe exactly {places}; missing {missing}, unknown {unknown}")
    paraphrases = value.get("paraphrases", [sentence])
    if not isinstance(paraphrases, list | tuple) or not 0 < len(paraphrases) <= MOST_PARAPHRASES:
        raise InputError(
            f"{where}: paraphrases must be a list of up to {MOST_PARAPHRASES} texts, found {paraphrases!r}"[:500]
        )
    return ClassDescription(
        name=require_plain(_text(name, f"{where}: name"), f"{where}: name"),
        label=require_plain(_text(value.get("label", name), f"{where}: label"), f"{where}: label"),
        sentence=sentence,
        motion={place: _text(motion[place], f"{where}: motion at {place}") for place in placements},
        paraphrases=tuple(_text(text, f"{where}: paraphrases") for text in paraphrases),
        kinematics=kinematic_values(value["kinematics"], where) if "kinematics" in value else {},
    )


def kinematic_values(value: Any, where: str) -> dict[str, float]:
    """Return a value in [0, 1] for every attribute, in the order of `kinematics.yaml`.

    Raises:
        InputError: An attribute is missing or unknown, or its value out of range.
    """
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: kinematics must map attributes to numbers, found {value!r}")
    missing, unknown = differences(attribute_names(), value)
    if missing or unknown:
        raise InputError(f"{where}: kinematics lacks {missing}, has unknown {unknown}; see class_lists/kinematics.yaml")
    for name, entry in value.items():
        if isinstance(entry, bool) or not isinstance(entry, int | float) or not 0 <= entry <= 1:
            raise InputError(f"{where}: kinematics '{name}' is {entry!r}; give a number from 0 to 1")
    return {name: float(value[name]) for name in attribute_names()}


def differences(wanted: Iterable[str], given: Iterable[Any]) -> tuple[list[str], list[str]]:
    """Return what is wanted and not given, and what is given and not wanted."""
    wanted, names = list(wanted), [str(key) for key in given]
    return [key for key in wanted if key not in names], [key for key in names if key not in wanted]


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: expected a text, found {value!r}")
    return require_printable(" ".join(value.split()), where, LONGEST_DESCRIPTION)


def _texts(values: Iterable[Any], where: str) -> tuple[str, ...]:
    """Return texts on one line each; refuse one that stands there twice."""
    texts = tuple(_text(value, where) for value in values)
    twice = [text for text, count in Counter(texts).items() if count > 1]
    if twice:
        raise InputError(f"{where}: {twice[0]!r} stands there twice; keep one")
    return texts


def _add_code(codes: dict[str, str], code: str, name: str, where: str) -> None:
    """Add a class to those known so far, by its code in the raw files; neither may have come before."""
    if code in codes:
        raise InputError(f"{where}: {name}: code {code!r} is taken by {codes[code]!r}; give each class its own")
    if name in codes.values():
        raise InputError(f"{where}: class {name!r} stands there twice; keep one")
    codes[code] = name


def read_codes(path: Path) -> dict[str, str]:
    """Return code -> class name, as the CSV of a class list has them.

    Raises:
        InputError: The file is missing or damaged, or a class or code stands there twice.
    """
    require_file(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            columns, *rows = [row for row in csv.reader(file) if row] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as CSV ({error})") from error
    if columns != _CSV_COLUMNS:
        raise InputError(f"{path}: columns are {columns}; expected {_CSV_COLUMNS}")
    codes: dict[str, str] = {}
    for number, row in enumerate(rows):
        where = f"{path}: line {number + 2}"
        if len(row) != len(columns) or not all(row):
            raise InputError(f"{where}: needs exactly id, name and code")
        if row[0] != str(number):
            raise InputError(f"{where} has id {row[0]!r}; number the classes 0, 1, 2, ...")
        _add_code(codes, row[2], row[1], where)
    if len(codes) < 2:
        raise InputError(f"{path}: fewer than two classes")
    return codes
