from dataclasses import replace

import numpy as np
import pytest
from window_damage import DAMAGES

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import three_axes
from feature_extraction.windows.window_files import WindowWriter, spot_checksum
from feature_extraction.windows.window_set import WindowSet, WindowSettings, cut_windows
from feature_extraction.windows.window_summary import summarize, summary_table

SETTINGS = WindowSettings(rate_hz=10.0, window_s=1.0, overlap=0.5)


def ramp(n_samples, n_columns=2):
    return np.arange(n_samples, dtype=np.float32)[:, None] * np.ones(n_columns, dtype=np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate_hz": 0.0}, "rate_hz: 0.0 cannot be used"),
        ({"window_s": 0.05}, "under 2 samples"),
        ({"overlap": 1.0}, "overlap: 1.0 cannot be used"),
        ({"overlap": -0.1}, "overlap: -0.1 cannot be used"),
        ({"overlap": 0.99}, "overlap: 0.99 cannot be used"),
        ({"quantities": ()}, "choose from acc, gyro, mag"),
        ({"quantities": ("acc", "temperature")}, "choose from acc, gyro, mag"),
        ({"short_recordings": "loop"}, "use drop, pad or stretch"),
    ],
)
def test_settings_refuse_what_cannot_be_cut(change, message):
    with pytest.raises(InputError, match=message):
        replace(SETTINGS, **change)


def test_windows_start_every_step_and_are_whole():
    cut = cut_windows(ramp(27), SETTINGS)
    assert cut.windows.shape == (4, 10, 2)
    assert cut.windows[:, 0, 0].tolist() == [0, 5, 10, 15]
    assert cut.windows[-1, :, 1].tolist() == list(range(15, 25))
    assert cut.start_s.tolist() == [0.0, 0.5, 1.0, 1.5]
    assert cut.unused_s == pytest.approx(0.2)


def test_windows_without_overlap_use_every_sample_once():
    cut = cut_windows(ramp(30), replace(SETTINGS, overlap=0.0))
    assert cut.windows[:, :, 0].ravel().tolist() == list(range(30))
    assert cut.unused_s == 0.0


def test_short_recording_is_dropped_with_a_reason():
    cut = cut_windows(ramp(9), SETTINGS)
    assert (len(cut.windows), cut.dropped, cut.unused_s) == (0, "shorter than a window", 0.9)


def test_short_recording_is_mirrored_at_both_ends():
    cut = cut_windows(ramp(5), replace(SETTINGS, short_recordings="pad"))
    assert cut.windows[0, :, 0].tolist() == [2, 1, 0, 1, 2, 3, 4, 3, 2, 1]
    assert cut.start_s.tolist() == [-0.2]


def test_less_than_a_quarter_of_a_window_is_never_padded():
    settings = replace(SETTINGS, short_recordings="pad")
    assert cut_windows(ramp(2), settings).dropped == "shorter than a quarter of a window"
    assert len(cut_windows(ramp(3), settings).windows) == 1


@pytest.mark.parametrize("n_samples", [4, 7, 15, 23])
def test_stretching_keeps_the_course_of_the_whole_trial(n_samples):
    settings = replace(SETTINGS, short_recordings="stretch", one_per_recording=True)
    cut = cut_windows(ramp(n_samples), settings)
    assert cut.windows.shape == (1, 10, 2)
    expected = np.arange(10) * n_samples / 10
    np.testing.assert_allclose(cut.windows[0, :, 0], expected, atol=0.3)


def test_one_per_recording_keeps_the_middle():
    cut = cut_windows(ramp(31), replace(SETTINGS, one_per_recording=True))
    assert cut.windows[0, :, 0].tolist() == list(range(10, 20))
    assert (cut.start_s.tolist(), cut.unused_s) == ([1.0], 2.1)


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
        windows.save(folder)
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
    with WindowWriter(tmp_path / "w.npy", (4, 2)) as writer:
        for part in parts:
            writer.append(part)
        with pytest.raises(InputError, match="do not fit"):
            writer.append(np.zeros((1, 4, 3)))
    np.testing.assert_array_equal(np.load(tmp_path / "w.npy"), np.concatenate(parts))


def test_checksum_sees_every_block_of_a_small_file(tmp_path):
    path = tmp_path / "file"
    data = bytearray(np.random.default_rng(0).bytes(5000))
    path.write_bytes(data)
    before = spot_checksum(path, block_bytes=100, n_blocks=50)
    for position in (0, 2499, 4999):
        changed = bytearray(data)
        changed[position] ^= 1
        path.write_bytes(changed)
        assert spot_checksum(path, block_bytes=100, n_blocks=50) != before


def test_summary_says_what_is_in_and_what_was_dropped():
    rows = summarize(make_set())
    assert ("windows", "6 of 1 s, 50% overlap, 10 Hz") in rows
    assert ("classes", "2 of 3") in rows
    assert ("hours", "0.50 recorded, 0.40 in windows") in rows
    assert ("dropped", "2 (0.0 min) shorter than a window: r2, r3") in rows
    assert ("  lying", "0") in rows
    assert len(summary_table(make_set()).splitlines()) == len(rows)
