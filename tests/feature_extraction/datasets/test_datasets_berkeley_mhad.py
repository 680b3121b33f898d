import numpy as np
import pytest
from tiny_layouts import write_berkeley_mhad

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Skipped

SPEC = get_dataset("berkeley-mhad")
DEVICES = ("left wrist", "right wrist", "left hip", "right hip", "left ankle", "right ankle")


def trial_of(raw, unit):
    """Return one file of a unit."""
    return raw / "Accelerometer" / f"Shimmer{unit:02d}" / f"acc_h{unit:02d}_s01_a01_r01.txt"


def test_six_units_are_one_recording(tmp_path):
    recordings = list(SPEC.read(write_berkeley_mhad(tmp_path, actions=(2, 11))))
    assert [(r.name, r.subject, r.label) for r in recordings[:3]] == [
        ("s01_a02_r01", "1", "jumping jacks"),
        ("s01_a02_r02", "1", "jumping jacks"),
        ("s01_a11_r01", "1", "standing up"),
    ]
    assert len(recordings) == 8
    first = recordings[0]
    assert first.devices == DEVICES and first.placements == {device: device for device in DEVICES}
    assert first.rate_hz == 30.0 and first.duration_s == pytest.approx(6, abs=0.1)
    assert {(channel.quantity, channel.unit) for channel in first.channels} == {("acc", "g")}
    np.testing.assert_allclose(first.samples[:, ::3].mean(axis=0) * 100, [1, 2, 3, 4, 5, 6], atol=1e-3)
    wave, phase = first.samples[3:-3, 2] - 1, 4 * np.pi * np.arange(3, len(first.samples) - 3) / 30
    swings = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    left = wave - swings @ np.linalg.lstsq(swings, wave, rcond=None)[0]
    assert left.std() < 0.05 * wave.std()  # rows that arrive two at a time do not bend the movement


def test_rows_out_of_range_are_left_out(tmp_path):
    path = trial_of(write_berkeley_mhad(tmp_path), 3)
    lines = path.read_text().splitlines()
    lines[40] = "1.18 26.5 -2.0 " + lines[40].split()[-1]
    path.write_text("\n".join(lines) + "\n")
    first = next(SPEC.read(tmp_path))
    assert first.devices == DEVICES
    assert np.abs(first.samples[:, 6:9]).max() < 1.2


def test_a_unit_without_a_file_or_with_a_pause_is_left_out(tmp_path):
    raw = write_berkeley_mhad(tmp_path)
    trial_of(raw, 2).unlink()
    path = trial_of(raw, 4)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:60] + lines[90:]) + "\n")
    first, second, *_ = SPEC.read(tmp_path)
    assert first.devices == ("left wrist", "left hip", "left ankle", "right ankle")
    assert second.devices == DEVICES


def test_rows_that_only_arrive_late_are_no_pause(tmp_path):
    path = trial_of(write_berkeley_mhad(tmp_path), 4)
    table = np.loadtxt(path)
    table[60:90, 3] = table[89, 3] + np.arange(30) * 1e-5
    np.savetxt(path, table, fmt="%.6f")
    first, second, *_ = SPEC.read(tmp_path)
    assert first.devices == DEVICES
    np.testing.assert_allclose(first.samples[:, 11], second.samples[:, 11], atol=0.05)


def test_damaged_file_is_refused_and_a_strange_name_skipped(tmp_path):
    raw = write_berkeley_mhad(tmp_path, subjects=(1,), actions=(1,), repetitions=(1,), units=(1,))
    path = trial_of(raw, 1)
    path.write_text("1 2 3\n")
    with pytest.raises(InputError, match="acc_h01_s01_a01_r01.txt: 3 columns, expected 4"):
        list(SPEC.read(tmp_path))
    path.rename(path.with_name("acc_h01_s01.txt"))
    assert list(SPEC.read(tmp_path)) == [Skipped("s01", "file name is not acc_hHH_sSS_aAA_rRR.txt")]


def test_real_recordings(shared_raw):
    recordings = list(SPEC.read(shared_raw("berkeley-mhad")))
    assert len(recordings) == len({r.name for r in recordings}) == 658
    assert {r.subject for r in recordings} == {str(number) for number in range(1, 13)}
    assert {r.label for r in recordings} == set(SPEC.class_list().names)
    complete = [r for r in recordings if r.channels == SPEC.channels]
    assert len(complete) == 643
    assert {r.devices for r in recordings if len(r.devices) < 6} == {
        tuple(device for device in DEVICES if device != missing) for missing in ("left hip", "right hip")
    }
    # The right hand waves, and throws more than the left one.
    for label, factor in (("waving the right hand", 5), ("throwing a ball", 1.5)):
        moves = np.median([r.samples[:, :6].std(axis=0) for r in complete if r.label == label], axis=0)
        assert np.linalg.norm(moves[3:]) > factor * np.linalg.norm(moves[:3])
    ankles = [np.median(np.linalg.norm(r.samples[:, 12:15], axis=1)) for r in complete if r.label == "boxing"]
    assert np.median(ankles) == pytest.approx(0.87, abs=0.03)  # g, at rest: roughly calibrated
