"""What is asked about the windows of a target: which of the activities that others recorded, or which nobody did.

Axis legend: n windows, C activities to choose from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sadvae_har.everyday.corpus import Corpus

CLOSED, EIGHT, OPEN, ALL_NOVEL = "closed set", "everyday eight", "open set", "all novel"
EVERYDAY_EIGHT = (
    *("walking", "walking upstairs", "walking downstairs", "running"),
    *("jumping", "sitting", "standing", "lying"),
)
NOVEL_DRAWS = {"two novel": (2, 4), "three novel": (3, 2)}  # task -> how many activities, how many draws
KNOWN_TASKS, NOVEL_TASKS = (CLOSED, EIGHT, OPEN), (*NOVEL_DRAWS, ALL_NOVEL)


@dataclass(frozen=True)
class Task:
    """A question about windows.

    Attributes:
        name: One of `KNOWN_TASKS` or `NOVEL_TASKS`.
        draw: Number among the draws of the same task.
        candidates: Activities that a window may be taken for, C.
        tested: Activities whose windows are asked about: everything that such a window may be is among them.
        novel: Whether the candidates are known by their descriptions only. Then windows count by activity, those that
            may be one of several are left out; else they count by class of the target, whatever it may mean.
    """

    name: str
    draw: int
    candidates: tuple[str, ...]
    tested: tuple[str, ...]
    novel: bool = False

    def asks(self, corpus: Corpus, rows: np.ndarray) -> np.ndarray:
        """Return which of some windows it asks about, bool [n]."""
        possible = corpus.possible[rows]
        inside = ~np.delete(possible, corpus.positions(self.tested), axis=1).any(1)
        return inside & (possible.sum(1) == 1) if self.novel else inside

    def groups(self, corpus: Corpus, rows: np.ndarray) -> np.ndarray:
        """Return what windows are averaged within, their class or activity, [n]."""
        if self.novel:
            return np.array(corpus.activities)[corpus.possible[rows].argmax(1)]
        return corpus.windows.labels[rows]


def known_tasks(corpus: Corpus, target: str, trained: Sequence[str]) -> list[Task]:
    """Return the tasks with activities that other data sets recorded.

    Args:
        corpus: All windows.
        target: Data set that is tested on.
        trained: Activities that windows of the others may be of.
    """
    possible = corpus.possible[corpus.windows.datasets == target]

    def covered(names: Sequence[str]) -> tuple[str, ...]:
        inside = possible[~np.delete(possible, corpus.positions(names), axis=1).any(1)]
        return tuple(np.array(corpus.activities)[inside.any(0)].tolist())

    shared, eight = covered(trained), covered([name for name in EVERYDAY_EIGHT if name in trained])
    tasks = [Task(CLOSED, 0, shared, shared), Task(EIGHT, 0, eight, eight), Task(OPEN, 0, tuple(trained), shared)]
    return [task for task in tasks if len(task.tested) > 1]


def novel_tasks(corpus: Corpus, target: str, seed: int) -> list[Task]:
    """Draw activities of a target that are to be known by their descriptions only; all of them come first."""
    possible = corpus.possible[corpus.windows.datasets == target]
    found = np.array(corpus.activities)[possible[possible.sum(1) == 1].sum(0) > 1].tolist()
    generator = np.random.default_rng(seed)
    tasks = [Task(ALL_NOVEL, 0, tuple(found), tuple(found), novel=True)] if len(found) > 1 else []
    for name, (size, n_draws) in NOVEL_DRAWS.items():
        sets = list(combinations(found, size))
        drawn = generator.permutation(len(sets))[:n_draws]
        tasks += [Task(name, draw, sets[k], sets[k], novel=True) for draw, k in enumerate(drawn.tolist())]
    return tasks
