"""What a model file says of itself, read without the libraries that computing with it needs."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import three_axes
from feature_extraction.storage.places import MODELS_FOLDER
from feature_extraction.storage.plain import from_plain
from feature_extraction.storage.tensors import read_header
from feature_extraction.windows.cutting import WindowSettings
from feature_extraction.windows.input_format import InputFormat

MODEL_FILE = "recognizer.safetensors"
KIND, EVERYDAY_KIND = "sadvae_har_recognizer", "sadvae_har_everyday"
EVERYDAY = "everyday"  # the model that is shipped
ANYWHERE = "placement unknown, all places count"  # what is said of a device that nothing places
FORMAT, VERSION = "sadvae-har recognizer", 1
EVERYDAY_LISTS = ("sources", "networks", "trained", "described", "pairs")
EVERYDAY_FIELDS = ("name", "sources", "settings", "text", "config", "networks", "gate", "calibration")
CHANNELS = three_axes("imu", "acc", "m/s2") + three_axes("imu", "gyro", "rad/s")
FIELDS = ("name", "encoder", "text", "config", "gate", "calibration", "trained", "described")
REMEDY = "make it again with `sadvae-har run`, or copy it again from where it came"


class Activity(NamedTuple):
    """One activity on the list.

    Attributes:
        name: Its name.
        description: What the whole body does.
        seen: Whether the model was trained on recordings of it.
        kinematics: Written attributes in [0, 1]; empty if the model does not use them.
    """

    name: str
    description: str
    seen: bool
    kinematics: Mapping[str, float]


class ModelSummary(NamedTuple):
    """A model at a glance.

    Attributes:
        name: Where it comes from: data set, split and seed.
        source: The windows that it reads.
        activities: Trained ones first.
        sources: Data sets that it learned from, of a model that reads any devices; else empty.
    """

    name: str
    source: InputFormat
    activities: tuple[Activity, ...]
    sources: tuple[str, ...] = ()


def find_model(path: Path | str) -> Path:
    """Return the model file at a path, in the folder of a run, or of a shipped model by its name.

    Raises:
        InputError: There is none.
    """
    path = Path(path)
    if not path.exists() and (MODELS_FOLDER / path.name).is_dir() and path.name == str(path):
        path = MODELS_FOLDER / path.name
    path = path / MODEL_FILE if path.is_dir() else path
    if not path.is_file():
        raise InputError(f"{path}: no such model file; name one, or the folder of a finished run (`sadvae-har run`)")
    return path


def kind_of_model(path: Path) -> str:
    """Return what a model file is: `EVERYDAY_KIND` if it says so, else `KIND`, which its own reader looks into."""
    try:
        with safe_open(path, framework="np") as file:
            return EVERYDAY_KIND if EVERYDAY_KIND in (file.metadata() or {}) else KIND
    except (SafetensorError, OSError):
        return KIND


def require_format(header: Mapping[str, Any], path: Path) -> None:
    """Refuse a header that is not of a recogniser of this version.

    Raises:
        InputError: Naming the format that was found.
    """
    found = header.get("version")
    if header.get("format") != FORMAT or isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise InputError(f"{path}: holds no recogniser (format {found!r}); {REMEDY}")
    if found > VERSION:
        raise InputError(
            f"{path}: made by a newer version of this program (format {found!r}, {header.get('program')!r}), this one "
            f"reads format {VERSION}; update the program"
        )
    absent = [name for name in FIELDS if name not in header]
    if absent or not isinstance(header["name"], str):
        raise InputError(f"{path}: no usable {(*absent, 'name')[0]!r}; {REMEDY}")


def read_summary(path: Path | str) -> ModelSummary:
    """Read name, format of the windows and activities of a model file, or of the one in a run folder.

    Raises:
        InputError: It is missing, damaged, made by a newer version, or no model file.
    """
    path = find_model(path)
    kind = kind_of_model(path)
    accept = partial(require_format if kind == KIND else require_everyday, path=path)
    header = read_header(path, kind, REMEDY, accept=accept)
    try:
        activities = tuple(
            Activity(entry["name"], entry["sentence"], part == "trained", entry["kinematics"])
            for part in ("trained", "described")
            for entry in header[part]
        )
        if kind == EVERYDAY_KIND:
            sources = tuple(map(str, header["sources"]))
            return ModelSummary(header["name"], everyday_format(header["settings"]), activities, sources)
        return ModelSummary(header["name"], InputFormat.from_dict(header["encoder"]["source"]), activities)
    except InputError as error:
        raise InputError(f"{path}: its header cannot be used ({error}); {REMEDY}") from error


def require_everyday(header: Mapping[str, Any], path: Path) -> None:
    """Refuse a header that is not of an everyday model of this version.

    Raises:
        InputError: Naming what was found.
    """
    found = header.get("version")
    if header.get("format") != EVERYDAY_KIND or isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise InputError(f"{path}: holds no everyday model (format {header.get('format')!r}); {REMEDY}")
    if found > VERSION:
        raise InputError(f"{path}: made by a newer version of this program (format {found!r}); update the program")
    absent = [name for name in EVERYDAY_FIELDS if name not in header]
    wrong = [name for name in EVERYDAY_LISTS if not isinstance(header.get(name), list)]
    if absent or wrong or not isinstance(header["name"], str):
        raise InputError(f"{path}: no usable {(*absent, *wrong, 'name')[0]!r}; {REMEDY}")


def everyday_format(settings: Any) -> InputFormat:
    """Return the windows of an everyday model, of one device with a gyroscope.

    Args:
        settings: Plain values of `WindowSettings`.

    Raises:
        InputError: They cannot be used.
    """
    return InputFormat(EVERYDAY, CHANNELS, (), from_plain(WindowSettings, settings, "settings of the windows"))
