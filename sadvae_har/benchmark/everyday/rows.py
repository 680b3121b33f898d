"""One row of `benchmarks/everyday.jsonl`: one method on one task of one target under one condition."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from feature_extraction.errors import InputError
from sadvae_har.benchmark.rows import parse_rows

ALL_DEVICES, PLACE_KNOWN = "all devices together", "place known"  # conditions beside those of `tested.CONDITIONS`


@dataclass(frozen=True, kw_only=True)
class EverydayRow:
    """What a method gave; see `numbers.measure`.

    Attributes:
        key: Digest of everything that decides the rows of its job.
        target: Data set that nothing was learned from.
        task: Name of the task.
        draw: Number among draws of the same task.
        method: Name of the method.
        condition: How the target's devices differ from what was recorded.
        seed: Seed of training and of all draws.
        activities: Candidates where they are novel; else none.
        n_candidates: How many activities there are to choose from.
        n_windows: Windows, or moments for all devices together.
        n_classes: Classes or activities that top-1 is averaged over.
        n_people: People in these windows.
        chance: Top-1 of guessing.
        accuracy: Share of windows that are taken rightly.
        top1: The same, averaged over classes.
        low: Lower end of its 95 % interval over people.
        high: Upper end.
        macro_f1: Over windows of one possible activity; none if there are no such windows.
        by_placement: Top-1 per class of the devices at each place.
        fit_s: Seconds to learn; the network alone has those of ours with it.
    """

    key: str
    target: str
    task: str
    draw: int
    method: str
    condition: str
    seed: int
    activities: tuple[str, ...]
    n_candidates: int
    n_windows: int
    n_classes: int
    n_people: int
    chance: float
    accuracy: float
    top1: float
    low: float
    high: float
    macro_f1: float | None
    by_placement: Mapping[str, float]
    fit_s: float

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "EverydayRow":
        """Build a row from a JSON object.

        Raises:
            InputError: A field is missing or unknown.
        """
        names = {entry.name for entry in fields(cls)}
        if set(value) != names:
            raise InputError(f"row: missing {sorted(names - set(value))}, unknown {sorted(set(value) - names)}")
        return cls(**{**value, "activities": tuple(value["activities"])})


def read_everyday(path: Path) -> list[EverydayRow]:
    """Read a results file; where a job was run again with other settings, its rows of before do not count.

    Raises:
        InputError: The file is missing or damaged.
    """
    rows = parse_rows(path, EverydayRow.from_dict)
    newest = {(row.target, bool(row.activities), row.seed): row.key for row in rows}
    return [row for row in rows if row.key == newest[row.target, bool(row.activities), row.seed]]
