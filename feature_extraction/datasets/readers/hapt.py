"""HAPT, raw part: a smartphone at the waist, six activities and the six transitions between postures."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from feature_extraction.datasets.files import FETCH_AGAIN, read_numbers, require_finite
from feature_extraction.datasets.spec import DatasetSpec, class_name, find_files, natural_key, progress
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Recording, Skipped, three_axes
from feature_extraction.windows.cutting import WindowSettings

TOPS = ("", "RawData", "hapt/RawData", "HAPT Data Set/RawData")


def list_files(raw: Path) -> list[Path]:
    """List `labels.txt`, then the accelerometer and gyroscope files."""
    labels = find_files(raw, TOPS, "labels.txt", HAPT)[0]
    found = [path for path in labels.parent.glob("*.txt") if re.fullmatch(r"(acc|gyro)_exp\d+_user\d+", path.stem)]
    if not found:
        raise InputError(f"{labels.parent}: labels.txt but no recordings; {HAPT.hint}")
    return [labels, *sorted(found, key=natural_key)]


def read_files(files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Read one recording per labelled stretch; what lies between them has no label and is not read."""
    for one in read_experiments(files, class_list):
        for label, first, last in one.stretches:
            yield HAPT.recording(
                samples=one.samples[first:last],
                name=f"exp{one.number:02d}_{first + 1}",
                subject=one.subject,
                label=label,
                placements={"imu": "waist"},
            )


@dataclass(frozen=True)
class Experiment:
    """What a person recorded in one go, ten minutes with all activities and what lies between them.

    Attributes:
        number: As the authors count.
        subject: Who.
        samples: [T, 6], acceleration in g and angular rate in rad/s.
        stretches: Class, first sample, and the one behind the last.
    """

    number: int
    subject: str
    samples: np.ndarray
    stretches: tuple[tuple[str, int, int], ...]


def read_experiments(files: Sequence[Path], class_list: ClassList) -> Iterator[Experiment]:
    """Read whole experiments from the files that `list_files` lists.

    Raises:
        InputError: A file is missing or damaged, or `labels.txt` names samples or classes that are not there.
    """
    labels_path, *signal_paths = files
    by_name = {path.name: path for path in signal_paths}
    rows = read_numbers(labels_path, 5).astype(np.int64)
    experiments = [(key, list(part)) for key, part in groupby(rows.tolist(), key=lambda row: (row[0], row[1]))]
    for (number, user), labelled in progress(experiments, "hapt", "experiment"):
        samples, stretches = _read_signals(by_name, number, user, labels_path), []
        for _, _, code, first, last in labelled:
            where = f"{labels_path}: experiment {number}, samples {first} to {last}"
            if not 1 <= first <= last <= len(samples):
                raise InputError(f"{where}, but its files have {len(samples)} rows; {FETCH_AGAIN}")
            # The authors count from 1 and include the last sample.
            stretches.append((class_name(class_list, str(code), where), first - 1, last))
        yield Experiment(number, str(user), samples, tuple(stretches))


def _read_signals(by_name: dict[str, Path], experiment: int, user: int, labels_path: Path) -> np.ndarray:
    parts = []
    for sensor in ("acc", "gyro"):
        name = f"{sensor}_exp{experiment:02d}_user{user:02d}.txt"
        if name not in by_name:
            raise InputError(f"{labels_path.parent / name}: missing, but labels.txt names it; {FETCH_AGAIN}")
        parts.append(require_finite(read_numbers(by_name[name], 3), by_name[name]))
    if len(parts[0]) != len(parts[1]):
        where = labels_path.parent / f"acc_exp{experiment:02d}_user{user:02d}.txt"
        raise InputError(f"{where}: {len(parts[0])} rows, its gyroscope file {len(parts[1])}; {FETCH_AGAIN}")
    return np.concatenate(parts, axis=1)


HAPT = DatasetSpec(
    name="hapt",
    title="Human Activities and Postural Transitions: 30 subjects, 12 classes, waist",
    homepage="https://archive.ics.uci.edu/dataset/341",
    licence="non-commercial use",
    citation="J.-L. Reyes-Ortiz, L. Oneto, A. Sama, X. Parra, D. Anguita: Transition-Aware Human Activity "
    "Recognition Using Smartphones. Neurocomputing 171, 2016",
    layout="RawData/labels.txt, RawData/acc_expNN_userMM.txt, RawData/gyro_expNN_userMM.txt",
    rate_hz=50.0,
    channels=three_axes("imu", "acc", "g") + three_axes("imu", "gyro", "rad/s"),
    windowing=WindowSettings(rate_hz=50.0, window_s=2.56, overlap=0.5, short_recordings="pad"),
    list_files=list_files,
    read_files=read_files,
)
