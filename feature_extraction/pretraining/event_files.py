"""TensorBoard events of a pretraining run: `tensorboard --logdir FOLDER` shows it while it goes on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

NOT_SHOWN = ("epoch", "seconds")


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
    """Open the event file of a run and write its epochs so far.

    A resumed run begins a new file with a purge of all steps and writes its saved history again: TensorBoard then
    drops what it knew from earlier files, such as epochs of an interrupted part that are done again. Earlier files
    stay, since a TensorBoard that is reading one would not find the next.

    Args:
        folder: Run folder.
        history: One row per completed epoch with `epoch` and numbers by name.
    """
    from torch.utils.tensorboard import SummaryWriter  # needs the extra `tensorboard`, and is slow to import

    with SummaryWriter(str(folder), purge_step=0) as writer:
        log = EventLog(writer)
        for row in history:
            log.add(row)
        yield log
