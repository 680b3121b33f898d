"""Command line: `python -m sadvae_har COMMAND` or `sadvae-har COMMAND`. The only place that prints.

Handlers import what they need when they run, so that light commands start fast. An `InputError`
becomes one line on standard error and exit code 2; Ctrl-C leaves a state from which the same command
continues and exits with 130.
"""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import Namespace

from feature_extraction.errors import InputError
from sadvae_har import command_line as cl
from sadvae_har.config import config_from_namespace

if TYPE_CHECKING:
    from feature_extraction.protocol import Split
    from sadvae_har.pipeline import Locations


def data_list(arguments: Namespace) -> None:
    """Print the data sets that can be read."""
    from feature_extraction.datasets import DATASETS

    for name, spec in DATASETS.items():
        print(f"{name:10} {spec.title}\n{'':10} {spec.licence}\n{'':10} {spec.homepage}")


def data_check(arguments: Namespace) -> None:
    """Read every recording and print what looks wrong."""
    from feature_extraction.prepare import check

    print("\n".join(check(arguments.dataset, arguments.raw)))


def data_prepare(arguments: Namespace) -> None:
    """Cut recordings into windows and print the summary table."""
    from feature_extraction.prepare import prepare, summary_table

    windows = prepare(arguments.dataset, arguments.raw, out=arguments.resources / "windows", force=arguments.force)
    print(summary_table(windows))


def splits_create(arguments: Namespace) -> None:
    """Draw new splits and write them as JSON."""
    from feature_extraction.protocol import SPLITS_FOLDER
    from feature_extraction.split_creation import create_splits

    if arguments.seed < 0:
        raise InputError(f"--seed: {arguments.seed} cannot be used; give 0 or more")
    folder = arguments.out or SPLITS_FOLDER
    splits = create_splits(arguments.dataset, arguments.kind, arguments.count, arguments.seed)
    paths = [folder / split.dataset / f"{split.name}.json" for split in splits]
    for path in paths:
        if path.exists() and not arguments.force:
            raise InputError(f"{path}: exists; add --force to replace it or choose another --out")
    for split, path in zip(splits, paths, strict=True):
        split.save(path)
        print(f"{path}: {len(split.seen)} seen / {len(split.unseen)} unseen: {', '.join(split.unseen)}")


def splits_list(arguments: Namespace) -> None:
    """Print the splits of a data set."""
    from feature_extraction.datasets import get_dataset
    from feature_extraction.protocol import find_split, list_splits

    dataset = get_dataset(arguments.dataset).name
    names = list_splits(dataset)
    if not names:
        raise InputError(f"no splits of {dataset}; make some with `splits create {arguments.dataset}`")
    for name in names:
        split = find_split(dataset, name)
        print(f"{name:16} {len(split.seen)}/{len(split.unseen)}  unseen: {', '.join(split.unseen)}")


def encoder_pretrain(arguments: Namespace) -> None:
    """Train an IMU encoder on the seen classes of the train subjects of a split."""
    from feature_extraction.extract import encoder_folder
    from feature_extraction.prepare import prepare
    from feature_extraction.pretraining import OBJECTIVES, pretrain
    from sadvae_har.pipeline import load_split

    config = config_from_namespace(arguments)
    if arguments.objective not in OBJECTIVES:
        raise InputError(f"--objective: {arguments.objective!r} is unknown; choose from {', '.join(OBJECTIVES)}")
    split = load_split(config)
    windows = prepare(config.dataset, arguments.raw, out=arguments.resources / "windows")
    folder = encoder_folder(windows, split, arguments.objective, arguments.resources)
    print(f"encoder: {pretrain(windows, split, arguments.objective, out=folder)}")


