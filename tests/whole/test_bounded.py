"""Little input never means endless work: what would is refused before the work, with the value and the bound."""

import io
import json
import os
from dataclasses import asdict, replace

import pyarrow as pa
import pytest
import torch
from kitchen import write_kitchen
from malformed import NAMES, NUMBERS, csv_text
from pyarrow import parquet
from readers import DECLARED, read_own
from safetensors.torch import save_file

from feature_extraction.datasets.own.config import load_custom_config
from feature_extraction.datasets.own.patterns import found_by, require_pattern
from feature_extraction.datasets.own.reader import custom_dataset, list_files, read_files
from feature_extraction.datasets.spec import natural_key
from feature_extraction.descriptions.class_list import LONGEST_DESCRIPTION, class_list_from_mapping
from feature_extraction.errors import InputError
from feature_extraction.own_files.read import bounded_lines, follow
from feature_extraction.own_files.text.splitting import BLOCK, LONGEST_LINE
from feature_extraction.pretraining.config import load_patch_config
from feature_extraction.protocol.split import MOST_FOLDS, Split, find_split
from feature_extraction.recordings import clock
from feature_extraction.storage import parquet as parquet_file
from feature_extraction.storage.names import LONGEST_NAME
from feature_extraction.storage.tensors import read_tensors
from feature_extraction.storage.yaml import LARGEST, read_yaml
from feature_extraction.windows.cutting import WindowSettings
from sadvae_har.config.settings import Config
from sadvae_har.experiment.inputs import load_split

ROWS = csv_text().splitlines()
NUMERIC = dict(zip(NAMES, NUMBERS.T, strict=True))


class Endless(io.TextIOBase):
    """Text without a line break and without an end."""

    def __init__(self) -> None:
        self.given = 0

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        assert size > 0, "all of it was asked for"
        self.given += size
        return "1," * (size // 2) + "1" * (size % 2)


def test_a_line_that_never_ends_is_refused():
    stream = Endless()
    with pytest.raises(InputError, match=f"input, line 1: more than {LONGEST_LINE:,} characters"):
        list(follow(bounded_lines(stream, "input"), None, DECLARED)[1])
    assert stream.given <= LONGEST_LINE + 1


def test_lines_come_as_they_are():
    assert list(bounded_lines(io.StringIO("a\nb\n\nc"), "input")) == ["a\n", "b\n", "\n", "c"]


@pytest.mark.parametrize("delimiter", [",", " "])
def test_a_line_of_a_file_that_never_ends_is_refused(delimiter, tmp_path):
    text = "\n".join(ROWS).replace(",", delimiter) + "\n" + f"1{delimiter}" * LONGEST_LINE
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(InputError, match="a.txt: a line of more than"):
        read_own(tmp_path / "a.txt")


@pytest.mark.parametrize("at", [0, 1, 2, 300, 599, 600])
def test_a_quote_that_is_never_closed_loses_no_row(at, tmp_path):
    rows = [*ROWS[:at], '"' + ROWS[at], *ROWS[at + 1 :]]
    for text in ("\n".join(rows) + "\n", "\n".join(rows)):
        (tmp_path / "a.csv").write_text(text)
        with pytest.raises(InputError, match=f"line {at + 1} has a quote that is not closed"):
            read_own(tmp_path / "a.csv")


def test_rows_between_two_lone_quotes_of_a_note_are_not_lost(tmp_path):
    rows = [f"{ROWS[0]},note", *(f"{row},walk" for row in ROWS[1:])]
    for at in (300, 310):
        rows[at] = rows[at].replace("walk", '"walk')
    (tmp_path / "a.csv").write_text("\n".join(rows))
    with pytest.raises(InputError, match="line 301 has a quote that is not closed"):
        read_own(tmp_path / "a.csv")


def test_quotes_within_a_value_and_above_the_rows_are_text(tmp_path):
    rows = ['"recorded at 5 Hz', f"{ROWS[0]},note", *(f'{row},5" screen' for row in ROWS[1:])]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    assert read_own(tmp_path / "a.csv") == 600


def test_lines_are_cut_alike_wherever_blocks_end(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("\n\n" + csv_text())
    assert BLOCK > 1
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr("feature_extraction.own_files.text.splitting.BLOCK", size)
        assert read_own(tmp_path / "a.csv") == 600


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a" * 600 + "(b)", "is too large"),
        ("((a{999}){999})", "is too large"),
        ("(a{99999999999999999999})", "is too large"),
        ("(" * 240 + "a" + ")" * 240, "has 240 groups"),
    ],
)
def test_patterns_are_bounded(pattern, words, tmp_path):
    path = write_kitchen(tmp_path, n_subjects=1)
    path.write_text(path.read_text().replace("_p([0-9]+)", pattern))
    with pytest.raises(InputError, match=f"subject: pattern .*{words}"):
        load_custom_config(path)


