"""A tiny data set of a user, one CSV file a person, and the flags that run it in seconds."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_layouts import swing

from feature_extraction.descriptions.class_list import attribute_names

QUICK = ["--train.n_steps", "6", "--train.n_checkpoints", "2", "--train.n_seeds", "1", "--text.views", "[kinematics]"]
NAMES = ("stirring", "chopping", "kneading", "pouring", "grating", "rolling", "wiping", "resting")
RATE_HZ = 25
ROWS_PER_CLASS = 8 * RATE_HZ


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def write_kitchen(folder: Path, n_subjects: int = 4, names=NAMES) -> Path:
    """Write a CSV file per person, each class a swing of its own frequency for 8 s, and their dataset.yaml."""
    (folder / "recordings").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for person in range(1, n_subjects + 1):
        rows = [["ax", "ay", "az", "activity"]]
        for number, name in enumerate(names):
            samples = swing(ROWS_PER_CLASS, RATE_HZ, 0.5 + number, n_columns=3)
            samples += generator.normal(0, 0.01, samples.shape)
            rows += [[*(f"{value:.5f}" for value in sample), name] for sample in samples]
        with (folder / "recordings" / f"kitchen_p{person}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    lines = [
        "dataset: kitchen",
        "files: recordings/*.csv",
        f"rate_hz: {RATE_HZ}",
        "columns: {wrist.acc_x: ax, wrist.acc_y: ay, wrist.acc_z: az}",
        "units: {acc: g}",
        "label: {column: activity}",
        "subject: {pattern: '_p([0-9]+)'}",
        "windowing: {window_s: 2, overlap: 0}",
        "classes:",
    ]
    for number, name in enumerate(names):
        values = {attribute: (number >> bit & 1) for bit, attribute in enumerate(attribute_names())}
        said = {"sentence": f"A person is {name} food.", "kinematics": values}
        lines.append(f"  {json.dumps(name)}: {json.dumps(said)}")
    path = folder / "dataset.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file's bytes and time of change."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


class Kitchen:
    """Tiny raw recordings, one split of them, and the flags that run it."""

    def __init__(self, folder: Path, names=NAMES) -> None:
        self.folder, self.resources = folder, folder / "resources"
        self.yaml = write_kitchen(folder / "raw", names=names)
        self.split = folder / "splits" / "kitchen" / "random-1.json"

    def flags(self, out: str = "whole") -> list[str]:
        inputs = ["--dataset", str(self.yaml), "--split", str(self.split)]
        return [*inputs, "--resources", str(self.resources), "--out", str(self.folder / out), *QUICK]
