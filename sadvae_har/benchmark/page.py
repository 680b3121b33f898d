"""`docs/benchmark.md` and its figures, written anew from the rows of the results file alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.storage.escaping import markdown_cell
from feature_extraction.storage.files import write_text
from sadvae_har.benchmark import figures, tables
from sadvae_har.benchmark.jobs import HEADLINE
from sadvae_har.benchmark.methods import CLOSED_FORM, COMPETITORS, REFERENCE, REFERENCE_BEST, UPPER_BOUND, ZEROHAR
from sadvae_har.benchmark.ours import ABLATION_BASE, ABLATIONS, OURS, TEXT_ALONE
from sadvae_har.benchmark.rows import ResultRow
from sadvae_har.benchmark.statistics import Cells, Paired, SplitName, best_rival, compare, gzsl, rank, top1

PAGE, FIGURES = "benchmark.md", "benchmark"
CHANCE, ESZSL = "chance", "eszsl"
MORE_SETTINGS = {"loco": "Leaving one class out"}  # split kind -> title


@dataclass(frozen=True)
class Headline:
    """What counts: every data set on its headline splits.

    Attributes:
        rows: Their rows.
        cells: ZSL top-1.
        datasets: Data sets that ours has run on.
        splits: Splits that ours has run on.
        rivals: Competitors that have run on all of them.
    """

    rows: Sequence[ResultRow]
    cells: Cells
    datasets: Sequence[str]
    splits: Sequence[SplitName]
    rivals: Sequence[str]

    @classmethod
    def of(cls, rows: Sequence[ResultRow]) -> "Headline":
        """Choose the rows that count.

        Raises:
            InputError: Ours has no row on the headline splits.
        """
        kept = [row for row in rows if row.kind == HEADLINE.get(row.dataset)]
        cells = Cells.of(kept, top1)
        if OURS not in cells.values:
            raise InputError(f"benchmark page: no row of {OURS!r} on headline splits; run `benchmark` with this method")
        datasets = [d for d in HEADLINE if not np.isnan(cells.mean(OURS, d))]
        splits = [s for d in datasets for s in cells.values[OURS] if s[0] == d]
        kept = [row for d in datasets for row in kept if row.dataset == d]
        return cls(kept, cells, datasets, splits, cells.complete(COMPETITORS, splits))


def write_page(rows: Sequence[ResultRow], folder: Path) -> Path:
    """Write the page and its figures; the same rows give the same text.

    Args:
        rows: Rows of the results file.
        folder: Where `benchmark.md` and the folder `benchmark/` of figures go.

    Raises:
        InputError: Ours has no row on the headline splits.
    """
    main = Headline.of(rows)
    drawn = folder / FIGURES
    drawn.mkdir(parents=True, exist_ok=True)
    parts = [
        _opening(main),
        _zero_shot(main, drawn),
        _generalised(main, drawn),
        _ablations(main),
        _seeds(main),
        _every_split(main),
        *(_more(rows, kind, title) for kind, title in MORE_SETTINGS.items()),
        _zerohar(rows),
        _cost(main),
    ]
    path = folder / PAGE
    write_text(path, "\n\n".join(part for part in parts if part) + "\n")
    return path


def _opening(main: Headline) -> str:
    seeds = ", ".join(map(str, sorted({row.seed for row in main.rows})))
    kinds = ", ".join(f"{d} {HEADLINE[d]} {sum(s[0] == d for s in main.splits)}" for d in main.datasets)
    return f"""# Benchmark

<!-- Written by `sadvae-har benchmark`; do not edit. -->

Every number is computed from [`benchmarks/results.jsonl`](../benchmarks/results.jsonl) by

```
sadvae-har benchmark --raw FOLDER
```

where `FOLDER` holds one folder of recordings per data set; `--page` alone writes this page again from the rows.

* **Splits:** {kinds}.
  Test subjects are held out everywhere.
* **Seeds:** {seeds}.
* **Accuracies** are per-class top-1 in percent, averaged over seeds, then over the splits of a data set, then over data
  sets. A constant answer, such as the majority class, scores exactly as chance does.
