"""Targets x known or novel activities x seeds, to rows of an append-only results file.

A job learns from all data sets but its target and asks all its questions; its rows are appended when it is done, and a
later call runs only what is missing. Axis legend: n windows, A activities.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from feature_extraction.datasets.device_windows import METHOD, SETTINGS
from feature_extraction.errors import InputError
from feature_extraction.storage.escaping import visible
from feature_extraction.storage.files import content_hash
from feature_extraction.storage.places import text_cache, windows_folder
from sadvae_har.benchmark.everyday.classifiers import Classifier, fit_classifiers
from sadvae_har.benchmark.everyday.described import RIVALS, ByDescription, Texts, choose_settings, fit_described
from sadvae_har.benchmark.everyday.numbers import Asked, measure
from sadvae_har.benchmark.everyday.rows import ALL_DEVICES, PLACE_KNOWN, EverydayRow, read_everyday
from sadvae_har.benchmark.everyday.tasks import NOVEL_DRAWS, Task, known_tasks, novel_tasks
from sadvae_har.benchmark.everyday.tested import (
    AS_RECORDED,
    CONDITIONS,
    MOST_MOMENTS,
    NO_GYROSCOPE,
    Tested,
    draw_tested,
)
from sadvae_har.benchmark.rows import run_missing
from sadvae_har.everyday.corpus import MOST_PER_CELL, Corpus
from sadvae_har.everyday.train import EverydayConfig
from sadvae_har.experiment.inputs import Locations

logger = logging.getLogger(__name__)

TARGETS = (
    *("usc-had", "hapt", "dsads", "wisdm", "wharf"),
    *("utd-mhad", "umafall", "sp-sw-har", "berkeley-mhad"),
)
KNOWN, NOVEL = "known", "novel"
PARTS = (KNOWN, NOVEL)
VERSION = 1  # raise it when rows of older code should be run again

Methods = Mapping[str, Classifier | ByDescription]


@dataclass(frozen=True)
class Job:
    """All questions of one kind about one target.

    Attributes:
        target: Data set that is tested on.
        part: Whether its activities were recorded elsewhere, or are `novel`.
        config: Settings of ours, with the seed.
        datasets: All data sets, the target among them.
    """

    target: str
    part: str
    config: EverydayConfig = EverydayConfig()
    datasets: tuple[str, ...] = TARGETS

    @property
    def key(self) -> str:
        """Return a digest of everything that decides the rows."""
        windows = (SETTINGS, METHOD, MOST_PER_CELL, MOST_MOMENTS, tuple(CONDITIONS))
        return content_hash(str(VERSION), repr(self), repr(windows), repr(RIVALS), repr(NOVEL_DRAWS))[:16]


def plan(targets: Sequence[str], config: EverydayConfig, seeds: Sequence[int]) -> tuple[Job, ...]:
    """List the jobs.

    Raises:
        InputError: A target is unknown.
    """
    unknown = [name for name in targets if name not in TARGETS]
    if unknown:
        raise InputError(f"benchmark: target {unknown[0]!r} is unknown; choose from {', '.join(TARGETS)}")
    return tuple(
        Job(target, part, replace(config, seed=seed)) for seed in seeds for target in targets for part in PARTS
    )


def run_everyday(jobs: Sequence[Job], locations: Locations, results: Path, n_processes: int = 1) -> None:
    """Run the jobs whose rows are not in the results file yet, appending rows as jobs finish.

    Args:
        jobs: What to run.
        locations: `raw` is a folder with one folder per data set.
        results: JSON-lines file.
        n_processes: Jobs run at the same time, one thread each.
    """
    done = {row.key for row in read_everyday(results)} if results.exists() else set()
    if all(job.key in done for job in jobs):
        return
    corpus = Corpus.load(jobs[0].datasets, locations.raw, windows_folder(locations.resources))
    run_missing(jobs, done, partial(run_job, corpus, cache=text_cache(locations.resources)), results, n_processes)


def run_job(corpus: Corpus, job: Job, cache: Path) -> list[EverydayRow]:
    """Run one job on one thread; return its rows.

    Args:
        corpus: Windows of all data sets.
        job: What to run.
        cache: Folder of sentence embeddings made before.
    """
    torch.set_num_threads(1)
    start = time.perf_counter()
    found = list((_known if job.part == KNOWN else _novel)(corpus, job, cache))
    logger.info("%s, %s activities: %d rows, %.0f s", job.target, job.part, len(found), time.perf_counter() - start)
    return found


def _known(corpus: Corpus, job: Job, cache: Path) -> Iterator[EverydayRow]:
    """Answer which of the activities that others recorded a window is of."""
    seed, method = job.config.seed, replace(job.config.method, seed=job.config.seed)
    split = corpus.split(job.target)
    rows = corpus.some(corpus.learnable(split), seed=seed)
    texts = Texts.of(corpus, method.text, cache)
    classifiers = fit_classifiers(corpus, rows, split, job.config.network, seed)
    settings = choose_settings(corpus, rows, split, method, texts, novel=False)
    described = fit_described(corpus, rows, split, method, texts, settings)
    trained = next(iter(classifiers.values())).known.activities
    yield from answer(corpus, job, known_tasks(corpus, job.target, trained), {**classifiers, **described})


def _novel(corpus: Corpus, job: Job, cache: Path) -> Iterator[EverydayRow]:
    """Answer which of some activities a window is of that were not learned from under any name."""
    seed, method = job.config.seed, replace(job.config.method, seed=job.config.seed)
    texts = Texts.of(corpus, method.text, cache)
    settings = None
    tasks = novel_tasks(corpus, job.target, seed)
    for task in tqdm(tasks, desc=visible(f"novel activities of {job.target}"), unit="draw", disable=None, leave=False):
        split = corpus.split(job.target, task.candidates)
        rows = corpus.some(corpus.learnable(split), seed=seed)
        if settings is None:  # chosen where all activities of the target are novel, so that it holds for every draw
            settings = choose_settings(corpus, rows, split, method, texts, novel=True)
        yield from answer(corpus, job, [task], fit_described(corpus, rows, split, method, texts, settings))


def answer(corpus: Corpus, job: Job, tasks: Sequence[Task], methods: Methods) -> Iterator[EverydayRow]:
    """Ask every method every question under every condition that applies to the target.

    Args:
        corpus: All windows.
        job: Names the target.
        tasks: The questions.
        methods: By name.

    Raises:
        InputError: A method gives scores that are not numbers.
    """
    rows = draw_tested(corpus, job.target, job.config.seed)
    moments = corpus.moments(rows)
    names = tuple(dict.fromkeys(name for task in tasks for name in task.candidates))
    for condition in CONDITIONS:
        if condition == NO_GYROSCOPE and not corpus.windows.has_gyro[rows].any():
            continue
        tested = Tested.under(corpus, rows, condition, job.config.seed)
        for title, method in methods.items():
            ask = _Asking(corpus, job, names, title, method.fit_s)
            scores = method.scores(tested, names)
            if np.isnan(scores).any():
                raise InputError(f"benchmark: {title} on {job.target}, {condition}: scores are not numbers")
            yield from ask.all(tasks, rows, scores, condition)
            if condition != AS_RECORDED:
                continue
            if len(np.unique(moments)) < len(rows):
                first = rows[np.unique(moments, return_index=True)[1]]
                yield from ask.all(tasks, first, _summed(scores, moments), ALL_DEVICES)
            if job.part == NOVEL and isinstance(method, ByDescription):
                yield from ask.all(tasks, rows, method.scores(tested, names, place_known=True), PLACE_KNOWN)


def _summed(scores: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Return the sum of the scores of all devices of each moment [moments, A]."""
    found = np.zeros((moments.max() + 1, scores.shape[1]))
    np.add.at(found, moments, scores)
    return found


@dataclass(frozen=True)
class _Asking:
    """A method that is asked: what its rows have in common."""

    corpus: Corpus
    job: Job
    names: tuple[str, ...]
    method: str
    fit_s: float

    def all(self, tasks: Sequence[Task], rows: np.ndarray, scores: np.ndarray, condition: str) -> Iterator[EverydayRow]:
        """Yield a row a task from scores [n, A] of all names."""
        for task in tasks:
            kept = task.asks(self.corpus, rows)
            if not kept.any():
                continue
            asked = Asked.of(self.corpus, rows[kept], task, together=condition == ALL_DEVICES)
            predicted = scores[kept][:, [self.names.index(name) for name in task.candidates]].argmax(1)
            yield EverydayRow(
                key=self.job.key,
                target=self.job.target,
                task=task.name,
                draw=task.draw,
                method=self.method,
                condition=condition,
                seed=self.job.config.seed,
                activities=task.candidates if task.novel else (),
                n_candidates=len(task.candidates),
                chance=round(asked.chance, 5),
                fit_s=round(self.fit_s, 2),
                **measure(asked, predicted, self.job.config.seed),
            )
