"""Features of windows in memory, made by the same blocks as those of a feature table.

A `FeatureTable` is made once of all windows of a data set and kept on disk; a `WindowEncoder` is what a trained model
carries along to make the same features of windows that it meets later. Axis legend: n windows, T time, C channels,
D features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from feature_extraction.encoders.kinematic import attributes as kinematic
from feature_extraction.encoders.patch_transformer.device_readers import DeviceReader, device_readers
from feature_extraction.encoders.statistical.features import VERSION as STATISTICAL_VERSION
from feature_extraction.encoders.statistical.features import statistical_features
from feature_extraction.errors import InputError
from feature_extraction.features.encoder_blocks import block_name, find_encoder, is_encoder
from feature_extraction.pretraining.checkpoint import PatchCheckpoint, is_patch_checkpoint
from feature_extraction.pretraining.resnet.checkpoint import EncoderCheckpoint
from feature_extraction.storage.places import TEXT_CACHE
from feature_extraction.windows.input_format import InputFormat

VERSIONS = {"statistical": STATISTICAL_VERSION, "kinematic": kinematic.VERSION}
MODEST_WIDTH = 4096  # of a layer
Network = EncoderCheckpoint | PatchCheckpoint


@dataclass(frozen=True)
class WindowEncoder:
    """Feature blocks and the networks behind them.

    Attributes:
        source: The windows they read.
        blocks: Names of the blocks as in feature tables, in the order of the columns.
        networks: The network of each learned block.
        readers: How each patch transformer reads the devices.
    """

    source: InputFormat
    blocks: tuple[str, ...]
    networks: Mapping[str, Network]
    readers: Mapping[str, list[DeviceReader]]

    @classmethod
    def load(
        cls, source: InputFormat, blocks: Sequence[str], resnet: Path | None = None, text_cache: Path = TEXT_CACHE
    ) -> "WindowEncoder":
        """Gather the blocks that a config names.

        Args:
            source: The windows they read.
            blocks: `statistical`, `kinematic`, `resnet` or `encoder:PATH`, as in `FeatureConfig`.
            resnet: Folder of the encoder behind `resnet`.
            text_cache: Folder of sentence embeddings made before.

        Raises:
            InputError: An encoder is not there, or is one of others, which a model file cannot hold.
        """
        networks: dict[str, Network] = {}
        readers = {}
        for block in blocks:
            name = block_name(block)
            if is_encoder(block):
                path = find_encoder(block)
                if not path.is_dir() or not is_patch_checkpoint(path):
                    raise InputError(
                        f"{block}: a model file cannot hold an encoder of others; use encoders of `encoder pool`, "
                        "or statistical features"
                    )
                network = PatchCheckpoint.load(path)
                readers[name] = network.readers(source.channels, source.placement, text_cache)
                networks[name] = network
            elif block == "resnet":
                if resnet is None:
                    raise InputError("resnet: the folder of its encoder is not known; run from raw recordings")
                networks[name] = EncoderCheckpoint.load(resnet)
        return cls(source, tuple(map(block_name, blocks)), networks, readers)

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Return features float32 [n, D] of windows [n, T, C] in the format of `source`.

        Raises:
            InputError: The windows have another shape, or hold values that are not finite or far out of range.
        """
        settings, channels = self.source.settings, self.source.channels
        expected = (settings.window_samples, len(channels))
        if samples.ndim != 3 or samples.shape[1:] != expected or not len(samples):
            raise InputError(
                f"windows of shape {samples.shape} cannot be read; expected [n, {expected[0]}, {expected[1]}]: "
                f"{settings.window_s:g} s at {settings.rate_hz:g} Hz of {', '.join(c.name for c in channels)}"
            )
        samples = np.asarray(samples, dtype=np.float32)
        finite = np.isfinite(samples).all(axis=(1, 2))
        if not finite.all():
            raise InputError(f"window {int(np.argmin(finite))} holds values that are not finite; leave it out")
        return np.concatenate([self._block(name, samples) for name in self.blocks], axis=1)

    def _block(self, name: str, samples: np.ndarray) -> np.ndarray:
        settings, channels = self.source.settings, self.source.channels
        if name == "statistical":
            return statistical_features(samples, channels, settings.rate_hz)[0]
        if name == "kinematic":
            return self.kinematics(samples)[0]
        network = self.networks[name]
        if isinstance(network, PatchCheckpoint):
            return network.embed_devices(samples, np.arange(len(samples)), self.readers[name], settings.rate_hz)
        with torch.inference_mode():
            return network.encoder(torch.from_numpy(samples)).numpy()

    def kinematics(self, samples: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """Measure the kinematic attributes of windows; see `kinematic.measure_kinematics`.

        Returns:
            Values in [0, 1], float32 [n, attributes], and the names of the attributes.

        Raises:
            InputError: The windows are too short, or their channels cannot be measured.
        """
        source = self.source
        placements = np.full(len(samples), source.placement)
        up_axes = kinematic.MOUNTINGS.get(source.dataset)
        return kinematic.measure_kinematics(samples, source.channels, source.settings.rate_hz, placements, up_axes)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return plain values for a JSON header, and tensors by name."""
        header = {
            "source": self.source.to_dict(),
            "blocks": list(self.blocks),
            "versions": {name: VERSIONS[name] for name in self.blocks if name in VERSIONS},
            "networks": {name: network.header() for name, network in self.networks.items()},
        }
        tensors = {
            f"{name}/{key}": value.contiguous()
            for name, network in self.networks.items()
            for key, value in network.encoder.state_dict().items()
        }
        for name, readers in self.readers.items():
            tensors |= {f"{name}/sentences/{k}": reader.sentences for k, reader in enumerate(readers)}
        return header, tensors

    @classmethod
    def from_parts(cls, header: Mapping[str, Any], tensors: Mapping[str, Tensor], where: Path) -> "WindowEncoder":
        """Rebuild from `to_parts`; `where` is named in errors.

        Raises:
            InputError: A part is missing, damaged or of another version of the features.
        """
        kinds = {"source": Mapping, "blocks": list | tuple, "versions": Mapping, "networks": Mapping}
        if not isinstance(header, Mapping) or not all(isinstance(header.get(name), kinds[name]) for name in kinds):
            raise InputError(f"{where}: does not say what makes the features; the file is damaged")
        source = InputFormat.from_dict(header["source"])
        blocks = tuple(map(str, header["blocks"]))
        for name in filter(VERSIONS.__contains__, blocks):
            version = header["versions"].get(name)
            if VERSIONS[name] != version:
                raise InputError(
                    f"{where}: made with version {version} of the {name} features, this program computes "
                    f"{VERSIONS[name]}; train it again"
                )
        networks: dict[str, Network] = {}
        readers = {}
        for name, value in header["networks"].items():
            own = {
                key.removeprefix(f"{name}/"): tensor for key, tensor in tensors.items() if key.startswith(f"{name}/")
            }
            sentences = {key: own.pop(key) for key in list(own) if key.startswith("sentences/")}
            kind = EncoderCheckpoint if name == "resnet" else PatchCheckpoint
            _require_sizes(kind, value, own, where)
            network = kind.from_header(value, where)
            try:
                network.encoder.load_state_dict(own)
            except RuntimeError as error:
                raise InputError(f"{where}: weights of {name} do not fit ({str(error).splitlines()[-1]})") from error
            networks[name] = network
            if isinstance(network, PatchCheckpoint):
                texts = [sentences.get(f"sentences/{k}", torch.empty(0)) for k in range(len(sentences))]
                if any(text.ndim != 2 or text.shape[1] != network.encoder.config.text_dim for text in texts):
                    raise InputError(f"{where}: descriptions of channels do not fit {name}; the file is damaged")
                readers[name] = device_readers(source.channels, texts)
        lacking = [name for name in blocks if name not in VERSIONS and name not in networks]
        if lacking or not blocks:
            raise InputError(f"{where}: nothing makes the features {lacking}; the file is damaged")
        return cls(source, blocks, networks, readers)


def _require_sizes(kind: type[Network], value: Any, weights: Mapping[str, Tensor], where: Path) -> None:
    """Refuse a header whose network is not that of the weights, before memory is taken for the network."""
    widths = value.get("encoder") if isinstance(value, Mapping) else None
    if not isinstance(widths, Mapping):
        raise InputError(f"{where}: a network without sizes; the file is damaged")
    largest = max(MODEST_WIDTH, len(weights), *(size for tensor in weights.values() for size in tensor.shape))
    sizes = [n for size in widths.values() for n in (size if isinstance(size, list) else [size]) if isinstance(n, int)]
    if max(sizes, default=0) > largest:
        raise InputError(f"{where}: layers of size {max(sizes)}, weights of {largest} at most; the file is damaged")
    with torch.device("meta"):
        planned = kind.from_header(value, where).encoder.state_dict()
    wanted = {name: tuple(tensor.shape) for name, tensor in planned.items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    strange = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if strange:
        shapes = f"{found.get(strange[0])}, expected {wanted.get(strange[0])}"
        raise InputError(f"{where}: weights {strange[0]!r} have shape {shapes}; the file is damaged")
