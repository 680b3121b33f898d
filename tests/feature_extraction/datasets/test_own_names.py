"""Labels and subjects of a user's recordings: where they stand, and that they are text whatever they look like."""

from pathlib import Path

import device_exports as exports
import numpy as np
import pytest
from checkout import ROOT
from notations import motion
from tiny_layouts import CUSTOM_YAML, swing, write_custom

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Recording, Skipped

FIELD_CASES = ROOT.parent / "shared" / "field-cases"
EXAMPLES = ROOT / "docs" / "examples"


def read(path: Path, raw: Path | None = None) -> list[Recording]:
    return [item for item in get_dataset(str(path)).read(raw) if isinstance(item, Recording)]


def write(folder: Path, files: dict[str, tuple[str, str]], encoding: str = "utf-8", **edits: str) -> Path:
    """Write one CSV file per name, of one label and subject, and their dataset.yaml."""
    rows = swing(100, 50.0, n_columns=3)
    for name, (label, subject) in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ["ax,ay,az,activity,who", *(f"{x:.4f},{y:.4f},{z:.4f},{label},{subject}" for x, y, z in rows)]
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
    yaml = CUSTOM_YAML.replace("recordings/*.csv", "'**/*.csv'").replace("{pattern: '_p([0-9]+)'}", "{column: who}")
    for old, new in edits.items():
        yaml = yaml.replace({"label": "{column: activity}", "subject": "{column: who}"}.get(old, old), new)
    (folder / "dataset.yaml").write_text(yaml)
    return folder / "dataset.yaml"


def test_subjects_are_what_the_files_say_whatever_else_is_in_a_file(tmp_path):
    path = write(tmp_path, {"a.csv": ("stirring", "01"), "b.csv": ("C", "02")})
    with (tmp_path / "a.csv").open("a") as file:
        file.write("0,0,1,stirring,P7\n" * 100)
    assert [recording.subject for recording in read(path)] == ["01", "P7", "02"]


def test_one_person_spelled_two_ways_is_refused(tmp_path):
    path = write(tmp_path, {"a.csv": ("stirring", "01"), "b.csv": ("C", "1")})
    with pytest.raises(
        InputError, match=r"b.csv: rows 1 to 100: subject '1' and subject '01' \(.*a.csv: rows 1 to 100"
    ):
        read(path)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_one_person_in_two_encodings_is_one(tmp_path, encoding):
    path = write(tmp_path, {"a.csv": ("stirring", "Ju\u0308rgen")})
    write(tmp_path, {"b.csv": ("C", "Jürgen")}, encoding)
    assert {recording.subject for recording in read(path)} == {"Jürgen"}


@pytest.mark.parametrize("name", ["null", "NA", "none", "nan", "no", "01", "1e3", "True"])
def test_a_class_may_be_called_anything(tmp_path, name):
    path = write(tmp_path, {"a.csv": (name, "1"), "b.csv": ("C", "1")})
    path.write_text(path.read_text().replace("  stirring:", f"  {name}:").replace("[none]", "[other]"))
    assert [recording.label for recording in read(path)] == [name, "chopping"]


def test_a_label_that_differs_from_a_class_by_case_shows_both(tmp_path):
    path = write(tmp_path, {"a.csv": ("Stirring", "1"), "b.csv": ("C", "1")})
    with pytest.raises(InputError, match=r"label 'Stirring' and label 'stirring' \(.*dataset.yaml\) differ by case"):
        read(path)


def test_label_and_subject_from_folders(tmp_path):
    files = {"s01/stirring_1/x.csv": ("-", "-"), "s02/C_2/x.csv": ("-", "-")}
    path = write(tmp_path, files, label="{folder: 1, pattern: '([a-zA-Z]+)_'}", subject="{folder: 2}")
    assert [(r.label, r.subject) for r in read(path)] == [("stirring", "s01"), ("chopping", "s02")]


def test_subject_from_the_path(tmp_path):
    files = {"DATA/s01/a.csv": ("stirring", "-"), "DATA/s02/a.csv": ("C", "-")}
    path = write(tmp_path / "s99", files, subject="{path: '^DATA/s([0-9]+)/'}")
    assert [r.subject for r in read(path)] == ["01", "02"]


def test_a_folder_that_does_not_match_is_named(tmp_path):
    path = write(tmp_path, {"s01/a.csv": ("stirring", "-")}, subject="{folder: 1, pattern: 'p([0-9]+)'}")
    with pytest.raises(InputError, match="a.csv: the name of the folder does not match the subject pattern 'p"):
        read(path)


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("{folder: 0}", "folder 0; give 1 for the folder that a file lies in"),
        ("{folder: up}", "folder 'up'; give 1"),
        ("{folder: 1, path: '(a)'}", "write exactly one of column, pattern, value, folder, path"),
        ("{path: 's[0-9]'}", "has 0 groups"),
    ],
)
def test_a_source_that_cannot_be_is_refused(tmp_path, subject, message):
    path = write(tmp_path, {"a.csv": ("stirring", "1")}, subject=subject)
    with pytest.raises(InputError, match=message):
        get_dataset(str(path))


