"""Flags and help of every command; what the commands do stands in `__main__.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from jsonargparse import ActionConfigFile, ArgumentParser, Namespace

from feature_extraction.errors import InputError
from sadvae_har.config import Config

RESOURCES = Path(__file__).resolve().parents[1] / "resources"

EXAMPLES = (
    "Start with `sadvae-har data list`. A run needs raw recordings (--raw FOLDER) or a feature table "
    "(--features FILE), for instance: sadvae-har run --dataset usc-had --split zerohar-fold1 --raw USC-HAD"
)
GROUPS = {
    "data": "raw recordings: list, check, prepare",
    "splits": "zero-shot problems: list, create",
    "encoder": "IMU encoders: pretrain, extract, show",
    "text": "class descriptions: embed",
    "zsl": "stage 1 alone: train, evaluate",
    "gate": "stages 2 and 3 alone: train",
    "gzsl": "stage 4 alone: evaluate",
    "original": "the original SA-DVAE folder layout: export, run",
}


class Parser(ArgumentParser):
    """A parser whose errors are one line, like every other error of a user."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise instead of printing the whole usage."""
        raise InputError(f"{' '.join(str(message).split())}; see `{self.prog} --help`") from ex


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: Its words, such as `data prepare` or `run`.
        handler: Called with the parsed arguments.
        arguments: Functions that add its arguments to a parser.
    """

    name: str
    handler: Callable[[Namespace], None]
    arguments: tuple[Callable[[ArgumentParser], None], ...]

    @property
    def help(self) -> str:
        """First line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().splitlines()[0]


def dataset(parser: ArgumentParser) -> None:
    """Add the data set."""
    parser.add_argument("dataset", help="name of a data set (`data list` shows them) or path of a dataset.yaml")


def raw(parser: ArgumentParser) -> None:
    """Add the folder of raw recordings."""
    parser.add_argument(
        "--raw", type=Path, default=None, help="folder of the raw recordings (default: resources/raw/DATASET)"
    )


def resources(parser: ArgumentParser) -> None:
    """Add the folder of everything that is computed."""
    parser.add_argument(
        "--resources",
        type=Path,
        default=RESOURCES,
        help="folder for windows, features, text embeddings and runs",
    )


def features(parser: ArgumentParser) -> None:
    """Add a ready-made feature table."""
    parser.add_argument(
        "--feature-table", type=Path, default=None, help="feature table (.npz) to use instead of raw recordings"
    )


def force(parser: ArgumentParser) -> None:
    """Add --force."""
    parser.add_argument("--force", action="store_true", help="make it again and replace what is there")


def config(parser: ArgumentParser) -> None:
    """Add --config and one flag per config field."""
    parser.add_argument("--config", action=ActionConfigFile, help="YAML file; flags after it override it")
    parser.add_class_arguments(Config, None)


def out(what: str) -> Callable[[ArgumentParser], None]:
    """Return a function that adds --out."""

    def add(parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, default=None, help=what)

    return add


def option(*names: str, **settings: Any) -> Callable[[ArgumentParser], None]:
    """Return a function that adds one argument."""

    def add(parser: ArgumentParser) -> None:
        parser.add_argument(*names, **settings)

    return add


def build_parser(commands: tuple[Command, ...]) -> ArgumentParser:
    """Return the parser of all commands; commands of two words become groups."""
    parser = Parser(
        prog="sadvae-har",
        description="Recognise activities that were never recorded, from wearable IMU signals and descriptions.",
        epilog=EXAMPLES,
    )
    top = parser.add_subcommands(dest="command", metavar="COMMAND")
    groups: dict[str, Any] = {}
    for command in commands:
        first, _, second = command.name.partition(" ")
        if second and first not in groups:
            group = Parser(description=GROUPS[first])
            top.add_subcommand(first, group, help=GROUPS[first])
            groups[first] = group.add_subcommands(dest="action", metavar="ACTION")
        leaf = Parser(description=(command.handler.__doc__ or "").strip())
        for add in command.arguments:
            add(leaf)
        (groups[first] if second else top).add_subcommand(second or first, leaf, help=command.help)
    return parser


def leaf_arguments(parsed: Namespace) -> tuple[str, Namespace]:
    """Return the command's name and its own arguments out of the nested namespace."""
    first = parsed["command"]
    inner = parsed[first]
    if "action" in inner:
        second = inner["action"]
        return f"{first} {second}", inner[second]
    return first, inner
