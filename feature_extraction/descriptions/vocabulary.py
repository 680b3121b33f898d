"""The project's own vocabulary of everyday activities, and what the classes of data sets mean in it.

`class_lists/everyday.yaml` describes every activity in every view and at seven places of the body, and says of every
class of the shipped data sets which activities it stands for. It is read when it is first asked for, as a whole.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from feature_extraction.descriptions.class_list import (
    ClassDescription,
    differences,
    fully_described,
    read_codes,
    read_mapping,
)
from feature_extraction.errors import InputError
from feature_extraction.storage.places import CLASS_LISTS_FOLDER

EVERYDAY = "everyday"
MOST_NAMES = 8  # that an error lists
Relation = Literal["same", "narrower", "broader", "overlapping"]
_RELATIONS: tuple[Relation, ...] = get_args(Relation)
_OF_ONE = ("same", "narrower")


@dataclass(frozen=True)
class Meaning:
    """What a class of a data set stands for.

    Attributes:
        relation: The class is the `same` as an activity, or `narrower`, a kind or a part of it; or it is `broader` and
            covers several, or `overlapping`: a window of it may be any of several.
        activities: Names in the vocabulary; none of a class that the vocabulary does not know.
    """

    relation: Relation
    activities: tuple[str, ...]


NOTHING = Meaning("overlapping", ())


@dataclass(frozen=True)
class Vocabulary:
    """All everyday activities.

    Attributes:
        names: Activities, in lower case, in the order of the file.
        placements: Where a device may be worn: what every `motion` speaks of.
        descriptions: Activity -> description.
        meanings: Data set -> class -> meaning, of every class of the shipped data sets.
    """

    names: tuple[str, ...]
    placements: tuple[str, ...]
    descriptions: Mapping[str, ClassDescription]
    meanings: Mapping[str, Mapping[str, Meaning]]

    def meaning(self, dataset: str, class_name: str) -> Meaning:
        """Return what a class means; one of a user's own data set means the activity of its name, or nothing.

        Raises:
            InputError: A shipped data set has no such class; names the nearest.
        """
        classes = self.meanings.get(dataset)
        if classes is None:
            activity = called(class_name)
            return Meaning("same", (activity,)) if activity in self.descriptions else NOTHING
        if class_name not in classes:
            raise InputError(f"{dataset}: no class {class_name!r}; {near_names(class_name, classes)}")
        return classes[class_name]


def called(name: str) -> str:
    """Return a name as activities are written: in lower case, with single blanks."""
    return " ".join(name.casefold().split())


def near_names(name: str, known: Iterable[str]) -> str:
    """Return the end of an error about an unknown name: the nearest known ones, or all if none is near."""
    names = list(known)
    near = get_close_matches(name, names, MOST_NAMES, 0.6)
    near += [other for other in names if set(name.split()) & set(other.split()) and other not in near]
    return f"near ones are {', '.join(near[:MOST_NAMES])}" if near else f"there are {', '.join(sorted(names))}"


@lru_cache(maxsize=4)
def load_vocabulary(folder: Path = CLASS_LISTS_FOLDER) -> Vocabulary:
    """Read and validate the vocabulary; every class of every class list in the folder needs a meaning.

    Args:
        folder: Folder of `everyday.yaml` and the class lists.

    Raises:
        InputError: A file is missing or damaged, an activity lacks a view, or a class or activity is missing or
            unknown; names file, class and remedy.
    """
    path = folder / f"{EVERYDAY}.yaml"
    value = read_mapping(path, "classes")
    names = list(value["classes"])
    odd = [name for name in names if name != called(str(name))]
    if odd:
        raise InputError(f"{path}: activity {odd[0]!r} must be a text in lower case; write {called(str(odd[0]))!r}")
    activities = fully_described(EVERYDAY, {name: name for name in names}, value, path)
    lists = {file.stem: read_codes(file).values() for file in sorted(folder.glob("*.csv"))}
    given = _mapping(value.get("data_sets"), f"{path}: data_sets")
    missing, unknown = differences(lists, given)
    if missing or unknown:
        raise InputError(f"{path}: data_sets lacks {missing} and has {unknown}, unlike the class lists beside it")
    meanings = {}
    for dataset, classes in lists.items():
        where = f"{path}: data_sets: {dataset}"
        entries = _mapping(given[dataset], where)
        missing, unknown = differences(classes, entries)
        if unknown:
            raise InputError(f"{where}: no class {unknown[0]!r}; {near_names(unknown[0], classes)}")
        if missing:
            raise InputError(f"{where}: classes {missing} are missing; say which activities they mean")
        meanings[dataset] = {name: _meaning(entries[name], names, f"{where}: {name}") for name in classes}
    return Vocabulary(activities.names, activities.placements, activities.descriptions, meanings)


def _meaning(value: Any, names: list[str], where: str) -> Meaning:
    """Return a meaning such as `{narrower: walking}` or `{broader: [walking upstairs, walking downstairs]}`."""
    pairs = list(_mapping(value, where).items())
    if len(pairs) != 1 or pairs[0][0] not in _RELATIONS:
        raise InputError(f"{where}: found {value!r}; give one of {', '.join(_RELATIONS)}, with its activities")
    relation, meant = pairs[0]
    activities = meant if isinstance(meant, list) else [meant]
    if len(activities) != 1 if relation in _OF_ONE else len(activities) < 2:
        number = "one activity" if relation in _OF_ONE else "several activities"
        raise InputError(f"{where}: {relation} of {meant!r}; {relation!r} takes {number}")
    for activity in activities:
        if activity not in names or activities.count(activity) > 1:
            reason = "stands there twice" if activity in names else f"is unknown; {near_names(str(activity), names)}"
            raise InputError(f"{where}: activity {activity!r} {reason}")
    return Meaning(relation, tuple(activities))


def _mapping(value: Any, where: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InputError(f"{where}: expected a mapping of names, found {value!r}")
    return value
