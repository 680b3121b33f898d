import logging
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from checkout import ROOT
from full_disk import files_no_longer_than
from scipy.io import savemat
from tiny_layouts import CUSTOM_YAML, write_berkeley_mhad, write_custom, write_usc_had, write_utd_mhad, write_wharf
from window_damage import DAMAGES

from feature_extraction.datasets import DATASETS, get_dataset
from feature_extraction.datasets import prepare as module
from feature_extraction.datasets.check import check, still_gravity
from feature_extraction.datasets.prepare import prepare
from feature_extraction.errors import InputError, WriteError
from feature_extraction.windows.cutting import WindowSettings
from feature_extraction.windows.window_set import summary_table


@pytest.fixture
def raw(tmp_path):
    return write_usc_had(tmp_path / "raw")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "windows"


def kept_files(out):
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


def test_tiny_trials_become_windows_in_si_units(raw, out):
    windows = prepare("usc-had", raw, out=out)
    # 12 trials of 12 s; 5 s windows every 2.5 s start at 0, 2.5 and 5.0 s (7.5 s would be too late)
    assert windows.samples.shape == (36, 250, 6)
    assert windows.samples.dtype == np.float32
    assert windows.start_s[:3].tolist() == [0.0, 2.5, 5.0]
    assert windows.recordings[:4].tolist() == ["s1_a1t1"] * 3 + ["s1_a1t2"]
    assert set(windows.subjects) == {"1", "2"}
    assert set(windows.labels) == {"walking forward", "sitting", "elevator down"}
    assert set(windows.placements) == {"right hip"}
    assert [channel.unit for channel in windows.channels] == ["m/s2"] * 3 + ["rad/s"] * 3
    np.testing.assert_allclose(windows.samples[:, :, 2].mean(axis=1), 9.80665, rtol=1e-3)
    spectrum = np.abs(np.fft.rfft(windows.samples[0, :, 2] - windows.samples[0, :, 2].mean()))
    assert spectrum.argmax() / 5.0 == 2.0
    parts = {f"{windows.key}/{name}" for name in ("checksums.json", "index.npz", "info.json", "windows.npy")}
    assert set(kept_files(out / "usc-had")) == parts | {"content.json"}


def test_windows_never_straddle_recordings(tmp_path, out):
    folder = tmp_path / "USC-HAD" / "Subject1"
    folder.mkdir(parents=True)
    for number in range(1, 4):
        for trial in (1, 2):
            matrix = np.full((1000, 6), 10.0 * number + trial)
            savemat(folder / f"a{number}t{trial}.mat", {"sensor_readings": matrix})
    settings = WindowSettings(rate_hz=50.0, window_s=3.0, overlap=0.5)
    windows = prepare("usc-had", tmp_path, settings, out=out)
    assert np.ptp(windows.samples[:, :, 0], axis=1).max() < 1e-2
    levels = windows.samples[:, 0, 0] / 9.80665
    expected = [10 * int(name[4]) + int(name[6]) for name in windows.recordings]
    np.testing.assert_allclose(levels, expected, rtol=1e-4)


def test_second_call_reads_no_raw_file(raw, out, monkeypatch):
    first = prepare("usc-had", raw, out=out)

    def fail(*_):
        raise AssertionError("raw files were read again")

    monkeypatch.setitem(DATASETS, "usc-had", replace(get_dataset("usc-had"), read_files=fail))
    monkeypatch.setattr(module, "digest_of", fail)
    second = prepare("usc-had", raw, out=out)
    assert second.key == first.key
    np.testing.assert_array_equal(second.samples, first.samples)


def test_key_follows_content_and_settings_not_times(raw, out):
    first = prepare("usc-had", raw, out=out).key
    path = raw / "USC-HAD" / "Subject1" / "a1t1.mat"
    os.utime(path, (1, 1))
    assert prepare("usc-had", raw, out=out).key == first
    assert prepare("usc-had", raw / "USC-HAD", out=out).key == first
    other = WindowSettings(rate_hz=50.0, window_s=4.0, overlap=0.5)
    assert prepare("usc-had", raw, other, out=out).key != first
    savemat(path, {"sensor_readings": np.ones((1200, 6))})
    changed = prepare("usc-had", raw, out=out)
    assert changed.key != first
    np.testing.assert_allclose(changed.samples[0, :, 0], 9.80665, rtol=1e-4)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_cache_is_made_again_with_a_warning(raw, out, damage, caplog):
    whole = prepare("usc-had", raw, out=out)
    expected = np.array(whole.samples)
    folder = out / "usc-had" / whole.key
    damage(folder)
    with caplog.at_level(logging.WARNING):
        again = prepare("usc-had", raw, out=out)
    np.testing.assert_array_equal(again.samples, expected)
    assert "preparing it again" in caplog.text
    assert len(kept_files(out / "usc-had")) == 5


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}'])
def test_damaged_content_memo_is_made_again(raw, out, text):
    first = prepare("usc-had", raw, out=out).key
    (out / "usc-had" / "content.json").write_text(text)
    assert prepare("usc-had", raw, out=out).key == first


