"""Encoder checkpoints: a folder with `model.safetensors` and `config.json`, no pickles.

The config says which windows the encoder reads, what it learned from, and which weights belong to it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from feature_extraction.encoders.resnet import ResNet1d, ResNetConfig
from feature_extraction.errors import InputError
from feature_extraction.protocol.split import Provenance
from feature_extraction.recordings.recording import Channel
from feature_extraction.storage.files import atomic_path, content_hash, read_json, write_json
from feature_extraction.windows.window_set import WindowSet

FORMAT = "encoder-1"
WEIGHTS, CONFIG = "model.safetensors", "config.json"


@dataclass(frozen=True)
class WindowFormat:
    """The windows an encoder reads.

    Attributes:
        rate_hz: Sampling rate.
        n_samples: T.
        channels: One per column.
    """

    rate_hz: float
    n_samples: int
    channels: tuple[Channel, ...]

    @classmethod
    def of(cls, windows: WindowSet) -> "WindowFormat":
        """Return the format of a window set."""
        return cls(float(windows.settings.rate_hz), int(windows.samples.shape[1]), tuple(windows.channels))

    def require(self, windows: WindowSet, where: Path) -> None:
        """Refuse windows of another format.

        Raises:
            InputError: Naming what the encoder reads and what the windows have.
        """
        given = WindowFormat.of(windows)
        for name in ("rate_hz", "n_samples", "channels"):
            ours, theirs = getattr(self, name), getattr(given, name)
            if ours != theirs:
                if name == "channels":
                    ours, theirs = (", ".join(f"{c.name} [{c.unit}]" for c in group) for group in (ours, theirs))
                raise InputError(
                    f"{where}: this encoder reads windows with {name} {ours}, those of {windows.dataset} "
                    f"have {theirs}; prepare windows with its settings or pretrain another encoder"
                )


@dataclass(frozen=True)
class EncoderCheckpoint:
    """A pretrained encoder and everything needed to use it honestly.

    Attributes:
        encoder: The network, in evaluation mode.
        windows: The windows it reads.
        provenance: What it learned from.
        key: Digest of everything that decided the training.
        training: Objective, split, settings and result of the training, for the reader.
    """

    encoder: ResNet1d
    windows: WindowFormat
    provenance: tuple[Provenance, ...]
    key: str
    training: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Write weights, then the config that names them: a folder without a config is not a checkpoint."""
        write_json(folder / CONFIG, self.header() | {"weights": write_weights(self.encoder, folder)})

    def header(self) -> dict[str, Any]:
        """Return everything but the weights as plain values."""
        return {
            "format": FORMAT,
            "key": self.key,
            "encoder": {"name": "resnet", **asdict(self.encoder.config)},
            "windows": asdict(self.windows),
            "provenance": [asdict(entry) for entry in self.provenance],
            "training": dict(self.training),
        }

    @classmethod
    def load(cls, folder: Path) -> "EncoderCheckpoint":
        """Read a checkpoint.

        Raises:
            InputError: A file is missing, damaged, foreign or of another version, or the two differ.
        """
        path = folder / CONFIG
        value = read_json(path)
        checkpoint = cls.from_header(value, path)
        restore_weights(checkpoint.encoder, folder, str(value.get("weights")))
        return checkpoint

    @classmethod
    def from_header(cls, value: Any, path: Path) -> "EncoderCheckpoint":
        """Rebuild a checkpoint from `header`, its weights yet to be filled in; `path` is named in errors.

        Raises:
            InputError: The header is damaged, foreign or of another version.
        """
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            found = value.get("format") if isinstance(value, dict) else value
            raise InputError(
                f"{path}: not an encoder checkpoint of format {FORMAT!r} (found {found!r}); pretrain again"
            )
        try:
            sizes = dict(value["encoder"])
            if sizes.pop("name") != "resnet":
                raise InputError(f"{path}: unknown encoder {value['encoder']['name']!r}; known: resnet")
            sizes["widths"] = tuple(sizes["widths"])
            read = value["windows"]
            channels = tuple(Channel(**channel) for channel in read["channels"])
            windows = WindowFormat(float(read["rate_hz"]), int(read["n_samples"]), channels)
            encoder = ResNet1d(len(channels), ResNetConfig(**sizes))
            provenance = tuple(Provenance.from_dict(entry) for entry in value["provenance"])
            key, training = str(value["key"]), dict(value["training"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path}: damaged or edited ({error!r}); pretrain again") from None
        return cls(encoder.eval(), windows, provenance, key, training)


def describe_checkpoint(folder: Path) -> str:
    """Return what an encoder is, what it reads and what it has seen, as lines for a reader.

    Raises:
        InputError: The folder holds no usable checkpoint.
    """
    checkpoint = EncoderCheckpoint.load(folder)
    n_parameters = sum(parameter.numel() for parameter in checkpoint.encoder.parameters())
    reads = checkpoint.windows
    lines = [
        f"encoder     resnet, {n_parameters:,} parameters, key {checkpoint.key}",
        f"reads       {reads.n_samples} samples at {reads.rate_hz:g} Hz of "
        + ", ".join(f"{channel.name} [{channel.unit}]" for channel in reads.channels),
    ]
    lines += map(describe_provenance, checkpoint.provenance)
    lines += [f"{name:11} {value}" for name, value in checkpoint.training.items()]
    return "\n".join(lines)


def describe_provenance(entry: Provenance) -> str:
    """Return what was learned from one data set, as two lines for a reader."""
    kind = "labelled" if entry.labelled else "unlabelled"
    return (
        f"has seen    {entry.dataset}, {kind}, subjects {', '.join(entry.subjects)}\n"
        f"            classes: {', '.join(entry.classes)}"
    )


def is_checkpoint(folder: Path) -> bool:
    """Return whether a finished checkpoint lies in the folder."""
    return (folder / CONFIG).exists()


def read_key(folder: Path) -> str:
    """Return the key of a checkpoint without reading its weights, or an empty string if it has none."""
    value = read_json(folder / CONFIG)
    return str(value.get("key", "")) if isinstance(value, dict) else ""


def write_weights(network: nn.Module, folder: Path) -> str:
    """Write the weights of a network into a folder and return their digest."""
    weights = save({name: value.contiguous() for name, value in network.state_dict().items()})
    with atomic_path(folder / WEIGHTS) as temporary:
        temporary.write_bytes(weights)
    return content_hash(weights)


def restore_weights(network: nn.Module, folder: Path, digest: str) -> None:
    """Give a network the weights in a folder, once it is certain that they are those of the digest.

    Raises:
        InputError: The file is missing, damaged, of another checkpoint or of another network.
    """
    path = folder / WEIGHTS
    try:
        data = path.read_bytes()
        tensors = load(data)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, yet its config is there; pretrain again") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: damaged weights ({json.dumps(str(error))}); pretrain again") from None
    if content_hash(data) != digest:
        raise InputError(f"{path}: weights differ from those that config.json names ({digest}); pretrain again")
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{path}: weights of another network ({reason}); pretrain again") from None
