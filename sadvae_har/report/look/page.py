"""Markup and style of the pages that reports are: page, section, table. Nothing about runs."""

from collections.abc import Iterable, Sequence

from feature_extraction.storage.escaping import html
from sadvae_har.report.look.plotly_figures import script

# The browser itself refuses whatever a page would load from elsewhere.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"

_STYLE = """
:root { --ink: #1d2433; --soft: #5b6576; --line: #e4e7ec; --accent: #0072b2; --back: #f6f7f9;
  --good: #00684c; --bad: #a63d00; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
header p { margin: 0; color: var(--soft); }
h1 { margin: 0 0 .25rem; font-size: 1.7rem; }
h2 { margin: 0 0 .75rem; font-size: 1.15rem; }
section { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 1.25rem;
  margin-top: 1.25rem; }
.lead { font-size: 1.2rem; line-height: 1.45; margin: .75rem 0; max-width: 60rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin: 1rem 0; }
.card { border: 1px solid var(--line); border-left: 4px solid var(--accent); border-radius: 6px;
  padding: .75rem 1rem; }
.card b { display: block; font-size: 1.9rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card span { display: block; color: var(--soft); font-size: .88rem; }
.card b + span { color: var(--ink); }
.card.weak { border-left-color: var(--bad); background: #fff4ec; }
.card.weak b, .card .warning { color: var(--bad); }
.lead.weak { border-left: 4px solid var(--bad); padding-left: .8rem; }
td.weak { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .93rem; }
th, td { padding: .4rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
th:first-child, td:first-child, table.text td, table.text th { text-align: left; }
.measures tbody td:nth-child(2) { font-weight: 600; }
tbody tr:hover { background: var(--back); }
td small { display: block; color: var(--soft); font-weight: 400; }
td small.warning { color: var(--bad); font-weight: 600; }
.best { background: #e5f1f8; font-weight: 600; }
.mark { white-space: nowrap; font-weight: 600; }
.passed { color: var(--good); }
.failed { color: #fff; background: var(--bad); border-radius: 4px; padding: .05rem .45rem; }
tr:has(.failed) td { background: #fff4ec; }
.not-recorded { color: var(--soft); }
.warning { color: var(--bad); font-style: normal; font-size: .85em; font-weight: 600; }
.alert { background: #fff4ec; border-left: 4px solid var(--bad); padding: .6rem 1rem; margin: .6rem 0; }
.note { color: var(--soft); font-size: .88rem; margin: .75rem 0 0; }
dl { display: grid; grid-template-columns: minmax(9rem, 15rem) 1fr; gap: .35rem 1rem; margin: .75rem 0 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 2rem 1.5rem; }
figure { margin: 0; min-width: 0; break-inside: avoid; }
figure.wide { grid-column: 1 / -1; }
figcaption { color: var(--soft); font-size: .88rem; margin-top: .25rem; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; background: var(--back); padding: .9rem; border-radius: 6px; font-size: .82rem; }
@media screen and (max-width: 760px) { dl, .figures { grid-template-columns: minmax(0, 1fr); }
  figure.wide { grid-column: auto; } }
@page { size: 320mm 452mm; margin: 10mm; }
@media print { body { background: #fff; } main { padding: 0; } h2 { break-after: avoid; }
  .modebar { display: none !important; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } tr { break-inside: avoid; } }
"""


def page(title: str, subtitle: str, sections: Iterable[str]) -> str:
    """Return a whole page that needs nothing from elsewhere.

    Args:
        title: Heading; plain text.
        subtitle: Line below it; plain text.
        sections: Results of `section` or `folded`, in order.
    """
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html(title)}</title>",
            f"<style>{_STYLE}</style>",
            f"<script>{script()}</script>",
            f"</head>\n<body>\n<main>\n<header><h1>{html(title)}</h1><p>{html(subtitle)}</p></header>",
            "<noscript><p>Figures need JavaScript; every table is complete without it.</p></noscript>",
            *sections,
            "</main>\n</body>\n</html>\n",
        ]
    )


def section(identifier: str, title: str, *content: str) -> str:
    """Return a part of the page; `content` is HTML already."""
    return f'<section id="{identifier}">\n<h2>{html(title)}</h2>\n' + "\n".join(content) + "\n</section>"


def folded(title: str, text: str) -> str:
    """Return plain text that opens on a click."""
    return f"<section><details><summary>{html(title)}</summary>{lines(text.splitlines())}</details></section>"


def lines(texts: Iterable[str]) -> str:
    """Return lines of plain text as they are."""
    return f"<pre>{chr(10).join(map(html, texts))}</pre>"


def paragraph(text: str, kind: str = "") -> str:
    """Return plain text as a paragraph of kinds of the style sheet: lead, weak, note or alert."""
    return f'<p class="{kind}">{html(text)}</p>' if kind else f"<p>{html(text)}</p>"


def figures(blocks: Iterable[str]) -> str:
    """Return figures side by side where they are narrow."""
    return f'<div class="figures">{"".join(blocks)}</div>'


def table(header: Sequence[str], body: Iterable[Sequence[str]], kind: str = "") -> str:
    """Return a table; its cells are HTML already, and those that are `<td>` elements stay what they are."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    rows = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in body)
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _cell(cell: str) -> str:
    return cell if cell.startswith("<td") else f"<td>{cell}</td>"
