"""Recordings of several files, as a device exports them: folders and zip files."""

import zipfile
from pathlib import Path

import device_exports as exports
import numpy as np
import pytest
from notations import motion

from feature_extraction.errors import InputError
from feature_extraction.own_files.csv_layout import Layout
from feature_extraction.own_files.devices import DeviceExport, DeviceStream
from feature_extraction.own_files.read import Account, Declared, plan_reading, read_recording
from feature_extraction.recordings.recording import three_axes

WANTED = three_axes("wrist", "acc", "m/s2") + three_axes("wrist", "gyro", "rad/s")


def write_folder(folder: Path) -> Path:
    """Write one file per sensor; the gyroscope is a second late and has no header."""
    folder.mkdir()
    for name, values, late in (("a.csv", motion()[:, :3], 0), ("g.csv", motion()[:, 3:], 1000)):
        rows = [f"{late + 20 * i};{x:.5f};{y:.5f};{z:.5f}" for i, (x, y, z) in enumerate(values)]
        (folder / name).write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def known_device(monkeypatch: pytest.MonkeyPatch):
    def export(path: Path, scratch: Path) -> DeviceExport | None:
        folder = path
        if path.suffix == ".zip":
            folder = scratch / "members"
            zipfile.ZipFile(path).extractall(folder)
        if not (folder / "a.csv").is_file():
            return None
        names = {
            name: ("time [ms]", *(f"{quantity}_{axis} [{unit}]" for axis in "xyz"))
            for name, quantity, unit in (("a.csv", "acc", "m/s2"), ("g.csv", "gyro", "rad/s"))
        }
        streams = tuple(DeviceStream(folder / name, Layout("csv", columns, ";")) for name, columns in names.items())
        return DeviceExport("logger", streams, "a logger with one file per sensor")

    monkeypatch.setattr("feature_extraction.own_files.sources.find_device", export)


@pytest.mark.parametrize("zipped", [False, True])
def test_one_file_per_sensor(tmp_path: Path, known_device: None, zipped: bool) -> None:
    path = write_folder(tmp_path / "walk")
    if zipped:
        with zipfile.ZipFile(tmp_path / "walk.zip", "w") as archive:
            for file in path.iterdir():
                archive.write(file, file.name)
        path = tmp_path / "walk.zip"
    account = Account()
    plan = plan_reading(path, WANTED, Declared())
    rows = np.concatenate([*read_recording(path, plan, account)])
    assert plan.certain and plan.findings[0] == "a logger with one file per sensor"
    np.testing.assert_allclose(rows, np.hstack([motion()[50:, :3], motion()[:-50, 3:]]), atol=1e-3)
    assert str(account) == "rows: 800, used 700, left out: 100 (the other sensor does not record then)"
    with pytest.raises(InputError, match="--rate-hz says 100, the clocks say 50 Hz"):
        plan_reading(path, WANTED, Declared(rate_hz=100.0))


def test_a_folder_or_zip_of_nobody_knows_what(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "walk")
    with pytest.raises(InputError, match="walk: not a file but 2 tables, and no device is known that exports them so"):
        plan_reading(path, WANTED, Declared())
    (tmp_path / "a.zip").write_bytes(b"PK no zip")
    with pytest.raises(InputError, match=r"a.zip: not readable as zip \(.*\); unpack it and give the folder"):
        plan_reading(tmp_path / "a.zip", WANTED, Declared())


@pytest.mark.parametrize("declared_hz", [34.0, 31.0])
def test_a_rate_near_that_of_the_device_is_no_rate(tmp_path: Path, declared_hz: float) -> None:
    path = exports.empatica(tmp_path / "e4", motion())
    with pytest.raises(InputError, match=rf"says {declared_hz:g}, the device 32 Hz; leave out"):
        plan_reading(path, WANTED[:3], Declared(rate_hz=declared_hz))
    assert plan_reading(path, WANTED[:3], Declared(rate_hz=32.0)).rate_hz == 32.0


def test_messages_name_the_file_that_was_given_and_none_of_ours(tmp_path: Path) -> None:
    exports.wisdm("raw.txt", "A")(tmp_path / "r1", motion())
    with pytest.raises(InputError, match=r"r1/raw\.txt: no column 'first'") as error:
        plan_reading(tmp_path / "r1", WANTED[:3], Declared(columns={c.name: "first" for c in WANTED[:3]}))
    assert "converted" not in str(error.value)
