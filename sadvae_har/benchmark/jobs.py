"""Data sets x splits x methods x seeds, to rows of an append-only results file.

A job is one method on one split; its rows are appended when it is done, and a later call runs only what is missing.
What a row depends on is part of its key, so a changed method is run again and older rows are left behind.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from feature_extraction.datasets.prepare import prepare
from feature_extraction.errors import InputError
from feature_extraction.features.extract import kinematic_columns
from feature_extraction.protocol.split import find_split, list_splits
from feature_extraction.storage.files import content_hash
from feature_extraction.windows.window_set import WindowSet
from sadvae_har.baselines import RIVALS, closed_form
from sadvae_har.baselines.zerohar.zerohar import embed_channels
from sadvae_har.benchmark.cross_dataset import CROSS_SETTINGS, CrossSetting, cross_problem
from sadvae_har.benchmark.methods import (
    ABLATIONS,
    CLOSED_FORM,
    MATCHER,
    METHODS,
    OURS,
    ZEROHAR,
    ZEROHAR_CONFIG,
    Measurement,
    RawInputs,
    config_of,
    run_method,
)
from sadvae_har.benchmark.rows import ResultRow, append_rows, read_rows
from sadvae_har.config.settings import Config, TextConfig
from sadvae_har.experiment.inputs import Locations, load_problem, load_text
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
        config = config_of(self.method)
        if self.method == OURS or self.method in ABLATIONS:
            settings: object = config
        elif self.method == ZEROHAR:
            settings = (config.features, config.text, ZEROHAR_CONFIG)
        else:
            candidates = {**RIVALS, CLOSED_FORM: closed_form.candidates}.get(self.method, tuple)()
            settings = (config.features, config.text, candidates)
        where = _cross(self) or find_split(self.dataset, self.split)
        return content_hash(str(VERSION), repr(where), self.method, repr(self.seeds), repr(settings))[:16]


def plan(
    datasets: Sequence[str], kinds: Sequence[str], methods: Sequence[str], seeds: Sequence[int]
) -> tuple[Job, ...]:
    """List the jobs of a benchmark, split by split.

    Args:
        datasets: Data-set names.
        kinds: Split kinds; `headline` stands for the kind that counts for each data set, `cross` for learning from
            other data sets.
        methods: Names out of `METHODS`.
        seeds: Seeds; ZeroHAR, which takes minutes a seed, runs with the first one.

    Raises:
        InputError: An unknown data set or method, or a data set without splits of the kinds.
    """
    for what, names, known in (("data set", datasets, tuple(HEADLINE)), ("method", methods, METHODS)):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InputError(f"benchmark: {what} {unknown[0]!r} is unknown; choose from {', '.join(known)}")
    jobs = []
    for dataset in datasets:
        wanted = dict.fromkeys(HEADLINE[dataset] if kind == "headline" else kind for kind in kinds)
        splits = [name for kind in wanted for name in list_splits(dataset, kind=kind)]
        crossing = [s.name for s in CROSS_SETTINGS if s.target.dataset == dataset]
        splits += crossing if "cross" in wanted else []
        if not splits:
            raise InputError(f"benchmark: {dataset} has no splits of kind {', '.join(wanted)}; see `splits list`")
        jobs += [
            Job(dataset, split, method, tuple(seeds[:1] if method == ZEROHAR else seeds))
            for split in splits
            for method in methods
            if _applies(method, dataset, split)
        ]
    return tuple(jobs)


def _applies(method: str, dataset: str, split: str) -> bool:
    if method == ZEROHAR:
        return split in list_splits(dataset, kind="zerohar")
    # Devices of different data sets measure differently.
    return not (method == MATCHER and split in {s.name for s in CROSS_SETTINGS if s.target.dataset == dataset})


def run_benchmark(jobs: Sequence[Job], locations: Locations, results: Path, n_processes: int = 1) -> None:
    """Run the jobs whose rows are not in the results file yet, appending rows as jobs finish.

    Args:
        jobs: What to run.
        locations: `raw` is a folder with one folder per data set.
        results: JSON-lines file.
        n_processes: Jobs run at the same time, one thread each.
    """
    done = {row.key for row in read_rows(results)} if results.exists() else set()
    missing = [job for job in jobs if job.key not in done]
    logger.info("benchmark: %d jobs, %d done before", len(jobs), len(jobs) - len(missing))
    found = Parallel(n_jobs=n_processes, return_as="generator_unordered")(
        delayed(run_job)(job, locations) for job in missing
    )
    for rows in tqdm(found, total=len(missing), desc="benchmark", unit="job", disable=None):
        append_rows(results, rows)


def run_job(job: Job, locations: Locations) -> list[ResultRow]:
    """Run one job on one thread; return its rows."""
    torch.set_num_threads(1)
    problem, columns = _problem(job, locations)
    raw = _raw_inputs(job, problem, locations) if job.method == ZEROHAR else None
    return [_row(job, problem, entry) for entry in run_method(problem, job.method, job.seeds, columns, raw)]


def _cross(job: Job) -> CrossSetting | None:
    return next((s for s in CROSS_SETTINGS if (s.target.dataset, s.name) == (job.dataset, job.split)), None)


def _problem(job: Job, locations: Locations) -> tuple[Problem, tuple[int, ...]]:
    """Return the problem in the method's own inputs and, for the matcher, what its columns measure."""
    wanted, setting = config_of(job.method), _cross(job)
    if setting is not None:
        return _load_cross(setting, locations, wanted.text), ()
    columns = kinematic_columns(_windows(job, locations)) if job.method == MATCHER else ()
    inputs = Config(dataset=job.dataset, split=job.split, features=wanted.features, text=wanted.text)
    return _load(inputs, replace(locations, raw=_raw_folder(job, locations))), columns


def _raw_inputs(job: Job, problem: Problem, locations: Locations) -> RawInputs:
    windows, text = _windows(job, locations), config_of(job.method).text
    channel_text = embed_channels(windows, text.model, locations.resources / "text_feats")
    config = Config(dataset=job.dataset, split=job.split, text=text)
    return RawInputs(windows, channel_text, load_text(config, problem.split, locations))


def _windows(job: Job, locations: Locations) -> WindowSet:
    return prepare(job.dataset, _raw_folder(job, locations), out=locations.resources / "windows")


def _raw_folder(job: Job, locations: Locations) -> Path | None:
    return None if locations.raw is None else locations.raw / job.dataset


@lru_cache(maxsize=2)  # consecutive jobs share their problem
def _load(inputs: Config, locations: Locations) -> Problem:
    return load_problem(inputs, find_split(inputs.dataset, inputs.split), locations)


@lru_cache(maxsize=2)
def _load_cross(setting: CrossSetting, locations: Locations, text: TextConfig) -> Problem:
    return cross_problem(setting, locations, text)


def _row(job: Job, problem: Problem, entry: Measurement) -> ResultRow:
    n_unseen = len(problem.split.unseen)
    zsl = dict(entry.zsl) if entry.zsl is not None else None
    by_subject = zsl.pop("by_subject") if zsl is not None else {}
    values = asdict(entry) | {"zsl": zsl, "gzsl": dict(entry.gzsl) if entry.gzsl else None}
    return ResultRow.from_dict(
        {
            "key": job.key,
            "dataset": job.dataset,
            "split": job.split,
            "kind": problem.split.kind,
            "n_seen": len(problem.split.seen),
            "n_unseen": n_unseen,
            "chance": 1 / n_unseen,
            "by_subject": by_subject,
            **values,
            "seconds": round(entry.seconds, 3),
        }
    )
