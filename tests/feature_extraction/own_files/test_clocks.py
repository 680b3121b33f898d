"""Clocks and streams of strangers' files: each is read, refused or asked about, and every row is accounted for."""

import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from notations import motion

from feature_extraction.errors import InputError
from feature_extraction.own_files.read import Account, Declared, ReadingPlan, follow, plan_reading, read_recording
from feature_extraction.recordings.recording import three_axes

ACC, GYRO = three_axes("wrist", "acc", "m/s2"), three_axes("wrist", "gyro", "rad/s")
UNITS = {"acc": "m/s2", "gyro": "rad/s"}
CASES = Path(__file__).parents[4] / "shared" / "field-cases"


def table(names: Sequence[str], *columns: Sequence[object], delimiter: str = ",") -> str:
    rows = [delimiter.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([delimiter.join(names), *rows]) + "\n"


def axes(values: np.ndarray) -> list[list[str]]:
    return [[f"{value:.5f}" for value in column] for column in values.T]


def read(path: Path, wanted=ACC, declared: Declared | None = None) -> tuple[ReadingPlan, np.ndarray, Account]:
    account = Account()
    plan = plan_reading(path, wanted, declared or Declared(units={c.quantity: UNITS[c.quantity] for c in wanted}))
    return plan, np.concatenate([*read_recording(path, plan, account)]), account


def read_text(folder: Path, text: str, wanted=ACC, declared: Declared | None = None):
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return read(folder / "a.csv", wanted, declared)


MOMENTS = [datetime.datetime(2026, 3, 4, 23, 59, 57) + datetime.timedelta(milliseconds=20 * i) for i in range(400)]
STAMPS = {
    "past midnight": ["%H:%M:%S.%f", True],
    "morning and afternoon": ["%I:%M:%S.%f %p", True],
    "a date that can be two": ["%d/%m/%Y %H:%M:%S.%f", False],
    "points and a comma": ["%d.%m.2026 %H:%M:%S,%f", False],
    "name of the month": ["%d %b %Y %H:%M:%S.%f", True],
    "zone": ["%Y-%m-%dT%H:%M:%S.%f+01:00", True],
}


@pytest.mark.parametrize("kind", STAMPS)
def test_dates_and_times_of_day(tmp_path: Path, kind: str) -> None:
    written, certain = STAMPS[kind]
    stamps = [moment.strftime(written) for moment in MOMENTS]
    text = table(["time", "ax", "ay", "az"], stamps, *axes(motion()[:, :3]), delimiter=";")
    plan, rows, account = read_text(tmp_path, text)
    assert (plan.rate_hz, plan.certain) == (50.0, certain)
    np.testing.assert_allclose(rows, motion()[:, :3], atol=1e-3)
    assert str(account) == "rows: 400, all used"
    declared = Declared(units=UNITS, date_format=written.replace("2026", "%Y").replace("+01:00", "%z"))
    assert read_text(tmp_path, text, declared=declared)[0].certain


def test_day_and_month_the_other_way_round_is_an_error(tmp_path: Path) -> None:
    stamps = [f"{day}/{month}/2026 12:00:00.{20 * i:03}" for i in range(20) for day, month in ((13, 1),)]
    text = table(["time", "ax", "ay", "az"], [*stamps, "1/14/2026 12:00:00.400"], *axes(motion()[:21, :3]))
    with pytest.raises(InputError, match="day and month in either order"):
        read_text(tmp_path, text)


@pytest.mark.parametrize("from_row", [0, 4000])
def test_rows_that_share_a_stamp_are_spread(tmp_path: Path, from_row: int) -> None:
    values = np.tile(motion()[:, :3], (20, 1))
    stamps = [20 * i if i < from_row else 20 * (i - i % 10) for i in range(len(values))]
    plan, rows, account = read_text(tmp_path, table(["t (ms)", "ax", "ay", "az"], stamps, *axes(values)))
    assert plan.rate_hz == 50.0 and account.used == 8000
    np.testing.assert_allclose(rows, values, atol=0.01)


def test_rows_written_twice_are_counted(tmp_path: Path) -> None:
    twice = np.repeat(np.arange(400), 2)
    plan, rows, account = read_text(
        tmp_path, table(["t (ms)", "ax", "ay", "az"], 20 * twice, *axes(motion()[twice, :3]))
    )
    assert plan.rate_hz == 50.0 and account.lost_much
    assert str(account) == "rows: 800, used 400, left out: 400 (time stamp repeated)"
    np.testing.assert_allclose(rows, motion()[:, :3], atol=1e-3)


def test_stamps_that_repeat_unevenly_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stamps = np.repeat(np.arange(100) * 200, rng.integers(1, 40, 100))[:400]
    with pytest.raises(InputError, match="several rows share a time stamp, and not evenly.*--no-time-column"):
        read_text(tmp_path, table(["t (ms)", "ax", "ay", "az"], stamps, *axes(motion()[:, :3])))


def turns(mark: bool) -> str:
    """Write acceleration and angular rate in alternating rows."""
    acc, gyro = motion()[:, :3], motion()[:, 3:]
    if mark:
        rows = [[20 * i, name, *v] for i in range(400) for name, v in (("ACCEL", acc[i]), ("GYRO", gyro[i]))]
        return table(["t_ms", "sensor", "x", "y", "z"], *zip(*rows, strict=True))
    none = ["", "", ""]
    rows = [row for i in range(400) for row in ([20 * i, *acc[i], *none], [20 * i + 10, *none, *gyro[i]])]
    return table(["t_ms", "ax", "ay", "az", "gx", "gy", "gz"], *zip(*rows, strict=True))


@pytest.mark.parametrize("mark", [True, False])
def test_sensors_in_alternating_rows(tmp_path: Path, mark: bool) -> None:
    plan, rows, account = read_text(tmp_path, turns(mark), ACC + GYRO)
    assert (plan.rate_hz, plan.certain, len(plan.streams)) == (50.0, True, 2)
    first = 0 if mark else 1  # the gyroscope starts half a sample later
    assert len(rows) == 400 - first and account.rows == 800
    np.testing.assert_allclose(rows[:390, 3:], motion()[:390, 3:], atol=1e-3)
    np.testing.assert_allclose(rows[:390, :3], motion()[:390, :3], atol=1e-3 if mark else 0.4)
    assert len(read(tmp_path / "a.csv")[1]) == 400  # a model of the accelerometer reads its rows only


def test_a_sensor_of_several_that_lacks_one_value_is_bridged_there(tmp_path: Path) -> None:
    k, columns = np.arange(400), axes(motion())
    columns[1][100] = ""
    names = ["acc time (ms)", "ax", "ay", "az", "gyro time (ms)", "gx", "gy", "gz"]
    _, rows, _ = read_text(tmp_path, table(names, 20 * k, *columns[:3], 20 * k, *columns[3:]), ACC + GYRO)
    assert rows.shape == (400, 6) and np.isfinite(rows).all()
    np.testing.assert_allclose(rows[100, :3], motion()[100, :3], atol=0.05)
    np.testing.assert_allclose(np.delete(rows, 100, axis=0), np.delete(motion(), 100, axis=0), atol=1e-3)


def test_clocks_without_a_common_time_are_refused(tmp_path: Path) -> None:
    k = np.arange(400)
    names = ["acc time (ms)", "ax", "ay", "az", "gyro time (ms)", "gx", "gy", "gz"]
    columns = axes(motion())
    with pytest.raises(InputError, match=r"never record at the same time: .*'acc time \(ms\)' runs from 0 to 7.98 s"):
        read_text(tmp_path, table(names, 20 * k, *columns[:3], 10**9 + 20 * k, *columns[3:]), ACC + GYRO)


@pytest.mark.parametrize(("early", "late"), [("9.81", "9,81"), ("9,81", "9.81"), ("9", "9,81"), ("870", "1,028")])
def test_numbers_written_otherwise_later_on_are_an_error(tmp_path: Path, early: str, late: str) -> None:
    text = f"t_ms;ax;ay;az\n{f'0;{early};{early};0' + chr(10)}"
    rows = [f"{20 * i};{early if i < 20_000 else late};{early};{i % 7}" for i in range(20_001)]
    with pytest.raises(InputError, match=f"column 'ax', row 20001 is '{late}', not a number as those above"):
        read_text(tmp_path, "\n".join([text.split("\n")[0], *rows]))


def test_sums_ignored_columns_and_declared_notation(tmp_path: Path) -> None:
    k, half = np.arange(400), axes(motion()[:, :3] / 2)
    names = ["gravity.x", "gravity.y", "gravity.z", "user.x", "user.y", "user.z", "time"]
    text = "written by a logger\n" + table(names, *half, *half, k)
    columns = {f"acc_{axis}": [f"gravity.{axis}", f"user.{axis}"] for axis in "xyz"}
    declared = Declared(rate_hz=50.0, units=UNITS, columns=columns, ignore=("time",), skip_lines=1, decimal=".")
    plan, rows, _ = read_text(tmp_path, text, declared=declared)
    assert plan.certain and plan.time_column is None
    np.testing.assert_allclose(rows, motion()[:, :3], atol=1e-4)
    with pytest.raises(InputError, match="decimal: ',' is declared, but there is '"):
        read_text(tmp_path, text, declared=Declared(rate_hz=50.0, units=UNITS, columns=columns, decimal=","))


def test_lines_that_can_be_read_in_two_ways_are_refused() -> None:
    for declared, right in ((None, None), (",", 1.028), (".", 1028.0)):
        _, chunks = follow(["ax;ay;az", "1,028;0;0"], ACC, Declared(rate_hz=50.0, units=UNITS, decimal=declared))
        if right is None:
            with pytest.raises(InputError, match="line 2: '1,028' can be read in two ways"):
                list(chunks)
        else:
            assert next(chunks)[0, 0] == right


@pytest.mark.skipif(not CASES.is_dir(), reason="the field cases are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "declared", "account"),
    [
        ("whitespace/aligned.txt", {}, "rows: 300, all used"),
        ("whitespace/pipe.csv", {"rate_hz": 50.0}, "rows: 300, all used"),
        ("whitespace/uci_har.txt", {"rate_hz": 50.0}, "rows: 300, all used"),
        ("clock/xsens.csv", {}, "rows: 450, all used"),
        ("clock/ms_of_second.csv", {}, "rows: 450, all used"),
        ("clock/ms_of_second.csv", {"seeks_time": False, "rate_hz": 50.0}, "rows: 450, all used"),
        ("lost_rows/y_axis_stops.csv", {}, "rows: 450, used 300, left out: 150 (no value in column 'ay [g]')"),
        ("devices/phyphox_decimal_comma.csv", {}, "rows: 1,000, all used"),
        ("devices/decimal_comma_semicolon.csv", {}, "rows: 1,000, all used"),
    ],
)
def test_field_cases(name: str, declared: dict[str, object], account: str) -> None:
    plan, _, found = read(CASES / name, declared=Declared(**declared))
    assert plan.rate_hz == 50.0 and str(found) == account


@pytest.mark.skipif(not CASES.is_dir(), reason="the field cases are not beside this checkout")
def test_field_case_of_thousands() -> None:
    plan, found, _ = read(CASES / "thousands/mg.tsv", declared=Declared())
    assert "'1,028' is read as 1028: so its column changes smoothly" in plan.findings
    np.testing.assert_array_equal(found, read(CASES / "thousands/reference.tsv", declared=Declared())[1])
