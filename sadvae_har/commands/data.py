"""The commands `data` and `splits`: raw recordings, and the zero-shot problems made of their classes."""

from typing import TYPE_CHECKING

from jsonargparse import Namespace

from feature_extraction.errors import InputError
from feature_extraction.storage.places import windows_folder
from feature_extraction.storage.plain import LARGEST_SEED
from sadvae_har.commands import parser as cl
from sadvae_har.commands.terminal import say

if TYPE_CHECKING:
    from feature_extraction.protocol.split import Split


MOST_SPLITS = 1000


@cl.command("data list")
def data_list(arguments: Namespace) -> None:
    """Print the data sets that can be read."""
    from feature_extraction.datasets import DATASETS

    for name, spec in DATASETS.items():
        say(f"{name:10} {spec.title}", f"{'':10} {spec.licence}", f"{'':10} {spec.homepage}")


@cl.command("data check", cl.dataset, cl.raw, example="usc-had --raw ~/datasets/USC-HAD")
def data_check(arguments: Namespace) -> int:
    """Read every recording and print what looks wrong; exit code 1 if training would be impossible, or wrong."""
    from feature_extraction.datasets.check import check

    findings = check(arguments.dataset, arguments.raw)
    say(*findings)
    return int(any(finding.startswith("error:") for finding in findings))


@cl.command("data prepare", cl.dataset, cl.raw, cl.resources, cl.force, example="usc-had --raw ~/datasets/USC-HAD")
def data_prepare(arguments: Namespace) -> None:
    """Cut recordings into windows and print the summary table."""
    from feature_extraction.datasets.prepare import prepare
    from feature_extraction.windows.window_set import summary_table

    windows = prepare(arguments.dataset, arguments.raw, out=windows_folder(arguments.resources), force=arguments.force)
    say(*summary_table(windows).splitlines())


@cl.command(
    "splits create",
    cl.dataset,
    cl.raw,
    cl.option("--kind", default="random", choices=["random", "zerohar", "loco"], help="how classes are drawn"),
    cl.option("--count", type=int, default=None, help="number of random splits (default: 6, or as many as there are)"),
    cl.option("--seed", type=int, default=0, help="seed of the draws"),
    cl.option("--unseen", default=None, help="unseen classes of your own choice: 'one,another' (default: drawn)"),
    cl.option("--test-subjects", default=None, help="with --unseen: who is tested, 'anna,ben' (default: drawn)"),
    cl.option("--open", action="store_true", help="learn from everything that is labelled; nothing is measured"),
    cl.out("folder (default: that of the splits found by name)"),
    cl.force,
    example="path/to/dataset.yaml --kind random --count 3 --out my_splits",
)
def splits_create(arguments: Namespace) -> None:
    """Draw new splits and write them as JSON."""
    from feature_extraction.storage.places import OWN_SPLITS_FOLDER

    cl.require_within(arguments.seed, "--seed", 0, LARGEST_SEED)
    if arguments.count is not None:
        cl.require_within(arguments.count, "--count", 1, MOST_SPLITS)
    if arguments.test_subjects is not None and arguments.unseen is None:
        raise InputError("--test-subjects: goes with --unseen; drawn splits draw their test subjects, too")
    if arguments.open and arguments.unseen is not None:
        raise InputError("--open: learns from every class, so none can be --unseen; leave out one of them")
    folder = arguments.out or OWN_SPLITS_FOLDER
    splits = _new_splits(arguments)
    paths = [folder / split.dataset / f"{split.name}.json" for split in splits]
    for path in paths:
        if path.exists() and not arguments.force:
            raise InputError(f"{path}: exists; add --force to replace it or choose another --out")
    for split, path in zip(splits, paths, strict=True):
        split.save(path)
        unseen = f"{len(split.seen)} seen / {len(split.unseen)} unseen: {', '.join(split.unseen)}"
        say(f"{path}: {unseen if split.unseen else f'{len(split.seen)} classes'}")
    _say_what_they_mean(arguments.dataset, splits[0])


def _new_splits(arguments: Namespace) -> "list[Split]":
    from feature_extraction.protocol import draw_splits

    if arguments.open:
        return [draw_splits.create_open(draw_splits.Recorded.read(arguments.dataset, arguments.raw), arguments.seed)]
    if arguments.unseen is None:
        return draw_splits.create_splits(
            arguments.dataset, arguments.kind, arguments.count, arguments.seed, arguments.raw
        )
    subjects = _names(arguments.test_subjects, "--test-subjects") if arguments.test_subjects is not None else ()
    unseen = _names(arguments.unseen, "--unseen")
    return [draw_splits.create_custom(arguments.dataset, unseen, subjects, arguments.seed, arguments.raw)]


def _names(text: str, flag: str) -> tuple[str, ...]:
    """Return names between commas; a name with a comma in it is put in double quotes."""
    import csv

    try:
        names = tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []) if name.strip())
    except csv.Error as error:  # an end of line outside of quotes
        raise InputError(f"{flag}: {text!r} is no list of names ({error}); put commas between them") from error
    twice = [name for name in names if names.count(name) > 1]
    if not names or twice:
        raise InputError(f"{flag}: {text!r} {f'names {twice[0]!r} twice' if twice else 'names nothing'}")
    return names


def _say_what_they_mean(dataset: str, split: "Split") -> None:
    """Print what is measured, where that is not what is usual, and which classes are left out or not tested."""
    from feature_extraction.datasets import get_dataset

    if split.kind == "open" or split.holds_out != "people":
        say(f"{split.meaning[0].upper()}{split.meaning[1:]}.")
    left_out = [name for name in get_dataset(dataset).class_list().names if name not in split.classes]
    if left_out:
        say(f"Left out, without recordings or done by too few people: {', '.join(left_out)}.")
    if split.untested:
        say(f"Learned from, but never tested, since no test subject did it: {', '.join(split.untested)}.")


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
        unseen = f"unseen: {', '.join(split.unseen)}" if split.unseen else split.meaning
        say(f"{name:16} {len(split.seen)}/{len(split.unseen)}  {unseen}")


DATA_COMMANDS = (data_list, data_check, data_prepare, splits_list, splits_create)
