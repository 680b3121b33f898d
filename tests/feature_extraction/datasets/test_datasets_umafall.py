import re

import numpy as np
import pytest
from tiny_layouts import write_umafall

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.readers.umafall import at_full_scale, read_rows
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Skipped

SPEC = get_dataset("umafall")
TAGS = ("chest", "waist", "wrist", "ankle")


def one_file(raw, **changes):
    """Return the file of a data set with one."""
    folder = write_umafall(raw, subjects=(1,), activities=("ADL_Walking",), trials=(1,), **changes) / "UMAFall_Dataset"
    return next(folder.iterdir())


def change(path, pattern, replacement):
    path.write_text(re.sub(pattern, replacement, path.read_text(), flags=re.MULTILINE))


def read(path):
    return list(SPEC.read(path.parent))


def test_phone_and_tags_come_on_one_clock(tmp_path):
    recordings = list(SPEC.read(write_umafall(tmp_path)))
    assert [(r.name, r.subject, r.label) for r in recordings[:3]] == [
        ("01_ADL_Walking_1_2016-06-06_16-37-01", "1", "walking"),
        ("01_ADL_Walking_2_2016-06-06_16-37-02", "1", "walking"),
        ("01_Fall_forwardFall_1_2016-06-06_16-37-01", "1", "falling forward"),
    ]
    assert len(recordings) == 8
    first = recordings[0]
    assert first.channels == SPEC.channels and len(SPEC.channels) == 3 + 4 * 6
    assert [c.unit for c in first.channels[:9]] == ["g"] * 6 + ["deg/s"] * 3
    assert first.placements == {"pocket": "right pocket", **{tag: tag for tag in TAGS}}
    assert first.rate_hz == 20.0 and first.duration_s == pytest.approx(15, abs=0.1)
    times = np.arange(len(first.samples)) / 20
    for column, size in ((2, 0.1), (5, 0.1), (8 - 2, 10.0)):  # z of phone and chest, and x of the gyroscope
        expected = size * np.sin(4 * np.pi * times)
        found = first.samples[:, column] - first.samples[:, column].mean()
        # one phase for all: bursts of eight rows are 40 ms long, a quarter of a radian of this swing
        np.testing.assert_allclose(found[5:-5], expected[5:-5], atol=0.15 * size)


def test_a_device_that_is_not_there_is_left_out(tmp_path):
    (recording,) = read(one_file(tmp_path, sensors=(0, 1, 3)))
    assert recording.devices == ("pocket", "chest", "wrist") == tuple(recording.placements)
    assert recording.samples.shape[1] == len(recording.channels) == 15


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d+;1[0-4]\d;[^;]*;[^;]*;[^;]*;1;4\n",  # a gyroscope that pauses
        r"^\d+;\d;[^;]*;[^;]*;[^;]*;0;4\n|^\d+;1\d;[^;]*;[^;]*;[^;]*;0;4\n",  # an accelerometer that starts late
        r"^\d+;[23]\d\d;[^;]*;[^;]*;[^;]*;1;4\n",  # a gyroscope that stops early
    ],
)
def test_a_device_that_does_not_run_all_the_time_is_left_out(tmp_path, pattern):
    path = one_file(tmp_path)
    change(path, pattern, "")
    (recording,) = read(path)
    assert recording.devices == ("pocket", "chest", "waist", "wrist")


def test_a_tag_is_used_where_it_measures_gravity(tmp_path):
    times, values = np.arange(100) / 20, np.tile([0.0, 0.0, 1.0], (100, 1))
    values[:9] /= 4
    kept_times, kept = at_full_scale((times, values))
    assert kept_times[0] == times[9] and len(kept) == 91 and kept.min(axis=0)[2] == 1
    assert len(at_full_scale((times, values / 4))[0]) == 0
    falling = values.copy()
    falling[:9], falling[50:60] = [0, 0, 1], 0.1
    assert len(at_full_scale((times, falling))[0]) == 100
    ending = values.copy()
    ending[80:] *= 4
    assert len(at_full_scale((times, ending))[0]) == 71
    path = one_file(tmp_path)
    change(path, r"^(\d+;\d\d?;[^;]*;[^;]*;)[01]\.(\d+;0;2)$", r"\g<1>0.2\2")  # 0.2 g for almost five seconds
    (recording,) = read(path)
    assert recording.devices == ("pocket", "chest", "wrist", "ankle")


