from dataclasses import replace

import pytest

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns import match_columns
from feature_extraction.own_files.columns.names import read_name, read_time_unit
from feature_extraction.recordings.recording import three_axes

ACC = three_axes("wrist", "acc", "m/s2")
SIX = ACC + three_axes("wrist", "gyro", "rad/s")


@pytest.mark.parametrize(
    ("name", "quantity", "axis", "unit"),
    [
        ("wrist.acc_x", "acc", "x", ""),
        ("ax", "acc", "x", ""),
        ("aZ", "acc", "z", ""),
        ("ACC_Y", "acc", "y", ""),
        ("ACCx", "acc", "x", ""),
        ("accX", "acc", "x", ""),
        ("acc_x_mg", "acc", "x", "mg"),
        ("x-acceleration", "acc", "x", ""),
        ("Acceleration x (m/s^2)", "acc", "x", "m/s2"),  # Phyphox
        ("Gyroscope z (rad/s)", "gyro", "z", "rad/s"),
        ("accelerometer_x", "acc", "x", ""),  # Sensor Logger
        ("Accelerometer X", "acc", "x", ""),  # ActiGraph
        ("Accel-X (g)", "acc", "x", "g"),  # Axivity
        ("Gyro-Y (deg/s)", "gyro", "y", "deg/s"),
        ("Shimmer_C0DE_Accel_LN_X_CAL (m/(s^2))", "acc", "x", "m/s2"),
        ("accelerometerAccelerationX(G)", "acc", "x", "g"),  # SensorLog on an Apple Watch
        ("motionRotationRateY(rad/s)", "gyro", "y", "rad/s"),
        ("gFx", "acc", "x", "g"),  # Physics Toolbox
        ("wx", "gyro", "x", ""),
        ("Gx", "gyro", "x", ""),
        ("AngularVelocityX(°/s)", "gyro", "x", "deg/s"),
        ("Acceleration Z [m/s²]", "acc", "z", "m/s2"),
        ("Magnetic field x (µT)", "mag", "x", "uT"),
    ],
)
def test_names_of_common_loggers(name: str, quantity: str, axis: str, unit: str) -> None:
    meaning = read_name(name)
    assert meaning is not None
    assert (meaning.quantity, meaning.axis, meaning.unit, meaning.unknown_unit) == (quantity, axis, unit, "")


@pytest.mark.parametrize(
    "name",
    [
        *("", "x", "max", "label", "gaz", "heart rate", "gyro", "acc", "ax_mean", "abs acc x"),
        *("Linear Acceleration x (m/s^2)", "motionUserAccelerationX(G)", "gravity_acc_x", "quaternion_w", "acc_xy"),
        *("Absolute acceleration (m/s^2)", "gyro_bias_x", "acc_gyro_x"),
    ],
)
def test_names_that_are_no_raw_axis(name: str) -> None:
    assert read_name(name) is None


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        *(("time", ""), ("t", ""), ("Time (s)", "s"), ("timestamp_ms", "ms"), ("seconds_elapsed", "s")),
        *(("Timestamp [ns]", "ns"), ("Shimmer_C0DE_Timestamp_Unix_CAL (ms)", "ms"), ("epoch (µs)", "us")),
        *(("heart rate", None), ("ax", None), ("", None), ("sometimes", None)),
    ],
)
def test_time_columns(name: str, unit: str | None) -> None:
    assert read_time_unit(name) == unit


def columns_of(names: list[str], wanted=SIX, declared=None, time_column=None) -> tuple[int, ...]:
    return match_columns(names, wanted, declared or {}, time_column, "a.csv").columns


def test_order_and_other_columns_do_not_matter() -> None:
    names = ["label", "gz", "Linear acc x", "ay", "ax", "heart rate", "gx", "az", "gy", "mag_x"]
    assert columns_of(names) == (4, 3, 7, 6, 8, 1)


def test_devices_are_told_by_their_words() -> None:
    wanted = three_axes("left arm", "acc", "m/s2") + three_axes("arm", "acc", "m/s2") + ACC
    names = [f"{place}_acc_{axis}" for place in ("Arm", "Wrist", "LeftArm", "hip") for axis in "xyz"]
    assert columns_of(names, wanted) == (6, 7, 8, 0, 1, 2, 3, 4, 5)
    with pytest.raises(InputError, match=r"no column found for wrist.acc_x, wrist.acc_y, wrist.acc_z.*--columns wrist"):
        columns_of([name.replace("Wrist", "Ankle") for name in names], wanted)


def test_the_one_sensor_may_have_any_name() -> None:
    assert columns_of(["hip_ax", "hip_ay", "hip_az"], ACC) == (0, 1, 2)


