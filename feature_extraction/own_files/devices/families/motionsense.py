"""MotionSense: tables of the phone in a pocket, with gravity and user acceleration in g; 50 Hz, without time stamps."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from feature_extraction.own_files.devices.convert import converted
from feature_extraction.own_files.devices.export import IOS_SIGNS, DeviceExport, axes, describe
from feature_extraction.own_files.devices.source import Source, the_only
from feature_extraction.own_files.tables import read_batches

NAME = "MotionSense"
RATE_HZ = 50.0
SENSORS = ("gravity", "rotationRate", "userAcceleration")
ALLOWED = {"", "Unnamed: 0", *(f"attitude.{angle}" for angle in ("roll", "pitch", "yaw"))} | {
    f"{sensor}.{axis}" for sensor in SENSORS for axis in "xyz"
}


def find(source: Source) -> DeviceExport | None:
    """Return the sum of gravity and user acceleration, and the angular rate.

    Raises:
        InputError: The file ends before its first row, or its rows have another number of values.
    """
    files = [
        f for f in source.files if set(f.fields(0)) <= ALLOWED and any("userAcceleration" in n for n in f.fields(0))
    ]
    file = the_only(files, f"a recording of {NAME}")
    if file is None:
        return None
    names = file.fields(0)
    place = {s: [names.index(f"{s}.{a}") for a in "xyz"] for s in SENSORS if all(f"{s}.{a}" in names for a in "xyz")}
    layout = file.layout(names, 1)
    missing = [sensor for sensor in SENSORS if sensor not in place]
    total = not {"gravity", "userAcceleration"} & set(missing)
    used = ["acc in g as the sum of gravity and userAcceleration"] if total else []
    used += ["gyro in rad/s from rotationRate"] if "rotationRate" in place else []
    note = ""
    if not total:
        note = f"total acceleration needs gravity.x, y, z and userAcceleration.x, y, z: {missing[0]} is missing"

    signs = IOS_SIGNS if total else ""
    finding = describe(NAME, used, "50 Hz, as the data set is documented", signs, note)

    def blocks() -> Iterator[Mapping[str, np.ndarray]]:
        columns = [column for positions in place.values() for column in positions]
        for table in read_batches(file.path, layout, columns):
            block: dict[str, np.ndarray] = {}
            if total:
                acc = table.samples(place["gravity"]) + table.samples(place["userAcceleration"])
                block |= dict(zip(axes("acc", "g"), acc.T, strict=True))
            if "rotationRate" in place:
                block |= dict(zip(axes("gyro", "rad/s"), table.samples(place["rotationRate"]).T, strict=True))
            yield block

    if not used:
        return DeviceExport(NAME, (), finding)
    return DeviceExport(NAME, (replace(converted(source, file, blocks()), rate_hz=RATE_HZ),), finding, place="pocket")
