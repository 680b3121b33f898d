"""An encoder of others with the interface of our own: windows in m/s² and rad/s in, features out.

Axis legend: B windows, T time, C channels, K pieces of a window, D features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from feature_extraction.encoders.external.foreign import reported
from feature_extraction.encoders.external.inputs import find_inputs, make_pieces
from feature_extraction.encoders.external.spec import ExternalSpec
from feature_extraction.errors import InputError
from feature_extraction.protocol.split import Provenance
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import GRAVITY_MPS2

BATCH_WINDOWS = 256
SAME = 1e-3  # relative to the largest feature: more than rounding does in batches of different size


class Network(Protocol):
    """What an adapter makes of a file."""

    def embed(self, pieces: np.ndarray) -> np.ndarray:
        """Map float32 [B, T, C] of the network's rate, length and units to [B, D]."""
        ...


@dataclass(frozen=True)
class ExternalEncoder:
    """A frozen encoder.

    Attributes:
        name: Name in its YAML file.
        n_features: D of one input; `encode` returns it once per device.
        key: Digest of the YAML file and of all it names.
        provenance: What it learned from, for `Split.check_provenance`.
        spec: Its description.
        network: Its adapter.
    """

    name: str
    n_features: int
    key: str
    provenance: tuple[Provenance, ...]
    spec: ExternalSpec
    network: Network

    def encode(self, samples: np.ndarray, channels: Sequence[Channel], rate_hz: float, first: int = 0) -> np.ndarray:
        """Encode windows without gradients; the rows do not depend on each other.

        Args:
            samples: [B, T, C] in m/s² and rad/s.
            channels: One per column of a window.
            rate_hz: Sampling rate of the windows.
            first: Number that errors give the first window.

        Returns:
            float32 [B, D], the embeddings of the devices one behind the other.

        Raises:
            InputError: The windows lack a channel, are too short or not finite, or the network fails or
                returns something else than finite [B, D].
        """
        if samples.ndim != 3 or samples.shape[2] != len(channels):
            raise InputError(
                f"encoder {self.name}: windows of shape {samples.shape} do not fit {len(channels)} channels; "
                "give [B, T, C]"
            )
        inputs = find_inputs(channels, self.spec)
        features = np.empty((len(samples), self.n_features * len(inputs)), dtype=np.float32)
        for start in range(0, len(samples), BATCH_WINDOWS):
            batch = np.asarray(samples[start : start + BATCH_WINDOWS], dtype=np.float32)
            _require_finite(batch, first + start, f"encoder {self.name}: windows", "repair them before encoding")
            parts = [self._encode_input(batch[..., columns], rate_hz) for columns in inputs]
            features[start : start + len(batch)] = np.concatenate(parts, axis=1)
            _require_finite(
                features[start : start + len(batch)],
                first + start,
                f"encoder {self.name}: features of windows",
                f"check units and checkpoint in {self.spec.path}",
            )
        return features

    def _encode_input(self, windows: np.ndarray, rate_hz: float) -> np.ndarray:
        """Map [B, T, C] of one device to [B, D], averaged over the pieces of a window."""
        pieces = make_pieces(windows, rate_hz, self.spec)
        n_windows, n_pieces = pieces.shape[:2]
        flat = pieces.reshape(-1, *pieces.shape[2:])
        batches = [flat[start : start + BATCH_WINDOWS] for start in range(0, len(flat), BATCH_WINDOWS)]
        rows = [embed_rows(self.network, batch, self.spec, self.n_features) for batch in batches]
        return np.concatenate(rows).reshape(n_windows, n_pieces, self.n_features).mean(axis=1)


def embed_rows(network: Network, pieces: np.ndarray, spec: ExternalSpec, n_features: int | None) -> np.ndarray:
    """Run a network and check the shape of what it returns; trailing axes of length 1 fall away.

    Args:
        network: The adapter.
        pieces: [B, T, C] of the network's rate, length and units.
        spec: Its description.
        n_features: D, or None if it is not known yet.

    Returns:
        float32 [B, D].

    Raises:
        InputError: The network fails, or returns another shape.
    """
    with reported(f"encoder {spec.name}: running it on {pieces.shape} ([B, T, C])", f"correct {spec.path}"):
        rows = np.asarray(network.embed(pieces), dtype=np.float32)
    while rows.ndim > 2 and rows.shape[-1] == 1:
        rows = rows[..., 0]
    expected = (len(pieces), n_features or "D")
    if rows.ndim != 2 or len(rows) != len(pieces) or (n_features is not None and rows.shape[1] != n_features):
        raise InputError(
            f"encoder {spec.name}: returned shape {rows.shape}, expected {expected}; export a network that gives "
            f"one vector per window, and correct n_features in {spec.path} if it is stated there"
        )
    return rows


def measure_features(network: Network, spec: ExternalSpec) -> int:
    """Return D, from running the network on windows of two swings around gravity, together and alone.

    Raises:
        InputError: The network cannot read what `spec` describes, D is not the stated one, or the features of a window
            depend on chance or on the windows beside it, as dropout and batch statistics make them.
    """
    time_s = np.arange(spec.n_samples) / spec.rate_hz
    swings = np.stack([GRAVITY_MPS2 + strength * np.sin((1 + strength) * time_s) for strength in (0.5, 3.0)])
    windows = np.repeat(swings[:, :, None], len(spec.channels), axis=2)
    pieces = make_pieces(windows, spec.rate_hz, spec)[:, 0]
    rows = embed_rows(network, pieces.copy(), spec, spec.n_features)  # a network may write over its input
    again = embed_rows(network, pieces.copy(), spec, rows.shape[1])
    alone = np.concatenate([embed_rows(network, piece[None].copy(), spec, rows.shape[1]) for piece in pieces])
    for other, problem in ((again, "twice differ"), (alone, "alone differ from those among others")):
        if not np.allclose(rows, other, rtol=0, atol=SAME * np.abs(rows).max(initial=0), equal_nan=True):
            raise InputError(
                f"encoder {spec.name}: the features of a window {problem}; export the network in evaluation mode, "
                f"without dropout and batch statistics ({spec.file})"
            )
    return rows.shape[1]


def _require_finite(values: np.ndarray, start: int, what: str, remedy: str) -> None:
    bad = np.flatnonzero(~np.isfinite(values).all(axis=tuple(range(1, values.ndim))))
    if len(bad):
        raise InputError(f"{what}: {len(bad)} of {len(values)} are not finite, first number {start + bad[0]}; {remedy}")
