import datetime
import re

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from tiny_layouts import CUSTOM_YAML, swing, write_custom

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Recording, Skipped


def read(path):
    spec = get_dataset(str(path))
    return [item for item in spec.read() if isinstance(item, Recording)]


def test_files_columns_labels_and_subjects(tmp_path):
    recordings = read(write_custom(tmp_path))
    assert [(r.name, r.subject, r.label, len(r.samples)) for r in recordings] == [
        ("kitchen_p1.csv#1", "1", "stirring", 750),
        ("kitchen_p1.csv#2", "1", "chopping", 600),
        ("kitchen_p2.csv#1", "2", "stirring", 750),
        ("kitchen_p2.csv#2", "2", "chopping", 600),
    ]
    np.testing.assert_allclose(recordings[0].samples, swing(1500, 50.0, n_columns=3)[:750], atol=1e-6)
    assert [channel.name for channel in recordings[0].channels] == ["wrist.acc_x", "wrist.acc_y", "wrist.acc_z"]


def test_custom_prefix_and_class_list(tmp_path):
    spec = get_dataset(f"custom:{write_custom(tmp_path)}")
    assert spec.name == "kitchen"
    assert spec.class_list().names == ("stirring", "chopping")
    assert spec.class_list().codes == {"stirring": "stirring", "C": "chopping"}
    assert spec.windowing.quantities == ("acc",)
    assert spec.windowing.window_s == 5.0


def test_passed_over_labels_are_counted(tmp_path):
    spec = get_dataset(str(write_custom(tmp_path)))
    skipped = [item for item in spec.read() if isinstance(item, Skipped)]
    assert [(s.name, s.reason, s.duration_s) for s in skipped] == [
        ("kitchen_p1.csv", "label 'none' is ignored", 3.0),
        ("kitchen_p2.csv", "label 'none' is ignored", 3.0),
    ]


def test_raw_folder_may_be_elsewhere(tmp_path):
    path = write_custom(tmp_path / "here")
    write_custom(tmp_path / "there", n_rows=1000)
    spec = get_dataset(str(path))
    assert len(next(iter(spec.read(tmp_path / "there"))).samples) == 500


def test_folder_with_brackets_in_its_name(tmp_path):
    assert len(read(write_custom(tmp_path / "run [1]"))) == 4


def test_npy_by_column_number_with_label_from_the_file_name(tmp_path):
    for person in (1, 2):
        for activity in ("stirring", "C"):
            np.save(tmp_path / f"{activity}_p{person}.npy", swing(500, 50.0, n_columns=4))
    yaml = CUSTOM_YAML.replace("recordings/*.csv", "'*.npy'").replace(
        "{column: activity}", "{pattern: '^([a-zA-Z]+)_'}"
    )
    yaml = yaml.replace("ax,", "0,").replace("ay,", "1,").replace("az}", "2}")
    (tmp_path / "dataset.yaml").write_text(yaml)
    recordings = read(tmp_path / "dataset.yaml")
    assert sorted((r.label, r.subject) for r in recordings) == [
        ("chopping", "1"),
        ("chopping", "2"),
        ("stirring", "1"),
        ("stirring", "2"),
    ]
    np.testing.assert_allclose(recordings[0].samples, swing(500, 50.0, n_columns=3), atol=1e-6)


def test_parquet_with_numeric_codes_and_fixed_subject(tmp_path):
    samples = swing(600, 50.0, n_columns=3)
    columns = {name: samples[:, i] for i, name in enumerate(("ax", "ay", "az"))}
    parquet.write_table(pa.table({**columns, "activity": np.repeat([1.0, 2.0], 300)}), tmp_path / "all.parquet")
    yaml = CUSTOM_YAML.replace("recordings/*.csv", "all.parquet").replace("code: C", "code: 2")
    yaml = yaml.replace("stirring: {", "stirring: {code: 1, ").replace("{pattern: '_p([0-9]+)'}", "{value: anna}")
    (tmp_path / "dataset.yaml").write_text(yaml)
    recordings = read(tmp_path / "dataset.yaml")
    assert [(r.label, r.subject, len(r.samples)) for r in recordings] == [
        ("stirring", "anna", 300),
        ("chopping", "anna", 300),
    ]


