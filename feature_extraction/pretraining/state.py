"""The whole state of a pretraining run in one file: an interrupted run goes on exactly."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from feature_extraction.storage.files import write_text
from feature_extraction.storage.tensors import (
    optimizer_tensors,
    read_header,
    read_tensors,
    restore_optimizer,
    under,
    write_tensors,
)

STATE, PROGRESS = "state.safetensors", "progress.jsonl"
KIND = "sadvae_har_pretraining"
REMEDY = "delete it to start afresh"
COUNTERS = ("epoch", "history", "best_value", "best_epoch", "stale_epochs")


@dataclass(frozen=True)
class Metric:
    """What a checkpoint is chosen by.

    Attributes:
        name: Its name in `progress.jsonl`.
        higher_is_better: Its direction.
    """

    name: str
    higher_is_better: bool

    def at_least_as_good(self, value: float, best: float | None) -> bool:
        """Return whether `value` is at least as good as `best`; anything is as good as nothing."""
        return best is None or (value >= best if self.higher_is_better else value <= best)

    def improves(self, value: float, best: float | None) -> bool:
        """Return whether `value` is truly better than `best`."""
        return best is None or (self.at_least_as_good(value, best) and value != best)


@dataclass
class PretrainState:
    """What changes while an encoder is trained.

    Attributes:
        encoder: Network being trained.
        objective: Its heads.
        optimizer: Optimiser of both.
        generator: Source of random draws.
        epoch: Epochs completed.
        history: One row per completed epoch.
        best: Encoder weights at the best epoch.
        best_value: Validation metric there.
        best_epoch: That epoch, from 1.
        stale_epochs: Epochs since the metric last improved.
    """

    encoder: nn.Module
    objective: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator = field(default_factory=torch.Generator)
    epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_value: float | None = None
    best_epoch: int = 0
    stale_epochs: int = 0

    def finish_epoch(self, metric: Metric, score: float, numbers: Mapping[str, float]) -> None:
        """Count an epoch and its numbers, and keep the weights if they are at least as good as the best so far."""
        self.epoch += 1
        self.stale_epochs = 0 if metric.improves(score, self.best_value) else self.stale_epochs + 1
        if metric.at_least_as_good(score, self.best_value):
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in self.encoder.state_dict().items()}
            self.best_value, self.best_epoch = score, self.epoch
        self.history.append({"epoch": self.epoch, **numbers})

    def save(self, folder: Path, key: str) -> None:
        """Write the state, and the history for the reader; `key` names the run they belong to."""
        tensors = {f"encoder/{name}": value for name, value in self.encoder.state_dict().items()}
        tensors |= {f"objective/{name}": value for name, value in self.objective.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self.best.items()}
        tensors |= optimizer_tensors(self.optimizer, "optimizer")
        tensors["generator"] = self.generator.get_state()
        header = {"key": key, "counters": {name: getattr(self, name) for name in COUNTERS}}
        write_tensors(folder / STATE, KIND, header, {name: value.cpu() for name, value in tensors.items()})
        write_text(folder / PROGRESS, "".join(json.dumps(row) + "\n" for row in self.history))

    def load(self, folder: Path, key: str) -> bool:
        """Take over a saved state of the run named by `key`.

        Returns:
            Whether there was one; the state of another run is left alone.

        Raises:
            InputError: The file is damaged.
        """
        path = folder / STATE
        if not path.exists() or read_header(path, KIND, REMEDY).get("key") != key:
            return False
        header, tensors = read_tensors(path, KIND, REMEDY)
        self.encoder.load_state_dict(under(tensors, "encoder"))
        self.objective.load_state_dict(under(tensors, "objective"))
        self.best = under(tensors, "best")
        restore_optimizer(self.optimizer, tensors, "optimizer")
        self.generator.set_state(tensors["generator"])
        for name in COUNTERS:
            setattr(self, name, header["counters"][name])
        return True
