"""Configs from flags, YAML files and plain values, with errors in words of the command line."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from jsonargparse import ActionConfigFile, ArgumentError, ArgumentParser, Namespace

from feature_extraction.errors import InputError
from feature_extraction.storage.yaml import read_yaml
from sadvae_har.config.settings import Config

CONFIGS_FOLDER = Path(__file__).resolve().parent / "shipped"
_TRUST_HELP = (
    "SHA-256 of a TorchScript file, or of a folder with Python or pickles, behind encoder:PATH that may run; such code "
    "is refused without, and the refusal prints the digest. ONNX and safetensors need none"
)
_KINDS = {
    "<class 'int'>": "a whole number",
    "<class 'float'>": "a number",
    "<class 'str'>": "a text",
    "<class 'tuple'>": "a list, for instance '[one,two]'",
}


def add_config_flags(parser: ArgumentParser) -> None:
    """Add one typed flag per field of `Config`, and `--config` for YAML files."""
    parser.add_argument("--config", action=_ConfigFile, help="YAML file; flags after it override it")
    parser.add_class_arguments(Config, None, skip={"trust_code"})
    parser.add_argument("--trust-code", type=_digests, default=(), metavar="DIGEST[,...]", help=_TRUST_HELP)


def _digests(value: str | Sequence[str]) -> tuple[str, ...]:
    """Return what stands between commas, or what a file lists."""
    return tuple(value.split(",")) if isinstance(value, str) else tuple(value)


class _ConfigFile(ActionConfigFile):
    """`--config FILE`, with the file named in every error."""

    def __call__(self, parser: Any, cfg: Any, values: Any, option_string: str | None = None) -> None:
        """Apply the file."""
        cfg.update(_read_settings(Path(values)))


def config_from_namespace(namespace: Namespace) -> Config:
    """Build a `Config` from parsed flags.

    Raises:
        InputError: A value is out of range, or a group of fields is a single value.
    """
    values = {}
    for entry in fields(Config):
        value = values[entry.name] = namespace[entry.name]
        if entry.default_factory is not MISSING:
            if not isinstance(value, Namespace):
                raise InputError(f"{entry.name}: {value!r} cannot be used; give its fields, one a line and indented")
            _require_no_null(vars(value), f"{entry.name}.")
            values[entry.name] = type(entry.default_factory())(**vars(value))
    _require_no_null({name: value for name, value in values.items() if name != "reference"})
    return Config(**values)


def _require_no_null(values: Mapping[str, Any], group: str = "") -> None:
    """Refuse `name:` without a value, which a parser takes for null of any type."""
    for name, value in values.items():
        if value is None:
            raise InputError(f"{group}{name}: has no value; give one, or leave the line out")


def config_from_dict(value: Any) -> Config:
    """Rebuild a config from `Config.to_dict`; nothing is filled in, since defaults may change.

    Raises:
        InputError: A key is missing or unknown, or a value unusable.
    """
    config = config_from_namespace(_parse(value, "config", defaults=True))
    if config.to_dict() != value:
        raise InputError("config: incomplete; every setting must be there")
    return config


def load_config(path: Path) -> Config:
    """Read a YAML config; missing keys keep their defaults.

    Raises:
        InputError: The file is missing, is not YAML, or holds an unknown key or an unusable value.
    """
    parsed = _read_settings(path, defaults=True)
    try:
        return config_from_namespace(parsed)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read_settings(path: Path, defaults: bool = False) -> Namespace:
    """Read a YAML config and check its keys and types, but not yet whether its values go together."""
    if not path.is_file():
        raise InputError(f"{path}: no such config; shipped ones lie in {CONFIGS_FOLDER}")
    return _parse(read_yaml(path) or {}, str(path), defaults)


def _parse(value: Any, where: str, defaults: bool) -> Namespace:
    if not isinstance(value, dict):
        raise InputError(f"{where}: {value!r} holds no settings; write one a line, such as seed: 1")
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Config, None)
    try:
        return parser.parse_object(value, defaults=defaults)
    except (ArgumentError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: {plain(str(error))}") from error


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
