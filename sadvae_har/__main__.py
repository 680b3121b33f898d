"""Command line: `python -m sadvae_har COMMAND` or `sadvae-har COMMAND`.

What the commands do stands in `sadvae_har/commands`; all that they print goes through `terminal.py` there. Handlers
import what they need when they run, so that light commands start fast. An error that the user can act on becomes one
line on standard error and exit code 2, a bug of this program one line and exit code 1; `--debug` prints the chain of
either. A check that finds errors exits with 1, too. Ctrl-C leaves a state from which the same command continues and
exits with 130.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

from feature_extraction.errors import InputError
from feature_extraction.storage.files import NO_ROOM
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
from sadvae_har.commands.terminal import note, prepare

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
    prepare()
    given = sys.argv[1:] if argv is None else list(argv)
    words = [word for word in given if word != DEBUG]
    try:
        try:
            parser = cl.build_parser(COMMANDS, tuple(words[:2]))
            name, arguments = cl.leaf_arguments(cl.parse(parser, words))
            return next(command for command in COMMANDS if command.name == name).handler(arguments) or 0
        finally:
            _flush_output()
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        return 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (this is where every error becomes a line)
        if DEBUG in given:
            note(*traceback.format_exc().splitlines())
        line, code = _explain(error)
        with suppress(OSError):  # nobody can be told
            note(line if len(line) <= LONGEST_ERROR else f"{line[:1000]} ... {line[-400:]}")
        return code


def _flush_output() -> None:
    """Print what is waiting; what cannot be printed is dropped, or the interpreter would try again on its way out.

    Raises:
        OSError: It cannot be written, as on a full disk.
    """
    try:
        if sys.stdout is not None:  # nor is it there where it was closed
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _explain(error: BaseException) -> tuple[str, int]:
    """Return what to print for an error, and the exit code."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; the same command continues from the last checkpoint", 130
    if isinstance(error, InputError):
        return f"error: {error}", 2
    if isinstance(error, UnicodeEncodeError):
        return f"error: {str(error.object)[:200]!r}: has bytes that are no text in UTF-8; name it otherwise", 2
    if isinstance(error, OSError):
        where, what = error.filename or "file system", error.strerror or error
        if error.filename is None and error.errno in NO_ROOM:  # errors of files say which
            where = "standard output"
        return f"error: {where}: {what}; check the path, its permissions and the free space", 2
    return (
        f"error: {type(error).__name__}: {' '.join(str(error).split())}; this is a bug of {cl.PROGRAM}, not of your "
        f"input: the same command with {DEBUG} shows where it arose; please report that",
        1,
    )


if __name__ == "__main__":
    sys.exit(main())
