"""Errors that a user can act on; the command line shows them as one line and exits with code 2."""


class InputError(ValueError):
    """Something the user handed in cannot be used; the message names the file, the value and the remedy."""


class LeakageError(InputError):
    """Something that is fitted was handed an unseen class or a test subject."""
