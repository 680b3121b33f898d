import numpy as np
import pytest
from tiny_layouts import write_dsads, write_segment

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Skipped

SPEC = get_dataset("dsads")


def test_segments_of_one_subject_and_activity_are_one_recording_in_order(tmp_path):
    recordings = list(SPEC.read(write_dsads(tmp_path, n_segments=11)))
    assert [(r.subject, r.label) for r in recordings] == [
        ("1", "sitting"),
        ("2", "sitting"),
        ("1", "walking in a parking lot"),
        ("2", "walking in a parking lot"),
    ]
    for recording in recordings:
        assert recording.samples.shape == (11 * 125, 45)
        np.testing.assert_array_equal(recording.samples[:, 0], np.arange(11 * 125))
        assert recording.rate_hz == 25.0


def test_channels_go_by_unit_then_sensor_then_axis(tmp_path):
    recording = next(iter(SPEC.read(write_dsads(tmp_path))))
    names = [channel.name for channel in recording.channels]
    assert names[:9] == [f"torso.{sensor}_{axis}" for sensor in ("acc", "gyro", "mag") for axis in "xyz"]
    assert names[9] == "right arm.acc_x" and names[44] == "left leg.mag_z"
    assert [channel.unit for channel in recording.channels[:9:3]] == ["m/s2", "rad/s", "normalised"]
    assert dict(recording.placements)["left arm"] == "left arm"


def test_missing_segment_splits_the_recording(tmp_path):
    raw = write_dsads(tmp_path, activities=(1,), subjects=(1,), n_segments=5)
    (raw / "data" / "a01" / "p1" / "s03.txt").unlink()
    recordings = list(SPEC.read(raw))
    assert [r.name for r in recordings] == ["a01_p1_s01-02", "a01_p1_s04-05"]
    assert recordings[1].samples[0, 0] == 3 * 125


def test_zeros_at_the_end_of_a_segment_are_cut_off(tmp_path):
    raw = write_dsads(tmp_path, activities=(5,), subjects=(1,), n_segments=4)
    values = np.full((125, 45), 0.5)
    values[100:] = 0
    write_segment(raw / "data" / "a05" / "p1" / "s02.txt", values)
    items = list(SPEC.read(raw))
    assert [(type(item).__name__, item.name, item.duration_s) for item in items] == [
        ("Recording", "a05_p1_s01-01", 5.0),
        ("Skipped", "a05_p1_s02-02", 1.0),
        ("Recording", "a05_p1_s02-02", 4.0),
        ("Recording", "a05_p1_s03-04", 10.0),
    ]
    assert all((item.samples != 0).any(axis=1).all() for item in items if not isinstance(item, Skipped))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((125, 44)), "44 columns, expected 45"),
        (np.ones((124, 45)), "124 rows, expected 125"),
        (np.full((125, 45), np.nan), "125 rows are not finite"),
    ],
)
def test_wrong_segments_are_refused(tmp_path, values, message):
    path = write_dsads(tmp_path) / "data" / "a01" / "p2" / "s02.txt"
    write_segment(path, values)
    with pytest.raises(InputError, match=message) as caught:
        list(SPEC.read(tmp_path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "hello\n", "1,2,3\n1,2\n"])
def test_segments_of_something_else_are_refused(tmp_path, text):
    path = write_dsads(tmp_path) / "data" / "a01" / "p1" / "s01.txt"
    path.write_text(text)
    with pytest.raises(InputError, match="s01.txt: ") as caught:
        list(SPEC.read(tmp_path))
    assert "\n" not in str(caught.value)


def test_real_recordings(shared_raw):
    raw = shared_raw("dsads", 1, 2)
    files = [path for path in SPEC.list_files(raw) if path.parent.parent.name in ("a01", "a02", "a05")]
    items = list(SPEC.read_files(files, SPEC.class_list()))
    recordings = [item for item in items if not isinstance(item, Skipped)]
    whole = [r for r in recordings if r.duration_s == 300]
    assert {(r.label, r.subject) for r in whole} == {
        ("sitting", "1"),
        ("sitting", "2"),
        ("standing", "1"),
        ("standing", "2"),
        ("ascending stairs", "2"),
    }
    cut = [r for r in recordings if r.duration_s != 300]  # subject 1 on the stairs: 60 segments of 4 s
    assert [(r.label, r.subject, r.duration_s) for r in cut] == [("ascending stairs", "1", 4.0)] * 60
    for first in range(0, 45, 9):
        lengths = [np.median(np.linalg.norm(r.samples[:, first : first + 3], axis=1)) for r in whole[:4]]
        assert np.median(lengths) == pytest.approx(9.81, rel=0.01)
