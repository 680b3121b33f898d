"""Figures of the benchmark page, drawn from rows alone. Colours are those of `colours.py`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from feature_extraction.storage.files import atomic_path
from sadvae_har.benchmark.statistics import Cells, SplitName
from sadvae_har.report.look.colours import ACCENT_COLOUR, CLASS_COLOURS, INK, SEEN_COLOUR, UNSEEN_COLOUR

DPI = 144
MARKERS = "os^v<>pPX"


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained", dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> Path:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    return path


def _clean(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def draw_methods(
    cells: Cells, ours: str, rivals: Sequence[str], datasets: Sequence[str], chance: Mapping[str, float], path: Path
) -> Path:
    """Draw top-1 per data set: every rival a dot, the best one named, ours beside, chance as a line."""
    figure = _figure(9, 4.4)
    axes = figure.subplots()
    for x, dataset in enumerate(datasets):
        means = {m: 100 * cells.mean(m, dataset) for m in rivals if not np.isnan(cells.mean(m, dataset))}
        axes.plot([x - 0.12] * len(means), list(means.values()), "o", color=SEEN_COLOUR, alpha=0.6, markersize=5)
        best = max(means, key=lambda m: means[m])
        axes.annotate(
            best, (x - 0.12, means[best]), (-7, 0), textcoords="offset points", fontsize=7, ha="right", va="center"
        )
        axes.plot(x + 0.12, 100 * cells.mean(ours, dataset), "D", color=UNSEEN_COLOUR, markersize=8)
        axes.hlines(100 * chance[dataset], x - 0.3, x + 0.3, color=INK, linestyle=":", linewidth=1)
    axes.plot([], [], "D", color=UNSEEN_COLOUR, label="ours")
    axes.plot([], [], "o", color=SEEN_COLOUR, label="a rival; the best one is named")
    axes.plot([], [], ":", color=INK, label="chance")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=3)
    axes.set(xticks=range(len(datasets)), ylabel="per-class top-1, %", ylim=(0, 100), xlim=(-0.8, len(datasets) - 0.4))
    axes.set_xticklabels([name.upper() for name in datasets])
    _clean(axes)
    return _save(figure, path)


def draw_ranks(ranks: Mapping[str, float], ours: str, path: Path) -> Path:
    """Draw the average rank of every method, best on top."""
    order = sorted(ranks, key=lambda m: ranks[m], reverse=True)
    figure = _figure(6.5, 0.26 * len(order) + 0.9)
    axes = figure.subplots()
    colours = [UNSEEN_COLOUR if method == ours else SEEN_COLOUR for method in order]
    axes.hlines(range(len(order)), 1, [ranks[m] for m in order], color="#d8dade", linewidth=1)
    axes.scatter([ranks[m] for m in order], range(len(order)), c=colours, zorder=3)
    axes.set(yticks=range(len(order)), xlabel="average rank over splits (1 is best)", xlim=(0.8, None))
    axes.set_yticklabels(order)
    _clean(axes)
    return _save(figure, path)


def draw_seen_unseen(
    seen: Cells, unseen: Cells, ours: str, rivals: Sequence[str], datasets: Sequence[str], path: Path
) -> Path:
    """Draw S against U, mean over data sets, with curves of equal H."""
    figure = _figure(7.4, 5.2)
    axes = figure.subplots()
    grid = np.linspace(1, 100, 400)
    for h in (20, 40, 60, 80):
        with np.errstate(divide="ignore"):
            curve = h * grid / (2 * grid - h)
        kept = (2 * grid > h) & (curve > 0) & (curve <= 100)
        axes.plot(grid[kept], curve[kept], color="#d8dade", linewidth=1, zorder=1)
        axes.text(97, h * 97 / (2 * 97 - h), f"H {h}", fontsize=7, color=SEEN_COLOUR, va="bottom", ha="right")
    for k, method in enumerate((*rivals, ours)):
        point = 100 * unseen.overall(method, datasets), 100 * seen.overall(method, datasets)
        mine = method == ours
        colour = UNSEEN_COLOUR if mine else CLASS_COLOURS[1 + k % (len(CLASS_COLOURS) - 1)]
        marker = "D" if mine else MARKERS[k % len(MARKERS)]
        axes.plot(*point, marker, color=colour, label=method, zorder=3, linestyle="none", markersize=8 if mine else 6)
    figure.legend(*axes.get_legend_handles_labels(), frameon=False, loc="outside right upper", fontsize=8)
    axes.set(xlabel="unseen classes U, %", ylabel="seen classes S, %", xlim=(0, 100), ylim=(0, 100))
    _clean(axes)
    return _save(figure, path)


def draw_differences(cells: Cells, ours: str, rival: str, splits: Sequence[SplitName], path: Path) -> Path:
    """Draw ours minus the best rival on every split, grouped by data set."""
    figure = _figure(9, 3.4)
    axes = figure.subplots()
    values = np.array([100 * (cells.values[ours][s] - cells.values[rival][s]) for s in splits])
    axes.bar(range(len(splits)), values, color=[UNSEEN_COLOUR if v >= 0 else ACCENT_COLOUR for v in values])
    axes.axhline(0, color=INK, linewidth=0.8)
    names = [dataset for dataset, _ in splits]
    for dataset in dict.fromkeys(names):
        places = [k for k, name in enumerate(names) if name == dataset]
        axes.axvline(places[-1] + 0.5, color="#d8dade", linewidth=0.8)
        middle, above = float(np.mean(places)), axes.get_xaxis_transform()
        axes.text(middle, 1.02, dataset.upper(), transform=above, ha="center", fontsize=8)
    axes.set(xticks=[], ylabel=f"ours minus {rival}, points", xlim=(-0.6, len(splits) - 0.4))
    _clean(axes)
    return _save(figure, path)
