"""Command line: `python -m sadvae_har COMMAND` or `sadvae-har COMMAND`.

What the commands do stands in `sadvae_har/commands`; nothing but these and this module prints. Handlers import what
they need when they run, so that light commands start fast. An error that the user can act on becomes one line on
standard error and exit code 2, a bug of this program one line and exit code 1; `--debug` prints the chain of either. A
check that finds errors exits with 1, too. Ctrl-C leaves a state from which the same command continues and exits with
130.
"""

import logging
import os
import sys
import traceback
from collections.abc import Sequence

from feature_extraction.errors import InputError
from sadvae_har.commands import parser as cl
from sadvae_har.commands.activities import ACTIVITIES_COMMANDS
from sadvae_har.commands.benchmark import benchmark
from sadvae_har.commands.data import DATA_COMMANDS
from sadvae_har.commands.demo import demo
from sadvae_har.commands.encoder import ENCODER_COMMANDS
from sadvae_har.commands.everyday import EVERYDAY_COMMANDS
from sadvae_har.commands.export import export
from sadvae_har.commands.original import ORIGINAL_COMMANDS
from sadvae_har.commands.predict import predict
from sadvae_har.commands.run import RUN_COMMANDS

COMMANDS = (
    *DATA_COMMANDS,
    *ENCODER_COMMANDS,
    export,
    *RUN_COMMANDS,
    benchmark,
    *EVERYDAY_COMMANDS,
    predict,
    *ACTIVITIES_COMMANDS,
    demo,
    *ORIGINAL_COMMANDS,
)
DEBUG = "--debug"
LONGEST_ERROR = 1500  # characters; the value that is wrong may have millions


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in ("sentence_transformers", "huggingface_hub", "transformers", "httpx"):
        logging.getLogger(name).setLevel(logging.ERROR)
    given = sys.argv[1:] if argv is None else list(argv)
    words = [word for word in given if word != DEBUG]
    try:
        parser = cl.build_parser(COMMANDS, tuple(words[:2]))
        name, arguments = cl.leaf_arguments(cl.parse(parser, words))
        code = next(command for command in COMMANDS if command.name == name).handler(arguments) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (this is where every error becomes a line)
        if DEBUG in given:
            traceback.print_exc()
        line, code = _explain(error)
        text = " ".join(line.split())
        print(text if len(text) <= LONGEST_ERROR else f"{text[:1000]} ... {text[-400:]}", file=sys.stderr)
        return code
    return 0


def _explain(error: BaseException) -> tuple[str, int]:
    """Return what to print for an error, and the exit code."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; the same command continues from the last checkpoint", 130
    if isinstance(error, InputError):
        return f"error: {error}", 2
    if isinstance(error, OSError):
        where, what = error.filename or "file system", error.strerror or error
        return f"error: {where}: {what}; check the path, its permissions and the free space", 2
    return (
        f"error: {type(error).__name__}: {error}; this is a bug of {cl.PROGRAM}, not of your input: "
        f"the same command with {DEBUG} shows where it arose; please report that",
        1,
    )


if __name__ == "__main__":
    sys.exit(main())