* **Rules:** all methods read the same features and descriptions and are tuned on the same inner folds of seen classes.
  [The protocol](protocol.md) states them, with a checklist to check them by."""


def _zero_shot(main: Headline, drawn: Path) -> str:
    cells, datasets, splits = main.cells, main.datasets, main.splits
    ranks = rank(cells, (OURS, *main.rivals), splits)
    order = _by_mean(cells, (OURS, *main.rivals), datasets)
    others = [m for m in order if m != OURS]
    beside = cells.complete((CLOSED_FORM, REFERENCE_BEST, UPPER_BOUND), splits)
    figures.draw_ranks(ranks.mean, OURS, drawn / "ranks.png")
    parts = [
        "## Zero-shot: which unseen class is it?",
        "Mean ± standard deviation over splits; the average rank is over splits.",
        tables.zsl_table(cells, order, datasets, ranks),
    ]
    best = best_rival(cells, main.rivals, datasets)
    if best is not None:
        chance = tables.chance_of(main.rows)
        figures.draw_methods(cells, OURS, [m for m in others if m != CHANCE], datasets, chance, drawn / "zsl.png")
        figures.draw_differences(cells, OURS, best, splits, drawn / "differences.png")
        parts += [
            _verdict("top-1", best, compare(cells, OURS, best, splits)),
            "![Top-1 per data set](benchmark/zsl.png)",
            f"![Ours minus {markdown_cell(best)} on every split](benchmark/differences.png)",
        ]
    if beside:
        parts += [
            f"""Not competitors, on the same splits. *{CLOSED_FORM}* is our own synthesis from a linear-Gaussian
regression in place of the trained VAEs. *{REFERENCE_BEST}* is the best cycle of the published recipe,
{tables.SELECTED}: not a result. *{UPPER_BOUND}* has learned from labelled windows of the unseen classes.""",
            tables.zsl_table(cells, beside, datasets, ranks),
        ]
    parts += [
        f"Average ranks over {ranks.n_splits} splits (Friedman test that all are alike: p = {ranks.p_value:.1g}):",
        "![Average ranks](benchmark/ranks.png)",
        "Ours against each other method, over splits:",
        tables.paired_table(cells, OURS, [*others, *(m for m in beside if m != UPPER_BOUND)], splits),
    ]
    return "\n\n".join(parts)


def _generalised(main: Headline, drawn: Path) -> str:
    joint = Cells.of(main.rows, gzsl("h"))
    seen, unseen = Cells.of(main.rows, gzsl("seen")), Cells.of(main.rows, gzsl("unseen"))
    rivals = joint.complete(main.rivals, main.splits)
    gates = list(dict.fromkeys(row.method for row in main.rows if row.group == "gate"))
    figures.draw_seen_unseen(seen, unseen, OURS, rivals, main.datasets, drawn / "gzsl.png")
    best = best_rival(joint, rivals, main.datasets)
    verdict = "" if best is None else _verdict("H", best, compare(joint, OURS, best, main.splits))
    return f"""## Generalised zero-shot: seen and unseen classes together

Ours decides with its domain classifier; rivals, which have none, with calibrated stacking on the same inner folds.

{tables.gzsl_table(main.rows, _by_mean(joint, [OURS, *rivals], main.datasets), main.datasets)}

{verdict}

![Seen against unseen accuracy](benchmark/gzsl.png)

The same models of ours behind other gates; `{OURS}` is text margin and kNN novelty, with a hard threshold.

{tables.gzsl_table(main.rows, _by_mean(joint, [OURS, *gates], main.datasets), main.datasets)}"""


def _ablations(main: Headline) -> str:
    variants = [name for name in (*ABLATIONS, CLOSED_FORM) if name != ABLATION_BASE]
    if not main.cells.complete([ABLATION_BASE], main.splits):
        return ""
    return f"""## What each part gives

Top-1 of *{ABLATION_BASE}*, and the difference each change makes, in points, one seed. Everything here is scored at
the last training step, so that the choice of a step on inner folds has no part in the comparison. Intervals resample
splits within data sets. The default was not chosen from this table but on inner folds.

