"""UMAFall: a phone in the right pocket and four tags, everyday activities and staged falls of 15 s each.

All sensors of a trial are in one file, a row each: `stamp; number; x; y; z; type; sensor`. Which id is which device is
written in every header and is the same in all. The stamps, in milliseconds, are those of arrival: rows of the phone
come in bursts that share a stamp, those of the tags are held back by Bluetooth, so times of sampling are put back
first. The headers do not say which wrist or ankle. The phone has no gyroscope; the magnetometers are not read.

A device whose rows pause for over half a second, or of which over a hundredth are unreadable, is left out of its
recording: tags were often switched off, and in the files of subject 13 a spreadsheet took the points of decimals for
those of thousands (`1.012.598.156.929.010`). That struck numbers from 1 on, so what is left there is not to be bridged.

In a fifth of the trials the accelerometer of a tag, mostly that at the chest, starts at a quarter of its scale (0.25 g
at rest) and jumps to the full one after 0.3 s to 12 s; in a few it ends at four times the scale. Such rows are neither
used nor corrected.
"""

import logging
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from feature_extraction.datasets.files import FETCH_AGAIN
from feature_extraction.datasets.spec import DatasetSpec, class_name, find_files, progress
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.errors import InputError
from feature_extraction.recordings.clock import Rows, merge_on_time, running, undelayed
from feature_extraction.recordings.recording import Recording, Skipped, three_axes
from feature_extraction.windows.cutting import WindowSettings

logger = logging.getLogger(__name__)

TOPS = ("", "UMAFall_Dataset")
RATE_HZ = 20.0
MAX_PAUSE_S = 0.5
MOST_UNREADABLE = 0.01
LEAST_G = 0.6  # mean length of acceleration over the first half second
MOST_G = 2.0  # length of acceleration in the last row
PLACEMENTS = {"pocket": "right pocket", "chest": "chest", "waist": "waist", "wrist": "wrist", "ankle": "ankle"}
ACCELEROMETER, GYROSCOPE, MAGNETOMETER = "0", "1", "2"
SENSORS = {  # device -> (sensor id, type) of accelerometer and gyroscope
    "pocket": (("0", ACCELEROMETER),),
    **{device: ((str(n), ACCELEROMETER), (str(n), GYROSCOPE)) for n, device in enumerate(PLACEMENTS) if n},
}
FASTEST_HZ = {"pocket": 230.0} | {device: 21.0 for device in SENSORS if device != "pocket"}  # they send 200 and 20
TWO_POINTS = re.compile(r"\.\d+\.")
THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(\.\d{3})+")

Sensors = dict[tuple[str, str], list[list[float]]]  # (sensor id, type) -> stamp, x, y, z of every row


def list_files(raw: Path) -> list[Path]:
    """List the trials in natural order of subject, activity, trial, date."""
    return find_files(raw, TOPS, "UMAFall_Subject_*.csv", UMAFALL)


