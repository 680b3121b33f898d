"""Sensor Logger (iOS, Android): one file a sensor with columns time, seconds_elapsed, z, y, x, in any order of axes.

`Accelerometer.csv` is acceleration without gravity. `TotalAcceleration.csv` has gravity in it (Android); on
iOS it is the sum of `Accelerometer.csv` and `Gravity.csv`. The motion of a watch is in `WristMotion.csv`, in g
or m/s² as a setting of the program says, which the length of its gravity tells.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.csv_layout import Layout
from feature_extraction.own_files.devices.convert import converted
from feature_extraction.own_files.devices.export import IOS_SIGNS, DeviceExport, DeviceStream, axes, describe
from feature_extraction.own_files.devices.source import Source, TextFile, require_one
from feature_extraction.own_files.tables import read_batches
from feature_extraction.own_files.timing.rate import RATE_TOLERANCE
from feature_extraction.recordings.recording import AXES
from feature_extraction.recordings.signal import MAX_GAP_S

NAME = "Sensor Logger"
CLOCKS = ["time", "seconds_elapsed"]
N_COLUMNS = 5
TIME = "time [ns]"
DIRECT = {"totalacceleration": ("acc", "m/s2"), "gyroscope": ("gyro", "rad/s"), "magnetometer": ("mag", "uT")}
OTHERS = ("accelerometer", "gravity", "accelerometeruncalibrated", "gyroscopeuncalibrated", "magnetometeruncalibrated")
WRIST = [f"{what}{axis}" for what in ("rotationRate", "gravity", "acceleration") for axis in "XYZ"]
GRAVITY_IN = {"g": (0.9, 1.1), "m/s2": (8.8, 10.8)}


def find(source: Source) -> DeviceExport | None:
    """Return total acceleration, angular rate and magnetic field of a phone, or else of a watch.

    Raises:
        InputError: A file ends too early or contradicts itself, or nothing tells its sensor.
    """
    files = [file for file in source.files if file.fields(0)[:2] == CLOCKS and sorted(file.fields(0)[2:]) == list(AXES)]
    wrist = [file for file in source.files if {"seconds_elapsed", *WRIST} <= set(file.fields(0))]
    if not files and not wrist:
        return None
    by_sensor: dict[str, list[TextFile]] = {}
    for file in files:
        by_sensor.setdefault(file.stem, []).append(file)
    one = {stem: require_one(same, f"{stem} of {NAME}") for stem, same in by_sensor.items()}
    streams, used = [], []
    for stem, (quantity, unit) in DIRECT.items():
        if stem in one:
            file = one[stem]
            streams.append(DeviceStream(file.path, _layout(file, quantity, unit), where=file.where))
            used.append(f"{quantity} in {unit} from {file.path.name}")
    moving, gravity = one.get("accelerometer"), one.get("gravity")
    missing = ""
    if "totalacceleration" not in one and moving and gravity:
        streams.append(_sum(source, moving, gravity))
        used.append(f"acc in m/s2 as the sum of {moving.path.name} and {gravity.path.name}")
    elif "totalacceleration" not in one and moving:
        missing = f"{moving.path.name} is without gravity, and TotalAcceleration.csv or Gravity.csv is missing"
    if not streams and wrist:
        return _of_watch(source, require_one(wrist, f"wrist motion of {NAME}"))
    if not source.is_folder and files[0].stem not in (*DIRECT, *OTHERS):
        return _unnamed(files[0])
    beside = f"{wrist[0].path.name} of the watch is not used beside the phone" if wrist else ""
    has_acc = any(name.startswith("acc") for name in used)
    signs = IOS_SIGNS if has_acc and _has_ios_signs(source, one) else ""
    return DeviceExport(NAME, tuple(streams), describe(NAME, used, missing, beside, signs), certain=not wrist)


def _has_ios_signs(source: Source, one: Mapping[str, TextFile]) -> bool:
    """Return whether acceleration has the signs of iOS, as `Metadata.csv` says, or else which files there are."""
    for file in source.files:
        said = dict(zip(file.fields(0), file.fields(1), strict=False)) if file.stem == "metadata" else {}
        if "platform" in said:
            return said["platform"].lower() == "ios" and said.get("standardisation", "").lower() != "true"
    return "totalacceleration" not in one


def _layout(file: TextFile, quantity: str, unit: str) -> Layout:
    """Return how a file is written, after a look at its two clocks.

    Raises:
        InputError: The clocks disagree.
    """
    names = dict(zip(AXES, axes(quantity, unit), strict=True))
    layout = file.layout((TIME, "", *(names[axis] for axis in file.fields(0)[2:])), 1)
    rows = file.rows(1, ",", N_COLUMNS)
    try:
        clocks = np.array([[float(row[0]) * 1e-9, float(row[1])] for row in (rows[0], rows[-1])])
    except ValueError as error:
        raise InputError(
            f"{file.where}: time or seconds_elapsed is not a number in its first rows; export again"
        ) from error
    spans = clocks[-1] - clocks[0]
    if len(rows) > 2 and (spans.min() <= 0 or abs(spans[0] / spans[1] - 1) > RATE_TOLERANCE):
        raise InputError(
            f"{file.where}: its first {len(rows)} rows take {spans[0]:.4g} s as time says in nanoseconds, "
            f"{spans[1]:.4g} s as seconds_elapsed says; export again"
        )
    return layout


def _sum(source: Source, moving: TextFile, gravity: TextFile) -> DeviceStream:
    """Add gravity to acceleration at each of its time stamps; a row without gravity nearby has no value."""
    blocks = list(_blocks(gravity))
    times, down = np.concatenate([t for t, _ in blocks]), np.concatenate([v for _, v in blocks])
    known = np.isfinite(times) & np.isfinite(down).all(axis=1)
    order = np.argsort(times[known], kind="stable")
    times, down = times[known][order], down[known][order]
    if len(times) < 2:
        raise InputError(f"{gravity.where}: no rows of numbers; export again")

    def sums() -> Iterator[Mapping[str, np.ndarray]]:
        for stamps, values in _blocks(moving):
            after = np.clip(np.searchsorted(times, stamps), 1, len(times) - 1)
            near = np.minimum(np.abs(stamps - times[after - 1]), np.abs(stamps - times[after])) <= MAX_GAP_S * 1e9
            total = values + np.stack([np.interp(stamps, times, down[:, i]) for i in range(3)], axis=1)
            total[~near] = np.nan
            yield {TIME: stamps, **dict(zip(axes("acc", "m/s2"), total.T, strict=True))}

    return converted(source, moving, sums())


def _blocks(file: TextFile) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield time stamps in nanoseconds [n] and x, y, z [n, 3]."""
    layout = _layout(file, "acc", "m/s2")
    for table in read_batches(file.path, layout, (0, 2, 3, 4)):
        yield table.numbers(0), table.samples([layout.names.index(name) for name in axes("acc", "m/s2")])


