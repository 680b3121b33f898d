"""A name that tries everything at once, one of the same length that tries nothing, and how to tell the difference."""

import unicodedata
from html.parser import HTMLParser

HOSTILE = (
    "=1+1\x1b]0;owned\x07\x1b[31m\x9b2J\u202e</pre></script><img src=x onerror=alert(1)>|"
    "[x](javascript:alert(1))`$%{x}\x08"
)
PRINTABLE = "".join(letter for letter in HOSTILE if letter.isprintable())  # what a class may be called
HARMLESS = "a" * len(PRINTABLE)
IN_A_HEADER = "=1+1\u202e<img src=x onerror=alert(1)>|`$%{x}"  # a table whose head has controls is refused
_JOINERS = "\u200c\u200d"


def obeyed_by_a_terminal(text: str) -> list[str]:
    """Return the characters that would move a cursor, change colours or the direction, or make a line of their own."""
    steering = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [c for c in text if unicodedata.category(c) in steering and c not in _JOINERS]


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _ in attrs)))


def elements(page: str) -> list[tuple[str, ...]]:
    """Return every element of a page with the names of its attributes, in order."""
    parser = _Elements()
    parser.feed(page)
    return parser.found
