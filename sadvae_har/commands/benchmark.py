"""The command `benchmark`."""

from pathlib import Path

from jsonargparse import Namespace

from feature_extraction.errors import require_extra
from feature_extraction.storage.places import WORKING_FOLDER
from sadvae_har.commands import parser as cl

RESULTS, DOCS = WORKING_FOLDER / "benchmarks" / "results.jsonl", WORKING_FOLDER / "docs"


@cl.command(
    "benchmark",
    cl.raw_folders,
    cl.option("--datasets", nargs="+", default=[], help="data sets (default: the six of the page)"),
    cl.option(
        "--kinds",
        nargs="+",
        default=["headline"],
        help="split kinds: headline (the one that counts for each data set), random, zerohar",
    ),
    cl.option("--methods", nargs="+", default=[], help="methods and ablations (default: all)"),
    cl.option("--seeds", type=int, default=3, help="seeds 0, 1, ... per method"),
    cl.option("--processes", type=int, default=1, help="jobs run at the same time"),
    cl.option("--results", type=Path, default=RESULTS, help="append-only results file"),
    cl.option("--docs", type=Path, default=DOCS, help="folder of the page and its figures"),
    cl.option("--page", action="store_true", help="only write the page anew from the results file"),
    cl.resources,
    example="--raw ~/datasets --processes 2",
)
def benchmark(arguments: Namespace) -> None:
    """Run ours, its ablations and every rival on many splits, then write the results page anew.

    Rows go to an append-only file; the same command goes on where it was interrupted and runs only what is missing.
    """
    require_extra("plots", "matplotlib")
    from sadvae_har.benchmark.jobs import HEADLINE, plan, run_benchmark
    from sadvae_har.benchmark.methods import METHODS
    from sadvae_har.benchmark.page import write_page
    from sadvae_har.benchmark.rows import read_rows
    from sadvae_har.experiment.inputs import Locations

    if not arguments.page:
        jobs = plan(
            arguments.datasets or tuple(HEADLINE),
            arguments.kinds,
            arguments.methods or METHODS,
            range(arguments.seeds),
        )
        locations = Locations(raw=arguments.raw, resources=arguments.resources)
        run_benchmark(jobs, locations, arguments.results, arguments.processes)
    print(f"page: {write_page(read_rows(arguments.results), arguments.docs)}")
