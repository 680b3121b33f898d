"""How texts of people and files get onto the page: as plain words, whatever Markdown or HTML they hold."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import streamlit as st

from feature_extraction.errors import InputError
from feature_extraction.storage.escaping import html, markdown
from sadvae_har.recognition.prediction import UNKNOWN
from sadvae_har.report.look.colours import LINE, SOFT, UNKNOWN_COLOUR


def as_list(lines: Iterable[str]) -> str:
    """Return Markdown that shows each line as it is, as an item of a list."""
    return "\n".join(f"- {markdown(line)}" for line in lines)


@contextmanager
def readable_errors() -> Iterator[None]:
    """Show what cannot be used as a message in the page."""
    try:
        yield
    except InputError as error:
        st.error(markdown(str(error)))


def chips(names: list[tuple[str, str, str]]) -> str:
    """Return HTML for activities as coloured chips.

    Args:
        names: Name, colour and kind of each; the kind stands behind the name unless it is empty.
    """
    made = []
    for name, colour, kind in names:
        note = f"<small>{html(kind)}</small>" if kind and name != UNKNOWN else ""
        made.append(f'<span class="chip"><i style="background:{colour}"></i>{html(name)}{note}</span>')
    return f'<div class="chips">{"".join(made)}</div>'


def legend(labels: Iterable[str], colours: Mapping[str, str]) -> None:
    """Show which colour is which activity; it wraps on a phone, where a figure's own legend would not."""
    st.html(chips([(label, colours.get(label, UNKNOWN_COLOUR), "") for label in dict.fromkeys(labels)]))


STYLE = (
    f"<style>:root {{ --line: {LINE}; --soft: {SOFT}; }}"
    + """
.block-container { max-width: 1180px; padding-top: 2rem; padding-bottom: 4rem; }
h1 { font-size: 1.9rem !important; padding-bottom: .1rem !important; }
h3 { font-size: 1.12rem !important; padding-top: .2rem !important; }
.chips { display: flex; flex-wrap: wrap; gap: .4rem; margin-bottom: .25rem; }
.chip { display: inline-flex; align-items: center; gap: .4rem; padding: .12rem .6rem; font-size: .9rem;
  border: 1px solid var(--line); border-radius: 999px; background: #fff; overflow-wrap: anywhere; }
.chip i { width: .7rem; height: .7rem; border-radius: 50%; flex: none; }
.chip small { color: var(--soft); white-space: nowrap; }
[data-testid="stMetricValue"] { font-size: 1.45rem; }
[data-testid="stMetric"] { min-width: 7rem; }
@media (max-width: 640px) {
  .block-container { padding-left: .9rem; padding-right: .9rem; padding-top: 1rem; }
  h1 { font-size: 1.5rem !important; }
}
</style>"""
)
