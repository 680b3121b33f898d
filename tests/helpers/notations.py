"""One recording in every notation that devices and people use, and what a reader makes of each.

A notation is a choice of delimiter, decimal mark, encoding, header, clock, unit and column names. `write` writes the
recording in it; a reader must give the same samples, or refuse, or ask; never something else.
"""

import datetime
from dataclasses import dataclass
from pathlib import Path

import numpy as np

GRAVITY_MPS2 = 9.80665
RATE_HZ = 50
N_ROWS = 400
START = datetime.datetime(2026, 3, 14, 15, 9, 26)

CHOICES: dict[str, tuple] = {
    "delimiter": (",", ";", "\t", "|", "  "),
    "decimal": (".", ","),
    "thousands": ("", "separated"),
    "quoted": (False, True),
    "encoding": ("utf-8", "utf-8-sig", "utf-16", "latin-1"),
    "newline": ("\n", "\r\n"),
    "header": ("names", "none", "numbers", "preamble", "units below", "shorter", "longer"),
    "names": ("ax", "Acc_X", "Acceleration x", "wrist.acc_x", "accelerometer-x"),
    "unit": ("g", "m/s2", "mg"),
    "unit_stated": (True, False),
    "gyro": (None, "rad/s", "deg/s"),
    "clock": (
        *("none", "s", "ms", "us", "ns", "0.1 ms", "epoch s", "epoch ms", "epoch ns", "iso", "us date", "time of day"),
        *("ms of second", "two clocks"),
    ),
    "clock_stated": (True, False),
    "extra": (None, "text", "counter", "temperature", "after"),
}


@dataclass(frozen=True)
class Notation:
    """One way to write the recording; fields as in `CHOICES`."""

    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    quoted: bool = False
    encoding: str = "utf-8"
    newline: str = "\n"
    header: str = "names"
    names: str = "ax"
    unit: str = "g"
    unit_stated: bool = True
    gyro: str | None = None
    clock: str = "ms"
    clock_stated: bool = True
    extra: str | None = None

    def is_possible(self) -> bool:
        """Return whether anybody could tell the columns apart, and the choices do not exclude each other."""
        if self.delimiter == "," and self.decimal == "," and not self.quoted:
            return False
        if self.thousands and (self.unit != "mg" or self.decimal == "," and self.delimiter == "."):
            return False
        if self.thousands and self.decimal == "." and self.delimiter == "," and not self.quoted:
            return False
        if self.delimiter == "  " and (self.clock in ("iso", "us date") or " " in self.names or self.extra == "text"):
            return False
        return not (self.delimiter == "  " and self.quoted)


def motion() -> np.ndarray:
    """Return acceleration in m/s² and angular rate in rad/s of a turning, swinging sensor [400, 6]."""
    time_s = np.arange(N_ROWS) / RATE_HZ
    tilt = 0.9 + 0.5 * np.sin(2 * np.pi * 0.8 * time_s)
    turn = 0.4 * np.sin(2 * np.pi * 0.5 * time_s + 1)
    gravity = np.stack([np.cos(tilt) * np.cos(turn), np.sin(turn), np.sin(tilt) * np.cos(turn)], axis=1)
    acc = GRAVITY_MPS2 * gravity + 1.5 * np.sin(2 * np.pi * 1.6 * time_s)[:, None] * np.array([1.0, 0.4, 0.2])
    gyro = np.stack([np.gradient(turn, time_s), np.gradient(tilt, time_s), 0.3 * np.cos(3 * time_s)], axis=1)
    return np.concatenate([acc, gyro], axis=1)


def number(value: float, notation: Notation) -> str:
    """Write a number with its decimal mark and, where there are thousands, their separator."""
    text = f"{value:.5f}" if notation.unit != "mg" else f"{value:.2f}"
    if notation.thousands:
        text = f"{value:,.2f}"
    if notation.decimal == ",":
        text = text.replace(",", "\0").replace(".", ",").replace("\0", ".")
    return text


