from dataclasses import replace

import numpy as np
import pytest
from window_damage import DAMAGES

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import three_axes
from feature_extraction.storage.files import atomic_path, keep_checksums
from feature_extraction.windows.cutting import WindowSettings
from feature_extraction.windows.window_set import WindowSet, WindowWriter, summary_table

SETTINGS = WindowSettings(rate_hz=10.0, window_s=1.0, overlap=0.5)


def make_set(folder=None, n_windows=6):
    samples = np.random.default_rng(0).normal(size=(n_windows, 10, 3)).astype(np.float32)
    windows = WindowSet(
        samples=samples,
        labels=np.array(["walking", "sitting"] * (n_windows // 2)),
        subjects=np.array(["1"] * n_windows),
        recordings=np.array(["r1"] * n_windows),
        placements=np.array(["wrist"] * n_windows),
        start_s=np.arange(n_windows) * 0.5,
        channels=three_axes("imu", "acc", "m/s2"),
        settings=replace(SETTINGS, quantities=("acc",)),
        dataset="tiny",
        key="0123456789abcdef",
        summary={
            "recordings": 1,
            "subjects": ["1"],
            "windows_per_class": {"walking": 3, "sitting": 3, "lying": 0},
            "hours_read": 0.5,
            "hours_in_no_window": 0.1,
            "dropped": {"shorter than a window": {"recordings": 2, "seconds": 1.5, "examples": ["r2", "r3"]}},
        },
    )
    if folder is not None:
        keep_checksums(folder)
        with atomic_path(folder / "windows.npy") as path:
            np.save(path, samples)
        windows.save_index(folder)
    return windows


def test_saved_windows_come_back_memory_mapped(tmp_path):
    saved = make_set(tmp_path / "set")
    loaded = WindowSet.load(tmp_path / "set")
    assert isinstance(loaded.samples, np.memmap) and not loaded.samples.flags.writeable
    np.testing.assert_array_equal(loaded.samples, saved.samples)
    for name in ("labels", "subjects", "recordings", "placements", "start_s"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(saved, name))
    assert (loaded.settings, loaded.channels, loaded.key) == (saved.settings, saved.channels, saved.key)
    assert loaded.summary == saved.summary
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
        "checksums.json",
        "index.npz",
        "info.json",
        "windows.npy",
    ]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_windows_are_refused_in_one_line(tmp_path, damage):
    make_set(tmp_path / "set")
    damage(tmp_path / "set")
    with pytest.raises(InputError) as caught:
        WindowSet.load(tmp_path / "set")
    assert str(tmp_path) in str(caught.value) or "windows of tiny" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(InputError, match="subjects has 2 entries for 6 windows"):
        replace(make_set(), subjects=np.array(["1", "2"]))


def test_writer_streams_what_numpy_reads(tmp_path):
    parts = [np.random.default_rng(i).normal(size=(i, 4, 2)).astype(np.float32) for i in (3, 0, 150)]
    with WindowWriter(tmp_path / "w.npy") as writer:
        for part in parts:
            writer.append(part)
        with pytest.raises(InputError, match="do not fit"):
            writer.append(np.zeros((1, 4, 3)))
    np.testing.assert_array_equal(np.load(tmp_path / "w.npy"), np.concatenate(parts))


@pytest.mark.parametrize("name", ["windows.npy", "info.json", "index.npz", "checksums.json"])
def test_any_flipped_bit_is_found(tmp_path, name):
    make_set(tmp_path / "set")
    path = tmp_path / "set" / name
    data = path.read_bytes()
    for place in np.random.default_rng(0).integers(8 * len(data), size=40).tolist():
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(InputError):
            WindowSet.load(tmp_path / "set")
    path.write_bytes(data)
    assert len(WindowSet.load(tmp_path / "set")) == 6


def test_windows_without_checksums_are_prepared_again(tmp_path):
    make_set(tmp_path / "set")
    (tmp_path / "set" / "checksums.json").unlink()
    with pytest.raises(InputError, match="damaged or of another version; delete the folder and prepare again"):
        WindowSet.load(tmp_path / "set")


def test_summary_says_what_is_in_and_what_was_dropped():
    rows = [tuple(part.rstrip() for part in line.split("  ", 1)) for line in summary_table(make_set()).splitlines()]
    rows = [(name, value.strip()) for name, value in rows]
    assert ("windows", "6 of 1 s, 50% overlap, 10 Hz") in rows
    assert ("classes", "2 of 3") in rows
    assert ("hours", "0.50 recorded, 0.40 in windows") in rows
    assert ("dropped", "2 (0.0 min) shorter than a window: r2, r3") in rows
    assert summary_table(make_set()).endswith("\n  lying       0")
