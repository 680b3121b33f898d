"""Recordings of anything: every accelerometer of three axes is found, with the gyroscope that belongs to it."""

from itertools import product
from pathlib import Path

import device_exports as exports
import numpy as np
import pytest
from notations import GRAVITY_MPS2, motion

from feature_extraction.errors import InputError
from feature_extraction.own_files.read import Declared, ReadingPlan, follow, plan_all, plan_reading, read_recording
from feature_extraction.recordings.recording import three_axes

UNITS = {"acc": "m/s2", "gyro": "rad/s"}
SAID = Declared(rate_hz=50.0, units=UNITS)


def axes(*patterns: str) -> list[str]:
    return [pattern.format(axis) for pattern, axis in product(patterns, "xyz")]


def plan_names(names: list[str], declared: Declared = SAID) -> ReadingPlan:
    """Plan lines that arrive under these names."""
    return follow([",".join(names) + "\n"], None, declared)[0]


def found(names: list[str], declared: Declared = SAID) -> dict[str, str]:
    """Return the first column of every sensor that is found."""
    plan = plan_names(names, declared)
    assert [c.axis for c in plan.channels] == ["x", "y", "z"] * (len(plan.channels) // 3)
    return {f"{c.device}.{c.quantity}": names[i] for c, i in list(zip(plan.channels, plan.columns, strict=True))[::3]}


def write(folder: Path, names: list[str], *columns: np.ndarray) -> Path:
    rows = np.column_stack(columns)
    path = folder / "walk.csv"
    path.write_text("\n".join([*([",".join(names)] if names else []), *(",".join(map(str, row)) for row in rows)]))
    return path


def rows_of(path: Path, plan: ReadingPlan) -> np.ndarray:
    return np.concatenate([*read_recording(path, plan)])


@pytest.mark.parametrize(
    ("names", "sensors"),
    [
        (axes("a{}", "g{}"), {"imu.acc": "ax", "imu.gyro": "gx"}),
        (axes("acc_{}", "linear_acc_{}"), {"imu.acc": "acc_x"}),
        (axes("user_acc_{}", "total_acc_{}", "gravity_acc_{}"), {"imu.acc": "total_acc_x"}),
        (axes("body_acc_{}", "body_gyro_{}", "total_acc_{}"), {"imu.acc": "total_acc_x", "imu.gyro": "body_gyro_x"}),
        (axes("acc_lsm_{}", "gyro_bmi_{}"), {"lsm.acc": "acc_lsm_x", "lsm.gyro": "gyro_bmi_x"}),
        (
            axes("wrist_acc_{}", "wrist_gyro_{}", "Ankle_acc_{}"),
            {"wrist.acc": "wrist_acc_x", "wrist.gyro": "wrist_gyro_x", "ankle.acc": "Ankle_acc_x"},
        ),
        (
            axes("leftWristGyro{}", "acc_{}", "leftWristAcc{}"),
            {"imu.acc": "acc_x", "left wrist.acc": "leftWristAccx", "left wrist.gyro": "leftWristGyrox"},
        ),
        (axes("Shimmer_C0DE_Accel_LN_{}_CAL", "mag_{}"), {"shimmer c 0 de.acc": "Shimmer_C0DE_Accel_LN_x_CAL"}),
        (
            axes("acc1_{}", "a{}2", "g{}2"),
            {"imu 1.acc": "acc1_x", "imu 2.acc": "ax2", "imu 2.gyro": "gx2"},
        ),
        (axes("{} (deg/s)", "{} (g)"), {"imu.acc": "x (g)", "imu.gyro": "x (deg/s)"}),
        (axes("Acc{}(g)", "As_{}(°/s)", "Angle{}(°)"), {"imu.acc": "Accx(g)", "imu.gyro": "As_x(°/s)"}),
        (axes("imu_acc_{}", "acc_{}"), {"imu.acc": "imu_acc_x", "imu 2.acc": "acc_x"}),
    ],
)
def test_names_tell_devices_and_their_gyroscopes(names: list[str], sensors: dict[str, str]) -> None:
    declared = Declared(rate_hz=50.0) if "(g)" in names[0] + names[-1] else SAID
    assert found(names, declared) == sensors
    assert plan_names(names, declared).certain


def test_units_stand_in_names() -> None:
    plan = plan_names(axes("Accelerometer {} (g)", "Gyroscope {} (deg/s)"), Declared(rate_hz=50.0))
    assert [channel.unit for channel in plan.channels] == ["g"] * 3 + ["deg/s"] * 3 and plan.certain


@pytest.mark.parametrize(
    ("names", "note"),
    [
        (axes("wrist_acc_{}", "ankle_acc_{}", "hip_gyro_{}"), "'hip_gyro_x'/'hip_gyro_y'/'hip_gyro_z' belongs to no"),
        (axes("wrist_acc_{}", "ankle_gyro_{}"), "gyro of 'ankle_gyro_x'/'ankle_gyro_y'/'ankle_gyro_z' belongs to no"),
        (axes("left_wrist_acc_{}", "left_ankle_acc_{}", "left_gyro_{}"), "'left_gyro_z' belongs to no accelerometer"),
        ([*axes("acc_{}"), "gyro_x", "gyro_z"], "gyro of 'gyro_x'/'gyro_z' lacks y and is left out"),
        ([*axes("acc_{}"), "hip_acc_y"], "acc of 'hip_acc_y' lacks x and z and is left out"),
        ([*axes("acc_{}", "gyro_{}"), "gyro_x"], "gyro could be column 3/6, and is left out"),
        (axes("acc_{}", "hip_linear_acc_{}"), "'hip_linear_acc_z' is a part of acceleration only and is left out"),
    ],
)
def test_what_is_left_out_is_said(names: list[str], note: str) -> None:
    plan = plan_names(names)
    assert {c.quantity for c in plan.channels} == {"acc"} and any(note in line for line in plan.findings)


@pytest.mark.parametrize(
    ("names", "first", "guess"),
    [
        (axes("filtered_a{}", "a{}"), "ax", "of several acc of one device, 'ax'/'ay'/'az' is read, and not"),
        (axes("hand_acc_16g_{}", "hand_acc_6g_{}"), "hand_acc_16g_x", "is read, and not 'hand_acc_6g_x'/"),
        (["t", *axes("{}")], "x", "'x'/'y'/'z', of no sensor by their names, are taken as acceleration"),
        (["t", *axes("label_{}", "back_{}")], "back_x", "'back_x'/'back_y'/'back_z', of no sensor"),
    ],
)
def test_choices_are_guesses(names: list[str], first: str, guess: str) -> None:
    plan = plan_names(names)
    assert names[plan.columns[0]] == first and len(plan.channels) == 3 and not plan.certain
    assert any(guess in line for line in plan.guesses)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (axes("linear_acc_{}", "g{}"), "'linear_acc_y', 'linear_acc_z' hold only a part of acc.*gravity tells how"),
        (axes("userAcceleration.{}", "gravity.{}"), r"add both parts up: --columns acc_x=USER_X\+\+GRAVITY_X"),
        (axes("g{}"), "input: no accelerometer of three axes; its columns are gx, gy, gz; name it: --columns acc"),
        (["ax", "ay", "gx"], r"no accelerometer of three axes \(acc of 'ax'/'ay' lacks z.*gyro of 'gx' lacks y and z"),
        (axes("{} (deg/s)"), "no accelerometer of three axes"),
        (axes("a{}", "a{}"), "acc could be column 0/3; declare which, such as --columns acc_x=0,"),
    ],
)
def test_errors_say_what_is_missing(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_names(names)


def declared(**columns: object) -> Declared:
    return Declared(rate_hz=50.0, units=UNITS, columns={name.replace("__", "."): c for name, c in columns.items()})


def test_declared_columns_decide() -> None:
    names = [*axes("u{}", "wrist_gyro_{}", "ankle_gyro_{}", "hip_acc_{}"), "time"]
    said = declared(wrist__acc_x="ux", wrist__acc_y=1, wrist__acc_z="2")
    assert found(names, said) == {"wrist.acc": "ux", "wrist.gyro": "wrist_gyro_x"}
    lines = plan_names(names, said).findings
    assert "acc of 'hip_acc_x'/'hip_acc_y'/'hip_acc_z' was not declared and is left out" in lines
    assert "gyro of 'ankle_gyro_x'/'ankle_gyro_y'/'ankle_gyro_z' was not declared and is left out" in lines
    assert found(names, declared(foot__acc_x="ux", foot__acc_y="uy", foot__acc_z="uz")) == {"foot.acc": "ux"}
    assert found([*axes("u{}", "g{}")], declared(acc_x="ux", acc_y="uy", acc_z="uz")) == {
        "imu.acc": "ux",
        "imu.gyro": "gx",
    }
    both = declared(acc_x="ux", acc_y="uy", acc_z="uz", gyro_x=6, gyro_y=7, gyro_z=8, mag_x=9)
    assert found(names, both) == {"imu.acc": "ux", "imu.gyro": "ankle_gyro_x"}
    gyro = declared(gyro_x="ux", gyro_y="uy", gyro_z="uz")
    assert found(names, gyro) == {"imu.acc": "hip_acc_x", "imu.gyro": "ux"}
    two = {f"{d}__acc_{axis}": f"{c}{axis}" for d, c in (("hip", "u"), ("ankle", "hip_acc_")) for axis in "xyz"}
    assert found(names, declared(**two)) == {"hip.acc": "ux", "ankle.acc": "hip_acc_x", "ankle.gyro": "ankle_gyro_x"}
    sums = {f"acc_{axis}": [f"u{axis}", f"hip_acc_{axis}"] for axis in "xyz"}
    assert plan_names(names, declared(**sums)).streams[0].columns[:3] == ((0, 9), (1, 10), (2, 11))
    with pytest.raises(InputError, match="--columns: 'speed' is no channel; write wrist.acc_x=NAME"):
        plan_names(names, declared(speed="ux"))


@pytest.mark.parametrize(("n_columns", "clock"), [(3, False), (3, True), (6, False), (6, True)])
@pytest.mark.parametrize("ending", ["npy", "csv"])
def test_columns_without_names_are_a_guess(tmp_path: Path, n_columns: int, clock: bool, ending: str) -> None:
    samples = motion()[:, :n_columns]
    table = np.column_stack([np.arange(len(samples)) / 50, samples]) if clock else samples
    path = write(tmp_path, [], table)
    if ending == "npy":
        path = tmp_path / "a.npy"
        np.save(path, table)
    plan = plan_all(path, Declared(units=UNITS, rate_hz=None if clock else 50.0))
    assert plan.channels == (three_axes("imu", "acc", "m/s2") + three_axes("imu", "gyro", "rad/s"))[:n_columns]
    assert plan.rate_hz == 50.0 and any("columns without names are taken in this order" in g for g in plan.guesses)
    np.testing.assert_allclose(rows_of(path, plan), samples, atol=1e-3)


@pytest.mark.parametrize("n_columns", [2, 4, 5, 9])
def test_other_numbers_of_columns_without_names_must_be_declared(tmp_path: Path, n_columns: int) -> None:
    path = tmp_path / "a.npy"
    table = np.tile(motion(), (1, 2))[:, :n_columns]
    np.save(path, table)
    with pytest.raises(InputError, match=rf"{n_columns} columns without names.*counted from 0: --columns acc_x=0,"):
        plan_all(path, SAID)
    if n_columns > 3:
        plan = plan_all(path, declared(acc_x=1, acc_y=2, acc_z=3))
        np.testing.assert_array_equal(rows_of(path, plan), table[:, 1:4])


def test_lines_without_names_are_counted() -> None:
    plan, chunks = follow(["1,2,3\n", "4,5,6\n"], None, SAID)
    assert len(plan.channels) == 3 and not plan.certain
    np.testing.assert_array_equal(np.concatenate([*chunks]), [[1, 2, 3], [4, 5, 6]])


def test_rows_of_two_devices_come_in_the_order_of_the_plan(tmp_path: Path) -> None:
    names = ["t (ms)", *axes("ankle_gyro_{} (rad/s)", "ankle_acc_{} (m/s2)", "hip_acc_{} (m/s2)")]
    hip = motion()[::-1, :3]
    path = write(tmp_path, names, np.arange(len(hip)) * 20, motion()[:, 3:], motion()[:, :3], hip)
    plan = plan_all(path, Declared())
    assert plan.certain and [channel.name for channel in plan.channels[::3]] == [
        "ankle.acc_x",
        "ankle.gyro_x",
        "hip.acc_x",
    ]
    np.testing.assert_allclose(rows_of(path, plan), np.hstack([motion(), hip]), atol=1e-6)


def test_rows_of_sensors_by_turns(tmp_path: Path) -> None:
    lines = ["time_ms,sensor,x,y,z"]
    for i, row in enumerate(motion()):
        lines += [f"{20 * i},acc,{row[0]},{row[1]},{row[2]}", f"{20 * i + 4},gyro,{row[3]},{row[4]},{row[5]}"]
    (tmp_path / "a.csv").write_text("\n".join([*lines, "9000,mag,1,2,3"]))
    plan = plan_all(tmp_path / "a.csv", Declared(units=UNITS))
    assert [channel.name for channel in plan.channels[::3]] == ["imu.acc_x", "imu.gyro_x"]
    np.testing.assert_allclose(rows_of(tmp_path / "a.csv", plan)[:300, :3], motion()[:300, :3], atol=1.0)


# --- exports of devices

PLACES = {"Empatica E4": "wrist", "MotionSense": "pocket", "GENEActiv": "left wrist"}


@pytest.mark.parametrize("name", exports.EXPORTS)
def test_every_device_gives_what_its_channels_give(tmp_path: Path, name: str) -> None:
    export = exports.EXPORTS[name]
    path = export.write(tmp_path / "given", motion())
    device = "wrist" if "watch" in name else PLACES.get(export.device, "imu")
    plan = plan_all(path, Declared())
    wanted = tuple(c for q in export.quantities for c in three_axes(device, q, UNITS[q]))
    known = plan_reading(path, wanted, Declared())
    assert plan.channels == known.channels and plan.certain == known.certain and plan.rate_hz == known.rate_hz
    np.testing.assert_array_equal(rows_of(path, plan), rows_of(path, known))


def test_a_device_without_gravity_is_refused(tmp_path: Path) -> None:
    path = exports.xsens_dot(sensors=("FreeAcc", "Gyr"))(tmp_path / "given", motion())
    with pytest.raises(InputError, match="no accelerometer of three axes.*FreeAcc is acceleration without gravity"):
        plan_all(path, Declared())
    folder = exports.sensor_logger_of_ios(tmp_path / "ios", motion())
    (folder / "Gravity.csv").unlink()
    with pytest.raises(
        InputError, match=r"ios.*: no accelerometer of three axes.*Accelerometer.csv is without gravity"
    ):
        plan_all(folder, Declared())


def test_columns_of_a_folder_can_be_declared(tmp_path: Path) -> None:
    folder = exports.sensor_logger(tmp_path / "given", motion())
    columns = {f"pocket.acc_{axis}": f"acc_{axis} [m/s2]" for axis in "xyz"}
    plan = plan_all(folder, Declared(columns=columns))
    assert [channel.name for channel in plan.channels[::3]] == ["pocket.acc_x", "pocket.gyro_x"]


def test_two_shimmers_in_one_file(tmp_path: Path) -> None:
    names = [
        "RWrist_Timestamp_Unix_CAL",
        *(f"{d}_{s}_{a}_CAL" for d in ("RWrist", "LAnkle") for s in ("Accel_LN", "Gyro") for a in "XYZ"),
    ]
    units = ["ms", *(["m/(s^2)"] * 3 + ["deg/s"] * 3) * 2]
    values = np.hstack([motion()[:, :3], np.rad2deg(motion()[:, 3:])])
    rows = np.column_stack([1.7e12 + 20 * np.arange(len(values)), values, values])
    (tmp_path / "s.csv").write_text(
        "\n".join([",".join(names), ",".join(units), *(",".join(map(str, r)) for r in rows)])
    )
    plan = plan_all(tmp_path / "s.csv", Declared())
    sensors = ["r wrist.acc_x", "r wrist.gyro_x", "l ankle.acc_x", "l ankle.gyro_x"]
    assert plan.certain and [channel.name for channel in plan.channels[::3]] == sensors
    np.testing.assert_allclose(rows_of(tmp_path / "s.csv", plan)[:390, 6:], values[:390], atol=0.5)


def test_gravity_is_known(tmp_path: Path) -> None:
    """The size of the values tells the unit, as for the channels of a model."""
    plan = plan_all(
        write(tmp_path, ["t (ms)", *axes("a{}")], np.arange(400) * 20, motion()[:, :3] / GRAVITY_MPS2), Declared()
    )
    assert plan.channels[0].unit == "g" and not plan.certain
