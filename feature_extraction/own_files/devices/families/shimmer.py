"""Shimmer: one to four lines of names (`Shimmer_5E81_Accel_LN_X_CAL`), CAL or RAW, and units, after `sep=` or not.

Only calibrated columns are used. Where a low noise (LN) and a wide range (WR) accelerometer were on, the first.
"""

import re
from dataclasses import dataclass

from feature_extraction.errors import InputError
from feature_extraction.own_files.devices.convert import dated
from feature_extraction.own_files.devices.export import DeviceExport, DeviceStream, describe
from feature_extraction.own_files.devices.source import Source, TextFile, is_number, split, the_only

NAME = "Shimmer"
MOST_HEADER_LINES = 5
COLUMN = re.compile(
    r"(?P<device>.*?)[_ ]?(?P<sensor>(?:Low Noise |Wide Range )?Accel(?:erometer)?(?:_LN|_WR)?|Gyro(?:scope)?)[_ ]"
    r"(?P<axis>[XYZ])(?:[_ ](?P<kind>CAL|RAW|UNCAL))?",
    re.IGNORECASE,
)
TIME = re.compile(r"(?P<device>.*?)[_ ]?Time ?stamp.*?(?:[_ ](?P<kind>CAL|RAW))?", re.IGNORECASE)
UNITS = {
    **dict.fromkeys(("m/s2", "m/sec2", "meterspersecondsquared"), "m/s2"),
    **dict.fromkeys(("deg/s", "deg/sec", "degreespersecond"), "deg/s"),
    **dict.fromkeys(("ms", "msecs", "milliseconds"), "ms"),
    **{"g": "g", "rad/s": "rad/s", "s": "s", "secs": "s", "yyyy/mm/ddhh:mm:ss.000": "date"},
}
ALLOWED = {"acc": ("m/s2", "g"), "gyro": ("deg/s", "rad/s"), "time": ("ms", "s", "date")}  # the usual one first
KINDS = ("CAL", "RAW", "UNCAL")


@dataclass(frozen=True)
class _Column:
    """What the lines above a column say; `quantity` is acc, gyro or time, `sensor` such as accel_ln."""

    position: int
    name: str
    device: str
    quantity: str
    sensor: str
    axis: str
    kind: str
    unit: str


def find(source: Source) -> DeviceExport | None:
    """Return calibrated acceleration and angular rate of all devices of a file.

    Raises:
        InputError: The file ends early, has no usable clock, or states a unit nobody knows.
    """
    file = the_only([file for file in source.files if _is_shimmer(file)], f"a recording of {NAME}")
    if file is None:
        return None
    delimiter, first, columns = _read_header(file)
    calibrated = [column for column in columns if column.kind not in ("RAW", "UNCAL")]
    clocks = sorted(
        (c for c in calibrated if c.quantity == "time"), key=lambda c: (c.unit == "date", "Unix" not in c.name)
    )
    if not clocks:
        raise InputError(f"{file.where}: no calibrated time stamps; export them with Unix time")
    clock, sensors = clocks[0], _choose_sensors([column for column in calibrated if column.quantity != "time"])
    several = len({column.device for column in sensors}) > 1
    names = [""] * len(file.fields(first, delimiter))
    names[clock.position] = f"time [{'s' if clock.unit == 'date' else clock.unit}]"
    for column in sensors:
        device = f"{column.device}." if several else ""
        names[column.position] = f"{device}{column.quantity}_{column.axis} [{column.unit}]"
    layout = file.layout(names, first, delimiter)
    used = dict.fromkeys(
        f"{column.quantity} in {column.unit} from {column.device} {column.sensor}" for column in sensors
    )
    raw = "acc" in {column.quantity for column in columns} - {column.quantity for column in sensors}
    note = "acceleration is there as RAW only, and its calibrated columns (CAL) are missing" if raw else ""
    finding = describe(NAME, used, note)
    if not sensors:
        return DeviceExport(NAME, (), finding)
    if clock.unit != "date":
        return DeviceExport(NAME, (DeviceStream(file.path, layout, where=file.where),), finding)
    return DeviceExport(NAME, (dated(source, file, layout, clock.position),), finding)


def _delimiter(file: TextFile) -> tuple[str, int]:
    """Return the delimiter, and the line of the names."""
    said = re.fullmatch(r'"?sep=(.)"?', file.lines[0].rstrip("\r\n")) if file.lines else None
    start = 1 if said else 0
    first = file.lines[start] if start < len(file.lines) else ""
    return (said[1] if said else max("\t;,", key=first.count)), start


