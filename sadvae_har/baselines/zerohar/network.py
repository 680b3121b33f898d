"""ZeroHAR's network: every channel becomes one vector, the channels are joined, both end in the space of texts.

Chowdhury et al., ZeroHAR: Sensor Context Augments Zero-Shot Wearable Action Recognition, AAAI 2025. Two departures,
so that a processor can train it: a token is a patch of a second with its mean and the log of its spread, where the
paper reads one token a sample, and a layer normalises before its branches, which trains in fewer epochs.
Axis legend: B windows, C channels, P patches, S samples of a patch, W token width, E text dimension.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from feature_extraction.encoders.patch_transformer.layers import PatchEmbedding, TimeEncoding
from feature_extraction.encoders.patch_transformer.network import SECOND
from feature_extraction.encoders.patch_transformer.patches import PatchConfig


@dataclass(frozen=True)
class ZeroHarConfig:
    """Network and training; defaults as published, except for the patches.

    Attributes:
        width: W, even and a multiple of `heads`.
        depth: Transformer layers.
        heads: Attention heads of a layer.
        feed_forward: Hidden width of a layer.
        dropout: Part of each branch's output set to 0 in training.
        temperature: Divides the cosines of channels and sensor descriptions.
        learning_rate: Of Adam, which starts anew with each stage.
        batch_size: B in training.
        alignment_epochs: Of stage I, channels to sensor descriptions; 0 leaves it out.
        recognition_epochs: Of stage II, windows to class descriptions.
        patience: A stage stops after as many epochs without a lower training loss; none never stops early.
        patches: What a token covers.
    """

    width: int = 64
    depth: int = 8
    heads: int = 8
    feed_forward: int = 128
    dropout: float = 0.01
    temperature: float = 0.05
    learning_rate: float = 1e-3
    batch_size: int = 128
    alignment_epochs: int = 300
    recognition_epochs: int = 300
    patience: int | None = None
    patches: PatchConfig = SECOND


class ZeroHarNetwork(nn.Module):
    """One transformer for all channels, a layer that joins them, and one map to text space for both stages."""

    def __init__(self, n_channels: int, text_dim: int, config: ZeroHarConfig) -> None:
        """Draw the initial weights from PyTorch's global generator, from which dropout draws, too.

        Args:
            n_channels: C.
            text_dim: E.
            config: Sizes.
        """
        super().__init__()
        width = config.width
        self.embed = PatchEmbedding(config.patches.patch_samples, width, spectrum=False)
        self.time = TimeEncoding(width, config.patches.patch_s)
        layers = [
            nn.TransformerEncoderLayer(
                width, config.heads, config.feed_forward, config.dropout, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(config.depth)
        ]
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(width)
        self.join = nn.Sequential(nn.Linear(n_channels * width, width), nn.GELU(), nn.Linear(width, width))
        self.project = nn.Linear(width, text_dim)

    def channels(self, patches: Tensor) -> Tensor:
        """Return the mean token of every channel, which knows nothing of the other channels.

        Args:
            patches: [B, C, P, S], as of `make_patches`.

        Returns:
            [B, C, W].
        """
        tokens = self.embed(patches) + self.time(patches.shape[2])
        tokens = self.norm(self.layers(tokens.flatten(0, 1)))
        return tokens.mean(dim=1).unflatten(0, patches.shape[:2])

    def channel_vectors(self, patches: Tensor) -> Tensor:
        """Return every channel of patches [B, C, P, S] in text space, [B, C, E]: what stage I aligns."""
        return self.project(self.channels(patches))

    def forward(self, patches: Tensor) -> Tensor:
        """Return every window of patches [B, C, P, S] in text space, [B, E]: what stage II classifies."""
        return self.project(self.join(self.channels(patches).flatten(1)))