def test_numbers_mangled_by_a_locale_are_unreadable(tmp_path, caplog):
    path = one_file(tmp_path)
    change(path, r"1\.(\d{3})(\d{3})\d*", r"1.\1.\2")
    change(path, r"$", ";;;;;;;")
    (skipped,) = read(path)
    assert skipped == Skipped(path.stem.removeprefix("UMAFall_Subject_"), "unreadable rows in every device")
    assert "rows are unreadable" in caplog.text


def test_what_may_have_lost_its_point_is_not_guessed(tmp_path):
    path = one_file(tmp_path)
    lines = ["10;1;0.25;103.125;0.5;0;1", "20;2;1.012.598;0.1;0.1;0;1", "30;3;1.5;-0.125;0.75;0;1", "40;4;0.1;0;1"]
    path.write_text("% header\n" + "\n".join(lines) + "\n")
    rows, unreadable = read_rows(path)
    assert rows == {("1", "0"): [[0.03, 1.5, -0.125, 0.75]]}
    assert unreadable == {("1", "0"): 2, ("", ""): 1}
    path.write_text("\n".join(lines[::2]) + "\n")  # nothing shows that a locale was at work
    assert len(read_rows(path)[0]["1", "0"]) == 2


def test_few_unreadable_rows_are_bridged(tmp_path):
    path = one_file(tmp_path)
    change(path, r"^(\d+;1[57];)[^;]*(;.*;0;2)$", r"\1?\2")
    (recording,) = read(path)
    assert recording.devices == ("pocket", *TAGS)


def test_a_file_without_rows_is_refused_and_a_strange_name_skipped(tmp_path):
    path = one_file(tmp_path)
    path.write_text("% nothing\n\n")
    with pytest.raises(InputError, match=rf"{path.name}: no rows of samples"):
        read(path)
    path.rename(path.with_name("UMAFall_Subject_one.csv"))
    assert read(path) == [Skipped("one", "file name has no subject, activity, trial and date")]


def test_unknown_activity_is_refused(tmp_path):
    path = one_file(tmp_path)
    path.rename(path.with_name(path.name.replace("Walking", "Flying")))
    with pytest.raises(InputError, match="class code 'ADL_Flying' is not in the class list of umafall"):
        read(path)


def test_real_recordings(shared_raw):
    files = SPEC.list_files(shared_raw("umafall"))
    assert len(files) == 746
    some = [path for path in files if re.search(r"Subject_(02|09|13)_", path.name)]
    items = list(SPEC.read_files(some, SPEC.class_list()))
    skipped = [item for item in items if isinstance(item, Skipped)]
    assert {item.name[:2] for item in skipped} == {"13"} and len(skipped) == 19
    recordings = [item for item in items if not isinstance(item, Skipped)]
    complete = [r for r in recordings if r.channels == SPEC.channels]
    assert {r.subject for r in complete} == {"2", "9"}
    (pocket_alone,) = (r for r in recordings if r.subject == "13")
    assert pocket_alone.devices == ("pocket",)
    assert all(r.duration_s == pytest.approx(14.7, abs=0.8) for r in recordings)
    for recording in complete:
        if recording.label == "making a call":
            for first, device in ((0, "pocket"), (3, "chest"), (9, "waist"), (21, "ankle")):
                gravity = np.median(np.linalg.norm(recording.samples[:, first : first + 3], axis=1))
                assert gravity == pytest.approx(1.0, abs=0.1), (recording.name, device)
