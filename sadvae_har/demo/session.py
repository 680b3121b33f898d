"""What one browser tab has: its own list of activities, its recording and what was recognised in it.

Nothing here knows of the page, so all of it can be used and tested without a browser. Axis legend: n windows,
A activities.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.errors import InputError
from feature_extraction.windows.stream import TimedWindows, WindowStream
from sadvae_har.demo.clips import Clip, TrueSpan
from sadvae_har.recognition.prediction import Prediction
from sadvae_har.recognition.recognizer import Explanation, LatentMap, Recognizer

LONGEST_NAME = 60
LONGEST_DESCRIPTION = 600
MOST_ADDED = 30

Answer = TypeVar("Answer")


class TimeLimit:
    """A few worker threads that all sessions share; answers that take longer than the limit are given up.

    A thread cannot be stopped, so work that was given up goes on in the background until it ends and its answer is
    thrown away; work that waits for a free thread longer than the limit never starts. However many people press
    buttons, no more than `n_workers` pieces of work run at a time.
    """

    def __init__(self, limit_s: float, n_workers: int = 2) -> None:
        """Start no thread before there is work.

        Args:
            limit_s: Longest time from the question to the answer.
            n_workers: Pieces of work that may run at the same time.

        Raises:
            InputError: The limit is not a positive number of seconds.
        """
        if not 0 < limit_s < 86_400:
            raise InputError(f"time limit {limit_s} s cannot be used; give seconds, more than 0 and less than a day")
        self.limit_s = limit_s
        self._workers = ThreadPoolExecutor(n_workers, thread_name_prefix="demo")

    def run(self, work: Callable[[], Answer]) -> Answer:
        """Return what `work` returns; its exceptions are passed on.

        Raises:
            InputError: There was no answer in time.
        """
        waiting = self._workers.submit(work)
        try:
            return waiting.result(self.limit_s)
        except TimeoutError as error:
            waiting.cancel()
            raise InputError(
                f"no answer within {self.limit_s:g} s, so it was given up; use a shorter recording, or have the page "
                "started with more time for an answer"
            ) from error

    def begin(self, work: Callable[[], object]) -> None:
        """Do something whose answer nobody waits for."""
        self._workers.submit(work)


class Change(NamedTuple):
    """So many windows that were one activity before and are another one now."""

    before: str
    now: str
    n_windows: int


class Variant(NamedTuple):
    """One of two descriptions of an activity, tried out.

    Attributes:
        kinematics: Attributes read from the text, in [0, 1].
        prediction: What is recognised if this is the activity's description.
        probability: Probability of the activity in each window [n].
    """

    kinematics: dict[str, float]
    prediction: Prediction
    probability: np.ndarray


class Comparison(NamedTuple):
    """Two descriptions of one activity."""

    first: Variant
    second: Variant

    @property
    def share_first(self) -> float:
        """Part of the windows to which the first description gives the higher probability; ties count half."""
        difference = self.first.probability - self.second.probability
        return float((difference > 0).mean() + (difference == 0).mean() / 2)

    def differences(self) -> list[tuple[str, float, float]]:
        """Return attribute, value by the first and by the second text, largest difference first."""
        rows = [(name, value, self.second.kinematics[name]) for name, value in self.first.kinematics.items()]
        return sorted(rows, key=lambda row: -abs(row[1] - row[2]))


class Opened(NamedTuple):
    """A recording, the windows of it that the model reads, and what it recognises in them."""

    clip: Clip
    windows: TimedWindows
    prediction: Prediction


def share(prediction: Prediction, label: str) -> float:
    """Return the part of the windows with this label."""
    return float((prediction.labels == label).mean())


def agreement(prediction: Prediction, truth: Sequence[TrueSpan]) -> float:
    """Return the part of the windows whose middle lies in a span of the same label, of those in any span."""
    middles = (prediction.start_s + prediction.end_s) / 2
    spans = [(span.label, (middles >= span.start_s) & (middles < span.end_s)) for span in truth]
    right = sum(int((inside & (prediction.labels == label)).sum()) for label, inside in spans)
    return right / max(1, sum(int(inside.sum()) for _, inside in spans))


def recognise(recognizer: Recognizer, clip: Clip) -> Opened:
    """Recognise a recording; no window crosses a gap.

    Args:
        recognizer: One that reads its channels.
        clip: The recording.

    Raises:
        InputError: No stretch of it is as long as a window, or channels are missing.
    """
    stream = WindowStream(clip.channels, clip.rate_hz, recognizer.channels, recognizer.source.settings)
    windows = stream.cut([clip.samples])
    if not len(windows):
        raise InputError(
            f"{clip.title}: no stretch of it is as long as a window of {recognizer.window_s:g} s; record for longer"
        )
    return Opened(clip, windows, recognizer.predict_windows(windows))


class DemoSession:
    """State of one tab. What changes is a copy of the recogniser, so work that was given up changes nothing.

    Attributes:
        recognizer: Has the activities of this tab, and reads the channels of its recording.
        added: Activities that were added here.
        only: Those that can occur; none if all can.
        opened: The recording, if there is one.
        previous: What was recognised in it before the last change.
        change: What was changed last, in words.
    """

    def __init__(self, recognizer: Recognizer, limit: TimeLimit) -> None:
        """Start with the activities of `recognizer`, which is left as it is."""
        self.recognizer = recognizer
        self.added: tuple[str, ...] = ()
        self.only: tuple[str, ...] = ()
        self.opened: Opened | None = None
        self.previous: Prediction | None = None
        self.change = ""
        self._limit = limit

    def open(self, clip: Clip) -> None:
        """Show another recording.

        Raises:
            InputError: It cannot be recognised; then no recording is shown.
        """
        self.close()
        recognizer = self.recognizer.reading(clip.channels, Path(clip.title).stem)
        self.opened = self._limit.run(lambda: recognise(recognizer, clip))
        self.recognizer = recognizer

    def close(self) -> None:
        """Show no recording."""
        self.opened = self.previous = None
        self.change = ""

    def wear(self, device: str, place: str) -> None:
        """Say where a device of the recording is worn, empty for unknown, and recognise the recording again.

        Raises:
            InputError: There is no recording, or no such device or place.
        """
        self._require_opened()
        trial = self.recognizer.worn_at({device: place})
        who = f"“{device}”" if len(trial.worn) > 1 else "The device"
        self._adopt(trial, f"{who} is worn at the {place}" if place else f"{who} is worn at an unknown place")

    def restrict(self, names: Sequence[str]) -> None:
        """Let only these activities occur, all if there are none, and recognise the recording again.

        Raises:
            InputError: One is not on the list.
        """
        trial = self.recognizer.copy()
        trial.restrict(names or None)
        what = f"Only {', '.join(f'“{name}”' for name in names)} can occur" if names else "Every activity can occur"
        self._adopt(trial, what)
        self.only = tuple(names)

    def addable(self) -> tuple[str, ...]:
        """Return the activities of the vocabulary that are not on the list."""
        taken = set(self.recognizer.names)
        return tuple(name for name in load_vocabulary().names if name not in taken)

    def add_known(self, name: str) -> None:
        """Add an activity as the vocabulary describes it and recognise the recording again.

        Raises:
            InputError: The vocabulary has no such activity, it is on the list, or there are too many.
        """
        self._add(name, None)

    def add(self, name: str, description: str) -> None:
        """Add an activity and recognise the recording again.

        Raises:
            InputError: A text is empty or too long, the name is taken, or there are too many.
        """
        self._add(*checked_texts(name, description))

    def _add(self, name: str, description: str | None) -> None:
        if len(self.added) >= MOST_ADDED:
            raise InputError(f"{MOST_ADDED} activities were added here; remove one before you add another")
        trial = self.recognizer.copy()
        self._limit.run(lambda: trial.add_activity(name, description))
        only = (*self.only, name) if self.only else ()
        trial.restrict(only or None)
        self._adopt(trial, f"“{name}” was added")
        self.added, self.only = (*self.added, name), only

    def remove(self, name: str) -> None:
        """Remove an activity that was added here and recognise the recording again.

        Raises:
            InputError: It was not added here.
        """
        if name not in self.added:
            raise InputError(f"{name!r} was not added here; only {', '.join(self.added) or 'nothing'} can be removed")
        trial = self.recognizer.copy()
        only = tuple(other for other in self.only if other != name)
        trial.restrict(only or None)
        trial.remove_activity(name)
        self._adopt(trial, f"“{name}” was removed")
        self.added, self.only = tuple(other for other in self.added if other != name), only

    def changes(self) -> tuple[Change, ...]:
        """Return what changed in what is recognised, with the last change that was made, most windows first."""
        if self.opened is None or self.previous is None:
            return ()
        pairs = zip(self.previous.labels.tolist(), self.opened.prediction.labels.tolist(), strict=True)
        counts = Counter((before, now) for before, now in pairs if before != now)
        return tuple(Change(before, now, count) for (before, now), count in counts.most_common())

    def compare(self, name: str, first: str, second: str) -> Comparison:
        """Try two descriptions of one activity on the recording; the list of activities stays as it is.

        Args:
            name: A new activity, or one known by description only.
            first: One description.
            second: The other one.

        Raises:
            InputError: A text is empty or too long, the activity was learned from recordings, or there is no recording.
        """
        if any(activity.name == name and activity.seen for activity in self.recognizer.activities):
            raise InputError(f"{name!r} was learned from recordings, so no description decides; choose another one")
        return Comparison(self._variant(name, first), self._variant(name, second))

    def explain(self, window: int) -> Explanation:
        """Return why a window was recognised as what it was.

        Raises:
            InputError: There is no recording, or no window of that number.
        """
        recognizer, samples = self.recognizer, self._require_opened().windows.samples
        if not 0 <= window < len(samples):
            raise InputError(f"window {window} does not exist; there are {len(samples)}, counted from 0")
        return self._limit.run(lambda: recognizer.explain(samples[window]))

    def latent_map(self) -> LatentMap:
        """Return windows and descriptions in one plane.

        Raises:
            InputError: There is no recording, or no answer in time.
        """
        recognizer, samples = self.recognizer, self._require_opened().windows.samples
        return self._limit.run(lambda: recognizer.latent_map(samples))

    def _variant(self, name: str, description: str) -> Variant:
        name, description = checked_texts(name, description)
        windows, trial = self._require_opened().windows, self.recognizer.copy()
        trial.restrict(None)
        if name in trial.names:
            trial.remove_activity(name)
        activity = self._limit.run(lambda: trial.add_activity(name, description))
        trial.restrict((*self.only, name) if self.only else None)
        prediction = self._limit.run(lambda: trial.predict_windows(windows))
        column = prediction.activities.index(name)
        return Variant(dict(activity.kinematics), prediction, prediction.probabilities[:, column])

    def _adopt(self, trial: Recognizer, change: str) -> None:
        """Take over a changed recogniser once the recording has been recognised with it."""
        shown = self.opened
        if shown is not None:
            windows = shown.windows
            prediction = self._limit.run(lambda: trial.predict_windows(windows))
            self.previous, self.opened = shown.prediction, shown._replace(prediction=prediction)
        self.recognizer, self.change = trial, change

    def _require_opened(self) -> Opened:
        if self.opened is None:
            raise InputError("no recording is open; choose or upload one first")
        return self.opened


def checked_texts(name: str, description: str) -> tuple[str, str]:
    """Return both with single spaces.

    Raises:
        InputError: One is empty or too long.
    """
    checked = []
    for what, text, longest in (("name", name, LONGEST_NAME), ("description", description, LONGEST_DESCRIPTION)):
        words = " ".join(text.split())
        if not words:
            raise InputError(f"the {what} is empty; write what the activity is called and how the body moves in it")
        if len(words) > longest:
            raise InputError(f"the {what} has {len(words)} characters; use up to {longest}")
        checked.append(words)
    return checked[0], checked[1]
