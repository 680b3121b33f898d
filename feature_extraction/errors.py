"""Errors that a user can act on; the command line shows them as one line and exits with code 2."""

import importlib.util


class InputError(ValueError):
    """Something the user handed in cannot be used; the message names the file, the value and the remedy."""


class LeakageError(InputError):
    """Something that is fitted was handed an unseen class or a test subject."""


class WriteError(InputError):
    """A file cannot be written: it is none, is protected, or the disk is full."""


def require_extra(extra: str, *packages: str) -> None:
    """Refuse to go on without packages that only some users need; nothing is imported.

    Args:
        extra: Which optional dependencies of pyproject.toml they belong to.
        packages: Their names in import statements.

    Raises:
        InputError: One is missing; the message has the command that installs it.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"{' and '.join(missing)} not installed; install with: pip install 'sadvae-har[{extra}]'")
