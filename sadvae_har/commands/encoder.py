"""The commands `encoder`: pretrain, pool, extract, show."""

from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import Namespace

from feature_extraction.errors import InputError
from feature_extraction.storage.files import require_writable
from feature_extraction.storage.places import text_cache, windows_folder
from sadvae_har.commands import parser as cl
from sadvae_har.commands.terminal import say
from sadvae_har.config.files import CONFIGS_FOLDER, config_from_namespace

if TYPE_CHECKING:
    from feature_extraction.protocol.split import Split

CARD = "README.md"
MOST_EVERY = 1_000_000


@cl.command(
    "encoder pretrain",
    cl.config,
    cl.raw,
    cl.resources,
    example="--dataset usc-had --split zerohar-fold1 --raw ~/datasets/USC-HAD",
)
def encoder_pretrain(arguments: Namespace) -> None:
    """Train an IMU encoder on the seen classes of the train subjects of a split."""
    from feature_extraction.datasets.prepare import prepare
    from feature_extraction.features.extract import encoder_folder
    from feature_extraction.pretraining.resnet.pretrain import pretrain
    from sadvae_har.experiment.inputs import Locations, load_split

    config = config_from_namespace(arguments)
    split = load_split(config, Locations(arguments.raw, resources=arguments.resources))
    windows = prepare(config.dataset, arguments.raw, out=windows_folder(arguments.resources))
    folder = encoder_folder(windows, split, arguments.resources)
    say(f"encoder: {pretrain(windows, split, out=folder)}")


@cl.command(
    "encoder pool",
    cl.option("--datasets", type=str, nargs="+", default=[], help="data sets to learn from"),
    cl.option(
        "--leave-out",
        type=str,
        nargs="+",
        default=[],
        help="instead of --datasets: learn from every data set found in --raw but these",
    ),
    cl.raw_folders,
    cl.option(
        "--pretraining",
        type=Path,
        default=CONFIGS_FOLDER / "pretrain_tiny.yaml",
        help="YAML of objectives, network and optimisation",
    ),
    cl.option(
        "--exclude-unseen",
        default=None,
        help="DATASET/SPLIT, or a split file: its unseen classes and test subjects stay out, and the labels of "
        "synonyms in other data sets",
    ),
    cl.option("--start", default=None, help="encoder to train further: a folder, or the name of a shipped one"),
    cl.option("--strict", action="store_true", help="leave windows of synonyms out altogether"),
    cl.resources,
    cl.out("folder of the encoder", required=True),
    example="--leave-out wharf --raw ~/datasets --exclude-unseen wharf/random-1 --out my_encoder",
)
def encoder_pool(arguments: Namespace) -> None:
    """Pretrain a patch transformer on several data sets, without labels unless an objective needs them.

    Name the data sets, or those to leave out: then every other one whose folder is in --raw takes part. Test
    subjects of every data set stay out. Under torchrun, several processes share the work.
    """
    from feature_extraction.datasets.prepare import prepare
    from feature_extraction.features.encoder_blocks import find_encoder
    from feature_extraction.pretraining.checkpoint import PatchCheckpoint
    from feature_extraction.pretraining.config import load_patch_config
    from feature_extraction.pretraining.corpus import choose_windows
    from feature_extraction.pretraining.pretrain import pretrain_patches

    split = None if arguments.exclude_unseen is None else _split_of(arguments.exclude_unseen)
    config = load_patch_config(arguments.pretraining)
    resources: Path = arguments.resources
    start = None if arguments.start is None else PatchCheckpoint.load(find_encoder(arguments.start))
    parts = []
    for name in _pooled(arguments):
        raw = None if arguments.raw is None else arguments.raw / name
        parts.append(choose_windows(prepare(name, raw, out=windows_folder(resources)), split, arguments.strict))
    cache = text_cache(resources)
    say(f"encoder: {pretrain_patches(parts, config, arguments.out, text_cache=cache, start=start)}")


