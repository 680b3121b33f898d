"""Where what ships with the package lies, and where what is computed goes: the one module that knows.

In a checkout both lie in its own folders. An installed package carries the shipped part inside itself and is never
written into: caches go to the user's cache folder, runs and whatever else a person made to the working folder.
"""

from pathlib import Path

from platformdirs import user_cache_path

_PACKAGE = Path(__file__).resolve().parents[1]
IN_CHECKOUT = (_PACKAGE.parent / "pyproject.toml").is_file() and (_PACKAGE.parent / "class_lists").is_dir()
_CHECKOUT, _INSTALLED = _PACKAGE.parent, _PACKAGE / "shipped"  # pyproject.toml maps the folders into the wheel

CLASS_LISTS_FOLDER = (_CHECKOUT if IN_CHECKOUT else _INSTALLED) / "class_lists"
_SHIPPED = _CHECKOUT / "resources" if IN_CHECKOUT else _INSTALLED
SPLITS_FOLDER = _SHIPPED / "label_splits"
ENCODERS_FOLDER = _SHIPPED / "encoders"
MODELS_FOLDER = _SHIPPED / "models"
CLIPS_FOLDER = _SHIPPED / "clips"  # short recordings to try a model on

WORKING_FOLDER = _CHECKOUT if IN_CHECKOUT else Path()
RESOURCES = _CHECKOUT / "resources" if IN_CHECKOUT else user_cache_path("sadvae-har")
RUNS_FOLDER = RESOURCES / "runs" if IN_CHECKOUT else Path("runs")
RAW_FOLDER = RESOURCES / "raw" if IN_CHECKOUT else Path("raw")
OWN_SPLITS_FOLDER = SPLITS_FOLDER if IN_CHECKOUT else Path("label_splits")


def runs_folder(resources: Path) -> Path:
    """Return the folder of runs that belongs to a folder of computed files, as `--resources` names it."""
    return RUNS_FOLDER if resources == RESOURCES else resources / "runs"


def windows_folder(resources: Path) -> Path:
    """Return the folder of prepared windows in a folder of computed files."""
    return resources / "windows"


def text_cache(resources: Path) -> Path:
    """Return the folder of embedded texts in a folder of computed files."""
    return resources / "text_feats"


WINDOWS_FOLDER, TEXT_CACHE = windows_folder(RESOURCES), text_cache(RESOURCES)
