"""phyphox: one file a sensor in a folder or zip file, or one file; names of columns say axis and unit.

Acceleration without g is called linear, in the names of the columns (`Linear Acceleration x (m/s^2)`) or, where
those are only `X (m/s^2)`, in the name of the file; the name of a zip file may say so, too. Delimiter and decimal
mark are chosen at export.
"""

import re
from pathlib import Path

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.devices.export import DeviceExport, DeviceStream, describe
from feature_extraction.own_files.devices.source import Source, TextFile, is_number, split, the_only

NAME = "phyphox"
TIME = re.compile(r"[^\W\d_]+ \(s\)")  # Time (s), Zeit (s)
AXIS = re.compile(r"(?:(?P<what>.+) )?(?P<axis>[xyzXYZ]) \((?P<unit>m/s\^2|m/s²|rad/s|[µμ]T)\)")
QUANTITIES = {"m": ("acc", "m/s2"), "r": ("gyro", "rad/s"), "µ": ("mag", "uT"), "μ": ("mag", "uT")}
WITHOUT_G = re.compile(r"(without|ohne|sans|senza)[ _-]?g\b", re.IGNORECASE)
LINEAR = re.compile(r"linear|lineal|without g|ohne g|sans g|sin g|senza g", re.IGNORECASE)


def find(source: Source) -> DeviceExport | None:
    """Return acceleration with gravity, angular rate and magnetic field.

    Raises:
        InputError: Two files hold the same, or a file ends before its first row.
    """
    found: dict[str, list[TextFile]] = {}
    for file in source.files:
        for quantity in dict.fromkeys(name.split("_")[0] for name in _names(source, file)[0][1:] if name):
            found.setdefault(quantity, []).append(file)
    linear = [file for file in source.files if _names(source, file)[2]]
    if not found and not linear:
        return None
    files = dict.fromkeys(the_only(same, f"{quantity} of {NAME}") for quantity, same in found.items())
    streams, used = [], []
    for file in filter(None, files):
        names, delimiter, _ = _names(source, file)
        layout = file.layout(names, 1, delimiter)
        if "acc_x [m/s2]" in names and file.fields(0, delimiter)[names.index("acc_x [m/s2]")].lower().startswith("x"):
            _require_gravity(file, names, layout.delimiter)
        streams.append(DeviceStream(file.path, layout, where=file.where))
        used.append(
            f"{', '.join(dict.fromkeys(name.split('_')[0] for name in names[1:] if name))} from {file.path.name}"
        )
    starts = _starts(source)
    notes = [f"recorded from {starts[0]}"] if starts else []
    if linear and "acc" not in found:
        notes.append(f"{linear[0].path.name} is acceleration without g, and the one with g is missing")
    if len(starts) > 1:
        notes.append(f"paused {len(starts) - 1} times, which its time stamps do not show")
    return DeviceExport(NAME, tuple(streams), describe(NAME, used, *notes), certain=len(starts) < 2)


def _names(source: Source, file: TextFile) -> tuple[list[str], str, bool]:
    """Return our names of the columns, the delimiter, and whether they hold acceleration without gravity."""
    first, given_as = file.lines[0] if file.lines else "", WITHOUT_G.search(Path(source.where).name)
    for delimiter in ("\t", ";", ","):
        fields = split(first, delimiter)
        axes = [AXIS.fullmatch(field) for field in fields]
        if len(fields) < 4 or not TIME.fullmatch(fields[0]) or sum(axis is not None for axis in axes) < 3:
            continue
        names, linear = ["time [s]"], False
        for axis in axes[1:]:
            called_so = axis is not None and (LINEAR.search(axis["what"] or file.path.stem) or given_as)
            without_g = axis is not None and axis["unit"][0] == "m" and bool(called_so)
            quantity, unit = QUANTITIES[axis["unit"][0]] if axis else ("", "")
            names.append(f"{quantity}_{axis['axis'].lower()} [{unit}]" if axis and not without_g else "")
            linear |= without_g
        return names, delimiter, linear
    return [""], ",", False


def _require_gravity(file: TextFile, names: list[str], delimiter: str) -> None:
    """Refuse columns `X (m/s^2)` in a file whose name does not say whether gravity is in them, if it is not.

    Raises:
        InputError: Their median size is not that of gravity.
    """
    if file.stem.startswith("accel"):
        return
    places = [names.index(f"acc_{axis} [m/s2]") for axis in "xyz"]
    texts = [[fields[i] for i in places] for fields in file.rows(1, delimiter, len(names))]
    rows = [[float(t.replace(",", ".")) for t in row] for row in texts if all(is_number(t, delimiter) for t in row)]
    if not rows:
        return  # the reader says what is wrong with them
    size = float(np.median(np.linalg.norm(np.array(rows), axis=1)))
    if not 7.8 <= size <= 12.3:
        raise InputError(
            f"{file.where}: {NAME} calls acceleration with and without g X (m/s^2) alike, and its median size is "
            f"{size:.3g}; give the file back its name, such as Accelerometer.csv"
        )


def _starts(source: Source) -> list[str]:
    """Return when the recording was started, and started again after a pause, as `meta/time.csv` says."""
    times = [file for file in source.files if file.path.name == "time.csv" and file.path.parent.name == "meta"]
    rows = [split(line, d) for file in times for line in file.lines for d in (",", ";", "\t") if d in line]
    return [row[3] for row in rows if len(row) > 3 and row[0] == "START"]
