"""The one reader of a run folder: its saved files, checked as far as reports need, never live models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.protocol.split import OPEN, Split
from feature_extraction.storage.files import read_json, read_npz, require_file
from feature_extraction.storage.json_text import parse_json
from feature_extraction.storage.yaml import read_yaml

REMEDY = "run the same command again, or name a folder that a finished run wrote"
_NEEDED = ("metrics.json", "predictions.npz", "split.json", "environment.json", "config.yaml")
_ZSL = ("zsl_labels", "zsl_predictions", "latent_map_xy", "latent_map_class", "latent_map_kind")
_GZSL = (
    *("seen", "unseen", "gzsl_labels", "gzsl_predictions", "gzsl_scores"),
    *("gate_p_unseen", "gate_is_unseen", "gate_threshold"),
)


@dataclass(frozen=True)
class RunFiles:
    """The saved files of one run.

    Attributes:
        path: The run folder.
        metrics: `metrics.json`, with results of ZSL at least, unless the split is an open one.
        arrays: `predictions.npz`, checked for length and class names; empty for an open split.
        split: `split.json`.
        config_text: `config.yaml` as it stands.
        config: The same, parsed.
        environment: `environment.json`.
        gate: `gate.json`; empty without it.
        gate_examples: `gate_examples.npz`; empty without it.
        progress: Entries of `progress.jsonl`; empty without it.
    """

    path: Path
    metrics: dict[str, Any]
    arrays: dict[str, np.ndarray]
    split: Split
    config_text: str
    config: dict[str, Any]
    environment: dict[str, Any]
    gate: dict[str, Any]
    gate_examples: dict[str, np.ndarray]
    progress: tuple[dict[str, Any], ...]

    @property
    def is_open(self) -> bool:
        """Whether the run learned from everything and measured nothing, so that there are no predictions."""
        return self.split.kind == OPEN

    @property
    def has_gzsl(self) -> bool:
        """Whether the run reached its last stage."""
        return "gzsl" in self.metrics

    @property
    def seen(self) -> list[str]:
        """Seen classes in the order of the scores."""
        return self.arrays["seen"].tolist() if "seen" in self.arrays else list(self.split.seen)

    @property
    def unseen(self) -> list[str]:
        """Unseen classes in the order of the scores."""
        return self.arrays["unseen"].tolist() if "unseen" in self.arrays else list(self.split.unseen)

    @property
    def classes(self) -> list[str]:
        """Seen, then unseen classes in the order of the scores."""
        return [*self.seen, *self.unseen]

    def gzsl_positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of true and predicted classes of the GZSL windows among `classes`, both [n] int."""
        position = {name: k for k, name in enumerate(self.classes)}
        labels, predictions = (self.arrays[f"gzsl_{part}"].tolist() for part in ("labels", "predictions"))
        return np.array([position[name] for name in labels]), np.array([position[name] for name in predictions])

    def per_class(self, stage: str) -> dict[str, float]:
        """Return the accuracy of each class in a stage, `zsl` or `gzsl`; empty if the run has not reached it."""
        return self.metrics.get(stage, {}).get("per_class", {})


def read_run(folder: Path) -> RunFiles:
    """Read a run folder.

    Raises:
        InputError: The folder or one of its files is missing, damaged, incomplete, or of another run.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such run folder; {REMEDY}")
    path = folder / "split.json"
    measures = not path.is_file() or Split.load(path).kind != OPEN
    for name in _NEEDED if measures else [name for name in _NEEDED if name != "predictions.npz"]:
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: no such file; {REMEDY}")
    config, gate, examples = (folder / name for name in ("config.yaml", "gate.json", "gate_examples.npz"))
    run = RunFiles(
        path=folder,
        metrics=_mapping(folder / "metrics.json"),
        arrays=read_npz(folder / "predictions.npz") if measures else {},
        split=Split.load(folder / "split.json"),
        config=_mapping(config),
        config_text=config.read_text(encoding="utf-8"),
        environment=_mapping(folder / "environment.json"),
        gate=_mapping(gate) if gate.exists() else {},
        gate_examples=read_npz(examples) if examples.exists() else {},
        progress=_progress(folder / "progress.jsonl"),
    )
    if run.is_open:
        return run
    zsl = run.metrics.get("zsl")
    if not isinstance(zsl, dict) or not isinstance(zsl.get("per_class_top1"), dict):
        raise InputError(f"{folder / 'metrics.json'}: holds no 'zsl' results; {REMEDY}")
    _require_arrays(run)
    return run


def _mapping(path: Path) -> dict[str, Any]:
    value = read_yaml(path) if path.suffix == ".yaml" else read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: damaged (holds a {type(value).__name__}, not named values); {REMEDY}")
    return value


def _progress(path: Path) -> tuple[dict[str, Any], ...]:
    if path.exists():
        require_file(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return tuple(parse_json(line) for line in lines if line.strip())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: damaged ({error}); {REMEDY}") from error


def _require_arrays(run: RunFiles) -> None:
    """Refuse arrays that are missing or do not fit each other, as those of two runs would not."""
    arrays, where = run.arrays, run.path / "predictions.npz"
    for name in (*_ZSL, *(_GZSL if run.has_gzsl else ())):
        if name not in arrays:
            raise InputError(f"{where}: holds no array {name!r}; {REMEDY}")
    for prefix, classes in {"zsl": run.unseen, **({"gzsl": run.classes} if run.has_gzsl else {})}.items():
        named = {*arrays[f"{prefix}_labels"].tolist(), *arrays[f"{prefix}_predictions"].tolist()}
        if named - set(classes):
            found = f"{prefix} names {sorted(named - set(classes))}, no class of the run"
            raise InputError(f"{where}: arrays do not fit each other ({found}); {REMEDY}")
    for prefixes in (("zsl_",), ("latent_map_",), *([("gzsl_", "gate_")] if run.has_gzsl else [])):
        lengths = {name: len(array) for name, array in arrays.items() if name.startswith(prefixes) and array.ndim}
        if len(set(lengths.values())) > 1 or 0 in lengths.values():
            raise InputError(f"{where}: arrays do not fit each other (lengths {lengths}); {REMEDY}")
