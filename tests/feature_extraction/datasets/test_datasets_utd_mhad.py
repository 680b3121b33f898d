import numpy as np
import pytest
from scipy.io import savemat
from tiny_layouts import write_utd_mhad

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError

SPEC = get_dataset("utd-mhad")


def test_trials_become_recordings_with_their_placement(tmp_path):
    recordings = list(SPEC.read(write_utd_mhad(tmp_path, actions=(1, 21, 22, 27))))
    assert len(recordings) == 4 * 2 * 2
    assert (recordings[0].name, recordings[0].subject, recordings[0].label) == ("a1_s1_t1", "1", "swipe left")
    placements = {recording.label: recording.placements["imu"] for recording in recordings}
    assert placements == {
        "swipe left": "right wrist",
        "pickup and throw": "right wrist",
        "jog in place": "right thigh",
        "squat": "right thigh",
    }
    assert [channel.unit for channel in recordings[0].channels] == ["g"] * 3 + ["deg/s"] * 3
    assert recordings[0].rate_hz == 50.0


def test_default_windows_are_one_per_trial_and_fit_95_percent():
    assert SPEC.windowing.one_per_recording and SPEC.windowing.short_recordings == "pad"
    assert SPEC.windowing.window_s == 5.0


def test_wrong_column_count_is_refused(tmp_path):
    path = write_utd_mhad(tmp_path) / "Inertial" / "a1_s1_t1_inertial.mat"
    savemat(path, {"d_iner": np.zeros((100, 3))})
    with pytest.raises(InputError, match=r"a1_s1_t1_inertial.mat: d_iner .* expected numbers in 6 columns"):
        list(SPEC.read(tmp_path))


def test_real_recordings(shared_raw):
    recordings = list(SPEC.read(shared_raw("utd-mhad")))
    assert len(recordings) == 861
    assert {r.subject for r in recordings} == {str(number) for number in range(1, 9)}
    assert {r.label for r in recordings} == set(SPEC.class_list().names)
    durations = np.array([r.duration_s for r in recordings])
    assert (durations <= SPEC.windowing.window_s).mean() == pytest.approx(0.95, abs=0.01)
    start = [np.median(np.linalg.norm(r.samples[:10, :3], axis=1)) for r in recordings]
    assert np.median(start) == pytest.approx(1.0, abs=0.06)  # g, before the movement begins
