"""A finished run whose files were emptied, damaged, edited or deleted, and a run on a full disk."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from full_disk import files_no_longer_than
from run_results import ARTEFACTS, contents

from feature_extraction.errors import InputError, WriteError
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.report.run_page import write_report

pytest_plugins = ("tiny_run",)

RESULTS = ("gate_examples.npz", "gate.json", "predictions.npz", "metrics.json", "report.html")
KEPT = ("model.safetensors", "progress.jsonl", "config.yaml", "split.json", "environment.json", "checksums.json")


@pytest.fixture
def copy(finished: RunFolder, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in finished.path.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def edit(path: Path) -> None:
    """Change a number in JSON, or else append something."""
    if path.suffix != ".json":
        path.write_bytes(path.read_bytes() + b"\n")
        return
    value = json.loads(path.read_text())
    name = next(name for name, entry in value.items() if isinstance(entry, float | int | dict))
    value[name] = 0.123
    path.write_text(json.dumps(value))


DAMAGES = [empty, flip, edit]


def test_the_names_are_those_of_a_run() -> None:
    assert {*RESULTS, *KEPT} == ARTEFACTS


@pytest.mark.parametrize("damage", [*DAMAGES, Path.unlink])
@pytest.mark.parametrize("name", RESULTS)
def test_the_same_command_makes_a_damaged_result_again(
    finished: RunFolder, copy: Path, run_tiny: Callable, name: str, damage: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    damage(copy / name)
    again = run_tiny(copy)
    assert contents(again) == contents(finished)
    for other in RESULTS[:-1]:
        assert (copy / other).read_bytes() == (finished.path / other).read_bytes(), other
    assert (
        damage is Path.unlink or f"{name}: damaged or changed since the run wrote it; it is made again" in caplog.text
    )


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", KEPT)
def test_what_cannot_be_made_again_is_refused(copy: Path, run_tiny: Callable, name: str, damage: Callable) -> None:
    damage(copy / name)
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    with pytest.raises(InputError, match=rf"{name}: .*(restore it|delete it|choose another --out)") as caught:
        run_tiny(copy)
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


@pytest.mark.parametrize(
    "name", [name for name in (*RESULTS, *KEPT) if name not in ("report.html", "model.safetensors")]
)
def test_a_report_takes_nothing_from_a_file_with_a_flipped_bit(copy: Path, name: str) -> None:
    before = (copy / "report.html").read_bytes()
    data = (copy / name).read_bytes()
    for place in np.random.default_rng(0).integers(8 * len(data), size=10).tolist():
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        (copy / name).write_bytes(changed)
        with pytest.raises(InputError, match=name):
            write_report(copy)
    assert (copy / "report.html").read_bytes() == before
    (copy / name).write_bytes(data)
    write_report(copy)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("metrics.json", lambda m: m["zsl"]["accuracy"].update(value=0.99), "zsl accuracy: 0.99"),
        ("metrics.json", lambda m: m["zsl"].update(n_windows=7), "zsl n_windows: 7"),
        (
            "metrics.json",
            lambda m: m["gzsl"].update(per_class=dict.fromkeys(m["gzsl"]["per_class"], 2)),
            "gzsl per_class .*: 2 ",
        ),
        ("metrics.json", lambda m: m["gate"]["auroc"].pop("value"), "gate auroc: None"),
        ("gate.json", lambda gate: gate.update(threshold=0.77), "threshold 0.77"),
    ],
)
def test_numbers_that_contradict_the_predictions_are_refused_without_checksums(
    copy: Path, name: str, change: Callable, words: str
) -> None:
    (copy / "checksums.json").unlink()
    value = json.loads((copy / name).read_text())
    change(value)
    (copy / name).write_text(json.dumps(value))
    with pytest.raises(
        InputError, match=rf"{name}: contradicts predictions\.npz \({words}.*delete it and run the same"
    ):
        write_report(copy)


@pytest.mark.parametrize("n_bytes", [1, 20_000, 60_000])
def test_a_full_disk_ends_a_run_in_one_line_and_the_same_command_goes_on(
    finished: RunFolder, run_tiny: Callable, tmp_path: Path, n_bytes: int
) -> None:
    folder = tmp_path / "run"
    with (
        pytest.raises(WriteError, match=r"cannot be written \(File too large\)") as caught,
        files_no_longer_than(n_bytes),
    ):
        run_tiny(folder)
    assert str(caught.value).startswith(str(folder)) and "\n" not in str(caught.value)
    assert not list(folder.glob(".*"))
    assert contents(run_tiny(folder)) == contents(finished)
