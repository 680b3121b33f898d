"""The commands that run the method: texts, the four stages alone or together, and reports."""

from pathlib import Path

from jsonargparse import Namespace

from feature_extraction.errors import InputError
from feature_extraction.storage.places import text_cache
from sadvae_har.commands import parser as cl
from sadvae_har.commands.terminal import note, say
from sadvae_har.config.files import config_from_namespace

INPUTS = (cl.config, cl.raw, cl.features, cl.resources)
EXAMPLE = "--dataset usc-had --split zerohar-fold1 --raw ~/datasets/USC-HAD"
_RUN = (*INPUTS, cl.out("run folder (default: DATASET/... in the folder of runs)"))
_SPLITS = cl.option("--splits", default=None, help="run every split of this kind: random, zerohar, ...")


@cl.command("text embed", cl.config, cl.resources, example="--dataset usc-had --text.views '[label,motion]'")
def text_embed(arguments: Namespace) -> None:
    """Embed every description of a data set into the cache."""
    from feature_extraction.descriptions.embeddings import embed_views
    from sadvae_har.experiment.inputs import Locations, load_classes

    config = config_from_namespace(arguments)
    descriptions = load_classes(config, Locations(resources=arguments.resources)).descriptions.values()
    views = embed_views([*descriptions], config.text.views, config.text.model, text_cache(arguments.resources))
    for view, array in views.items():
        say(f"{view:12} {array.shape[0]} classes x {array.shape[1]} texts x {array.shape[2]} dimensions")


@cl.command("run", *_RUN, _SPLITS, example=EXAMPLE)
def run(arguments: Namespace) -> None:
    """Run all four stages on one split, or on every split of a kind."""
    from sadvae_har import pipeline
    from sadvae_har.report.tables import average_table, run_summary

    config, locations = config_from_namespace(arguments), cl.locations(arguments)
    if arguments.splits is None:
        folder, metrics = pipeline.run(config, locations, arguments.out)
        say(*run_summary(metrics).splitlines())
        say(f"report: {folder.path / 'report.html'}")
        return
    names = pipeline.splits_of_kind(config, arguments.splits)
    note(f"{len(names)} splits: {', '.join(names)}")
    say(*average_table(pipeline.run_splits(config, names, locations)).splitlines())


@cl.command("descriptions", *INPUTS, _SPLITS, example="--dataset usc-had --raw ~/datasets/USC-HAD")
def descriptions(arguments: Namespace) -> None:
    """Run every split of a kind with each description view alone and with all of them; print one table."""
    from sadvae_har import pipeline
    from sadvae_har.report.tables import comparison_table

    config, locations = config_from_namespace(arguments), cl.locations(arguments)
    names = pipeline.splits_of_kind(config, arguments.splits or "random")
    say(*comparison_table(pipeline.compare_descriptions(config, names, locations)).splitlines())


def _stage(name: str, what: str) -> cl.Command:
    """Return the command of one stage, which reads what the earlier ones left in the run folder."""

    def handler(arguments: Namespace) -> None:
        from sadvae_har.pipeline import run_stage

        folder = run_stage(name, config_from_namespace(arguments), cl.locations(arguments), arguments.out)
        say(f"{name}: done, in {folder.path}")

    handler.__doc__ = what
    return cl.Command(name, handler, _RUN, EXAMPLE)


@cl.command(
    "report",
    cl.option("runs", type=Path, nargs="+", help="run folder, or several to compare"),
    cl.out("page of a comparison (default: comparison.html beside the first run folder)"),
    example="resources/runs/quickstart resources/runs/another",
)
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
        say(*text.splitlines(), f"comparison: {path}")
        return
    (folder,) = arguments.runs
    if arguments.out is not None:
        raise InputError(f"--out {arguments.out}: a run's own report is {folder / 'report.html'}; drop --out")
    path = write_report(folder)
    say(*run_summary(RunFolder(folder).metrics()).splitlines())
    say(f"report: {path}")


RUN_COMMANDS = (
    text_embed,
    _stage("zsl train", "Stage 1: train the VAEs of a split; resumes if interrupted."),
    _stage("zsl evaluate", "Classify the unseen classes' test windows with a trained run."),
    _stage("gate train", "Stages 2 and 3: score pseudo-unseen classes and fit the domain classifier on them."),
    _stage("gzsl evaluate", "Stage 4: classify test windows of all classes, seen and unseen."),
    run,
    descriptions,
    report,
)
