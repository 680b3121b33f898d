"""MBIENTLAB MetaWear: one file a sensor; epoch (ms), time, elapsed (s), then x, y, z in g, deg/s or T."""

import re

from feature_extraction.own_files.devices.convert import require_rate
from feature_extraction.own_files.devices.export import DeviceExport, DeviceStream, axes, describe
from feature_extraction.own_files.devices.source import Source, TextFile, the_only

NAME = "MetaWear"
HEADER = re.compile(
    r"epoch? \(ms\),time(?:stamp)? \([^)]*\),elapsed \(s\),"
    r"x-axis \((?P<unit>g|deg/s|T)\),y-axis \((?P=unit)\),z-axis \((?P=unit)\)"
)
QUANTITIES = {"g": "acc", "deg/s": "gyro", "T": "mag"}
RATE_IN_NAME = re.compile(r"_(\d+(?:\.\d+)?)Hz")


def find(source: Source) -> DeviceExport | None:
    """Return acceleration, angular rate and magnetic field of one board.

    Raises:
        InputError: Two files hold the same, a file ends early, or its name states another rate than its stamps show.
    """
    files = [file for file in source.files if _unit(file)]
    if not files:
        return None
    without_g = [file for file in files if _unit(file) == "g" and re.search("linear|gravity", file.stem)]
    streams, used = [], []
    for unit, quantity in QUANTITIES.items():
        of_unit = [file for file in files if _unit(file) == unit and file not in without_g]
        if file := the_only(of_unit, f"{quantity} of {NAME}"):
            streams.append(_stream(file, quantity, unit))
            used.append(f"{quantity} in {unit} from {file.path.name}")
    note = ""
    if without_g and not any(name.startswith("acc") for name in used):
        note = f"{without_g[0].path.name} is not total acceleration, and the file of the accelerometer is missing"
    return DeviceExport(NAME, tuple(streams), describe(NAME, used, note))


def _unit(file: TextFile) -> str:
    found = HEADER.fullmatch(",".join(file.fields(0)))
    return found["unit"] if found else ""


def _stream(file: TextFile, quantity: str, unit: str) -> DeviceStream:
    layout = file.layout(("time [ms]", "", "", *axes(quantity, unit)), 1)
    stated = RATE_IN_NAME.search(file.path.name)
    if stated and float(stated[1]) > 0:
        stamps = [float(row[0]) / 1000 for row in file.rows(1, ",", 6) if row[0].isdigit()]
        require_rate(float(stated[1]), stamps, file.where)
    return DeviceStream(file.path, layout, where=file.where)
