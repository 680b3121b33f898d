"""Shoulder exercises with a smart watch, as the package seglearn ships them: nothing to download."""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from feature_extraction.datasets.files import require_finite
from feature_extraction.datasets.spec import DatasetSpec, class_name, progress
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.errors import InputError, require_extra
from feature_extraction.recordings.recording import Recording, Skipped, three_axes
from feature_extraction.windows.cutting import WindowSettings

SIDES = {1.0: "right", 0.0: "left"}


def list_files(raw: Path) -> list[Path]:
    """Return the data file inside the package; `raw` is not looked at."""
    require_extra("watch", "seglearn", "pandas")  # seglearn imports pandas without declaring it
    found = importlib.util.find_spec("seglearn")  # finds the package without importing it
    assert found is not None and found.origin is not None
    path = Path(found.origin).parent / "data" / "watch_dataset.npy"
    if not path.exists():
        raise InputError(f"{path}: missing; install the package again with: pip install --force-reinstall seglearn")
    return [path]


def read_files(files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Read one recording per subject, side and exercise (about twenty repetitions each)."""
    from seglearn.datasets import load_watch  # slow to import, and a warm cache never needs it

    data = load_watch()
    entries = sorted(
        (int(subject), SIDES[float(side)], int(code), index)
        for index, (subject, side, code) in enumerate(zip(data["subject"], data["side"], data["y"], strict=True))
    )
    for subject, side, code_index, index in progress(entries, "watch", "exercise"):
        code = data["y_labels"][code_index]
        yield WATCH.recording(
            samples=require_finite(np.asarray(data["X"][index]), files[0]),
            name=f"{subject}_{side}_{code}",
            subject=str(subject),
            label=class_name(class_list, code, files[0]),
            placements={"imu": "wrist"},
        )


WATCH = DatasetSpec(
    name="watch",
    title="Shoulder exercises: 10 subjects, both sides, 7 exercises, wrist (comes with seglearn)",
    homepage="https://dmbee.github.io/seglearn/",
    licence="BSD 3-clause, with seglearn",
    citation="D. M. Burns, N. Leung, M. Hardisty, C. M. Whyne, P. Henry, S. McLachlin: Shoulder "
    "Physiotherapy Exercise Recognition: Machine Learning the Inertial Signals from a Smartwatch. "
    "Physiological Measurement 39, 2018",
    layout="seglearn/data/watch_dataset.npy inside the installed package; a raw folder is not needed",
    rate_hz=50.0,
    channels=three_axes("imu", "acc", "g") + three_axes("imu", "gyro", "rad/s"),
    windowing=WindowSettings(rate_hz=50.0, window_s=5.0, overlap=0.5),
    list_files=list_files,
    read_files=read_files,
)
