"""Names on their way out: a terminal, HTML, Markdown, figures and spreadsheets show them and obey none of them."""

import csv
import io
import json
import unicodedata

import pytest
from hostile import HOSTILE, obeyed_by_a_terminal
from hypothesis import given
from hypothesis import strategies as st

from feature_extraction.storage.escaping import (
    cell,
    cell_text,
    figure_label,
    html,
    json_line,
    markdown,
    markdown_cell,
    markdown_code,
    markdown_link,
    visible,
)

HARMLESS = ("walking", "Gehen & Stehen", "走る", "راه‌رفتن", "👩‍🔬", "C:\\new\\table.csv", "50 % of a’s", "")


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_stays_as_it_is(name: str) -> None:
    assert visible(name) == name and cell(name) == name and json.loads(json_line(name)) == name


def test_steering_characters_are_written_as_python_writes_them() -> None:
    assert visible("a\x1b[31mb\n\r\t\x7f\x9b\u202e\u2066\u2028\udc80\ufeff") == (
        r"a\x1b[31mb\n\r\t\x7f\x9b\u202e\u2066\u2028\udc80\ufeff"
    )


@given(st.text(st.characters()))
def test_no_text_steers_a_terminal_or_takes_two_lines(text: str) -> None:
    for shown in (visible(text), html(text), figure_label(text), markdown(text), cell(text), json_line(text)):
        assert not obeyed_by_a_terminal(shown.replace("\u2060", "")) and len(shown.splitlines()) <= 1
    assert json.loads(json_line(text)) == text


@given(st.text(st.sampled_from("=+-@'\" a1\t\r＝.")))
def test_no_cell_is_a_formula_and_every_one_is_read_back(text: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([cell(text), "x"])
    written = next(csv.reader(io.StringIO(out.getvalue())))[0]
    assert cell_text(written) == visible(text)
    bare = unicodedata.normalize("NFKC", written.lstrip(' "\t\r'))
    assert len(bare) < 2 or bare[0] not in "=+-@"


def test_numbers_and_lone_signs_are_no_formulas() -> None:
    assert [cell(text) for text in ("-", "=1+1", '"=1', "@SUM(A1)", "-1", "'=1", "'tis")] == [
        *("-", "'=1+1", "'\"=1", "'@SUM(A1)", "'-1", "''=1", "'tis")
    ]


def test_markdown_shows_marks() -> None:
    assert markdown_cell("a|b <i> [x](javascript:y) `c` *d* _e_ f_g $h$ &amp;") == (
        r"a\|b &lt;i&gt; \[x\](javascript\:y) \`c\` \*d\* \_e\_ f_g \$h\$ &amp;amp;"
    )
    assert [markdown(text) for text in ("# a", "- a", "1. a", "12) a", "1.5 s", "=== ", "    code", "+")] == [
        *(r"\# a", r"\- a", r"1\. a", r"12\) a", r"1\.5 s", r"\===", "code", r"\+")
    ]
    assert markdown_cell("see http://x.org, www.x.org or a@x.org") == (
        "see http:\u2060//x.org, www\u2060.x.org or a@\u2060x.org"
    )


def test_markdown_code_cannot_be_left() -> None:
    assert markdown_code("a b") == "`a b`"
    assert markdown_code("a`` b | c\n") == r"``` a`` b \| c\n ```"


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://x.org/><i>", "https://x.org/ a", "https://x.org/\n", "data:text/html,x"]
)
def test_only_addresses_of_the_web_become_links(address: str) -> None:
    assert markdown_link(address) == markdown_cell(address)
    assert markdown_link("https://x.org/a_b?c=d#e") == "<https://x.org/a_b?c=d#e>"


def test_figures_neither_read_nor_fill_in_a_name() -> None:
    assert figure_label('<b>%{x}</b> "a" & 5 %') == '&lt;b&gt;&#37;{x}&lt;/b&gt; "a" &amp; 5 %'
    assert html("<a href='x'>\"") == "&lt;a href=&#x27;x&#x27;&gt;&quot;"


def test_the_hostile_name_of_other_tests_is_hostile() -> None:
    assert obeyed_by_a_terminal(HOSTILE) and cell(HOSTILE) != visible(HOSTILE) and html(HOSTILE) != visible(HOSTILE)