def test_a_changed_bit_of_the_content_memo_decides_no_key(raw, out):
    first, memo = prepare("usc-had", raw, out=out).key, out / "usc-had" / "content.json"
    text = memo.read_text()
    for place in range(8 * len(text)):
        changed = bytearray(text.encode())
        changed[place // 8] ^= 1 << place % 8
        memo.write_bytes(changed)
        assert prepare("usc-had", raw, out=out).key == first


def test_a_raw_file_whose_size_and_date_were_put_back_counts_as_new(raw, out):
    first = prepare("usc-had", raw, out=out).key
    path = raw / "USC-HAD" / "Subject1" / "a1t1.mat"
    before, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1  # within the last sample
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert prepare("usc-had", raw, out=out).key != first


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(raw, out):
    with (
        pytest.raises(WriteError, match=r"cannot be written \(File too large\)") as caught,
        files_no_longer_than(50_000),
    ):
        prepare("usc-had", raw, out=out)
    assert str(out / "usc-had") in str(caught.value) and "\n" not in str(caught.value)
    assert kept_files(out) == ["usc-had/content.json"]
    assert len(prepare("usc-had", raw, out=out)) == 36


def test_windows_of_another_key_are_not_taken(raw, out, caplog):
    first = prepare("usc-had", raw, out=out)
    other = prepare("usc-had", raw, WindowSettings(rate_hz=50.0, window_s=4.0, overlap=0.5), out=out)
    home = out / "usc-had"
    (home / other.key).rename(home / "aside")
    (home / first.key).rename(home / other.key)
    again = prepare("usc-had", raw, other.settings, out=out)
    assert again.settings.window_s == 4.0 and again.key == other.key
    assert f"holds windows of key {first.key}" in caplog.text


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_interrupted_preparation_leaves_nothing(raw, out, monkeypatch, error):
    spec = get_dataset("usc-had")

    def stop_midway(files, class_list):
        yield from list(spec.read_files(files[:4], class_list))
        raise error

    monkeypatch.setitem(DATASETS, "usc-had", replace(spec, read_files=stop_midway))
    with pytest.raises(error):
        prepare("usc-had", raw, out=out)
    assert kept_files(out) == ["usc-had/content.json"]
    assert [path.name for path in (out / "usc-had").iterdir()] == ["content.json"]


def test_failed_force_keeps_the_old_windows(raw, out, monkeypatch):
    old = prepare("usc-had", raw, out=out)
    spec = get_dataset("usc-had")

    def fail(files, class_list):
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patch:
        patch.setitem(DATASETS, "usc-had", replace(spec, read_files=fail))
        with pytest.raises(KeyboardInterrupt):
            prepare("usc-had", raw, out=out, force=True)
    again = prepare("usc-had", raw, out=out)
    np.testing.assert_array_equal(again.samples, old.samples)


def test_force_reads_again(raw, out):
    first = prepare("usc-had", raw, out=out)
    stamp = (out / "usc-had" / first.key / "windows.npy").stat().st_mtime_ns
    time.sleep(0.01)
    prepare("usc-had", raw, out=out, force=True)
    assert (out / "usc-had" / first.key / "windows.npy").stat().st_mtime_ns > stamp


def test_abandoned_temporary_folder_is_swept_away(raw, out):
    for name, age_s in ((".preparing-old", 48 * 3600), (".preparing-new", 60)):
        (out / "usc-had" / name).mkdir(parents=True)
        os.utime(out / "usc-had" / name, (time.time() - age_s,) * 2)
    prepare("usc-had", raw, out=out)
    assert not (out / "usc-had" / ".preparing-old").exists()
    assert (out / "usc-had" / ".preparing-new").exists()


def test_short_trials_are_padded_to_one_window_each(tmp_path, out):
    windows = prepare("utd-mhad", write_utd_mhad(tmp_path), out=out)
    assert windows.samples.shape == (8, 250, 6)
    assert set(zip(windows.labels, windows.placements, strict=True)) == {
        ("swipe left", "right wrist"),
        ("jog in place", "right thigh"),
    }
    # 150 samples: 50 mirrored in front, so that index 50 is the first and 49 equals 51
    np.testing.assert_array_equal(windows.samples[:, 49], windows.samples[:, 51])
    np.testing.assert_array_equal(windows.samples[:, 0], windows.samples[:, 100])
    assert windows.start_s.tolist() == [-1.0] * 8


def test_accelerometer_only_set_has_three_channels(tmp_path, out):
    windows = prepare("wharf", write_wharf(tmp_path), out=out)
    assert windows.samples.shape == (12, 128, 3)
    np.testing.assert_allclose(windows.samples[0, 0, 0], 1.5 * 9.80665, rtol=1e-5)
    with pytest.raises(InputError, match="no gyro channels; choose quantities from acc"):
        prepare("wharf", tmp_path, replace(windows.settings, quantities=("acc", "gyro")), out=out)


def test_what_was_dropped_is_counted_with_its_reason(tmp_path, out):
    raw = write_usc_had(tmp_path)
    savemat(raw / "USC-HAD" / "Subject1" / "a9t1.mat", {"sensor_readings": np.ones((300, 6))})
    savemat(raw / "USC-HAD" / "Subject1" / "a1t1_copy.mat", {"sensor_readings": np.ones((300, 6))})
    windows = prepare("usc-had", raw, out=out)
    assert windows.summary["dropped"] == {
        "file name is not aXtY.mat": {"recordings": 1, "seconds": 0.0, "examples": ["Subject1/a1t1_copy.mat"]},
        "shorter than a window": {"recordings": 1, "seconds": 3.0, "examples": ["s1_a9t1"]},
    }
    assert windows.summary["windows_per_class"]["walking forward"] == 12
    assert windows.summary["windows_per_class"]["standing"] == 0
    table = summary_table(windows)
    assert "1 (0.1 min) shorter than a window: s1_a9t1" in table
    assert "36 of 5 s, 50% overlap, 50 Hz" in table


def test_class_with_one_window_is_refused(tmp_path, out):
    raw = write_usc_had(tmp_path)
    savemat(raw / "USC-HAD" / "Subject1" / "a9t1.mat", {"sensor_readings": np.ones((600, 6))})
    with pytest.raises(InputError, match="usc-had: class 'standing' has one window only.*shorter window_s"):
        prepare("usc-had", raw, out=out)
    assert kept_files(out) == ["usc-had/content.json"]


def test_recordings_without_a_device_are_left_out_and_counted(tmp_path, out):
    raw = write_berkeley_mhad(tmp_path, subjects=(1, 2, 3))
    units = raw / "Accelerometer"
    for unit in (2, 5):
        (units / f"Shimmer{unit:02d}" / f"acc_h{unit:02d}_s01_a01_r01.txt").unlink()
    for repetition in (1, 2):
        (units / "Shimmer01" / f"acc_h01_s03_a06_r{repetition:02d}.txt").unlink()
    windows = prepare("berkeley-mhad", raw, out=out)
    dropped = {reason: (entry["recordings"], entry["examples"]) for reason, entry in windows.summary["dropped"].items()}
    assert dropped == {
        "without right wrist, left ankle": (1, ["s01_a01_r01"]),
        "without left wrist": (2, ["s03_a06_r01", "s03_a06_r02"]),
    }
    assert windows.summary["recordings"] == 12 - 3
    assert windows.samples.shape == (9, 150, 18)


def test_no_window_at_all_is_refused(raw, out):
    with pytest.raises(InputError, match="no windows .12 shorter than a window.; use a shorter window_s"):
        prepare("usc-had", raw, WindowSettings(rate_hz=50.0, window_s=60.0), out=out)


def test_unknown_data_set_lists_the_known_ones(out):
    with pytest.raises(InputError, match="'usc' is unknown; choose from berkeley-mhad, dsads, hapt, sp-sw-har"):
        prepare("usc", out=out)


def test_missing_raw_folder_names_folder_layout_and_homepage(out, tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder"):
        prepare("usc-had", tmp_path / "nowhere", out=out)
    assert not out.exists()


def test_own_data_set_gives_windows(tmp_path, out):
    path = write_custom(tmp_path)
    windows = prepare(str(path), out=out)
    assert windows.dataset == "kitchen"
    # 750 and 600 rows at 50 Hz: 15 s and 12 s, 5 s windows every 2.5 s: 5 and 3 per person
    counts = windows.summary["windows_per_class"]
    assert counts == {"stirring": 10, "chopping": 6}
    assert windows.summary["dropped"]["label 'none' is ignored"]["recordings"] == 2
    np.testing.assert_allclose(windows.samples[:, :, 2].mean(axis=1), 9.80665, rtol=1e-3)
    path.write_text(CUSTOM_YAML.replace("slow round", "very slow"))
    assert prepare(str(path), out=out).key == windows.key  # a description does not touch the windows
    path.write_text(CUSTOM_YAML + "max_gap_s: 0.1\n")
    assert prepare(str(path), out=out).key != windows.key
    path.write_text(CUSTOM_YAML.replace("acc: g", "acc: m/s2"))
    with pytest.raises(InputError, match="said to be in m/s2, but measures .* the values look like g; convert"):
        prepare(str(path), out=out)


def test_check_writes_nothing_and_finds_plausible_units(raw, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    findings = check("usc-had", raw)
    assert sorted(tmp_path.rglob("*")) == before
    assert findings[0] == "ok: usc-had: 12 recordings, 2 subjects, 3 classes, 0.04 hours, all values finite"
    assert any("no recordings of walking left" in line for line in findings)


def test_check_notices_a_wrong_unit(tmp_path):
    yaml = CUSTOM_YAML.replace("acc: g", "acc: m/s2")
    findings = check(str(write_custom(tmp_path, yaml)))
    assert any(line.startswith("error: 4 of 4 recordings") and "look like g" in line for line in findings)
    yaml = CUSTOM_YAML.replace("acc: g", "acc: mg")
    assert any(line.startswith("warning: wrist: 0.01 m/s2") for line in check(str(write_custom(tmp_path, yaml))))


def test_check_notices_the_wrong_unit_of_one_person(tmp_path):
    path = write_custom(tmp_path)
    assert not [line for line in check(str(path)) if line.startswith("error")]
    first = tmp_path / "recordings" / "kitchen_p1.csv"
    names, *rows = first.read_text().splitlines()
    cells = [row.split(",") for row in rows]
    in_mps2 = [",".join([t, *(f"{9.81 * float(v):.4f}" for v in values), label]) for t, *values, label in cells]
    first.write_text("\n".join([names, *in_mps2]) + "\n")
    errors = [line for line in check(str(path)) if line.startswith("error")]
    assert len(errors) == 1 and "2 of 4 recordings (kitchen_p1.csv#1, kitchen_p1.csv#2)" in errors[0]
    assert "look like m/s2" in errors[0]


def test_check_says_what_makes_training_impossible(tmp_path):
    path = write_custom(tmp_path, CUSTOM_YAML.replace("ignore_labels: [none]", "ignore_labels: [none, stirring, C]"))
    assert check(str(path))[0].startswith("error: kitchen: no recordings (")
    path.write_text(CUSTOM_YAML + "windowing: {window_s: 100}\n")
    assert any(line.startswith("error: every recording is shorter than a window of 100 s") for line in check(str(path)))
    path.write_text(CUSTOM_YAML + "windowing: {window_s: 13}\n")
    assert "error: fewer than two classes have windows; nothing can be told apart" in check(str(path))


def test_check_notices_uneven_classes_and_lone_subjects(tmp_path):
    raw = write_usc_had(tmp_path, activities=(8,), seconds=40.0)
    savemat(raw / "USC-HAD" / "Subject1" / "a9t1.mat", {"sensor_readings": np.ones((600, 6))})
    findings = "\n".join(check("usc-had", raw))
    assert "classes are uneven: sitting has 2.7 min, standing 0.1 min" in findings
    assert "recorded by one subject only: standing" in findings
    assert "1 of 2 subjects lack some classes: 2" in findings
    assert "a channel never changes in " in findings
    assert "(s1_a9t1): acc (imu.acc_x, imu.acc_y, imu.acc_z) never changes" in findings


def test_gravity_is_measured_where_the_sensor_is_still():
    rate_hz = 50
    still = np.tile([0.0, 9.81, 0.0], (100, 1))
    moving = still + 5 * np.sin(2 * np.pi * 2 * np.arange(100) / rate_hz)[:, None]
    lengths = still_gravity(np.concatenate([still, moving, still]), rate_hz)
    np.testing.assert_allclose(lengths, [9.81] * 4, rtol=1e-6)


def test_a_warm_start_needs_no_torch(raw, out):
    prepare("usc-had", raw, out=out)
    code = (
        "import sys; from pathlib import Path; from feature_extraction.datasets.prepare import prepare; "
        f"windows = prepare('usc-had', Path({str(raw)!r}), out=Path({str(out)!r})); "
        "assert len(windows) == 36; "
        "slow = {'torch', 'scipy', 'seglearn', 'sklearn', 'pandas', 'pyarrow', 'tqdm'} & set(sys.modules); "
        "assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_real_usc_had(shared_raw, out):
    raw = shared_raw("usc-had")
    windows = prepare("usc-had", raw, out=out)
    assert windows.samples.shape == (10139, 250, 6)


def test_real_dsads_windows_are_the_segments_without_their_zeros(shared_raw, out):
    windows = prepare("dsads", shared_raw("dsads", 1, 2), out=out)
    assert windows.samples.shape == (19 * 2 * 60, 125, 30)
    assert set(windows.summary["windows_per_class"].values()) == {120}
    assert not (windows.samples == 0).all(axis=2).any()
    assert set(windows.placements) == {""}
