"""Empatica E4: `ACC.csv` among other files of one sensor each; start time, rate, then whole numbers of 1/64 g."""

from datetime import UTC, datetime

from feature_extraction.errors import InputError
from feature_extraction.own_files.declared import FASTEST_HZ, SLOWEST_HZ
from feature_extraction.own_files.devices.export import DeviceExport, DeviceStream, axes, describe
from feature_extraction.own_files.devices.source import Source, TextFile, the_only

NAME = "Empatica E4"
OTHERS = ("bvp", "eda", "temp", "hr", "ibi")
EPOCHS = (1e9, 1e10)  # seconds since 1970, from 2001 on


def find(source: Source) -> DeviceExport | None:
    """Return the acceleration of a session.

    Raises:
        InputError: It ends too early, contradicts itself, or lies in a session without `ACC.csv`.
    """
    file = the_only([file for file in source.files if _is_start(_numbers(file, 0))], f"acceleration of an {NAME}")
    if file is None:
        others = [other.path.name for other in source.files if other.stem in OTHERS and _is_one_signal(other)]
        if len(others) < 2:
            return None
        raise InputError(f"{source.where}: {NAME} session with {', '.join(others)}, but without ACC.csv; add it")
    starts, rates, first = _numbers(file, 0), _numbers(file, 1), _numbers(file, 2)
    if len(rates) != 3 or len(first) != 3:
        raise InputError(f"{file.where}: {NAME} file that ends after its start time; expected rate and samples below")
    for numbers, what in ((starts, "start time"), (rates, "rate")):
        if len(set(numbers)) > 1:
            raise InputError(
                f"{file.where}: {what} of x is {numbers[0]:.16g}, of y or z {max(numbers):.16g}; export again"
            )
    if not SLOWEST_HZ <= rates[0] <= FASTEST_HZ:
        raise InputError(f"{file.where}: states {rates[0]:g} Hz in its second line; an {NAME} samples at 32 Hz")
    if any(value != int(value) or abs(value) > 128 for value in first):
        shown = ", ".join(f"{value:g}" for value in first)
        raise InputError(f"{file.where}: an {NAME} gives whole numbers of 1/64 g, but the first sample is {shown}")
    start = datetime.fromtimestamp(starts[0], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    stream = DeviceStream(file.path, file.layout(axes("acc", "1/64 g"), 2), rate_hz=rates[0], where=file.where)
    used = [f"acc in 1/64 g at {rates[0]:g} Hz from {file.path.name}"]
    return DeviceExport(NAME, (stream,), describe(NAME, used, "worn at a wrist", f"from {start}"), place="wrist")


def _numbers(file: TextFile, line: int) -> list[float]:
    try:
        return [float(field) for field in file.fields(line)]
    except ValueError:
        return []


def _is_start(numbers: list[float]) -> bool:
    return len(numbers) == 3 and all(EPOCHS[0] <= number < EPOCHS[1] for number in numbers)


def _is_one_signal(file: TextFile) -> bool:
    """Return whether a file begins as those of the other sensors do: start time, then rate."""
    start = file.fields(0)
    return bool(start) and start[0].replace(".", "", 1).isdigit() and EPOCHS[0] <= float(start[0]) < EPOCHS[1]
