"""TensorBoard reads every epoch of a run exactly once, also of an interrupted and resumed one; and the figure."""

import json
from pathlib import Path

import pytest
import torch
from pooled_problem import NAMES, SMALL, make_dataset
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from feature_extraction.pretraining import loop
from feature_extraction.pretraining.corpus import choose_windows
from feature_extraction.pretraining.curves import open_event_log, plot_curves
from feature_extraction.pretraining.pretrain import pretrain_patches

HISTORY = [
    {"epoch": 1, "masked.level hapt": 3.0, "val_loss": 2.5, "learning_rate": 1e-3, "seconds": 1.0},
    {"epoch": 2, "masked.level usc-had": 2.0, "val_loss": 1.5, "learning_rate": 5e-4, "seconds": 1.0},
]


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what TensorBoard shows: tag -> epochs and values."""
    events = EventAccumulator(str(folder)).Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_every_number_is_a_point_and_a_missing_data_set_a_gap(tmp_path: Path) -> None:
    with open_event_log(tmp_path, HISTORY):
        pass
    assert read(tmp_path) == {
        "masked.level/hapt": [(1, 3.0)],
        "masked.level/usc-had": [(2, 2.0)],
        "val_loss": [(1, 2.5), (2, 1.5)],
        "learning_rate": [(1, pytest.approx(1e-3)), (2, pytest.approx(5e-4))],
    }


def test_an_epoch_is_on_disk_before_the_next_one_begins(tmp_path: Path) -> None:
    with open_event_log(tmp_path, []) as log:
        log.add(HISTORY[0])
        assert read(tmp_path)["val_loss"] == [(1, 2.5)]


def test_resuming_drops_what_the_saved_history_does_not_hold(tmp_path: Path) -> None:
    with open_event_log(tmp_path, HISTORY):
        pass
    with open_event_log(tmp_path, HISTORY[:1]) as log:
        log.add({**HISTORY[1], "val_loss": 1.0})
    assert read(tmp_path)["val_loss"] == [(1, 2.5), (2, 1.0)]


def test_a_tensorboard_that_watches_the_folder_follows_the_resumed_run(tmp_path: Path) -> None:
    with open_event_log(tmp_path, HISTORY):
        pass
    watching = EventAccumulator(str(tmp_path)).Reload()
    assert [event.value for event in watching.Scalars("val_loss")] == [2.5, 1.5]
    with open_event_log(tmp_path, HISTORY[:1]) as log:
        log.add({**HISTORY[1], "val_loss": 1.0})
        watching.Reload()
    assert [event.value for event in watching.Scalars("val_loss")] == [2.5, 1.0]


def test_events_of_an_interrupted_and_resumed_run_are_its_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    parts = [choose_windows(make_dataset(name)) for name in NAMES]
    save, calls = loop.PretrainState.save, []

    def interrupt(*arguments: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        save(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop.PretrainState, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pretrain_patches(parts, SMALL, tmp_path)
    pretrain_patches(parts, SMALL, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    shown = read(tmp_path)
    assert [step for step, _ in shown["val_loss"]] == [1, 2, 3]
    assert {tag.replace("/", " ") for tag in shown} == {name for row in rows for name in row} - {"epoch", "seconds"}
    for tag, points in shown.items():
        name = tag.replace("/", " ")
        assert points == [(row["epoch"], pytest.approx(row[name], rel=1e-6)) for row in rows if name in row]


def test_curves_have_gaps_where_a_data_set_was_not_drawn(tmp_path: Path) -> None:
    rows = [{"epoch": 1, "a.b hapt": 1.0, "val_loss": 2.0, "seconds": 1}, {"epoch": 2, "val_loss": 1.0, "seconds": 1}]
    plot_curves(rows, "val_loss", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
