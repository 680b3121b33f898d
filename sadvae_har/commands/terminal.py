"""How commands speak: everything that they print goes through here.

A line stays one line, and no name of a class, a file or a column moves the cursor, changes colours or hides what
follows it.
"""

import io
import logging
import sys

from feature_extraction.storage.escaping import visible

_QUIET = ("sentence_transformers", "huggingface_hub", "transformers", "httpx")  # except in errors


def say(*lines: str) -> None:
    """Print results on standard output, at once."""
    print(*map(visible, lines), sep="\n", flush=True)


def note(*lines: str) -> None:
    """Print remarks and errors on standard error."""
    print(*map(visible, lines), sep="\n", file=sys.stderr, flush=True)


def said_yes(question: str) -> bool:
    """Ask on standard error, and return whether the answer on standard input is a yes."""
    print(f"{visible(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def prepare() -> None:
    """Let logs be remarks, too, and show a letter that the terminal does not have by its number."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)


class _LineFormatter(logging.Formatter):
    """Writes the message of a record as one line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging calls it so)
        return visible(super().formatMessage(record))
