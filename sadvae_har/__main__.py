"""Command line: `python -m sadvae_har COMMAND` or `sadvae-har COMMAND`.

The commands `data`, `splits`, `encoder`, `predict`, `activities`, `export` and `demo` stand in modules of their own;
nothing but these and this module prints. Handlers import what they need when they run, so that light commands start
fast. An `InputError` becomes one line on standard error and exit code 2; Ctrl-C leaves a state from which the same
command continues and exits with 130.
"""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import Namespace

from feature_extraction.errors import InputError
from sadvae_har.commands import parser as cl
from sadvae_har.commands.data import DATA_COMMANDS
from sadvae_har.commands.demo import DEMO_COMMAND
from sadvae_har.commands.encoder import ENCODER_COMMANDS
from sadvae_har.commands.export import EXPORT_COMMANDS
from sadvae_har.commands.predict import PREDICT_COMMANDS
from sadvae_har.config.files import config_from_namespace


def text_embed(arguments: Namespace) -> None:
    """Embed every description of a data set into the cache."""
    from feature_extraction.datasets import get_dataset
    from feature_extraction.descriptions.embeddings import embed_views

    config = config_from_namespace(arguments)
    descriptions = get_dataset(config.dataset).class_list().descriptions.values()
    views = embed_views([*descriptions], config.text.views, config.text.model, arguments.resources / "text_feats")
    for view, array in views.items():
        print(f"{view:12} {array.shape[0]} classes x {array.shape[1]} texts x {array.shape[2]} dimensions")


def run(arguments: Namespace) -> None:
    """Run all four stages on one split, or on every split of a kind."""
    from sadvae_har import pipeline
    from sadvae_har.report.tables import average_table, run_summary

    config, locations = config_from_namespace(arguments), cl.locations(arguments)
    if arguments.splits is None:
        folder, metrics = pipeline.run(config, locations, arguments.out)
        print(run_summary(metrics))
        print(f"report: {folder.path / 'report.html'}")
        return
    names = pipeline.splits_of_kind(config, arguments.splits)
    print(f"{len(names)} splits: {', '.join(names)}", file=sys.stderr)
    print(average_table(pipeline.run_splits(config, names, locations)))


def descriptions(arguments: Namespace) -> None:
    """Run every split of a kind with each description view alone and with all of them; print one table."""
    from sadvae_har import pipeline
    from sadvae_har.report.tables import comparison_table

    config, locations = config_from_namespace(arguments), cl.locations(arguments)
    names = pipeline.splits_of_kind(config, arguments.splits or "random")
    print(comparison_table(pipeline.compare_descriptions(config, names, locations)))


def zsl_train(arguments: Namespace) -> None:
    """Stage 1: train the VAEs of a split; resumes if interrupted."""
    _stage("zsl train", arguments)


def zsl_evaluate(arguments: Namespace) -> None:
    """Classify the unseen classes' test windows with a trained run."""
    _stage("zsl evaluate", arguments)


def gate_train(arguments: Namespace) -> None:
    """Stages 2 and 3: score pseudo-unseen classes and fit the domain classifier on them."""
    _stage("gate train", arguments)


def gzsl_evaluate(arguments: Namespace) -> None:
    """Stage 4: classify test windows of all classes, seen and unseen."""
    _stage("gzsl evaluate", arguments)


def _stage(name: str, arguments: Namespace) -> None:
    from sadvae_har.pipeline import run_stage

    folder = run_stage(name, config_from_namespace(arguments), cl.locations(arguments), arguments.out)
    print(f"{name}: done, in {folder.path}")


def report(arguments: Namespace) -> None:
    """Write report.html of a run again from its saved results, or one page that compares several runs.

    Both pages are interactive and need no network. Runs are compared with the first one.
    """
    from sadvae_har.experiment.run_folder import RunFolder
    from sadvae_har.report.comparison_page import write_comparison
    from sadvae_har.report.run_page import write_report
    from sadvae_har.report.tables import run_summary

    if len(arguments.runs) > 1:
        path, text = write_comparison(arguments.runs, arguments.out)
        print(f"{text}\ncomparison: {path}")
        return
    (folder,) = arguments.runs
    if arguments.out is not None:
        raise InputError(f"--out {arguments.out}: a run's own report is {folder / 'report.html'}; drop --out")
    path = write_report(folder)
    print(run_summary(RunFolder(folder).metrics()))
    print(f"report: {path}")


def benchmark(arguments: Namespace) -> None:
    """Run ours, its ablations and every rival on many splits, then write the results page anew.

    Rows go to an append-only file; the same command goes on where it was interrupted and runs only what is missing.
    """
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


