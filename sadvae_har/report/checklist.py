"""The protocol checklist of a report: each checked claim with its mark and the words of its evidence."""

from collections.abc import Iterable
from html import escape

from sadvae_har.report.checks import FAILED, NOT_RECORDED, PASSED, Check
from sadvae_har.report.look.page import table

_MARKS = {PASSED: "✓", FAILED: "✗", NOT_RECORDED: "–"}


def tally(checks: Iterable[Check]) -> str:
    """Return how many claims passed, failed and are not recorded."""
    found = [check.status for check in checks]
    return ", ".join(f"{found.count(status)} {status}" for status in _MARKS if status in found)


def checklist_html(checks: Iterable[Check]) -> str:
    """Return the checklist as a table; failed lines are set apart by colour, mark and word."""

    def cells(check: Check) -> tuple[str, ...]:
        kind = check.status.replace(" ", "-")
        mark = f'<span class="mark {kind}">{_MARKS[check.status]} {check.status}</span>'
        return escape(check.claim), mark, escape(check.evidence)

    return table(("claim", "", "evidence"), map(cells, checks), "text")
