"""A run folder explains itself: config, split, environment, progress, metrics and predictions of one run.

Its `checksums.json` has a digest of every file, so that nothing is taken from one that is damaged or was edited.
"""

import json
import logging
import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from feature_extraction.errors import InputError
from feature_extraction.protocol.split import Split
from feature_extraction.storage.checksums import damaged_files
from feature_extraction.storage.files import (
    append_lines,
    changing,
    keep_checksums,
    read_json,
    read_npz,
    write_json,
    write_npz,
    write_text,
)
from feature_extraction.storage.places import IN_CHECKOUT, WORKING_FOLDER
from sadvae_har.config.files import load_config
from sadvae_har.config.settings import Config

PACKAGES = ("sadvae-har", "torch", "numpy", "scikit-learn", "scipy", "sentence-transformers", "safetensors")

logger = logging.getLogger(__name__)

REPORT_FILE = "report.html"
TRAINED, TRAINING_STATE, PROGRESS = "model.safetensors", "training_state.safetensors", "progress.jsonl"
GATE_EXAMPLES, GATE, PREDICTIONS = "gate_examples.npz", "gate.json", "predictions.npz"
MADE_AGAIN = (  # within minutes, from the trained models
    *(GATE_EXAMPLES, GATE, PREDICTIONS, "metrics.json", REPORT_FILE),
    *("recognizer.safetensors", "calibration.json"),
)
RESULTS = (TRAINED, *MADE_AGAIN)
DESCRIPTION = ("config.yaml", "split.json", "environment.json")


class RunFolder:
    """Files of one run; every write is atomic."""

    def __init__(self, path: Path) -> None:
        """Point at a folder that exists or will be made by `start`."""
        self.path = path

    def require_same(self, config: Config, split: Split) -> None:
        """Refuse a folder that holds another run.

        Raises:
            InputError: The folder holds a run with another config or split, holds results without a
                config, or cannot be a folder.
        """
        for parent in (self.path, *self.path.parents):
            if parent.exists():
                if not parent.is_dir() or not os.access(parent, os.W_OK):
                    raise InputError(f"{self.path}: cannot be written, see {parent}; choose another --out")
                break
        config_path = self.path / "config.yaml"
        orphans = [name for name in RESULTS if (self.path / name).exists() and not config_path.exists()]
        if orphans:
            raise InputError(
                f"{self.path / orphans[0]}: belongs to a run whose config.yaml is missing; "
                "restore that, or choose another --out"
            )
        if (self.path / "config.yaml").exists() and (self.config() != config or self.split() != split):
            raise InputError(f"{self.path}: holds a run with another config or split; choose another --out")

    def mend(self) -> None:
        """Delete results that are damaged or were edited, so that the run makes them again.

        Raises:
            InputError: A file is damaged that the run cannot make again, or only by training anew.
        """
        for path in damaged_files(self.path):
            what = f"{path}: damaged or changed since the run wrote it"
            if path.name in MADE_AGAIN:
                logger.warning("%s; it is made again", what)
                path.unlink()
            elif path.name in DESCRIPTION:
                raise InputError(f"{what}; restore it, or choose another --out")
            elif path.name in (TRAINED, TRAINING_STATE, PROGRESS):
                raise InputError(f"{what}; delete it to train again, or choose another --out")

    def start(self, config: Config, split: Split) -> None:
        """Write config, split and environment, unless this run was started before."""
        self.require_same(config, split)
        if (self.path / "config.yaml").exists():
            return
        keep_checksums(self.path)
        split.save(self.path / "split.json")
        write_json(self.path / "environment.json", environment(config.seed))
        write_text(self.path / "config.yaml", yaml.safe_dump(config.to_dict(), sort_keys=False, allow_unicode=True))

    def config(self) -> Config:
        """Read the run's config."""
        path = self.path / "config.yaml"
        try:
            if path.is_file() and path.stat().st_size == 0:
                raise InputError(f"{path}: empty")
            return load_config(path)
        except InputError as error:
            raise InputError(f"{error}; restore it, or choose another --out") from error

    def split(self) -> Split:
        """Read the run's split."""
        return Split.load(self.path / "split.json")

    def log(self, values: dict[str, Any]) -> None:
        """Append one line to progress.jsonl."""
        append_lines(self.path / PROGRESS, json.dumps({"time": round(time.time(), 1), **values}) + "\n")

    def metrics(self) -> dict[str, Any]:
        """Read metrics.json; empty before the first evaluation."""
        path = self.path / "metrics.json"
        metrics = read_json(path) if path.exists() else {}
        if not isinstance(metrics, dict):
            raise InputError(f"{path}: holds a {type(metrics).__name__}, not metrics; delete it and run again")
        return metrics

    def merge_metrics(self, values: dict[str, Any]) -> None:
        """Add to metrics.json; mappings such as `chosen` and `chance` are merged one level deep."""
        path = self.path / "metrics.json"
        with changing(path):
            metrics = self.metrics()
            for key, value in values.items():
                both = isinstance(value, dict) and isinstance(metrics.get(key), dict)
                metrics[key] = metrics[key] | value if both else value
            write_json(path, metrics)

    def merge_predictions(self, arrays: dict[str, np.ndarray]) -> None:
        """Add arrays to predictions.npz."""
        path = self.path / PREDICTIONS
        with changing(path):
            write_npz(path, (read_npz(path) if path.exists() else {}) | arrays)


def environment(seed: int) -> dict[str, Any]:
    """Return versions, seed, commit and host facts."""
    return {
        "seed": seed,
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "commit": _commit(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """Return the commit of this program; an installed one may lie in somebody else's repository."""
    if not (IN_CHECKOUT and (WORKING_FOLDER / ".git").exists()):
        return "unknown"
    command = ["git", "-C", str(WORKING_FOLDER), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
