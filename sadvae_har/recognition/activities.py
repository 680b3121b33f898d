"""Activities that a user describes, on the command line or in a YAML file, and their semantic vectors."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.descriptions.class_list import VIEWS, ClassDescription, describe_class
from feature_extraction.descriptions.embeddings import semantic_vectors
from feature_extraction.descriptions.kinematic_lexicon import attributes_of
from feature_extraction.descriptions.vocabulary import called, load_vocabulary, near_names
from feature_extraction.errors import InputError
from feature_extraction.storage.files import require_file
from feature_extraction.storage.places import TEXT_CACHE
from feature_extraction.storage.plain import from_plain
from feature_extraction.storage.yaml import read_yaml

LARGEST_FILE = 1 << 20  # bytes
LONGEST_NAME, LONGEST_DESCRIPTION = 100, 2000  # characters; sentence encoders read some hundred words


@dataclass(frozen=True)
class TextSettings:
    """How descriptions become vectors.

    Attributes:
        model: Name or local folder of a sentence-transformers model.
        views: Views in use.
        kinematics_weight: Length of the kinematic block.
        placements: What `motion` distinguishes.
        n_paraphrases: Paraphrases read of each class.
    """

    model: str
    views: tuple[str, ...]
    kinematics_weight: float
    placements: tuple[str, ...]
    n_paraphrases: int

    def describe(
        self, name: str, description: str | Mapping[str, Any], text_cache: Path = TEXT_CACHE
    ) -> ClassDescription:
        """Return a complete description; what is not given is filled in.

        Args:
            name: Everyday name, such as "rope skipping".
            description: A sentence on what the body does, or a mapping with `sentence` and any of the other views
                (`label`, `motion` by placement, `paraphrases`, `kinematics`), as in a `dataset.yaml`.
            text_cache: Folder of sentence embeddings made before.

        Raises:
            InputError: A text is empty or too long, or a view is unknown or unusable.
        """
        where = f"activity {name!r}" if isinstance(name, str) else f"activity {name!r} (give a text)"
        value = {"sentence": description} if isinstance(description, str) else description
        if not isinstance(value, Mapping) or "sentence" not in value:
            raise InputError(f"{where}: say in a sentence what the whole body does, found {description!r}"[:300])
        found = describe_class(name, value, self.placements, where)
        longest = max((found.sentence, *found.motion.values(), *found.paraphrases), key=len)
        if len(found.name) > LONGEST_NAME or len(longest) > LONGEST_DESCRIPTION:
            raise InputError(
                f"{where[:150]}: {len(found.name)} and {len(longest)} characters; a name may have {LONGEST_NAME}, "
                f"a description {LONGEST_DESCRIPTION}"
            )
        if not found.kinematics and "kinematics" in self.views:
            kinematics = attributes_of(found.label, found.sentence, self.model, text_cache)
            found = replace(found, kinematics=kinematics)
        return found

    def vector(self, description: ClassDescription, text_cache: Path = TEXT_CACHE) -> np.ndarray:
        """Return the semantic vector of a complete description, float32 [1, E].

        Raises:
            InputError: The text model cannot be had, or kinematics are in use and missing.
        """
        read = replace(description, paraphrases=description.paraphrases[: self.n_paraphrases])
        return semantic_vectors([read], self.views, self.kinematics_weight, self.model, text_cache)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Any) -> "TextSettings":
        """Rebuild from `to_dict`.

        Raises:
            InputError: A field is missing or unusable.
        """
        settings = from_plain(cls, value, "text settings")
        if not settings.views or not set(settings.views) <= set(VIEWS) or not settings.placements:
            raise InputError(
                f"text settings: views {settings.views} or placements {settings.placements} cannot be used"
            )
        return settings


def shipped_description(name: str, placements: Collection[str]) -> ClassDescription:
    """Return what the everyday vocabulary says about an activity.

    Args:
        name: As in `class_lists/everyday.yaml`, in any case.
        placements: What `motion` must describe; what the vocabulary has no text for is described by the sentence.

    Raises:
        InputError: It has no such activity; names the nearest.
    """
    descriptions = load_vocabulary().descriptions
    if called(name) not in descriptions:
        raise InputError(
            f"activity {name!r} has no shipped description; {near_names(called(name), descriptions)}; or describe it "
            "in a sentence"
        )
    found = descriptions[called(name)]
    return replace(found, motion={place: found.motion.get(place, found.sentence) for place in placements})


def read_activities(path: Path) -> dict[str, str | Mapping[str, Any]]:
    """Read names and descriptions.

    The file maps names to descriptions, directly or under a key `activities`:

        rope skipping: A person jumps over a swinging rope again and again, both feet at once.
        stirring:
          sentence: A person stirs a pot with small even circles of the hand.
          label: stirring a pot

    Args:
        path: YAML file.

    Returns:
        Name -> a sentence, or a mapping of views as `Recognizer.add_activity` takes it.

    Raises:
        InputError: The file is missing, damaged or too large, or an entry is no description.
    """
    require_file(path)
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise InputError(f"{path}: {size / 1e6:.1f} MB, more than any list of activities needs; is it the right file?")
    value = read_yaml(path)
    if isinstance(value, Mapping) and isinstance(value.get("activities"), Mapping):
        value = value["activities"]
    if not isinstance(value, Mapping) or not value:
        raise InputError(f"{path}: expected names of activities and their descriptions, found {type(value).__name__}")
    for name, description in value.items():
        if not isinstance(name, str):
            raise InputError(f"{path}: name {name!r} is no text; put it in quotes")
        if not isinstance(description, str | Mapping):
            raise InputError(f"{path}: {name}: {description!r} is no description; say in a sentence what the body does")
    return dict(value)
