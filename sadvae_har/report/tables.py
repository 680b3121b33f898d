"""Results as aligned text or Markdown: one run, several splits, several description views. All in percent.

Every table keeps chance in sight, and numbers that were selected on test windows say so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sadvae_har.evaluation.metrics import chance_ausuc

Metrics = Mapping[str, Any]
NOTHING = "-"
ORACLE_NOTE = "selected on test, not comparable"

MEASURES: tuple[tuple[str, tuple[str, str]], ...] = (
    ("ZSL per-class top-1", ("zsl", "per_class_top1")),
    ("ZSL accuracy", ("zsl", "accuracy")),
    ("ZSL macro-F1", ("zsl", "macro_f1")),
    ("GZSL seen S", ("gzsl", "seen")),
    ("GZSL unseen U", ("gzsl", "unseen")),
    ("GZSL harmonic mean H", ("gzsl", "harmonic_mean")),
    ("GZSL AUSUC", ("gzsl", "ausuc")),
    ("gate AUROC", ("gate", "auroc")),
)
_COLUMNS: tuple[tuple[str, tuple[str, str]], ...] = (
    ("ZSL top-1", ("zsl", "per_class_top1")),
    ("S", ("gzsl", "seen")),
    ("U", ("gzsl", "unseen")),
    ("H", ("gzsl", "harmonic_mean")),
    ("AUSUC", ("gzsl", "ausuc")),
    ("gate", ("gate", "auroc")),
)
_COLUMN_KEYS = tuple(f"{part}.{name}" for _, (part, name) in _COLUMNS)
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


def summary_rows(metrics: Metrics) -> list[Row]:
    """Return one row per measure that `metrics` holds, then those of the published recipe if it was run."""
    guess, largest = _chance(metrics), _majority(metrics)
    rows = []
    for name, place in MEASURES:
        if place[1] in metrics.get(place[0], {}):
            found = metrics[place[0]][place[1]]
            beside = guess.get(place, np.nan), largest.get(place, np.nan)
            rows.append(Row(name, found["value"], found["low"], found["high"], *beside))
    for key, name, _ in _REFERENCES:
        if key in metrics.get("reference", {}):
            note = ORACLE_NOTE if key == "oracle" else ""
            for measure, unit in (("per_class_top1", "ZSL per-class top-1"), ("accuracy", "ZSL accuracy")):
                place = ("zsl", measure)
                value = metrics["reference"][key][measure]
                chance, majority = guess.get(place, np.nan), largest.get(place, np.nan)
                rows.append(Row(f"{name}: {unit}", value, chance=chance, majority=majority, note=note))
    return rows


def run_summary(metrics: Metrics, markdown: bool = False) -> str:
    """Return the summary of one run: each measure with its interval, chance and majority beside it."""
    name = f"{metrics.get('dataset', '?')} / {metrics.get('split', '?')}"
    header = [name, "value", "95 % interval", "chance", "majority"]
    rows = summary_rows(metrics)
    body = [
        [
            row.name + (" *" if row.note else ""),
            percent(row.value),
            interval_text(row),
            percent(row.chance),
            percent(row.majority),
        ]
        for row in rows
    ]
    return _table([header, *body], sorted({row.note for row in rows if row.note}), markdown)


def average(runs: Sequence[Metrics]) -> dict[str, Any]:
    """Return what `average_table` shows as plain fractions, ready for JSON; `None` where there is no number.

    Returns:
        `splits`: one entry a run, with `split` and every measure; `mean`, `standard_deviation` (n - 1) and
        `chance`: by measure. Measures are named as in `metrics.json` (`zsl.per_class_top1`); those of the
        published recipe are `reference.last_cycle` and `reference.oracle`, the latter selected on test.
    """
    kept = [key for key, _, _ in _REFERENCES if any(key in run.get("reference", {}) for run in runs)]
    names = [f"{part}.{name}" for _, (part, name) in _COLUMNS] + [f"reference.{key}" for key in kept]
    rows = [_numbers(run) + [_reference(run, key) for key in kept] for run in runs]
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    chances = [_mean(column) for column in zip(*map(_chance_numbers, runs), strict=True)] or [np.nan] * len(_COLUMNS)
    chances += [chances[0]] * len(kept)

    def named(values: Iterable[float]) -> dict[str, float | None]:
        plain = (None if np.isnan(value) else float(value) for value in values)
        return dict(zip(names, plain, strict=True))

    return {
        "splits": [{"split": str(run.get("split", "?")), **named(row)} for run, row in zip(runs, rows, strict=True)],
        "mean": named(map(_mean, columns)),
        "standard_deviation": named(map(_deviation, columns)),
        "chance": named(chances),
    }


def average_table(runs: Sequence[Metrics], markdown: bool = False) -> str:
    """Return one row per split, then mean, standard deviation over splits (n - 1) and chance."""
    found = average(runs)
    titles = {f"{part}.{name}": title for title, (part, name) in _COLUMNS}
    titles |= {f"reference.{key}": title for key, _, title in _REFERENCES}
    header = ["split", *(titles[name] for name in found["mean"])]
    body = [[row["split"], *(_cell(row[name]) for name in found["mean"])] for row in found["splits"]]
    ends = (("mean", "mean"), ("sd over splits", "standard_deviation"), ("chance", "chance"))
    body += [[title, *map(_cell, found[key].values())] for title, key in ends]
    notes = [ORACLE_NOTE] if "reference.oracle" in found["mean"] else []
    return _table([header, *body], notes, markdown)


def comparison_table(results: Mapping[str, Sequence[Metrics]], markdown: bool = False) -> str:
    """Return one row per description view: mean and standard deviation over its splits; chance last."""
    header = ["descriptions", *(title for title, _ in _COLUMNS), "splits"]
    body = []
    for name, runs in results.items():
        found = average(runs)
        pairs = [(found["mean"][key], found["standard_deviation"][key]) for key in _COLUMN_KEYS]
        body.append([name, *(f"{_cell(mean)} ± {_cell(spread)}" for mean, spread in pairs), str(len(runs))])
    chance = average([run for runs in results.values() for run in runs])["chance"]
    body.append(["chance", *(_cell(chance[key]) for key in _COLUMN_KEYS), ""])
    return _table([header, *body], [], markdown)


def align(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text with a rule under the first: first column left, the others right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(_padded(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def to_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a Markdown table, the first being its header: first column left, the others right."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|---|" + "---:|" * (len(rows[0]) - 1), *lines[1:]])


def percent(value: float) -> str:
    """Return a fraction as percent with one digit, `-` for nan."""
    return NOTHING if np.isnan(value) else f"{100 * value:.1f}"


def interval_text(row: Row) -> str:
    """Return the interval of a row in percent, `-` if it has none."""
    return NOTHING if np.isnan(row.low) else f"{percent(row.low)} to {percent(row.high)}"


def _table(rows: Sequence[Sequence[str]], notes: Sequence[str], markdown: bool) -> str:
    """Return a table and its footnotes as aligned text or as Markdown."""
    if markdown:
        return "\n\n".join([to_markdown(rows), *(f"\\* {note}" for note in notes)])
    return "\n".join([align(rows), *(f"* {note}" for note in notes)])


def _cell(value: float | None) -> str:
    return NOTHING if value is None else percent(value)


def _chance(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Return what guessing scores: uniformly over the classes, or the gate by a coin."""
    given = metrics.get("chance", {})
    if not given:
        return {}
    n_unseen = round(1 / given["zsl"])
    n_seen = round(1 / given["gzsl"]) - n_unseen
    guess = {
        ("zsl", "per_class_top1"): given["zsl"],
        ("zsl", "accuracy"): given["zsl"],
        ("gate", "auroc"): 0.5,
    }
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


def _numbers(metrics: Metrics) -> list[float]:
    return [metrics.get(part, {}).get(name, {}).get("value", np.nan) for _, (part, name) in _COLUMNS]


def _chance_numbers(metrics: Metrics) -> list[float]:
    guess = _chance(metrics)
    return [guess.get(key, np.nan) for _, key in _COLUMNS]


def _reference(metrics: Metrics, key: str) -> float:
    return metrics.get("reference", {}).get(key, {}).get("per_class_top1", np.nan)


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def _deviation(values: Iterable[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else np.nan


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = [(cell, width) for cell, width in zip(row, widths, strict=True)]
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
