"""The commands `activities`: what a model recognises, and how that is changed."""

from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import Namespace

from feature_extraction.errors import InputError
from feature_extraction.storage.escaping import visible
from feature_extraction.storage.files import changing, require_writable
from feature_extraction.storage.places import MODELS_FOLDER
from sadvae_har.commands import parser as cl
from sadvae_har.commands.terminal import note, say

if TYPE_CHECKING:
    from sadvae_har.recognition.activities import Taken

MOST_TAKEN = 0.03  # of the windows of other activities, without a warning
MOST_SHOWN = 4

_OUT = cl.out("model file to write (default: the same one; needed for a shipped model, which stays as it is)")


@cl.command("activities list", cl.any_model, example="everyday")
def activities_list(arguments: Namespace) -> None:
    """List the activities of a model, trained and described."""
    from sadvae_har.recognition.model.header import read_summary

    model = read_summary(arguments.model)
    settings = model.source.settings
    sensors = "any devices" if model.sources else ", ".join(channel.name for channel in model.source.channels)
    say(f"{model.name}: windows of {settings.window_s:g} s at {settings.rate_hz:g} Hz of {sensors}")
    names = [visible(activity.name) for activity in model.activities]
    width = max(map(len, names))
    for activity, name in zip(model.activities, names, strict=True):
        say(f"{'trained  ' if activity.seen else 'described'}  {name:{width}}  {activity.description}")


@cl.command(
    "activities add",
    cl.model,
    cl.option("name", help="name of the activity"),
    cl.option(
        "description",
        nargs="?",
        default=None,
        help="a sentence on what the body does (default: the shipped description of an activity of that name)",
    ),
    _OUT,
    example='resources/runs/quickstart "rope skipping" "A person jumps over a swinging rope, both feet at once."',
)
def activities_add(arguments: Namespace) -> None:
    """Add an activity to a model by describing it; nothing is trained.

    Said first is how many windows of the others it would take. Many everyday activities are described already: for
    these the name alone will do.
    """
    from sadvae_har.recognition.recognizer import Recognizer

    target = _target(arguments)
    with changing(target):
        recognizer = Recognizer.load(arguments.model)
        name = recognizer.add_activity(arguments.name, arguments.description).name
        _say_taken(name, recognizer.taken_by(name))
        say(f"{name!r} added: {recognizer.save(target)}")


@cl.command(
    "activities remove",
    cl.model,
    cl.option("name", help="name of the activity"),
    _OUT,
    example='resources/runs/quickstart "rope skipping"',
)
def activities_remove(arguments: Namespace) -> None:
    """Take a described activity off the list of a model."""
    from sadvae_har.recognition.recognizer import Recognizer

    target = _target(arguments)
    with changing(target):
        recognizer = Recognizer.load(arguments.model)
        recognizer.remove_activity(arguments.name)
        say(f"{arguments.name!r} removed: {recognizer.save(target)}")


def _target(arguments: Namespace) -> Path:
    """Return where the changed model goes.

    Raises:
        InputError: To where shipped models lie, or nothing can be written there.
    """
    from sadvae_har.recognition.model.header import find_model

    target: Path = arguments.out or find_model(arguments.model)
    if target.resolve().is_relative_to(MODELS_FOLDER.resolve()):
        raise InputError(f"{target}: shipped models stay as they are; write a copy: --out my_model.safetensors")
    require_writable(target)
    return target


def _say_taken(name: str, taken: "Taken") -> None:
    """Say how many windows an activity takes of the others, and warn where they are many."""
    losing = [f"{other} {100 * share:.0f} %" for other, share in taken.by_activity.items() if share >= 0.005]
    most = f"; most of: {', '.join(losing[:MOST_SHOWN])}" if losing else ""
    say(f"takes {100 * taken.share:.1f} % of the windows of the others{most}")
    if taken.share > MOST_TAKEN:
        note(
            f"warning: {name!r} takes more than {100 * MOST_TAKEN:.0f} % of the windows of the others; describe it so "
            "that it is told from these: what moves, how fast, how strongly, in which posture"
        )


ACTIVITIES_COMMANDS = (activities_list, activities_add, activities_remove)
