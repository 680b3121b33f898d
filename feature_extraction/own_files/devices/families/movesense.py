"""Movesense: JSON with packets of samples; `data` holds acc, gyro or imu, each with Timestamp and lists of {x, y, z}.

A time stamp in milliseconds is that of the first sample of its packet; the others lie evenly up to the next one.
Acceleration is in m/s², angular rate in deg/s.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.devices.convert import converted
from feature_extraction.own_files.devices.export import DeviceExport, axes, describe
from feature_extraction.own_files.devices.source import Source, TextFile, require_one
from feature_extraction.recordings.clock import LONGEST_USUAL_INTERVAL
from feature_extraction.storage.json_text import parse_json

NAME = "Movesense"
ARRAYS = {"ArrayAcc": ("acc", "m/s2"), "ArrayGyro": ("gyro", "deg/s"), "ArrayMagn": ("mag", "uT")}
LARGEST_FILE = 256 << 20  # bytes; JSON is read as a whole

Packets = list[tuple[float, list[Any]]]  # time stamp in ms, samples


def find(source: Source) -> DeviceExport | None:
    """Return one stream for every sensor.

    Raises:
        InputError: A file is no JSON, a packet lacks its time or an axis, or two files hold the same sensor.
    """
    files = [file for file in source.files if file.path.suffix.lower() == ".json" and "Timestamp" in file.head]
    files = [file for file in files if any(f'"{name}"' in file.head for name in ARRAYS)]
    if not files:
        return None
    found: dict[str, list[tuple[TextFile, Packets]]] = {}
    for file in files:
        for array, packets in _packets(file).items():
            found.setdefault(array, []).append((file, packets))
    streams, used = [], []
    for array, (quantity, unit) in ARRAYS.items():
        if array in found:
            file = require_one([file for file, _ in found[array]], f"{quantity} of {NAME}")
            streams.append(converted(source, file, [_samples(file, found[array][0][1], quantity, unit)]))
            used.append(f"{quantity} in {unit}")
    return DeviceExport(NAME, tuple(streams), describe(NAME, used, "each sample is timed by its packet"))


def _packets(file: TextFile) -> dict[str, Packets]:
    """Return the packets of every array of a file."""
    if file.path.stat().st_size > LARGEST_FILE:
        raise InputError(f"{file.where}: larger than {LARGEST_FILE >> 20} MiB; cut it into shorter recordings")
    try:
        content = parse_json(file.path.read_text(encoding=file.encoding))
    except ValueError as error:
        raise InputError(f"{file.where}: not readable as JSON ({str(error)[:80]}); export again") from error
    items = content.get("data") if isinstance(content, dict) else content
    found: dict[str, Packets] = {}
    for number, item in enumerate(items if isinstance(items, list) else (), start=1):
        for packet in item.values() if isinstance(item, dict) else ():
            for array in ARRAYS.keys() & packet.keys() if isinstance(packet, dict) else ():
                stamp, samples = packet.get("Timestamp"), packet[array]
                if not _is_number(stamp) or not isinstance(samples, list):
                    raise InputError(
                        f"{file.where}: packet {number} of data lacks its Timestamp or samples; export again"
                    )
                found.setdefault(array, []).append((float(stamp), samples))
    if not found:
        raise InputError(f"{file.where}: no packets of acc, gyro or imu in its data; export again")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _samples(file: TextFile, packets: Packets, quantity: str, unit: str) -> Mapping[str, np.ndarray]:
    """Return the time of every sample and its axes."""
    packets = [(stamp, samples) for stamp, samples in packets if samples]
    counts = np.array([len(samples) for _, samples in packets])
    values = np.array(list(_vectors(file, packets)), dtype=np.float64)
    starts = np.array([stamp for stamp, _ in packets])
    steps = np.diff(starts) / counts[:-1]
    if len(steps) == 0 or np.median(steps) <= 0:
        raise InputError(f"{file.where}: time stamps of the packets of {quantity} do not increase; export again")
    usual = float(np.median(steps))
    steps = np.r_[steps, usual]
    steps[(steps <= 0) | (steps > LONGEST_USUAL_INTERVAL * usual)] = usual  # a pause is behind its packet, not in it
    within = np.concatenate([np.arange(count) for count in counts])
    times = np.repeat(starts, counts) + within * np.repeat(steps, counts)
    return {"time [ms]": times} | dict(zip(axes(quantity, unit), values.T, strict=True))


def _vectors(file: TextFile, packets: Packets) -> Iterator[list[float]]:
    for stamp, samples in packets:
        for sample in samples:
            vector = [sample.get(axis) for axis in "xyz"] if isinstance(sample, dict) else []
            numbers = [float(value) for value in vector if value is not None and _is_number(value)]
            if len(numbers) != 3:
                raise InputError(f"{file.where}: a sample at Timestamp {stamp:.16g} lacks x, y or z; export again")
            yield numbers
