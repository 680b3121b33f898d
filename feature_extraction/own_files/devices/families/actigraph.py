"""ActiGraph: raw CSV of ActiLife; ten lines state rate, format of dates and start, then x, y, z in g.

With or without a line of names and time stamps; an inertial unit has gyroscope (deg/s) and magnetometer (µT), too.
Exports with the epoch period of a minute hold counts, which are no samples.
"""

import re

from feature_extraction.errors import InputError
from feature_extraction.own_files.csv_layout import Layout
from feature_extraction.own_files.declared import FASTEST_HZ, SLOWEST_HZ
from feature_extraction.own_files.devices.convert import dated
from feature_extraction.own_files.devices.export import DeviceExport, DeviceStream, describe
from feature_extraction.own_files.devices.source import Source, TextFile, is_number, the_only

NAME = "ActiGraph"
FIRST_LINE = "Data File Created By ActiGraph"
MOST_HEADER_LINES = 20
UNITS = {"accelerometer": ("acc", "g"), "gyroscope": ("gyro", "deg/s"), "magnetometer": ("mag", "uT")}


def find(source: Source) -> DeviceExport | None:
    """Return acceleration in g, and what an inertial unit adds.

    Raises:
        InputError: The header is cut off, states no usable rate or another one than the time stamps show, or the
            rows are counts.
    """
    file = the_only([f for f in source.files if f.lines and FIRST_LINE in f.lines[0]], f"a recording of {NAME}")
    if file is None:
        return None
    header = "\n".join(file.lines[:MOST_HEADER_LINES])
    ends = [
        i for i, line in enumerate(file.lines[1:MOST_HEADER_LINES], 1) if re.fullmatch(r"-{20,}", line.strip(' ,;"'))
    ]
    if not ends:
        raise InputError(f"{file.where}: {NAME} header without the line of dashes that ends it; export again")
    period = re.search(r"Epoch Period[^\n]*?(\d\d:\d\d:\d\d)[\s,;]*$", header, re.MULTILINE)
    if period and period[1] != "00:00:00":
        raise InputError(f"{file.where}: counts per epoch of {period[1]}, no samples; export raw data as CSV")
    stated = re.search(r" at ?([\d.]+) ?Hz", file.lines[0])
    rate_hz = float(stated[1]) if stated else None
    if rate_hz is not None and not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
        raise InputError(f"{file.where}: its first line states {rate_hz:g} Hz, no sampling rate; export again")
    start = [re.search(rf"Start {what}[ ,;:]*([\d:./-]+)", header) for what in ("Date", "Time")]
    layout, order = _layout(file, ends[0] + 1)
    used = dict.fromkeys(f"{name.split('_')[0]} in {name.split()[1][1:-1]}" for name in layout.names if "_" in name)
    since = (
        f"from {' '.join(match[1] for match in start if match)} (dates as {_date_format(file)})" if all(start) else ""
    )
    finding = describe(NAME, used, f"at {rate_hz:g} Hz" if rate_hz else "", since)
    if "time [s]" in layout.names:
        return DeviceExport(
            NAME, (dated(source, file, layout, layout.names.index("time [s]"), order, rate_hz),), finding
        )
    if rate_hz is None:
        raise InputError(f"{file.where}: neither a rate in its first line nor time stamps; export again")
    return DeviceExport(NAME, (DeviceStream(file.path, layout, rate_hz, where=file.where),), finding)


def _date_format(file: TextFile) -> str:
    found = re.search(r"date format ([Mdy]+[-/. ]+[Mdy]+[-/. ]+[Mdy]+)", file.lines[0])
    return found[1] if found else "M/d/yyyy"


def _layout(file: TextFile, line: int) -> tuple[Layout, str]:
    """Return how the rows are written, and the order of year, month and day."""
    while line < len(file.lines) and not file.lines[line].strip():
        line += 1
    first = file.lines[line] if line < len(file.lines) else ""
    delimiter = next((mark for mark in ("\t", ";", ",") if mark in first), ",")
    fields = file.fields(line, delimiter)
    order = "".join(dict.fromkeys(re.findall("[yMd]", _date_format(file))))
    named = bool(fields) and not is_number(fields[-1], delimiter)
    if named:
        names = [_name(field) for field in fields]
    elif len(fields) in (3, 4):
        names = ["time [s]"] * (len(fields) - 3) + [f"acc_{axis} [g]" for axis in "xyz"]
    else:
        raise InputError(f"{file.where}, line {line + 1}: {len(fields)} values, expected x, y, z; export again")
    if not {f"acc_{axis} [g]" for axis in "xyz"} <= set(names):
        raise InputError(
            f"{file.where}: columns {', '.join(fields)[:80]}, not raw acceleration; export raw data as CSV"
        )
    return file.layout(names, line + named, delimiter), order


def _name(field: str) -> str:
    if field.lower() == "timestamp":
        return "time [s]"
    sensor, _, axis = field.lower().partition(" ")
    quantity, unit = UNITS.get(sensor, ("", ""))
    return f"{quantity}_{axis} [{unit}]" if quantity and axis in ("x", "y", "z") else ""
