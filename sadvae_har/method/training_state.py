"""The whole state of an interrupted training run in one file, so that it goes on exactly."""

from pathlib import Path

import torch
from torch import Tensor

from feature_extraction.storage.tensors import (
    optimizer_tensors,
    read_header,
    read_tensors,
    restore_optimizer,
    under,
    write_tensors,
)
from sadvae_har.method.training import Trainer

KIND = "sadvae_har_training"
_REMEDY = "delete it to start this stage afresh"
Snapshots = dict[int, dict[str, Tensor]]


def save_state(path: Path, trainer: Trainer, snapshots: Snapshots, key: str) -> None:
    """Write models, averages, optimisers, generators and snapshots.

    Args:
        path: File to replace.
        trainer: Running training.
        snapshots: Averaged weights at the checkpoints passed so far, step -> weights.
        key: Digest of everything that decides the run; another run does not take the file up.
    """
    tensors = {f"model/{name}": value for name, value in trainer.model.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in trainer.average.state_dict().items()}
    for part, optimiser in _optimisers(trainer).items():
        tensors |= optimizer_tensors(optimiser, part)
    tensors |= {f"generator/{k}": generator.get_state() for k, generator in enumerate(trainer.generators)}
    for step, weights in snapshots.items():
        tensors |= {f"snapshot-{step}/{name}": value for name, value in weights.items()}
    write_tensors(path, KIND, {"key": key, "step": trainer.step_number, "snapshots": list(snapshots)}, tensors)


def load_state(path: Path, trainer: Trainer, key: str) -> Snapshots:
    """Put a saved state into a freshly made trainer; return the snapshots taken so far.

    A state of another configuration is of no use here and is left alone: training starts afresh.

    Raises:
        InputError: The file is damaged.
    """
    if read_header(path, KIND, _REMEDY)["key"] != key:
        return {}
    header, tensors = read_tensors(path, KIND, _REMEDY)
    trainer.model.load_state_dict(under(tensors, "model"))
    trainer.average.load_state_dict(under(tensors, "average"))
    for part, optimiser in _optimisers(trainer).items():
        restore_optimizer(optimiser, tensors, part)
    for k, generator in enumerate(trainer.generators):
        generator.set_state(tensors[f"generator/{k}"])
    trainer.step_number = header["step"]
    return {step: under(tensors, f"snapshot-{step}") for step in header["snapshots"]}


def _optimisers(trainer: Trainer) -> dict[str, torch.optim.Optimizer]:
    return {"vae_optimiser": trainer.vae_optimiser, "adversary_optimiser": trainer.adversary_optimiser}
