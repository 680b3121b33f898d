"""`FeatureTable`: features of every window beside what is needed to use them honestly.

One `.npz` file without pickles: the arrays, and a JSON header with the data set, the windows' key, the
widths of the feature blocks and the provenance of whatever in them was learned.

Axis legend: N windows, D features.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.protocol.split import Provenance
from feature_extraction.storage.files import read_npz, write_npz
from feature_extraction.storage.json_text import parse_json
from feature_extraction.windows.input_format import InputFormat

T = TypeVar("T")
FORMAT = "feature-table-1"
ROW_FIELDS = ("labels", "subjects", "recordings", "start_s")


@dataclass(frozen=True)
class FeatureTable:
    """Features of the windows of one data set.

    Attributes:
        features: float32 [N, D], finite.
        labels: Class names [N].
        subjects: Subject names [N].
        recordings: Recording names [N].
        start_s: Start of each window in its recording [N], seconds.
        blocks: Width of each feature block, in column order; the widths sum to D.
        dataset: Data-set name.
        window_key: Key of the windows the features were computed from.
        provenance: What the learned blocks learned from; empty if nothing was learned.
        encoders: Key of the checkpoint behind each learned block.
        source: How the windows were cut, where that is known; a model needs it to read recordings.
    """

    features: np.ndarray
    labels: np.ndarray
    subjects: np.ndarray
    recordings: np.ndarray
    start_s: np.ndarray
    blocks: Mapping[str, int]
    dataset: str
    window_key: str
    provenance: tuple[Provenance, ...] = ()
    encoders: Mapping[str, str] = field(default_factory=dict)
    source: InputFormat | None = None

    def __post_init__(self) -> None:
        """Refuse a table whose parts do not fit together.

        Raises:
            InputError: Wrong shape, other row counts, widths that do not sum to D, or values not finite.
        """
        where = f"feature table of {self.dataset}"
        if self.features.ndim != 2 or 0 in self.features.shape:
            raise InputError(f"{where}: features have shape {self.features.shape}; expected [windows, features]")
        for name in ROW_FIELDS:
            shape = getattr(self, name).shape
            if shape != (len(self.features),):
                raise InputError(f"{where}: '{name}' has shape {shape} for {len(self.features)} windows; give one each")
        if sum(self.blocks.values()) != self.features.shape[1]:
            raise InputError(f"{where}: blocks {dict(self.blocks)} do not sum to {self.features.shape[1]} features")
        finite = np.isfinite(self.features).all(axis=1)
        if not finite.all():
            raise InputError(
                f"{where}: window {int(np.argmin(finite))} has features that are not finite; make it again"
            )

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.features)

    def select(self, blocks: Sequence[str]) -> "FeatureTable":
        """Return the table with these blocks only, in this order.

        The provenance of all blocks is kept: it is recorded per table, not per block. A selection
        of the `statistical` block alone has learned from nothing and drops it.

        Raises:
            InputError: A block is not in the table.
        """
        unknown = [name for name in blocks if name not in self.blocks]
        if unknown or not blocks:
            raise InputError(
                f"feature table of {self.dataset} has blocks {', '.join(self.blocks)}; "
                f"cannot select {', '.join(unknown) or 'none'}"
            )
        ends = np.cumsum(list(self.blocks.values()))
        columns = {
            name: np.arange(end - width, end) for (name, width), end in zip(self.blocks.items(), ends, strict=True)
        }
        return replace(
            self,
            features=np.ascontiguousarray(self.features[:, np.concatenate([columns[name] for name in blocks])]),
            blocks={name: self.blocks[name] for name in blocks},
            encoders={name: key for name, key in self.encoders.items() if name in blocks},
            provenance=() if set(blocks) == {"statistical"} else self.provenance,
        )

    def keep_every(self, step: int) -> "FeatureTable":
        """Return every `step`-th window, which makes a compact table of recordings with many like windows.

        Raises:
            InputError: `step` is not at least 1.
        """
        if step < 1:
            raise InputError(f"feature table of {self.dataset}: every {step}-th window makes no sense; use 1 or more")
        rows = {name: getattr(self, name)[::step] for name in ("features", *ROW_FIELDS)}
        return replace(self, **rows)

    def save(self, path: Path, half: bool = False) -> None:
        """Write one `.npz` file.

        Args:
            path: File to create or replace.
            half: Store features as float16, a relative error of at most 5e-4.

        Raises:
            InputError: A feature is too large for float16.
        """
        with np.errstate(over="ignore"):  # what does not fit becomes infinite and is refused below
            features = self.features.astype(np.float16 if half else np.float32)
        if not np.isfinite(features).all():
            raise InputError(f"{path}: features beyond ±65504 do not fit float16; save with half=False")
        header = {
            "format": FORMAT,
            "dataset": self.dataset,
            "window_key": self.window_key,
            "blocks": dict(self.blocks),
            "provenance": [asdict(entry) for entry in self.provenance],
            "encoders": dict(self.encoders),
            "source": self.source.to_dict() if self.source else None,
        }
        text = {name: getattr(self, name).astype(str) for name in ("labels", "subjects", "recordings")}
        start_s = self.start_s.astype(np.float64)
        write_npz(path, {"header": np.array(json.dumps(header)), "features": features, **text, "start_s": start_s})

    @classmethod
    def load(cls, path: Path) -> "FeatureTable":
        """Read a table.

        Raises:
            InputError: The file is missing, damaged or not a feature table of this version.
        """
        arrays = read_npz(path)
        missing = sorted({"header", "features", *ROW_FIELDS} - set(arrays))
        if missing:
            raise InputError(f"{path}: not a feature table, it lacks {', '.join(missing)}; make it again")
        kinds = {"header": "U", "features": "f", "labels": "U", "subjects": "U", "recordings": "U", "start_s": "f"}
        wrong = [name for name, kind in kinds.items() if arrays[name].dtype.kind != kind]
        if wrong:
            raise InputError(f"{path}: {wrong[0]!r} holds {arrays[wrong[0]].dtype}, as no table does; make it again")
        try:
            header = parse_json(str(arrays["header"]))
        except ValueError as error:
            raise InputError(f"{path}: damaged header ({error}); delete it and make it again") from error
        found = header.get("format") if isinstance(header, dict) else None
        if found != FORMAT:
            raise InputError(f"{path}: format {found!r}, expected {FORMAT!r}; make it again")
        try:
            return cls(
                features=arrays["features"].astype(np.float32),
                **{name: arrays[name] for name in ROW_FIELDS},
                blocks=_named(header, "blocks", int),
                dataset=_typed(header, "dataset", str),
                window_key=_typed(header, "window_key", str),
                provenance=tuple(map(Provenance.from_dict, _typed(header, "provenance", list))),
                encoders=_named(header, "encoders", str),
                source=InputFormat.from_dict(header["source"]) if header.get("source") else None,
            )
        except InputError as error:
            raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def _typed(header: Mapping[str, Any], key: str, kind: type[T]) -> T:
    """Return a value of a header.

    Raises:
        InputError: It is missing, or of another type.
    """
    value = header.get(key)
    if not isinstance(value, kind):
        raise InputError(f"damaged header ({key} is {value!r:.80}); delete it and make it again")
    return value


def _named(header: Mapping[str, Any], key: str, kind: type[T]) -> dict[str, T]:
    """Return a mapping of a header whose values are of one type; errors as of `_typed`."""
    named: dict[str, Any] = _typed(header, key, dict)
    return {name: _typed(named, name, kind) for name in named}


def concatenate(tables: Sequence[FeatureTable]) -> FeatureTable:
    """Lay the blocks of several tables of the same windows side by side.

    Raises:
        InputError: No table, different windows, or a block that two tables have.
    """
    if not tables:
        raise InputError("no feature table to concatenate; give at least one")
    first = tables[0]
    blocks: dict[str, int] = {}
    encoders: dict[str, str] = {}
    provenance: list[Provenance] = []
    for table in tables:
        same = (table.dataset, table.window_key) == (first.dataset, first.window_key) and all(
            np.array_equal(getattr(table, name), getattr(first, name)) for name in ROW_FIELDS
        )
        if not same:
            raise InputError(
                f"feature tables of {first.dataset} ({first.window_key}) and {table.dataset} "
                f"({table.window_key}) describe different windows; extract both from the same windows"
            )
        repeated = sorted(set(blocks) & set(table.blocks))
        if repeated:
            raise InputError(f"feature tables of {first.dataset} both have block {', '.join(repeated)}; keep one")
        blocks |= table.blocks
        encoders |= table.encoders
        provenance += [entry for entry in table.provenance if entry not in provenance]
    features = np.concatenate([table.features for table in tables], axis=1)
    return replace(first, features=features, blocks=blocks, provenance=tuple(provenance), encoders=encoders)