def test_csv_without_header_and_with_semicolons(tmp_path):
    rows = [f"{x};{y};{z};stirring" for x, y, z in swing(300, 50.0, n_columns=3)]
    (tmp_path / "a_p1.csv").write_text("\n".join(rows) + "\n")
    yaml = CUSTOM_YAML.replace("recordings/*.csv", "a_p1.csv\ndelimiter: ';'\nheader: false")
    yaml = yaml.replace("ax,", "0,").replace("ay,", "1,").replace("az}", "2}").replace("column: activity", "column: 3")
    (tmp_path / "dataset.yaml").write_text(yaml)
    assert [len(r.samples) for r in read(tmp_path / "dataset.yaml")] == [300]


def edit_rows(path, edit):
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *edit(lines[1:])]) + "\n")


def blank(first, last):
    """Empty the acceleration of rows counted from 1."""

    def edit(rows):
        return [
            ",".join([row.split(",")[0], "", "", "", row.split(",")[4]]) if first <= i <= last else row
            for i, row in enumerate(rows, start=1)
        ]

    return edit


def test_short_gap_is_interpolated(tmp_path):
    path = write_custom(tmp_path)
    edit_rows(tmp_path / "recordings" / "kitchen_p1.csv", blank(100, 105))
    recording = read(path)[0]
    assert len(recording.samples) == 750
    before, after = swing(1500, 50.0, n_columns=3)[[98, 105], 2]
    assert recording.samples[99:105, 2] == pytest.approx(np.linspace(before, after, 8)[1:-1], abs=1e-5)


def test_long_gap_is_an_error_or_splits(tmp_path):
    path = write_custom(tmp_path)
    edit_rows(tmp_path / "recordings" / "kitchen_p2.csv", blank(101, 150))
    message = r"kitchen_p2.csv: .* s without samples from row 101 on, more than max_gap_s 0.2; raise max_gap_s"
    with pytest.raises(InputError, match=message):
        read(path)
    path.write_text(CUSTOM_YAML + "long_gaps: split\n")
    assert [len(r.samples) for r in read(path)] == [750, 600, 100, 600, 600]
    path.write_text(CUSTOM_YAML + "max_gap_s: 1.0\n")
    assert [len(r.samples) for r in read(path)] == [750, 600, 750, 600]


TIMED_YAML = CUSTOM_YAML.replace("rate_hz: 50", "time: {column: t, unit: ms}\nwindowing: {rate_hz: 25, window_s: 4}")


def test_time_stamps_set_the_clock(tmp_path):
    recordings = read(write_custom(tmp_path, TIMED_YAML))
    assert [(r.rate_hz, len(r.samples)) for r in recordings[:2]] == [(25.0, 375), (25.0, 300)]
    expected = swing(1500, 50.0, n_columns=3)[:750:2, 2]
    np.testing.assert_allclose(recordings[0].samples[10:-10, 2], expected[10:-10], atol=0.005)


def test_pause_in_the_time_stamps_splits(tmp_path):
    path = write_custom(tmp_path, TIMED_YAML)
    edit_rows(tmp_path / "recordings" / "kitchen_p1.csv", lambda rows: rows[:200] + rows[300:])
    with pytest.raises(InputError, match="2.02 s without samples from row 201 on"):
        read(path)
    path.write_text(TIMED_YAML + "long_gaps: split\n")
    assert [len(r.samples) for r in read(path)[:3]] == [100, 225, 300]


def test_rows_out_of_order_are_sorted_and_repeated_ones_counted(tmp_path):
    expected = read(write_custom(tmp_path / "even", TIMED_YAML))[0].samples
    path = write_custom(tmp_path, TIMED_YAML)
    edit_rows(
        tmp_path / "recordings" / "kitchen_p1.csv",
        lambda rows: rows[:200] + rows[190:300] + rows[301:302] + rows[300:301] + rows[302:],
    )
    items = list(get_dataset(str(path)).read())
    np.testing.assert_array_equal(items[0].samples, expected)
    assert Skipped("kitchen_p1.csv", "time stamp repeated", 10 / 25) in items


def test_two_recordings_in_one_file_are_refused(tmp_path):
    path = write_custom(tmp_path, TIMED_YAML)
    edit_rows(tmp_path / "recordings" / "kitchen_p1.csv", lambda rows: rows[:200] + rows[100:])
    with pytest.raises(InputError, match=r"time column 't' goes back by 1.98 s at row 201; cut the file there"):
        read(path)


