"""Windows of single devices: one rate, SI units, places of the body, and the cache."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from tiny_layouts import write_dsads, write_usc_had, write_wharf

from feature_extraction.datasets import DATASETS, get_dataset
from feature_extraction.datasets import device_windows as module
from feature_extraction.datasets.device_windows import FILE, SETTINGS, DeviceWindows, device_windows, load_devices
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel, Recording, three_axes
from feature_extraction.recordings.signal import GRAVITY_MPS2
from feature_extraction.storage.files import read_npz, write_npz

FOUR_DEVICES = (
    *three_axes("left wrist", "acc", "g"),
    *three_axes("left wrist", "gyro", "deg/s"),
    *three_axes("shoe", "acc", "m/s2"),
    *three_axes("hip", "gyro", "rad/s"),
    *three_axes("thing", "acc", "m/s2"),
    Channel("shoe", "mag", "x", "uT"),
)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_usc_had(tmp_path / "raw")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "windows"


def reading(monkeypatch: pytest.MonkeyPatch, *recordings: Recording) -> None:
    """Let `usc-had` read these recordings, whatever its files hold."""
    spec = get_dataset("usc-had")
    monkeypatch.setitem(DATASETS, "usc-had", replace(spec, read_files=lambda *_: iter(recordings)))


def recording(channels: tuple[Channel, ...], placements: dict[str, str], rate_hz: float = 50.0) -> Recording:
    """Return ten seconds in which every device feels gravity along z and a sine of 2 Hz, and every axis its number."""
    times = np.arange(round(10 * rate_hz)) / rate_hz
    samples = np.zeros((len(times), len(channels)))
    for k, channel in enumerate(channels):
        unit = {"g": 1 / GRAVITY_MPS2, "deg/s": 180 / np.pi}.get(channel.unit, 1.0)
        samples[:, k] = unit * (np.sin(4 * np.pi * times) + (GRAVITY_MPS2 if channel.axis == "z" else 0.0))
    return Recording(samples, channels, rate_hz, "usc-had", "r1", "7", "sitting", placements)


def cache_file(out: Path) -> Path:
    (path,) = out.rglob(FILE)
    return path


def test_windows_at_one_rate_in_si_units(raw: Path, out: Path) -> None:
    """12 trials of 12 s at 100 Hz, in g: windows of 5 s start at 0, 2.5 and 5 s (7.5 s would be too late)."""
    found = device_windows("usc-had", raw, out)
    assert found.samples.shape == (36, 100, 6) and found.samples.dtype == np.float32
    assert SETTINGS.rate_hz == 20.0
    assert found.start_s[:4].tolist() == [0.0, 2.5, 5.0, 0.0]
    assert found.samples[..., 2].mean(1) == pytest.approx(np.full(36, GRAVITY_MPS2), rel=1e-3)
    spectrum = np.abs(np.fft.rfft(found.samples[0, :, 2] - found.samples[0, :, 2].mean()))
    assert spectrum.argmax() / SETTINGS.window_s == 2.0
    assert set(found.placements) == {"hip"} and found.has_gyro.all()
    assert set(found.datasets) == {"usc-had"} and set(found.labels) == {"walking forward", "sitting", "elevator down"}
    assert set(found.subjects) == {"usc-had/1", "usc-had/2"}
    assert found.recordings[0] == "usc-had/s1_a1t1"


def test_every_device_with_an_accelerometer_gives_windows(
    raw: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading(monkeypatch, recording(FOUR_DEVICES, {"thing": "right thigh", "shoe": ""}))
    found = device_windows("usc-had", raw, out)
    devices = list(dict.fromkeys(found.devices.tolist()))
    assert devices == ["left wrist", "shoe", "thing"]  # the hip has a gyroscope alone
    places = dict(zip(found.devices.tolist(), found.placements.tolist(), strict=True))
    assert places == {"left wrist": "wrist", "shoe": "ankle", "thing": "thigh"}
    gyros = dict(zip(found.devices.tolist(), found.has_gyro.tolist(), strict=True))
    assert gyros == {"left wrist": True, "shoe": False, "thing": False}
    assert len(found) == 3 * 3
    moments = {device: found.start_s[found.devices == device].tolist() for device in devices}
    assert moments == {device: [0.0, 2.5, 5.0] for device in devices}
    middle = found.samples[:, 20:80]
    for rows, columns in ((found.devices != "", slice(3)), (found.has_gyro, slice(3, 6))):
        mean = middle[rows][..., columns].mean(axis=(0, 1))
        assert mean == pytest.approx([0, 0, GRAVITY_MPS2], abs=0.02)
    assert not found.samples[~found.has_gyro][..., 3:].any()


def test_a_place_that_is_none_of_the_seven_is_left_empty(raw: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading(monkeypatch, recording(three_axes("thing", "acc", "g"), {"thing": "table"}))
    assert set(device_windows("usc-had", raw, out).placements) == {""}


def test_arms_of_dsads_are_wrists_and_legs_are_thighs(tmp_path: Path, out: Path) -> None:
    """What its authors call arm and leg; in everyday words an arm is an upper arm."""
    found = device_windows("dsads", write_dsads(tmp_path / "raw"), out)
    places = dict(zip(found.devices.tolist(), found.placements.tolist(), strict=True))
    assert places == {
        "torso": "trunk",
        "right arm": "wrist",
        "left arm": "wrist",
        "right leg": "thigh",
        "left leg": "thigh",
    }


def test_without_any_accelerometer_it_is_refused(raw: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading(monkeypatch, recording(three_axes("hip", "gyro", "rad/s"), {}))
    with pytest.raises(InputError, match="usc-had: no recording has an accelerometer"):
        device_windows("usc-had", raw, out)
    assert not list(out.rglob("*.npz"))


def test_the_cache_is_found_again(raw: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = device_windows("usc-had", raw, out)

    def fail(*_: object) -> None:
        raise AssertionError("raw files were read again")

    monkeypatch.setitem(DATASETS, "usc-had", replace(get_dataset("usc-had"), read_files=fail))
    again = device_windows("usc-had", raw, out)
    for entry in fields(DeviceWindows):
        np.testing.assert_array_equal(getattr(again, entry.name), getattr(first, entry.name))


def test_a_changed_file_is_read_anew(raw: Path, out: Path) -> None:
    first = device_windows("usc-had", raw, out)
    path = raw / "USC-HAD" / "Subject1" / "a1t1.mat"
    savemat(path, {"sensor_readings": np.ones((1200, 6)), "activity_number": "1", "subject": "1"})
    again = device_windows("usc-had", raw, out)
    assert again.samples[0, :, 0] == pytest.approx(np.full(100, GRAVITY_MPS2), rel=1e-3)
    np.testing.assert_array_equal(again.samples[3:], first.samples[3:])
    assert len(list(out.rglob(FILE))) == 2


@pytest.mark.parametrize("name", ["METHOD", "SETTINGS"])
def test_another_method_is_no_hit(name: str, raw: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device_windows("usc-had", raw, out)
    monkeypatch.setattr(module, name, {"METHOD": 99, "SETTINGS": replace(SETTINGS, overlap=0.0)}[name])
    found = device_windows("usc-had", raw, out)
    assert len(found) == {"METHOD": 36, "SETTINGS": 24}[name]
    assert len(list(out.rglob(FILE))) == 2


def test_a_damaged_cache_is_made_again(raw: Path, out: Path) -> None:
    first = device_windows("usc-had", raw, out)
    path = cache_file(out)
    before = path.read_bytes()
    path.write_bytes(before[:1000])
    np.testing.assert_array_equal(device_windows("usc-had", raw, out).samples, first.samples)
    assert path.read_bytes() == before


DAMAGES = {
    "lacks one": lambda arrays: {name: value for name, value in arrays.items() if name != "labels"},
    "has another": lambda arrays: {**arrays, "labels": arrays["labels"][:-1]},
    "other windows": lambda arrays: {**arrays, "samples": arrays["samples"][..., :3]},
    "other numbers": lambda arrays: {**arrays, "has_gyro": arrays["start_s"]},
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_cache_that_does_not_hold_windows_is_made_again(name: str, raw: Path, out: Path) -> None:
    device_windows("usc-had", raw, out)
    path = cache_file(out)
    before = path.read_bytes()
    write_npz(path, DAMAGES[name](read_npz(path)))
    device_windows("usc-had", raw, out)
    assert path.read_bytes() == before


def test_a_cache_with_more_than_it_needs_is_read(raw: Path, out: Path) -> None:
    device_windows("usc-had", raw, out)
    path = cache_file(out)
    write_npz(path, {**read_npz(path), "later": np.zeros(3)})
    assert len(device_windows("usc-had", raw, out)) == 36


def test_data_sets_stand_one_behind_the_other(tmp_path: Path, out: Path) -> None:
    write_usc_had(tmp_path / "usc-had")
    write_wharf(tmp_path / "wharf")
    found = load_devices(["wharf", "usc-had"], tmp_path, out)
    assert list(dict.fromkeys(found.datasets.tolist())) == ["wharf", "usc-had"]
    assert set(found.has_gyro[found.datasets == "wharf"].tolist()) == {False}
    one = found.take(np.flatnonzero(found.datasets == "usc-had"))
    np.testing.assert_array_equal(one.samples, device_windows("usc-had", tmp_path / "usc-had", out).samples)
