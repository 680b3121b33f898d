"""Frozen dataclasses from the plain values that JSON and YAML hold, checked against the types of their fields."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from feature_extraction.errors import InputError

T = TypeVar("T")
_WORDS: dict[Any, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
LARGEST_SEED = 2**32 - 1  # that every random generator takes
_LARGEST = 1 << 64  # whole numbers beyond overflow as soon as they meet a float or an array


def from_plain(kind: type[T], value: Any, where: str) -> T:
    """Build a dataclass from a mapping of exactly its fields; nothing is filled in.

    Args:
        kind: A dataclass whose fields are texts, numbers, truth values, `Literal` choices, other dataclasses, or
            `tuple[X, ...]` of these.
        value: What `dataclasses.asdict` returned, perhaps by way of JSON, or what a person wrote. Lists become tuples;
            a whole number may stand for a float.
        where: File or object that `value` comes from; named in errors.

    Raises:
        InputError: A field is missing, unknown or of another type, or the dataclass refuses its value.
    """
    names = sorted(entry.name for entry in fields(kind))  # type: ignore[arg-type]
    if not isinstance(value, Mapping) or set(value) != set(names):
        given = set(map(str, value)) if isinstance(value, Mapping) else set()
        raise InputError(
            f"{where}: needs exactly the fields {names}; "
            f"missing {sorted(set(names) - given)}, unknown {sorted(given - set(names))}"
        )
    types = get_type_hints(kind)
    checked = {name: _typed(types[name], value[name], f"{where}: {name}") for name in names}
    try:
        return kind(**checked)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _typed(kind: Any, value: Any, where: str) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        return from_plain(kind, value, where)
    choices, wanted = get_args(kind), _WORDS.get(kind, "a list")
    if get_origin(kind) is tuple:
        if isinstance(value, list | tuple):
            return tuple(_typed(choices[0], entry, where) for entry in value)
    elif get_origin(kind) is Literal:
        wanted = f"one of {', '.join(map(str, choices))}"
        if value in choices:
            return value
    elif isinstance(value, (int, float) if kind is float else kind) and (kind is bool) == isinstance(value, bool):
        if isinstance(value, str) or abs(value) < _LARGEST or not isinstance(value, int):
            return value
    raise InputError(f"{where}: {repr(value)[:80]} cannot be used; expected {wanted}")
