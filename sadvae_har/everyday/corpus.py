"""Windows of many data sets in one vocabulary: what an everyday model learns from and is tried on.

A window's class may mean one activity or any of several ("stairs" are up or down). It counts as an example of the set
of them: nothing is thrown away and nothing is claimed that its label does not say.
Axis legend: N windows, T time, A activities, D features, R rows (some of the windows).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from feature_extraction.datasets.device_windows import SETTINGS, DeviceWindows, load_devices
from feature_extraction.descriptions.vocabulary import Vocabulary, load_vocabulary
from feature_extraction.encoders.turn_free.statistics import n_of_accelerometer, turn_free_statistics
from feature_extraction.errors import InputError
from feature_extraction.protocol.split import OPEN, SEPARATOR, Split
from feature_extraction.storage.places import WINDOWS_FOLDER

MOST_PER_CELL = 100  # windows of one class of one data set at one place: more of the same teach little


@dataclass(frozen=True)
class Corpus:
    """Device windows with their features and what their labels mean.

    Attributes:
        windows: All windows, N.
        features: Statistical features that do not depend on how a device is turned, NaN without gyroscope, [N, D].
        activities: Activities of the vocabulary that some window may be of, A.
        possible: Which activities a window may be of, bool [N, A].
        cell: Number of the class, data set and place of each window [N].
    """

    windows: DeviceWindows
    features: np.ndarray
    activities: tuple[str, ...]
    possible: np.ndarray
    cell: np.ndarray

    @classmethod
    def load(cls, datasets: Sequence[str], raw: Path | None, out: Path = WINDOWS_FOLDER) -> "Corpus":
        """Read data sets, from the cache or from the raw files.

        Args:
            datasets: Names.
            raw: Folder with one folder of raw files per data set; by default the project's own.
            out: Folder of all prepared windows.

        Raises:
            InputError: Files are missing or wrong, or no class means an everyday activity.
        """
        return cls.of(load_devices(datasets, raw, out), load_vocabulary())

    @classmethod
    def of(cls, windows: DeviceWindows, vocabulary: Vocabulary) -> "Corpus":
        """Look up what labels mean; windows at unknown places and of classes without a meaning are left out.

        Raises:
            InputError: Nothing is left.
        """
        names = np.char.add(np.char.add(windows.datasets, "\n"), windows.labels)
        classes, inverse = np.unique(names, return_inverse=True)
        meanings = [vocabulary.meaning(*name.split("\n")).activities for name in classes.tolist()]
        known = np.array([bool(meaning) for meaning in meanings])[inverse] & (windows.placements != "")
        if not known.any():
            raise InputError("no class means an activity of class_lists/everyday.yaml; name activities as it does")
        windows, inverse = windows.take(np.flatnonzero(known)), inverse[known]
        found = {activity for k in np.unique(inverse) for activity in meanings[k]}
        activities = tuple(name for name in vocabulary.names if name in found)
        table = np.array([[activity in meaning for activity in activities] for meaning in meanings])
        cells = np.char.add(np.char.add(names[known], "\n"), windows.placements)
        return cls(
            windows=windows,
            features=turn_free_statistics(windows.samples, windows.has_gyro, SETTINGS.rate_hz),
            activities=activities,
            possible=table[inverse],
            cell=np.unique(cells, return_inverse=True)[1],
        )

    def without(self, people: Sequence[str]) -> "Corpus":
        """Return the corpus without the windows of some people, named with their data set in front: `dsads/8`.

        Raises:
            InputError: Nobody is called so.
        """
        if not people:
            return self
        known = np.unique(self.windows.subjects).tolist()
        strange = [name for name in people if name not in known]
        if strange:
            near = [name for name in known if name.split("/")[0] == strange[0].split("/")[0]] or known
            raise InputError(f"nobody is called {strange[0]!r}; there are {', '.join(near[:20])}")
        kept = np.flatnonzero(~np.isin(self.windows.subjects, people))
        windows = self.windows.take(kept)
        return replace(
            self,
            windows=windows,
            features=self.features[kept],
            possible=self.possible[kept],
            cell=self.cell[kept],
        )

    def __len__(self) -> int:
        """Return N."""
        return len(self.windows)

    @property
    def n_of_accelerometer(self) -> int:
        """How many features, the first, every window has, with or without gyroscope."""
        return n_of_accelerometer(SETTINGS.window_samples, SETTINGS.rate_hz)

    @property
    def labels(self) -> np.ndarray:
        """Class of each window with its data set in front, as splits across data sets name it, [N]."""
        return np.char.add(np.char.add(self.windows.datasets, SEPARATOR), self.windows.labels)

    def split(self, target: str | None = None, novel: Sequence[str] = ()) -> Split:
        """Return what may be learned from: every other data set, without classes that may be a novel activity.

        Args:
            target: Data set that is tested on; without one everything is learned from and nothing is tested.
            novel: Activities that are to be known by their descriptions only.

        Raises:
            InputError: An activity has no windows, or nothing is left to learn from.
        """
        labels, subjects = self.labels, self.windows.subjects
        tested = self.windows.datasets == target
        banned = self.possible[:, self.positions(novel)].any(1)
        seen = np.unique(labels[~tested & ~banned])
        held_out = np.unique(labels[tested | banned])
        name = "-".join(["everyday", *([target] if target else []), *novel])
        return Split(
            dataset="everyday",
            name=name,
            kind=OPEN if target is None else "cross",
            seed=0,
            seen=tuple(seen.tolist()),
            unseen=() if target is None else tuple(held_out.tolist()),
            train_subjects=tuple(np.unique(subjects[~tested]).tolist()),
            val_subjects=(),
            test_subjects=tuple(np.unique(subjects[tested]).tolist()),
            inner=(),
        )

    def learnable(self, split: Split) -> np.ndarray:
        """Return the windows that a split lets be learned from, as indices."""
        return split.rows(self.labels, self.windows.subjects, split.seen, "train")

    def some(self, rows: np.ndarray, most: int = MOST_PER_CELL, seed: int = 0) -> np.ndarray:
        """Return at most so many of these rows of each class of each data set at each place, drawn evenly."""
        shuffled = np.random.default_rng(seed).permutation(rows)
        order = np.argsort(self.cell[shuffled], kind="stable")
        cells = self.cell[shuffled][order]
        place = np.arange(len(cells)) - np.searchsorted(cells, cells)
        return np.sort(shuffled[order][place < most])

    def positions(self, names: Sequence[str]) -> np.ndarray:
        """Return the positions of activities.

        Raises:
            InputError: One of them has no windows.
        """
        strange = [name for name in names if name not in self.activities]
        if strange:
            raise InputError(f"activity {strange[0]!r} has no windows; there are {', '.join(self.activities)}")
        return np.array([self.activities.index(name) for name in names], dtype=np.intp)

    def weights(self, rows: np.ndarray) -> np.ndarray:
        """Return weights [R] of mean 1 for learning from some rows.

        Within an activity all its classes at all places, of all data sets, weigh the same. An activity weighs as the
        root of how many data sets recorded it: what many recorded is met more often, and is learned from more safely.
        """
        cells, inverse, count = np.unique(self.cell[rows], return_inverse=True, return_counts=True)
        first = rows[np.unique(inverse, return_index=True)[1]]
        share = self.possible[first] / self.possible[first].sum(1, keepdims=True)
        sets = np.unique(self.windows.datasets[first], return_inverse=True)[1]
        n_sets = np.array([len(np.unique(sets[share[:, k] > 0])) for k in range(share.shape[1])])
        of_cell = share @ (np.sqrt(n_sets) / np.maximum(share.sum(0), 1e-9))
        weights = (of_cell / count)[inverse]
        return weights / weights.mean()

    def moments(self, rows: np.ndarray) -> np.ndarray:
        """Return a number for each row that devices worn at the same moment share, [R]."""
        windows = self.windows
        stamps = np.char.add(np.char.add(windows.recordings[rows], "\n"), windows.start_s[rows].round(3).astype(str))
        return np.unique(stamps, return_inverse=True)[1]
