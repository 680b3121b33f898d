"""Flags and help of every command; what the commands do stands in `__main__.py` and the modules it names."""

import re
from argparse import SUPPRESS, Action
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, NoReturn

from jsonargparse import ActionConfigFile, ArgumentParser, DefaultHelpFormatter, Namespace

from feature_extraction.errors import InputError
from feature_extraction.storage.places import RESOURCES, WORKING_FOLDER
from sadvae_har.config.files import parse_config_file, plain
from sadvae_har.config.settings import Config

if TYPE_CHECKING:
    from sadvae_har.experiment.inputs import Locations

PROGRAM = "sadvae-har"
RESULTS, DOCS = WORKING_FOLDER / "benchmarks" / "results.jsonl", WORKING_FOLDER / "docs"

EXAMPLES = (
    "Start with `sadvae-har data list`. A run needs raw recordings (--raw FOLDER) or a feature table "
    "(--feature-table FILE), for instance: sadvae-har run --dataset usc-had --split zerohar-fold1 --raw USC-HAD"
)
GROUPS = {
    "data": "raw recordings: list, check, prepare",
    "splits": "zero-shot problems: list, create",
    "encoder": "IMU encoders: pretrain, pool, extract, show",
    "text": "class descriptions: embed",
    "zsl": "stage 1 alone: train, evaluate",
    "gate": "stages 2 and 3 alone: train",
    "gzsl": "stage 4 alone: evaluate",
    "activities": "what a model recognises: list, add, remove",
    "original": "the original SA-DVAE folder layout: export, run",
}


class HelpFormatter(DefaultHelpFormatter):
    """Help that names defaults once, and types in words of the command line."""

    def _get_help_string(self, action: Action) -> str:
        text = action.help or ""
        if "(default:" in text or isinstance(action, ActionConfigFile) or action.help == SUPPRESS:
            return text
        if not action.option_strings:
            return text
        if action.dest == "resources":
            return f"{text} (default: %(default)s)"
        return super()._get_help_string(action)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Keep an example in one line, ready to copy, and flags whole."""
        return text if text.startswith("Example: ") else fill(" ".join(text.split()), width, break_on_hyphens=False)

    def _get_type_str(self, action: Action) -> str | None:
        text = super()._get_type_str(action)
        return None if text is None or "Path" in text else text


class ConfigFile(ActionConfigFile):
    """`--config FILE`, with the file named in every error."""

    def __call__(self, parser: Any, cfg: Any, values: Any, option_string: str | None = None) -> None:
        """Apply the file."""
        parse_config_file(Path(values))
        super().__call__(parser, cfg, values, option_string)


class Parser(ArgumentParser):
    """A parser whose errors are one line, like every other error of a user."""

    command = ""
    leaves: tuple[str, ...] = ()

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise instead of printing the whole usage; the top parser reports what a command's own parser missed."""
        text, command = plain(str(message)), self.command
        for leaf in self.leaves:
            prefix = rf"(?<![\w.]){re.escape(leaf.replace(' ', '.'))}\."
            if re.search(prefix, text):
                text, command = re.sub(prefix, "", text), leaf
        raise InputError(f"{text}; see `{' '.join((PROGRAM, *command.split(), '--help'))}`") from ex


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: Its words, such as `data prepare` or `run`.
        handler: Called with the parsed arguments.
        arguments: Functions that add its arguments to a parser.
        example: Its arguments in a typical call.
    """

    name: str
    handler: Callable[[Namespace], None]
    arguments: tuple[Callable[[ArgumentParser], None], ...]
    example: str = ""

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
        "--feature-table",
        type=Path,
        default=None,
        help="feature table (.npz) to use instead of raw recordings (default: none)",
    )


def force(parser: ArgumentParser) -> None:
    """Add --force."""
    parser.add_argument("--force", action="store_true", help="make it again and replace what is there")


def config(parser: ArgumentParser) -> None:
    """Add --config and one flag per config field."""
    parser.add_argument("--config", action=ConfigFile, help="YAML file; flags after it override it")
    parser.add_class_arguments(Config, None)


def out(what: str, required: bool = False) -> Callable[[ArgumentParser], None]:
    """Return a function that adds --out."""

    def add(parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, required=required, help=what)

    return add


def option(*names: str, **settings: Any) -> Callable[[ArgumentParser], None]:
    """Return a function that adds one argument."""

    def add(parser: ArgumentParser) -> None:
        parser.add_argument(*names, **settings)

    return add


def locations(arguments: Namespace) -> "Locations":
    """Return where a run finds its inputs, from --raw, --feature-table and --resources."""
    from sadvae_har.experiment.inputs import Locations  # takes seconds; most commands do without

    return Locations(raw=arguments.raw, features=arguments.feature_table, resources=arguments.resources)


def build_parser(commands: tuple[Command, ...]) -> ArgumentParser:
    """Return the parser of all commands; commands of two words become groups."""
    parser = Parser(
        prog=PROGRAM,
        formatter_class=HelpFormatter,
        description="Recognise activities that were never recorded, from wearable IMU signals and descriptions.",
        epilog=EXAMPLES,
    )
    parser.leaves = tuple(command.name for command in commands)
    top = parser.add_subcommands(dest="command", metavar="COMMAND")
    groups: dict[str, Any] = {}
    for command in commands:
        first, _, second = command.name.partition(" ")
        if second and first not in groups:
            group = Parser(description=GROUPS[first], formatter_class=HelpFormatter, usage=f"{PROGRAM} {first} ACTION")
            group.command = first
            top.add_subcommand(first, group, help=GROUPS[first])
            groups[first] = group.add_subcommands(dest="action", metavar="ACTION")
        leaf = _leaf(command)
        (groups[first] if second else top).add_subcommand(second or first, leaf, help=command.help)
    return parser


def _leaf(command: Command) -> Parser:
    """Return the parser of one command."""
    leaf = Parser(
        description=(command.handler.__doc__ or "").strip(),
        epilog=f"Example: {PROGRAM} {command.name} {command.example}".rstrip(),
        formatter_class=HelpFormatter,
    )
    leaf.command = command.name
    for add in command.arguments:
        add(leaf)
    named = [action for action in leaf._actions if action.required]
    needed = [f"{action.option_strings[0]} {action.dest.upper()}" for action in named if action.option_strings]
    places = [action.dest.upper() for action in named if not action.option_strings]
    leaf.usage = " ".join((PROGRAM, command.name, *places, *needed, "[options]"))
    return leaf


def leaf_arguments(parsed: Namespace) -> tuple[str, Namespace]:
    """Return the command's name and its own arguments out of the nested namespace."""
    first = parsed["command"]
    inner = parsed[first]
    if "action" in inner:
        second = inner["action"]
        return f"{first} {second}", inner[second]
    return first, inner
