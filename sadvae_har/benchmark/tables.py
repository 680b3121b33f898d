"""Tables of the benchmark page as Markdown, computed from rows alone; accuracies in percent.

Axis legend: none; everything here is scalars and names.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from sadvae_har.benchmark.rows import ResultRow
from sadvae_har.benchmark.statistics import Cells, Ranks, SplitName, compare, gzsl, top1
from sadvae_har.report.tables import NOTHING, percent, to_markdown

SELECTED = "selected on test"


def zsl_table(cells: Cells, methods: Sequence[str], datasets: Sequence[str], ranks: Ranks) -> str:
    """Return mean ± standard deviation over splits per data set, the mean of data sets and the average rank."""
    header = ["method", *datasets, "mean", "rank", "sd over seeds"]
    body = []
    for method in methods:
        spreads = [cells.seed_spread(method, dataset) for dataset in datasets]
        seeds = float(np.mean(spreads)) if not np.isnan(spreads).all() else float("nan")
        found = [plus_minus(cells.mean(method, d), cells.spread(method, d)) for d in datasets]
        place = f"{ranks.mean[method]:.1f}" if method in ranks.mean else NOTHING
        body.append([method, *found, percent(cells.overall(method, datasets)), place, percent(seeds)])
    return to_markdown([header, *body])


def gzsl_table(rows: Iterable[ResultRow], methods: Sequence[str], datasets: Sequence[str]) -> str:
    """Return H per data set, and S, U, H, AUSUC and the AUROC of seen against unseen, averaged over data sets."""
    rows = list(rows)
    measures = {name: Cells.of(rows, gzsl(name)) for name in ("h", "seen", "unseen", "ausuc", "auroc")}
    header = ["method", *(f"H {d}" for d in datasets), "mean H", "mean S", "mean U", "mean AUSUC", "mean AUROC"]
    body = [
        [
            method,
            *(percent(measures["h"].mean(method, d)) for d in datasets),
            *(percent(measure.overall(method, datasets)) for measure in measures.values()),
        ]
        for method in methods
    ]
    return to_markdown([header, *body])


def paired_table(cells: Cells, ours: str, others: Sequence[str], splits: Sequence[SplitName]) -> str:
    """Return ours against every other method that has run on all splits."""
    header = ["against", "difference", "95 % interval", "Wilcoxon p", "wins / ties / losses"]
    body = []
    for other in cells.complete(others, splits):
        found = compare(cells, ours, other, splits)
        body.append(
            [
                other,
                signed(found.difference),
                f"{signed(found.low)} to {signed(found.high)}",
                f"{found.p_value:.1g}",
                f"{found.wins} / {found.ties} / {found.losses}",
            ]
        )
    return to_markdown([header, *body])


def ablation_table(cells: Cells, base: str, variants: Sequence[str], datasets: Sequence[str]) -> str:
    """Return top-1 of the base and the differences of its variants to it, per data set and on the mean."""
    header = ["variant", *datasets, "mean", "95 % interval"]
    body = [[base, *(percent(cells.mean(base, d)) for d in datasets), percent(cells.overall(base, datasets)), NOTHING]]
    splits = [split for split in cells.values.get(base, {}) if split[0] in datasets]
    for variant in cells.complete(variants, splits):
        found = compare(cells, variant, base, splits)
        gains = [signed(cells.mean(variant, d) - cells.mean(base, d)) for d in datasets]
        body.append([variant, *gains, signed(found.difference), f"{signed(found.low)} to {signed(found.high)}"])
    return to_markdown([header, *body])


def seed_table(cells: Cells, methods: Sequence[str], datasets: Sequence[str]) -> str:
    """Return the spread over seeds: of the mean over splits / on one split, averaged."""
    header = ["method", *datasets]
    body = [
        [
            method,
            *(
                f"{percent(cells.seed_spread(method, d))} / {percent(cells.seed_spread_of_a_split(method, d))}"
                for d in datasets
            ),
        ]
        for method in methods
    ]
    return to_markdown([header, *body])


def split_table(rows: Iterable[ResultRow], cells: Cells, ours: str, others: Sequence[str]) -> str:
    """Return every split: ours with its interval over test subjects, S, U and H, the other methods beside it."""
    mine: dict[SplitName, list[ResultRow]] = {}
    for row in rows:
        if row.method == ours and row.zsl is not None and row.gzsl is not None:
            mine.setdefault((row.dataset, row.split), []).append(row)
    header = ["split", "classes", "chance", "ours", "interval", "S", "U", "H", *others]
    body = []
    for split, found in mine.items():
        low, high = (np.mean([row.zsl[end] for row in found if row.zsl]) for end in ("low", "high"))
        joint = [np.mean([row.gzsl[name] for row in found if row.gzsl]) for name in ("seen", "unseen", "h")]
        body.append(
            [
                " ".join(split),
                f"{found[0].n_seen}/{found[0].n_unseen}",
                percent(found[0].chance),
                percent(cells.values[ours][split]),
                f"{percent(float(low))} to {percent(float(high))}",
                *(percent(float(value)) for value in joint),
                *(percent(cells.values.get(other, {}).get(split, float("nan"))) for other in others),
            ]
        )
    return to_markdown([header, *body])


def setting_table(rows: Sequence[ResultRow], methods: Sequence[str]) -> str:
    """Return an additional setting, one row a method: top-1 where there are several unseen classes, and H.

    With a single unseen class any answer is right, so that top-1 is left out.
    """
    cells = Cells.of(rows, top1)
    joint = {name: Cells.of(rows, gzsl(name)) for name in ("h", "seen", "unseen")}
    splits = list(dict.fromkeys((row.dataset, row.split) for row in rows))
    told_apart = [split for split in splits if any(r.n_unseen > 1 for r in rows if (r.dataset, r.split) == split)]
    header = ["method", *(" ".join(split) for split in told_apart), "mean H", "mean S", "mean U"]
    body = []
    for method in (m for m in methods if m in cells.values):
        found = [cells.values[method].get(split, float("nan")) for split in told_apart]
        means = [_mean_over(measure, method, splits) for measure in joint.values()]
        body.append([method, *map(percent, found), *map(percent, means)])
    return to_markdown([header, *body])


def folds_table(rows: Sequence[ResultRow], methods: Sequence[str]) -> str:
    """Return top-1 of methods on every split, their mean over data sets, number of seeds and median seconds a run."""
    cells = Cells.of(rows, top1)
    splits = sorted({(row.dataset, row.split) for row in rows})
    datasets = list(dict.fromkeys(dataset for dataset, _ in splits))
    header = ["method", *(" ".join(split) for split in splits), "mean", "seeds", "seconds"]
    body = []
    for method in (m for m in methods if m in cells.values):
        found = [cells.values[method].get(split, float("nan")) for split in splits]
        runs = [row for row in rows if row.method == method]
        seconds = float(np.median([row.seconds for row in runs]))
        n_seeds = len({row.seed for row in runs})
        body.append(
            [method, *map(percent, found), percent(cells.overall(method, datasets)), str(n_seeds), f"{seconds:.1f}"]
        )
    return to_markdown([header, *body])


def settings_table(rows: Iterable[ResultRow]) -> str:
    """Return the setting of every run as it says itself."""
    header = ["split", "seed", "setting"]
    ordered = sorted(rows, key=lambda row: (row.dataset, row.split, row.seed))
    return to_markdown([header, *([f"{row.dataset} {row.split}", str(row.seed), row.setting] for row in ordered)])


def _mean_over(cells: Cells, method: str, splits: Sequence[SplitName]) -> float:
    return float(np.mean([cells.values.get(method, {}).get(split, float("nan")) for split in splits]))


def cost_table(rows: Iterable[ResultRow], methods: Sequence[str], datasets: Sequence[str]) -> str:
    """Return median seconds of one run on one thread, its tuning on inner folds included."""
    taken: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        taken.setdefault((row.method, row.dataset), []).append(row.seconds)
    header = ["method", *datasets]
    body = [
        [method, *(f"{np.median(taken[method, d]):.1f}" if (method, d) in taken else NOTHING for d in datasets)]
        for method in methods
    ]
    return to_markdown([header, *body])


def chance_of(rows: Iterable[ResultRow]) -> Mapping[str, float]:
    """Return top-1 of guessing per data set, averaged over splits."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row.dataset, {})[row.split] = row.chance
    return {dataset: float(np.mean(list(values.values()))) for dataset, values in found.items()}


def plus_minus(mean: float, spread: float) -> str:
    """Return `71.2 ± 4.4`, or the mean alone."""
    return percent(mean) if np.isnan(spread) else f"{percent(mean)} ± {percent(spread)}"


def signed(value: float) -> str:
    """Return a difference in percentage points with its sign, `-` for nan."""
    return NOTHING if np.isnan(value) else f"{100 * value:+.1f}"
