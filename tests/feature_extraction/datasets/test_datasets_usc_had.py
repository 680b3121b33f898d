import logging

import numpy as np
import pytest
from scipy.io import savemat
from tiny_layouts import write_usc_had

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError
from feature_extraction.recordings.signal import to_si

SPEC = get_dataset("usc-had")


def test_tiny_trials_become_recordings(tmp_path):
    recordings = list(SPEC.read(write_usc_had(tmp_path)))
    assert len(recordings) == 2 * 3 * 2
    first = recordings[0]
    assert (first.name, first.subject, first.label) == ("s1_a1t1", "1", "walking forward")
    assert dict(first.placements) == {"imu": "right hip"}
    assert (first.rate_hz, first.samples.shape) == (100.0, (1200, 6))
    assert [channel.unit for channel in first.channels] == ["g"] * 3 + ["deg/s"] * 3
    assert {recording.label for recording in recordings} == {"walking forward", "sitting", "elevator down"}
    converted = to_si(first)
    assert converted.samples[:, 2].mean() == pytest.approx(9.80665, rel=1e-4)
    assert converted.samples[:, 3].max() == pytest.approx(0.1 * np.pi / 180, rel=1e-2)


def test_the_folder_itself_may_be_named(tmp_path):
    raw = write_usc_had(tmp_path)
    assert SPEC.list_files(raw) == SPEC.list_files(raw / "USC-HAD")


def test_files_come_in_natural_order(tmp_path):
    raw = write_usc_had(tmp_path, subjects=(2, 10), activities=(2, 11), trials=(1,))
    names = [f"{path.parent.name}/{path.stem}" for path in SPEC.list_files(raw)]
    assert names == ["Subject2/a2t1", "Subject2/a11t1", "Subject10/a2t1", "Subject10/a11t1"]


def test_file_name_counts_where_the_file_says_otherwise(tmp_path, caplog):
    raw = write_usc_had(tmp_path, subjects=(14,), activities=(3,))
    with caplog.at_level(logging.WARNING):
        labels = {recording.name: recording.label for recording in SPEC.read(raw)}
    assert labels == {"s14_a3t1": "walking right", "s14_a3t2": "walking right"}
    assert "a3t2.mat says activity 2 inside; the file name counts" in caplog.text


def write_bad(path, **content):
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"readings": np.zeros((5, 6))}, "no variable 'sensor_readings' in it .it holds readings.; fetch"),
        ({"sensor_readings": np.zeros((5, 5))}, r"shape \(5, 5\); expected numbers in 6 columns"),
        ({"sensor_readings": np.full((5, 6), np.nan)}, "5 rows are not finite, the first is row 1"),
    ],
)
def test_wrong_content_is_refused(tmp_path, content, message):
    path = tmp_path / "Subject1" / "a1t1.mat"
    write_bad(path, **content)
    with pytest.raises(InputError, match=message) as caught:
        list(SPEC.read(tmp_path))
    assert str(path) in str(caught.value)


def test_damaged_file_is_refused_in_one_line(tmp_path):
    path = write_usc_had(tmp_path) / "USC-HAD" / "Subject1" / "a1t1.mat"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="a1t1.mat: not readable as a MATLAB file") as caught:
        list(SPEC.read(tmp_path))
    assert "\n" not in str(caught.value)


def test_unknown_activity_is_refused(tmp_path):
    write_bad(tmp_path / "Subject1" / "a13t1.mat", sensor_readings=np.ones((9, 6)))
    with pytest.raises(InputError, match="a13t1.mat: class code '13' is not in the class list of usc-had"):
        list(SPEC.read(tmp_path))


def test_missing_raw_files_say_where_to_get_them(tmp_path):
    with pytest.raises(InputError, match=r"no such folder.*USC-HAD/SubjectN/aXtY.mat.*get it from https"):
        list(SPEC.read(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"no files like Subject\*/a\*t\*.mat in it"):
        list(SPEC.read(tmp_path))


def test_real_recordings(shared_raw):
    recordings = list(SPEC.read(shared_raw("usc-had")))
    assert len(recordings) == 14 * 12 * 5
    assert {recording.subject for recording in recordings} == {str(number) for number in range(1, 15)}
    by_name = {recording.name: recording for recording in recordings}
    assert len(by_name) == len(recordings)
    assert by_name["s14_a3t2"].label == "walking right"
    assert sum(recording.duration_s for recording in recordings) / 3600 == pytest.approx(7.81, abs=0.01)
    standing = [to_si(recording) for recording in recordings if recording.label == "standing"]
    lengths = [np.median(np.linalg.norm(recording.samples[:, :3], axis=1)) for recording in standing]
    assert np.median(lengths) == pytest.approx(9.80665, rel=0.02)