def encoder_pool(arguments: Namespace) -> None:
    """Pretrain a patch transformer on several data sets, without labels unless an objective needs them.

    Test subjects of every data set stay out. Under torchrun, several processes share the work.
    """
    from feature_extraction.prepare import prepare
    from feature_extraction.pretraining.corpus import choose_windows
    from feature_extraction.pretraining.patch_config import load_patch_config
    from feature_extraction.pretraining.patch_pretraining import pretrain_patches

    split = None if arguments.exclude_unseen is None else _split_of(arguments.exclude_unseen)
    config = load_patch_config(arguments.pretraining)
    resources: Path = arguments.resources
    parts = []
    for name in arguments.datasets:
        raw = None if arguments.raw is None else arguments.raw / name
        parts.append(choose_windows(prepare(name, raw, out=resources / "windows"), split, arguments.strict))
    print(f"encoder: {pretrain_patches(parts, config, arguments.out, text_cache=resources / 'text_feats')}")


def _split_of(text: str) -> "Split":
    from feature_extraction.protocol import find_split

    dataset, _, name = text.partition("/")
    if not name:
        raise InputError(
            f"--exclude-unseen: {text!r} names no split; write DATASET/SPLIT, such as usc-had/zerohar-fold1"
        )
    return find_split(dataset, name)


def encoder_extract(arguments: Namespace) -> None:
    """Compute the feature table of a split, training its encoder if need be."""
    from sadvae_har.pipeline import load_features, load_split

    config = config_from_namespace(arguments)
    if arguments.every < 1:
        raise InputError(f"--every: {arguments.every} cannot be used; give 1 or more")
    if arguments.out is not None and arguments.out.suffix != ".npz":
        raise InputError(f"--out: {arguments.out} is no .npz file; name one, such as {arguments.dataset}.npz")
    table = load_features(config, load_split(config), _locations(arguments)).keep_every(arguments.every)
    if arguments.out is not None:
        table.save(arguments.out, half=True)
        print(f"features: {arguments.out}")
    print(f"{len(table.features)} windows, " + ", ".join(f"{name} {width}" for name, width in table.blocks.items()))


def encoder_show(arguments: Namespace) -> None:
    """Print what a checkpoint is and what it has seen."""
    from feature_extraction.pretraining.checkpoint import describe_checkpoint
    from feature_extraction.pretraining.patch_checkpoint import describe_patch_checkpoint, is_patch_checkpoint

    if not arguments.checkpoint.is_dir():
        raise InputError(f"{arguments.checkpoint}: no such folder; `encoder pretrain` makes one and prints its path")
    describe = describe_patch_checkpoint if is_patch_checkpoint(arguments.checkpoint) else describe_checkpoint
    print(describe(arguments.checkpoint))


def text_embed(arguments: Namespace) -> None:
    """Embed every description of a data set into the cache."""
    from feature_extraction.datasets import get_dataset
    from feature_extraction.text import embed_views

    config = config_from_namespace(arguments)
    class_list = get_dataset(config.dataset).class_list()
    cache = arguments.resources / "text_feats"
    views = embed_views(class_list, class_list.names, config.text.views, config.text.model, cache)
    for view, array in views.items():
        print(f"{view:12} {array.shape[0]} classes x {array.shape[1]} texts x {array.shape[2]} dimensions")


def run(arguments: Namespace) -> None:
    """Run all four stages on one split, or on every split of a kind."""
    from sadvae_har import pipeline
    from sadvae_har.tables import average_table, run_summary

    config, locations = config_from_namespace(arguments), _locations(arguments)
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
    from sadvae_har.tables import comparison_table

    config, locations = config_from_namespace(arguments), _locations(arguments)
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

    folder = run_stage(name, config_from_namespace(arguments), _locations(arguments), arguments.out)
    print(f"{name}: done, in {folder.path}")


def report(arguments: Namespace) -> None:
    """Write report.html of a run folder again from its saved results and print the summary."""
    from sadvae_har.report import write_report
    from sadvae_har.run_folder import RunFolder
    from sadvae_har.tables import run_summary

    path = write_report(arguments.run)
    print(run_summary(RunFolder(arguments.run).metrics()))
    print(f"report: {path}")


def benchmark(arguments: Namespace) -> None:
    """Run ours, its ablations and every rival on many splits, then write the results page anew.

    Rows go to an append-only file; the same command goes on where it was interrupted and runs only what is missing.
    """
    from sadvae_har.benchmark import HEADLINE, plan, run_benchmark
    from sadvae_har.benchmark_methods import METHODS
    from sadvae_har.benchmark_page import write_page
    from sadvae_har.benchmark_rows import read_rows
    from sadvae_har.pipeline import Locations

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

    print(export_to_original(config_from_namespace(arguments), _locations(arguments), arguments.out))


