"""`docs/everyday.md`, written anew from the rows of the results file alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.storage.escaping import markdown_cell
from feature_extraction.storage.files import write_text
from sadvae_har.benchmark.everyday.classifiers import LOGISTIC, NETWORKED, OURS
from sadvae_har.benchmark.everyday.described import DESCRIBED
from sadvae_har.benchmark.everyday.results import Results
from sadvae_har.benchmark.everyday.rows import ALL_DEVICES, PLACE_KNOWN, EverydayRow
from sadvae_har.benchmark.everyday.tasks import ALL_NOVEL, CLOSED, EIGHT, KNOWN_TASKS, NOVEL_TASKS, OPEN
from sadvae_har.benchmark.everyday.tested import AS_RECORDED, CONDITIONS, MOST_MOMENTS
from sadvae_har.benchmark.tables import signed
from sadvae_har.everyday.corpus import MOST_PER_CELL
from sadvae_har.report.tables import NOTHING, percent, to_markdown

PAGE = "everyday.md"
TASKS = (*KNOWN_TASKS, *NOVEL_TASKS)
VARIANTS = (*CONDITIONS, ALL_DEVICES, PLACE_KNOWN)
TIE = 0.005
PUBLISHED = (  # accuracy in percent, as its authors published it
    ("MotionSense", "64.1", "49.3"),
    ("Shoaib", "54.1", NOTHING),
    ("MobiAct", "50.0", NOTHING),
    ("RealWorld", "48.0", NOTHING),
)


def write_page(rows: Sequence[EverydayRow], folder: Path) -> Path:
    """Write the page; the same rows give the same text.

    Args:
        rows: Rows of the results file.
        folder: Where `everyday.md` goes.

    Raises:
        InputError: There are no rows.
    """
    if not rows:
        raise InputError("everyday page: no rows; run `benchmark --cross` first")
    found = Results(rows)
    parts = [
        _opening(found),
        _summary(found),
        _conditions(found),
        _placements(found),
        *(_target(found, target) for target in found.targets),
        _published(),
        _chosen(),
        _cost(found),
    ]
    path = folder / PAGE
    write_text(path, "\n\n".join(part for part in parts if part) + "\n")
    return path


def _opening(found: Results) -> str:
    seeds = ", ".join(map(str, sorted({row.seed for row in found.rows})))
    return f"""# Recognition across data sets

<!-- Written by `sadvae-har benchmark --cross`; do not edit. -->

Somebody else's device, worn by people and recorded in a place that no training data came from: how well are their
activities recognised? Each data set below is in turn the **target**, of which nothing is learned; everything is learned
from the others. Every number is computed from [`benchmarks/everyday.jsonl`](../benchmarks/everyday.jsonl) by

```
sadvae-har benchmark --cross --raw FOLDER
```

where `FOLDER` holds one folder of recordings per data set; `--cross --page` alone writes this page again.

* **Targets:** {markdown_cell(", ".join(found.targets))}. **Seeds:** {seeds}.
* **What is recognised** is one window of five seconds of one device, unless a row says *{ALL_DEVICES}*. Where it is
  worn is not told, unless a row says *{PLACE_KNOWN}*.
* **{CLOSED.capitalize()}:** which of the target's activities that some other data set recorded, too.
  **{EIGHT.capitalize()}:** the same among walking, upstairs, downstairs, running, jumping, sitting, standing and
  lying, where the target has at least two of them. **{OPEN.capitalize()}:** which of all activities that the other data
  sets recorded.
* **Novel activities:** two, three or all of the target's activities are known by their descriptions only. Every class
  of any data set that may mean one of them is left out of the training. {NOVEL_TASKS[0].capitalize()} is the mean of
  four draws, {NOVEL_TASKS[1]} of two.
* **Numbers** are per-class top-1 in percent: over the target's classes, or over activities where they are novel. A
  class that may mean several activities, such as *stairs*, is recognised by any of them, and counts in the closed set
  only if all of them were recorded elsewhere; such classes are left out where activities are novel, and of macro-F1.
  Intervals are 95 % bootstraps over the target's people. Chance is guessing evenly among what there is to choose from.
