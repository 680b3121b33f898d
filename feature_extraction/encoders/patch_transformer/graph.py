"""A patch transformer as a graph: windows of one format in, features out, everything that does not change computed.

For windows of a fixed length, rate and channels every patch is valid, the sentences say the same every time, and
cutting patches is a product with a fixed matrix. Axis legend: N windows, T time, C channels of a device, P patches,
S samples of a patch, F frequencies, W token width, H heads, D features.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from feature_extraction.encoders.patch_transformer.device_readers import DeviceReader
from feature_extraction.encoders.patch_transformer.layers import LARGEST_VALUE, SMALLEST_SPREAD
from feature_extraction.encoders.patch_transformer.network import PatchTransformer
from feature_extraction.encoders.patch_transformer.patches import make_patches
from feature_extraction.errors import InputError


class PatchGraph(nn.Module):
    """Windows [N, T, C of all devices] to features [N, devices * D], as `PatchCheckpoint.embed_devices`."""

    fourier: Tensor

    def __init__(
        self, encoder: PatchTransformer, readers: Sequence[DeviceReader], n_samples: int, rate_hz: float
    ) -> None:
        """Work out what is the same for all windows.

        Args:
            encoder: The network, in evaluation mode.
            readers: How it reads the devices.
            n_samples: T.
            rate_hz: Sampling rate.

        Raises:
            InputError: The encoder turns windows into their gravity frame, or they are shorter than a patch.
        """
        super().__init__()
        patches = encoder.config.patches
        if patches.frame == "gravity":
            raise InputError(
                "the gravity frame of this encoder needs eigenvectors, which ONNX has no operator for; "
                "export a model with encoder:tiny or statistical features"
            )
        self.encoder = encoder
        spectra = np.fft.rfft(np.eye(patches.patch_samples))[:, 1:] * (2**0.5 / patches.patch_samples)
        fourier = np.concatenate([spectra.real, spectra.imag], axis=1).astype(np.float32)
        self.register_buffer("fourier", torch.from_numpy(fourier))
        self.columns = [reader.columns for reader in readers]
        self.shapes: list[tuple[int, int, int]] = []
        for k, reader in enumerate(readers):
            impulses = torch.eye(n_samples)[:, :, None].expand(-1, -1, len(reader.channels))
            # Cutting is linear: what it makes of impulses says what it makes of every window.
            cut = make_patches(impulses, reader.channels, rate_hz, patches).values.transpose(0, 1)
            self.shapes.append((cut.shape[0], cut.shape[2], cut.shape[3]))
            strength = cut.flatten(1).amax(1)
            self.register_buffer(f"cut_{k}", (cut[0] / strength[0]).flatten(1))
            self.register_buffer(f"strength_{k}", strength[:, None])
            factor, summand = self._fusion(reader)
            self.register_buffer(f"factor_{k}", factor)
            self.register_buffer(f"summand_{k}", summand + encoder.time(cut.shape[2]).detach())

    @torch.no_grad()
    def _fusion(self, reader: DeviceReader) -> tuple[Tensor, Tensor]:
        """Return what channels multiply tokens with and add to them, [C, 1, W] each."""
        describe = self.encoder.describe
        if describe is None:
            width = self.encoder.config.width
            return torch.ones(len(reader.columns), 1, width), torch.zeros(len(reader.columns), 1, width)
        factor, summand = describe.linear(describe.norm(reader.sentences))[:, None].chunk(2, dim=-1)
        return 1 + factor, summand

    def forward(self, windows: Tensor) -> Tensor:
        """Return features [N, devices * D]."""
        return torch.cat([self._device(windows, k) for k in range(len(self.columns))], dim=1)

    def _device(self, windows: Tensor, k: int) -> Tensor:
        signals = windows[:, :, self.columns[k]].transpose(1, 2) * getattr(self, f"strength_{k}")
        values = (signals @ getattr(self, f"cut_{k}")).unflatten(2, self.shapes[k][1:])
        tokens = self._embed(values) * getattr(self, f"factor_{k}") + getattr(self, f"summand_{k}")
        for block in self.encoder.blocks:
            tokens = block(tokens, None, None)
        return self._pool(self.encoder.norm(tokens).flatten(1, 2))

    def _embed(self, values: Tensor) -> Tensor:
        """Map patches [N, C, P, S] to [N, C, P, W], as `PatchEmbedding`."""
        values = values.clamp(-LARGEST_VALUE, LARGEST_VALUE)
        mean = values.mean(3, keepdim=True)
        variance = (values - mean).square().mean(3, keepdim=True)
        parts = [values, mean, 0.5 * (variance + SMALLEST_SPREAD**2).log()]
        if self.encoder.embed.spectrum:
            real, imaginary = (values @ self.fourier).chunk(2, dim=-1)
            parts.append(((real.square() + imaginary.square()).sqrt() / SMALLEST_SPREAD).asinh())
        return self.encoder.embed.linear(torch.cat(parts, dim=3))

    def _pool(self, tokens: Tensor) -> Tensor:
        """Map normalised tokens [N, C * P, W] to features [N, D], as `PatchTransformer.pool`."""
        mean = tokens.mean(1)
        spread = ((tokens - mean[:, None]).square().mean(1) + 1e-6).sqrt()
        weights = self.encoder.score(tokens).softmax(1)
        parts = tokens.unflatten(2, (self.encoder.config.heads, -1))
        return torch.cat([mean, (weights[..., None] * parts).sum(1).flatten(1), spread], dim=1)