def test_a_pattern_that_matches_in_too_many_ways_is_given_up():
    pattern = require_pattern("(.*a){25}x", "subject")
    with pytest.raises(InputError, match="a.csv: subject: pattern .* takes too long; write it without repetitions"):
        found_by(pattern, "a" * 200, "a.csv: subject")


def test_patterns_find_what_they_always_found():
    assert found_by(require_pattern(r"_p(\w+)\.csv", "subject"), "kitchen_pJosé.csv", "subject") == "José"
    assert found_by(r"_(\d{2,4})(?=\.)", "a_0123.csv", "subject") == "0123"
    assert found_by(r"x(\d)", "a_0123.csv", "subject") == ""


def split_with(**changes):
    return replace(find_split("dsads", "random-1"), **changes)


def test_inner_folds_are_few_and_different():
    split = find_split("dsads", "random-1")
    fold = split.inner[0]
    for folds in ((*split.inner, fold), (*split.inner, fold[::-1])):
        with pytest.raises(InputError, match="'inner' has 4 folds; give up to 20 that hold out different classes"):
            split_with(inner=folds)
    pairs = [(a, b) for i, a in enumerate(split.seen) for b in split.seen[:i]]
    assert len(split_with(inner=tuple(pairs[:MOST_FOLDS])).inner) == MOST_FOLDS
    with pytest.raises(InputError, match=f"'inner' has {MOST_FOLDS + 1} folds"):
        split_with(inner=tuple(pairs[: MOST_FOLDS + 1]))
    with pytest.raises(InputError, match="names a class twice"):
        split_with(inner=(*split.inner[1:], (fold[0], fold[0])))


ODD_NAMES = {
    "\x1b[31mred": "cannot be printed",
    "x" * (LONGEST_NAME + 1): "101 characters",
    "a\u2028b": "cannot be printed",
}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_are_short_and_can_be_printed(name, tmp_path):
    split = find_split("dsads", "random-1")
    for changes in ({"name": name}, {"seen": (name, *split.seen)}, {"test_subjects": (name, *split.test_subjects)}):
        with pytest.raises(InputError, match=ODD_NAMES[name]):
            split_with(**changes)
    if len(name.split()) > 1:  # in YAML, every kind of blank is one
        return
    label = {"sentence": "A", "label": name}
    for classes in ({name: {"sentence": "A"}, "b": {"sentence": "B"}}, {"a": label, "b": {"sentence": "B"}}):
        with pytest.raises(InputError, match=ODD_NAMES[name]):
            class_list_from_mapping("d", classes, "dataset.yaml")


def test_a_subject_in_a_column_can_be_printed(tmp_path):
    path = write_kitchen(tmp_path, n_subjects=1)
    recording = next((tmp_path / "recordings").iterdir())
    recording.write_text(recording.read_text().replace("wiping", "wip\x1bing"))
    config = load_custom_config(path)
    with pytest.raises(InputError, match="cannot be printed|not text"):
        list(read_files(config, list_files(config, tmp_path), custom_dataset(path).load_classes()))


def test_descriptions_are_bounded():
    long = {"a": {"sentence": "x" * (LONGEST_DESCRIPTION + 1)}, "b": {"sentence": "B"}}
    with pytest.raises(InputError, match=f"{LONGEST_DESCRIPTION + 1} characters"):
        class_list_from_mapping("d", long, "dataset.yaml")
    with pytest.raises(InputError, match="1001 classes, more than 1000"):
        class_list_from_mapping("d", {str(i): {"sentence": str(i)} for i in range(1001)}, "dataset.yaml")


def test_a_file_name_with_digits_that_are_none_is_sorted(tmp_path):
    assert sorted([tmp_path / "a²2.csv", tmp_path / "a10.csv", tmp_path / "a9.csv"], key=natural_key)


def write_parquet(path, columns, **settings):
    parquet.write_table(pa.table(columns), path, compression="zstd", store_schema=False, **settings)
    return path


def test_parquet_that_would_unpack_to_far_more_is_refused(tmp_path, monkeypatch):
    columns = NUMERIC | {"note": [b"x" * 20_000] * 600}
    path = write_parquet(tmp_path / "a.parquet", columns, use_dictionary=False)
    assert read_own(path) == 600
    monkeypatch.setattr(parquet_file, "BEARABLE", 1 << 20)
    with pytest.raises(InputError, match="column 'note' would unpack to 0.0 GB"):
        read_own(path)


def test_parquet_of_too_many_rows_or_columns_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("feature_extraction.own_files.tables.read_parquet", None)
    monkeypatch.setattr("feature_extraction.own_files.tables.MOST_ROWS", 599)
    with pytest.raises(InputError, match="more than 599 rows"):
        read_own(write_parquet(tmp_path / "a.parquet", NUMERIC))
    with pytest.raises(InputError, match="more than 2000 columns"):
        read_own(write_parquet(tmp_path / "b.parquet", {f"c{i}": [1.0] for i in range(2001)}))