* **Windows:** at most {MOST_PER_CELL} of a class of a data set at one place are learned from; the target is tested on
  at most {MOST_MOMENTS} moments of each of its classes, with every device worn then."""


def _summary(found: Results) -> str:
    header = ["method", *TASKS]
    body = [[m, *(percent(found.mean(m, task)) for task in TASKS)] for m in _by_mean(found)]
    body.append(["chance", *(percent(found.mean_chance(task)) for task in TASKS)])
    sets = [str(max((found.n_targets(m, task) for m in found.methods), default=0)) for task in TASKS]
    body.append(["targets", *sets])
    verdicts = [_against(found, OURS, CLOSED), _against(found, DESCRIBED, ALL_NOVEL)]
    text = "\n".join(f"* {verdict}" for verdict in verdicts if verdict)
    return f"""## All targets

Per-class top-1, mean over targets. *{OURS}* is a linear classifier of statistics; *{NETWORKED}* adds the scores of a
small network of signals, which also stands alone. *{DESCRIBED}* is SA-DVAE, which looks for what is written
about an activity, recorded or novel, as do the other methods that have numbers there.
*{LOGISTIC.capitalize()}* reads the same statistics as ours; in its training every activity weighs the same, in each
its data sets do, and in these their places.

{to_markdown([header, *body])}

{text}""".rstrip()


def _against(found: Results, ours: str, task: str) -> str:
    """Say how ours compares with the best other method of the task, over targets."""
    others = [m for m in found.methods if not m.startswith("ours") and not np.isnan(found.mean(m, task))]
    if not others or np.isnan(found.mean(ours, task)):
        return ""
    best = max(others, key=lambda m: found.mean(m, task))
    gains = np.array([found.value(ours, task, t) - found.value(best, task, t) for t in found.targets])
    gains = gains[~np.isnan(gains)]
    wins, losses = int((gains > TIE).sum()), int((gains < -TIE).sum())
    return (
        f"**{task.capitalize()}:** *{ours}* minus the best other method, *{markdown_cell(best)}*: "
        f"{signed(float(gains.mean()))} points; targets won {wins}, tied within half a point "
        f"{len(gains) - wins - losses}, lost {losses}."
    )


def _conditions(found: Results) -> str:
    columns = ((OURS, CLOSED), (LOGISTIC, CLOSED), (DESCRIBED, NOVEL_TASKS[0]), (DESCRIBED, ALL_NOVEL))
    header = ["condition", "targets", *(f"{method}, {task}" for method, task in columns)]
    body = []
    for name in VARIANTS:
        cells = []
        for method, task in columns:
            value, before = found.mean(method, task, name, name), found.mean(method, task, AS_RECORDED, name)
            cells.append(percent(value) if name == AS_RECORDED else f"{percent(value)} ({signed(value - before)})")
        n_targets = max(found.n_targets(method, task, name) for method, task in columns)
        body.append([name, str(n_targets), *(NOTHING if cell.startswith(NOTHING) else cell for cell in cells)])
    return f"""## Other devices

The same windows as other devices would have delivered them: mean over the targets to which a condition applies and, in
brackets, the difference to the same windows of the same targets as recorded, in points.

{to_markdown([header, *body])}

* *turned*: every window by a rotation of its own. Nothing that is read depends on how a device is turned, so that
  differences are those of rounding.
* *without gyroscope*: where there is one.
* *at 10 Hz*: every second sample of the windows of 20 Hz, without a filter before, and straight lines between them.
* *{ALL_DEVICES}*: the log scores of all devices worn at a moment, added; counted by moment.
* *{PLACE_KNOWN}*: the descriptions for the place where a device is worn, not for all seven."""


def _placements(found: Results) -> str:
    places = sorted({place for row in found.rows for place in row.by_placement})
    columns = ((OURS, CLOSED), (LOGISTIC, CLOSED), (DESCRIBED, ALL_NOVEL))
    body = []
    for place in places:
        values = [found.at_placement(method, task, place) for method, task in columns]
        named = ", ".join(dict.fromkeys(target for value in values for target in value))
        body.append([place, *(percent(_mean(list(value.values()))) for value in values), named])
    header = ["place", *(f"{method}, {task}" for method, task in columns), "targets"]
    return f"""## By place of the device

Mean over the targets with a device there; targets differ from place to place, so compare along rows.