{tables.ablation_table(main.cells, ABLATION_BASE, variants, main.datasets)}"""


def _seeds(main: Headline) -> str:
    cells, datasets = main.cells, main.datasets
    methods = cells.complete((OURS, *main.rivals, REFERENCE_BEST), main.splits)
    shown = [m for m in methods if m != CHANCE and any(cells.seed_spread(m, d) > 0 for d in datasets)]
    return f"""## Spread over seeds

Standard deviation over seeds of the mean over splits / on a single split, averaged, in points.

{tables.seed_table(cells, shown, datasets)}"""


def _every_split(main: Headline) -> str:
    best = best_rival(main.cells, main.rivals, main.datasets)
    beside = dict.fromkeys(m for m in (best, REFERENCE, REFERENCE_BEST, UPPER_BOUND) if m in main.cells.values and m)
    return f"""## Every split

Intervals are 95 % bootstraps over test subjects, averaged over seeds; with two test subjects over recordings.
{REFERENCE_BEST} is {tables.SELECTED}.

{tables.split_table(main.rows, main.cells, OURS, list(beside))}"""


def _more(rows: Sequence[ResultRow], kind: str, title: str) -> str:
    kept = [row for row in rows if row.kind == kind and HEADLINE.get(row.dataset) != kind]
    if not kept:
        return ""
    where = markdown_cell(", ".join(dict.fromkeys(row.dataset for row in kept)))
    n_splits = len({(row.dataset, row.split) for row in kept})
    return f"""## {title}

{n_splits} split{"s" if n_splits > 1 else ""} of {where}.

{tables.setting_table(kept, (OURS, *COMPETITORS, CLOSED_FORM))}"""


def _zerohar(rows: Sequence[ResultRow]) -> str:
    trained = [row for row in rows if row.method == ZEROHAR and row.zsl is not None]
    if not trained:
        return ""
    folds = {(row.dataset, row.split) for row in trained}
    kept = [row for row in rows if (row.dataset, row.split) in folds]
    where = markdown_cell(" and ".join(sorted({dataset for dataset, _ in folds})))
    return f"""## ZeroHAR end to end, on its own folds

ZeroHAR (Chowdhury et al., AAAI 2025) reads raw windows: a transformer first aligns each channel with the description
of its sensor (stage I), then windows with the descriptions of classes (stage II). It runs on the folds it publishes,
here of {where}, and therefore stands in no ranking and no test above. It reads texts alone, as does
*{TEXT_ALONE}*, ours at the last training step; the others read kinematics, too. So that a processor can train
it, a token is a second of a channel, not a sample, and each stage has **the number of epochs stated below, of those
published**, with the training loss it reached; where that is a fraction, the row is that of a short training. Nothing
is tuned on inner folds, so that there is no bias for GZSL. Top-1 per class among the unseen classes:

{tables.folds_table(kept, (OURS, TEXT_ALONE, ESZSL, REFERENCE, ZEROHAR, CHANCE))}

How far it was trained:

{tables.settings_table(trained)}"""


def _cost(main: Headline) -> str:
    methods = [m for m in (OURS, *COMPETITORS, CLOSED_FORM) if m in main.cells.values and m != CHANCE]
    return f"""## Cost

Median seconds on one processor thread for one split and seed: training, tuning on inner folds, ZSL and GZSL.

{tables.cost_table(main.rows, methods, main.datasets)}

Training many models at once, against the published recipe's loop, measured side by side by
[`benchmarks/batched_training.py`](../benchmarks/batched_training.py):

![Cost per model and cost over windows](benchmark/cost.png)"""


def _verdict(measure: str, rival: str, found: Paired) -> str:
    return f"""The best rival by mean {measure} is **{markdown_cell(rival)}**. Ours minus {markdown_cell(rival)}:
**{tables.signed(found.difference)} points** (95 % interval {tables.signed(found.low)} to {tables.signed(found.high)},
splits resampled within data sets; Wilcoxon signed-rank over splits, p = {found.p_value:.2g}). Data sets won
{found.wins}, tied within half a point {found.ties}, lost {found.losses}."""


def _by_mean(cells: Cells, methods: Sequence[str], datasets: Sequence[str]) -> list[str]:
    return sorted(methods, key=lambda m: -np.nan_to_num(cells.overall(m, datasets), nan=-1.0))
