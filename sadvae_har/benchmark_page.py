"""`docs/benchmark.md` and its figures, written anew from the rows of the results file alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.storage import write_text
from sadvae_har import benchmark_figures as figures
from sadvae_har import benchmark_tables as tables
from sadvae_har.baselines import RIVALS
from sadvae_har.benchmark import HEADLINE
from sadvae_har.benchmark_methods import (
    ABLATION_BASE,
    ABLATIONS,
    CLOSED_FORM,
    MATCHER,
    OURS,
    REFERENCE,
    REFERENCE_BEST,
    UPPER_BOUND,
)
from sadvae_har.benchmark_rows import ResultRow
from sadvae_har.benchmark_statistics import Cells, Split, best_rival, compare, gzsl, rank, top1

PAGE, FIGURES = "benchmark.md", "benchmark"
COMPETITORS = (*RIVALS, REFERENCE, MATCHER)  # ranked against ours; chance among them
MORE_SETTINGS = {
    "loco": "Leave one class out: every split holds a single class out, so only the generalised task says anything",
    "cross": "Learning on other data sets",
}
"""Split kind -> what it is."""


def write_page(rows: Sequence[ResultRow], folder: Path) -> Path:
    """Write the page and its figures; the same rows give the same text.

    Args:
        rows: Rows of the results file.
        folder: Where `benchmark.md` and the folder `benchmark/` of figures go.

    Raises:
        InputError: Ours has no row on the headline splits.
    """
    main = [row for row in rows if row.kind == HEADLINE.get(row.dataset)]
    cells = Cells.of(main, top1)
    if OURS not in cells.values:
        raise InputError(f"benchmark page: no row of {OURS!r} on headline splits; run `benchmark` with this method")
    datasets = [d for d in HEADLINE if not np.isnan(cells.mean(OURS, d))]
    main = [row for row in main if row.dataset in datasets]
    splits = [s for d in datasets for s in cells.values[OURS] if s[0] == d]
    rivals = [m for m in COMPETITORS if m in cells.complete(COMPETITORS, splits)]
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    parts = [
        _opening(main, datasets, splits),
        _zero_shot(main, cells, rivals, datasets, splits, folder),
        _generalised(main, rivals, datasets, folder),
        _ablations(cells, datasets),
        _seeds(cells, rivals, datasets),
        _every_split(main, cells, rivals, datasets),
        *(_more(rows, kind, title) for kind, title in MORE_SETTINGS.items()),
        _cost(main, cells, datasets),
    ]
    path = folder / PAGE
    write_text(path, "\n\n".join(part for part in parts if part) + "\n")
    return path


def _opening(main: Sequence[ResultRow], datasets: Sequence[str], splits: Sequence[Split]) -> str:
    seeds = sorted({row.seed for row in main})
    kinds = ", ".join(f"{d} {HEADLINE[d]} ({sum(s[0] == d for s in splits)})" for d in datasets)
    return f"""# Benchmark

<!-- Written by `sadvae-har benchmark`; do not edit. -->

Every number is computed from [`benchmarks/results.jsonl`](../benchmarks/results.jsonl) by

```
sadvae-har benchmark --raw FOLDER
```

where `FOLDER` holds one folder of recordings per data set; `--page` alone writes this page again from the rows.
{len(splits)} splits: {kinds}. Seeds {", ".join(map(str, seeds))}. Test subjects are held out everywhere. Accuracies are
per-class top-1 in percent, averaged over seeds, then over the splits of a data set, then over data sets.
All methods read the same features and the same descriptions, and are tuned on the same inner folds of seen classes;
the rules, and a checklist to check them by, are in [the protocol](protocol.md)."""


def _zero_shot(
    main: Sequence[ResultRow],
    cells: Cells,
    rivals: Sequence[str],
    datasets: Sequence[str],
    splits: Sequence[Split],
    folder: Path,
) -> str:
    place = folder / FIGURES
    ranks = rank(cells, (OURS, *rivals), splits)
    order = _by_mean(cells, (OURS, *rivals), datasets)
    figures.draw_methods(cells, OURS, rivals, datasets, tables.chance_of(main), place / "zsl.png")
    figures.draw_ranks(ranks.mean, OURS, place / "ranks.png")
    best, text = best_rival(cells, rivals, datasets), ""
    if best is not None:
        found = compare(cells, OURS, best, splits)
        figures.draw_differences(cells, OURS, best, splits, place / "differences.png")
        text = f"""The best rival on the mean is **{best}**: ours minus {best} is **{tables.signed(found.difference)}
points** (95 % interval {tables.signed(found.low)} to {tables.signed(found.high)}, splits resampled within data sets;
Wilcoxon signed-rank over splits p = {found.p_value:.2g}); {found.wins} data sets won, {found.ties} tied within half a
point, {found.losses} lost.

![Ours minus {best} on every split](benchmark/differences.png)"""
    beside = [m for m in (CLOSED_FORM, REFERENCE_BEST, UPPER_BOUND) if m in cells.complete([m], splits)]
    return f"""## Zero-shot: which unseen class is it?

