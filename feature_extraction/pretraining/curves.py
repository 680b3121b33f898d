"""Loss and validation curves of a pretraining run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from feature_extraction.storage import atomic_path


def plot_curves(history: Sequence[Mapping[str, Any]], metric: str, path: Path) -> None:
    """Write a figure of every loss term and of the validation metric over epochs.

    Args:
        history: One row per epoch with `epoch`, loss terms, the metric and `seconds`.
        metric: Name of the metric.
        path: PNG file to write.
    """
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
