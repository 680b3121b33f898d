"""The whole state of an interrupted training run in one safetensors file, so that it goes on exactly."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from feature_extraction.errors import InputError
from feature_extraction.storage.files import atomic_path
from sadvae_har.method.training import Trainer

Snapshots = dict[int, dict[str, Tensor]]


def save_state(path: Path, trainer: Trainer, snapshots: Snapshots, key: str) -> None:
    """Write models, averages, optimisers, generators and snapshots.

    Args:
        path: File to replace.
        trainer: Running training.
        snapshots: Averaged weights at the checkpoints passed so far, step -> weights.
        key: Digest of everything that decides the run; another run refuses the file.
    """
    tensors = {f"model/{name}": value for name, value in trainer.model.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in trainer.average.state_dict().items()}
    for label, optimiser in _optimisers(trainer).items():
        for index, values in optimiser.state_dict()["state"].items():
            tensors |= {f"{label}/{index}/{name}": value for name, value in values.items()}
    tensors |= {f"generator/{k}": generator.get_state() for k, generator in enumerate(trainer.generators)}
    for step, weights in snapshots.items():
        tensors |= {f"snapshot/{step}/{name}": value for name, value in weights.items()}
    metadata = {"key": key, "step": str(trainer.step_number)}
    with atomic_path(path) as temporary:
        save_file({name: value.contiguous().clone() for name, value in tensors.items()}, temporary, metadata)


def load_state(path: Path, trainer: Trainer, key: str) -> Snapshots:
    """Put a saved state into a freshly made trainer; return the snapshots taken so far.

    A state of another configuration is of no use here and is left unread: training starts afresh.

    Raises:
        InputError: The file is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("key") != key:
                return {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: damaged training state ({error}); delete it to start this stage afresh") from None
    trainer.model.load_state_dict(_under(tensors, "model/"))
    trainer.average.load_state_dict(_under(tensors, "average/"))
    for label, optimiser in _optimisers(trainer).items():
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under(tensors, f"{label}/").items():
            index, _, field = name.partition("/")
            state.setdefault(int(index), {})[field] = value
        optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
    for k, generator in enumerate(trainer.generators):
        generator.set_state(tensors[f"generator/{k}"])
    trainer.step_number = int(metadata["step"])
    snapshots: Snapshots = {}
    for name, value in _under(tensors, "snapshot/").items():
        step, _, field = name.partition("/")
        snapshots.setdefault(int(step), {})[field] = value
    return snapshots


def _optimisers(trainer: Trainer) -> dict[str, torch.optim.Optimizer]:
    return {"vae_optimiser": trainer.vae_optimiser, "adversary_optimiser": trainer.adversary_optimiser}


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
