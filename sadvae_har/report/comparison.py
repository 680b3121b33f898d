"""Several runs side by side: what they measured, whether that may be compared, and how sure a difference is.

Axis legend: n windows, R resamples, G subjects (or recordings).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from feature_extraction.errors import InputError
from sadvae_har.evaluation.intervals import (
    draw,
    drawing_units,
    interval,
    resampled_auroc,
    resampled_gzsl,
    resampled_zsl,
)
from sadvae_har.report.contradictions import require_agreement
from sadvae_har.report.run_files import RunFiles, read_run
from sadvae_har.report.tables import MEASURES, NOTHING


class Difference(NamedTuple):
    """One run minus the first, on the same windows, and the ends of its 95 % interval, as fractions."""

    value: float
    low: float
    high: float


def read_runs(folders: Sequence[Path]) -> dict[str, RunFiles]:
    """Read runs; each is named by its folder, with the folder above where that is not enough.

    Raises:
        InputError: Fewer than two folders, one that is named twice, or one that cannot be read.
    """
    paths = [folder.resolve() for folder in folders]
    for folder, path in zip(folders, paths, strict=True):
        if paths.count(path) > 1:
            raise InputError(f"{folder}: named twice; name every run once")
    if len(paths) < 2:
        raise InputError("a comparison needs at least two run folders; name another one")
    depth = 1
    while len({path.parts[-depth:] for path in paths}) < len(paths):
        depth += 1
    names = ["/".join(path.parts[-depth:]) for path in paths]
    runs = {name: read_run(folder) for name, folder in zip(names, folders, strict=True)}
    for run in runs.values():
        if run.is_open:
            raise InputError(f"{run.path}: {run.split.meaning}, so there is nothing to compare; leave it out")
        require_agreement(run)
    return runs


def same_windows(first: RunFiles, other: RunFiles, stage: str) -> bool:
    """Return whether both runs scored the same windows in a stage (`zsl` or `gzsl`), among the same classes.

    Windows are told apart by order, class, subject and recording; runs that do not record these are not the same.
    """
    if first.split.dataset != other.split.dataset or set(first.unseen) != set(other.unseen):
        return False
    if stage == "gzsl" and not (first.has_gzsl and other.has_gzsl and set(first.seen) == set(other.seen)):
        return False
    names = [f"{stage}_{part}" for part in ("labels", "subjects", "recordings")]
    present = all(name in run.arrays for name in names for run in (first, other))
    return present and all(np.array_equal(first.arrays[name], other.arrays[name]) for name in names)


def differences(first: RunFiles, other: RunFiles) -> dict[str, Difference]:
    """Return the difference of every measure that both runs took on the same windows, by name of the measure.

    Intervals are paired: each resample of subjects is the same for both runs.
    """
    found: dict[tuple[str, str], np.ndarray] = {}
    for stage, resample in (("zsl", _resample_zsl), ("gzsl", _resample_gzsl)):
        if same_windows(first, other, stage):
            ours, theirs = resample(first), resample(other)
            found |= {place: theirs[place] - ours[place] for place in ours}
    return {
        title: Difference(_value(other, place) - _value(first, place), *interval(found[place]))
        for title, _, place in MEASURES
        if place in found
    }


def drawn_units(run: RunFiles) -> str:
    """Return what intervals of a run draw, in words: subjects or recordings, and how many."""
    subjects, recordings = run.arrays["zsl_subjects"], run.arrays["zsl_recordings"]
    n = int(drawing_units(subjects, recordings).max()) + 1
    return f"{n} {'subjects' if n == len(np.unique(subjects)) else 'recordings'}"


def warnings(runs: Mapping[str, RunFiles]) -> list[str]:
    """Return in plain words why numbers of these runs cannot be compared, or with care only."""
    (name, first), *others = runs.items()
    return [f"{other} and {name}: {reason}" for other, run in others for reason in _reasons(first, run)]


def config_differences(runs: Mapping[str, RunFiles]) -> list[tuple[str, list[str]]]:
    """Return every config field whose value is not the same in all runs: its name and its values in order."""
    configs = [dict(_flat(run.config)) for run in runs.values()]
    rows = [(key, [config.get(key, NOTHING) for config in configs]) for key in dict.fromkeys(chain(*configs))]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _reasons(first: RunFiles, other: RunFiles) -> Iterator[str]:
    ours, theirs = first.split, other.split
    if ours.dataset != theirs.dataset:
        yield f"different data sets ({theirs.dataset}, {ours.dataset}). Their numbers answer different questions."
        return
    if set(ours.unseen) != set(theirs.unseen) or set(ours.seen) != set(theirs.seen):
        yield f"different splits ({theirs.name}, {ours.name}): other unseen classes, which may be easier or harder."
    elif set(ours.test_subjects) != set(theirs.test_subjects):
        yield "different test subjects. A difference may be due to the people."
    elif not same_windows(first, other, "zsl"):
        n = len(other.arrays["zsl_labels"]), len(first.arrays["zsl_labels"])
        yield f"different test windows ({n[0]} and {n[1]} of unseen classes), or the files do not say which."
    elif first.has_gzsl and other.has_gzsl and not same_windows(first, other, "gzsl"):
        yield "different test windows of seen classes; ZSL may be compared, GZSL may not."
    if first.has_gzsl != other.has_gzsl:
        yield "one of them has no GZSL results yet."
    if set(ours.train_subjects) != set(theirs.train_subjects):
        yield "trained on different subjects."
    commits = first.environment.get("commit"), other.environment.get("commit")
    if commits[0] != commits[1]:
        yield f"made by different versions of the code ({str(commits[1])[:8]}, {str(commits[0])[:8]})."


def _resample_zsl(run: RunFiles) -> dict[tuple[str, str], np.ndarray]:
    """Return resampled ZSL measures, each [R]."""
    order = sorted(run.unseen)
    true, predicted = (np.searchsorted(order, run.arrays[f"zsl_{part}"]) for part in ("labels", "predictions"))
    values = resampled_zsl(true, predicted, len(order), *_draws(run, "zsl"))
    return {("zsl", name): array for name, array in values.items()}


def _resample_gzsl(run: RunFiles) -> dict[tuple[str, str], np.ndarray]:
    """Return resampled GZSL and gate measures, each [R]."""
    true, predicted = run.gzsl_positions()
    n_seen = len(run.seen)
    units, draws = _draws(run, "gzsl")
    values = resampled_gzsl(true, predicted, run.arrays["gzsl_scores"], n_seen, units, draws)
    area = resampled_auroc(true >= n_seen, run.arrays["gate_p_unseen"], units, draws)
    return {**{("gzsl", name): array for name, array in values.items()}, ("gate", "auroc"): area}


def _draws(run: RunFiles, stage: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the unit of each window [n] and how often each is drawn [R, G], the same for runs on the same windows."""
    units = drawing_units(run.arrays[f"{stage}_subjects"], run.arrays[f"{stage}_recordings"])
    return units, draw(int(units.max()) + 1, seed=0)


def _value(run: RunFiles, place: tuple[str, str]) -> float:
    return run.metrics[place[0]][place[1]]["value"]


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)
