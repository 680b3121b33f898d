import numpy as np
import pytest
from tiny_layouts import write_wisdm

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Skipped

SPEC = get_dataset("wisdm")


def folder(raw):
    return raw / "wisdm-dataset" / "raw" / "watch"


def test_two_clocks_become_one_and_repeats_count_once(tmp_path):
    recordings = list(SPEC.read(write_wisdm(tmp_path)))
    assert [(r.name, r.subject, r.label) for r in recordings] == [
        ("1600_A_1", "1600", "walking"),
        ("1600_D_1", "1600", "sitting"),
        ("1601_A_1", "1601", "walking"),
        ("1601_D_1", "1601", "sitting"),
    ]
    # Both sensors have round(12 * 20.03) = 240 samples, the gyroscope starts 0.3 s later:
    # together they run (240 - 1) / 20.03 - 0.3 = 11.632 s, 233 samples of a 20 Hz clock.
    assert {r.samples.shape for r in recordings} == {(233, 6)}
    times = 0.3 + np.arange(233) / 20
    np.testing.assert_allclose(recordings[0].samples[:, 2], 9.81 + np.sin(4 * np.pi * times), atol=0.02)
    np.testing.assert_allclose(recordings[0].samples[:, 5], np.cos(4 * np.pi * times), atol=0.02)
    assert [channel.unit for channel in recordings[0].channels] == ["m/s2"] * 3 + ["rad/s"] * 3


def test_pause_splits_a_recording(tmp_path):
    path = folder(write_wisdm(tmp_path, codes=("A",))) / "gyro" / "data_1600_gyro_watch.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:100] + lines[130:240]) + "\n")
    items = list(SPEC.read(tmp_path))
    assert [item.name for item in items[:3]] == ["1600_A_1", "1600_A_2", "1600_A"]
    skipped = items[2]
    assert isinstance(skipped, Skipped) and skipped.reason == "accelerometer without gyroscope"
    assert skipped.duration_s == pytest.approx(31 / 20.03 + 0.3, abs=0.15)


def test_activity_without_gyroscope_is_skipped_and_counted(tmp_path):
    path = folder(write_wisdm(tmp_path, subjects=(1600,))) / "gyro" / "data_1600_gyro_watch.txt"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if ",A," in line) + "\n")
    items = list(SPEC.read(tmp_path))
    assert [(type(item).__name__, item.name) for item in items] == [
        ("Recording", "1600_A_1"),
        ("Skipped", "1600_D"),
    ]


def test_missing_gyroscope_file_is_named(tmp_path):
    (folder(write_wisdm(tmp_path)) / "gyro" / "data_1601_gyro_watch.txt").unlink()
    with pytest.raises(InputError, match="data_1601_gyro_watch.txt: missing, its accelerometer file is there"):
        list(SPEC.read(tmp_path))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1600,A,100,1.0,2.0;", "not lines of subject,code,time,x,y,z"),
        ("1600,A,soon,1.0,2.0,3.0;", "not lines of subject,code,time,x,y,z"),
        ("1600,A,,1.0,2.0,3.0;", "1 lines without a time"),
        ("1699,A,100,1.0,2.0,3.0;", "lines of subject 1699, its name says 1600"),
        ("1600,A,100,1.0,,3.0;", "1 rows are not finite, the first is row 1"),
        ("1600,N,100,1.0,2.0,3.0;", "class code 'N' is not in the class list of wisdm"),
    ],
)
def test_wrong_lines_are_refused(tmp_path, line, message):
    path = folder(write_wisdm(tmp_path)) / "accel" / "data_1600_accel_watch.txt"
    path.write_text(line + "\n" + path.read_text())
    with pytest.raises(InputError, match=message) as caught:
        list(SPEC.read(tmp_path))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_real_recordings(shared_raw):
    files = SPEC.list_files(shared_raw("wisdm"))
    assert len(files) == 24
    recordings = list(SPEC.read_files([path for path in files if "1609" in path.name], SPEC.class_list()))
    assert {r.label for r in recordings} == set(SPEC.class_list().names)
    assert {r.subject for r in recordings} == {"1609"}
    # Subject 1609 has bursts at 100 Hz with pauses of 0.3 s between them; still it is 18 x 3 minutes.
    assert len(recordings) == 18
    assert all(r.duration_s == pytest.approx(179.8, abs=0.5) for r in recordings)
    sitting = next(r for r in recordings if r.label == "sitting")
    assert np.median(np.linalg.norm(sitting.samples[:, :3], axis=1)) == pytest.approx(9.81, rel=0.01)