def test_columns_are_added_up(tmp_path):
    path = write_custom(tmp_path)
    expected = read(path)
    path.write_text(CUSTOM_YAML.replace("wrist.acc_x: ax", "wrist.acc_x: [ax, az]"))
    for recording, single in zip(read(path), expected, strict=True):
        total = single.samples[:, 0] + single.samples[:, 2]
        np.testing.assert_allclose(recording.samples[:, 0], total, atol=1e-5)
        np.testing.assert_array_equal(recording.samples[:, 1:], single.samples[:, 1:])


def test_a_tree_laid_out_as_that_of_motionsense(tmp_path):
    names = [f"{sensor}.{axis}" for sensor in ("gravity", "rotationRate", "userAcceleration") for axis in "xyz"]
    for activity in ("dws_1", "wlk_7", "jog_9"):
        (tmp_path / activity).mkdir()
        for person in (1, 2):
            samples = np.hstack(
                [swing(200, 50.0, n_columns=3), np.zeros((200, 3)), 0.1 * swing(200, 50.0, n_columns=3)]
            )
            rows = [f"{k}," + ",".join(f"{value:.6f}" for value in row) for k, row in enumerate(samples)]
            (tmp_path / activity / f"sub_{person}.csv").write_text("\n".join(["," + ",".join(names), *rows]) + "\n")
    recordings = read(EXAMPLES / "motionsense.yaml", tmp_path)
    assert sorted((r.label, r.subject) for r in recordings) == [
        *(("jogging", person) for person in "12"),
        *(("walking", person) for person in "12"),
        *(("walking downstairs", person) for person in "12"),
    ]
    expected = 1.1 * swing(200, 50.0, n_columns=3)
    np.testing.assert_allclose(recordings[0].samples[:, :3], expected, atol=1e-4)


def test_sp_sw_har_from_its_original_files(shared_raw):
    recordings = read(EXAMPLES / "sp_sw_har.yaml", shared_raw("sp-sw-har"))
    assert len({recording.subject for recording in recordings}) == 23
    assert {r.label for r in recordings} == {"sitting", "standing up", "walking", "turning", "sitting down"}


@pytest.mark.parametrize(
    ("case", "label", "n_subjects"),
    [("same_person_latin1", "pendulum", 6), ("same_person_zeros", "pendulum", 7), ("class_null", "null", 4)],
)
def test_field_cases(case, label, n_subjects):
    if not FIELD_CASES.is_dir():
        pytest.skip(f"{FIELD_CASES} is absent")
    recordings = read(FIELD_CASES / case / "dataset.yaml")
    assert len({recording.subject for recording in recordings}) == n_subjects
    assert len({recording.label for recording in recordings}) == 7
    assert len({recording.subject for recording in recordings if recording.label == label}) == n_subjects


def test_the_name_of_a_known_data_set_is_taken(tmp_path):
    path = write(tmp_path, {"a.csv": ("stirring", "1"), "b.csv": ("C", "1")})
    path.write_text(path.read_text().replace("dataset: kitchen", "dataset: hapt"))
    with pytest.raises(InputError, match="'hapt' is the name of a known data set"):
        get_dataset(str(path))


def test_an_unknown_everyday_activity_is_named(tmp_path):
    path = write(tmp_path, {"a.csv": ("stirring", "1")})
    path.write_text(path.read_text() + "  wlaking: everyday\n")
    with pytest.raises(
        InputError, match="dataset.yaml: classes: wlaking: no everyday activity 'wlaking'; near ones are"
    ):
        get_dataset(str(path))


def test_lines_of_a_device_that_are_no_samples_are_counted(tmp_path):
    path = exports.wisdm("raw.txt", "stirring")(tmp_path / "r1", motion())
    lines = path.read_text().splitlines()
    lines[7] = lines[7].rsplit(",", 1)[0] + ",;"  # z is missing
    path.write_text("\n".join(lines) + "\n")
    yaml = CUSTOM_YAML.replace("recordings/*.csv", "r1").replace("{pattern: '_p([0-9]+)'}", "{column: subject}")
    yaml = yaml.replace("column: activity", "column: label").replace("acc: g", "acc: m/s2")
    for axis in "xyz":
        yaml = yaml.replace(f": a{axis}", f": 'acc_{axis} [m/s2]'")
    (tmp_path / "dataset.yaml").write_text(yaml)
    skipped = [item for item in get_dataset(str(tmp_path / "dataset.yaml")).read(None) if isinstance(item, Skipped)]
    assert [round(item.duration_s * 50) for item in skipped] == [1]
