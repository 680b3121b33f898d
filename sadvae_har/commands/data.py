"""The commands `data` and `splits`: raw recordings, and the zero-shot problems made of their classes."""

from jsonargparse import Namespace

from feature_extraction.errors import InputError
from sadvae_har.commands import parser as cl


@cl.command("data list")
def data_list(arguments: Namespace) -> None:
    """Print the data sets that can be read."""
    from feature_extraction.datasets import DATASETS

    for name, spec in DATASETS.items():
        print(f"{name:10} {spec.title}\n{'':10} {spec.licence}\n{'':10} {spec.homepage}")


@cl.command("data check", cl.dataset, cl.raw, example="usc-had --raw ~/datasets/USC-HAD")
def data_check(arguments: Namespace) -> int:
    """Read every recording and print what looks wrong; exit code 1 if training would be impossible, or wrong."""
    from feature_extraction.datasets.check import check

    findings = check(arguments.dataset, arguments.raw)
    print("\n".join(findings))
    return int(any(finding.startswith("error:") for finding in findings))


@cl.command("data prepare", cl.dataset, cl.raw, cl.resources, cl.force, example="usc-had --raw ~/datasets/USC-HAD")
def data_prepare(arguments: Namespace) -> None:
    """Cut recordings into windows and print the summary table."""
    from feature_extraction.datasets.prepare import prepare
    from feature_extraction.windows.window_set import summary_table

    windows = prepare(arguments.dataset, arguments.raw, out=arguments.resources / "windows", force=arguments.force)
    print(summary_table(windows))


@cl.command(
    "splits create",
    cl.dataset,
    cl.option("--kind", default="random", choices=["random", "zerohar", "loco"], help="how classes are drawn"),
    cl.option("--count", type=int, default=6, help="number of random splits"),
    cl.option("--seed", type=int, default=0, help="seed of the draws"),
    cl.out("folder (default: that of the splits found by name)"),
    cl.force,
    example="path/to/dataset.yaml --kind random --count 3 --out my_splits",
)
def splits_create(arguments: Namespace) -> None:
    """Draw new splits and write them as JSON."""
    from feature_extraction.protocol.draw_splits import create_splits
    from feature_extraction.storage.places import OWN_SPLITS_FOLDER

    if arguments.seed < 0:
        raise InputError(f"--seed: {arguments.seed} cannot be used; give 0 or more")
    folder = arguments.out or OWN_SPLITS_FOLDER
    splits = create_splits(arguments.dataset, arguments.kind, arguments.count, arguments.seed)
    paths = [folder / split.dataset / f"{split.name}.json" for split in splits]
    for path in paths:
        if path.exists() and not arguments.force:
            raise InputError(f"{path}: exists; add --force to replace it or choose another --out")
    for split, path in zip(splits, paths, strict=True):
        split.save(path)
        print(f"{path}: {len(split.seen)} seen / {len(split.unseen)} unseen: {', '.join(split.unseen)}")


@cl.command("splits list", cl.dataset, example="usc-had")
def splits_list(arguments: Namespace) -> None:
    """Print the splits of a data set."""
    from feature_extraction.datasets import get_dataset
    from feature_extraction.protocol.split import find_split, list_splits

    dataset = get_dataset(arguments.dataset).name
    names = list_splits(dataset)
    if not names:
        raise InputError(f"no splits of {dataset}; make some with `splits create {arguments.dataset}`")
    for name in names:
        split = find_split(dataset, name)
        print(f"{name:16} {len(split.seen)}/{len(split.unseen)}  unseen: {', '.join(split.unseen)}")


DATA_COMMANDS = (data_list, data_check, data_prepare, splits_list, splits_create)
