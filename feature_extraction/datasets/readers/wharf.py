"""WHARF: an accelerometer on the right wrist, fourteen activities of daily living."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from feature_extraction.datasets.files import FETCH_AGAIN, read_numbers
from feature_extraction.datasets.spec import DatasetSpec, class_name, find_files, progress
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Recording, Skipped, three_axes
from feature_extraction.windows.cutting import WindowSettings

TOPS = ("", "Data", "WHARF Data Set/Data", "wharf/WHARF Data Set/Data")
LARGEST_CODE = 63
RANGE_G = 1.5


def list_files(raw: Path) -> list[Path]:
    """List the trials; the authors' `MODELS` folder lies one level deeper and is passed over."""
    return find_files(raw, TOPS, "*/Accelerometer-*.txt", WHARF)


def codes_to_g(codes: np.ndarray) -> np.ndarray:
    """Turn the 6-bit codes 0..63 into -1.5 g..+1.5 g."""
    return (2 * codes / LARGEST_CODE - 1) * RANGE_G


def read_files(files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Read one recording per trial; the folder names the activity, the end of the file name the volunteer."""
    for path in progress(files, "wharf", "trial"):
        match = re.fullmatch(r"Accelerometer-([\d-]+)-(\w+)-([fm]\d+)", path.stem)
        if match is None:
            yield Skipped(f"{path.parent.name}/{path.name}", "file name has no date, activity and volunteer")
            continue
        codes = read_numbers(path, n_columns=3)
        outside = np.flatnonzero(~((codes >= 0) & (codes <= LARGEST_CODE)).all(axis=1))
        if len(outside):
            found = codes[outside[0]].tolist()
            raise InputError(f"{path}: row {outside[0] + 1} is {found}, codes run 0 to {LARGEST_CODE}; {FETCH_AGAIN}")
        yield WHARF.recording(
            samples=codes_to_g(codes),
            name=path.stem.removeprefix("Accelerometer-"),
            subject=match[3],
            label=class_name(class_list, path.parent.name, path),
            placements={"imu": "right wrist"},
        )


WHARF = DatasetSpec(
    name="wharf",
    title="Wearable Human Activity Recognition Folder: 17 volunteers, 14 daily activities, wrist",
    homepage="https://github.com/fulviomas/WHARF",
    licence="public",
    citation="B. Bruno, F. Mastrogiovanni, A. Sgorbissa, T. Vernazza, R. Zaccaria: Analysis of Human "
    "Behavior Recognition Algorithms Based on Acceleration Data. ICRA 2013",
    layout="WHARF Data Set/Data/<Activity>/Accelerometer-<date>-<activity>-<volunteer>.txt",
    rate_hz=32.0,
    channels=three_axes("imu", "acc", "g"),
    windowing=WindowSettings(rate_hz=32.0, window_s=4.0, overlap=0.5, quantities=("acc",), short_recordings="pad"),
    list_files=list_files,
    read_files=read_files,
)
