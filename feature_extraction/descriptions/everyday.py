"""Everyday activities that are described already, found by name: `walking: everyday` in a `dataset.yaml`.

The descriptions are those of the classes of the shipped data sets; classes that mean the same (`synonyms.yaml`) share
what a sensor feels at different places of the body.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from feature_extraction.descriptions.class_list import ANYWHERE, ClassDescription, load_class_list
from feature_extraction.descriptions.synonyms import SYNONYMS_FILE
from feature_extraction.errors import InputError
from feature_extraction.storage.places import CLASS_LISTS_FOLDER
from feature_extraction.storage.yaml import read_yaml

EVERYDAY = "everyday"
MOST_NAMES = 8
_SIDES = frozenset(("left", "right", "upper", "lower", "front", "rear", "back"))  # do not tell body parts apart


@dataclass(frozen=True)
class Everyday:
    """One activity.

    Attributes:
        description: As the first class of that name or meaning has it.
        motion: What a sensor feels, by placement, as all classes of that name or meaning have it.
    """

    description: ClassDescription
    motion: Mapping[str, str]

    def views(self, places: Sequence[str]) -> dict[str, Any]:
        """Return label, sentence, motion, paraphrases and kinematics, as a `dataset.yaml` would give them.

        Args:
            places: What `motion` speaks of; a place that no class was recorded at gets the sentence.
        """
        known = self.description
        return {
            "label": known.label,
            "sentence": known.sentence,
            "motion": {place: self._felt_at(place) for place in places},
            "paraphrases": list(known.paraphrases),
            "kinematics": dict(known.kinematics),
        }

    def _felt_at(self, place: str) -> str:
        if place == ANYWHERE:
            return next(iter(self.motion.values()))
        part = _body_parts(place)
        exact = [text for known, text in self.motion.items() if known == place]
        return next(iter(exact + [text for known, text in self.motion.items() if _body_parts(known) & part]), "") or (
            self.description.sentence
        )


def find_everyday(name: str) -> Everyday:
    """Return the description of an everyday activity.

    Args:
        name: Name or label of a class of a shipped data set, or of a group in `synonyms.yaml`, in any case.

    Raises:
        InputError: There is none of that name; names the nearest.
    """
    known, wanted = _by_name(), " ".join(name.casefold().split())
    if wanted not in known:
        near = get_close_matches(wanted, known, MOST_NAMES, 0.6)
        near += [other for other in known if set(wanted.split()) & set(other.split()) and other not in near]
        listed = f"near ones are {', '.join(near[:MOST_NAMES])}" if near else f"there are {', '.join(sorted(known))}"
        raise InputError(f"no everyday activity {name!r}; {listed}; or describe it in a sentence of your own")
    found = known[wanted]
    motion: dict[str, str] = {}
    for description in found:
        motion |= {place: text for place, text in description.motion.items() if place not in motion}
    return Everyday(found[0], motion)


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
            filled[name] = find_everyday(activity).views(places) | given
        except InputError as error:
            raise InputError(f"classes: {name}: {error}") from error
    return {name: filled.get(name, value) for name, value in classes.items()}


@cache
def _by_name() -> Mapping[str, Sequence[ClassDescription]]:
    """Return descriptions by name in lower case: first the classes called so, then those that mean the same."""
    suffix = "_descriptions.yaml"
    datasets = sorted(path.name.removesuffix(suffix) for path in CLASS_LISTS_FOLDER.glob(f"*{suffix}"))
    lists = {dataset: load_class_list(dataset).descriptions for dataset in datasets}
    called: dict[str, list[ClassDescription]] = {}
    for descriptions in lists.values():
        for entry in descriptions.values():
            for name in dict.fromkeys((entry.name.casefold(), entry.label.casefold())):
                called.setdefault(name, []).append(entry)
    for group, members in read_yaml(SYNONYMS_FILE).items():
        meant = [lists[dataset][name] for dataset, names in members.items() if dataset in lists for name in names]
        known = called.setdefault(str(group).casefold(), [])
        known += [entry for entry in meant if entry not in known]
    return called


def _body_parts(place: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", place.casefold())) - _SIDES