def test_several_sensors_and_none_named_like_the_device() -> None:
    names = [f"{place}_acc_{axis}" for place in ("hip", "ankle") for axis in "xyz"]
    with pytest.raises(
        InputError,
        match=r"wrist.acc_x could be column 'hip_acc_x', 'ankle_acc_x'; choose, such as --columns wrist.acc_x=0",
    ):
        columns_of(names, ACC)
    assert columns_of([*names, "wrist_az", "wrist_ax", "wrist_ay"], ACC) == (7, 8, 6)
    declared = {"acc_x": "ankle_acc_x", "wrist.acc_y": "4", "acc_z": 5}
    assert columns_of(names, ACC, declared) == (3, 4, 5)


def test_the_plain_name_is_preferred_and_said_to_be_a_guess() -> None:
    names = ["filtered_ax", "filtered_ay", "filtered_az", "ax", "ay", "az"]
    matched = match_columns(names, ACC, {}, None, "a.csv")
    assert matched.columns == (3, 4, 5) and not matched.certain


def test_repeated_names_must_be_numbered() -> None:
    names = ["ax", "ay", "az"] * 2
    with pytest.raises(InputError, match=r"wrist.acc_x could be column 0, 3; choose, such as --columns wrist.acc_x=0"):
        columns_of(names, ACC)
    assert columns_of(names, ACC, {"acc_x": "3", "acc_y": "4", "acc_z": "5"}) == (3, 4, 5)


def test_axes_may_be_named_in_different_ways() -> None:
    assert columns_of(["t", "acc_x", "ay", "az"], ACC) == (1, 2, 3)


def test_an_axis_that_is_there_twice_is_never_chosen_silently() -> None:
    message = r"wrist.acc_y could be column 1, 2; choose, such as --columns wrist.acc_x=0,wrist.acc_y=1,wrist.acc_z=3"
    with pytest.raises(InputError, match=message):
        columns_of(["acc_x", "acc_y", "acc_y", "acc_z"], ACC)


def test_names_count_though_some_columns_have_none() -> None:
    assert columns_of(["", "az", "ay", "ax"], ACC) == (3, 2, 1)
    assert columns_of(["az", "", "ax"], ACC, {"acc_y": 1}) == (2, 1, 0)


def test_a_sensor_that_lacks_an_axis_is_passed_over() -> None:
    assert columns_of(["hip_ax", "hip_ay", "ankle_az", "ankle_ax", "ankle_ay"], ACC) == (3, 4, 2)


def test_bare_axes_are_an_accelerometer_and_nothing_else() -> None:
    matched = match_columns(["z", "y", "x", "time"], ACC, {}, None, "a.csv")
    assert matched.columns == (2, 1, 0) and not matched.certain
    with pytest.raises(InputError, match="no column found for wrist.gyro_x"):
        columns_of(["z", "y", "x"], ACC + three_axes("wrist", "gyro", "rad/s"))


def test_without_names_the_number_of_columns_decides() -> None:
    matched = match_columns([""] * 7, SIX, {}, 2, "a.csv")
    assert matched.columns == (0, 1, 3, 4, 5, 6) and not matched.certain
    with pytest.raises(InputError, match=r"7 columns without names, and the model reads 6 .*--columns wrist.acc_x=0"):
        columns_of([""] * 7)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"hip.acc_x": "ax"}, "the model reads no 'hip.acc_x'; it reads wrist.acc_x"),
        ({"acc_x": "bx"}, "no column 'bx'; its columns are ax, ay, az, t"),
        ({"acc_x": "4"}, "no column 4; it has 4, counted from 0"),
        ({"acc_x": -1}, "no column -1"),
        ({"acc_x": "9" * 5000}, "no column '999"),
        ({"acc_x": "ay", "acc_y": "ay", "acc_z": "az"}, "column 'ay' is both wrist.acc_x and wrist.acc_y"),
        ({"acc_x": "t"}, "column 't' cannot be time and a channel"),
    ],
)
def test_wrong_declarations(declared: dict[str, str | int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        columns_of(["ax", "ay", "az", "t"], ACC, declared, time_column=3)


def test_units_of_the_names_come_along() -> None:
    matched = match_columns(["ax (counts)", "ay [mg]", "az"], ACC, {}, None, "a.csv")
    assert matched.units == ("counts", "mg", "")
    renamed = tuple(replace(channel, device="foot") for channel in ACC)
    declared = {"foot.acc_x": "up (g)", "foot.acc_y": "v", "foot.acc_z": "w"}
    assert match_columns(["up (g)", "v", "w"], renamed, declared, None, "a.csv").units == ("g", "", "")