def _pooled(arguments: Namespace) -> list[str]:
    """Return the data sets to pool: those named, or all that are there but those left out."""
    from feature_extraction.datasets import DATASETS

    names, left_out = arguments.datasets, arguments.leave_out
    if bool(names) == bool(left_out):
        raise InputError(
            "give either --datasets, to learn from these, or --leave-out, to learn from all others in --raw"
        )
    if names:
        return names
    for name in left_out:
        if name not in DATASETS:
            raise InputError(f"--leave-out: data set {name!r} is unknown; choose from {', '.join(DATASETS)}")
    folders = {name: spec.raw_folder(arguments.raw and arguments.raw / name) for name, spec in DATASETS.items()}
    found = [name for name, folder in folders.items() if folder.is_dir() and name not in left_out]
    if not found:
        where = arguments.raw or "resources/raw"
        raise InputError(f"--raw: {where} has no folder of another data set; name its folders {', '.join(DATASETS)}")
    return found


def _split_of(text: str) -> "Split":
    from feature_extraction.protocol.split import Split, find_split

    if text.endswith(".json"):
        return Split.load(Path(text))
    dataset, _, name = text.partition("/")
    if not name:
        raise InputError(
            f"--exclude-unseen: {text!r} names no split; write DATASET/SPLIT, such as usc-had/zerohar-fold1, "
            "or the path of a split file"
        )
    return find_split(dataset, name)


@cl.command(
    "encoder extract",
    cl.config,
    cl.raw,
    cl.features,
    cl.resources,
    cl.out("also write the table to this .npz file, as float16"),
    cl.option("--every", type=int, default=1, help="keep every Nth window, for a compact table"),
    example="--dataset usc-had --split zerohar-fold1 --raw ~/datasets/USC-HAD --out usc-had.npz",
)
def encoder_extract(arguments: Namespace) -> None:
    """Compute the feature table of a split, training its encoder if need be."""
    from sadvae_har.experiment.inputs import load_features, load_split

    config = config_from_namespace(arguments)
    cl.require_within(arguments.every, "--every", 1, MOST_EVERY)
    if arguments.out is not None and arguments.out.suffix != ".npz":
        raise InputError(f"--out: {arguments.out} is no .npz file; name one, such as {arguments.dataset}.npz")
    if arguments.out is not None:
        require_writable(arguments.out)
    locations = cl.locations(arguments)
    table = load_features(config, load_split(config, locations), locations).keep_every(arguments.every)
    if arguments.out is not None:
        table.save(arguments.out, half=True)
        say(f"features: {arguments.out}")
    say(f"{len(table.features)} windows, " + ", ".join(f"{name} {width}" for name, width in table.blocks.items()))


@cl.command(
    "encoder show",
    cl.option("checkpoint", type=Path, help="folder of a checkpoint, or the name of a shipped one"),
    example="tiny",
)
def encoder_show(arguments: Namespace) -> None:
    """Print what a checkpoint is and what it has seen, and its model card if it has one."""
    from feature_extraction.features.encoder_blocks import ENCODERS_FOLDER
    from feature_extraction.pretraining.checkpoint import PatchCheckpoint, is_patch_checkpoint
    from feature_extraction.pretraining.resnet.checkpoint import EncoderCheckpoint

    folder, shipped = arguments.checkpoint, sorted(path.name for path in ENCODERS_FOLDER.iterdir())
    if not folder.is_dir() and str(folder) in shipped:
        folder = ENCODERS_FOLDER / folder
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder; name one that `encoder pretrain` or `encoder pool` made, or a shipped encoder: "
            f"{', '.join(shipped)}"
        )
    kind = PatchCheckpoint if is_patch_checkpoint(folder) else EncoderCheckpoint
    say(*kind.load(folder).describe().splitlines())
    if (folder / CARD).is_file():
        say("", *(folder / CARD).read_text(encoding="utf-8", errors="replace").strip().splitlines())


ENCODER_COMMANDS = (encoder_pretrain, encoder_pool, encoder_extract, encoder_show)
