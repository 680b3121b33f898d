"""A pretrained patch transformer in a folder: `model.safetensors` and `config.json`, no pickles.

Loaded, it embeds windows of any data set: `PatchCheckpoint.load(folder).embed_windows(windows)`.
Weights of other epochs than the best one may lie beside: `PatchCheckpoint.load_epoch(folder, 10)` reads those of
`epoch-010.safetensors`, and saved to another folder they are a checkpoint like any other.
Axis legend: N windows, T time, C channels, D features, E text dimension.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from feature_extraction.encoders.devices import find_devices
from feature_extraction.encoders.patch_transformer.device_readers import DeviceReader, describe_devices
from feature_extraction.encoders.patch_transformer.network import PatchTransformer, PatchTransformerConfig
from feature_extraction.encoders.patch_transformer.patches import PatchConfig, make_patches
from feature_extraction.errors import InputError
from feature_extraction.pretraining.config import Precision
from feature_extraction.pretraining.weights import CONFIG, Checkpoint, restore_weights
from feature_extraction.protocol.split import Provenance
from feature_extraction.recordings.recording import Channel
from feature_extraction.storage.files import content_hash, read_json
from feature_extraction.storage.places import TEXT_CACHE
from feature_extraction.windows.window_set import WindowSet

VERSION = 1  # of what happens to windows around the network; part of the digest
EPOCH = "epoch-{:03}.safetensors"
EMBED_BATCH = 64
MATH = SDPBackend.MATH  # the fused attention is slow on short sequences of bfloat16


@dataclass(frozen=True)
class PatchCheckpoint(Checkpoint):
    """A pretrained patch transformer.

    Attributes:
        encoder: The network, in evaluation mode.
        provenance: What it learned from.
        bank: Data set and class of every label it learned from; empty without labels.
        text_model: Model of the channel sentences.
        key: Digest of everything that decided the training.
        training: Objectives, settings and result of the training, for the reader.
    """

    format, kind = "patch-encoder-1", "patch transformer"

    encoder: PatchTransformer
    provenance: tuple[Provenance, ...]
    bank: tuple[tuple[str, str], ...]
    text_model: str
    key: str
    training: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Key, and a digest of everything else that decides features and their provenance."""
        weights = save({name: value.contiguous() for name, value in self.encoder.state_dict().items()})
        rest = repr((VERSION, self.encoder.config, self.text_model, self.provenance))
        return f"{self.key}-{content_hash(rest, weights)}"

    def embed(
        self,
        samples: np.ndarray,
        channels: Sequence[Channel],
        rate_hz: float,
        placement: str = "",
        text_cache: Path = TEXT_CACHE,
        precision: Precision = "float32",
    ) -> np.ndarray:
        """Embed windows of one placement, each device by itself.

        Args:
            samples: Windows [N, T, C], m/s² and rad/s; may be a memory map, read batch by batch. Patches that are not
                finite are left out.
            channels: One per column.
            rate_hz: Sampling rate.
            placement: Where a lone device was worn; several devices tell by their names.
            text_cache: Folder of sentence embeddings made before.
            precision: Of matrix products. With bfloat16 features change by less than 1 %; it is faster only where the
                processor multiplies such numbers.

        Returns:
            float32 [N, devices x D].

        Raises:
            InputError: The channels cannot be read, or a window is too short or has no finite patch.
        """
        readers = self.readers(channels, placement, text_cache)
        return self.embed_devices(samples, np.arange(len(samples)), readers, rate_hz, precision)

    def embed_windows(
        self,
        windows: WindowSet,
        rows: np.ndarray | None = None,
        text_cache: Path = TEXT_CACHE,
        precision: Precision = "float32",
    ) -> np.ndarray:
        """Embed windows of a set, each at its own placement; one batch at a time is in memory.

        Args:
            windows: Windows of any data set.
            rows: Numbers of the wanted ones [n], in any order; all of them by default.
            text_cache: Folder of sentence embeddings made before.
            precision: As of `embed`.

        Returns:
            float32 [n, devices x D].

        Raises:
            InputError: As of `embed`; it names the window by its number in the set.
        """
        rows = np.arange(len(windows)) if rows is None else np.asarray(rows)
        channels, rate_hz = windows.channels, windows.settings.rate_hz
        features = np.empty((len(rows), len(find_devices(channels)) * self.encoder.n_features), dtype=np.float32)
        for place in np.unique(windows.placements[rows]).tolist():
            here = np.flatnonzero(windows.placements[rows] == place)
            readers = self.readers(channels, place, text_cache)
            features[here] = self.embed_devices(windows.samples, rows[here], readers, rate_hz, precision)
        return features

    @torch.inference_mode()
    def embed_devices(
        self,
        samples: np.ndarray,
        rows: np.ndarray,
        readers: Sequence[DeviceReader],
        rate_hz: float,
        precision: Precision = "float32",
    ) -> np.ndarray:
        """Embed rows [n] of windows [N, T, C], in batches small enough for the processor's cache."""
        features = np.empty((len(rows), len(readers), self.encoder.n_features), dtype=np.float32)
        low, config = precision == "bfloat16", self.encoder.config.patches
        with torch.autocast("cpu", torch.bfloat16, enabled=low), sdpa_kernel(MATH) if low else nullcontext():
            for start in range(0, len(rows), EMBED_BATCH):
                numbers = rows[start : start + EMBED_BATCH]
                windows = torch.from_numpy(np.array(samples[numbers], dtype=np.float32))
                for position, (name, columns, own, sentences) in enumerate(readers):
                    patches = make_patches(windows[:, :, columns], own, rate_hz, config)
                    _require_patches(patches.valid, numbers, name, config)
                    found = self.encoder(patches.values, patches.valid, sentences.expand(len(windows), -1, -1))
                    features[start : start + EMBED_BATCH, position] = found.float().numpy()
        return features.reshape(len(rows), -1)

    def readers(
        self, channels: Sequence[Channel], placement: str = "", text_cache: Path = TEXT_CACHE
    ) -> list[DeviceReader]:
        """Embed the descriptions of the channels of each device; arguments and errors as of `embed`."""
        return describe_devices(channels, placement, self.text_model, text_cache)

    def header(self) -> dict[str, Any]:
        """Return everything but the weights as plain values."""
        return {
            "format": self.format,
            "key": self.key,
            "encoder": asdict(self.encoder.config),
            "provenance": [asdict(entry) for entry in self.provenance],
            "bank": [list(entry) for entry in self.bank],
            "text_model": self.text_model,
            "training": dict(self.training),
        }

    @classmethod
    def rebuild(cls, value: Mapping[str, Any]) -> "PatchCheckpoint":
        """Rebuild from `header`."""
        sizes = dict(value["encoder"])
        sizes["patches"] = PatchConfig(**sizes["patches"])
        with torch.random.fork_rng(devices=[]):
            encoder = PatchTransformer(PatchTransformerConfig(**sizes)).eval()
        provenance = tuple(Provenance.from_dict(entry) for entry in value["provenance"])
        bank = tuple((str(dataset), str(name)) for dataset, name in value["bank"])
        return cls(encoder, provenance, bank, str(value["text_model"]), str(value["key"]), dict(value["training"]))

    def reads(self) -> list[str]:
        """Return which windows it reads and what it gives, as lines for a reader."""
        return [
            f"reads       any acc and gyro in m/s² and rad/s, at least {self.encoder.config.patches.patch_s:g} s, "
            "at any rate",
            f"gives       {self.encoder.n_features} features for each device",
        ]

    @classmethod
    def load_epoch(cls, folder: Path, epoch: int) -> "PatchCheckpoint":
        """Read the weights that a finished encoder had after an epoch; see `PatchPretrainConfig.keep_every`.

        The result has a key of its own and says in `training` which epoch it is of. `save` it to another folder to
        hand it to the commands.

        Raises:
            InputError: The checkpoint is unusable, or the epoch's file is missing, damaged or of another run.
        """
        best, path = cls.load(folder), folder / EPOCH.format(epoch)
        if not path.exists():
            kept = ", ".join(sorted(found.name for found in folder.glob("epoch-*.safetensors"))) or "none"
            raise InputError(f"{path}: no such file; epochs kept there: {kept}")
        restore_weights(best.encoder, path, best.key)
        training = {name: value for name, value in best.training.items() if name in ("datasets", "n_windows", "config")}
        return replace(best, key=content_hash(best.key, str(epoch)), training={**training, "epoch": epoch})


def _require_patches(valid: Tensor, numbers: np.ndarray, device: str, config: PatchConfig) -> None:
    """Refuse windows [B] that have no valid patch [B, C, P]."""
    empty = numbers[~valid.flatten(1).any(dim=1).numpy()]
    if len(empty):
        raise InputError(
            f"encoder: window {int(empty[0])} has no patch of {config.patch_s:g} s of device {device!r} that is finite "
            "throughout; repair the recording or leave it out"
        )


def is_patch_checkpoint(folder: Path) -> bool:
    """Return whether a folder holds a checkpoint of this kind, sound or not."""
    value = read_json(folder / CONFIG) if (folder / CONFIG).exists() else {}
    return isinstance(value, dict) and value.get("format") == PatchCheckpoint.format
