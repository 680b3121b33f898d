"""The commands `everyday`: the model of any device that is shipped, how it is made, and what it consists of."""

from pathlib import Path

from jsonargparse import Namespace

from feature_extraction.errors import InputError
from feature_extraction.storage.files import write_text
from feature_extraction.storage.places import runs_folder, text_cache, windows_folder
from feature_extraction.storage.plain import LARGEST_SEED
from sadvae_har.commands import parser as cl
from sadvae_har.commands.terminal import say

SHAREABLE = "dsads,wisdm,umafall,sp-sw-har,berkeley-mhad"  # data sets whose terms allow passing on what was learned
CARD = "README.md"


@cl.command(
    "everyday train",
    cl.raw_folders,
    cl.option("--datasets", default=SHAREABLE, help="data sets to learn from; own ones by their dataset.yaml"),
    cl.option("--without", default=None, help="people not to learn from, such as dsads/8, to try the model on them"),
    cl.option("--seed", type=int, default=0, help="seed of every random draw"),
    cl.resources,
    cl.out("folder of the model (default: everyday in the folder of runs)"),
    example="--raw ~/datasets --out my_everyday",
)
def everyday_train(arguments: Namespace) -> None:
    """Train a model that recognises everyday activities on any device, and write its card.

    Without --datasets it learns from those whose terms allow passing on what was learned. An interrupted training goes
    on where it was, if the same command is given again.
    """
    from feature_extraction.datasets import get_dataset
    from sadvae_har.everyday.card import everyday_card, source_of
    from sadvae_har.everyday.corpus import Corpus
    from sadvae_har.everyday.kept import Kept
    from sadvae_har.everyday.train import EverydayConfig, train_everyday
    from sadvae_har.recognition.everyday.model import save_everyday
    from sadvae_har.recognition.model.card import HEADER
    from sadvae_har.recognition.model.header import MODEL_FILE

    cl.require_within(arguments.seed, "--seed", 0, LARGEST_SEED)
    names = cl.names(arguments.datasets, "--datasets", "dsads,wisdm")
    specs = [get_dataset(name) for name in names]
    folder: Path = arguments.out or runs_folder(arguments.resources) / "everyday"
    card = folder / CARD
    if card.exists() and not card.read_text(encoding="utf-8", errors="replace").startswith(HEADER):
        raise InputError(f"{card}: would be replaced by the card of the model; choose another --out")
    people = cl.names(arguments.without, "--without", "dsads/8") if arguments.without else ()
    corpus = Corpus.load(names, arguments.raw, windows_folder(arguments.resources)).without(people)
    config = EverydayConfig(seed=arguments.seed)
    kept = Kept.of(corpus, config, folder)
    model = train_everyday(corpus, [*map(source_of, specs)], config, text_cache(arguments.resources), kept)
    path = folder / MODEL_FILE
    save_everyday(model, path)
    command = f"{cl.PROGRAM} everyday train --raw FOLDER --datasets {','.join(names)} --seed {arguments.seed}"
    command += f" --without {','.join(people)}" if people else ""
    write_text(card, everyday_card(model, f"{command} --out {folder.name}", path.stat().st_size))
    kept.clear()
    say(f"model: {path}, {path.stat().st_size / 1e6:.1f} MB, {len(model.trained)} activities")


@cl.command("everyday show", cl.any_model, example="everyday")
def everyday_show(arguments: Namespace) -> None:
    """Print what an everyday model consists of: data sets, activities, size."""
    from sadvae_har.recognition.model.header import EVERYDAY_KIND, find_model, kind_of_model, read_summary

    path = find_model(arguments.model)
    if kind_of_model(path) != EVERYDAY_KIND:
        raise InputError(f"{path}: no everyday model; `activities list {arguments.model}` shows what it recognises")
    model = read_summary(path)
    settings = model.source.settings
    say(f"file        {path}, {path.stat().st_size / 1e6:.1f} MB")
    say(f"reads       every device with an accelerometer; {settings.window_s:g} s at {settings.rate_hz:g} Hz")
    for what, seen in (("trained", True), ("described", False)):
        found = [activity.name for activity in model.activities if activity.seen == seen]
        say(f"{what:11} {len(found)}{': ' if found else ''}{', '.join(found)}")
    say("learned from", *(f"  {source}" for source in model.sources))


EVERYDAY_COMMANDS = (everyday_train, everyday_show)
