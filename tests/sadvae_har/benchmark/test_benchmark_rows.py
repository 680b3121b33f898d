"""The results file of the benchmark: appended to, read back, and safe against interruptions."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from result_row import ROW

from feature_extraction.errors import InputError
from sadvae_har.benchmark.rows import ResultRow, append_rows, read_rows


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_rows(path, [ROW, replace(ROW, seed=1)])
    append_rows(path, [replace(ROW, method="sae")])
    assert read_rows(path) == [ROW, replace(ROW, seed=1), replace(ROW, method="sae")]


def test_a_later_row_replaces_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_rows(path, [ROW, replace(ROW, seed=1), replace(ROW, key="new", seconds=9.0)])
    assert read_rows(path) == [replace(ROW, seed=1), replace(ROW, key="new", seconds=9.0)]


def test_half_a_last_line_is_passed_over_and_then_removed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "results.jsonl"
    append_rows(path, [ROW, replace(ROW, seed=1)])
    whole = path.read_text()
    path.write_text(whole[:-30])
    assert read_rows(path) == [ROW]
    assert "line 2" in caplog.text
    append_rows(path, [replace(ROW, seed=2)])
    assert read_rows(path) == [ROW, replace(ROW, seed=2)]


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text("{}\n" + json.dumps(asdict(ROW)) + "\n")
    with pytest.raises(InputError, match="line 1"):
        read_rows(path)


def test_a_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run `benchmark`"):
        read_rows(tmp_path / "none.jsonl")


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(InputError, match="unknown"):
        ResultRow.from_dict(asdict(ROW) | {"surplus": 1})