{to_markdown([header, *body])}"""


def _target(found: Results, target: str) -> str:
    header = ["method", CLOSED, "interval", "accuracy", "macro-F1", *TASKS[1:]]
    body = [_line(found, target, method, AS_RECORDED, method) for method in found.methods]
    for method in (OURS, LOGISTIC, DESCRIBED):
        for name in VARIANTS[1:]:
            if any(row.target == target and row.method == method and row.condition == name for row in found.rows):
                body.append(_line(found, target, method, name, f"{method}; {name}"))
    chances = [percent(found.chance(task, target)) for task in TASKS]
    body.append(["chance", chances[0], NOTHING, NOTHING, NOTHING, *chances[1:]])
    return "\n\n".join([f"## {markdown_cell(target)}", _asked(found, target), to_markdown([header, *body])])


def _line(found: Results, target: str, method: str, condition: str, title: str) -> list[str]:
    low, high, accuracy, f1 = (
        found.value(method, CLOSED, target, condition, name) for name in ("low", "high", "accuracy", "macro_f1")
    )
    interval = NOTHING if np.isnan(low) else f"{percent(low)} to {percent(high)}"
    first, *others = (percent(found.value(method, task, target, condition)) for task in TASKS)
    return [title, first, interval, percent(accuracy), percent(f1), *others]


def _asked(found: Results, target: str) -> str:
    """Say how many windows each task asks about, and which activities were novel."""
    first: dict[tuple[str, int], EverydayRow] = {}
    for row in found.rows:
        if row.target == target and row.condition == AS_RECORDED:
            first.setdefault((row.task, row.draw), row)
    known = [row for (task, _), row in first.items() if task in KNOWN_TASKS]
    lines = [
        f"{row.task.capitalize()}: {row.n_windows} windows of {row.n_people} people, {row.n_classes} classes, "
        f"{row.n_candidates} activities to choose from."
        for row in known
    ]
    drawn = [row for (task, _), row in first.items() if task in NOVEL_TASKS[:-1]]
    drawn.sort(key=lambda row: (NOVEL_TASKS.index(row.task), row.draw))
    if drawn:
        lines.append(f"Drawn as novel: {markdown_cell('; '.join(', '.join(row.activities) for row in drawn))}.")
    every = first.get((ALL_NOVEL, 0))
    if every is not None:
        lines.append(
            f"{ALL_NOVEL.capitalize()}: {every.n_windows} windows, {markdown_cell(', '.join(every.activities))}."
        )
    return "\n".join(f"* {line}" for line in lines)


def _published() -> str:
    table = to_markdown([["data set", "closed set", "open set"], *PUBLISHED])
    return f"""## What others published

Accuracies of a two-stage IMU encoder aligned with texts, zero-shot across data sets, **as published by its authors, not
run here**. These are other data, other activities and another protocol: context, not a comparison.

{table}"""


def _chosen() -> str:
    return f"""## What chose what

* **Not blind:** whether and how much a network counts, the noise of SA-DVAE and how training
  windows are weighted were looked at on these very targets while the method was made. The numbers of *{OURS}* and of
  *{DESCRIBED}* are optimistic to that extent. Nothing was chosen per target, and no label of a target is
  read in training: every fit passes through the split, which raises when it is handed a class or a person of the target
  or a class that may mean a novel activity.
* **Rivals** that read descriptions choose their settings, at most six, on inner folds of the other data sets that hold
  out data sets and activities; for novel activities once per target, where all of its activities are novel. *{OURS}*,
  *{DESCRIBED}* and *{LOGISTIC}* have one setting for all targets.
* **Left out:** ZeroHAR and the patch encoder would take hours per target on two processor cores. The matcher of
  measured and written kinematics reads attributes that depend on how a device is turned, which is not known here."""


def _cost(found: Results) -> str:
    alone = [m for m in found.methods if not m.startswith(f"{OURS}, ") or m == DESCRIBED]
    body = [[m, f"{np.median([row.fit_s for row in found.rows if row.method == m]):.1f}"] for m in alone]
    n_windows = sum(
        max(row.n_windows for row in found.rows if row.target == target and row.condition == AS_RECORDED)
        for target in found.targets
    )
    return f"""## Cost

Median seconds to learn from all other data sets once, on one processor thread, without choosing settings; {n_windows}
windows of all targets together are tested on.

{to_markdown([["method", "seconds"], *body])}"""


def _by_mean(found: Results) -> list[str]:
    """Return all methods, the best on the closed set first, then by novel activities."""
    order = {m: [np.nan_to_num(found.mean(m, task), nan=-1.0) for task in (CLOSED, ALL_NOVEL)] for m in found.methods}
    return sorted(found.methods, key=lambda m: order[m], reverse=True)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
