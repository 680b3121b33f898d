"""Means over rows: of a method on a task under a condition, per target and over targets. Accuracies are fractions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sadvae_har.benchmark.everyday.rows import EverydayRow
from sadvae_har.benchmark.everyday.tested import AS_RECORDED


@dataclass(frozen=True)
class Results:
    """The rows of a results file."""

    rows: Sequence[EverydayRow]

    @property
    def targets(self) -> list[str]:
        """Targets with rows, in their order."""
        return list(dict.fromkeys(row.target for row in self.rows))

    @property
    def methods(self) -> list[str]:
        """Methods with rows, in their order."""
        return list(dict.fromkeys(row.method for row in self.rows))

    def of(self, method: str, task: str, target: str, condition: str = AS_RECORDED) -> list[EverydayRow]:
        """Return the rows of a cell: its draws and seeds."""
        wanted = method, task, target, condition
        return [row for row in self.rows if (row.method, row.task, row.target, row.condition) == wanted]

    def value(self, method: str, task: str, target: str, condition: str = AS_RECORDED, measure: str = "top1") -> float:
        """Return the mean of a measure over draws and seeds; nan without any."""
        found = [getattr(row, measure) for row in self.of(method, task, target, condition)]
        known = [value for value in found if value is not None]
        return float(np.mean(known)) if known else float("nan")

    def mean(self, method: str, task: str, condition: str = AS_RECORDED, among: str = AS_RECORDED) -> float:
        """Return the mean of top-1 over the targets that have rows under the condition `among`, too."""
        both = [
            self.value(method, task, target, condition)
            for target in self.targets
            if not np.isnan(self.value(method, task, target, among))
        ]
        return float(np.mean(both)) if both else float("nan")

    def n_targets(self, method: str, task: str, condition: str = AS_RECORDED) -> int:
        """Return how many targets have rows."""
        return sum(bool(self.of(method, task, target, condition)) for target in self.targets)

    def chance(self, task: str, target: str) -> float:
        """Return top-1 of guessing, mean over draws; nan without rows."""
        found = [row.chance for row in self.rows if (row.task, row.target) == (task, target)]
        return float(np.mean(found)) if found else float("nan")

    def mean_chance(self, task: str) -> float:
        """Return top-1 of guessing, mean over targets with rows."""
        found = [self.chance(task, target) for target in self.targets]
        known = [value for value in found if not np.isnan(value)]
        return float(np.mean(known)) if known else float("nan")

    def at_placement(self, method: str, task: str, placement: str) -> dict[str, float]:
        """Return top-1 of devices at a place, target -> mean over draws and seeds."""
        found: dict[str, list[float]] = {}
        for row in self.rows:
            if (row.method, row.task, row.condition) == (method, task, AS_RECORDED) and placement in row.by_placement:
                found.setdefault(row.target, []).append(row.by_placement[placement])
        return {target: float(np.mean(values)) for target, values in found.items()}
