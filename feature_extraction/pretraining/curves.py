"""A pretraining run while it goes on: a figure of its curves, and events for TensorBoard."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_extraction.storage.files import atomic_path, writing

if TYPE_CHECKING:  # both belong to extras, and are slow to import
    from torch.utils.tensorboard import SummaryWriter

CURVES = "curves.png"
NO_TERMS = ("epoch", "learning_rate", "seconds")
NOT_SHOWN = ("epoch", "seconds")


def plot_curves(history: Sequence[Mapping[str, Any]], metric: str, path: Path) -> None:
    """Write a figure with a panel for every loss term, a line for every data set, and the validation metric.

    Args:
        history: One row per epoch with `epoch`, the metric, `learning_rate`, `seconds` and terms, named
            `term data-set` where there are several data sets; one that no batch of an epoch was drawn from is absent
            from its row.
        metric: Name of the metric.
        path: PNG file to write.
    """
    from matplotlib.figure import Figure

    names = sorted({name for row in history for name in row} - {*NO_TERMS, metric})
    terms = list(dict.fromkeys(name.split()[0] for name in names))
    columns = min(3, len(terms) + 1)
    rows = -(-(len(terms) + 1) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    epochs = [row["epoch"] for row in history]
    for panel, term in zip(panels, terms, strict=False):
        for name in (name for name in names if name.split()[0] == term):
            panel.plot(epochs, [row.get(name, float("nan")) for row in history], marker=".", label=name.split()[-1])
        panel.set(title=term, xlabel="epoch")
    panels[0].legend(fontsize=7)
    panels[len(terms)].plot(epochs, [row[metric] for row in history], marker=".", color="black")
    panels[len(terms)].set(title=metric, xlabel="epoch")
    for panel in panels[len(terms) + 1 :]:
        panel.set_visible(False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)


class EventLog:
    """One event file with a point per epoch for every number of the history.

    A term `term data-set` becomes the tag `term/data-set`, so that TensorBoard lays the data sets of a term side by
    side; a data set that no batch of an epoch was drawn from has no point there.
    """

    def __init__(self, writer: "SummaryWriter") -> None:
        """Write with `writer`, which the caller closes."""
        self.writer = writer

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the row of one epoch of the history, and have it on disk."""
        for name, value in row.items():
            if name not in NOT_SHOWN:
                self.writer.add_scalar(name.replace(" ", "/"), value, row["epoch"])
        self.writer.flush()


@contextmanager
def open_event_log(folder: Path, history: Sequence[Mapping[str, Any]]) -> Iterator[EventLog]:
    """Open the event file of a run and write its epochs so far; `tensorboard --logdir FOLDER` shows them.

    A resumed run begins a new file with a purge of all steps and writes its saved history again: TensorBoard then
    drops what it knew from earlier files, such as epochs of an interrupted part that are done again. Earlier files
    stay, since a TensorBoard that is reading one would not find the next.

    Args:
        folder: Run folder.
        history: One row per completed epoch with `epoch` and numbers by name.
    """
    from torch.utils.tensorboard import SummaryWriter

    with writing(folder), SummaryWriter(str(folder), purge_step=0) as writer:
        log = EventLog(writer)
        for row in history:
            log.add(row)
        yield log