def as_written(folder, header, row, yaml=CUSTOM_YAML, above="", encoding="utf-8"):
    """Write both files of the kitchen in another way; `row` makes a line of t, x, y, z and label."""
    path = write_custom(folder, yaml)
    for file in (folder / "recordings").glob("*.csv"):
        rows = [line.split(",") for line in file.read_text().splitlines()[1:]]
        file.write_text(above + "\n".join([header, *(row(*fields) for fields in rows)]) + "\n", encoding=encoding)
    return path


WAYS = {
    "semicolons and decimal commas": ("t;ax;ay;az;activity", lambda *f: ";".join(f).replace(".", ","), {}),
    "tabs": ("t\tax\tay\taz\tactivity", lambda *f: "\t".join(f), {}),
    "lines above the header": (
        "t,ax,ay,az,activity",
        lambda *f: ",".join(f),
        {"above": "# logger 7\nSerial: 1, 2\n\n"},
    ),
    "a line of units": ("t,ax,ay,az,activity\nms,g,g,g,", lambda *f: ",".join(f), {}),
    "UTF-16": ("t,ax,ay,az,activity", lambda *f: ",".join(f), {"encoding": "utf-16"}),
    "mostly words": (
        "t,ax,ay,az,activity" + ",note" * 20,
        lambda *f: ",".join(f) + ",fine" * 20,
        {},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_however_a_file_is_written_its_samples_are_the_same(tmp_path, way):
    header, row, options = WAYS[way]
    found = read(as_written(tmp_path / "other", header, row, **options))
    for recording, expected in zip(found, read(write_custom(tmp_path / "plain")), strict=True):
        assert (recording.name, recording.label) == (expected.name, expected.label)
        np.testing.assert_array_equal(recording.samples, expected.samples)


def test_mostly_words_by_column_numbers(tmp_path):
    header, row, _ = WAYS["mostly words"]
    yaml = CUSTOM_YAML.replace("ax,", "1,").replace("ay,", "2,").replace("az}", "3}")
    found = read(as_written(tmp_path / "other", header, row, yaml))
    np.testing.assert_array_equal(found[0].samples, read(write_custom(tmp_path / "plain"))[0].samples)


@pytest.mark.parametrize("n_rows", [1, 2])
def test_a_file_too_short_to_tell_its_rate_is_no_reason_to_stop(tmp_path, n_rows):
    path = write_custom(tmp_path, TIMED_YAML)
    edit_rows(tmp_path / "recordings" / "kitchen_p1.csv", lambda rows: rows[:n_rows])
    assert {recording.subject for recording in read(path)} == {"2"}


def test_declared_delimiter_with_decimal_commas(tmp_path):
    header, row, _ = WAYS["semicolons and decimal commas"]
    found = read(as_written(tmp_path / "other", header, row, CUSTOM_YAML + "delimiter: ';'\n"))
    np.testing.assert_array_equal(found[0].samples, read(write_custom(tmp_path / "plain"))[0].samples)


def test_dates_are_time_stamps(tmp_path):
    def row(t, *rest):
        return f"2022-01-27 12:{int(t) // 60000:02d}:{int(t) / 1000 % 60:06.3f}," + ",".join(rest)

    yaml = TIMED_YAML.replace("{column: t, unit: ms}", "{column: t}")
    dated = read(as_written(tmp_path / "dates", "t,ax,ay,az,activity", row, yaml))
    expected = read(write_custom(tmp_path / "plain", TIMED_YAML))
    assert [len(r.samples) for r in dated] == [len(r.samples) for r in expected]
    np.testing.assert_allclose(dated[0].samples, expected[0].samples, atol=1e-3)


def test_the_unit_of_time_is_found_or_asked_for(tmp_path):
    yaml = TIMED_YAML.replace("{column: t, unit: ms}", "{column: t}")
    with pytest.raises(InputError, match="time <- column 't' in ms, as its size tells: 50 Hz, a guess; if it is right"):
        read(write_custom(tmp_path / "bare", yaml))
    named = as_written(
        tmp_path / "named",
        "t (ms),ax,ay,az,activity",
        lambda *f: ",".join(f),
        yaml.replace("column: t", "column: t (ms)"),
    )
    np.testing.assert_array_equal(read(named)[0].samples, read(write_custom(tmp_path / "plain", TIMED_YAML))[0].samples)


def test_what_contradicts_the_files_is_refused(tmp_path):
    yaml = CUSTOM_YAML.replace("ax,", "'ax [m/s2]',")
    path = as_written(tmp_path / "unit", "t,ax [m/s2],ay,az,activity", lambda *f: ",".join(f), yaml)
    with pytest.raises(InputError, match=r"units says acc is in g, the column names say m/s2; correct units, or"):
        read(path)
    path = write_custom(tmp_path / "time", TIMED_YAML.replace("unit: ms", "unit: s"))
    with pytest.raises(
        InputError, match=r"time column 't' has steps of 20 s, no sampling rate; name another with time"
    ):
        read(path)


@pytest.mark.parametrize("head", ["0,1,2", "0.1,0.2,0.3"])
def test_the_first_line_is_the_header_unless_declared_otherwise(tmp_path, head):
    rows = [",".join(map(str, row)) for row in swing(300, 50.0, n_columns=3)]
    (tmp_path / "a_p1.csv").write_text("\n".join([head, *rows]))
    yaml = CUSTOM_YAML.replace("recordings/*.csv", "'*.csv'").replace("ax,", "0,").replace("ay,", "1,")
    yaml = yaml.replace("az}", "2}").replace("{column: activity}", "{value: stirring}")
    for header, length in (("", 300), ("header: true\n", 300), ("header: false\n", 301)):
        (tmp_path / "dataset.yaml").write_text(yaml + header)
        assert [len(r.samples) for r in read(tmp_path / "dataset.yaml")] == [length]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dataset: kitchen", "", "key 'dataset' is missing"),
        ("dataset: kitchen", "dataset: my kitchen", "'my kitchen' is no name"),
        ("rate_hz: 50", "rate: 50", "unknown key 'rate'; known are dataset, files"),
        ("rate_hz: 50", "", "rate_hz is missing; give the sampling rate, or a time column"),
        ("rate_hz: 50", "rate_hz: fast", "rate_hz: 'fast'; give a positive number"),
        ("rate_hz: 50", "rate_hz: -1", "rate_hz: -1; give a positive number"),
        ("rate_hz: 50", "time: {column: t, unit: min}", "unit of s, ms, us, ns"),
        ("acc: g", "acc: furlong", "units: acc: unit 'furlong' is unknown; use one of m/s2"),
        ("acc: g", "gyro: deg/s", "units: no unit for 'acc'"),
        ("wrist.acc_x: ax", "wrist_x: ax", "'wrist_x' is not device.quantity_axis, such as wrist.acc_x"),
        ("wrist.acc_x: ax", "wrist.acc_x: [ax]", "give a column name or a number from 0"),
        ("{column: activity}", "activity", "label: 'activity'; expected keys and values"),
        ("{column: activity}", "{column: a, value: b}", "write exactly one of column, pattern, value"),
        ("'_p([0-9]+)'", "'_p[0-9]+'", "has 0 groups; put one"),
        ("'_p([0-9]+)'", "'_p([0-9+'", "is no regular expression"),
        ("ignore_labels: [none]", "ignore_labels: none", "ignore_labels: 'none'; expected a list"),
        ("ignore_labels: [none]", "long_gaps: ignore", "long_gaps: 'ignore' is unknown; choose from error, split"),
        ("ignore_labels: [none]", "format: xlsx", "format: 'xlsx' is unknown; choose from csv, npy, parquet"),
        ("ignore_labels: [none]", "placements: {ankle: left ankle}", "no device 'ankle' in columns; devices are wrist"),
        ("ignore_labels: [none]", "windowing: {length: 5}", "windowing: unknown key 'length'; known are rate_hz"),
        ("ignore_labels: [none]", "windowing: {overlap: 1.5}", "windowing: overlap: 1.5 cannot be used"),
        ("ignore_labels: [none]", "windowing: {window_s: long}", "windowing: "),
        ("ignore_labels: [none]", "delimiter: '::'", "delimiter: '::' cannot be used; give one character"),
        (
            "{column: activity}",
            "{column: [activity]}",
            r"label: column: \['activity'\]; give a column name or a number",
        ),
        ("rate_hz: 50", "rate_hz: 50\ntime: {column: true}", "time: column: True; give a column name or a number"),
        ("recordings/*.csv", "[]", r"files: \[\]; give a pattern"),
        ("dataset: kitchen", "dataset: [", "not readable as YAML"),
    ],
)
def test_wrong_yaml_is_refused_before_any_file_is_read(tmp_path, old, new, message):
    assert old in CUSTOM_YAML
    path = write_custom(tmp_path, CUSTOM_YAML.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        get_dataset(str(path))
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words"])
def test_yaml_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "dataset.yaml").write_text(text)
    with pytest.raises(InputError, match="expected keys such as dataset, files, columns"):
        get_dataset(str(tmp_path / "dataset.yaml"))


