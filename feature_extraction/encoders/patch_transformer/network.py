"""A transformer over patches, for windows of any number of channels, rate and length.

Every channel is read by the same weights; what a channel is, it learns from a sentence. A block attends
over the patches of each channel, then over the channels at each time, then works on each token alone: the
two axes in turn (Ho et al., 2019, https://arxiv.org/abs/1912.12180), normalised before each branch (Xiong
et al., 2020, https://arxiv.org/abs/2002.04745). Nothing is normalised over a window or a batch, and
patches that are not valid never influence the others.
Axis legend: B windows, C channels, P patches, S samples of a patch, E text dimension, W token width,
D features, H heads.
"""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from feature_extraction.encoders.patch_transformer.layers import (
    Block,
    ChannelFusion,
    PatchEmbedding,
    TimeEncoding,
    key_mask,
)
from feature_extraction.encoders.patch_transformer.patches import PatchConfig
from feature_extraction.errors import InputError

INITIAL_STD = 0.02
LARGEST_SIZE, DEEPEST = 65_536, 128


@dataclass(frozen=True)
class PatchTransformerConfig:
    """Sizes of the network.

    Attributes:
        width: W, even and a multiple of `heads`.
        depth: Blocks.
        heads: H, of each attention and of the pooling.
        feed_forward: Hidden width between the two linear layers of a block.
        dropout: Part of each branch's output set to 0 in training, drawn from PyTorch's global generator.
        text_dim: E.
        use_descriptions: Whether tokens are told what their channel is; without, channels are a set
            whose members cannot be told apart.
        patches: What the network expects its patches to be.
    """

    width: int
    depth: int
    heads: int
    feed_forward: int
    dropout: float
    text_dim: int = 384
    use_descriptions: bool = True
    patches: PatchConfig = field(default_factory=PatchConfig)

    @property
    def n_features(self) -> int:
        """D: mean, weighted mean and spread of the tokens."""
        return 3 * self.width

    def __post_init__(self) -> None:
        """Refuse sizes below 1, widths that heads or waves do not divide, and an impossible dropout."""
        for name in ("width", "depth", "heads", "feed_forward", "text_dim"):
            if not 1 <= getattr(self, name) <= LARGEST_SIZE:
                raise InputError(
                    f"patch_transformer.{name}: {getattr(self, name)} cannot be used; give 1 to {LARGEST_SIZE}"
                )
        if self.depth > DEEPEST:
            raise InputError(f"patch_transformer.depth: {self.depth} cannot be used; give 1 to {DEEPEST}")
        if self.width % 2 or self.width % self.heads:
            raise InputError(
                f"patch_transformer.width: {self.width} is odd or no multiple of {self.heads} heads; change one"
            )
        if not 0 <= self.dropout < 1:
            raise InputError(f"patch_transformer.dropout: {self.dropout} cannot be used; give 0 up to below 1")


SECOND = PatchConfig(patch_s=1.0, patch_samples=32)  # half as long patches take more than twice the time
TINY = PatchTransformerConfig(width=128, depth=4, heads=4, feed_forward=384, dropout=0.0, patches=SECOND)
SMALL = PatchTransformerConfig(width=384, depth=6, heads=6, feed_forward=1536, dropout=0.0, patches=SECOND)


