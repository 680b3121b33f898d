import numpy as np
import pytest
from tiny_layouts import write_sp_sw_har

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Skipped

SPEC = get_dataset("sp-sw-har")
HEADER = "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label"


def one_execution(raw):
    """Return the folder of one execution."""
    return write_sp_sw_har(raw, subjects=(1,), executions=(1,)) / "DATA" / "s01"


def test_stretches_of_both_devices_are_recordings(tmp_path):
    recordings = list(SPEC.read(write_sp_sw_har(tmp_path)))
    assert len(recordings) == 2 * 2 * 4
    labels = ["seated", "standing up", "walking", "sitting down"]
    assert [(r.name, r.subject, r.label) for r in recordings[:4]] == [
        (f"s01_01_{number}", "1", label) for number, label in enumerate(labels, start=1)
    ]
    # the watch starts 0.5 s later
    assert [r.duration_s for r in recordings[:4]] == pytest.approx([1.5, 1.5, 4.0, 1.5], abs=0.05)
    walking = recordings[2]
    assert walking.rate_hz == 50.0 and walking.channels == SPEC.channels
    assert walking.placements == {"phone": "pocket", "watch": "left wrist"}
    assert [channel.unit for channel in walking.channels] == (["m/s2"] * 3 + ["rad/s"] * 3) * 2
    for column in (2, 8):
        assert walking.samples[:, column].mean() == pytest.approx(9.81, abs=0.02)
        assert np.ptp(walking.samples[:, column]) == pytest.approx(0.2, rel=0.1)
    # both see the same movement at the same time, though each stamp stands on two rows
    np.testing.assert_allclose(walking.samples[:, 2], walking.samples[:, 8], atol=0.02)


def test_where_the_devices_disagree_there_is_no_recording(tmp_path):
    path = one_execution(tmp_path) / "s01_01_sw.csv"
    lines = path.read_text().splitlines()
    changed = [line.replace("STANDING_UP", "WALKING") if k > 250 else line for k, line in enumerate(lines)]
    path.write_text("\n".join(changed) + "\n")
    recordings = list(SPEC.read(tmp_path))
    assert [r.label for r in recordings] == ["seated", "standing up", "walking", "sitting down"]
    assert recordings[1].duration_s < 1.0 and recordings[2].duration_s == pytest.approx(4.0, abs=0.05)


def test_one_device_alone_is_a_recording_of_its_own(tmp_path):
    (one_execution(tmp_path) / "s01_01_sp.csv").unlink()
    recordings = list(SPEC.read(tmp_path))
    assert [r.devices for r in recordings] == [("watch",)] * 4
    assert recordings[0].samples.shape[1] == 6 and recordings[0].placements == {"watch": "left wrist"}


def test_pause_splits_a_recording(tmp_path):
    path = one_execution(tmp_path) / "s01_01_sp.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:500] + lines[570:]) + "\n")
    assert [r.label for r in SPEC.read(tmp_path)].count("walking") == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not rows of x_acc,y_acc"),
        (HEADER + "\n", "empty, or rows without a time stamp"),
        (HEADER + "\n1,2,3,4,5,6,soon,SEATED\n", "not rows of x_acc,y_acc"),
        (HEADER + "\n1,2,3,4,5,6,,SEATED\n", "empty, or rows without a time stamp"),
        (HEADER + "\n1,,3,4,5,6,1657534258018,SEATED\n", "1 rows are not finite, the first is row 1"),
        (HEADER.removesuffix(",label") + "\n1,2,3,4,5,6,7\n", "not rows of x_acc,y_acc"),
    ],
)
def test_damaged_files_are_refused(tmp_path, text, message):
    path = one_execution(tmp_path) / "s01_01_sw.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        list(SPEC.read(tmp_path))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_unknown_label_is_refused_and_a_strange_name_skipped(tmp_path):
    folder = one_execution(tmp_path)
    (folder / "sX_01_sw.csv").write_text("")
    (folder / "s01_01_sw.csv").unlink()
    path = folder / "s01_01_sp.csv"
    path.write_text(path.read_text().replace("SEATED", "FLYING"))
    with pytest.raises(InputError, match="class code 'FLYING' is not in the class list of sp-sw-har"):
        list(SPEC.read(tmp_path))
    path.unlink()
    assert list(SPEC.read(tmp_path)) == [Skipped("sX_01", "file name is not sNN_EE_sp.csv or sNN_EE_sw.csv")]


def test_real_recordings(shared_raw):
    recordings = list(SPEC.read(shared_raw("sp-sw-har")))
    assert len(recordings) == len({r.name for r in recordings}) == 1732
    assert {r.subject for r in recordings} == {str(number) for number in range(1, 24)}
    assert {r.label for r in recordings} == set(SPEC.class_list().names)
    assert all(r.channels == SPEC.channels for r in recordings)
    walking = [r for r in recordings if r.label == "walking"]
    assert np.median([r.duration_s for r in walking]) == pytest.approx(2.5, abs=0.1)
    down = np.median([np.median(r.samples[:, 6], axis=0) for r in walking])
    assert down == pytest.approx(-0.93 * 9.81, abs=0.5)  # x of the watch points to the hanging hand
    still = [r.samples[:, :3].mean(axis=0) for r in recordings if r.samples[:, :3].std(axis=0).max() < 0.3]
    assert np.median(np.linalg.norm(still, axis=1)) == pytest.approx(9.81, rel=0.03)
