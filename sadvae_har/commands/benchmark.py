"""The command `benchmark`."""

import os
from pathlib import Path

from jsonargparse import Namespace

from feature_extraction.errors import InputError, require_extra
from feature_extraction.storage.places import WORKING_FOLDER
from sadvae_har.commands import parser as cl
from sadvae_har.commands.terminal import say

RESULTS, DOCS = WORKING_FOLDER / "benchmarks" / "results.jsonl", WORKING_FOLDER / "docs"
EVERYDAY_RESULTS = RESULTS.with_name("everyday.jsonl")
SEEDS, EVERYDAY_SEEDS = 3, 1
MOST_SEEDS, MOST_PROCESSES = 100, 4 * (os.cpu_count() or 1)


@cl.command(
    "benchmark",
    cl.raw_folders,
    cl.option("--datasets", nargs="+", default=[], help="data sets (default: the six of the page)"),
    cl.option(
        "--kinds",
        nargs="+",
        default=[],
        help="split kinds: headline (the one that counts for each data set), random, zerohar (default: headline)",
    ),
    cl.option("--methods", nargs="+", default=[], help="methods and ablations (default: all)"),
    cl.option("--cross", action="store_true", help="recognition across data sets instead: docs/everyday.md"),
    cl.option("--targets", nargs="+", default=[], help="with --cross: data sets to test on (default: all nine)"),
    cl.option("--seeds", type=int, default=None, help="seeds 0, 1, ... (default: 3; with --cross 1)"),
    cl.option("--processes", type=int, default=1, help="jobs run at the same time"),
    cl.option(
        "--results",
        type=Path,
        default=None,
        help="append-only results file (default: benchmarks/results.jsonl; with --cross benchmarks/everyday.jsonl)",
    ),
    cl.option("--docs", type=Path, default=DOCS, help="folder of the page and its figures"),
    cl.option("--page", action="store_true", help="only write the page anew from the results file"),
    cl.resources,
    example="--raw ~/datasets --processes 2",
)
def benchmark(arguments: Namespace) -> None:
    """Run ours, its ablations and every rival on many splits, then write the results page anew.

    Rows go to an append-only file; the same command goes on where it was interrupted and runs only what is missing.
    """
    if arguments.seeds is not None:
        cl.require_within(arguments.seeds, "--seeds", 1, MOST_SEEDS)
    cl.require_within(arguments.processes, "--processes", 1, MOST_PROCESSES)
    foreign = ("datasets", "kinds", "methods") if arguments.cross else ("targets",)
    given = [name for name in foreign if arguments[name]]
    if given:
        raise InputError(f"--{given[0]} is for benchmarks {'without' if arguments.cross else 'with'} --cross")
    page = _across_data_sets(arguments) if arguments.cross else _within_data_sets(arguments)
    say(f"page: {page}")


def _within_data_sets(arguments: Namespace) -> Path:
    require_extra("plots", "matplotlib")
    from sadvae_har.benchmark.jobs import HEADLINE, plan, run_benchmark
    from sadvae_har.benchmark.methods import METHODS
    from sadvae_har.benchmark.page import write_page
    from sadvae_har.benchmark.rows import read_rows
    from sadvae_har.experiment.inputs import Locations

    results = arguments.results or RESULTS
    if not arguments.page:
        jobs = plan(
            arguments.datasets or tuple(HEADLINE),
            arguments.kinds or ("headline",),
            arguments.methods or METHODS,
            range(SEEDS if arguments.seeds is None else arguments.seeds),
        )
        locations = Locations(raw=arguments.raw, resources=arguments.resources)
        run_benchmark(jobs, locations, results, arguments.processes)
    return write_page(read_rows(results), arguments.docs)


def _across_data_sets(arguments: Namespace) -> Path:
    from sadvae_har.benchmark.everyday.jobs import TARGETS, plan, run_everyday
    from sadvae_har.benchmark.everyday.page import write_page
    from sadvae_har.benchmark.everyday.rows import read_everyday
    from sadvae_har.everyday.train import EverydayConfig
    from sadvae_har.experiment.inputs import Locations

    results = arguments.results or EVERYDAY_RESULTS
    if not arguments.page:
        seeds = range(EVERYDAY_SEEDS if arguments.seeds is None else arguments.seeds)
        jobs = plan(arguments.targets or TARGETS, EverydayConfig(), seeds)
        locations = Locations(raw=arguments.raw, resources=arguments.resources)
        run_everyday(jobs, locations, results, arguments.processes)
    return write_page(read_everyday(results), arguments.docs)
