from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from watch_exports import (
    ACC,
    ALL,
    EXPORTS,
    NAMES,
    RAD,
    SETTINGS,
    WANTED,
    csv_text,
    samples,
    stamps_ms,
    watch,
    write_npy,
)

from feature_extraction.errors import InputError
from feature_extraction.own_files.read import Declared, ReadingPlan, follow, plan_reading, read_recording
from feature_extraction.own_files.timing.rate import even_rate
from feature_extraction.recordings.recording import three_axes
from feature_extraction.windows.stream import TimedWindows, WindowStream, windows_of

DEG = {"gyro": "deg/s"}


def read(path: Path, declared: Declared, wanted=WANTED) -> tuple[ReadingPlan, TimedWindows]:
    plan = plan_reading(path, wanted, declared)
    return plan, windows_from(plan, read_recording(path, plan), wanted)


def windows_from(plan: ReadingPlan, chunks: Iterator[np.ndarray], wanted=WANTED) -> TimedWindows:
    stream = WindowStream(plan.channels, plan.rate_hz, wanted, SETTINGS)
    found = [*(stream.push(chunk) for chunk in chunks), stream.finish()]
    return TimedWindows(*(np.concatenate([getattr(w, k) for w in found]) for k in ("samples", "start_s", "piece")))


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


def test_fast_turns_are_in_degrees_unless_all_are_whole_numbers(tmp_path: Path) -> None:
    gyro, declared = three_axes("wrist", "gyro", "rad/s"), Declared(rate_hz=50.0)
    turns = np.tile([[0.0, 120.5, -3.0], [7.0, -80.25, 0.0]], (50, 1))  # some are whole
    np.save(tmp_path / "a.npy", turns)
    assert plan_reading(tmp_path / "a.npy", gyro, declared).channels[0].unit == "deg/s"
    for other in (np.round(turns), turns / 10, 100 * turns):  # counts, what may be rad/s, more than any sensor measures
        np.save(tmp_path / "a.npy", other)
        with pytest.raises(InputError, match="leaves its unit open"):
            plan_reading(tmp_path / "a.npy", gyro, declared)


def test_a_declared_unit_agrees_with_that_of_the_names_or_is_refused(tmp_path: Path) -> None:
    names = ["ax (g)", "ay (g)", "az (g)"]
    (tmp_path / "a.csv").write_text(csv_text(names, [samples()[:, :3]]))
    plan = plan_reading(tmp_path / "a.csv", ACC, Declared(rate_hz=50.0, units={"acc": "g"}))
    assert [channel.unit for channel in plan.channels] == ["g"] * 3 and "acc in g: declared" in plan.findings
    with pytest.raises(InputError, match=r"a\.csv: --units says acc is in m/s2, the column names say g; correct"):
        plan_reading(tmp_path / "a.csv", ACC, Declared(rate_hz=50.0, units={"acc": "m/s2"}))
    # Another word for the same unit is no contradiction.
    (tmp_path / "b.csv").write_text(csv_text(["gx (dps)", "gy (dps)", "gz (dps)"], [samples()[:, 3:]]))
    plan = plan_reading(tmp_path / "b.csv", three_axes("wrist", "gyro", "rad/s"), Declared(rate_hz=50.0, units=DEG))
    assert plan.channels[0].unit == "deg/s"


@pytest.mark.parametrize(("median_g", "unit"), [(0.79, None), (0.81, "g"), (1.24, "g"), (1.26, None)])
def test_the_median_size_tells_g_between_four_and_five_quarters(
    tmp_path: Path, median_g: float, unit: str | None
) -> None:
    np.save(tmp_path / "a.npy", np.tile([0.0, 0.6 * median_g, 0.8 * median_g], (100, 1)))
    declared = Declared(rate_hz=50.0)
    if unit is None:
        with pytest.raises(InputError, match="leaves its unit open"):
            plan_reading(tmp_path / "a.npy", ACC, declared)
    else:
        assert plan_reading(tmp_path / "a.npy", ACC, declared).channels[0].unit == unit


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


def test_nanoseconds_since_1970(tmp_path: Path) -> None:
    """Sensor Logger: such numbers do not fit a double to the last digit, and need not."""
    nanoseconds = [1_750_000_000_123_456_789 + 20_000_000 * k for k in range(len(samples()))]
    rows = [f"{t},{z!r},{y!r},{x!r}" for t, (x, y, z) in zip(nanoseconds, samples()[:, :3].tolist(), strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["time,z,y,x", *rows]))
    plan, found = read(tmp_path / "a.csv", Declared(), ACC)
    assert plan.findings[-1] == "time <- column 'time' in ns, as its size tells: 50 Hz"
    np.testing.assert_allclose(found.samples, windows_of(watch(), ACC, SETTINGS).samples, atol=1e-3)


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


def test_fast_lines_come_in_full_chunks_and_are_read_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    lines = iter(csv_text(NAMES, [samples()[:25]]).splitlines())
    _, chunks = follow(lines, WANTED, Declared(rate_hz=50.0, units=ALL), chunk_rows=10)
    assert len(next(chunks)) == 10
    remaining = list(lines)
    assert len(remaining) == 15
    _, chunks = follow(["ax,ay,az,gx,gy,gz", *remaining], WANTED, Declared(rate_hz=50.0, units=ALL), chunk_rows=10)
    assert [len(chunk) for chunk in chunks] == [10, 5]


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


def test_lines_whose_decimal_mark_changes_are_refused() -> None:
    _, chunks = follow(["ax;ay;az", "1.5;2;-3.5", "1,5;2;-3,5"], ACC, Declared(rate_hz=50.0, units=ALL))
    with pytest.raises(InputError, match=r"input, line 3: '1,5' is not a number as those above, which have '\.'"):
        list(chunks)


def test_parquet_columns_of_the_same_name_are_numbered(tmp_path: Path) -> None:
    arrays = [pa.array(column) for column in [*samples()[:, :3].T, *samples()[:, 3:].T]]
    parquet.write_table(pa.Table.from_arrays(arrays, names=["x", "y", "z"] * 2), tmp_path / "a.parquet")
    columns = {f"{quantity}_{axis}": i for i, (quantity, axis) in enumerate(product(("acc", "gyro"), "xyz"))}
    plan = plan_reading(tmp_path / "a.parquet", WANTED, Declared(rate_hz=50.0, units=ALL, columns=columns))
    np.testing.assert_array_equal(np.concatenate(list(read_recording(tmp_path / "a.parquet", plan))), samples())


def test_declared_names_tell_the_header(tmp_path: Path) -> None:
    """Three of the names look like numbers, as do those of tables without names."""
    text = csv_text(["1", "2", "3", "start"], [samples()[:, :3], stamps_ms()])
    (tmp_path / "a.csv").write_text(text)
    columns = {"acc_x": 0, "acc_y": 1, "acc_z": 2}
    declared = Declared(units=ALL, columns=columns, time_column="start", time_unit="ms")
    plan = plan_reading(tmp_path / "a.csv", ACC, declared)
    rows = np.concatenate(list(read_recording(tmp_path / "a.csv", plan)))
    np.testing.assert_allclose(rows, samples()[:, :3], atol=1e-5)