![Top-1 per data set](benchmark/zsl.png)

Mean ± standard deviation over splits.

{tables.zsl_table(cells, order, datasets, ranks)}

{text}

Not competitors, on the same splits. *{CLOSED_FORM}* is our own synthesis from a linear-Gaussian regression instead of
the trained VAEs. *{REFERENCE_BEST}* is the best cycle of the published recipe, {tables.SELECTED}: not a result.
*{UPPER_BOUND}* has learned from labelled windows of the unseen classes.

{tables.zsl_table(cells, beside, datasets, ranks)}

Average ranks over {ranks.n_splits} splits (Friedman test that all methods are alike: p = {ranks.p_value:.1g}):

![Average ranks](benchmark/ranks.png)

Ours against each other method, over splits:

{tables.paired_table(cells, OURS, [m for m in order if m != OURS] + beside[:2], splits)}"""


def _generalised(main: Sequence[ResultRow], rivals: Sequence[str], datasets: Sequence[str], folder: Path) -> str:
    joint = Cells.of(main, gzsl("h"))
    shown = [m for m in (OURS, *rivals) if not np.isnan(joint.overall(m, datasets))]
    gates = list(dict.fromkeys(row.method for row in main if row.group == "gate"))
    seen, unseen = Cells.of(main, gzsl("seen")), Cells.of(main, gzsl("unseen"))
    figures.draw_seen_unseen(seen, unseen, OURS, shown[1:], datasets, folder / FIGURES / "gzsl.png")
    return f"""## Generalised zero-shot: seen and unseen classes together

Ours decides with its domain classifier; rivals, which have none, with calibrated stacking on the same inner folds.

{tables.gzsl_table(main, _by_mean(joint, shown, datasets), datasets)}

![Seen against unseen accuracy](benchmark/gzsl.png)

The same models of ours behind other gates; `{OURS}` is text margin and kNN novelty, with a hard threshold.

{tables.gzsl_table(main, _by_mean(joint, [OURS, *gates], datasets), datasets)}"""


def _ablations(cells: Cells, datasets: Sequence[str]) -> str:
    splits = [split for split in cells.values.get(ABLATION_BASE, {}) if split[0] in datasets]
    if not splits:
        return ""
    variants = [name for name in (*ABLATIONS, CLOSED_FORM) if name != ABLATION_BASE]
    return f"""## What each part gives

Top-1 of *{ABLATION_BASE}*, and the difference each change makes, in points, one seed. Everything here is scored at the
last training step, so that the choice of a step on inner folds has no part in the comparison.

{tables.ablation_table(cells, ABLATION_BASE, variants, datasets)}"""


def _seeds(cells: Cells, rivals: Sequence[str], datasets: Sequence[str]) -> str:
    shown = [m for m in (OURS, *rivals, REFERENCE_BEST) if not np.isnan(cells.seed_spread(m, datasets[0]))]
    shown = [m for m in shown if any(cells.seed_spread(m, d) > 0 for d in datasets)]
    return f"""## Spread over seeds

Standard deviation over seeds of the mean over splits / on a single split, averaged, in points.

{tables.seed_table(cells, shown, datasets)}"""


def _every_split(main: Sequence[ResultRow], cells: Cells, rivals: Sequence[str], datasets: Sequence[str]) -> str:
    best = best_rival(cells, rivals, datasets)
    others = list(dict.fromkeys(m for m in (best, REFERENCE, REFERENCE_BEST, UPPER_BOUND) if m in cells.values and m))
    rows = [row for d in datasets for row in main if row.dataset == d]
    return f"""## Every split

Intervals are 95 % bootstraps over test subjects, averaged over seeds; with two test subjects over recordings.
{REFERENCE_BEST} is {tables.SELECTED}.

{tables.split_table(rows, cells, OURS, others)}"""


def _more(rows: Sequence[ResultRow], kind: str, title: str) -> str:
    kept = [row for row in rows if row.kind == kind and HEADLINE.get(row.dataset) != kind]
    return "" if not kept else f"## {title}\n\n{tables.setting_table(kept, (OURS, *COMPETITORS, CLOSED_FORM))}"


def _cost(main: Sequence[ResultRow], cells: Cells, datasets: Sequence[str]) -> str:
    methods = [m for m in (OURS, *COMPETITORS, CLOSED_FORM) if m in cells.values]
    return f"""## Cost

Median seconds on one processor thread for one split and seed: training, tuning on inner folds, ZSL and GZSL.

{tables.cost_table(main, methods, datasets)}

Training many models at once, against the published recipe's loop, measured side by side by
[`benchmarks/batched_training.py`](../benchmarks/batched_training.py):

![Cost per model and cost over windows](benchmark/cost.png)"""


def _by_mean(cells: Cells, methods: Sequence[str], datasets: Sequence[str]) -> list[str]:
    return sorted(methods, key=lambda m: -np.nan_to_num(cells.overall(m, datasets), nan=-1.0))
