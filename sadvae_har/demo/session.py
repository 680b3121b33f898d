"""What one browser tab has: its own list of activities, its recording and what was recognised in it.

Nothing here knows of the page, so all of it can be used and tested without a browser. Axis legend: n windows,
T samples per window, C channels, A activities.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from feature_extraction.errors import InputError
from sadvae_har.demo.clips import Clip, TrueSpan
from sadvae_har.demo.time_limit import TimeLimit
from sadvae_har.recognition.prediction import Segment
from sadvae_har.recognition.recognizer import Activity, Explanation, LatentMap, Recognizer

LONGEST_NAME = 60
LONGEST_DESCRIPTION = 600
MOST_ADDED = 30


@dataclass(frozen=True)
class Timeline:
    """What was recognised in a recording, all its pieces in one.

    Attributes:
        windows: What the model read [n, T, C].
        start_s: Start of each window [n].
        end_s: End of each window [n].
        labels: Recognised activity, `unknown` where the model knows none [n].
        probability: Its probability [n].
        unseen: Whether it is known by description only [n].
        strangeness: How unlike the training windows of the most similar class each is, in standard deviations [n].
        activities: Names of the columns of `probabilities`, A.
        probabilities: [n, A].
        segments: Runs of the same label.
    """

    windows: np.ndarray
    start_s: np.ndarray
    end_s: np.ndarray
    labels: np.ndarray
    probability: np.ndarray
    unseen: np.ndarray
    strangeness: np.ndarray
    activities: tuple[str, ...]
    probabilities: np.ndarray
    segments: tuple[Segment, ...]

    def share(self, label: str) -> float:
        """Return the part of the windows with this label."""
        return float((self.labels == label).mean())

    def agreement(self, truth: Sequence[TrueSpan]) -> float:
        """Return the part of the windows whose middle lies in a span of the same label, of those in any span."""
        middles = (self.start_s + self.end_s) / 2
        spans = [(span.label, (middles >= span.start_s) & (middles < span.end_s)) for span in truth]
        right = sum(int((inside & (self.labels == label)).sum()) for label, inside in spans)
        return right / max(1, sum(int(inside.sum()) for _, inside in spans))


@dataclass(frozen=True)
class Change:
    """So many windows that were one activity before and are another one now."""

    before: str
    now: str
    n_windows: int


@dataclass(frozen=True)
class Variant:
    """One of two descriptions of an activity, tried out.

    Attributes:
        description: The text.
        kinematics: Attributes read from it, in [0, 1].
        timeline: What is recognised if this is the activity's description.
        probability: Probability of the activity in each window [n].
    """

    description: str
    kinematics: dict[str, float]
    timeline: Timeline
    probability: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """Two descriptions of one activity."""

    name: str
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


def recognise(recognizer: Recognizer, clip: Clip) -> Timeline:
    """Recognise every piece of a recording and put the results in one.

    Raises:
        InputError: No piece is as long as a window, or channels are missing.
    """
    results = []
    for start_s, recording in clip.pieces:
        windows = recognizer.windows(recording).samples
        if len(windows):
            results.append((start_s, windows, recognizer.predict(recording)))
    if not results:
        raise InputError(
            f"{clip.title}: no stretch of it is as long as a window of {recognizer.window_s:g} s; record for longer"
        )
    return Timeline(
        windows=np.concatenate([windows for _, windows, _ in results]),
        start_s=np.concatenate([at + found.start_s for at, _, found in results]),
        end_s=np.concatenate([at + found.end_s for at, _, found in results]),
        labels=np.concatenate([np.asarray(found.labels, np.str_) for _, _, found in results]),
        probability=np.concatenate([found.probability for _, _, found in results]),
        unseen=np.concatenate([found.unseen for _, _, found in results]),
        strangeness=np.concatenate([found.strangeness for _, _, found in results]),
        activities=tuple(results[0][2].activities),
        probabilities=np.concatenate([found.probabilities for _, _, found in results]),
        segments=tuple(
            replace(segment, start_s=at + segment.start_s, end_s=at + segment.end_s)
            for at, _, found in results
            for segment in found.segments
        ),
    )


class DemoSession:
    """State of one tab. Work runs on a copy of the recogniser, so work that was given up changes nothing."""

    def __init__(self, recognizer: Recognizer, limit: TimeLimit) -> None:
        """Start with the activities of `recognizer`, which is left as it is."""
        self.recognizer = recognizer.copy()
        self.added: tuple[str, ...] = ()
        self.clip: Clip | None = None
        self.timeline: Timeline | None = None
        self.previous: Timeline | None = None
        self.change = ""
        self._limit = limit

    def open(self, clip: Clip) -> None:
        """Show another recording.

        Raises:
            InputError: It cannot be recognised; then no recording is shown.
        """
        self.close()
        self.timeline = self._recognise(self.recognizer, clip)
        self.clip = clip

    def close(self) -> None:
        """Show no recording."""
        self.clip = self.timeline = self.previous = None
        self.change = ""

    def add(self, name: str, description: str) -> Activity:
        """Add an activity and recognise the recording again.

        Raises:
            InputError: A text is empty or too long, the name is taken, or there are too many.
        """
        name, description = checked_texts(name, description)
        if len(self.added) >= MOST_ADDED:
            raise InputError(f"{MOST_ADDED} activities were added here; remove one before you add another")
        trial = self.recognizer.copy()
        activity = self._limit.run(lambda: trial.add_activity(name, description))
        self._adopt(trial, (*self.added, name), f"“{name}” was added")
        return activity

    def remove(self, name: str) -> None:
        """Remove an activity that was added here and recognise the recording again.

        Raises:
            InputError: It was not added here.
        """
        if name not in self.added:
            raise InputError(f"{name!r} was not added here; only {', '.join(self.added) or 'nothing'} can be removed")
        trial = self.recognizer.copy()
        trial.remove_activity(name)
        self._adopt(trial, tuple(other for other in self.added if other != name), f"“{name}” was removed")

    def changes(self) -> tuple[Change, ...]:
        """Return what the last added or removed activity changed, most windows first."""
        if self.timeline is None or self.previous is None:
            return ()
        pairs = zip(self.previous.labels.tolist(), self.timeline.labels.tolist(), strict=True)
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
        return Comparison(name, self._variant(name, first), self._variant(name, second))

    def explain(self, window: int) -> Explanation:
        """Return why a window was recognised as what it was.

        Raises:
            InputError: There is no recording, or no window of that number.
        """
        _, shown = self._opened()
        if not 0 <= window < len(shown.windows):
            raise InputError(f"window {window} does not exist; there are {len(shown.windows)}, counted from 0")
        recognizer = self.recognizer.copy()
        return self._limit.run(lambda: recognizer.explain(shown.windows[window]))

    def latent_map(self) -> LatentMap:
        """Return windows and descriptions in one plane.

        Raises:
            InputError: There is no recording, or no answer in time.
        """
        _, shown = self._opened()
        recognizer = self.recognizer.copy()
        return self._limit.run(lambda: recognizer.latent_map(shown.windows))

    def _variant(self, name: str, description: str) -> Variant:
        name, description = checked_texts(name, description)
        clip, _ = self._opened()
        trial = self.recognizer.copy()
        if any(activity.name == name for activity in trial.activities):
            trial.remove_activity(name)
        activity = self._limit.run(lambda: trial.add_activity(name, description))
        timeline = self._recognise(trial, clip)
        column = timeline.activities.index(name)
        return Variant(description, dict(activity.kinematics), timeline, timeline.probabilities[:, column])

    def _adopt(self, trial: Recognizer, added: tuple[str, ...], change: str) -> None:
        """Take over a changed list of activities once the recording has been recognised with it."""
        timeline = None if self.clip is None else self._recognise(trial, self.clip)
        self.recognizer, self.added, self.change = trial, added, change
        self.previous, self.timeline = self.timeline, timeline

    def _recognise(self, recognizer: Recognizer, clip: Clip) -> Timeline:
        copy = recognizer.copy()
        return self._limit.run(lambda: recognise(copy, clip))

    def _opened(self) -> tuple[Clip, Timeline]:
        if self.clip is None or self.timeline is None:
            raise InputError("no recording is open; choose or upload one first")
        return self.clip, self.timeline


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
