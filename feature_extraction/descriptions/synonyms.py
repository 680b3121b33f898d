"""Which classes of different data sets mean the same activity (`class_lists/synonyms.yaml`)."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from feature_extraction.errors import InputError
from feature_extraction.storage.places import CLASS_LISTS_FOLDER
from feature_extraction.storage.yaml import read_yaml

SYNONYMS_FILE = CLASS_LISTS_FOLDER / "synonyms.yaml"
Class = tuple[str, str]  # data set, class name


@lru_cache
def load_synonyms(path: Path = SYNONYMS_FILE) -> tuple[frozenset[Class], ...]:
    """Read the groups of synonymous classes.

    Raises:
        InputError: The file is missing or is not groups of data sets of class names.
    """
    groups = read_yaml(path)
    by_dataset: list[Any] = list(groups.values()) if isinstance(groups, dict) else [None]
    if not all(isinstance(group, dict) and all(isinstance(n, list) for n in group.values()) for group in by_dataset):
        raise InputError(f"{path}: expected groups of data sets of class names")
    return tuple(
        frozenset((dataset, str(name)) for dataset, names in group.items() for name in names) for group in by_dataset
    )


def with_synonyms(classes: Iterable[Class]) -> frozenset[Class]:
    """Return the classes and every class that shares a group with one of them."""
    given = frozenset(classes)
    return given.union(*(group for group in load_synonyms() if group & given))


def find_synonym(entry: Class, classes: Sequence[Class]) -> Class | None:
    """Return the first of `classes` that means the same as `entry`, or none.

    Equal names mean the same whatever the data sets. A class of a data set that the file does not know, such as a
    user's own, belongs to the groups that hold a class of its name.
    """
    own = _groups(entry)
    return next((other for other in classes if other[1] == entry[1] or own & _groups(other)), None)


@lru_cache(maxsize=4096)
def _groups(entry: Class) -> frozenset[int]:
    """Return which groups a class belongs to."""
    groups = load_synonyms()
    known = {dataset for group in groups for dataset, _ in group}
    names = groups if entry[0] in known else [{(entry[0], name) for _, name in group} for group in groups]
    return frozenset(k for k, group in enumerate(names) if entry in group)
