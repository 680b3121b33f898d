"""Pretrained encoders in folders, what both kinds share: `model.safetensors` and `config.json`, no pickles.

The config says what the encoder is and what it learned from; both files name the run they are of by its key.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from feature_extraction.errors import InputError
from feature_extraction.protocol.split import Provenance
from feature_extraction.storage.escaping import visible
from feature_extraction.storage.files import keep_checksums, read_json, write_json
from feature_extraction.storage.tensors import read_tensors, write_tensors

WEIGHTS, CONFIG = "model.safetensors", "config.json"
KIND = "sadvae_har_encoder"
REMEDY = "pretrain again"


class Checkpoint(ABC):
    """A pretrained encoder and everything needed to use it honestly.

    Attributes:
        format: Name and version of the header.
        kind: What kind of encoder it is, in words.
        encoder: The network, in evaluation mode.
        provenance: What it learned from.
        key: Digest of everything that decided the training.
        training: Settings and result of the training, for the reader.
    """

    format: ClassVar[str]
    kind: ClassVar[str]
    encoder: nn.Module
    provenance: tuple[Provenance, ...]
    key: str
    training: Mapping[str, Any]

    @abstractmethod
    def header(self) -> dict[str, Any]:
        """Return everything but the weights as plain values."""

    @classmethod
    @abstractmethod
    def rebuild(cls, value: Mapping[str, Any]) -> Self:
        """Rebuild from `header`; a value that does not fit raises `KeyError`, `TypeError` or `ValueError`."""

    @abstractmethod
    def reads(self) -> list[str]:
        """Return what the encoder reads and gives, as lines for a reader."""

    @classmethod
    def from_header(cls, value: Any, path: Path) -> Self:
        """Rebuild a checkpoint from `header`, its weights yet to be filled in; `path` is named in errors.

        Raises:
            InputError: The header is damaged, foreign or of another version.
        """
        found = value.get("format") if isinstance(value, dict) else value
        if not isinstance(value, dict) or found != cls.format:
            raise InputError(f"{path}: not a {cls.kind} of format {cls.format!r} (found {found!r}); {REMEDY}")
        try:
            return cls.rebuild(value)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: damaged or edited ({error!r}); {REMEDY}") from error

    def save(self, folder: Path) -> None:
        """Write weights, then the config: a folder without a config is not a checkpoint."""
        keep_checksums(folder)
        write_weights(self.encoder, folder / WEIGHTS, self.key)
        write_json(folder / CONFIG, self.header())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a checkpoint.

        Raises:
            InputError: A file is missing, damaged, foreign or of another version, or the two are of different runs.
        """
        header, path = read_json(folder / CONFIG), folder / CONFIG
        with torch.device("meta"):  # takes no memory, whatever sizes the header names
            planned = cls.from_header(header, path)
        tensors = read_weights(planned.encoder, folder / WEIGHTS, planned.key)
        checkpoint = cls.from_header(header, path)
        checkpoint.encoder.load_state_dict(tensors)
        return checkpoint

    def describe(self) -> str:
        """Return what the encoder is, what it reads and what it has seen, as lines for a reader."""
        n_parameters = sum(parameter.numel() for parameter in self.encoder.parameters())
        lines = [f"encoder     {self.kind}, {n_parameters:,} parameters, key {self.key}", *self.reads()]
        for entry in self.provenance:
            labelled = "labelled" if entry.labelled else "unlabelled"
            lines.append(f"has seen    {entry.dataset}, {labelled}, subjects {', '.join(entry.subjects)}")
            lines.append(f"            classes: {', '.join(entry.classes)}")
        return "\n".join(map(visible, lines + [f"{name:11} {value}" for name, value in self.training.items()]))


def is_checkpoint(folder: Path) -> bool:
    """Return whether a finished checkpoint lies in the folder."""
    return (folder / CONFIG).exists()


def read_key(folder: Path) -> str:
    """Return the key of a checkpoint without reading its weights, or an empty string if it has none."""
    value = read_json(folder / CONFIG)
    return str(value.get("key", "")) if isinstance(value, dict) else ""


def write_weights(network: nn.Module, path: Path, key: str) -> None:
    """Write the weights of a network; `key` names the run they come from."""
    write_tensors(path, KIND, {"key": key}, {name: value.cpu() for name, value in network.state_dict().items()})


def restore_weights(network: nn.Module, path: Path, key: str) -> None:
    """Give a network the weights of a file, once it is certain that they are those of its run; see `read_weights`."""
    network.load_state_dict(read_weights(network, path, key))


def read_weights(network: nn.Module, path: Path, key: str) -> dict[str, Tensor]:
    """Return the weights of a file, once it is certain that they are those of a network and of its run.

    Args:
        network: Without its weights; it may lie on the device `meta`.
        path: The file.
        key: Of the run.

    Raises:
        InputError: The file is missing, damaged, of an earlier version, of another run or of another network.
    """
    header, tensors = read_tensors(path, KIND, REMEDY)
    if header.get("key") != key:
        raise InputError(f"{path}: weights of the run {header.get('key')}, {CONFIG} is of the run {key}; {REMEDY}")
    expected = {name: value.shape for name, value in network.state_dict().items()}
    found = {name: value.shape for name, value in tensors.items()}
    if found != expected:
        strange = min(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise InputError(f"{path}: weights of another network ({strange} differs); {REMEDY}")
    return tensors
