"""Rows of the benchmark's results file: one JSON object a line, only ever appended.

Axis legend: none; everything here is scalars and names.
"""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from feature_extraction.errors import InputError

logger = logging.getLogger(__name__)

GROUPS = ("ours", "rival", "reference", "ablation", "gate", "oracle", "upper bound")


@dataclass(frozen=True)
class ResultRow:
    """What one method gave on one split with one seed.

    Attributes:
        key: Digest of everything that decides the row.
        dataset: Data-set name.
        split: Split name.
        kind: Split kind.
        method: Name of the method or variant.
        group: One of `GROUPS`.
        seed: Seed.
        setting: What the inner folds chose, as text.
        n_seen: Number of seen classes.
        n_unseen: Number of unseen classes.
        chance: Top-1 of guessing among the unseen classes.
        zsl: top1, low, high, accuracy, macro_f1; none for gates.
        gzsl: seen, unseen, h, ausuc, auroc; none where it does not apply.
        by_subject: ZSL top-1 of every test subject.
        inner_top1: Top-1 on the inner folds, or none.
        seconds: Time of the run, tuning included.
    """

    key: str
    dataset: str
    split: str
    kind: str
    method: str
    group: str
    seed: int
    setting: str
    n_seen: int
    n_unseen: int
    chance: float
    zsl: Mapping[str, float] | None
    gzsl: Mapping[str, float] | None
    by_subject: Mapping[str, float]
    inner_top1: float | None
    seconds: float

    @property
    def identity(self) -> tuple[str, str, str, int]:
        """Return what a later row replaces an earlier one by."""
        return self.dataset, self.split, self.method, self.seed

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "ResultRow":
        """Build a row from `to_dict`.

        Raises:
            InputError: A field is missing or unknown, or the group is.
        """
        names = {entry.name for entry in fields(cls)}
        if set(value) != names:
            raise InputError(f"row: missing {sorted(names - set(value))}, unknown {sorted(set(value) - names)}")
        if value["group"] not in GROUPS:
            raise InputError(f"row: group {value['group']!r} is unknown; choose from {', '.join(GROUPS)}")
        return cls(**value)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def read_rows(path: Path) -> list[ResultRow]:
    """Read a results file; of rows that say the same of a method, split and seed, the last one counts.

    A damaged last line, as an interruption leaves it, is passed over with a warning.

    Raises:
        InputError: The file is missing, or another line is damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: no such results file; run `benchmark` without --page first") from None
    rows: dict[tuple[str, str, str, int], ResultRow] = {}
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise InputError(f"row: expected an object, found {type(value).__name__}")
            row = ResultRow.from_dict(value)
        except (json.JSONDecodeError, InputError) as error:
            if number == len(lines):
                logger.warning("%s, line %d: damaged (%s); passed over", path, number, error)
                break
            raise InputError(f"{path}, line {number}: damaged ({error}); restore or remove the line") from None
        rows.pop(row.identity, None)
        rows[row.identity] = row
    return list(rows.values())


def append_rows(path: Path, rows: Sequence[ResultRow]) -> None:
    """Append the rows of one job in a single write; what an interrupted write left of a line is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row.to_dict()) + "\n" for row in rows)
    with path.open("a+b") as file:
        file.seek(0)
        whole = file.read()
        file.truncate(whole.rfind(b"\n") + 1)  # an interrupted write leaves part of a line
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
