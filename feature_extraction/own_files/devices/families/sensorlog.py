"""SensorLog (iOS): one wide table, such as `motionUserAccelerationX(G)` and `gyroRotationX(rad/s)`.

Total acceleration is `accelerometerAccelerationX`, or the sum of `motionUserAccelerationX` and `motionGravityX`.
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.devices.convert import converted, date_seconds
from feature_extraction.own_files.devices.export import IOS_SIGNS, DeviceExport, axes, describe
from feature_extraction.own_files.devices.source import Source, TextFile, split, the_only
from feature_extraction.own_files.tables import read_batches

NAME = "SensorLog"
UNITS = {"accelerometerAcceleration": "g", "motionUserAcceleration": "g", "motionGravity": "g"} | dict.fromkeys(
    ("gyroRotation", "motionRotationRate"), "rad/s"
)


def find(source: Source) -> DeviceExport | None:
    """Return total acceleration and angular rate.

    Raises:
        InputError: A unit or row is not as the program writes it.
    """
    file = the_only([file for file in source.files if "loggingTime" in _columns(file)[0]], f"a recording of {NAME}")
    if file is None:
        return None
    columns, delimiter = _columns(file)
    sensors = {
        name: [columns[name + axis] for axis in "XYZ"] for name in UNITS if all(name + a in columns for a in "XYZ")
    }
    if not sensors:
        return None
    for name, positions in sensors.items():
        _require_unit(file, file.fields(0, delimiter)[positions[0]], UNITS[name])
    total = "accelerometerAcceleration" in sensors
    parts = ["accelerometerAcceleration"] if total else ["motionUserAcceleration", "motionGravity"]
    acc = [sensors[part] for part in parts] if set(parts) <= set(sensors) else []
    gyro = next(([name] for name in ("gyroRotation", "motionRotationRate") if name in sensors), [])
    used = [f"acc in g from {' + '.join(f'{part}X, Y, Z' for part in parts)}"] if acc else []
    used += [f"gyro in rad/s from {name}X, Y, Z" for name in gyro]
    note = ""
    if not acc and sensors.keys() & {"motionUserAcceleration", "motionGravity"}:
        absent = next(name for name in parts if name not in sensors)
        note = f"total acceleration needs {absent}X, Y, Z or accelerometerAccelerationX, Y, Z, which are missing"
    layout = file.layout(file.fields(0, delimiter), 1, delimiter)
    turning = [sensors[name] for name in gyro]
    groups = ([("acc", "g", acc)] if acc else []) + ([("gyro", "rad/s", turning)] if gyro else [])

    def blocks() -> Iterator[Mapping[str, np.ndarray]]:
        used_columns = [column for _, _, sums in groups for columns in sums for column in columns]
        for table in read_batches(file.path, layout, (columns["loggingTime"], *used_columns)):
            block = {"time [s]": date_seconds(table, columns["loggingTime"], file.where)}
            for quantity, unit, sums in groups:
                values = np.sum([table.samples(positions) for positions in sums], axis=0)
                block |= dict(zip(axes(quantity, unit), values.T, strict=True))
            yield block

    streams = (converted(source, file, blocks()),) if groups else ()
    return DeviceExport(NAME, streams, describe(NAME, used, IOS_SIGNS if acc else "", note))


def _columns(file: TextFile) -> tuple[dict[str, int], str]:
    """Return the positions of columns by their names without units, and the delimiter."""
    first = file.lines[0] if file.lines else ""
    delimiter = max(",;\t", key=first.count)
    return {re.sub(r"\(.*\)$", "", name): i for i, name in enumerate(split(first, delimiter))}, delimiter


def _require_unit(file: TextFile, name: str, unit: str) -> None:
    stated = re.findall(r"\((.*)\)$", name)
    if stated and stated[0].lower() != unit:
        raise InputError(f"{file.where}: column {name!r} is in {stated[0]}, where {NAME} writes {unit}; export again")
