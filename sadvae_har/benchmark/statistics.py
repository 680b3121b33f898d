"""Statistics over benchmark rows: means, spreads, ranks and paired tests. Pure NumPy and SciPy.

A cell is one method on one split, averaged over seeds. Oracle and upper-bound rows are never ranked.
Axis legend: P splits, M methods.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import friedmanchisquare, rankdata, wilcoxon

from sadvae_har.benchmark.rows import ResultRow

Measure = Callable[[ResultRow], float | None]
SplitName = tuple[str, str]  # data set, split name
N_RESAMPLES = 10_000
TIE = 0.005


def top1(row: ResultRow) -> float | None:
    """Return ZSL per-class top-1."""
    return None if row.zsl is None else row.zsl["top1"]


def gzsl(name: str) -> Measure:
    """Return a function that reads one GZSL number: seen, unseen, h, ausuc or auroc."""
    return lambda row: None if row.gzsl is None else row.gzsl[name]


@dataclass(frozen=True)
class Cells:
    """Mean over seeds of one measure.

    Attributes:
        values: Method -> split -> value.
        by_seed: Method -> split -> seed -> value.
    """

    values: Mapping[str, Mapping[SplitName, float]]
    by_seed: Mapping[str, Mapping[SplitName, Mapping[int, float]]]

    @classmethod
    def of(cls, rows: Iterable[ResultRow], measure: Measure) -> "Cells":
        """Collect a measure; rows without it are left out."""
        collected: dict[str, dict[SplitName, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
        for row in rows:
            value = measure(row)
            if value is not None:
                collected[row.method][row.dataset, row.split][row.seed] = value
        values = {m: {s: float(np.mean(list(v.values()))) for s, v in by.items()} for m, by in collected.items()}
        return cls(values, collected)

    def mean(self, method: str, dataset: str) -> float:
        """Return the mean over a data set's splits; nan without any."""
        found = self._splits_of(method, dataset)
        return float(np.mean(found)) if found else float("nan")

    def spread(self, method: str, dataset: str) -> float:
        """Return the standard deviation over a data set's splits; nan with fewer than two."""
        found = self._splits_of(method, dataset)
        return float(np.std(found, ddof=1)) if len(found) > 1 else float("nan")

    def overall(self, method: str, datasets: Sequence[str]) -> float:
        """Return the mean over data sets of the mean over splits; nan if one is missing."""
        return float(np.mean([self.mean(method, dataset) for dataset in datasets]))

    def seed_spread(self, method: str, dataset: str) -> float:
        """Return the standard deviation over seeds of the mean over a data set's splits; nan with one seed."""
        found = self._seeds_of(method, dataset)
        seeds = sorted(set.intersection(*(set(values) for values in found))) if found else []
        means = [np.mean([values[seed] for values in found]) for seed in seeds]
        return float(np.std(means, ddof=1)) if len(means) > 1 else float("nan")

    def seed_spread_of_a_split(self, method: str, dataset: str) -> float:
        """Return the standard deviation over seeds on one split, averaged over a data set's splits."""
        found = [np.std(list(values.values()), ddof=1) for values in self._seeds_of(method, dataset) if len(values) > 1]
        return float(np.mean(found)) if found else float("nan")

    def _splits_of(self, method: str, dataset: str) -> list[float]:
        return [value for (name, _), value in self.values.get(method, {}).items() if name == dataset]

    def _seeds_of(self, method: str, dataset: str) -> list[Mapping[int, float]]:
        return [values for (name, _), values in self.by_seed.get(method, {}).items() if name == dataset]

    def complete(self, methods: Iterable[str], splits: Sequence[SplitName]) -> list[str]:
        """Return the methods that have a value on every split."""
        return [m for m in methods if all(split in self.values.get(m, {}) for split in splits)]


@dataclass(frozen=True)
class Ranks:
    """Average ranks of methods over splits, 1 is best.

    Attributes:
        mean: Method -> average rank.
        p_value: Of a Friedman test that all methods are alike; nan with fewer than three methods.
        n_splits: P.
    """

    mean: Mapping[str, float]
    p_value: float
    n_splits: int


def rank(cells: Cells, methods: Sequence[str], splits: Sequence[SplitName]) -> Ranks:
    """Rank the methods that have a value on every split; ties share the average rank."""
    kept = cells.complete(methods, splits)
    table = np.array([[cells.values[m][s] for m in kept] for s in splits])
    ranks = np.array([rankdata(-row) for row in table])
    p = friedmanchisquare(*table.T).pvalue if len(kept) > 2 and len(splits) > 1 else float("nan")
    return Ranks(dict(zip(kept, ranks.mean(0).tolist(), strict=True)), float(p), len(splits))


@dataclass(frozen=True)
class Paired:
    """Ours against one rival over the same splits.

    Attributes:
        difference: Mean over data sets of the mean difference, ours minus the rival's.
        low: Lower end of its 95 % interval.
        high: Upper end of its 95 % interval.
        p_value: Two-sided Wilcoxon signed-rank test over splits.
        wins: Data sets where ours is better by more than half a point.
        ties: Data sets within half a point.
        losses: The rest.
    """

    difference: float
    low: float
    high: float
    p_value: float
    wins: int
    ties: int
    losses: int


def compare(cells: Cells, ours: str, rival: str, splits: Sequence[SplitName], seed: int = 0) -> Paired:
    """Compare over splits; the interval resamples splits within each data set."""
    by_dataset: dict[str, list[float]] = defaultdict(list)
    for split in splits:
        by_dataset[split[0]].append(cells.values[ours][split] - cells.values[rival][split])
    groups = [np.array(values) for values in by_dataset.values()]
    means = np.array([group.mean() for group in groups])
    generator = np.random.default_rng(seed)
    drawn = np.mean(
        [group[generator.integers(len(group), size=(N_RESAMPLES, len(group)))].mean(1) for group in groups], axis=0
    )
    low, high = np.quantile(drawn, [0.025, 0.975])
    every = np.concatenate(groups)
    p = wilcoxon(every).pvalue if np.any(every) else 1.0
    wins, losses = int((means > TIE).sum()), int((means < -TIE).sum())
    return Paired(float(means.mean()), float(low), float(high), float(p), wins, len(means) - wins - losses, losses)


def best_rival(cells: Cells, rivals: Sequence[str], datasets: Sequence[str]) -> str | None:
    """Return the rival with the highest mean over all data sets, or none that has run on all."""
    found = {rival: cells.overall(rival, datasets) for rival in rivals}
    found = {rival: value for rival, value in found.items() if not np.isnan(value)}
    return max(found, key=lambda rival: found[rival]) if found else None
