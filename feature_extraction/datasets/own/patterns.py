"""Regular expressions by which a person finds a label or subject in the name of a file, bounded in size and time."""

import math
import re

import regex

from feature_extraction.errors import InputError

LONGEST, LARGEST_REPEAT = 500, 1000  # characters; times that counted repetitions within each other repeat a part
LONGEST_S = 1.0  # for one name; patterns that make sense take a thousandth
_COUNTED = re.compile(r"\{(\d*),?(\d*)\}")


def require_pattern(pattern: str, key: str) -> str:
    """Return a regular expression with one group.

    Args:
        pattern: What a person wrote.
        key: What it is for; named in errors.

    Raises:
        InputError: It is none, has another number of groups, or is too large.
    """
    counts = [
        max(map(int, filter(None, match.groups("0"))), default=1) for match in _COUNTED.finditer(pattern[:LONGEST])
    ]
    if len(pattern) > LONGEST or math.prod(max(count, 1) for count in counts) > LARGEST_REPEAT:
        raise InputError(
            f"{key}: pattern {pattern[:60]!r} is too large; use up to {LONGEST} characters and {LARGEST_REPEAT} "
            "repetitions"
        )
    try:
        groups = regex.compile(pattern).groups
    except (regex.error, RecursionError) as error:
        raise InputError(f"{key}: pattern {pattern!r} is no regular expression ({error})") from error
    if groups != 1:
        raise InputError(f"{key}: pattern {pattern!r} has {groups} groups; put one (...) around the value")
    return pattern


def found_by(pattern: str, text: str, where: str) -> str:
    """Return what the group of a pattern matches in a text, nothing if the pattern does not match.

    Args:
        pattern: As `require_pattern` returns it.
        text: Name of a file or folder.
        where: What the pattern is for, and where the text comes from; named in the error.

    Raises:
        InputError: It takes too long, because it can match in too many ways.
    """
    try:
        match = regex.search(pattern, text, timeout=LONGEST_S)
    except TimeoutError as error:
        raise InputError(
            f"{where}: pattern {pattern!r} takes too long; write it without repetitions inside repetitions"
        ) from error
    return (match[1] or "") if match else ""
