"""The commands `original`: the folder layout of the original SA-DVAE code."""

from pathlib import Path

from jsonargparse import Namespace

from sadvae_har.commands import parser as cl
from sadvae_har.commands.run import EXAMPLE, INPUTS
from sadvae_har.commands.terminal import say
from sadvae_har.config.files import config_from_namespace


@cl.command("original export", *INPUTS, cl.out("folder to write", required=True), example=f"{EXAMPLE} --out original")
def original_export(arguments: Namespace) -> None:
    """Write a split in the layout that the original SA-DVAE code reads."""
    from sadvae_har.pipeline import export_to_original

    say(str(export_to_original(config_from_namespace(arguments), cl.locations(arguments), arguments.out)))


@cl.command(
    "original run",
    cl.option("root", type=Path, help="the resources folder of the original code"),
    cl.option("--name", required=True, help="data-set name in that folder, such as ntu60"),
    cl.option("--n-classes", type=int, required=True, help="number of classes"),
    cl.option("--n-unseen", type=int, required=True, help="number of unseen classes"),
    cl.option("--encoder", default="imu", help="name of the feature folder, such as shift"),
    cl.config,
    cl.resources,
    cl.out("run folder (default: NAME/... in the folder of runs)"),
    example="SA-DVAE/resources --name ntu60 --n-classes 60 --n-unseen 5 --encoder shift",
)
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
    say(*run_summary(folder.metrics()).splitlines())
    say(f"report: {folder.path / 'report.html'}")


ORIGINAL_COMMANDS = (original_run, original_export)
