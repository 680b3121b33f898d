"""Exports that contradict themselves, end too early or would do harm: one line that says what is wrong."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import device_exports as exports
import numpy as np
import pytest
from device_exports import EXPORTS
from notations import motion

from feature_extraction.errors import InputError
from feature_extraction.own_files.devices import archive, find_device
from feature_extraction.own_files.tables import read_batches

Spoil = Callable[[Path], None]


def spoiled(write: exports.Write, spoil: Spoil, name: str = "") -> exports.Write:
    """Write an export, then change it, or the file of this name in it."""

    def write_and_spoil(folder: Path, samples: np.ndarray) -> Path:
        path = write(folder, samples)
        spoil(path / name if name else path)
        return path

    return write_and_spoil


def replaced(old: str, new: str, count: int = -1) -> Spoil:
    def spoil(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, count))

    return spoil


def kept(n_lines: int) -> Spoil:
    return lambda path: (path.write_text("\n".join(path.read_text().splitlines()[:n_lines]) + "\n"), None)[1]


def dropped(line: int) -> Spoil:
    def spoil(path: Path) -> None:
        lines = path.read_text().splitlines()
        path.write_text("\n".join(lines[:line] + lines[line + 1 :]) + "\n")

    return spoil


def shortened(line: int, delimiter: str = ",") -> Spoil:
    """Take the last value from a line."""

    def spoil(path: Path) -> None:
        lines = path.read_text().splitlines()
        lines[line] = lines[line].rsplit(delimiter, 1)[0]
        path.write_text("\n".join(lines) + "\n")

    return spoil


def deleted(path: Path) -> None:
    path.unlink()


def copied(to: str) -> Spoil:
    return lambda path: (path.with_name(to).write_bytes(path.read_bytes()), None)[1]


def copied_deeper(path: Path) -> None:
    (path.parent / "other").mkdir()
    (path.parent / "other" / path.name).write_bytes(path.read_bytes())


def in_seconds(path: Path) -> None:
    """Let seconds_elapsed say that rows lie ten times as far apart."""
    lines = [line.split(",") for line in path.read_text().splitlines()]
    changed = [[row[0], f"{float(row[1]) * 10:.6f}", *row[2:]] for row in lines[1:]]
    path.write_text("\n".join(",".join(row) for row in [lines[0], *changed]) + "\n")


SINGLE_LINE = {
    "E4 rate of 0": (exports.empatica, replaced("32.000000", "0.000000"), "ACC.csv", r"ACC.csv: states 0 Hz"),
    "E4 two rates": (
        exports.empatica,
        replaced("32.000000, 32.000000, 32", "32.000000, 64.000000, 32"),
        "ACC.csv",
        "rate of x is 32, of y or z 64",
    ),
    "E4 in g": (exports.empatica, lambda p: _in_g(p), "ACC.csv", "whole numbers of 1/64 g, but the first sample is"),
    "E4 cut off": (exports.empatica, kept(1), "ACC.csv", "ends after its start time"),
    "E4 without ACC": (exports.empatica, deleted, "ACC.csv", "BVP.csv, EDA.csv, TEMP.csv, but without ACC.csv"),
    "E4 two": (exports.empatica, copied("ACC2.csv"), "ACC.csv", "ACC.csv and .*ACC2.csv: both hold"),
    "Sensor Logger clocks": (
        exports.sensor_logger,
        in_seconds,
        "Gyroscope.csv",
        "take .* s as time says .* s as seconds_",
    ),
    "Sensor Logger cut off": (exports.sensor_logger, kept(1), "Gyroscope.csv", "ends before its first row"),
    "Sensor Logger short row": (
        exports.sensor_logger,
        shortened(1),
        "Gyroscope.csv",
        "line 2: 4 values, where 5 columns",
    ),
    "Sensor Logger twice": (exports.sensor_logger, copied_deeper, "Gyroscope.csv", "both hold gyroscope"),
    "phyphox cut off": (exports.phyphox(), kept(1), "", "ends before its first row"),
    "phyphox short row": (exports.phyphox(), shortened(1), "", "line 2: 9 values, where 10 columns"),
    "phyphox without sensor": (
        exports.phyphox(single=False, sensors=("gyro", "linear")),
        lambda p: (p.rename(p.with_name("walk.csv")), None)[1],
        "Linear Accelerometer.csv",
        "calls acceleration with and without g X .m/s.2. alike",
    ),
    "SensorLog unit": (
        exports.sensorlog(exports.SENSORLOG_TOTAL),
        replaced("accelerometerAccelerationX(G)", "accelerometerAccelerationX(m/s2)"),
        "",
        "is in m/s2, where SensorLog writes g",
    ),
    "SensorLog date": (exports.sensorlog(exports.SENSORLOG_TOTAL), replaced("T15:09:26.020", "x"), "", "not a date"),
    "SensorLog cut off": (exports.sensorlog(exports.SENSORLOG_TOTAL), kept(1), "", "ends before its first row"),
    "ActiGraph rate": (
        exports.actigraph,
        replaced("at 50 Hz", "at 30 Hz"),
        "",
        "states 30 Hz, but its time stamps .*50 Hz",
    ),
    "ActiGraph rate of 0": (exports.actigraph, replaced("at 50 Hz", "at 0 Hz"), "", "states 0 Hz, no sampling rate"),
    "ActiGraph dates": (exports.actigraph, replaced("M/d/yyyy", "d/M/yyyy"), "", "not in the order d-M-y"),
    "ActiGraph header": (exports.actigraph, dropped(9), "", "without the line of dashes"),
    "ActiGraph cut off": (exports.actigraph, kept(11), "", "ends before its first row"),
    "ActiGraph counts": (exports.actigraph, replaced("(hh:mm:ss) 00:00:00", "(hh:mm:ss) 00:01:00"), "", "no samples"),
    "ActiGraph no clock": (exports.actigraph_without_stamps, replaced(" at 50 Hz", ""), "", "neither a rate"),
    "ActiGraph columns": (exports.actigraph_without_names, shortened(10, ";"), "", "line 11: 2 values"),
    "GENEActiv rate": (
        exports.geneactiv,
        replaced("50 Hz", "100 Hz"),
        "",
        "states 100 Hz, but its time stamps .*50 Hz",
    ),
    "GENEActiv rate of 0": (exports.geneactiv, replaced("50 Hz", "0 Hz"), "", "is '0 Hz', no rate"),
    "GENEActiv header": (exports.geneactiv, dropped(10), "", "without Measurement Frequency"),
    "GENEActiv cut off": (exports.geneactiv, kept(60), "", "without rows below its header"),
    "GENEActiv columns": (exports.geneactiv, lambda p: _cut_columns(p, 3), "", "3 values, expected time, x, y, z"),
    "Axivity cut off": (exports.axivity_with_names, kept(1), "", "ends after its header"),
    "Axivity columns": (exports.axivity_with_names, shortened(1), "", "line 2: 6 values, where 7 columns"),
    "MetaWear rate": (
        lambda f, s: exports.metawear(f, s, "100.000Hz"),
        lambda p: None,
        "",
        "states 100 Hz, but .*50 Hz",
    ),
    "MetaWear two boards": (exports.metawear, lambda p: _second_board(p), "", "both hold acc of MetaWear"),
    "MetaWear cut off": (exports.metawear, lambda p: kept(1)(next(p.glob("*Gyr*"))), "", "ends before its first row"),
    "Shimmer unit": (
        exports.shimmer,
        replaced("deg/s", "furlong"),
        "",
        "unit 'furlong' of gyro, expected deg/s or rad/s",
    ),
    "Shimmer header": (exports.shimmer, shortened(1, "\t"), "", "have 10, 11, 11 values"),
    "Shimmer cut off": (exports.shimmer, kept(3), "", "ends after its header"),
    "Shimmer clock": (exports.shimmer, replaced("Timestamp_Unix_CAL", "Battery_CAL"), "", "no calibrated time stamps"),
    "Xsens DOT rate": (
        exports.xsens_dot(rate="120Hz"),
        lambda p: None,
        "",
        "states 120 Hz, but its time stamps .*50 Hz",
    ),
    "Xsens DOT header": (exports.xsens_dot(), dropped(10), "", "without a line PacketCounter"),
    "Xsens DOT cut off": (exports.xsens_dot(), kept(11), "", "ends before its first row"),
    "Xsens DOT clock": (exports.xsens_dot(1e-9), lambda p: None, "", "neither microseconds nor 0.1 ms"),
    "Movesense cut off": (exports.movesense(True), lambda p: p.write_text(p.read_text()[:900]) and None, "", "as JSON"),
    "Movesense axis": (exports.movesense(True), replaced('"y"', '"w"', 1), "", "lacks x, y or z"),
    "Movesense stamp": (
        exports.movesense(True),
        replaced('"Timestamp": 599025922', '"T": 1'),
        "",
        "packet 2 of data lacks",
    ),
    "Movesense twice": (exports.movesense(False), copied("acc2.json"), "acc.json", "both hold acc of Movesense"),
    "MotionSense cut off": (exports.motionsense, kept(1), "", "ends before its first row"),
    "MotionSense columns": (exports.motionsense, shortened(1), "", "line 2: 12 values, where 13 columns"),
    "WISDM columns": (
        exports.wisdm("raw.txt", "Jogging"),
        lambda p: [shortened(i)(p) for i in range(0, 360, 40)] and None,
        "",
        "9 of 400 lines are not subject,label,time,x,y,z; line 1 is '33,Jogging",
    ),
    "WISDM name": (
        exports.wisdm("data_1600_accel_phone.txt", "A", "gyro"),
        lambda p: None,
        "",
        "acceleration by its name, but its median size is",
    ),
}


def _in_g(path: Path) -> None:
    lines = path.read_text().splitlines()
    values = [",".join(f"{int(v) / 64:.4f}" for v in line.split(",")) for line in lines[2:]]
    path.write_text("\n".join(lines[:2] + values) + "\n")


def _cut_columns(path: Path, n: int) -> None:
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:100] + [",".join(line.split(",")[:n]) for line in lines[100:]]) + "\n")


def _second_board(folder: Path) -> None:
    first = next(folder.glob("*_Accelerometer_*"))
    first.with_name(first.name.replace("C0FFEE", "BADCAB")).write_bytes(first.read_bytes())


@pytest.mark.parametrize("name", SINGLE_LINE)
def test_a_spoiled_export_ends_in_one_line(tmp_path: Path, name: str) -> None:
    write, spoil, file, message = SINGLE_LINE[name]
    path = spoiled(write, spoil, file)(tmp_path / "given", motion())
    (tmp_path / "scratch").mkdir()
    with pytest.raises(InputError, match=message) as caught:
        find_device(path, tmp_path / "scratch")
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["Sensor Logger of iOS", "ActiGraph", "MotionSense", "Shimmer", "MetaWear", "Axivity"])
def test_a_row_of_another_width_is_named(tmp_path: Path, name: str) -> None:
    """Whether it is found when the file is converted or when it is read."""
    path = EXPORTS[name].write(tmp_path / "given", motion())
    file = path if path.is_file() else sorted(path.rglob("*.csv"))[0]
    shortened(200, "\t" if name == "Shimmer" else ",")(file)
    (tmp_path / "scratch").mkdir()
    with pytest.raises(InputError, match="not readable as csv .*Expected"):
        found = find_device(path, tmp_path / "scratch")
        assert found is not None
        for stream in found.streams:
            list(read_batches(stream.path, stream.layout, range(len(stream.layout.names))))


def test_two_devices_in_one_folder_are_named(tmp_path: Path) -> None:
    exports.motionsense(tmp_path, motion())
    exports.axivity(tmp_path, motion())
    (tmp_path / "scratch").mkdir()
    with pytest.raises(InputError, match="holds exports of Axivity and MotionSense; give one recording"):
        find_device(tmp_path, tmp_path / "scratch")


@pytest.mark.parametrize("name", EXPORTS)
def test_cut_and_damaged_exports_never_surprise(tmp_path: Path, name: str) -> None:
    """Whatever is cut off or overwritten, there is an export, none, or an `InputError`."""
    path = EXPORTS[name].write(tmp_path / "given", motion()[:40])
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    rng = np.random.default_rng(0)
    for k in range(30):
        file = files[k % len(files)]
        whole = file.read_bytes()
        damaged = bytearray(whole[: rng.integers(1, len(whole))] if k % 2 else whole)
        for place in rng.integers(0, len(damaged), 3):
            damaged[place] = rng.choice(list(b'\x00,;"\n\t-9eAZ/:.\xff'))
        file.write_bytes(damaged)
        scratch = tmp_path / f"scratch{k}"
        scratch.mkdir()
        try:
            found = find_device(path, scratch)
            for stream in found.streams if found else ():
                assert len(stream.layout.names) > 2
        except InputError as error:
            assert "\n" not in str(error)
        file.write_bytes(whole)


# --- zip files


def pack(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in members.items():
            packed.writestr(name, text)
    return path


@pytest.mark.parametrize(
    "name", ["../ACC.csv", "/tmp/ACC.csv", "a/../../ACC.csv", "C:/ACC.csv", "..\\ACC.csv", "a\\..\\b.csv"]
)
def test_members_never_leave_the_folder(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / "a.zip", {"BVP.csv": "1\n", name: "1\n"})
    (tmp_path / "scratch").mkdir()
    with pytest.raises(InputError, match="a.zip: member .* leads out of the folder"):
        find_device(path, tmp_path / "scratch")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "scratch"]


def test_links_are_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("ACC.csv")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(member, "/etc/passwd")
    (tmp_path / "scratch").mkdir()
    with pytest.raises(InputError, match="'ACC.csv' is a link"):
        find_device(tmp_path / "a.zip", tmp_path / "scratch")


def test_size_and_number_of_members_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 5 << 20)
    bomb = pack(tmp_path / "bomb.zip", {"a.csv": "0" * (3 << 20), "b.csv": "0" * (3 << 20)})
    crowd = pack(tmp_path / "crowd.zip", {f"{i}.csv": "1\n" for i in range(archive.MOST_MEMBERS + 1)})
    for path, message in ((bomb, "bomb.zip: unpacked more than"), (crowd, "crowd.zip: 501 members, more than 500")):
        scratch = tmp_path / path.stem
        scratch.mkdir()
        with pytest.raises(InputError, match=message):
            find_device(path, scratch)
        assert sum(p.stat().st_size for p in scratch.rglob("*")) < 6 << 20


def test_damaged_and_encrypted_zip_files_are_named(tmp_path: Path) -> None:
    whole = EXPORTS["Sensor Logger zip"].write(tmp_path, motion()).read_bytes()
    damaged = bytearray(whole)
    damaged[200:260] = b"x" * 60
    encrypted = bytearray(pack(tmp_path / "e.zip", {"ACC.csv": "1\n"}).read_bytes())
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    for name, content, message in (
        ("cut", whole[:-300], "not readable as a zip file"),
        ("damaged", damaged, "not readable as a zip file"),
        ("locked", encrypted, "is encrypted"),
    ):
        (tmp_path / f"{name}.zip").write_bytes(content)
        (tmp_path / name).mkdir()
        with pytest.raises(InputError, match=message):
            find_device(tmp_path / f"{name}.zip", tmp_path / name)


def test_other_zip_files_are_no_device(tmp_path: Path) -> None:
    for k, members in enumerate(({"[Content_Types].xml": "<a/>"}, {"photo.jpg": "x"}, {"notes.txt": "hello\n"})):
        (tmp_path / str(k)).mkdir()
        assert find_device(pack(tmp_path / f"{k}.zip", members), tmp_path / str(k)) is None


def test_raw_files_of_devices_name_what_converts_them(tmp_path: Path) -> None:
    (tmp_path / "a.cwa").write_bytes(b"MD\xfc\x03" + bytes(1020))
    (tmp_path / "b.bin").write_text("Device Identity\nDevice Unique Serial Code:000001\n")
    gt3x = pack(tmp_path / "c.gt3x", {"info.txt": "Serial Number: X\n", "log.bin": "x"})
    for path, program in ((tmp_path / "a.cwa", "OmGui"), (tmp_path / "b.bin", "GENEActiv PC"), (gt3x, "ActiLife")):
        with pytest.raises(InputError, match=f"not supported; convert it with {program}"):
            find_device(path, tmp_path)
