"""Configs from flags, YAML files and plain values, with errors in words of the command line."""

import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from jsonargparse import ActionConfigFile, ArgumentError, ArgumentParser, Namespace

from feature_extraction.errors import InputError
from feature_extraction.storage.yaml import read_yaml
from sadvae_har.config.settings import Config

CONFIGS_FOLDER = Path(__file__).resolve().parent / "shipped"
_KINDS = {
    "<class 'int'>": "a whole number",
    "<class 'float'>": "a number",
    "<class 'str'>": "a text",
    "<class 'tuple'>": "a list, for instance '[one,two]'",
}


def config_parser() -> ArgumentParser:
    """Return a parser with one typed flag per field of `Config`, and `--config` for YAML files."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--config", action=ActionConfigFile, help="YAML file; later flags override it")
    parser.add_class_arguments(Config, None)
    return parser


def config_from_namespace(namespace: Namespace) -> Config:
    """Build a `Config` from parsed flags.

    Raises:
        InputError: A value is out of range, or a group of fields is a single value.
    """
    for name in (entry.name for entry in fields(Config) if entry.default_factory is not MISSING):
        if not isinstance(namespace[name], Namespace):
            raise InputError(f"{name}: {namespace[name]!r} cannot be used; give its fields, one a line and indented")
    values = config_parser().instantiate(Namespace(**{name: namespace[name] for name in _names(Config)}))
    return Config(**{name: values[name] for name in _names(Config)})


def config_from_dict(value: Any) -> Config:
    """Rebuild a config from `Config.to_dict`; nothing is filled in, since defaults may change.

    Raises:
        InputError: A key is missing or unknown, or a value unusable.
    """
    try:
        config = config_from_namespace(config_parser().parse_object(value))
    except (ArgumentError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"config: {plain(str(error))}") from None
    if config.to_dict() != value:
        raise InputError("config: incomplete; every setting must be there")
    return config


def load_config(path: Path) -> Config:
    """Read a YAML config; missing keys keep their defaults.

    Raises:
        InputError: The file is missing, is not YAML, or holds an unknown key or an unusable value.
    """
    parsed = parse_config_file(path)
    try:
        return config_from_namespace(parsed)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def parse_config_file(path: Path) -> Namespace:
    """Read a YAML config and check its keys and types, but not yet whether its values go together.

    Raises:
        InputError: The file is missing, is not YAML, or holds an unknown key or a value of the wrong type.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such config; shipped ones lie in {CONFIGS_FOLDER}")
    read_yaml(path)
    try:
        return config_parser().parse_path(path)
    except (ArgumentError, OSError, TypeError, ValueError) as error:
        raise InputError(f"{path}: {plain(str(error))}") from None


def plain(message: str) -> str:
    """Return a message of jsonargparse in one line, in words of the command line."""
    text = " ".join(message.split()).rstrip(".")
    found = re.search(r'Parser key "(\S+)": Expected an? (.+?)\. Got value: (.*)', text)
    if found is None:
        return text
    key, expected, value = found.groups()
    choices = re.fullmatch(r"typing\.Literal\[(.*)\]", expected)
    wanted = f"choose from {choices[1]}" if choices else f"give {_KINDS.get(expected, expected)}"
    return f"{key}: {value!r} cannot be used; {wanted}"


def _names(cls: type) -> tuple[str, ...]:
    return tuple(entry.name for entry in fields(cls))
