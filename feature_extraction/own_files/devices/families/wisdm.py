"""WISDM: lines of subject, label, nanoseconds, x, y, z, with a semicolon behind; the first data set and that of 2019.

The first (`33,Jogging,49105962326000,-0.69,12.68,0.50;`) is acceleration in m/s². Those of 2019 have a letter for
the activity and are acceleration in m/s² or angular rate in rad/s, which only name and folder of the file say.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.devices.convert import converted
from feature_extraction.own_files.devices.export import DeviceExport, axes, describe
from feature_extraction.own_files.devices.source import Source, TextFile, require_one
from feature_extraction.own_files.text.splitting import bounded_lines

NAME = "WISDM"
NUMBER = r"\s*-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*"
LINE = re.compile(rf"(\d+),([A-Za-z][A-Za-z ]*),(\d{{1,18}}),({NUMBER}),({NUMBER}),({NUMBER})(;?),?")
BLOCK = 1 << 16
FEWEST_LINES = 3
MOST_WRONG = 0.01
GRAVITY_IN = (6.0, 16.0)  # m/s², median size of acceleration of people who also run


def find(source: Source) -> DeviceExport | None:
    """Return acceleration, and angular rate of the data set of 2019, with columns subject and label.

    Raises:
        InputError: More than a hundredth of the lines are of another form, or name and values contradict each other.
    """
    by_quantity: dict[str, list[TextFile]] = {}
    certain = True
    for file in filter(_is_wisdm, source.files):
        quantity, sure = _quantity(file)
        by_quantity.setdefault(quantity, []).append(file)
        certain &= sure
    if not by_quantity:
        return None
    left_out: dict[str, int] = {}
    streams, used = [], []
    for quantity, unit in (("acc", "m/s2"), ("gyro", "rad/s")):
        if quantity in by_quantity:
            file = require_one(by_quantity[quantity], f"{quantity} of {NAME}")
            streams.append(converted(source, file, _blocks(file, axes(quantity, unit), left_out)))
            used.append(f"{quantity} in {unit} from {file.path.name}")
    lines = f"{sum(left_out.values())} lines left out that are no samples" if left_out else ""
    finding = describe(NAME, used, "columns subject and label, time in nanoseconds", lines)
    return DeviceExport(NAME, tuple(streams), finding, certain, left_out)


def _matches(file: TextFile) -> list[re.Match[str]]:
    return [match for line in file.lines if (match := LINE.fullmatch(line.strip()))]


def _is_wisdm(file: TextFile) -> bool:
    matches, lines = _matches(file), [line for line in file.lines if line.strip()]
    ended = sum(bool(match[7]) for match in matches)
    return len(matches) >= FEWEST_LINES and len(matches) > 0.9 * len(lines) and ended > 0.9 * len(matches)


def _quantity(file: TextFile) -> tuple[str, bool]:
    """Return which sensor a file is of, and whether its name says so."""
    matches = _matches(file)
    values = np.array([[float(match[k]) for k in (4, 5, 6)] for match in matches])
    size = float(np.median(np.linalg.norm(values, axis=1)))
    has_gravity = GRAVITY_IN[0] <= size <= GRAVITY_IN[1]
    if any(len(match[2]) > 1 for match in matches):
        return "acc", True
    named = "gyro" if "gyro" in file.stem else "acc" if "accel" in file.stem else ""
    if named == "acc" and not has_gravity:
        raise InputError(
            f"{file.where}: acceleration by its name, but its median size is {size:.3g} m/s2; correct the name"
        )
    return named or ("acc" if has_gravity else "gyro"), bool(named)


def _blocks(file: TextFile, names: tuple[str, str, str], left_out: dict[str, int]) -> Iterator[Mapping[str, Any]]:
    """Yield columns; count lines that are no samples."""
    rows: list[tuple[str, ...]] = []
    n_lines = n_wrong = 0
    first_wrong = ""
    with file.path.open(encoding=file.encoding, errors="replace") as lines:
        for number, line in enumerate(bounded_lines(lines, file.where), start=1):
            text = line.strip()
            for part in _parts(text):
                match = LINE.fullmatch(part)
                n_lines += 1
                if match:
                    rows.append(match.groups())
                else:
                    n_wrong += 1
                    first_wrong = first_wrong or f"line {number} is {text[:60]!r}"
            if len(rows) >= BLOCK:
                yield _columns(rows, names)
                rows = []
    if n_wrong > MOST_WRONG * n_lines:
        raise InputError(f"{file.where}: {n_wrong} of {n_lines} lines are not subject,label,time,x,y,z; {first_wrong}")
    if n_wrong:
        left_out["not subject,label,time,x,y,z"] = left_out.get("not subject,label,time,x,y,z", 0) + n_wrong
    if rows:
        yield _columns(rows, names)


def _parts(text: str) -> list[str]:
    """Return the samples of a line, which sometimes holds two."""
    return [part for part in re.split(r"(?<=;)(?=\d)", text) if part]


def _columns(rows: list[tuple[str, ...]], names: tuple[str, str, str]) -> Mapping[str, Any]:
    subject, label, time, *values = list(zip(*rows, strict=True))[:6]
    return {
        "subject": list(subject),
        "label": list(label),
        "time [ns]": np.array(time, dtype=np.int64),
        **{name: np.array(column, dtype=np.float64) for name, column in zip(names, values, strict=True)},
    }
