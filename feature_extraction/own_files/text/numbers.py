"""Numbers as people and devices write them: decimal points and commas, thousands apart, missing values.

`1,028` can be 1.028 or 1028. Which of them is meant is told by the other numbers of the file, or declared, or asked.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_extraction.errors import InputError

MISSING = ("", "na", "n/a", "nan", "null", "none")
APART = "'\u2019 \u00a0\u202f"  # nobody writes these before decimals
PLAIN = re.compile(r"[+-]?\d+([eE][+-]?\d+)?")
ONE_MARK = re.compile(r"[+-]?(?P<whole>\d*)(?P<mark>[.,])(?P<part>\d*)(?P<exponent>[eE][+-]?\d+)?")
GROUPED = re.compile(rf"[+-]?\d{{1,3}}(?P<apart>[.,{APART}])\d{{3}}((?P=apart)\d{{3}})*((?P<mark>[.,])\d*)?")
SURE = 5  # neighbours of which one has the mark and the other has not
SMOOTHER = 0.5  # a sensor's values move in smaller steps when they are read as they were meant


@dataclass(frozen=True)
class Marks:
    """How the numbers of a file are written.

    Attributes:
        decimal: `.` or `,`.
        apart: What stands between groups of three digits, empty if nothing.
        finding: One readable line about what is not plain, or empty.
        certain: Whether nothing had to be guessed.
    """

    decimal: str = "."
    apart: str = ""
    finding: str = ""
    certain: bool = True


@dataclass(frozen=True)
class _Written:
    """What one number says about the marks; empty where it says nothing."""

    decimal: str = ""
    apart: str = ""
    either: str = ""  # a mark that may be the one or the other


def is_number(text: str) -> bool:
    """Return whether a field is a number in any notation."""
    return _written(text) is not None


def is_missing(text: str) -> bool:
    """Return whether a field stands for a missing value."""
    return text.strip().lower() in MISSING


def find_marks(columns: Sequence[Sequence[str]], declared: str | None) -> Marks:
    """Return how the numbers of a file are written.

    Args:
        columns: The fields of each column that holds numbers, in order.
        declared: The decimal mark, if the user says it.

    Raises:
        InputError: The numbers contradict each other or what was declared, or can be read in two ways.
    """
    said = {text: written for column in columns for text in column if (written := _written(text)) is not None}
    decimals = _examples(said, "decimal")
    aparts = _examples(said, "apart")
    either = _examples(said, "either")
    if len(decimals) > 1 or len(aparts) > 1 or (set(decimals) & set(aparts)):
        shown = [repr(text) for text in dict.fromkeys([*decimals.values(), *aparts.values()])][:2]
        raise InputError(f"numbers are written in two ways, {' and '.join(shown)}; write all in one, or export again")
    decimal, apart = next(iter(decimals), declared or ""), next(iter(aparts), "")
    if declared and decimal != declared:
        raise InputError(f"decimal: {declared!r} is declared, but there is {decimals[decimal]!r}; correct one of them")
    if apart and apart == declared:
        raise InputError(f"decimal: {declared!r} is declared, but there is {aparts[apart]!r}; correct one of them")
    if len(either) > 1 and not decimal:
        shown = [repr(text) for text in either.values()]
        raise InputError(f"{' and '.join(shown)} cannot both be read; declare the decimal mark (decimal)")
    if either and not (decimal or apart):
        return _decide(columns, *next(iter(either.items())))
    for mark, text in either.items():
        if decimal and mark != decimal:
            if apart not in ("", mark):
                raise InputError(f"numbers are written in two ways, {text!r} and {aparts[apart]!r}; write all in one")
            apart, aparts = mark, {mark: text}
        elif not decimal and mark != apart:
            decimal = mark
    decimal = decimal or ("," if apart == "." else ".")
    if not apart:
        return Marks(decimal)
    return Marks(decimal, apart, _finding(aparts[apart], decimal, apart, "as the other numbers tell"))


def to_floats(texts: Any, decimal: str, apart: str) -> np.ndarray:
    """Return a chunked Arrow column of text as float64 [T], NaN where a value is missing.

    Raises:
        ValueError: A text is not a number in this notation; its arguments are the row and the text.
    """
    from pyarrow import ArrowInvalid, compute

    if decimal == "." and not apart:
        try:
            return texts.cast("float64").to_numpy()
        except ArrowInvalid:
            pass
    trimmed = compute.utf8_trim_whitespace(texts)
    short = compute.less_equal(compute.utf8_length(trimmed), 4)
    missing = compute.and_(short, compute.is_in(compute.utf8_lower(trimmed), _arrow_texts(MISSING)))
    plain = compute.replace_substring_regex(compute.if_else(missing, None, trimmed), r"^\+", "")
    pattern = _pattern(decimal, apart)
    right = compute.fill_null(compute.match_substring_regex(plain, pattern), True)
    if not compute.all(right).as_py():
        row = int(np.flatnonzero(~right.to_numpy())[0])
        raise ValueError(row, texts[row].as_py())
    if apart:
        plain = compute.replace_substring(plain, apart, "")
    if decimal == ",":
        plain = compute.replace_substring(plain, ",", ".")
    return plain.cast("float64").to_numpy()


def to_float(text: str, decimal: str, apart: str) -> float:
    """Return one field as a number, NaN if it is missing.

    Raises:
        ValueError: It is no number in this notation.
    """
    if is_missing(text):
        return np.nan
    if not re.search(_pattern(decimal, apart), text.removeprefix("+")):
        raise ValueError(text)
    return float(text.replace(apart, "").replace(decimal, ".") if apart else text.replace(decimal, "."))


def _written(text: str) -> _Written | None:
    """Return what a number says about its marks, or nothing if it is no number."""
    if PLAIN.fullmatch(text):
        return _Written()
    one = ONE_MARK.fullmatch(text)
    if one:
        whole, part = one["whole"], one["part"]
        if not (whole or part):
            return None
        grouped = len(part) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0" and not one["exponent"]
        return _Written(either=one["mark"]) if grouped else _Written(decimal=one["mark"])
    groups = GROUPED.fullmatch(text)
    if groups is None or groups["mark"] == groups["apart"]:
        return None
    return _Written(decimal=groups["mark"] or "", apart=groups["apart"])


def _examples(said: dict[str, _Written], what: str) -> dict[str, str]:
    """Return every mark that is used as `what`, with the first number that shows it."""
    found: dict[str, str] = {}
    for text, written in said.items():
        mark = getattr(written, what)
        if mark:
            found.setdefault(mark, text)
    return found


def _decide(columns: Sequence[Sequence[str]], mark: str, text: str) -> Marks:
    """Decide what a mark means that always has three digits behind it.

    Raises:
        InputError: Nothing decides.
    """
    other = "." if mark == "," else ","
    affected = [[field for field in column if is_number(field)] for column in columns if any(mark in f for f in column)]
    if all(mark in field for column in affected for field in column):
        sure = mark == "."  # every number has three decimals
        finding = "" if sure else _finding(text, mark, "", "every number has three digits behind it")
        return Marks(mark, "", finding, sure)
    bare = [field for column in affected for field in column if mark not in field]
    whole = all(abs(float(field)) < 1000 for field in bare)  # larger ones would have groups, too
    smooth = [(_steps(column, mark, mark) < SMOOTHER * _steps(column, mark, "")).tolist() for column in affected]
    votes = [vote for column in smooth for vote in column]
    if whole and votes and sum(votes) > 0.9 * len(votes):
        return Marks(other, mark, _finding(text, other, mark, "so its column changes smoothly"), len(votes) >= SURE)
    raise InputError(
        f"{text!r} can be {_read(text, mark, '')} or {_read(text, other, mark)}, and nothing tells which; declare the "
        "decimal mark (decimal)"
    )


def _steps(fields: Sequence[str], mark: str, apart: str) -> np.ndarray:
    """Return how far values move between neighbours of which one has the mark and the other has not."""
    values = np.array([float(field.replace(apart, "") if apart else field.replace(mark, ".")) for field in fields])
    marked = np.array([mark in field for field in fields])
    return np.abs(np.diff(values))[marked[1:] != marked[:-1]]


def _read(text: str, decimal: str, apart: str) -> str:
    plain = text.replace(apart, "") if apart else text
    return plain.replace(decimal, ".")


def _finding(text: str, decimal: str, apart: str, why: str) -> str:
    return f"{text!r} is read as {_read(text, decimal, apart)}: {why}"


def _pattern(decimal: str, apart: str) -> str:
    """Return the regular expression of a number without a plus sign."""
    mark = re.escape(decimal)
    whole = rf"(?:\d{{1,3}}(?:{re.escape(apart)}\d{{3}})+|\d+)" if apart else r"\d+"
    words = r"|-?(?i:inf|infinity|nan)" if not apart else ""
    return rf"^(?:-?(?:{whole}(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?{words})$"


def _arrow_texts(texts: Iterable[str]) -> Any:
    import pyarrow

    return pyarrow.array(list(texts))