def stamps(notation: Notation) -> tuple[list[str], list[list[str]]]:
    """Return names and columns of the clock."""
    k = np.arange(N_ROWS)
    stated = notation.clock_stated
    epoch_s = START.replace(tzinfo=datetime.UTC).timestamp()
    clock = notation.clock
    if clock == "none":
        return [], []
    if clock == "two clocks":
        late = 4000
        return (
            ["acc time (ms)", "gyro time (ms)"],
            [[str(20 * i) for i in k], [str(20 * i + late) for i in k]],
        )
    whole = {
        "ms": ("time_ms", [str(20 * i) for i in k]),
        "us": ("time_us", [str(20_000 * i) for i in k]),
        "ns": ("time_ns", [str(20_000_000 * i) for i in k]),
        "0.1 ms": ("SampleTimeFine", [str(123_450_000 + 200 * i) for i in k]),
        "epoch ms": ("time_ms", [str(round(epoch_s * 1000) + 20 * i) for i in k]),
        "epoch ns": ("time_ns", [str((round(epoch_s * 1000) + 20 * i) * 1_000_000) for i in k]),
        "ms of second": ("Milliseconds", [str(20 * i % 1000) for i in k]),
    }
    if clock in whole:
        name, column = whole[clock]
        keep = stated or clock in ("0.1 ms", "ms of second")
        return [name if keep else "time"], [column]
    moments = [START + datetime.timedelta(milliseconds=20 * int(i)) for i in k]
    if clock == "iso":
        return ["time"], [[m.isoformat(sep=" ", timespec="milliseconds") for m in moments]]
    if clock == "us date":
        return ["time"], [[m.strftime("%m/%d/%Y %H:%M:%S.") + f"{m.microsecond // 1000:03}" for m in moments]]
    if clock == "time of day":
        return ["time"], [[m.strftime("%H:%M:%S.") + f"{m.microsecond // 1000:03}" for m in moments]]
    offset = epoch_s if clock == "epoch s" else 0.0
    column = [f"{offset + i / RATE_HZ:.2f}" for i in k]
    if notation.decimal == ",":
        column = [text.replace(".", ",") for text in column]
    return ["time_s" if stated else "time"], [column]


def axis_names(notation: Notation, quantity: str) -> list[str]:
    """Return the names of three axes."""
    styles = {
        "ax": {"acc": "a{}", "gyro": "g{}"},
        "Acc_X": {"acc": "Acc_{X}", "gyro": "Gyr_{X}"},
        "Acceleration x": {"acc": "Acceleration {}", "gyro": "Angular velocity {}"},
        "wrist.acc_x": {"acc": "wrist.acc_{}", "gyro": "wrist.gyro_{}"},
        "accelerometer-x": {"acc": "accelerometer-{}", "gyro": "gyroscope-{}"},
    }[notation.names][quantity]
    unit = notation.unit if quantity == "acc" else notation.gyro
    tail = f" [{unit}]" if notation.unit_stated else ""
    return [styles.replace("{X}", axis.upper()).replace("{}", axis) + tail for axis in "xyz"]


def table(notation: Notation) -> tuple[list[str], list[list[str]]]:
    """Return names and columns of text."""
    values = motion()
    factor = {"g": 1 / GRAVITY_MPS2, "m/s2": 1.0, "mg": 1000 / GRAVITY_MPS2}[notation.unit]
    names, columns = stamps(notation)
    names += axis_names(notation, "acc")
    columns += [[number(v, notation) for v in values[:, i] * factor] for i in range(3)]
    if notation.gyro is not None:
        turn = 180 / np.pi if notation.gyro == "deg/s" else 1.0
        names += axis_names(notation, "gyro")
        # Angular rates have no thousands, whatever the acceleration has.
        columns += [[number(v, Notation(decimal=notation.decimal)) for v in values[:, 3 + i] * turn] for i in range(3)]
    if notation.clock == "two clocks" and notation.gyro is not None:
        columns.insert(4, columns.pop(1))
        names.insert(4, names.pop(1))
    elif notation.clock == "two clocks":
        names.pop(1), columns.pop(1)
    extra = {
        "text": ("activity", ["walking"] * N_ROWS),
        "counter": ("PacketCounter", [str(i) for i in range(N_ROWS)]),
        "temperature": ("temperature", [number(31.5, Notation(decimal=notation.decimal))] * N_ROWS),
        "after": ("battery", [number(97.0, Notation(decimal=notation.decimal))] * N_ROWS),
    }
    if notation.extra is not None:
        name, column = extra[notation.extra]
        place = len(names) if notation.extra == "after" else 0
        names.insert(place, name)
        columns.insert(place, column)
    return names, columns


def write(notation: Notation, path: Path) -> Path:
    """Write the recording."""
    names, columns = table(notation)

    def line(fields: list[str], quoted: bool) -> str:
        risky = [f'"{f}"' if quoted or notation.delimiter in f else f for f in fields]
        return notation.delimiter.join(risky)

    lines = []
    if notation.header == "preamble":
        lines += ["Device: wristband 4", "Start: 2026-03-14", ""]
    if notation.header == "numbers":
        lines.append(line([str(i) for i in range(len(names))], notation.quoted))
    elif notation.header == "shorter":
        lines.append(line(names[:-1], notation.quoted))
    elif notation.header == "longer":
        lines.append(line([*names, "note"], notation.quoted))
    elif notation.header != "none":
        lines.append(line(names, notation.quoted))
    if notation.header == "units below":
        lines.append(line(["-" for _ in names], notation.quoted))
    lines += [line(list(row), notation.quoted) for row in zip(*columns, strict=True)]
    path.write_bytes((notation.newline.join(lines) + notation.newline).encode(notation.encoding))
    return path
