"""How a model turns descriptions into semantic vectors, as its file says it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.descriptions.class_list import VIEWS, ClassDescription, describe_class
from feature_extraction.descriptions.embeddings import semantic_vectors
from feature_extraction.descriptions.kinematic_lexicon import attributes_of
from feature_extraction.errors import InputError
from feature_extraction.storage.places import TEXT_CACHE
from feature_extraction.storage.plain import from_plain


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
