from dataclasses import replace

import numpy as np
import pytest

from feature_extraction.errors import InputError
from feature_extraction.windows.cutting import WindowSettings, cut_windows

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
