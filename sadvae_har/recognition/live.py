"""Recognition while a recording arrives: chunks of any size give what the whole recording gives.

A window's result is final once `CONTEXT` more windows, or the end of its piece, have come. Nothing older than that is
kept, so memory does not grow with the recording. Axis legend: n windows, A activities.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.own_files.plausibility import Doubt, Examination, require_possible
from feature_extraction.own_files.read import Account, Declared, ReadingPlan, read_recording
from feature_extraction.recordings.recording import Channel
from feature_extraction.windows.stream import TimedWindows, WindowStream
from sadvae_har.recognition.prediction import CONTEXT, Prediction, join
from sadvae_har.recognition.recognizer import Recognizer

logger = logging.getLogger(__name__)


class RecordingStream:
    """One recording on its way through a recogniser, whose list of activities should stay as it is meanwhile."""

    def __init__(self, recognizer: Recognizer, channels: Sequence[Channel], rate_hz: float) -> None:
        """Match what arrives with what the model reads.

        Args:
            recognizer: The trained model.
            channels: What arrives, one per column, in its own units.
            rate_hz: Rate at which rows arrive.

        Raises:
            InputError: A channel of the model is missing, a unit unknown, or the rate cannot be converted.
        """
        self._recognizer = recognizer
        self._windows = WindowStream(channels, rate_hz, recognizer.channels, recognizer.source.settings)
        self._held: Prediction | None = None  # The last windows, each by itself, as context or not yet final.
        self._n_given = 0  # How many of them were given out.

    def push(self, samples: np.ndarray) -> Prediction:
        """Take in the next rows [n, C], NaN where missing; return the windows that are final now.

        Raises:
            InputError: A value that no sensor can measure, or another number of columns.
        """
        return self._take_in(self._windows.push(samples), ended=False)

    def finish(self) -> Prediction:
        """Return the remaining windows at the end of the recording."""
        return self._take_in(self._windows.finish(), ended=True)

    def _take_in(self, windows: TimedWindows, ended: bool) -> Prediction:
        new = self._recognizer.windows_alone(windows)
        held = new if self._held is None else join([self._held, new])
        n_open = 0 if ended else int((held.piece == self._windows.open_piece).sum())
        n_final = max(len(held) - min(CONTEXT, n_open), self._n_given)
        final = self._recognizer.in_context(held).windows_between(self._n_given, n_final)
        first_kept = max(0, n_final - CONTEXT)
        self._held, self._n_given = held.windows_between(first_kept, len(held)), n_final - first_kept
        return final


def predict_file(
    recognizer: Recognizer,
    path: Path | str,
    how: Declared | ReadingPlan | None = None,
    on_rows: Callable[[int], Any] | None = None,
    account: Account | None = None,
    doubts: list[Doubt] | None = None,
    placements: Mapping[str, str] | None = None,
) -> Prediction:
    """Recognise the activities in a file: the one way from a file to a prediction.

    Args:
        recognizer: The trained model.
        path: CSV, TSV, TXT, Parquet or NPY file; a zip file or folder as a device exports it.
        how: Columns, units and rate, as far as they are to be declared, the rest being detected; or the whole plan of
            `plan_reading`, which tells what is detected and whether it is a guess.
        on_rows: Called with the number of rows of every part that was read, for a progress bar.
        account: Filled with what became of every row of the file.
        doubts: What is doubtful about the recording is added to it; without a list it is logged.
        placements: Device to place of the body, "" for all, for a model that reads any device.

    Raises:
        InputError: The file cannot be read, something is neither declared nor found, or the values contradict what they
            are said to be, so that labels would be worthless.
    """
    path = Path(path)
    plan = how if isinstance(how, ReadingPlan) else recognizer.plan(path, how or Declared())
    recognizer = recognizer.reading(plan.channels, path.stem, placements)
    stream, parts = RecordingStream(recognizer, plan.channels, plan.rate_hz), []
    examination = examine(recognizer, plan, path.stem)
    for samples in read_recording(path, plan, account):
        examination.add(samples)
        parts.append(stream.push(samples))
        if on_rows is not None:
            on_rows(len(samples))
    found = examination.doubts()
    require_possible(found, str(path))
    if doubts is not None:
        doubts += found
    for doubt in found if doubts is None else ():
        logger.warning("%s: %s", path, doubt)
    return join([*parts, stream.finish()])


def examine(recognizer: Recognizer, plan: ReadingPlan, file_name: str = "") -> Examination:
    """Return an examination of a recording by what the model knows; `file_name` is without its ending."""
    return Examination(plan.channels, plan.rate_hz, plan.column_names, recognizer.reference, file_name=file_name)
