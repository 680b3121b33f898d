"""Data sets x splits x methods x seeds, to rows of an append-only results file.

A job is one method on one split; its rows are appended when it is done, and a later call runs only what is missing.
What a row depends on is part of its key, so a changed method is run again and older rows are left behind.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import torch

from feature_extraction.datasets.prepare import prepare
from feature_extraction.errors import InputError
from feature_extraction.protocol.split import find_split, list_splits
from feature_extraction.storage.files import content_hash
from feature_extraction.storage.places import windows_folder
from feature_extraction.windows.window_set import WindowSet
from sadvae_har.benchmark.measurement import Measurement
from sadvae_har.benchmark.methods import METHODS, Inputs
from sadvae_har.benchmark.rows import ResultRow, read_rows, run_missing
from sadvae_har.config.settings import Config
from sadvae_har.experiment.inputs import Locations, load_inputs
from sadvae_har.experiment.problem import Problem

logger = logging.getLogger(__name__)

HEADLINE: Mapping[str, str] = {
    "dsads": "random",
    "usc-had": "zerohar",
    "utd-mhad": "random",
    "hapt": "random",
    "wisdm": "zerohar",
    "wharf": "random",
}
VERSION = 1  # Raise it when rows of older code should be run again.


@dataclass(frozen=True)
class Job:
    """One method on one split.

    Attributes:
        dataset: Data-set name.
        split: Split name.
        method: One of `METHODS`.
        seeds: Seeds to run.
    """

    dataset: str
    split: str
    method: str
    seeds: tuple[int, ...]

    @property
    def key(self) -> str:
        """Return a digest of everything that decides the rows."""
        split, settings = find_split(self.dataset, self.split), METHODS[self.method].settings
        return content_hash(str(VERSION), repr(split), self.method, repr(self.seeds), repr(settings))[:16]


def plan(
    datasets: Sequence[str], kinds: Sequence[str], methods: Collection[str], seeds: Sequence[int]
) -> tuple[Job, ...]:
    """List the jobs of a benchmark, split by split.

    Args:
        datasets: Data-set names.
        kinds: Split kinds; `headline` stands for the kind that counts for each data set.
        methods: Names out of `METHODS`.
        seeds: Seeds; ZeroHAR, which takes minutes a seed, is given the first one.

    Raises:
        InputError: An unknown data set or method, or a data set without splits of the kinds.
    """
    for what, names, known in (("data set", datasets, HEADLINE), ("method", methods, METHODS)):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InputError(f"benchmark: {what} {unknown[0]!r} is unknown; choose from {', '.join(known)}")
    chosen, jobs = [METHODS[name] for name in methods], []
    for dataset in datasets:
        wanted = dict.fromkeys(HEADLINE[dataset] if kind == "headline" else kind for kind in kinds)
        splits = [(kind, name) for kind in wanted for name in list_splits(dataset, kind=kind)]
        if not splits:
            raise InputError(f"benchmark: {dataset} has no splits of kind {', '.join(wanted)}; see `splits list`")
        jobs += [
            Job(dataset, name, method.name, tuple(seeds[: method.n_job_seeds]))
            for kind, name in splits
            for method in chosen
            if method.runs_on(kind)
        ]
    return tuple(jobs)


def run_benchmark(jobs: Sequence[Job], locations: Locations, results: Path, n_processes: int = 1) -> None:
    """Run the jobs whose rows are not in the results file yet, appending rows as jobs finish.

    Args:
        jobs: What to run.
        locations: `raw` is a folder with one folder per data set.
        results: JSON-lines file.
        n_processes: Jobs run at the same time, one thread each.
    """
    done = {row.key for row in read_rows(results)} if results.exists() else set()
    run_missing(jobs, done, partial(run_job, locations=locations), results, n_processes)


def run_job(job: Job, locations: Locations) -> list[ResultRow]:
    """Run one job on one thread; return its rows."""
    torch.set_num_threads(1)
    method = METHODS[job.method]
    raw = None if locations.raw is None else locations.raw / job.dataset
    inputs = Config(job.dataset, job.split, features=method.config.features, text=method.config.text)
    problem = _load(inputs, replace(locations, raw=raw))

    def windows() -> WindowSet:
        return prepare(job.dataset, raw, out=windows_folder(locations.resources))

    found = method.measure(Inputs(problem, windows, locations), job.seeds)
    return [_row(job, problem, entry) for entry in found]


@lru_cache(maxsize=2)  # consecutive jobs share their problem
def _load(inputs: Config, locations: Locations) -> Problem:
    return load_inputs(inputs, locations, find_split(inputs.dataset, inputs.split)).problem()


def _row(job: Job, problem: Problem, found: Measurement) -> ResultRow:
    n_unseen = len(problem.split.unseen)
    zsl = None if found.zsl is None else dict(found.zsl)
    by_subject = {} if zsl is None else zsl.pop("by_subject")
    return ResultRow(
        **{**vars(found), "zsl": zsl, "seconds": round(found.seconds, 3)},
        key=job.key,
        dataset=job.dataset,
        split=job.split,
        kind=problem.split.kind,
        n_seen=len(problem.split.seen),
        n_unseen=n_unseen,
        chance=1 / n_unseen,
        by_subject=by_subject,
    )
