"""Rows of the benchmark's results files: one JSON object a line, only ever appended.

Axis legend: none; everything here is scalars and names.
"""

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from joblib import Parallel, delayed
from tqdm.auto import tqdm

from feature_extraction.errors import InputError
from feature_extraction.storage.files import append_lines, require_file, require_writable
from feature_extraction.storage.json_text import parse_json
from sadvae_har.benchmark.measurement import Measurement

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

logger = logging.getLogger(__name__)
Parsed = TypeVar("Parsed")
AnyJob = TypeVar("AnyJob", bound="Job")


@dataclass(frozen=True, kw_only=True)
class ResultRow(Measurement):
    """What one method gave on one split with one seed; `zsl` without the numbers of every subject.

    Attributes:
        key: Digest of everything that decides the row.
        dataset: Data-set name.
        split: Split name.
        kind: Split kind.
        n_seen: Number of seen classes.
        n_unseen: Number of unseen classes.
        chance: Top-1 of guessing among the unseen classes.
        by_subject: ZSL top-1 of every test subject.
    """

    key: str
    dataset: str
    split: str
    kind: str
    n_seen: int
    n_unseen: int
    chance: float
    by_subject: Mapping[str, float]

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "ResultRow":
        """Build a row from a JSON object.

        Raises:
            InputError: A field is missing or unknown.
        """
        names = {entry.name for entry in fields(cls)}
        if set(value) != names:
            raise InputError(f"row: missing {sorted(names - set(value))}, unknown {sorted(set(value) - names)}")
        return cls(**value)


def read_rows(path: Path) -> list[ResultRow]:
    """Read a results file; of rows that say the same of a method, split and seed, the last one counts.

    Raises:
        InputError: See `parse_rows`.
    """
    rows: dict[tuple[str, str, str, int], ResultRow] = {}
    for row in parse_rows(path, ResultRow.from_dict):
        identity = row.dataset, row.split, row.method, row.seed
        rows.pop(identity, None)
        rows[identity] = row
    return list(rows.values())


def parse_rows(path: Path, parse: Callable[[Mapping[str, Any]], Parsed]) -> list[Parsed]:
    """Read every line of a results file.

    A damaged last line, as an interruption leaves it, is passed over with a warning.

    Args:
        path: The file.
        parse: Makes a row of a JSON object; raises `InputError` where it cannot.

    Raises:
        InputError: The file is missing, or another line is damaged.
    """
    if not path.exists():
        raise InputError(f"{path}: no such results file; run `benchmark` without --page first")
    require_file(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); restore it, or name another --results") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(parse(parse_json(line)))
        except ValueError as error:  # which an InputError is
            if number == len(lines):
                logger.warning("%s, line %d: damaged (%s); passed over", path, number, error)
                break
            raise InputError(f"{path}, line {number}: damaged ({error}); restore or remove the line") from error
    return rows


def append_rows(path: Path, rows: Sequence["DataclassInstance"]) -> None:
    """Append the rows of one job in a single write; what an interrupted write left of a line is removed."""
    append_lines(path, "".join(json.dumps(asdict(row)) + "\n" for row in rows))


class Job(Protocol):
    """Something to run, whose rows carry its key."""

    @property
    def key(self) -> str:
        """Digest of everything that decides the rows."""


def run_missing(
    jobs: Sequence[AnyJob],
    done: Collection[str],
    run: Callable[[AnyJob], Sequence[Any]],
    results: Path,
    n_processes: int,
) -> None:
    """Run the jobs whose rows are not there yet, appending rows as jobs finish.

    Args:
        jobs: All jobs.
        done: Keys of those whose rows are there.
        run: Runs one job on one thread; returns its rows.
        results: JSON-lines file.
        n_processes: Jobs run at the same time.
    """
    require_writable(results)
    missing = [job for job in jobs if job.key not in done]
    logger.info("benchmark: %d jobs, %d done before", len(jobs), len(jobs) - len(missing))
    found = Parallel(n_jobs=n_processes, return_as="generator_unordered")(delayed(run)(job) for job in missing)
    for rows in tqdm(found, total=len(missing), desc="benchmark", unit="job", disable=None):
        append_rows(results, rows)
