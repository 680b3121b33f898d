"""Berkeley MHAD, accelerometer part: six units on wrists, hips and ankles, eleven actions.

Rows are `x y z time`, in g and in seconds, of a sensor that measures ±2 g at 31 Hz. The stamps are those of arrival:
rows come in bursts, sometimes seconds late, so times of sampling are put back first. The units are calibrated roughly:
at rest they read from 0.71 g (left hip) to 1.04 g (left wrist), depending on unit and direction; nothing is corrected.

The signals bear out that unit 2 is the right wrist (it alone moves in waving the right hand, and most in throwing),
unit 1 the other wrist, 3 and 4 at the hips, 5 and 6 at the ankles; which of these is left is as documented.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from feature_extraction.datasets.files import read_numbers, require_finite
from feature_extraction.datasets.spec import DatasetSpec, class_name, find_files, natural_key, progress
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.recordings.clock import Rows, merge_on_time, running, undelayed
from feature_extraction.recordings.recording import Recording, Skipped, three_axes
from feature_extraction.windows.cutting import WindowSettings

TOPS = ("", "Accelerometer")
RATE_HZ = 30.0
FASTEST_HZ = 32.0
MAX_PAUSE_S = 0.5
RANGE_G = 2.0
DEVICES = ("left wrist", "right wrist", "left hip", "right hip", "left ankle", "right ankle")  # of units 1 to 6


def list_files(raw: Path) -> list[Path]:
    """List the files in natural order of subject, action, repetition, and unit."""
    return sorted(find_files(raw, TOPS, "Shimmer0[1-6]/acc_h*.txt", BERKELEY_MHAD), key=_trial_first)


def read_files(files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Read one recording per trial with the devices that ran all the time; single rows out of range are left out."""
    trials = [(trial, list(part)) for trial, part in groupby(files, key=_trial)]
    for trial, paths in progress(trials, "berkeley-mhad", "trial"):
        match = re.fullmatch(r"s(\d+)_(a\d+)_r\d+", trial)
        if match is None:
            yield Skipped(trial, "file name is not acc_hHH_sSS_aAA_rRR.txt")
            continue
        streams = {DEVICES[int(path.parent.name[-2:]) - 1]: read_unit(path) for path in paths}
        devices = running({device: [rows] for device, rows in streams.items()}, MAX_PAUSE_S)
        pieces = merge_on_time([streams[device] for device in devices], RATE_HZ, MAX_PAUSE_S) if devices else []
        if not pieces:
            yield Skipped(trial, "no device ran all the time")
        for _, samples in pieces:
            yield BERKELEY_MHAD.recording(
                samples=samples,
                name=trial,
                subject=str(int(match[1])),
                label=class_name(class_list, match[2], paths[0]),
                placements={device: device for device in devices},
            )


def read_unit(path: Path) -> Rows:
    """Read times in seconds and values in g; a row with a value that the sensor cannot give is broken and left out.

    Raises:
        InputError: The file is no table of four finite columns.
    """
    table = require_finite(read_numbers(path, n_columns=4), path)
    possible = (np.abs(table[:, :3]) <= RANGE_G).all(axis=1)
    return undelayed(table[:, 3], FASTEST_HZ)[possible], table[possible, :3]


def _trial(path: Path) -> str:
    return re.sub(r"^acc_h\d+_", "", path.stem)


def _trial_first(path: Path) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    return natural_key(Path(_trial(path))), natural_key(path)


BERKELEY_MHAD = DatasetSpec(
    name="berkeley-mhad",
    title="Berkeley Multimodal Human Action Database (accelerometers): 12 subjects, 11 actions, wrists, hips, ankles",
    homepage="https://tele-immersion.citris-uc.org/berkeley_mhad",
    licence="BSD 2-clause",
    citation="F. Ofli, R. Chaudhry, G. Kurillo, R. Vidal, R. Bajcsy: Berkeley MHAD: A Comprehensive Multimodal "
    "Human Action Database. WACV 2013",
    layout="Accelerometer/ShimmerNN/acc_hNN_sSS_aAA_rRR.txt (unit NN 1-6, subject SS 1-12, action AA 1-11)",
    rate_hz=RATE_HZ,
    channels=tuple(channel for device in DEVICES for channel in three_axes(device, "acc", "g")),
    windowing=WindowSettings(rate_hz=30.0, window_s=5.0, overlap=0.5, quantities=("acc",), short_recordings="pad"),
    list_files=list_files,
    read_files=read_files,
)
