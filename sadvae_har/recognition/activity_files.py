"""Activities that a user describes in a YAML file, read and checked before any of them is added."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from feature_extraction.errors import InputError
from feature_extraction.storage.files import require_file
from feature_extraction.storage.yaml import read_yaml

LARGEST_FILE = 1 << 20  # bytes


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
