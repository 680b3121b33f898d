"""The layers of the patch transformer: from patches to tokens, and between tokens.

Axis legend: B windows, C channels, P patches, S samples of a patch, E text dimension, W token width;
N sequences of L tokens.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

LARGEST_VALUE = 20.0  # 20 g, or ten turns per second: no movement of the body is beyond
SMALLEST_SPREAD = 0.01  # about the noise of a sensor at rest
LONGEST_WAVE_S = 256.0
INITIAL_TIME_GAIN = 0.25


def log_spectrum(values: Tensor) -> Tensor:
    """Return how strong each frequency is in patches [..., S], whatever its phase, [..., S // 2].

    Amplitudes are compressed by asinh at `SMALLEST_SPREAD`: 0 for none, logarithmic for strong ones. The mean is not
    among the frequencies.
    """
    amplitude = torch.fft.rfft(values.float()).abs()[..., 1:] * (2**0.5 / values.shape[-1])
    return (amplitude / SMALLEST_SPREAD).asinh()


class PatchEmbedding(nn.Module):
    """One linear layer for the patches of all channels.

    It reads the samples, their mean, the log of their spread and their spectrum: a faint movement differs from none as
    much as a violent one differs from a faint one, and two equal movements are alike when one begins later.
    """

    def __init__(self, n_samples: int, width: int, spectrum: bool = True) -> None:
        """Make the layer for patches of S = `n_samples`, with or without their spectrum."""
        super().__init__()
        self.spectrum = spectrum
        self.linear = nn.Linear(n_samples + 2 + (n_samples // 2 if spectrum else 0), width)

    def forward(self, values: Tensor) -> Tensor:
        """Map [..., S] to [..., W]."""
        values = values.clamp(-LARGEST_VALUE, LARGEST_VALUE)
        variance, mean = torch.var_mean(values, dim=-1, correction=0, keepdim=True)
        log_spread = 0.5 * (variance + SMALLEST_SPREAD**2).log()
        parts = [values, mean, log_spread, *([log_spectrum(values)] if self.spectrum else [])]
        return self.linear(torch.cat(parts, dim=-1))


class ChannelFusion(nn.Module):
    """Tells tokens what their channel is: a factor and a summand from its sentence.

    Source: FiLM (Perez et al., 2018, https://arxiv.org/abs/1709.07871).
    """

    def __init__(self, text_dim: int, width: int) -> None:
        """Make the layers from E = `text_dim` to twice W."""
        super().__init__()
        self.norm = nn.LayerNorm(text_dim)
        self.linear = nn.Linear(text_dim, 2 * width)

    def forward(self, content: Tensor, descriptions: Tensor) -> Tensor:
        """Return [B, C, P, W] from [B, C, P, W] and [B, C, E]."""
        factor, summand = self.linear(self.norm(descriptions))[:, :, None].chunk(2, dim=-1)
        return content * (1 + factor) + summand


class TimeEncoding(nn.Module):
    """Sines and cosines of the time of a patch, from a wave of two patches to one of minutes.

    Source: Vaswani et al. (2017, https://arxiv.org/abs/1706.03762); here in seconds, with a learned gain.
    """

    radps: Tensor

    def __init__(self, width: int, patch_s: float) -> None:
        """Lay out the frequencies for W = `width`."""
        super().__init__()
        shortest_s = 2 * patch_s
        ratio = max(LONGEST_WAVE_S / shortest_s, 1.0)
        wave_s = shortest_s * ratio ** torch.linspace(0, 1, width // 2)
        self.register_buffer("radps", 2 * math.pi / wave_s, persistent=False)
        self.patch_s = patch_s
        self.gain = nn.Parameter(torch.tensor(INITIAL_TIME_GAIN))

    def forward(self, n_patches: int) -> Tensor:
        """Return [P, W]."""
        time_s = self.patch_s * torch.arange(n_patches, device=self.radps.device, dtype=self.radps.dtype)
        angle = time_s[:, None] * self.radps
        return self.gain * torch.cat([angle.sin(), angle.cos()], dim=1)


class Attention(nn.Module):
    """Multi-head self-attention within sequences."""

    def __init__(self, width: int, heads: int) -> None:
        """Make the projections of W = `width`."""
        super().__init__()
        self.heads = heads
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)

    def forward(self, sequences: Tensor, mask: Tensor | None) -> Tensor:
        """Map [N, L, W] to [N, L, W]; `mask` as of `key_mask`, None if every token is a key."""
        n_sequences, length, width = sequences.shape
        projected = self.project_in(sequences).view(n_sequences, length, 3, self.heads, width // self.heads)
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.project_out(mixed.transpose(1, 2).reshape(n_sequences, length, width))


class Block(nn.Module):
    """Attention over time, attention over channels, and a feed-forward layer."""

    def __init__(self, width: int, heads: int, feed_forward: int, dropout: float) -> None:
        """Make the three branches; sizes as of `PatchTransformerConfig`."""
        super().__init__()
        self.over_time = Attention(width, heads)
        self.over_channels = Attention(width, heads)
        self.widen = nn.Linear(width, feed_forward)
        self.narrow = nn.Linear(feed_forward, width)
        self.time_norm, self.channel_norm, self.feed_norm = (nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    @property
    def last_layers(self) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
        """The layer at the end of each branch, whose output is added to the tokens."""
        return self.over_time.project_out, self.over_channels.project_out, self.narrow

    def forward(self, tokens: Tensor, patch_mask: Tensor | None, channel_mask: Tensor | None) -> Tensor:
        """Map [B, C, P, W] to the same shape.

        Args:
            tokens: [B, C, P, W].
            patch_mask: Valid patches of each channel [B * C, 1, 1, P].
            channel_mask: Valid channels at each patch [B * P, 1, 1, C].
        """
        n_windows, n_channels, n_patches, _ = tokens.shape
        rows = self.time_norm(tokens).flatten(0, 1)
        tokens = tokens + self.dropout(self.over_time(rows, patch_mask)).unflatten(0, (n_windows, n_channels))
        columns = self.channel_norm(tokens).transpose(1, 2).flatten(0, 1)
        mixed = self.over_channels(columns, channel_mask).unflatten(0, (n_windows, n_patches))
        tokens = tokens + self.dropout(mixed.transpose(1, 2))
        return tokens + self.dropout(self.narrow(functional.gelu(self.widen(self.feed_norm(tokens)))))


def key_mask(valid: Tensor) -> Tensor:
    """Return which tokens may be attended to [N, 1, 1, L], of valid ones [N, L].

    A sequence without a valid token attends to all of its own, so that its numbers stay finite; they reach
    no valid token.
    """
    return (valid | ~valid.any(dim=1, keepdim=True))[:, None, None, :]
