"""How commands are declared: their flags, their help, and errors in one line."""

import re
from argparse import SUPPRESS, Action
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, NoReturn

from jsonargparse import ActionConfigFile, ArgumentParser, DefaultHelpFormatter, Namespace

from feature_extraction.errors import InputError
from feature_extraction.storage.places import RESOURCES
from sadvae_har.config.files import add_config_flags, plain

if TYPE_CHECKING:
    from sadvae_har.experiment.inputs import Locations

PROGRAM = "sadvae-har"
EXAMPLES = (
    "Start with `sadvae-har data list`. A run needs raw recordings (--raw FOLDER) or a feature table "
    "(--feature-table FILE), for instance: sadvae-har run --dataset usc-had --split zerohar-fold1 --raw USC-HAD. "
    "With --debug, anywhere, an error says where in the code it arose."
)
GROUPS = {
    "data": "raw recordings: list, check, prepare",
    "splits": "zero-shot problems: list, create",
    "encoder": "IMU encoders: pretrain, pool, extract, show",
    "text": "class descriptions: embed",
    "zsl": "stage 1 alone: train, evaluate",
    "gate": "stages 2 and 3 alone: train",
    "gzsl": "stage 4 alone: evaluate",
    "everyday": "the model of any device: train, show",
    "activities": "what a model recognises: list, add, remove",
    "original": "the original SA-DVAE folder layout: export, run",
}
Argument = Callable[[ArgumentParser], None]


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
        return None if text is None or "Path" in text or "<function" in text else text


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
        handler: Called with the parsed arguments; returns an exit code, or nothing for 0.
        arguments: Functions that add its arguments to a parser.
        example: Its arguments in a typical call.
    """

    name: str
    handler: Callable[[Namespace], int | None]
    arguments: tuple[Argument, ...]
    example: str = ""

    @property
    def help(self) -> str:
        """First line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().splitlines()[0]


def command(
    name: str, *arguments: Argument, example: str = ""
) -> Callable[[Callable[[Namespace], int | None]], Command]:
    """Make a command of the function that follows; its docstring is the help."""
    return lambda handler: Command(name, handler, arguments, example)


def option(*names: str, **settings: Any) -> Argument:
    """Return a function that adds one argument."""

    def add(parser: ArgumentParser) -> None:
        parser.add_argument(*names, **settings)

    return add


def out(what: str, required: bool = False) -> Argument:
    """Return a function that adds --out."""
    return option("--out", type=Path, required=required, help=what)


config = add_config_flags
dataset = option("dataset", help="name of a data set (`data list` shows them) or path of a dataset.yaml")
raw = option("--raw", type=Path, default=None, help="folder of the raw recordings (default: resources/raw/DATASET)")
raw_folders = option("--raw", type=Path, default=None, help="folder with one folder of raw recordings per data set")
resources = option(
    "--resources", type=Path, default=RESOURCES, help="folder for windows, features, text embeddings and runs"
)
features = option(
    "--feature-table",
    type=Path,
    default=None,
    help="feature table (.npz) to use instead of raw recordings (default: none)",
)
force = option("--force", action="store_true", help="make it again and replace what is there")
EVERYDAY = Path("everyday")  # the shipped model, by its name
_MODEL = "model file, folder of a finished run, or name of a shipped model"
model = option("model", type=Path, help=_MODEL)
any_model = option("model", nargs="?", type=Path, default=EVERYDAY, help=f"{_MODEL} (default: {EVERYDAY})")


def require_within(value: int, flag: str, low: int, high: int) -> None:
    """Refuse a whole number that makes no sense.

    Raises:
        InputError: Naming flag and range.
    """
    if not low <= value <= high:
        raise InputError(f"{flag}: {value} cannot be used; give {low} to {high}")


def names(text: str, flag: str, example: str) -> list[str]:
    """Return what stands between commas.

    Raises:
        InputError: Nothing does.
    """
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise InputError(f"{flag}: names nothing; write {flag} {example}")
    return [*dict.fromkeys(found)]


def locations(arguments: Namespace) -> "Locations":
    """Return where a run finds its inputs, from --raw, --feature-table and --resources."""
    from sadvae_har.experiment.inputs import Locations

    return Locations(raw=arguments.raw, features=arguments.feature_table, resources=arguments.resources)


def build_parser(commands: tuple[Command, ...], start: tuple[str, ...] = ()) -> ArgumentParser:
    """Return the parser of all commands; commands of two words become groups.

    Args:
        commands: All of them.
        start: The first words of a command line; commands that it cannot mean go without their flags, which takes a
            tenth of the time.
    """
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
        words = tuple(command.name.split())
        leaf = _leaf(command, with_flags=not start or start[: len(words)] == words)
        (groups[first] if second else top).add_subcommand(second or first, leaf, help=command.help)
    return parser


def _leaf(command: Command, with_flags: bool) -> Parser:
    """Return the parser of one command."""
    leaf = Parser(
        description=(command.handler.__doc__ or "").strip(),
        epilog=f"Example: {PROGRAM} {command.name} {command.example}".rstrip(),
        formatter_class=HelpFormatter,
    )
    leaf.command = command.name
    for add in command.arguments if with_flags else ():
        add(leaf)
    named = [action for action in leaf._actions if action.required]
    needed = [f"{action.option_strings[0]} {action.dest.upper()}" for action in named if action.option_strings]
    places = [action.dest.upper() for action in named if not action.option_strings]
    leaf.usage = " ".join((PROGRAM, command.name, *places, *needed, "[options]"))
    return leaf


def parse(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """Return what the words of a command line say.

    Raises:
        InputError: They cannot be parsed.
    """
    try:
        return parser.parse_args(list(words))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:  # of a value that no YAML is made of, such as one of 5000 digits
        raise InputError(f"{plain(str(error))}; see `{PROGRAM} --help`") from error


def leaf_arguments(parsed: Namespace) -> tuple[str, Namespace]:
    """Return the command's name and its own arguments out of the nested namespace."""
    first = parsed["command"]
    inner = parsed[first]
    if "action" in inner:
        second = inner["action"]
        return f"{first} {second}", inner[second]
    return first, inner
