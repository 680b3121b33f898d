"""The whole state of a pretraining run in one safetensors file: an interrupted run goes on exactly."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from feature_extraction.errors import InputError
from feature_extraction.storage.files import atomic_path


@dataclass
class PretrainState:
    """What changes while an encoder is trained.

    Attributes:
        encoder: Network being trained.
        objective: Its heads.
        optimizer: Optimiser of both.
        generator: Source of every random draw.
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
    generator: torch.Generator
    epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_value: float | None = None
    best_epoch: int = 0
    stale_epochs: int = 0

    def save(self, path: Path, key: str) -> None:
        """Write the state; `key` names the run it belongs to."""
        tensors = {f"encoder/{name}": value for name, value in self.encoder.state_dict().items()}
        tensors |= {f"objective/{name}": value for name, value in self.objective.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self.best.items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{index}/{name}": value for name, value in values.items()}
        tensors["generator"] = self.generator.get_state()
        counters = {name: getattr(self, name) for name in COUNTERS}
        metadata = {"key": key, "counters": json.dumps(counters)}
        with atomic_path(path) as temporary:
            save_file({name: value.contiguous().clone() for name, value in tensors.items()}, temporary, metadata)

    def load(self, path: Path, key: str) -> bool:
        """Take over a saved state of the run named by `key`.

        Returns:
            Whether there was one; the state of another run is left alone.

        Raises:
            InputError: The file is damaged.
        """
        if not path.exists():
            return False
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("key") != key:
                    return False
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            counters = json.loads(metadata["counters"])
            self._restore(tensors)
            for name in COUNTERS:
                setattr(self, name, counters[name])
        except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
            raise InputError(f"{path}: damaged training state ({error}); delete it to start afresh") from None
        return True

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        self.encoder.load_state_dict(_under(tensors, "encoder/"))
        self.objective.load_state_dict(_under(tensors, "objective/"))
        self.best = _under(tensors, "best/")
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _under(tensors, "optimizer/").items():
            index, _, entry = name.partition("/")
            moments.setdefault(int(index), {})[entry] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": moments})
        self.generator.set_state(tensors["generator"])


COUNTERS = ("epoch", "history", "best_value", "best_epoch", "stale_epochs")


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