class PatchTransformer(nn.Module):
    """Patches [B, C, P, S] of windows to features [B, D]."""

    def __init__(self, config: PatchTransformerConfig) -> None:
        """Make the network with weights of standard deviation 0.02; see `_initialise` for the exceptions."""
        super().__init__()
        self.config = config
        width = config.width
        self.embed = PatchEmbedding(config.patches.patch_samples, width)
        self.mask_token = nn.Parameter(torch.zeros(width))
        self.describe = ChannelFusion(config.text_dim, width) if config.use_descriptions else None
        self.time = TimeEncoding(width, config.patches.patch_s)
        self.blocks = nn.ModuleList(
            Block(width, config.heads, config.feed_forward, config.dropout) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width)
        self.score = nn.Linear(width, config.heads, bias=False)
        self._initialise()

    @property
    def n_features(self) -> int:
        """D."""
        return self.config.n_features

    def forward(self, values: Tensor, valid: Tensor, descriptions: Tensor | None) -> Tensor:
        """Return features [B, D]; arguments and errors as of `tokens` and `pool`."""
        return self.pool(self.tokens(values, valid, descriptions), valid)

    def tokens(
        self, values: Tensor, valid: Tensor, descriptions: Tensor | None, hidden: Tensor | None = None
    ) -> Tensor:
        """Return one token for each patch, with what it learned from the others.

        Args:
            values: [B, C, P, S], as of `make_patches`; beyond ±20 they are clipped.
            valid: bool [B, C, P].
            descriptions: Sentence embeddings of the channels [B, C, E]; not read without `use_descriptions`.
            hidden: bool [B, C, P]; where True, a learned token takes the place of the patch's values, which
                then influence nothing. Time and channel of the patch stay known.

        Returns:
            [B, C, P, W], normalised; 0 where not valid.

        Raises:
            InputError: Shapes that do not fit each other or the config.
        """
        self._check(values, valid, descriptions, hidden)
        all_valid = bool(valid.all())
        content = self.embed(values if all_valid else torch.where(valid[..., None], values, 0.0))
        if hidden is not None:
            content = torch.where(hidden[..., None], self.mask_token.to(content.dtype), content)
        if self.describe is not None and descriptions is not None:
            content = self.describe(content, descriptions)
        tokens = content + self.time(values.shape[2])
        patch_mask = None if all_valid else key_mask(valid.flatten(0, 1))
        channel_mask = None if all_valid else key_mask(valid.transpose(1, 2).flatten(0, 1))
        for block in self.blocks:
            tokens = block(tokens, patch_mask, channel_mask)
        tokens = self.norm(tokens)
        return tokens if all_valid else torch.where(valid[..., None], tokens, 0.0)

    def pool(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """Return features of windows: mean, attention-weighted mean and spread of the valid tokens.

        Each head weighs its own part of the tokens with its own scores (Lin et al., 2017,
        https://arxiv.org/abs/1703.03130).

        Args:
            tokens: [B, C, P, W], as of `tokens`.
            valid: bool [B, C, P].

        Returns:
            [B, D].

        Raises:
            InputError: A window has no valid patch.
        """
        is_empty = ~valid.flatten(1).any(dim=1)
        if is_empty.any():
            first = int(is_empty.nonzero()[0])
            raise InputError(
                f"patch transformer: {int(is_empty.sum())} of {len(valid)} windows have no valid patch, the first is "
                f"window {first} of the batch; leave them out"
            )
        sequence, keep = tokens.flatten(1, 2), valid.flatten(1)[..., None]
        count = keep.sum(dim=1)
        mean = torch.where(keep, sequence, 0.0).sum(dim=1) / count
        deviation = torch.where(keep, sequence - mean[:, None], 0.0)
        spread = (deviation.square().sum(dim=1) / count + 1e-6).sqrt()
        weights = self.score(sequence).masked_fill(~keep, -math.inf).softmax(dim=1)
        parts = sequence.unflatten(2, (self.config.heads, -1))
        weighted = (weights[..., None] * torch.where(keep[..., None], parts, 0.0)).sum(dim=1).flatten(1)
        return torch.cat([mean, weighted, spread], dim=1)

    def _initialise(self) -> None:
        """Draw weights; what is added to the tokens starts the smaller, the more branches add to them (GPT-2).

        The patch embedding starts with outputs about as large as its inputs, so that at first a token is
        its patch more than its time.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=INITIAL_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.mask_token, std=INITIAL_STD)
        nn.init.trunc_normal_(self.embed.linear.weight, std=self.embed.linear.in_features**-0.5)
        last_layers = [layer for module in self.modules() if isinstance(module, Block) for layer in module.last_layers]
        for layer in last_layers:
            nn.init.trunc_normal_(layer.weight, std=INITIAL_STD / math.sqrt(len(last_layers)))

    def _check(self, values: Tensor, valid: Tensor, descriptions: Tensor | None, hidden: Tensor | None) -> None:
        n_samples, text_dim = self.config.patches.patch_samples, self.config.text_dim
        if values.ndim != 4 or values.shape[3] != n_samples:
            raise InputError(
                f"patch transformer: values {tuple(values.shape)}; expected [B, C, P, {n_samples}], "
                "make the patches with the network's PatchConfig"
            )
        for name, mask in (("valid", valid), ("hidden", hidden)):
            if mask is not None and (mask.shape != values.shape[:3] or mask.dtype != torch.bool):
                raise InputError(
                    f"patch transformer: {name} {tuple(mask.shape)} of {mask.dtype} does not fit values "
                    f"{tuple(values.shape)}; give bool [B, C, P]"
                )
        expected = (*values.shape[:2], text_dim)
        if self.describe is not None and (descriptions is None or tuple(descriptions.shape) != expected):
            found = "missing" if descriptions is None else f"{tuple(descriptions.shape)}"
            raise InputError(
                f"patch transformer: descriptions {found}, expected {expected}; give one sentence embedding "
                "for each channel, or a config with use_descriptions=False"
            )
