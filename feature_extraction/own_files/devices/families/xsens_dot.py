"""Xsens (Movella) DOT: lines about the sensor, then PacketCounter, SampleTimeFine and what was chosen to be recorded.

Acc_X, Y, Z are total acceleration in m/s², FreeAcc is without gravity, Gyr_X, Y, Z are in deg/s. SampleTimeFine
counts microseconds and starts again after 2^32; some exports count ticks of 0.1 ms. The size of its steps tells.
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.account import Account
from feature_extraction.own_files.devices.convert import converted, require_rate
from feature_extraction.own_files.devices.export import DeviceExport, axes, describe
from feature_extraction.own_files.devices.source import Source, TextFile, is_number, the_only
from feature_extraction.own_files.tables import read_batches
from feature_extraction.own_files.timing.stamps import Clock, Timeline

NAME = "Xsens DOT"
MOST_HEADER_LINES = 25
ABOVE = ("DeviceTag", "FirmwareVersion", "AppVersion", "OutputRate")
WRAP = float(1 << 32)
RATES_HZ = (4.0, 500.0)


def find(source: Source) -> DeviceExport | None:
    """Return total acceleration and angular rate.

    Raises:
        InputError: The header is cut off, or rate and time stamps contradict each other.
    """
    file = the_only([file for file in source.files if _is_dot(file)], f"a recording of {NAME}")
    if file is None:
        return None
    line = next(
        (i for i in range(min(MOST_HEADER_LINES, len(file.lines))) if file.fields(i)[:1] == ["PacketCounter"]), None
    )
    if line is None or "SampleTimeFine" not in file.fields(line):
        raise InputError(f"{file.where}: {NAME} file without a line PacketCounter, SampleTimeFine, ...; export again")
    names = file.fields(line)
    layout = file.layout(names, line + 1)
    said = dict(re.findall(r"^(\w+): *,(.*)$", "\n".join(file.lines[:line]), re.MULTILINE))
    sensors = {
        s: [names.index(f"{s}_{a}") for a in "XYZ"] for s in ("Acc", "Gyr") if {f"{s}_{a}" for a in "XYZ"} <= set(names)
    }
    stated = re.match(r"[\d.]+", said.get("OutputRate", ""))
    tick_s = _tick_s(file, [row[names.index("SampleTimeFine")] for row in file.rows(line + 1, ",", len(names))])
    used = [text for sensor, text in (("Acc", "acc in m/s2"), ("Gyr", "gyro in deg/s")) if sensor in sensors]
    start = said.get("StartTime", "").strip()
    free = "Acc" not in sensors and any(name.startswith("FreeAcc") for name in names)
    finding = describe(
        f"{NAME} {said.get('DeviceTag', '').strip()}".rstrip(),
        used,
        f"time in {'microseconds' if tick_s == 1e-6 else 'ticks of 0.1 ms'}",
        f"from {start}" if start else "",
        "FreeAcc is acceleration without gravity, and Acc_X, Acc_Y, Acc_Z are missing" if free else "",
    )

    def blocks() -> Iterator[Mapping[str, np.ndarray]]:
        columns = [names.index("SampleTimeFine"), *(i for positions in sensors.values() for i in positions)]
        timeline = Timeline(Clock(0, tick_s, np.nan, wraps_s=WRAP * tick_s), Account())
        for table in read_batches(file.path, layout, columns):
            seconds = table.numbers(columns[0]) * tick_s
            timed = np.isfinite(seconds)
            seconds[timed] = timeline.unwrap(seconds[timed])
            if stated and not table.first_row:
                require_rate(float(stated[0]), seconds[:1000], file.where)
            block = {"time [s]": seconds}
            for sensor, quantity, unit in (("Acc", "acc", "m/s2"), ("Gyr", "gyro", "deg/s")):
                if sensor in sensors:
                    block |= dict(zip(axes(quantity, unit), table.samples(sensors[sensor]).T, strict=True))
            yield block

    return DeviceExport(NAME, (converted(source, file, blocks()),) if sensors else (), finding)


def _is_dot(file: TextFile) -> bool:
    above = file.lines[:MOST_HEADER_LINES]
    return sum(any(line.startswith(f"{key}:") for line in above) for key in ABOVE) >= 2


def _tick_s(file: TextFile, texts: list[str]) -> float:
    """Return seconds per step of SampleTimeFine: a microsecond or 0.1 ms, whichever makes a sampling rate."""
    steps = np.diff([float(text) for text in texts if is_number(text, ",")])
    steps = steps[steps > 0]
    step = float(np.median(steps)) if len(steps) else 0.0
    for tick_s in (1e-6, 1e-4):
        if step and RATES_HZ[0] <= 1 / (step * tick_s) <= RATES_HZ[1]:
            return tick_s
    raise InputError(
        f"{file.where}: SampleTimeFine has steps of {step:g}, neither microseconds nor 0.1 ms; export again"
    )
