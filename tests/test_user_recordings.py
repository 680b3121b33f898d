from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError
from feature_extraction.reading_plan import even_rate
from feature_extraction.recordings import Recording, three_axes
from feature_extraction.user_recordings import Declared, ReadingPlan, follow, plan_reading, read_recording
from feature_extraction.window_stream import TimedWindows, WindowStream, windows_of
from feature_extraction.windows import WindowSettings

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


def read(path: Path, declared: Declared, wanted=WANTED) -> tuple[ReadingPlan, TimedWindows]:
    plan = plan_reading(path, wanted, declared)
    return plan, windows_from(plan, read_recording(path, plan), wanted)


def windows_from(plan: ReadingPlan, chunks: Iterator[np.ndarray], wanted=WANTED) -> TimedWindows:
    stream = WindowStream(plan.channels, plan.rate_hz, wanted, SETTINGS)
    found = [*(stream.push(chunk) for chunk in chunks), stream.finish()]
    return TimedWindows(*(np.concatenate([getattr(w, k) for w in found]) for k in ("samples", "start_s", "piece")))


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


@pytest.mark.parametrize("export", EXPORTS)
def test_every_export_gives_the_same_windows(tmp_path: Path, export: str) -> None:
    write, declared, certain = EXPORTS[export]
    plan, found = read(write(tmp_path), declared)
    expected = windows_of(watch(), WANTED, SETTINGS)
    assert plan.rate_hz == 50.0
    assert plan.certain == certain
    assert np.array_equal(found.start_s, expected.start_s) and not found.piece.any()
    np.testing.assert_allclose(found.samples, expected.samples, atol=1e-5)


def test_findings_say_what_was_found(tmp_path: Path) -> None:
    plan = plan_reading(EXPORTS["milliseconds, units from the data"][0](tmp_path), WANTED, Declared())
    assert plan.findings[0] == "wrist.acc_x <- column 'ax'"
    assert plan.findings[6] == "acc in g: its median size is 1.12"
    assert plan.findings[7].startswith("gyro in deg/s: it reaches ")
    assert plan.findings[8] == "time <- column 'time' in ms, as its size tells: 50 Hz"
    assert [channel.unit for channel in plan.channels] == ["g"] * 3 + ["deg/s"] * 3


@pytest.mark.parametrize(("unit", "factor"), [("g", 1.0), ("m/s2", 9.80665), ("mg", 1000.0)])
def test_unit_of_acceleration_from_gravity(tmp_path: Path, unit: str, factor: float) -> None:
    np.save(tmp_path / "a.npy", samples()[:, :3] * factor)
    plan, found = read(tmp_path / "a.npy", Declared(rate_hz=50.0), ACC)
    assert plan.channels[0].unit == unit and not plan.certain
    np.testing.assert_allclose(found.samples, windows_of(watch(), ACC, SETTINGS).samples, rtol=1e-5, atol=1e-5)


def test_units_that_stay_open_must_be_declared(tmp_path: Path) -> None:
    path = write_npy(tmp_path)
    with pytest.raises(InputError, match=r"a.npy: gyro has a median size of .* --units gyro=deg/s \(or rad/s\)"):
        plan_reading(path, WANTED, Declared(rate_hz=50.0))
    np.save(path, samples() * 64)  # counts of 1/64 g
    with pytest.raises(InputError, match="acc has a median size of 71.9, which leaves its unit open"):
        plan_reading(path, WANTED, Declared(rate_hz=50.0, units=RAD))


def test_a_pause_in_the_time_stamps_splits(tmp_path: Path) -> None:
    keep = np.r_[0:500, 700:1300]
    (tmp_path / "a.csv").write_text(csv_text(["t (ms)", *NAMES], [stamps_ms()[keep], samples()[keep]]))
    _, found = read(tmp_path / "a.csv", Declared(units=ALL))
    assert found.piece.tolist() == [0] * 3 + [1] * 3
    np.testing.assert_allclose(found.start_s, [0.0, 2.5, 5.0, 14.0, 16.5, 19.0])
    np.testing.assert_allclose(found.samples[3, :, 3:], samples()[700:950, 3:], atol=1e-5)


def test_a_pause_just_too_long_splits_whatever_the_grid(tmp_path: Path) -> None:
    times = stamps_ms() + np.where(stamps_ms() >= 12_000, 181, 0)  # 201 ms, when 200 are bridged
    (tmp_path / "a.csv").write_text(csv_text(["t (ms)", *NAMES], [times, samples()]))
    assert set(read(tmp_path / "a.csv", Declared(units=ALL))[1].piece) == {0, 1}


