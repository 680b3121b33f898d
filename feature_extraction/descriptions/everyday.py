"""Everyday activities that are described already, found by name: `walking: everyday` in a `dataset.yaml`.

The descriptions are those of the vocabulary (`vocabulary.py`) or, where it has no activity of a name, of the classes of
the shipped data sets.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from feature_extraction.descriptions.class_list import ANYWHERE, ClassDescription, load_class_list
from feature_extraction.descriptions.vocabulary import EVERYDAY, called, load_vocabulary, near_names
from feature_extraction.errors import InputError
from feature_extraction.own_files.columns.places import placement_of


def find_everyday(name: str) -> ClassDescription:
    """Return the description of an everyday activity.

    Args:
        name: Name of an activity of the vocabulary, or name or label of a class of a shipped data set, in any case.

    Raises:
        InputError: There is none of that name; names the nearest.
    """
    activities, wanted = load_vocabulary().descriptions, called(name)
    if wanted in activities:
        return activities[wanted]
    if wanted in _classes():
        return _classes()[wanted]
    near = near_names(wanted, {**activities, **_classes()})
    raise InputError(f"no everyday activity {name!r}; {near}; or describe it in a sentence of your own")


def described_at(name: str, places: Iterable[str]) -> ClassDescription:
    """Return what is said about an everyday activity, with what a device feels at certain places.

    Args:
        name: As of `find_everyday`.
        places: What `motion` speaks of; a place that is not described gets the sentence.

    Raises:
        InputError: There is no such activity; names the nearest.
    """
    found = find_everyday(name)
    return replace(found, motion={place: _felt_at(place, found) for place in places})


def fill_in(classes: Mapping[str, Any], placements: Iterable[str]) -> dict[str, Any]:
    """Return the classes of a `dataset.yaml` with the shipped descriptions that some of them ask for.

    Args:
        classes: Class name to `everyday`, or to what is said about it; of that, a key `everyday` names the activity
            whose description stands for every view that is not given.
        placements: Where the devices of the data set are worn.

    Raises:
        InputError: There is no everyday activity of a name.
    """
    asked: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, value in classes.items():
        if value == EVERYDAY:
            asked[name] = (name, {})
        elif isinstance(value, Mapping) and EVERYDAY in value:
            asked[name] = (str(value[EVERYDAY]), {key: entry for key, entry in value.items() if key != EVERYDAY})
    motions = [value["motion"] for value in classes.values() if isinstance(value, Mapping) and "motion" in value]
    described = [place for motion in motions if isinstance(motion, Mapping) for place in motion]
    places = tuple(dict.fromkeys(described or placements)) or (ANYWHERE,)
    filled = {}
    for name, (activity, given) in asked.items():
        try:
            filled[name] = _views(described_at(activity, places)) | given
        except InputError as error:
            raise InputError(f"classes: {name}: {error}") from error
    return {name: filled.get(name, value) for name, value in classes.items()}


def _views(known: ClassDescription) -> dict[str, Any]:
    """Return label, sentence, motion, paraphrases and kinematics, as a `dataset.yaml` would give them."""
    return {
        "label": known.label,
        "sentence": known.sentence,
        "motion": dict(known.motion),
        "paraphrases": list(known.paraphrases),
        "kinematics": dict(known.kinematics),
    }


def _felt_at(place: str, known: ClassDescription) -> str:
    """Return what a sensor feels at a place, or the sentence if the description speaks of no such part of the body."""
    part = placement_of(place, "")
    near = [text for other, text in known.motion.items() if part and placement_of(other, "") == part]
    return known.motion.get(place) or next(iter(near), known.sentence)


@cache
def _classes() -> Mapping[str, ClassDescription]:
    """Return the classes of the shipped data sets by name and label in lower case; namesakes share their motion."""
    found: dict[str, ClassDescription] = {}
    for dataset in load_vocabulary().meanings:
        for entry in load_class_list(dataset).descriptions.values():
            for name in {called(entry.name), called(entry.label)}:
                first = found.setdefault(name, entry)
                new = {place: text for place, text in entry.motion.items() if place not in first.motion}
                found[name] = replace(first, motion={**first.motion, **new})
    return found
