"""WISDM, watch part: a smart watch on the dominant wrist, eighteen activities.

Accelerometer and gyroscope come in separate files with their own time stamps, start and stop at
different moments, run at five times the usual rate in places, and may repeat the block of an activity.
They are merged on time: one clock of 20 Hz, a new recording wherever either sensor pauses.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from feature_extraction.datasets.files import FETCH_AGAIN, require_finite
from feature_extraction.datasets.spec import DatasetSpec, class_name, find_files, progress
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.errors import InputError
from feature_extraction.recordings.clock import merge_on_time
from feature_extraction.recordings.recording import Recording, Skipped, three_axes
from feature_extraction.windows.cutting import WindowSettings

TOPS = ("", "raw/watch", "wisdm-dataset/raw/watch", "watch")
RATE_HZ = 20.0
MAX_PAUSE_S = 0.5
WORTH_MENTIONING_S = 1.0


@dataclass(frozen=True)
class Stream:
    """One file: class code [n], time in nanoseconds [n], values [n, 3]."""

    codes: np.ndarray
    times_ns: np.ndarray
    values: np.ndarray


def list_files(raw: Path) -> list[Path]:
    """List accelerometer and gyroscope file of each subject in turn."""
    files = []
    for accel in find_files(raw, TOPS, "accel/data_*_accel_watch.txt", WISDM):
        gyro = accel.parents[1] / "gyro" / accel.name.replace("accel", "gyro")
        if not gyro.exists():
            raise InputError(f"{gyro}: missing, its accelerometer file is there; {FETCH_AGAIN}")
        files += [accel, gyro]
    return files


def read_files(files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Read one recording per stretch of an activity in which both sensors ran without a pause over 0.5 s."""
    pairs = list(zip(files[::2], files[1::2], strict=True))
    for accel_path, gyro_path in progress(pairs, "wisdm", "subject"):
        subject = accel_path.name.split("_")[1]
        accel, gyro = read_stream(accel_path, subject), read_stream(gyro_path, subject)
        start_ns = min(accel.times_ns.min(), gyro.times_ns.min())
        for code in dict.fromkeys(accel.codes.tolist()):
            label = class_name(class_list, code, accel_path)
            streams = [_of_activity(stream, code, start_ns) for stream in (accel, gyro)]
            pieces = merge_on_time(streams, RATE_HZ, MAX_PAUSE_S) if len(streams[1][0]) else []
            for number, (_, samples) in enumerate(pieces, start=1):
                yield WISDM.recording(
                    samples=samples,
                    name=f"{subject}_{code}_{number}",
                    subject=subject,
                    label=label,
                    placements={"imu": "wrist"},
                )
            lost_s = _recorded_s(streams[0][0]) - sum(len(samples) for _, samples in pieces) / RATE_HZ
            if lost_s > WORTH_MENTIONING_S:
                yield Skipped(f"{subject}_{code}", "accelerometer without gyroscope", lost_s)


def read_stream(path: Path, subject: str) -> Stream:
    """Read one file of lines `subject,code,time,x,y,z;`.

    Raises:
        InputError: The file is empty, a line has another form, or belongs to another subject.
    """
    import pyarrow as pa
    from pyarrow import csv

    names = ("subject", "code", "time", "x", "y", "z")
    types = dict(zip(names, (pa.string(), pa.string(), pa.int64(), *3 * [pa.float64()]), strict=True))
    data = re.sub(rb"[; \t\r]", b"", path.read_bytes())
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            read_options=csv.ReadOptions(column_names=names),
            convert_options=csv.ConvertOptions(column_types=types),
        )
    except pa.ArrowException as error:
        detail = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not lines of subject,code,time,x,y,z; ({detail}); {FETCH_AGAIN}") from error
    if table.num_rows == 0:
        raise InputError(f"{path}: empty; {FETCH_AGAIN}")
    others = sorted(set(table["subject"].unique().to_pylist()) - {subject})
    if others:
        raise InputError(f"{path}: holds lines of subject {others[0]}, its name says {subject}; {FETCH_AGAIN}")
    if table["time"].null_count:
        raise InputError(f"{path}: {table['time'].null_count} lines without a time; {FETCH_AGAIN}")
    values = np.stack([table[axis].to_numpy() for axis in "xyz"], axis=1)
    codes = np.array(table["code"].to_pylist(), dtype=np.str_)
    return Stream(codes, table["time"].to_numpy(), require_finite(values, path))


def _of_activity(stream: Stream, code: str, start_ns: int) -> tuple[np.ndarray, np.ndarray]:
    rows = stream.codes == code
    return (stream.times_ns[rows] - start_ns) / 1e9, stream.values[rows]


def _recorded_s(times: np.ndarray) -> float:
    """Seconds covered by samples, pauses excluded, every moment counted once."""
    intervals = np.diff(np.unique(times))
    return float(intervals[intervals <= MAX_PAUSE_S].sum())


WISDM = DatasetSpec(
    name="wisdm",
    title="WISDM Smartphone and Smartwatch Activity (watch): 51 subjects, 18 activities, wrist",
    homepage="https://archive.ics.uci.edu/dataset/507",
    licence="CC BY 4.0",
    citation="G. M. Weiss: WISDM Smartphone and Smartwatch Activity and Biometrics Dataset. "
    "UCI Machine Learning Repository 507, 2019",
    layout="wisdm-dataset/raw/watch/{accel,gyro}/data_SUBJECT_{accel,gyro}_watch.txt",
    rate_hz=RATE_HZ,
    channels=three_axes("imu", "acc", "m/s2") + three_axes("imu", "gyro", "rad/s"),
    windowing=WindowSettings(rate_hz=20.0, window_s=5.0, overlap=0.5),
    list_files=list_files,
    read_files=read_files,
)
