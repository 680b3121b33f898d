"""GENEActiv: CSV with a hundred lines about device, place and person, then time, x, y, z in g, light and others."""

import re

from feature_extraction.errors import InputError
from feature_extraction.own_files.declared import FASTEST_HZ, SLOWEST_HZ
from feature_extraction.own_files.devices.convert import dated
from feature_extraction.own_files.devices.export import DeviceExport, axes, describe
from feature_extraction.own_files.devices.source import Source, the_only

NAME = "GENEActiv"
FIRST_LINE = re.compile(r"Device Type,\s*GENEActiv|Device Identity,*$", re.IGNORECASE)
FIRST_ROW = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[:.]\d{3},")
HEADER_LINES = 100
FEWEST_COLUMNS = 4


def find(source: Source) -> DeviceExport | None:
    """Return acceleration in g.

    Raises:
        InputError: The header is cut off, states no usable rate, or another one than the time stamps show.
    """
    files = [f for f in source.files if f.lines and FIRST_LINE.match(f.lines[0]) and "GENEActiv" in f.head]
    file = the_only(files, f"a recording of {NAME}")
    if file is None:
        return None
    first = next((i for i, line in enumerate(file.lines) if FIRST_ROW.match(line)), None)
    pairs = (line.split(",", 1) for line in file.lines[: first or HEADER_LINES] if "," in line)
    said = {key.strip(): value.strip(" ,") for key, value in pairs}
    if first is None or "Measurement Frequency" not in said:
        missing = "rows below its header" if first is None else "Measurement Frequency in its header"
        raise InputError(f"{file.where}: {NAME} file without {missing}; export again")
    stated = re.match(r"[\d.]+", said["Measurement Frequency"])
    rate_hz = float(stated[0]) if stated else 0.0
    if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
        raise InputError(
            f"{file.where}: Measurement Frequency is {said['Measurement Frequency']!r}, no rate; export again"
        )
    width = len(file.fields(first))
    if width < FEWEST_COLUMNS:
        raise InputError(f"{file.where}, line {first + 1}: {width} values, expected time, x, y, z; export again")
    layout = file.layout(("time", *axes("acc", "g"), *[""] * (width - FEWEST_COLUMNS)), first)

    place = said.get("Device Location Code", "")
    used, start = [f"acc in g at {rate_hz:g} Hz"], said.get("Start Time", "")
    finding = describe(NAME, used, f"worn at {place}" if place else "", f"from {start}" if start else "")
    return DeviceExport(NAME, (dated(source, file, layout, 0, rate_hz=rate_hz),), finding, place=place)