def original_run(arguments: Namespace) -> None:
    """Run all four stages on a folder in the original SA-DVAE layout."""
    from sadvae_har.original_layout import OriginalLayout
    from sadvae_har.pipeline import Locations, run_original
    from sadvae_har.tables import run_summary

    layout = OriginalLayout(
        arguments.root, arguments.name, arguments.n_classes, arguments.n_unseen, encoder=arguments.encoder
    )
    config = config_from_namespace(arguments)
    folder = run_original(layout, config, Locations(resources=arguments.resources), arguments.out)
    print(run_summary(folder.metrics()))
    print(f"report: {folder.path / 'report.html'}")


def _locations(arguments: Namespace) -> "Locations":
    from sadvae_har.pipeline import Locations

    return Locations(raw=arguments.raw, features=arguments.feature_table, resources=arguments.resources)


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
    cl.Command("data list", data_list, ()),
    cl.Command("data check", data_check, (cl.dataset, cl.raw), "usc-had --raw ~/datasets/USC-HAD"),
    cl.Command(
        "data prepare",
        data_prepare,
        (cl.dataset, cl.raw, cl.resources, cl.force),
        "usc-had --raw ~/datasets/USC-HAD",
    ),
    cl.Command("splits list", splits_list, (cl.dataset,), "usc-had"),
    cl.Command(
        "splits create",
        splits_create,
        (
            cl.dataset,
            cl.option(
                "--kind",
                default="random",
                choices=["random", "zerohar", "loco"],
                help="how classes are drawn",
            ),
            cl.option("--count", type=int, default=6, help="number of random splits"),
            cl.option("--seed", type=int, default=0, help="seed of the draws"),
            cl.out("folder (default: resources/label_splits)"),
            cl.force,
        ),
        "path/to/dataset.yaml --kind random --count 3 --out my_splits",
    ),
    cl.Command(
        "encoder pretrain",
        encoder_pretrain,
        (
            cl.option("--objective", default="supervised", help="what it learns from"),
            cl.config,
            cl.raw,
            cl.resources,
        ),
        "--dataset usc-had --split zerohar-fold1 --raw ~/datasets/USC-HAD",
    ),
    cl.Command(
        "encoder pool",
        encoder_pool,
        (
            cl.option("--datasets", type=str, nargs="+", required=True, help="data sets to learn from"),
            cl.option("--raw", type=Path, default=None, help="folder with one folder of recordings per data set"),
            cl.option(
                "--pretraining",
                type=Path,
                default=cl.ROOT / "sadvae_har" / "configs" / "pretrain_tiny.yaml",
                help="YAML of objectives, network and optimisation",
            ),
            cl.option(
                "--exclude-unseen",
                default=None,
                help="DATASET/SPLIT whose unseen classes and test subjects stay out, and whose labels of synonyms too",
            ),
            cl.option("--strict", action="store_true", help="leave windows of synonyms out altogether"),
            cl.resources,
            cl.out("folder of the encoder", required=True),
        ),
        "--datasets usc-had hapt --raw ~/datasets --exclude-unseen usc-had/zerohar-fold1 --out my_encoder",
    ),
    cl.Command(
        "encoder extract",
        encoder_extract,
        (
            cl.config,
            cl.raw,
            cl.features,
            cl.resources,
            cl.out("also write the table to this .npz file, as float16"),
            cl.option("--every", type=int, default=1, help="keep every Nth window, for a compact table"),
        ),
        "--dataset usc-had --split zerohar-fold1 --raw ~/datasets/USC-HAD --out usc-had.npz",
    ),
    cl.Command(
        "encoder show",
        encoder_show,
        (cl.option("checkpoint", type=Path, help="folder of a checkpoint, as `encoder pretrain` prints it"),),
        "resources/runs/encoders/usc-had/zerohar-fold1/resnet-0123abcd",
    ),
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
    cl.Command("report", report, (cl.option("run", type=Path, help="run folder"),), "resources/runs/quickstart"),
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
