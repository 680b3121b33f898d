"""SP-SW-HAR: a phone in a pocket and a watch on the left wrist, five activities in sequence.

Every execution is a walk from a chair and back in two files, one a device, at about 103 Hz, whose rows carry a stamp in
milliseconds and a label. Rows come in bursts that share a stamp, so times of sampling are put back first.

Both clocks and both label columns agree: where a label changes, the two files do so within 0.01 s in half of the
cases and within 0.03 s in nine of ten. A recording is the stretch in which both say the same; what one labels alone are
single rows. Labels follow each other without a gap, so a transition starts and ends in the posture that its neighbours
hold. Sitting lasts 0.3-1.6 s as a rule.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, product
from pathlib import Path

import numpy as np

from feature_extraction.datasets.files import FETCH_AGAIN, require_finite
from feature_extraction.datasets.spec import DatasetSpec, class_name, find_files, progress
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.errors import InputError
from feature_extraction.recordings.clock import Rows, merge_on_time, undelayed
from feature_extraction.recordings.recording import Recording, Skipped, three_axes
from feature_extraction.windows.cutting import WindowSettings

TOPS = ("", "DATA")
RATE_HZ = 50.0
FASTEST_HZ = 107.0
MAX_PAUSE_S = 0.5
DEVICES = {"sp": "phone", "sw": "watch"}
PLACEMENTS = {"phone": "pocket", "watch": "left wrist"}
COLUMNS = ("x_acc", "y_acc", "z_acc", "x_gyro", "y_gyro", "z_gyro", "timestamp", "label")

Stretch = tuple[str, Rows]  # label and rows


def list_files(raw: Path) -> list[Path]:
    """List phone and watch file of each execution in turn."""
    return find_files(raw, TOPS, "s[0-9]*/s*_*_s[pw].csv", SP_SW_HAR)


def read_files(files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Read one recording per labelled stretch in which every device that there is has samples."""
    executions = [(key, list(part)) for key, part in groupby(files, key=lambda path: path.stem.rsplit("_", 1)[0])]
    for execution, paths in progress(executions, "sp-sw-har", "execution"):
        match = re.fullmatch(r"s(\d+)_\d+", execution)
        if match is None:
            yield Skipped(execution, "file name is not sNN_EE_sp.csv or sNN_EE_sw.csv")
            continue
        devices = [DEVICES[path.stem[-2:]] for path in paths]
        number = 0
        for label, streams in _common([read_stretches(path) for path in paths]):
            code = class_name(class_list, label, paths[0])
            for _, samples in merge_on_time(streams, RATE_HZ, MAX_PAUSE_S):
                number += 1
                yield SP_SW_HAR.recording(
                    samples=samples,
                    name=f"{execution}_{number}",
                    subject=str(int(match[1])),
                    label=code,
                    placements={device: PLACEMENTS[device] for device in devices},
                )


def read_stretches(path: Path) -> list[Stretch]:
    """Read the consecutive rows of each label, times in seconds.

    Raises:
        InputError: The file is empty, or not in the eight columns.
    """
    import pyarrow as pa
    from pyarrow import csv

    types = dict.fromkeys(COLUMNS[:6], pa.float64()) | {"timestamp": pa.int64(), "label": pa.string()}
    try:
        table = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=types, include_columns=COLUMNS))
    except (pa.ArrowException, OSError) as error:
        detail = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not rows of {','.join(COLUMNS)} ({detail}); {FETCH_AGAIN}") from error
    values = np.stack([table[name].to_numpy() for name in COLUMNS[:6]], axis=1)
    if len(values) == 0 or table["timestamp"].null_count:
        raise InputError(f"{path}: empty, or rows without a time stamp; {FETCH_AGAIN}")
    times = undelayed(table["timestamp"].to_numpy() / 1000, FASTEST_HZ)
    labels = np.array(table["label"].to_pylist(), dtype=np.str_)
    cuts = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    rows = np.split(np.arange(len(labels)), cuts)
    require_finite(values, path)
    return [(str(labels[part[0]]), (times[part], values[part])) for part in rows]


def _common(files: Sequence[Sequence[Stretch]]) -> Iterator[tuple[str, list[Rows]]]:
    """Yield label and rows of the stretches of all devices that overlap and have the same label."""
    for together in product(*files):
        starts, ends = zip(*((times[0], times[-1]) for _, (times, _) in together), strict=True)
        if len({label for label, _ in together}) == 1 and max(starts) < min(ends):
            yield together[0][0], [rows for _, rows in together]


SP_SW_HAR = DatasetSpec(
    name="sp-sw-har",
    title="Smartphone and smartwatch HAR (SP-SW-HAR): 23 subjects, 5 activities, pocket and left wrist",
    homepage="https://matey97.github.io/thesis/02.2_dataset.html",
    licence="CC BY 4.0",
    citation="M. Matey-Sanz, S. Casteleyn, C. Granell: Dataset of inertial measurements of smartphones and "
    "smartwatches for human activity recognition. Data in Brief 51, 2023",
    layout="DATA/sNN/sNN_EE_{sp,sw}.csv (subject NN, execution EE)",
    rate_hz=RATE_HZ,
    channels=tuple(
        channel
        for device in PLACEMENTS
        for quantity, unit in (("acc", "m/s2"), ("gyro", "rad/s"))
        for channel in three_axes(device, quantity, unit)
    ),
    windowing=WindowSettings(rate_hz=50.0, window_s=2.5, overlap=0.5, short_recordings="pad"),
    list_files=list_files,
    read_files=read_files,
)
