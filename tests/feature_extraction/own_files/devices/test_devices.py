"""Every device exports one recording of known motion; what is found must be that motion in SI units."""

from pathlib import Path

import device_exports as exports
import numpy as np
import pytest
from checkout import ROOT
from device_exports import EXPORTS, GRAVITY_MPS2
from notations import motion

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns.names import BRACKETS, read_name
from feature_extraction.own_files.devices import DeviceExport, DeviceStream, find_device
from feature_extraction.own_files.devices.find import FAMILIES
from feature_extraction.own_files.devices.source import open_source
from feature_extraction.own_files.tables import read_batches
from feature_extraction.own_files.timing.rate import even_rate
from feature_extraction.recordings.clock import merge_on_time
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import si_channel

FIELD_CASES = ROOT.parent / "shared" / "field-cases" / "devices"


def find(path: Path, tmp_path: Path) -> DeviceExport | None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return find_device(path, scratch)


def stream_of(export: DeviceExport, quantity: str) -> DeviceStream:
    found = [stream for stream in export.streams if f"{quantity}_x" in " ".join(stream.layout.names)]
    assert len(found) == 1
    return found[0]


def stamped(stream: DeviceStream, quantity: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Return time stamps in seconds, and the channels of one quantity, or of all, in SI units [T, 3] or [T, C]."""
    names = stream.layout.names
    time = next((i for i, name in enumerate(names) if name.startswith("time")), None)
    meanings = {i: meaning for i, name in enumerate(names) if (meaning := read_name(name))}
    used = [i for i in meanings if meanings[i].quantity.startswith(quantity)]
    used.sort(key=lambda i: (meanings[i].quantity, meanings[i].axis))
    tables = list(read_batches(stream.path, stream.layout, used if time is None else [time, *used]))
    values = np.concatenate([table.samples(used) for table in tables])
    channels = [Channel("any", meanings[i].quantity, "x", BRACKETS.findall(names[i])[0]) for i in used]
    values *= [si_channel(channel)[1] for channel in channels]
    if time is None:
        return np.arange(len(values)) / stream.rate_hz, values
    assert stream.rate_hz is None
    if names[time] == "time":  # dates as everybody writes them
        words = np.concatenate([table.words(time) for table in tables])
        return words.astype("datetime64[ns]").astype(np.int64) * 1e-9, values
    unit_s = {"[s]": 1.0, "[ms]": 1e-3, "[ns]": 1e-9}[names[time].split()[1]]
    return np.concatenate([table.numbers(time) for table in tables]) * unit_s, values


def read(stream: DeviceStream, quantity: str) -> tuple[float, np.ndarray]:
    """Return the rate and the samples of one sensor in SI units [T, 3] on an even clock."""
    times, values = stamped(stream, quantity)
    rate_hz = even_rate(1 / float(np.median(np.diff(times))))
    pieces = merge_on_time([(times, values)], rate_hz, 0.2)
    assert len(pieces) == 1 and values.shape[1] == 3
    return rate_hz, pieces[0][1]


def test_every_family_has_an_example() -> None:
    assert {export.device for export in EXPORTS.values()} == {family.NAME for family in FAMILIES}


@pytest.mark.parametrize("name", EXPORTS)
def test_motion_comes_out_in_si_units(tmp_path: Path, name: str) -> None:
    expected, samples = EXPORTS[name], motion()
    found = find(expected.write(tmp_path / "given", samples), tmp_path)
    assert found is not None and found.certain and not found.left_out
    assert found.finding.startswith(expected.device) and "\n" not in found.finding
    for quantity in ("acc", "gyro"):
        if quantity not in expected.quantities:
            assert f"{quantity}_x" not in " ".join(" ".join(stream.layout.names) for stream in found.streams)
            continue
        rate_hz, values = read(stream_of(found, quantity), quantity)
        assert rate_hz == expected.rate_hz
        right = samples[:, :3] if quantity == "acc" else samples[:, 3:]
        np.testing.assert_allclose(values, right, atol=expected.tolerance)


@pytest.mark.parametrize("name", EXPORTS)
def test_a_device_at_rest_measures_one_g_and_no_turn(tmp_path: Path, name: str) -> None:
    samples = np.tile(np.r_[exports.GRAVITY, 0.0, 0.0, 0.0], (200, 1))
    found = find(EXPORTS[name].write(tmp_path / "given", samples), tmp_path)
    assert found is not None
    sizes = np.linalg.norm(read(stream_of(found, "acc"), "acc")[1], axis=1)
    np.testing.assert_allclose(sizes, GRAVITY_MPS2, atol=2 * EXPORTS[name].tolerance)
    if "gyro" in EXPORTS[name].quantities:
        np.testing.assert_allclose(read(stream_of(found, "gyro"), "gyro")[1], 0.0, atol=1e-7)


@pytest.mark.parametrize("name", EXPORTS)
def test_no_two_devices_claim_one_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "scratch").mkdir()
    source = open_source(EXPORTS[name].write(tmp_path / "given", motion()), tmp_path / "scratch")
    assert source is not None
    claims = [family.NAME for family in FAMILIES if family.find(source) is not None]
    assert claims == [EXPORTS[name].device]


@pytest.mark.parametrize("name", ["Sensor Logger of iOS", "phyphox folder", "MetaWear", "Movesense folder"])
def test_streams_with_clocks_of_their_own_meet_on_time(tmp_path: Path, name: str) -> None:
    found = find(EXPORTS[name].write(tmp_path / "given", motion()), tmp_path)
    assert found is not None and len(found.streams) == 2
    pieces = merge_on_time([stamped(stream) for stream in found.streams], 50.0, 0.2)
    assert len(pieces) == 1 and pieces[0][1].shape == (400, 6)


def test_rows_of_several_blocks_are_converted(tmp_path: Path) -> None:
    """More rows than are read at once, with the counter starting again in a later block."""
    samples = np.tile(motion(), (60, 1))
    found = find(exports.xsens_dot(first=(1 << 32) - 20_000 * 20_000)(tmp_path / "given", samples), tmp_path)
    assert found is not None
    times, values = stamped(found.streams[0])
    np.testing.assert_allclose(np.diff(times), 0.02, atol=1e-6)
    np.testing.assert_allclose(values[:, :3], samples[:, :3], atol=1e-5)


def test_findings_keep_place_start_and_what_is_missing(tmp_path: Path) -> None:
    def finding(write: exports.Write, name: str) -> str:
        found = find(write(tmp_path / name, motion()), tmp_path / name)
        assert found is not None
        return found.finding

    assert "left wrist; from 2026-03-14 15:09:26:000" in finding(exports.geneactiv, "geneactiv")
    assert "from 2026-03-14 15:09:26 UTC" in finding(exports.empatica, "e4")
    assert "from 3/14/2026 15:09:26 (dates as M/d/yyyy)" in finding(exports.actigraph, "actigraph")
    assert "recorded from 2026-03-14 15:09:26" in finding(exports.phyphox(single=False), "phyphox")
    assert "from 2026-03-14_15:09:26_000 UTC" in finding(exports.xsens_dot(), "dot")


def without(write: exports.Write, *names: str) -> exports.Write:
    """Write an export, then delete some of its files."""

    def shortened(folder: Path, samples: np.ndarray) -> Path:
        written = write(folder, samples)
        for name in names:
            next(written.glob(name)).unlink()
        return written

    return shortened


def only_user_acceleration(folder: Path, samples: np.ndarray) -> Path:
    path = exports.motionsense(folder, samples)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("".join(",".join(row[:4] + row[7:]) + "\n" for row in rows))
    return path


def renamed_linear(folder: Path, samples: np.ndarray) -> Path:
    exports.metawear(folder, samples)
    acc = next(folder.glob("*_Accelerometer_*"))
    acc.rename(acc.with_name(acc.name.replace("Accelerometer", "LinearAcceleration")))
    return folder


def raw_shimmer(folder: Path, samples: np.ndarray) -> Path:
    path = exports.shimmer(folder, samples)
    text = path.read_text()
    for axis in "XYZ":
        text = text.replace(f"WR_{axis}_CAL", f"WR_{axis}_RAW").replace(f"LN_{axis}_CAL", f"LN_{axis}_RAW")
    path.write_text(text)
    return path


GRAVITY_FREE = {
    "Sensor Logger": (
        without(exports.sensor_logger_of_ios, "Gravity.csv"),
        "Accelerometer.csv is without gravity, and TotalAcceleration.csv or Gravity.csv is missing",
    ),
    "phyphox file": (exports.phyphox(sensors=("linear", "gyro")), "Raw Data.csv is acceleration without g"),
    "phyphox folder": (
        without(exports.phyphox(single=False), "Accelerometer.csv"),
        "Linear Accelerometer.csv is acceleration without g, and the one with g is missing",
    ),
    "SensorLog": (exports.sensorlog(exports.SENSORLOG_USER, exports.SENSORLOG_GYRO), "needs motionGravityX, Y, Z or"),
    "MotionSense": (only_user_acceleration, "gravity is missing"),
    "MetaWear": (renamed_linear, "the file of the accelerometer is missing"),
    "Xsens DOT": (exports.xsens_dot(sensors=("FreeAcc", "Gyr")), "FreeAcc is acceleration without gravity, and Acc_X"),
    "Shimmer": (raw_shimmer, "acceleration is there as RAW only"),
}


@pytest.mark.parametrize("name", GRAVITY_FREE)
def test_acceleration_without_gravity_is_not_acceleration(tmp_path: Path, name: str) -> None:
    write, missing = GRAVITY_FREE[name]
    found = find(write(tmp_path / "given", motion()), tmp_path)
    assert found is not None and missing in found.finding
    assert not any("acc" in name for stream in found.streams for name in stream.layout.names)
    np.testing.assert_allclose(read(stream_of(found, "gyro"), "gyro")[1], motion()[:, 3:], atol=2e-3)


def test_nothing_is_offered_of_a_single_file_without_gravity(tmp_path: Path) -> None:
    found = find(exports.sensor_logger(tmp_path / "given", motion()) / "Accelerometer.csv", tmp_path)
    assert found is not None and found.streams == () and "without gravity" in found.finding


def test_gravity_is_added_at_the_time_of_each_sample(tmp_path: Path) -> None:
    """Gravity comes slower and later; samples far from it have no value."""
    folder = exports.sensor_logger_of_ios(tmp_path / "given", motion())
    lines = (folder / "Gravity.csv").read_text().splitlines()
    (folder / "Gravity.csv").write_text("\n".join([lines[0], *lines[101::4]]) + "\n")
    found = find(folder, tmp_path)
    assert found is not None
    _, values = stamped(stream_of(found, "acc"))
    assert len(values) == 400 and np.isnan(values[:85]).all() and np.isfinite(values[95:]).all()
    np.testing.assert_allclose(values[100:], motion()[100:, :3], atol=1e-6)


def test_axes_of_sensor_logger_come_in_any_order(tmp_path: Path) -> None:
    folder = exports.sensor_logger_of_ios(tmp_path / "given", motion())
    for path in folder.glob("*.csv"):
        rows = [line.split(",") for line in path.read_text().splitlines()]
        if len(rows[0]) == 5:
            path.write_text("\n".join(",".join([*row[:2], *row[:1:-1]]) for row in rows) + "\n")
    found = find(folder, tmp_path)
    assert found is not None
    np.testing.assert_allclose(read(stream_of(found, "acc"), "acc")[1], motion()[:, :3], atol=2e-3)
    np.testing.assert_allclose(read(stream_of(found, "gyro"), "gyro")[1], motion()[:, 3:], atol=2e-3)


@pytest.mark.parametrize(
    ("write", "platform", "noted"),
    [
        (exports.sensor_logger, None, False),
        (exports.sensor_logger_of_ios, None, True),
        (exports.sensor_logger, "ios,false", True),
        (exports.sensor_logger_of_ios, "ios,true", False),
        (exports.sensor_logger_of_ios, "android,false", False),
        (exports.motionsense, None, True),
        (exports.sensorlog(exports.SENSORLOG_TOTAL), None, True),
    ],
)
def test_signs_of_ios_are_told(tmp_path: Path, write: exports.Write, platform: str | None, noted: bool) -> None:
    path = write(tmp_path / "given", motion())
    if platform:
        (path / "Metadata.csv").write_text(f"version,platform,standardisation\n3,{platform}\n")
    found = find(path, tmp_path)
    assert found is not None and ("signs as on iOS" in found.finding) == noted


def test_watch_and_phone_in_one_folder_are_a_guess(tmp_path: Path) -> None:
    folder = exports.sensor_logger(tmp_path / "given", motion())
    exports.sensor_logger_of_watch(folder, motion())
    found = find(folder, tmp_path)
    assert found is not None and not found.certain and "WristMotion.csv of the watch is not used" in found.finding


def test_old_zip_files_of_phyphox_say_without_g_in_their_name(tmp_path: Path) -> None:
    path = exports.zipped(lambda f, s: exports.phyphox(sensors=("acc",))(f, s).parent)(tmp_path / "given", motion())
    found = find(path.rename(path.with_name("Acceleration without g 2026-03-14.zip")), tmp_path)
    assert found is not None and found.streams == () and "without g, and the one with g is missing" in found.finding


def test_a_renamed_file_of_sensor_logger_is_a_guess_or_refused(tmp_path: Path) -> None:
    folder = exports.sensor_logger(tmp_path / "given", motion())
    found = find((folder / "TotalAcceleration.csv").rename(folder / "walk.csv"), tmp_path)
    assert found is not None and not found.certain
    with pytest.raises(InputError, match="nothing tells of which sensor; give it back its name"):
        find_device((folder / "Gyroscope.csv").rename(folder / "walk2.csv"), tmp_path)


def test_lines_of_wisdm_that_are_no_samples_are_counted(tmp_path: Path) -> None:
    path = exports.wisdm("raw.txt", "Jogging")(tmp_path / "given", motion())
    lines = path.read_text().splitlines()
    lines[7] = lines[7].rsplit(",", 1)[0] + ",;"  # z is missing
    lines[9] += lines.pop(10)  # two samples in one line
    path.write_text("\n".join(lines) + "\n")
    found = find(path, tmp_path)
    assert found is not None and sum(found.left_out.values()) == 1
    assert len(stamped(found.streams[0])[0]) == 399
    assert found.streams[0].layout.names[:2] == ("subject", "label")


def test_a_line_mark_within_a_note_is_no_line(tmp_path: Path) -> None:
    path = exports.geneactiv(tmp_path / "given", motion())
    path.write_text(path.read_text().replace("Subject Code,0001", "Subject Code,0001\u2028left\x85"), encoding="utf-8")
    found = find(path, tmp_path)
    assert found is not None and len(stamped(found.streams[0])[0]) == len(motion())


@pytest.mark.parametrize("beside", [-1, 0], ids=["last before", "first after"])
def test_a_counter_may_start_again_beside_a_missing_stamp(tmp_path: Path, beside: int) -> None:
    path = exports.xsens_dot()(tmp_path / "given", motion())
    lines = path.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("PacketCounter")) + 1
    ticks = np.array([int(line.split(",")[1]) for line in lines[first:]])
    row = first + int(np.flatnonzero(np.diff(ticks) < 0)[0]) + 1 + beside
    counter, _, rest = lines[row].split(",", 2)
    lines[row] = f"{counter},,{rest}"
    path.write_text("\n".join(lines) + "\n")
    found = find(path, tmp_path)
    assert found is not None
    times = stamped(found.streams[0])[0]
    steps = np.diff(times[np.isfinite(times)])
    assert len(steps) == len(motion()) - 2 and steps.min() > 0.01 and steps.max() < 0.05


def test_pauses_of_phyphox_are_told(tmp_path: Path) -> None:
    folder = exports.phyphox(single=False)(tmp_path / "given", motion())
    with (folder / "meta" / "time.csv").open("a") as file:
        file.write('"PAUSE",2E0,1773500968.0,"2026"\n"START",2E0,1773500999.0,"2026"\n')
    found = find(folder, tmp_path)
    assert found is not None and not found.certain and "paused 1 times" in found.finding


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ax,ay,az\n1,2,3\n4,5,6\n", "a.csv"),
        ("t;x;y;z\n0,1;1,5;2,5;3,5\n", "b.csv"),
        ("1.0,2.0,3.0\n1.5,2.0,3.0\n", "c.csv"),
        ("2026-03-14 15:09:26.000,5.0,900.0,100.0\n", "d.csv"),
        ("{}", "e.json"),
        ("", "f.csv"),
        ('"a', "g.csv"),
        ("\x00\x01", "h.bin"),
    ],
)
def test_other_files_are_no_device(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / name).write_text(text)
    assert find_device(tmp_path / name, tmp_path) is None
    assert find_device(tmp_path / "absent.csv", tmp_path) is None


# --- files in the layout of devices that lie outside this repository


@pytest.mark.skipif(not FIELD_CASES.exists(), reason=f"{FIELD_CASES} is absent")
@pytest.mark.parametrize(
    ("name", "device", "quantities"),
    [
        ("e4", "Empatica E4", ("acc",)),
        ("sensorlogger", "Sensor Logger", ("acc", "gyro")),
        ("actigraph.csv", "ActiGraph", ("acc",)),
        ("phyphox_decimal_comma.csv", "phyphox", ("acc",)),
    ],
)
def test_field_cases_are_read(tmp_path: Path, name: str, device: str, quantities: tuple[str, ...]) -> None:
    found = find(FIELD_CASES / name, tmp_path)
    assert found is not None and found.name == device
    rate_hz, acc = read(stream_of(found, "acc"), "acc")
    assert rate_hz == (32.0 if name == "e4" else 50.0)
    assert len(acc) / rate_hz == pytest.approx(1920 / 32 if name == "e4" else 20, abs=0.2)
    assert GRAVITY_MPS2 * 0.8 < np.median(np.linalg.norm(acc, axis=1)) < GRAVITY_MPS2 * 1.25
    for quantity in quantities[1:]:
        assert len(read(stream_of(found, quantity), quantity)[1]) > 900


@pytest.mark.skipif(not FIELD_CASES.exists(), reason=f"{FIELD_CASES} is absent")
def test_a_plain_table_with_decimal_commas_is_no_device(tmp_path: Path) -> None:
    assert find_device(FIELD_CASES / "decimal_comma_semicolon.csv", tmp_path) is None
