import numpy as np
import pytest
from tiny_layouts import write_hapt

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError

SPEC = get_dataset("hapt")


def test_labelled_stretches_are_recordings(tmp_path):
    recordings = list(SPEC.read(write_hapt(tmp_path)))
    assert [(r.subject, r.label) for r in recordings] == [
        ("1", "standing"),
        ("1", "walking"),
        ("1", "stand to sit"),
        ("3", "standing"),
        ("3", "walking"),
        ("3", "stand to sit"),
    ]
    first = recordings[0]
    assert (first.name, first.rate_hz, first.samples.shape) == ("exp01_11", 50.0, (250, 6))
    np.testing.assert_allclose(first.samples[[0, -1], 0] * 1000, [11, 260], rtol=1e-5)
    assert [channel.unit for channel in first.channels] == ["g"] * 3 + ["rad/s"] * 3


def test_any_of_the_usual_folders_may_be_named(tmp_path):
    raw = write_hapt(tmp_path / "hapt")
    assert len(SPEC.list_files(tmp_path)) == len(SPEC.list_files(raw)) == len(SPEC.list_files(raw / "RawData")) == 5


@pytest.mark.parametrize("stretch", [(5, 0, 10), (5, 700, 801), (5, 20, 10)])
def test_stretch_outside_its_files_is_refused(tmp_path, stretch):
    write_hapt(tmp_path, stretches=(stretch,))
    with pytest.raises(InputError, match=rf"experiment 1, samples {stretch[1]} to {stretch[2]}, but .* 800 rows"):
        list(SPEC.read(tmp_path))


def test_missing_gyroscope_file_is_named(tmp_path):
    path = write_hapt(tmp_path) / "RawData" / "gyro_exp02_user03.txt"
    path.unlink()
    with pytest.raises(InputError, match="gyro_exp02_user03.txt: missing, but labels.txt names it"):
        list(SPEC.read(tmp_path))


def test_files_of_different_length_are_refused(tmp_path):
    np.savetxt(write_hapt(tmp_path) / "RawData" / "gyro_exp01_user01.txt", np.zeros((799, 3)))
    with pytest.raises(InputError, match="acc_exp01_user01.txt: 800 rows, its gyroscope file 799"):
        list(SPEC.read(tmp_path))


def test_unknown_class_is_refused(tmp_path):
    write_hapt(tmp_path, stretches=((13, 1, 100),))
    with pytest.raises(InputError, match="class code '13' is not in the class list of hapt"):
        list(SPEC.read(tmp_path))


def test_real_recordings(shared_raw):
    recordings = list(SPEC.read(shared_raw("hapt")))
    assert len(recordings) == 1214
    assert len({r.name for r in recordings}) == 1214
    assert {r.subject for r in recordings} == {str(number) for number in range(1, 31)}
    assert {r.label for r in recordings} == set(SPEC.class_list().names)
    assert recordings[0].label == "standing" and len(recordings[0].samples) == 1232 - 250 + 1
    lying = [np.median(np.linalg.norm(r.samples[:, :3], axis=1)) for r in recordings if r.label == "lying"]
    assert np.median(lying) == pytest.approx(1.0, abs=0.03)
