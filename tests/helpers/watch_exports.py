"""One recording of the watch as loggers and spreadsheets export it."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from feature_extraction.datasets import get_dataset
from feature_extraction.own_files.read import Declared
from feature_extraction.recordings.recording import Recording, three_axes
from feature_extraction.windows.cutting import WindowSettings

WANTED = three_axes("wrist", "acc", "m/s2") + three_axes("wrist", "gyro", "rad/s")
ACC = WANTED[:3]
SETTINGS = WindowSettings(rate_hz=50.0, window_s=5.0, overlap=0.5)
NAMES = ["ax", "ay", "az", "gx", "gy", "gz"]
RAD = {"gyro": "rad/s"}
ALL = {"acc": "g", "gyro": "rad/s"}


@cache
def watch() -> Recording:
    """Return a recording of the watch at 50 Hz, in g and rad/s."""
    return next(item for item in get_dataset("watch").read() if isinstance(item, Recording))


@cache
def samples() -> np.ndarray:
    """Return its samples, float64 [T, 6]."""
    return watch().samples.astype(np.float64)


def stamps_ms() -> np.ndarray:
    return np.arange(len(samples())) * 20


def in_degrees() -> np.ndarray:
    return np.column_stack([samples()[:, :3], np.rad2deg(samples()[:, 3:])])


def csv_text(names: list[str], columns: list[np.ndarray], delimiter: str = ",", comma: bool = False) -> str:
    def word(value: float) -> str:
        text = str(int(value)) if float(value).is_integer() else repr(float(value))
        return text.replace(".", ",") if comma else text

    lines = [delimiter.join(map(word, row)) for row in np.column_stack(columns)]
    return "\n".join(([delimiter.join(names)] if names else []) + lines) + "\n"


def write_csv(name: str, text: Callable[[], str], encoding: str = "utf-8") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text(text(), encoding=encoding)
        return folder / name

    return write


def write_parquet(folder: Path) -> Path:
    dates = pa.array(stamps_ms() * 1_000_000 + 1_750_000_000_000_000_000, pa.timestamp("ns"))
    columns = {name: samples()[:, i] for i, name in enumerate(NAMES)}
    parquet.write_table(
        pa.table({"label": ["x"] * len(samples()), "timestamp": dates, **columns}), folder / "a.parquet"
    )
    return folder / "a.parquet"


def write_npy(folder: Path) -> Path:
    np.save(folder / "a.npy", np.asfortranarray(samples()))
    return folder / "a.npy"


def write_npy_with_time(folder: Path) -> Path:
    np.save(folder / "b.npy", np.column_stack([samples(), stamps_ms() / 1000]))
    return folder / "b.npy"


PHYPHOX = [f"{what} {a} ({u})" for what, u in (("Acceleration", "m/s^2"), ("Gyroscope", "rad/s")) for a in "xyz"]
SHIMMER = [f"Shimmer_C0DE_{what}_{a}_CAL" for what in ("Accel_WR", "Gyro") for a in "XYZ"]
SHIMMER_UNITS = ["m/(s^2)"] * 3 + ["deg/s"] * 3
SI_AND_DEGREES = np.array([9.80665] * 3 + [1.0] * 3)
EXPORTS = {
    "milliseconds, units from the data": (
        write_csv("a.csv", lambda: csv_text(["time", *NAMES], [stamps_ms(), in_degrees()])),
        Declared(),
        False,
    ),
    "canonical names and seconds": (
        write_csv("a.csv", lambda: csv_text([c.name for c in WANTED] + ["t (s)"], [samples(), stamps_ms() / 1000])),
        Declared(units=ALL),
        True,
    ),
    "Phyphox": (
        write_csv(
            "a.csv",
            lambda: csv_text(["Time (s)", *PHYPHOX], [stamps_ms() / 1000, samples() * SI_AND_DEGREES]),
        ),
        Declared(),
        True,
    ),
    "Shimmer with a line of units": (
        write_csv(
            "a.csv",
            lambda: (
                "sep=\t\n"
                + "\t".join(["Shimmer_C0DE_Timestamp_Unix_CAL", *SHIMMER])
                + "\n"
                + "\t".join(["ms", *SHIMMER_UNITS])
                + "\n"
                + csv_text([], [1.75e12 + stamps_ms(), in_degrees() * SI_AND_DEGREES], "\t")
            ),
        ),
        Declared(),
        True,
    ),
    "lines above the header": (
        write_csv(
            "a.csv",
            lambda: (
                "--- Data File Created By a Logger ---\nSerial Number: 1\n\nSample Rate,50\n"
                + csv_text(["Timestamp", *NAMES], [stamps_ms() + 1_750_000_000_000, samples()])
            ),
        ),
        Declared(units=RAD),
        False,
    ),
    "semicolons and decimal commas": (
        write_csv("a.csv", lambda: csv_text(["t", *NAMES], [stamps_ms(), samples()], ";", comma=True)),
        Declared(units=ALL, time_unit="ms"),
        True,
    ),
    "tabs, no header": (
        write_csv("a.tsv", lambda: csv_text([], [samples()], "\t")),
        Declared(units=ALL, rate_hz=50.0),
        False,
    ),
    "single spaces, no header": (
        write_csv("a.txt", lambda: csv_text([], [samples()], " ")),
        Declared(units=ALL, rate_hz=50.0),
        False,
    ),
    "shuffled with other columns": (
        write_csv(
            "a.csv",
            lambda: csv_text(
                ["gz", "heart rate", "ay", "gx", "az", "mx", "gy", "ax"],
                [samples()[:, 5], stamps_ms() % 77, samples()[:, [1, 3, 2]], stamps_ms() % 5, samples()[:, [4, 0]]],
            ),
        ),
        Declared(units=ALL, rate_hz=50.0),
        True,
    ),
    "declared by name and number": (
        write_csv("a.csv", lambda: csv_text(["c", "b", "a", "r", "s", "u", "when"], [samples(), stamps_ms() * 1000])),
        Declared(
            units=ALL,
            columns={"acc_x": "c", "acc_y": 1, "acc_z": "2", "gyro_x": "r", "gyro_y": "s", "wrist.gyro_z": "u"},
            time_column="when",
            time_unit="us",
        ),
        True,
    ),
    "UTF-16 as spreadsheets write it": (
        write_csv("a.txt", lambda: csv_text(["t (ms)", *NAMES], [stamps_ms(), samples()], "\t"), "utf-16"),
        Declared(units=ALL),
        True,
    ),
    "Latin-1 superscript": (
        write_csv(
            "a.csv",
            lambda: csv_text(
                ["t (ms)", *(f"acc_{a} (m/s²)" for a in "xyz"), *(f"gyro_{a} (°/s)" for a in "xyz")],
                [stamps_ms(), in_degrees() * SI_AND_DEGREES],
            ),
            "latin-1",
        ),
        Declared(),
        True,
    ),
    "byte order mark and Windows line ends": (
        write_csv("a.csv", lambda: csv_text(["ax", *NAMES[1:]], [samples()]).replace("\n", "\r\n"), "utf-8-sig"),
        Declared(units=ALL, rate_hz=50.0),
        True,
    ),
    "Parquet with dates": (write_parquet, Declared(units=ALL), True),
    "NPY": (write_npy, Declared(units=ALL, rate_hz=50.0), False),
    "NPY with time": (write_npy_with_time, Declared(units=ALL, time_column="6", time_unit="s"), False),
}
