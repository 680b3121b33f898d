"""How often windows are taken for what they are, where a window may be of one activity or any of several.

Axis legend: n windows, C candidates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sadvae_har.benchmark.everyday.tasks import Task
from sadvae_har.evaluation.intervals import draw, drawing_units, interval, resampled_zsl
from sadvae_har.evaluation.metrics import macro_f1, per_class_top1
from sadvae_har.everyday.corpus import Corpus


@dataclass(frozen=True)
class Asked:
    """The windows that a task asks about.

    Attributes:
        possible: Which candidates each may be of, bool [n, C].
        groups: Class or activity that each is averaged within [n].
        subjects: Person [n].
        recordings: Recording [n].
        placements: Where the device is worn; empty for all devices together, [n].
    """

    possible: np.ndarray
    groups: np.ndarray
    subjects: np.ndarray
    recordings: np.ndarray
    placements: np.ndarray

    @classmethod
    def of(cls, corpus: Corpus, rows: np.ndarray, task: Task, together: bool = False) -> "Asked":
        """Look up windows of a corpus; `rows` has one for each moment where all devices are taken together."""
        windows = corpus.windows
        return cls(
            possible=corpus.possible[rows][:, corpus.positions(task.candidates)],
            groups=task.groups(corpus, rows),
            subjects=windows.subjects[rows],
            recordings=windows.recordings[rows],
            placements=np.full(len(rows), "") if together else windows.placements[rows],
        )

    @property
    def chance(self) -> float:
        """Top-1 per class of guessing evenly among the candidates."""
        shares = self.possible.mean(1)
        return float(np.mean([shares[self.groups == name].mean() for name in np.unique(self.groups)]))


def measure(asked: Asked, predicted: np.ndarray, seed: int) -> Mapping[str, Any]:
    """Return accuracy, top-1 per class with its interval over people and by placement, and macro-F1.

    A window of several possible activities is taken rightly as any of them. Macro-F1, which needs one true activity a
    window, leaves such windows out.

    Args:
        asked: The windows.
        predicted: Positions among the candidates [n].
        seed: Seed of the bootstrap.
    """
    right = asked.possible[np.arange(len(predicted)), predicted]
    names, group = np.unique(asked.groups, return_inverse=True)
    taken = np.where(right, group, len(names))  # wrong answers go to a class that no window is of
    units = drawing_units(asked.subjects, asked.recordings)
    drawn = resampled_zsl(group, taken, len(names) + 1, units, draw(units.max() + 1, seed))
    low, high = interval(drawn["per_class_top1"])
    certain = asked.possible.sum(1) == 1
    single = macro_f1(asked.possible[certain].argmax(1), predicted[certain]) if certain.any() else None
    places = [place for place in np.unique(asked.placements).tolist() if place]
    by_placement = {place: per_class_top1(group[here], taken[here]) for place in places
                    for here in [asked.placements == place]}  # fmt: skip
    return {
        "n_windows": len(right),
        "n_classes": len(names),
        "n_people": len(np.unique(asked.subjects)),
        "accuracy": round(float(right.mean()), 5),
        "top1": round(per_class_top1(group, taken), 5),
        "low": round(low, 5),
        "high": round(high, 5),
        "macro_f1": None if single is None else round(single, 5),
        "by_placement": {place: round(value, 5) for place, value in by_placement.items()},
    }