def original_export(arguments: Namespace) -> None:
    """Write a split in the layout that the original SA-DVAE code reads."""
    from sadvae_har.pipeline import export_to_original

    print(export_to_original(config_from_namespace(arguments), cl.locations(arguments), arguments.out))


def original_run(arguments: Namespace) -> None:
    """Run all four stages on a folder in the original SA-DVAE layout."""
    from sadvae_har.baselines.reference.layout import OriginalLayout
    from sadvae_har.experiment.inputs import Locations
    from sadvae_har.pipeline import run_original
    from sadvae_har.report.tables import run_summary

    layout = OriginalLayout(
        arguments.root, arguments.name, arguments.n_classes, arguments.n_unseen, encoder=arguments.encoder
    )
    config = config_from_namespace(arguments)
    folder = run_original(layout, config, Locations(resources=arguments.resources), arguments.out)
    print(run_summary(folder.metrics()))
    print(f"report: {folder.path / 'report.html'}")


_RUN = (
    cl.config,
    cl.raw,
    cl.features,
    cl.resources,
    cl.out("run folder (default: resources/runs/DATASET/...)"),
)
_EXAMPLE = "--dataset usc-had --split zerohar-fold1 --raw ~/datasets/USC-HAD"
_SPLITS = cl.option("--splits", default=None, help="run every split of this kind: random, zerohar, ...")
COMMANDS = (
    *DATA_COMMANDS,
    *ENCODER_COMMANDS,
    *EXPORT_COMMANDS,
    cl.Command("text embed", text_embed, (cl.config, cl.resources), "--dataset usc-had --text.views '[label,motion]'"),
    cl.Command("zsl train", zsl_train, _RUN, _EXAMPLE),
    cl.Command("zsl evaluate", zsl_evaluate, _RUN, _EXAMPLE),
    cl.Command("gate train", gate_train, _RUN, _EXAMPLE),
    cl.Command("gzsl evaluate", gzsl_evaluate, _RUN, _EXAMPLE),
    cl.Command("run", run, (*_RUN, _SPLITS), _EXAMPLE),
    cl.Command("descriptions", descriptions, (*_RUN[:-1], _SPLITS), "--dataset usc-had --raw ~/datasets/USC-HAD"),
    cl.Command(
        "benchmark",
        benchmark,
        (
            cl.option("--raw", type=Path, default=None, help="folder with one folder of raw recordings per data set"),
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
            cl.option("--results", type=Path, default=cl.RESULTS, help="append-only results file"),
            cl.option("--docs", type=Path, default=cl.DOCS, help="folder of the page and its figures"),
            cl.option("--page", action="store_true", help="only write the page anew from the results file"),
            cl.resources,
        ),
        "--raw ~/datasets --processes 2",
    ),
    *PREDICT_COMMANDS,
    cl.Command(
        "report",
        report,
        (
            cl.option("runs", type=Path, nargs="+", help="run folder, or several to compare"),
            cl.out("page of a comparison (default: comparison.html beside the first run folder)"),
        ),
        "resources/runs/quickstart resources/runs/another",
    ),
    DEMO_COMMAND,
    cl.Command(
        "original run",
        original_run,
        (
            cl.option("root", type=Path, help="the resources folder of the original code"),
            cl.option("--name", required=True, help="data-set name in that folder, such as ntu60"),
            cl.option("--n-classes", type=int, required=True, help="number of classes"),
            cl.option("--n-unseen", type=int, required=True, help="number of unseen classes"),
            cl.option("--encoder", default="imu", help="name of the feature folder, such as shift"),
            cl.config,
            cl.resources,
            cl.out("run folder (default: resources/runs/NAME/...)"),
        ),
        "SA-DVAE/resources --name ntu60 --n-classes 60 --n-unseen 5 --encoder shift",
    ),
    cl.Command(
        "original export",
        original_export,
        (*_RUN[:-1], cl.out("folder to write", required=True)),
        f"{_EXAMPLE} --out original",
    ),
)


def _fail(message: str) -> int:
    """Print one line, whatever the message holds; return the exit code of bad input."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in ("sentence_transformers", "huggingface_hub", "transformers", "httpx"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        name, arguments = cl.leaf_arguments(cl.build_parser(COMMANDS).parse_args(argv))
        next(command for command in COMMANDS if command.name == name).handler(arguments)
        sys.stdout.flush()
    except InputError as error:
        return _fail(str(error))
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = error.filename or "file system"
        return _fail(f"{where}: {error.strerror or error}; check the path, its permissions and the free space")
    except KeyboardInterrupt:
        print("interrupted; the same command continues from the last checkpoint", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
