"""Axivity AX3 and AX6: CSV of OmGui, often without header: date, x, y, z in g, of an AX6 angular rate in deg/s, too."""

import re

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.devices.export import DeviceExport, DeviceStream, axes, describe
from feature_extraction.own_files.devices.source import Source, TextFile, is_number, the_only

NAME = "Axivity"
DATE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{3}")
HEADER = ["Time", "Accel-X (g)", "Accel-Y (g)", "Accel-Z (g)"]
GYRO = ["Gyro-X (d/s)", "Gyro-Y (d/s)", "Gyro-Z (d/s)"]
AT_REST_G = (0.8, 1.25)


def find(source: Source) -> DeviceExport | None:
    """Return acceleration in g and, from an AX6, angular rate.

    A file without header is taken for one of an Axivity if its rows are date and three or six numbers, the first
    three of which have the size of gravity in g.

    Raises:
        InputError: The header names other columns than the rows have.
    """
    file = the_only([file for file in source.files if _first_row(file) is not None], f"a recording of {NAME}")
    if file is None:
        return None
    first = _first_row(file) or 0
    width = len(file.fields(0))
    names = ("time", *axes("acc", "g"), *(axes("gyro", "deg/s") if width == 7 else ()))
    stream = DeviceStream(file.path, file.layout(names, first), where=file.where)
    used = ["acc in g", "gyro in deg/s"][: width // 3]
    note = "" if first else "taken for it, as its rows without header are date and numbers of the size of gravity in g"
    finding = describe(NAME, used, note, f"from {file.fields(first)[0]}")
    return DeviceExport(NAME, (stream,), finding, certain=bool(first) or width == 4)


def _first_row(file: TextFile) -> int | None:
    """Return the line of the first row, if this is the table of an Axivity."""
    fields = file.fields(0)
    if fields in (HEADER, HEADER + GYRO):
        if len(file.lines) < 2:
            raise InputError(f"{file.where}: ends after its header; export again")
        return 1
    if len(fields) not in (4, 7) or not DATE.fullmatch(fields[0]) or not all(is_number(f, ",") for f in fields[1:]):
        return None
    rows = [row for row in file.rows(0, ",", len(fields)) if all(is_number(field, ",") for field in row[1:])]
    size = float(np.median(np.linalg.norm(np.array([row[1:4] for row in rows], dtype=np.float64), axis=1)))
    return 0 if AT_REST_G[0] <= size <= AT_REST_G[1] else None