def test_missing_values_with_and_without_time_stamps(tmp_path: Path) -> None:
    holes = samples().copy()
    holes[:4], holes[100:105, 2], holes[600:700] = np.nan, np.nan, np.nan
    text = csv_text(["t (ms)", *NAMES], [stamps_ms(), holes]).replace("nan", "")
    (tmp_path / "a.csv").write_text(text)
    untimed = "\n".join(line.split(",", 1)[1] for line in text.splitlines())
    (tmp_path / "b.csv").write_text(untimed)
    _, timed = read(tmp_path / "a.csv", Declared(units=ALL))
    _, even = read(tmp_path / "b.csv", Declared(units=ALL, rate_hz=50.0))
    assert np.array_equal(timed.piece, even.piece) and set(even.piece) == {0, 1}
    np.testing.assert_allclose(timed.start_s, even.start_s)
    np.testing.assert_allclose(timed.samples, even.samples, atol=1e-3)


def test_jittered_stamps_out_of_order_are_brought_to_an_even_clock(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seconds = np.sort(np.arange(3000) / 50 + rng.uniform(-0.004, 0.004, 3000))
    values = np.column_stack([np.sin(2 * np.pi * 1.5 * seconds + k) * 3 for k in range(3)]) + 5
    order = np.arange(3000)
    order[[1000, 1001]] = [1001, 1000]
    (tmp_path / "a.csv").write_text(csv_text(["t (s)", *NAMES[:3]], [seconds[order], values[order]]))
    plan, found = read(tmp_path / "a.csv", Declared(units={"acc": "m/s2"}), ACC)
    assert plan.rate_hz == 50.0
    clock = np.arange(250)[None] / 50 + found.start_s[:, None] + seconds[0]
    np.testing.assert_allclose(found.samples[:, :, 0], np.sin(2 * np.pi * 1.5 * clock) * 3 + 5, atol=0.02)


def test_a_declared_rate_is_the_clock_and_must_agree(tmp_path: Path) -> None:
    path = EXPORTS["canonical names and seconds"][0](tmp_path)
    assert plan_reading(path, WANTED, Declared(units=ALL, rate_hz=52.0)).rate_hz == 52.0
    with pytest.raises(InputError, match=r"--rate-hz says 100, but time <- column 't \(s\)' in s: 50 Hz; correct"):
        plan_reading(path, WANTED, Declared(units=ALL, rate_hz=100.0))


def test_a_counter_of_rows_is_no_time(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(csv_text(["t", *NAMES], [np.arange(len(samples())), samples()]))
    with pytest.raises(InputError, match="the sampling rate is not known; time column 't' has steps of 1 in a unit"):
        plan_reading(tmp_path / "a.csv", WANTED, Declared(units=ALL))
    plan = plan_reading(tmp_path / "a.csv", WANTED, Declared(units=ALL, rate_hz=50.0))
    assert plan.time_column is None and "50 Hz: declared; time stamps are not used" in plan.findings[-1]


@pytest.mark.parametrize(
    ("measured", "clock"), [(49.98, 50), (50.2, 50), (31.25, 31.25), (12.5, 12.5), (33.3, 33.3), (102.4, 102)]
)
def test_clock_rates_are_plain_numbers(measured: float, clock: float) -> None:
    assert even_rate(measured) == clock


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_lines_that_arrive_give_the_windows_of_the_file(header: bool, delimiter: str) -> None:
    lines = csv_text(NAMES if header else [], [samples()], delimiter, comma=delimiter == ";").splitlines(keepends=True)
    plan, chunks = follow(iter(lines), WANTED, Declared(rate_hz=50.0, units=ALL))
    found = windows_from(plan, chunks)
    expected = windows_of(watch(), WANTED, SETTINGS)
    assert np.array_equal(found.samples, expected.samples)
    assert np.array_equal(found.start_s, expected.start_s)


def test_lines_are_read_no_further_than_needed() -> None:
    lines = iter(csv_text(NAMES, [samples()]).splitlines())
    _, chunks = follow(lines, WANTED, Declared(rate_hz=50.0, units=ALL), chunk_rows=10)
    assert len(next(chunks)) <= 10
    assert len(list(lines)) >= len(samples()) - 10


def test_slow_lines_are_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows come every 40 ms, and none waits for more than three others."""
    now = iter(np.arange(0, 1000, 0.04))
    monkeypatch.setattr("time.monotonic", lambda: float(next(now)))
    lines = csv_text(NAMES, [samples()[:40]]).splitlines()
    _, chunks = follow(lines, WANTED, Declared(rate_hz=25.0, units=ALL), chunk_rows=1000)
    lengths = [len(chunk) for chunk in chunks]
    assert sum(lengths) == 40 and max(lengths) <= 3


def test_missing_values_in_lines() -> None:
    plan, chunks = follow(["ax,ay,az\n", "\n", "1,,3\r\n", " 4 ,NaN,-5e-1\n"], ACC, Declared(rate_hz=50.0, units=ALL))
    rows = np.concatenate(list(chunks))
    np.testing.assert_array_equal(rows, [[1, np.nan, 3], [4, np.nan, -0.5]])
    assert plan.findings[-1] == "50 Hz: declared"