LARGE = {
    "texts": ["x" * 50_000] * 600,
    "lists": [[1.0] * 1000] * 600,
    "bytes of one width": pa.array([bytes(50_000)] * 600, pa.binary(50_000)),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_no_value_takes_no_memory(name, tmp_path):
    """Every different text once, in the file; in every row of memory it would be fifty thousand times as much."""
    path = write_parquet(tmp_path / "a.parquet", NUMERIC | {"note": LARGE[name]})
    read = [table.column(1).to_pylist() for table in parquet_file.read_parquet(path, [0, 6], 256)]
    assert [value for batch in read for value in batch] == [parquet_file.NO_VALUE] * 600
    assert read_own(path) == 600


def test_texts_and_columns_of_one_name_are_read_as_they_are(tmp_path):
    columns = [
        pa.array(["walk", None, "run"]),
        pa.array([1, 2, 3]),
        pa.array([[1], [2], [3]]),
        pa.array(["a", "a", "b"]),
    ]
    table = pa.Table.from_arrays(columns, names=["x", "y", "y", "x"])
    parquet.write_table(table, tmp_path / "a.parquet")
    (read,) = parquet_file.read_parquet(tmp_path / "a.parquet", [3, 1, 0, 2], 10)
    assert [column.to_pylist() for column in read.columns] == [
        ["a", "a", "b"],
        [1, 2, 3],
        ["walk", None, "run"],
        [parquet_file.NO_VALUE] * 3,
    ]


def test_pauses_of_a_recording_are_bounded(tmp_path, monkeypatch):
    stamps = [0.02 * k + (1000.0 if k > 300 else 0.0) for k in range(600)]
    rows = [f"{stamp:.2f},{row}" for stamp, row in zip(stamps, ROWS[1:], strict=True)]
    (tmp_path / "a.csv").write_text("\n".join([f"t,{ROWS[0]}", *rows]))
    assert read_own(tmp_path / "a.csv") > 50_000
    monkeypatch.setattr(clock, "MOST_ROWS", 50_000)
    with pytest.raises(InputError, match="more than 50,000 rows with its pauses"):
        read_own(tmp_path / "a.csv")


def test_windows_do_not_multiply_samples():
    with pytest.raises(InputError, match="overlap: 0.9999"):
        WindowSettings(rate_hz=100.0, window_s=1000.0, overlap=0.9999)


@pytest.mark.parametrize(
    "text", ["objectives:", "augment: {jitter: }", "augment: 3", "encoder: {patches: 3}", "seed: ~"]
)
def test_fields_of_pretraining_without_a_value_are_refused(text, tmp_path):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match="a.yaml: .* (has no value|cannot be used); give"):
        load_patch_config(tmp_path / "a.yaml")


def test_large_yaml_is_not_parsed(tmp_path):
    path = tmp_path / "a.yaml"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(InputError, match="a.yaml: more than 8 MiB"):
        read_yaml(path)


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.bfloat16, torch.complex64], ids=str)
def test_tensors_that_numpy_does_not_know_are_refused(kind, tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.zeros(3).to(kind)}, path, {"k": json.dumps({})})
    with pytest.raises(InputError, match=r"a.safetensors: damaged .* \(tensors of type"):
        read_tensors(path, "k", "make it again")


def test_a_named_pipe_is_no_recording(tmp_path):
    os.mkfifo(tmp_path / "a.zip")
    with pytest.raises(InputError, match="a.zip"):
        read_own(tmp_path / "a.zip")


def test_classes_that_a_data_set_has_not_are_refused_before_it_is_read(tmp_path):
    """Whoever writes a split by hand may number the subjects, and so the classes, too."""
    split = asdict(split_with(seen=("1", "2", "3", "4"), unseen=("5",), inner=(("1", "2"),)))
    path = tmp_path / "a.json"
    path.write_text(json.dumps(split | {"seen": [1, 2, 3, 4], "unseen": [5]}))
    assert Split.load(path).seen == ("1", "2", "3", "4")
    with pytest.raises(InputError, match="a.json: dsads has no class '1'; there are sitting, "):
        load_split(Config(dataset="dsads", split=str(path)))


def test_names_of_columns_are_bounded(tmp_path):
    name = "[" * 100_000
    for text in (f"{name}\n1,2,3\n", f"{name},b,c\n" + "1,2,3\n" * 99, "{," * 2001 + "\n"):
        with pytest.raises(InputError, match="name of 100000 characters|more than 2000 values"):
            follow(io.StringIO(text), None, DECLARED)
    with pytest.raises(InputError, match="b.parquet: column .* has a name of 100000 characters"):
        read_own(write_parquet(tmp_path / "b.parquet", NUMERIC | {name: [1.0] * 600}))
