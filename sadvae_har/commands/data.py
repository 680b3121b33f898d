"""The commands `data` and `splits`: raw recordings, and the zero-shot problems made of their classes."""

from jsonargparse import Namespace

from feature_extraction.errors import InputError
from sadvae_har.commands import parser as cl


def data_list(arguments: Namespace) -> None:
    """Print the data sets that can be read."""
    from feature_extraction.datasets import DATASETS

    for name, spec in DATASETS.items():
        print(f"{name:10} {spec.title}\n{'':10} {spec.licence}\n{'':10} {spec.homepage}")


def data_check(arguments: Namespace) -> None:
    """Read every recording and print what looks wrong."""
    from feature_extraction.datasets.check import check

    print("\n".join(check(arguments.dataset, arguments.raw)))


def data_prepare(arguments: Namespace) -> None:
    """Cut recordings into windows and print the summary table."""
    from feature_extraction.datasets.prepare import prepare, summary_table

    windows = prepare(arguments.dataset, arguments.raw, out=arguments.resources / "windows", force=arguments.force)
    print(summary_table(windows))


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


DATA_COMMANDS = (
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
            cl.out("folder (default: that of the splits found by name)"),
            cl.force,
        ),
        "path/to/dataset.yaml --kind random --count 3 --out my_splits",
    ),
)
