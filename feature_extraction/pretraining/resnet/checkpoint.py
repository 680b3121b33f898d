"""A pretrained residual network in a folder, and which windows it reads."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feature_extraction.encoders.resnet import ResNet1d, ResNetConfig
from feature_extraction.errors import InputError
from feature_extraction.pretraining.weights import Checkpoint
from feature_extraction.protocol.split import Provenance
from feature_extraction.recordings.recording import Channel
from feature_extraction.windows.window_set import WindowSet


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
class EncoderCheckpoint(Checkpoint):
    """A pretrained residual network.

    Attributes:
        encoder: The network, in evaluation mode.
        windows: The windows it reads.
        provenance: What it learned from.
        key: Digest of everything that decided the training.
        training: Objective, split, settings and result of the training, for the reader.
    """

    format, kind = "encoder-1", "resnet"

    encoder: ResNet1d
    windows: WindowFormat
    provenance: tuple[Provenance, ...]
    key: str
    training: Mapping[str, Any]

    def header(self) -> dict[str, Any]:
        """Return everything but the weights as plain values."""
        return {
            "format": self.format,
            "key": self.key,
            "encoder": {"name": "resnet", **asdict(self.encoder.config)},
            "windows": asdict(self.windows),
            "provenance": [asdict(entry) for entry in self.provenance],
            "training": dict(self.training),
        }

    @classmethod
    def rebuild(cls, value: Mapping[str, Any]) -> "EncoderCheckpoint":
        """Rebuild from `header`."""
        sizes, read = dict(value["encoder"]), value["windows"]
        if sizes.pop("name") != "resnet":
            raise ValueError(f"unknown encoder {value['encoder']['name']!r}")
        sizes["widths"] = tuple(sizes["widths"])
        channels = tuple(Channel(**channel) for channel in read["channels"])
        windows = WindowFormat(float(read["rate_hz"]), int(read["n_samples"]), channels)
        encoder = ResNet1d(len(channels), ResNetConfig(**sizes)).eval()
        provenance = tuple(Provenance.from_dict(entry) for entry in value["provenance"])
        return cls(encoder, windows, provenance, str(value["key"]), dict(value["training"]))

    def reads(self) -> list[str]:
        """Return the windows it reads, as a line for a reader."""
        names = ", ".join(f"{channel.name} [{channel.unit}]" for channel in self.windows.channels)
        return [f"reads       {self.windows.n_samples} samples at {self.windows.rate_hz:g} Hz of {names}"]