def test_missing_yaml_is_refused(tmp_path):
    with pytest.raises(InputError, match="dataset.yaml: no such file"):
        get_dataset(str(tmp_path / "dataset.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("recordings/*.csv", "records/*.csv", r"files: no file matches .*records/\*.csv"),
        ("wrist.acc_x: ax", "wrist.acc_x: gx", "no column 'gx'; its columns are t, ax, ay, az, activity"),
        ("wrist.acc_x: ax", "wrist.acc_x: 9", "no column 9; it has 5, counted from 0"),
        ("wrist.acc_x: ax", "wrist.acc_x: activity", "column 'activity', row 1 is 'stirring', not a number"),
        ("code: C", "code: D", "rows 901 to 1500: class code 'C' is not in the class list of kitchen"),
        ("'_p([0-9]+)'", "'_q([0-9]+)'", "kitchen_p1.csv: the file name does not match the subject pattern '_q"),
        ("ignore_labels: [none]", "", "rows 751 to 900: class code 'none' is not in the class list"),
        ("ignore_labels: [none]", "format: parquet", "kitchen_p1.csv: not readable as parquet"),
        ("ignore_labels: [none]", "format: npy", "kitchen_p1.csv: not readable as npy"),
        ("sentence: A person stirs", "phrase: A person stirs", "stirring"),
    ],
)
def test_yaml_that_does_not_fit_the_files_is_refused(tmp_path, old, new, message):
    assert old in CUSTOM_YAML
    path = write_custom(tmp_path, CUSTOM_YAML.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda rows: rows[:10] + ["1,2,3"] + rows[10:],
            "kitchen_p1.csv: not readable as csv .*Expected 5 columns, got 3",
        ),
        (lambda rows: rows[:10] + ["200,0,oops,1,stirring"] + rows[11:], "column 'ay', row 11 is 'oops', not a number"),
        (lambda rows: [], "kitchen_p1.csv: no rows"),
    ],
)
def test_wrong_files_are_refused(tmp_path, edit, message):
    path = write_custom(tmp_path)
    edit_rows(tmp_path / "recordings" / "kitchen_p1.csv", edit)
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_rows_without_label_are_counted_as_such(tmp_path):
    path = write_custom(tmp_path)
    edit_rows(tmp_path / "recordings" / "kitchen_p1.csv", lambda rows: [row.replace("none", "") for row in rows])
    reasons = [item.reason for item in get_dataset(str(path)).read() if isinstance(item, Skipped)]
    assert reasons == ["no label", "label 'none' is ignored"]


def test_sums_dates_and_ignored_columns_are_declared(tmp_path):
    """Half of each axis stands in a column of its own, and stamps are dates in a format that is declared."""
    expected = read(write_custom(tmp_path / "plain", TIMED_YAML))[0].samples
    yaml = TIMED_YAML.replace("{column: t, unit: ms}", "{column: t, format: '%d/%m/%Y %H:%M:%S.%f'}")
    yaml = re.sub(r"(wrist\.acc_.: )(a.)", r"\1[\2, \2_b]", yaml) + "ignore: [ay_c]\n"
    path = write_custom(tmp_path, yaml)
    for file in (tmp_path / "recordings").glob("*.csv"):
        lines = [line.split(",") for line in file.read_text().splitlines()]
        start, rows = (
            datetime.datetime(2026, 3, 4, 23, 59, 50),
            [["t", "ax", "ay", "az", "ax_b", "ay_b", "az_b", "ay_c", "activity"]],
        )
        for t, x, y, z, label in lines[1:]:
            stamp = (start + datetime.timedelta(milliseconds=float(t))).strftime("%d/%m/%Y %H:%M:%S.%f")
            halves = [repr(float(value) / 2) for value in (x, y, z)]
            rows.append([stamp, *halves, *halves, "?", label])
        file.write_text("\n".join(map(",".join, rows)) + "\n")
    np.testing.assert_allclose(read(path)[0].samples, expected, atol=1e-5)
