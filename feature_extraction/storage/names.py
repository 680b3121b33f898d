"""Names that come from data: of people, classes, recordings. They are text, whatever they look like.

One person must not count as two because files are typed, encoded or written differently, and no name decides where a
file is written.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from feature_extraction.errors import InputError
from feature_extraction.storage.files import content_hash

LONGEST_SLUG = 60
LONGEST_NAME = 100  # characters
_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # categories of controls, halves of surrogate pairs, ends of lines
_WHOLE_NUMBER = re.compile(r"([+-]?\d+)\.0*")  # as tables of floating-point numbers write a code
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # device names on Windows, whatever their ending


def plain_name(text: str) -> str:
    """Return a name in Unicode normal form NFC, without blanks around it; a whole number loses its `.0`."""
    name = unicodedata.normalize("NFC", text).strip()
    whole = _WHOLE_NUMBER.fullmatch(name)
    return whole[1] if whole else name


def require_plain(name: str, where: str) -> str:
    """Return a name that a person can read and write; refuse one that steers a terminal, or has no end.

    Args:
        name: As `plain_name` returns it.
        where: What it names, and where it stands; named in the error.

    Raises:
        InputError: It holds a character that is not printable, or more than `LONGEST_NAME` characters.
    """
    return require_printable(name, where, LONGEST_NAME)


def require_printable(text: str, where: str, longest: int) -> str:
    """Return a text that can be printed and is not too long.

    Args:
        text: What somebody wrote, in one line.
        where: What it is, and where it stands; named in the error.
        longest: Most characters.

    Raises:
        InputError: It is longer, or holds a character that is not printable.
    """
    if len(text) > longest:
        raise InputError(f"{where}: {text[:40]!r}... has {len(text)} characters; shorten it to {longest}")
    odd = next((letter for letter in text if unicodedata.category(letter) in _UNPRINTABLE), None)
    if odd is not None:
        raise InputError(f"{where}: {text[:80]!r} holds {odd!r}, which cannot be printed; take it away")
    return text


def sound_of(name: str) -> str:
    """Return what is left of a name without case, blanks, typographic variants and leading zeros."""
    visible = (letter for letter in unicodedata.normalize("NFKC", name) if unicodedata.category(letter) != "Cf")
    letters = "".join("".join(visible).casefold().split())
    return re.sub(r"(?<!\d)0+(?=\d)", "", unicodedata.normalize("NFC", letters))


@dataclass
class Spellings:
    """Names of one kind seen so far, and where each first stood.

    Attributes:
        kind: What they are names of, such as `subject`.
    """

    kind: str
    _first: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, name: str, where: str) -> str:
        """Return a name, after making sure that it is not another spelling of one that came before.

        Args:
            name: As `plain_name` returns it.
            where: File and rows; named in the error.

        Raises:
            InputError: It differs from a known one by case, blanks, Unicode variants or leading zeros only, or it is
                none at all; see `require_plain`.
        """
        require_plain(name, f"{where}: {self.kind}")
        known, place = self._first.setdefault(sound_of(name), (name, where))
        if known != name:
            raise InputError(
                f"{where}: {self.kind} {name!r} and {self.kind} {known!r} ({place}) differ by case, blanks, Unicode "
                "variants or leading zeros only; spell one name one way, or give different ones different names"
            )
        return name


def file_name(name: str) -> str:
    """Return a file name for one name; see `file_names`."""
    return file_names([name])[0]


def file_names(names: Sequence[str]) -> list[str]:
    """Return a file name for each name, without folders or special characters, all different.

    Blanks become hyphens. Where more is lost than that, or two would be the same, a digest of the name is added.

    Args:
        names: Different names.
    """
    slugs = [_slug(name) for name in names]
    plain = {name for name, slug in zip(names, slugs, strict=True) if name == slug}
    found = []
    for name, slug in zip(names, slugs, strict=True):
        alone = slugs.count(slug) == 1 or name in plain
        kept = slug and alone and slug == re.sub(r"\s+", "-", name) and not _RESERVED.fullmatch(slug)
        found.append(slug if kept else f"{slug or 'name'}-{content_hash(name)[:6]}")
    return found


def _slug(name: str) -> str:
    """Return the lower-case ASCII letters, digits, dots and underscores of a name, joined by hyphens."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9._]+", "-", ascii_only)
    return re.sub(r"[.-]*(\.\.|-)[.-]*", "-", slug).strip("-.")[:LONGEST_SLUG]
