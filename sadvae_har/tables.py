"""Results as aligned plain text: one run, several splits, several description views. All numbers in percent.

Every table keeps chance in sight, and numbers that were selected on test windows say so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sadvae_har.metrics import chance_ausuc

Metrics = Mapping[str, Any]
NOTHING = "-"
ORACLE_NOTE = "selected on test, not comparable"

_MEASURES: tuple[tuple[str, tuple[str, str]], ...] = (
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
    for name, place in _MEASURES:
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


def run_summary(metrics: Metrics) -> str:
    """Return the summary of one run: each measure with its interval, chance and majority beside it."""
    header = [
        f"{metrics.get('dataset', '?')} / {metrics.get('split', '?')}",
        "value",
        "95 % interval",
        "chance",
        "majority",
    ]
    body = [
        [
            row.name + (" *" if row.note else ""),
            percent(row.value),
            interval_text(row),
            percent(row.chance),
            percent(row.majority),
        ]
        for row in summary_rows(metrics)
    ]
    notes = sorted({f"* {row.note}" for row in summary_rows(metrics) if row.note})
    return "\n".join([align([header, *body]), *notes])


def average_table(runs: Sequence[Metrics]) -> str:
    """Return one row per split, then mean, standard deviation over splits (n - 1) and chance."""
    references = [(key, title) for key, _, title in _REFERENCES if any(key in run.get("reference", {}) for run in runs)]
    header = ["split", *(title for title, _ in _COLUMNS), *(title for _, title in references)]
    values = np.array([_numbers(run) + [_reference(run, key) for key, _ in references] for run in runs])
    values = values.reshape(len(runs), len(header) - 1)
    chance = np.array([_chance_numbers(run) for run in runs]).reshape(len(runs), len(_COLUMNS))
    chances = [_mean(column) for column in chance.T]
    chances += [chances[0]] * len(references)
    body = [[str(run.get("split", "?")), *map(percent, row)] for run, row in zip(runs, values.tolist(), strict=True)]
    body += [
        ["mean", *(percent(_mean(column)) for column in values.T)],
        ["sd over splits", *(percent(_deviation(column)) for column in values.T)],
        ["chance", *map(percent, chances)],
    ]
    notes = [f"* {ORACLE_NOTE}"] if any(key == "oracle" for key, _ in references) else []
    return "\n".join([align([header, *body]), *notes])


def comparison_table(results: Mapping[str, Sequence[Metrics]]) -> str:
    """Return one row per description view: mean and standard deviation over its splits; chance last."""
    header = ["descriptions", *(title for title, _ in _COLUMNS), "splits"]
    body = []
    for name, runs in results.items():
        values = np.array([_numbers(run) for run in runs]).reshape(len(runs), len(_COLUMNS))
        cells = [f"{percent(_mean(column))} ± {percent(_deviation(column))}" for column in values.T]
        body.append([name, *cells, str(len(runs))])
    everything = [_chance_numbers(run) for runs in results.values() for run in runs]
    chance = np.array(everything).reshape(len(everything), len(_COLUMNS))
    body.append(["chance", *(percent(_mean(column)) for column in chance.T), ""])
    return align([header, *body])


def align(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text with a rule under the first: first column left, the others right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(_padded(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def percent(value: float) -> str:
    """Return a fraction as percent with one digit, `-` for nan."""
    return NOTHING if np.isnan(value) else f"{100 * value:.1f}"


def interval_text(row: Row) -> str:
    """Return the interval of a row in percent, `-` if it has none."""
    return NOTHING if np.isnan(row.low) else f"{percent(row.low)} to {percent(row.high)}"


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
