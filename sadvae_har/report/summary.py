"""The top of a report: what was asked, the headline numbers, and one sentence that needs no training to read.

Words follow from the numbers: a result is only called better than a guess if its whole interval is.
"""

import numpy as np

from feature_extraction.protocol.groups import NOUNS
from feature_extraction.storage.escaping import html
from sadvae_har.evaluation.intervals import FEWEST_SUBJECTS
from sadvae_har.report.look.page import paragraph
from sadvae_har.report.run_files import RunFiles
from sadvae_har.report.tables import Row, percent, summary_rows

TOP1 = "ZSL per-class top-1"
_MEANINGS = {
    TOP1: "unseen activities told apart",
    "GZSL harmonic mean H": "seen and unseen activities together",
    "gate AUROC": "telling unseen from seen",
}


def summary_html(run: RunFiles) -> str:
    """Return question, answer, headline numbers and cautions as HTML."""
    rows = {row.name: row for row in summary_rows(run.metrics)}
    cards = "".join(_card(rows[name], meaning) for name, meaning in _MEANINGS.items() if name in rows)
    asked, answered = (
        paragraph(question(run)),
        paragraph(answer(rows[TOP1]), "lead weak" if rows[TOP1].is_a_guess else "lead"),
    )
    noted = paragraph(" ".join(details(run, rows)), "note")
    return "\n".join([asked, answered, f'<div class="cards">{cards}</div>', noted])


def question(run: RunFiles) -> str:
    """Return what the run asked, in one sentence or two."""
    split, n = run.split, len(run.arrays["zsl_labels"])
    return (
        f"Can {count(len(split.unseen), 'activity', 'activities')} of {split.dataset} be recognised from written "
        f"descriptions alone, without a single recording of them in training: {', '.join(split.unseen)}? "
        f"Asked with {count(n, 'window')} of {count(len(split.test_subjects), *NOUNS[split.holds_out])} held out of "
        f"training; {count(len(split.seen), 'other activity', 'other activities')} had recordings."
    )


def answer(row: Row) -> str:
    """Return the answer in one sentence, from ZSL per-class top-1, its interval and chance."""
    head = f"Of 100 windows of an activity without recordings, {_of_100(row.value)} were named rightly"
    if np.isnan(row.low):
        return f"{head}; there is no interval to compare it with a guess."
    head += f" (95 % interval {_of_100(row.low)} to {_of_100(row.high)})"
    if np.isnan(row.chance):
        return f"{head}; what a guess would score was not recorded."
    guess = _of_100(row.chance)
    if row.low > row.chance:
        return f"{head}, more than the {guess} of a guess."
    if row.high < row.chance:
        return f"{head}, fewer than the {guess} of a guess."
    return f"{head}; a guess, {guess}, lies within that interval, so this run does not show more than guessing."


def details(run: RunFiles, rows: dict[str, Row]) -> list[str]:
    """Return sentences that belong beside the answer: the harder question, the weakest class, cautions."""
    found = []
    if {"GZSL seen S", "GZSL unseen U"} <= rows.keys():
        seen, unseen = rows["GZSL seen S"], rows["GZSL unseen U"]
        guess = "" if np.isnan(seen.chance) else f" (a guess: {_of_100(seen.chance)})"
        found.append(
            f"When any of all {len(run.classes)} activities may occur, {_of_100(seen.value)} of 100 windows of "
            f"activities with recordings and {_of_100(unseen.value)} of 100 without are named rightly{guess}."
        )
    harder = {name: share for name, share in run.per_class("gzsl").items() if name in run.unseen}
    for where, per_class in (("where only unseen ones", run.per_class("zsl")), ("of them where any", harder)):
        if per_class:
            weakest = min(per_class, key=lambda name: per_class[name])
            found.append(f"Weakest {where} may occur: {weakest}, {_of_100(per_class[weakest])} of 100.")
    n_people = len(np.unique(run.arrays["zsl_subjects"])) if "zsl_subjects" in run.arrays else 0
    if 0 < n_people < FEWEST_SUBJECTS:
        one, many = NOUNS[run.split.holds_out]
        people = count(n_people, f"{one} was tested", f"{many} were tested")
        found.append(f"Only {people}, so intervals say little about other people.")
    if run.split.holds_out != "people":
        found.append(f"All of this was {run.split.meaning}.")
    if run.split.untested:
        found.append(f"Nothing was measured on {', '.join(run.split.untested)}: no test subject did that.")
    if rows[TOP1].low == rows[TOP1].high:
        found.append("Every resample gave the same number, so the interval has no width; that is not certainty.")
    return found


def count(n: int, one: str, many: str = "") -> str:
    """Return a number and its noun."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def _of_100(share: float) -> str:
    return f"{100 * share:.0f}"


def _card(row: Row, meaning: str) -> str:
    beside = f"chance {percent(row.chance)}"
    if not np.isnan(row.majority):
        beside += f", majority class {percent(row.majority)}"
    lines = (f"{row.name}: {meaning}", f"95 % interval {row.interval}", beside)
    below = "".join(f"<span>{html(line)}</span>" for line in lines)
    warned = "".join(f'<span class="warning">{html(text)}</span>' for text in row.warnings)
    return f'<div class="card{" weak" * row.is_a_guess}"><b>{percent(row.value)} %</b>{below}{warned}</div>'
