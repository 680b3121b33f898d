import numpy as np
import pytest
from tiny_layouts import write_wharf

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.readers.wharf import codes_to_g
from feature_extraction.errors import InputError

SPEC = get_dataset("wharf")


def test_codes_span_three_g():
    np.testing.assert_allclose(codes_to_g(np.array([0, 63, 31.5, 42])), [-1.5, 1.5, 0.0, 0.5])


def test_trials_become_recordings_and_models_do_not(tmp_path):
    recordings = list(SPEC.read(write_wharf(tmp_path)))
    assert [(r.label, r.subject) for r in recordings] == [
        ("drinking from a glass", "f1"),
        ("drinking from a glass", "m2"),
        ("walking", "f1"),
        ("walking", "m2"),
    ]
    first = recordings[0]
    assert first.name == "2012-05-25-18-35-00-drink_glass-f1"
    assert (first.rate_hz, first.samples.shape, first.channels[0].unit) == (32.0, (288, 3), "g")
    np.testing.assert_allclose(first.samples[0], [1.5, -1.5, 52 / 63 * 3 - 1.5], rtol=1e-6)


def test_code_outside_six_bits_is_refused(tmp_path):
    path = write_wharf(tmp_path) / "WHARF Data Set" / "Data" / "Walk"
    path = next(path.glob("*f1.txt"))
    path.write_text("31 53 32\n31 64 32\n")
    with pytest.raises(InputError, match=r"row 2 is \[31.0, 64.0, 32.0\], codes run 0 to 63"):
        list(SPEC.read(tmp_path))


def test_unknown_folder_is_refused(tmp_path):
    write_wharf(tmp_path, activities=("Walk", "Fly"))
    with pytest.raises(InputError, match="class code 'Fly' is not in the class list of wharf"):
        list(SPEC.read(tmp_path))


def test_real_recordings(shared_raw):
    recordings = list(SPEC.read(shared_raw("wharf")))
    assert len(recordings) == len({r.name for r in recordings}) == 892
    assert len({r.subject for r in recordings}) == 17
    assert {r.label for r in recordings} == set(SPEC.class_list().names)
    assert all(np.abs(r.samples).max() <= 1.5 for r in recordings)
    walking = np.concatenate([r.samples for r in recordings if r.label == "walking"])
    assert np.linalg.norm(walking.mean(axis=0)) == pytest.approx(1.0, abs=0.15)  # g