def read_files(files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Read one recording per trial with the devices that ran all the time."""
    for path in progress(files, "umafall", "trial"):
        name = path.stem.removeprefix("UMAFall_Subject_")
        match = re.fullmatch(r"(\d+)_((?:ADL|Fall)_\w+?)_\d+_[\d-]+_[\d-]+", name)
        if match is None:
            yield Skipped(name, "file name has no subject, activity, trial and date")
            continue
        rows, unreadable = read_rows(path)
        streams = {
            device: [_stream(rows[sensor], sensor, FASTEST_HZ[device]) for sensor in sensors]
            for device, sensors in SENSORS.items()
            if all(sensor in rows for sensor in sensors)
            and all(unreadable.get(s, 0) <= MOST_UNREADABLE * (unreadable.get(s, 0) + len(rows[s])) for s in sensors)
        }
        if unreadable:
            logger.warning("%s: %d rows are unreadable", path, sum(unreadable.values()))
        devices = running(streams, MAX_PAUSE_S)
        kept = [stream for device in devices for stream in streams[device]]
        pieces = merge_on_time(kept, RATE_HZ, MAX_PAUSE_S) if kept else []
        if not pieces:
            yield Skipped(name, "unreadable rows in every device" if unreadable else "no device ran all the time")
        for _, samples in pieces:
            yield UMAFALL.recording(
                samples=samples,
                name=name,
                subject=str(int(match[1])),
                label=class_name(class_list, match[2], path),
                placements={device: PLACEMENTS[device] for device in devices},
            )


def read_rows(path: Path) -> tuple[Sensors, dict[tuple[str, str], int]]:
    """Read the rows of accelerometers and gyroscopes.

    Returns:
        Stamps in seconds and values of every sensor, and how many of its rows are unreadable.

    Raises:
        InputError: There is no row.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    lines = [line for line in lines if line.strip("; \t") and not line.startswith("%")]
    if not lines:
        raise InputError(f"{path}: no rows of samples; {FETCH_AGAIN}")
    # Where one number has two points, any with three digits after its point may have been another.
    mangled = any(TWO_POINTS.search(line) for line in lines)
    rows: Sensors = {}
    unreadable: dict[tuple[str, str], int] = {}
    for line in lines:
        fields = line.rstrip("; \t").split(";")
        sensor = (fields[-1], fields[-2]) if len(fields) == 7 else ("", "")
        if sensor[1] == MAGNETOMETER:
            continue
        try:
            values = [float(text) for text in fields[2:5]]
            if sensor == ("", "") or not all(map(math.isfinite, values)):
                raise ValueError
            if mangled and any(THOUSANDS.fullmatch(text) for text in fields[2:5]):
                raise ValueError
            rows.setdefault(sensor, []).append([float(fields[0]) / 1000, *values])
        except ValueError:
            unreadable[sensor] = unreadable.get(sensor, 0) + 1
    return rows, unreadable


def _stream(rows: list[list[float]], sensor: tuple[str, str], fastest_hz: float) -> Rows:
    table = np.array(rows)
    stream = undelayed(table[:, 0], fastest_hz), table[:, 1:]
    return at_full_scale(stream) if sensor[1] == ACCELEROMETER else stream


def at_full_scale(stream: Rows) -> Rows:
    """Return the rows of an accelerometer in which it measures gravity: neither a quarter nor four times as much."""
    times, values = stream
    length = np.linalg.norm(values, axis=1)
    size = min(int(np.searchsorted(times, times[0] + MAX_PAUSE_S)), len(times))
    full = np.flatnonzero(np.convolve(length, np.ones(size) / size, "valid") >= LEAST_G)
    start = int(full[0]) if len(full) else len(length)
    small = np.flatnonzero(length[start : start + size] < LEAST_G)
    start += int(small[-1]) + 1 if len(small) else 0
    usual = np.flatnonzero(length <= MOST_G)
    end = int(usual[-1]) + 1 if len(usual) else 0
    return times[start:end], values[start:end]


UMAFALL = DatasetSpec(
    name="umafall",
    title="UMAFall: 19 subjects, 12 everyday activities and 3 kinds of falls, pocket, chest, waist, wrist, ankle",
    homepage="http://webpersonal.uma.es/de/ECASILARI/Fall_ADL_Traces/UMA_FALL_ADL_dataset.html",
    licence="CC BY 4.0",
    citation="E. Casilari, J. A. Santoyo-Ramón, J. M. Cano-García: UMAFall: A Multisensor Dataset for the "
    "Research on Automatic Fall Detection. Procedia Computer Science 110, 2017",
    layout="UMAFall_Dataset/UMAFall_Subject_NN_{ADL,Fall}_<Activity>_<trial>_<date>.csv",
    rate_hz=RATE_HZ,
    channels=tuple(
        channel
        for device, sensors in SENSORS.items()
        for (quantity, unit), _ in zip((("acc", "g"), ("gyro", "deg/s")), sensors, strict=False)
        for channel in three_axes(device, quantity, unit)
    ),
    windowing=WindowSettings(rate_hz=20.0, window_s=5.0, overlap=0.5, short_recordings="pad"),
    list_files=list_files,
    read_files=read_files,
)
