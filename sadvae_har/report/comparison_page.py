"""comparison.html: several runs on one self-contained, interactive page, from their saved files alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from feature_extraction.errors import InputError
from feature_extraction.storage.escaping import figure_label, html, visible
from feature_extraction.storage.files import write_text
from sadvae_har.report.comparison import (
    Difference,
    config_differences,
    differences,
    drawn_units,
    read_runs,
    same_windows,
)
from sadvae_har.report.comparison import warnings as warnings_of
from sadvae_har.report.figures import curve_line, curve_of
from sadvae_har.report.look.colours import CLASS_COLOURS, INK
from sadvae_har.report.look.page import figures, page, paragraph, section, table
from sadvae_har.report.look.plotly_figures import block, names_beside, new_figure, square_axes
from sadvae_har.report.run_files import RunFiles
from sadvae_har.report.tables import GUESS_NOTE, MEASURES, NOTHING, Row, align, percent, summary_rows

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SYMBOLS = ("diamond", "circle", "square", "triangle-up", "cross", "x")
_STAGE = {title: "zsl" if part == "zsl" else "gzsl" for title, _, (part, _) in MEASURES}
_CHOICE_NOTE = (
    "Whoever picks a run by this table picks it on test windows: its number is then too high. Settings are chosen on "
    "inner folds."
)


def write_comparison(folders: Sequence[Path], out: Path | None = None) -> tuple[Path, str]:
    """Write one page that compares runs with the first of them.

    Args:
        folders: Run folders, at least two.
        out: The page; by default `comparison.html` beside the first run folder.

    Returns:
        The path of the page, and its table of measures with its warnings as text.

    Raises:
        InputError: A run folder is named twice, missing, damaged or incomplete, or `out` is a folder.
    """
    runs = read_runs(folders)
    path = folders[0].resolve().parent / "comparison.html" if out is None else out
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file, such as {path / 'comparison.html'}")
    name, first = next(iter(runs.items()))
    rows = {name: {row.name: row for row in summary_rows(run.metrics)} for name, run in runs.items()}
    against = {other: differences(first, run) for other, run in runs.items() if other != name}
    cautions = warnings_of(runs)
    alerts = [paragraph(caution, "alert") for caution in cautions] or [
        paragraph("All runs scored the same test windows with the same code and classes.")
    ]
    sections = [
        section("comparable", "May these runs be compared?", *alerts),
        section("configs", "What differs in the configs", _configs(runs)),
        section("measures", "Measures", _measures(runs, rows, against), paragraph(_note(runs, against), "note")),
        section("figures", "Figures", _figures(runs)),
    ]
    title = f"{len(runs)} runs: {', '.join(dict.fromkeys(run.split.dataset for run in runs.values()))}"
    write_text(path, page(title, f"Compared with {name}", sections))
    return path, _as_text(rows, against, cautions)


def _measures(
    runs: Mapping[str, RunFiles],
    rows: Mapping[str, Mapping[str, Row]],
    against: Mapping[str, Mapping[str, Difference]],
) -> str:
    """Return the table of all measures; the best is marked where all runs that took it scored the same windows."""
    first = next(iter(runs.values()))
    body = []
    for measure in dict.fromkeys(name for found in rows.values() for name in found):
        taken = [name for name in runs if measure in rows[name]]
        fair = measure in _STAGE and all(same_windows(first, runs[name], _STAGE[measure]) for name in taken)
        best = max((rows[name][measure].value for name in taken), default=np.nan) if fair and len(taken) > 1 else np.nan
        cells = [html(measure)]
        for name in runs:
            row = rows[name].get(measure)
            if row is None:
                cells.append(NOTHING)
                continue
            gain = against.get(name, {}).get(measure)
            lines = ("" if np.isnan(row.low) else row.interval, f"Δ {_difference(gain)}" if gain else "")
            small = "".join(f"<small>{html(line)}</small>" for line in lines if line)
            small += "".join(f'<small class="warning">{html(text)}</small>' for text in row.warnings)
            kinds = [kind for kind, holds in (("best", row.value == best), ("weak", row.is_a_guess)) if holds]
            mark = "★ " if row.value == best else ""
            cells.append(f'<td class="{" ".join(kinds)}">{mark}{percent(row.value)}{small}</td>')
        guesses = dict.fromkeys(percent(rows[name][measure].chance) for name in taken)
        body.append([*cells, " / ".join(guesses)])
    return table(("measure (%)", *map(html, runs), "chance"), body)


def _difference(found: Difference) -> str:
    """Return a difference in points with its interval."""
    low, high = (f"{100 * end:+.1f}" for end in (found.low, found.high))
    return f"{100 * found.value:+.1f} ({low} to {high})".replace("-", "−")


def _note(runs: Mapping[str, RunFiles], against: Mapping[str, Mapping[str, Difference]]) -> str:
    words, (name, first) = "Below each value its 95 % interval", next(iter(runs.items()))
    if any(against.values()):
        words += (
            f"; Δ: the difference to {name} in points with its 95 % interval, from a paired bootstrap over "
            f"{drawn_units(first)}. Where that interval holds 0, these windows show no difference. ★: highest value"
        )
    missing = "" if all(against.values()) else " Runs on other windows have no difference and no mark."
    return f"{words}.{missing} {_CHOICE_NOTE}"


def _figures(runs: Mapping[str, RunFiles]) -> str:
    click = "A click on a run in the legend hides or shows it; a double click shows it alone."
    blocks = []
    for stage, title in (("zsl", "ZSL: accuracy of each unseen class"), ("gzsl", "GZSL: accuracy of each class")):
        held = {name: run for name, run in runs.items() if stage in run.metrics}
        if held:
            blocks.append(block(f"{stage}-classes", class_bars(held, stage, title), click))
    with_curve = {name: run for name, run in runs.items() if run.has_gzsl}
    if with_curve:
        blocks.append(block("curves", curves(with_curve), f"Points: where each gate operates. {click}"))
    return figures(blocks)


def class_bars(runs: Mapping[str, RunFiles], stage: str, title: str) -> go.Figure:
    """Draw the accuracy of each class in every run, unseen classes first."""
    unseen = {name for run in runs.values() for name in run.unseen}
    values = {run: files.per_class(stage) for run, files in runs.items()}
    every = list(dict.fromkeys(name for found in values.values() for name in found))
    names = sorted(every, key=lambda name: name not in unseen)
    height = 170 + len(names) * (14 + 12 * len(runs))
    figure = new_figure(title, height, "windows predicted rightly (%)")
    for k, (run, found) in enumerate(values.items()):
        known = [i for i, name in enumerate(names) if name in found]
        shares = [100 * found[names[i]] for i in known]
        hover = [
            f"{figure_label(names[i])}<br>{share:.1f} %<br>{figure_label(run)}"
            for i, share in zip(known, shares, strict=True)
        ]
        look = {"marker_color": CLASS_COLOURS[k % len(CLASS_COLOURS)], "orientation": "h", "name": figure_label(run)}
        figure.add_bar(x=shares, y=known, hovertext=hover, hoverinfo="text", **look)
    everywhere = set.intersection(*(set(run.unseen) for run in runs.values()))
    notes = dict.fromkeys(unseen, " (unseen in some)") | dict.fromkeys(everywhere, " (unseen)")
    shown = [f"{name}{notes.get(name, '')}" if stage == "gzsl" else name for name in names]
    figure.update_layout(barmode="group", bargap=0.22)
    return figure.update_xaxes(range=[0, 101]).update_yaxes(**names_beside(shown))


def curves(runs: Mapping[str, RunFiles]) -> go.Figure:
    """Draw the seen-unseen curve of every run with its operating point."""
    title = ("accuracy on unseen classes (%)", "accuracy on seen classes (%)")
    figure = new_figure("Seen-unseen curves", 560, *title)
    for k, (name, run) in enumerate(runs.items()):
        on_seen, on_unseen, (at_seen, at_unseen, mean) = curve_of(run)
        colour = CLASS_COLOURS[k % len(CLASS_COLOURS)]
        line = {"color": colour, "width": 2.2, "dash": _DASHES[k % len(_DASHES)]}
        figure.add_scatter(
            **curve_line(on_seen, on_unseen), name=figure_label(name), legendgroup=figure_label(name), line=line
        )
        edge = {"color": INK, "width": 1.2}
        figure.add_scatter(
            **{"x": [100 * at_unseen], "y": [100 * at_seen], "mode": "markers", "legendgroup": figure_label(name)},
            marker={"symbol": _SYMBOLS[k % len(_SYMBOLS)], "size": 13, "color": colour, "line": edge},
            hovertext=f"{figure_label(name)}<br>S {100 * at_seen:.1f}, U {100 * at_unseen:.1f}, H {100 * mean:.1f}",
            **{"hoverinfo": "text", "showlegend": False, "cliponaxis": False},
        )
    return square_axes(figure)


def _configs(runs: Mapping[str, RunFiles]) -> str:
    rows = config_differences(runs)
    if not rows:
        return paragraph("Nothing: the configs are the same.")
    body = [(html(key), *map(html, values)) for key, values in rows]
    return table(("field", *map(html, runs)), body, "text")


def _as_text(
    rows: Mapping[str, Mapping[str, Row]], against: Mapping[str, Mapping[str, Difference]], cautions: Sequence[str]
) -> str:
    """Return the measures and what stands in the way of comparing them, for a terminal."""
    body = []
    for measure in dict.fromkeys(name for found in rows.values() for name in found):
        gains = (against.get(name, {}).get(measure) for name in rows)
        values = (_marked(found[measure]) if measure in found else NOTHING for found in rows.values())
        pairs = zip(values, gains, strict=True)
        body.append([measure, *(f"{value}  {_difference(gain)}" if gain else value for value, gain in pairs)])
    guesses = any(row.is_a_guess for found in rows.values() for row in found.values())
    notes = [f"† {GUESS_NOTE}"] * guesses + [visible(f"caution: {caution}") for caution in cautions]
    return "\n".join([align([["measure (%)", *rows], *body]), *notes])


def _marked(row: Row) -> str:
    return percent(row.value) + " †" * row.is_a_guess
