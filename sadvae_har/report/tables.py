"""Results as aligned text or Markdown: one run, several splits, several description views. All in percent.

Every table keeps chance in sight, and numbers that were selected on test windows say so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from feature_extraction.protocol.groups import MEANING
from feature_extraction.storage.escaping import markdown_cell, visible
from sadvae_har.evaluation.metrics import chance_ausuc

Metrics = Mapping[str, Any]
NOTHING = "-"
ORACLE_NOTE = "selected on test, not comparable"
GUESS_NOTE = "not better than guessing"


class Measure(NamedTuple):
    """A number of `metrics.json`: its name, its column in tables over splits (empty: none) and where it stands."""

    title: str
    column: str
    place: tuple[str, str]


MEASURES = (
    Measure("ZSL per-class top-1", "ZSL top-1", ("zsl", "per_class_top1")),
    Measure("ZSL accuracy", "", ("zsl", "accuracy")),
    Measure("ZSL macro-F1", "", ("zsl", "macro_f1")),
    Measure("GZSL seen S", "S", ("gzsl", "seen")),
    Measure("GZSL unseen U", "U", ("gzsl", "unseen")),
    Measure("GZSL harmonic mean H", "H", ("gzsl", "harmonic_mean")),
    Measure("GZSL AUSUC", "AUSUC", ("gzsl", "ausuc")),
    Measure("gate AUROC", "gate", ("gate", "auroc")),
)
_COLUMNS = tuple(measure for measure in MEASURES if measure.column)
_REFERENCES: tuple[tuple[str, str, str], ...] = (
    ("last_cycle", "reference, last cycle", "ref. last"),
    ("oracle", "reference, best cycle", "ref. best*"),
)


@dataclass(frozen=True)
class Row:
    """One line of the summary, as fractions; nan stands for a number that does not apply.

    Attributes:
        name: What was measured.
        value: The measured number.
        low: Lower end of its 95 % interval.
        high: Upper end of its 95 % interval.
        chance: What guessing uniformly scores.
        majority: What always predicting the largest unseen class scores.
        note: A warning about the row, or empty.
    """

    name: str
    value: float
    low: float = np.nan
    high: float = np.nan
    chance: float = np.nan
    majority: float = np.nan
    note: str = ""

    @property
    def is_a_guess(self) -> bool:
        """Whether guessing explains the number: the interval, or the number without one, is not wholly above it.

        Guessing is chance, or where there is none (macro-F1) always naming the largest class.
        """
        guess = self.majority if np.isnan(self.chance) else self.chance
        return bool((self.value if np.isnan(self.low) else self.low) <= guess)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know beside the number; empty texts are left out."""
        return tuple(text for text in (GUESS_NOTE if self.is_a_guess else "", self.note) if text)

    @property
    def interval(self) -> str:
        """The interval in percent, `-` if there is none."""
        return NOTHING if np.isnan(self.low) else f"{percent(self.low)} to {percent(self.high)}"

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Value, interval, chance and majority in percent."""
        return percent(self.value), self.interval, percent(self.chance), percent(self.majority)


def summary_rows(metrics: Metrics) -> list[Row]:
    """Return one row per measure that `metrics` holds, then those of the published recipe if it was run."""
    guess, largest = _chance(metrics), _majority(metrics)
    rows = []
    for title, _, place in MEASURES:
        found = metrics.get(place[0], {}).get(place[1])
        if found:
            beside = guess.get(place, np.nan), largest.get(place, np.nan)
            rows.append(Row(title, found["value"], found["low"], found["high"], *beside))
    for key, name, _ in _REFERENCES:
        if key in metrics.get("reference", {}):
            for title, _, place in MEASURES[:2]:
                beside = guess.get(place, np.nan), largest.get(place, np.nan)
                value, note = metrics["reference"][key][place[1]], ORACLE_NOTE if key == "oracle" else ""
                rows.append(Row(f"{name}: {title}", value, np.nan, np.nan, *beside, note))
    return rows


def run_summary(metrics: Metrics) -> str:
    """Return the summary of one run: each measure with its interval, chance and majority beside it.

    A † marks numbers that guessing explains.
    """
    name = visible(f"{metrics.get('dataset', '?')} / {metrics.get('split', '?')}")
    rows, measured = summary_rows(metrics), visible(str(metrics.get("measured", MEANING["people"])))
    if not rows:
        return f"{name}: {measured}"
    body = [(row.name + " *" * bool(row.note) + " †" * row.is_a_guess, *row.cells) for row in rows]
    notes = [f"* {note}" for note in sorted({row.note for row in rows if row.note})]
    if any(row.is_a_guess for row in rows):
        notes.append(f"† {GUESS_NOTE}: the interval, or the number without one, reaches down to it")
    notes += [] if measured == MEANING["people"] else [measured]
    return "\n".join([align([(name, "value", "95 % interval", "chance", "majority"), *body]), *notes])


def average_table(runs: Sequence[Metrics]) -> str:
    """Return one row per split, then mean, standard deviation over splits (n - 1) and chance."""
    kept = [(key, title) for key, _, title in _REFERENCES if any(key in run.get("reference", {}) for run in runs)]
    rows = [_values(run) + [_reference(run, key) for key, _ in kept] for run in runs]
    columns = list(zip(*rows, strict=True)) or [()] * (len(_COLUMNS) + len(kept))
    chances = _mean_chances(runs)
    body = [[str(run.get("split", "?")), *map(percent, row)] for run, row in zip(runs, rows, strict=True)]
    body.append(["mean", *map(percent, map(_mean, columns))])
    body.append(["sd over splits", *map(percent, map(_deviation, columns))])
    body.append(["chance", *map(percent, [*chances, *chances[:1] * len(kept)])])
    header = ["split", *(measure.column for measure in _COLUMNS), *(title for _, title in kept)]
    notes = [f"* {ORACLE_NOTE}"] if "oracle" in dict(kept) else []
    return "\n".join([align([header, *body]), *notes])


def comparison_table(results: Mapping[str, Sequence[Metrics]]) -> str:
    """Return one row per description view: mean and standard deviation over its splits; chance last."""
    body = []
    for name, runs in results.items():
        columns = list(zip(*map(_values, runs), strict=True)) or [()] * len(_COLUMNS)
        cells = [f"{percent(_mean(column))} ± {percent(_deviation(column))}" for column in columns]
        body.append([name, *cells, str(len(runs))])
    chances = _mean_chances([run for runs in results.values() for run in runs])
    header = ["descriptions", *(measure.column for measure in _COLUMNS), "splits"]
    return align([header, *body, ["chance", *map(percent, chances), ""]])


def align(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text for a terminal with a rule under the first: first column left, the others right."""
    rows = [[*map(visible, row)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def to_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a Markdown table, the first being its header: first column left, the others right."""
    lines = ["| " + " | ".join(map(markdown_cell, row)) + " |" for row in rows]
    return "\n".join([lines[0], "|---|" + "---:|" * (len(rows[0]) - 1), *lines[1:]])


def percent(value: float) -> str:
    """Return a fraction as percent with one digit, `-` for nan."""
    return NOTHING if np.isnan(value) else f"{100 * value:.1f}"


def _chance(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Return what guessing scores: uniformly over the classes, or the gate by a coin."""
    given = metrics.get("chance", {})
    if not given:
        return {}
    n_unseen = round(1 / given["zsl"])
    n_seen = round(1 / given["gzsl"]) - n_unseen
    guess = {("zsl", "per_class_top1"): given["zsl"], ("zsl", "accuracy"): given["zsl"], ("gate", "auroc"): 0.5}
    guess |= {("gzsl", name): given["gzsl"] for name in ("seen", "unseen", "harmonic_mean")}
    return guess | {("gzsl", "ausuc"): chance_ausuc(n_seen, n_unseen)}


def _majority(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Return what always predicting the largest unseen class scores: recall 1 on it, 0 on the others."""
    given = metrics.get("chance", {})
    if "majority_zsl" not in given:
        return {}
    share = given["majority_zsl"]
    f1 = given["zsl"] * 2 * share / (1 + share)
    return {("zsl", "per_class_top1"): given["zsl"], ("zsl", "accuracy"): share, ("zsl", "macro_f1"): f1}


def _values(metrics: Metrics) -> list[float]:
    """Return what a run scored in each column."""
    return [metrics.get(part, {}).get(name, {}).get("value", np.nan) for _, _, (part, name) in _COLUMNS]


def _mean_chances(runs: Iterable[Metrics]) -> list[float]:
    """Return what guessing scores in each column, averaged over runs."""
    guesses = [_chance(run) for run in runs]
    return [_mean([guess.get(measure.place, np.nan) for guess in guesses]) for measure in _COLUMNS]


def _reference(metrics: Metrics, key: str) -> float:
    return metrics.get("reference", {}).get(key, {}).get("per_class_top1", np.nan)


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def _deviation(values: Iterable[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else np.nan
