"""How a name gets into what this program writes: one function for each target.

Names of classes, people, files, columns and models come from elsewhere and may hold anything: escape sequences that
steer a terminal, HTML, Markdown, formulas of a spreadsheet. Whatever shows a name passes it through the function of its
target, at the place where the text is put together.
"""

import json
import re
import unicodedata
from html import escape
from typing import Any

_STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, marks of direction, halves of characters, ends of lines
_JOINERS = "\u200c\u200d"  # which Persian, Hindi and emoji are written with
_NO_WIDTH = "\u2060"  # a word joiner
_ADDRESSES = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)  # where bare ones become links
_MARKS = re.compile(r"[\\`*\[\]|~${}]|(?<![^\W_])_|_(?![^\W_])|:(?=\w)")  # `a_b` is a word
_LINE_START = re.compile(r"(\d*)[-+=#.)]")  # of lists, headings and rules
_WEB = re.compile(r"https?://[!-;=?-{}~]+")  # that stays whole in `<...>`, in a table, too
_COMPUTED = r"[\s'\"]*[=+\-@＝＋－＠]."  # a lone sign is no formula
_FORMULA, _FILLED_FORMULA = re.compile(_COMPUTED), re.compile(f"'{_COMPUTED}")


def visible(text: str) -> str:
    r"""Return `text` in one line for a terminal, a log or a file of lines.

    What would steer a terminal or hide in the text is written as in Python: `\n`, `\x1b`, `\u202e`.
    """
    if text.isprintable():
        return text
    return "".join(letter if _is_plain(letter) else letter.encode("unicode_escape").decode() for letter in text)


def html(text: str) -> str:
    """Return HTML that shows `text` as it is, in one line; also right inside an attribute in quotes."""
    return escape(visible(text))


def figure_label(text: str) -> str:
    """Return what Plotly shows as `text`: it reads labels as HTML, and fills in what stands in `%{...}`."""
    return escape(visible(text), quote=False).replace("%{", "&#37;{")


def markdown_cell(text: str) -> str:
    """Return Markdown that shows `text` as it is within a line, also in a table; addresses do not become links."""
    marked = _MARKS.sub(r"\\\g<0>", _ADDRESSES.sub(_NO_WIDTH, " ".join(visible(text).split())))
    return escape(marked, quote=False)


def markdown(text: str) -> str:
    """Return Markdown that shows `text` as it is, also at the beginning of a line; otherwise as `markdown_cell`."""
    inline = markdown_cell(text)
    found = _LINE_START.match(inline)
    return inline if found is None else f"{found[1]}\\{inline[found.end(1) :]}"


def markdown_code(text: str) -> str:
    """Return Markdown that shows `text` as code within a line, also in a table."""
    shown = visible(text).replace("|", "\\|")
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{fence}{shown}{fence}" if len(fence) == 1 else f"{fence} {shown} {fence}"


def markdown_link(address: str) -> str:
    """Return a link to an address of the web that shows it; anything else, such as `javascript:`, as plain text."""
    return f"<{address}>" if _WEB.fullmatch(address) else markdown_cell(address)


def cell(text: str) -> str:
    """Return the text cell of a CSV file for `text`: visible, and never a formula to a spreadsheet.

    A cell that a spreadsheet would compute (one that begins with `=`, `+`, `-` or `@`, also after blanks or quotes)
    gets an apostrophe before it, which spreadsheets take for "this is text". `cell_text` takes it off. Numbers are not
    texts: they are written as they are.
    """
    shown = visible(text)
    return f"'{shown}" if _FORMULA.match(shown) else shown


def cell_text(written: str) -> str:
    """Return what `cell` was given, but for control characters, which stay visible."""
    return written[1:] if _FILLED_FORMULA.match(written) else written


def json_line(value: Any) -> str:
    """Return JSON in one line that is safe to show; a parser reads exactly what was given."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(c if _is_plain(c) else json.dumps(c)[1:-1] for c in text)


def _is_plain(letter: str) -> bool:
    return letter in _JOINERS or unicodedata.category(letter) not in _STEERING
