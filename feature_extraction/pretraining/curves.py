"""Loss and validation curves of a pretraining run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from feature_extraction.storage.files import atomic_path


def plot_curves(history: Sequence[Mapping[str, Any]], metric: str, path: Path) -> None:
    """Write a figure of every loss term and of the validation metric over epochs.

    Args:
        history: One row per epoch with `epoch`, loss terms, the metric and `seconds`.
        metric: Name of the metric.
        path: PNG file to write.
    """
    from matplotlib.figure import Figure  # of the extra `plots`, and slow to import

    figure = Figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    for name in [key for key in history[0] if key not in ("epoch", "seconds", metric)]:
        left.plot(epochs, [row[name] for row in history], marker=".", label=name)
    left.legend()
    right.plot(epochs, [row[metric] for row in history], marker=".")
    left.set(xlabel="epoch", ylabel="training loss")
    right.set(xlabel="epoch", ylabel=metric)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)


def plot_pooled_curves(history: Sequence[Mapping[str, Any]], metric: str, path: Path) -> None:
    """Write a figure with a panel for every loss term, a line for every data set, and the validation metric.

    Args:
        history: One row per epoch with `epoch`, the metric, `seconds` and terms named `term data-set`; a data set
            that no batch of an epoch was drawn from is absent from its row.
        metric: Name of the metric.
        path: PNG file to write.
    """
    names = sorted({name for row in history for name in row if " " in name})
    terms = list(dict.fromkeys(name.split()[0] for name in names))
    columns = min(3, len(terms) + 1)
    rows = -(-(len(terms) + 1) // columns)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * columns, 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    epochs = [row["epoch"] for row in history]
    for panel, term in zip(panels, terms, strict=False):
        for name in (name for name in names if name.split()[0] == term):
            panel.plot(epochs, [row.get(name, float("nan")) for row in history], marker=".", label=name.split()[1])
        panel.set(title=term, xlabel="epoch")
    panels[0].legend(fontsize=7)
    panels[len(terms)].plot(epochs, [row[metric] for row in history], marker=".", color="black")
    panels[len(terms)].set(title=metric, xlabel="epoch")
    for panel in panels[len(terms) + 1 :]:
        panel.set_visible(False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)