def _unnamed(file: TextFile) -> DeviceExport:
    """Take a file of unknown name for total acceleration if its size is that of gravity.

    Raises:
        InputError: It is not.
    """
    layout = _layout(file, "acc", "m/s2")
    head = next(read_batches(file.path, layout, (2, 3, 4)))
    size = float(np.nanmedian(np.linalg.norm(head.samples((2, 3, 4)), axis=1)))
    if not 7.8 <= size <= 12.3:
        raise InputError(
            f"{file.where}: a file of {NAME}, but nothing tells of which sensor; give it back its name, "
            "such as Gyroscope.csv"
        )
    stream = DeviceStream(file.path, layout, where=file.where)
    finding = f"{NAME}: taken for TotalAcceleration.csv in m/s2, since its median size is {size:.3g}"
    return DeviceExport(NAME, (stream,), finding, certain=False)


def _of_watch(source: Source, file: TextFile) -> DeviceExport:
    """Return acceleration with gravity and angular rate of a watch."""
    names = file.fields(0)
    layout = file.layout(names, 1)
    columns = {name: names.index(name) for name in ["time" if "time" in names else "seconds_elapsed", *WRIST]}
    positions = list(columns.values())
    clock = TIME if "time" in columns else "time [s]"
    gravity = [columns[f"gravity{axis}"] for axis in "XYZ"]
    head = next(read_batches(file.path, layout, positions))
    length = float(np.nanmedian(np.linalg.norm(head.samples(gravity), axis=1)))
    unit = next((unit for unit, (low, high) in GRAVITY_IN.items() if low <= length <= high), "")
    if not unit:
        raise InputError(f"{file.where}: gravity has a length of {length:.3g}, neither 1 g nor 9.81 m/s2; export again")

    def blocks() -> Iterator[Mapping[str, np.ndarray]]:
        for table in read_batches(file.path, layout, positions):
            moving = table.samples([columns[f"acceleration{axis}"] for axis in "XYZ"])
            turning = table.samples([columns[f"rotationRate{axis}"] for axis in "XYZ"])
            values = np.concatenate([moving + table.samples(gravity), turning], axis=1)
            yield {clock: table.numbers(positions[0])} | dict(
                zip((*axes("acc", unit), *axes("gyro", "rad/s")), values.T, strict=True)
            )

    used = [f"acc as the sum of acceleration and gravity in {unit}", "gyro in rad/s"]
    note = f"both of the watch at the wrist, from {file.path.name}"
    signs = IOS_SIGNS if _has_ios_signs(source, {}) else ""
    return DeviceExport(NAME, (converted(source, file, blocks()),), describe(NAME, used, note, signs), place="wrist")