def _is_shimmer(file: TextFile) -> bool:
    delimiter, start = _delimiter(file)
    lines = [split(line, delimiter) for line in file.lines[start : start + 2]]
    named = any(re.search(r"_(Accel_(LN|WR)|Gyro)_[XYZ]_(CAL|RAW)$", field) for line in lines[:1] for field in line)
    above = bool(lines) and bool(lines[0]) and all(field.startswith("Shimmer") for field in lines[0] if field)
    return named or (above and len(lines) > 1 and any(COLUMN.fullmatch(field) for line in lines for field in line))


def _read_header(file: TextFile) -> tuple[str, int, list[_Column]]:
    """Return the delimiter, the line of the first row, and the columns that are known."""
    delimiter, start = _delimiter(file)
    first = start + 1
    while first < len(file.lines) and not _is_row(file.fields(first, delimiter), delimiter):
        first += 1
        if first > start + MOST_HEADER_LINES:
            raise InputError(
                f"{file.where}: no rows of numbers below its {MOST_HEADER_LINES} first lines; export again"
            )
    lines = [file.fields(i, delimiter) for i in range(start, first)]
    if first >= len(file.lines):
        raise InputError(f"{file.where}: {NAME} file that ends after its header; export again")
    if len({len(line) for line in lines}) > 1 or len(file.fields(first, delimiter)) != len(lines[0]):
        counts = ", ".join(str(len(line)) for line in [*lines, file.fields(first, delimiter)])
        raise InputError(f"{file.where}: its lines of names and its first row have {counts} values; export again")
    return (
        delimiter,
        first,
        [column for i, cells in enumerate(zip(*lines, strict=True)) if (column := _column(file, i, cells))],
    )


def _is_row(fields: list[str], delimiter: str) -> bool:
    return sum(is_number(field, delimiter) for field in fields) * 2 > len(fields)


def _column(file: TextFile, position: int, cells: tuple[str, ...]) -> _Column | None:
    """Return what the lines above a column say, if it is a clock or a sensor.

    The name is in the first line, or device and name are in the first two.
    """
    for name, below in ((cells[0], cells[1:]), (" ".join(cells[:2]), cells[2:])):
        if match := COLUMN.fullmatch(name) or TIME.fullmatch(name):
            return _described(file, position, match, below)
    return None


def _described(file: TextFile, position: int, match: re.Match[str], below: tuple[str, ...]) -> _Column:
    said = match.groupdict()
    sensor = (said.get("sensor") or "").lower()
    quantity = "time" if not sensor else "gyro" if sensor.startswith("gyro") else "acc"
    kinds = [cell.upper() for cell in below if cell.upper() in KINDS]
    kind = (said["kind"] or "").upper() or next(iter(kinds), "")
    stated = next((cell for cell in below if cell.upper() not in KINDS), "")
    unit = "" if kind in ("RAW", "UNCAL") else _unit(file, quantity, stated)
    return _Column(position, match[0], said["device"], quantity, sensor, (said.get("axis") or "").lower(), kind, unit)


def _choose_sensors(columns: list[_Column]) -> list[_Column]:
    """Return the axes of one accelerometer and one gyroscope of each device: low noise before wide range."""
    chosen = []
    for device, quantity in dict.fromkeys((column.device, column.quantity) for column in columns):
        of_kind = [column for column in columns if (column.device, column.quantity) == (device, quantity)]
        sensors = sorted(dict.fromkeys(column.sensor for column in of_kind), key=lambda sensor: "w" in sensor)
        same = [column for column in of_kind if column.sensor == sensors[0]]
        if sorted(column.axis for column in same) == ["x", "y", "z"]:
            chosen += same
    return chosen


def _unit(file: TextFile, quantity: str, stated: str) -> str:
    """Return our name of a unit; calibrated exports without a line of units have the usual ones."""
    text = re.sub(r"[\s()^*]", "", stated.lower().replace("²", "2"))
    unit = UNITS.get(text, "") if text else ALLOWED[quantity][0]
    if unit not in ALLOWED[quantity]:
        choices = " or ".join(ALLOWED[quantity])
        raise InputError(f"{file.where}: unit {stated!r} of {quantity}, expected {choices}; export again")
    return unit
