"""Which patches a masked autoencoder must fill in: single patches, spans of time, or whole channels.

Every style cuts the valid patches of a window into pieces and hides pieces, in random order, until the
asked share is hidden. How far the last piece may overshoot is random, so that the share is right on average.
Axis legend: B windows, C channels, P patches, K spans of a channel, N pieces of a window.
"""

import torch
from torch import Tensor

STYLES = ("random", "span", "channel")
MIX = (0.4, 0.4, 0.2)  # shares of the windows that get each style
RATIO = 0.4  # of the valid patches that is hidden; spans keep a visible patch between them
SHORTEST_SPAN, LONGEST_SPAN = 2, 4  # patches
NO_PIECE = -1


def draw_masks(valid: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a style for each window and hide patches in that style.

    Args:
        valid: [B, C, P], bool.
        generator: Source of randomness.

    Returns:
        Hidden patches [B, C, P], bool. Only valid patches are hidden; of a window with two valid patches or
        more, at least one is hidden and at least one stays visible.
    """
    shares = torch.tensor(MIX, device=generator.device)
    styles = torch.multinomial(shares, len(valid), replacement=True, generator=generator)
    return hide(valid, styles.to(valid.device), generator)


def hide(valid: Tensor, styles: Tensor, generator: torch.Generator, ratio: float = RATIO) -> Tensor:
    """Hide patches of each window in the given style.

    A window that its style would hide completely or not at all (one channel, too few patches for a span)
    gets the random style instead.

    Args:
        valid: [B, C, P], bool.
        styles: Position in `STYLES` of each window's style [B].
        generator: Source of randomness.
        ratio: Share of the valid patches that is hidden, as far as the style allows.

    Returns:
        Hidden patches [B, C, P], bool.
    """
    n_windows, n_channels, n_patches = valid.shape
    single = torch.arange(n_channels * n_patches, device=valid.device).reshape(n_channels, n_patches).expand_as(valid)
    single = torch.where(valid, single, NO_PIECE)
    channel = torch.arange(n_channels, device=valid.device)[:, None].expand_as(valid)
    channel = torch.where(valid, channel, NO_PIECE)
    span, n_spans = _cut_spans(valid, generator)
    n_pieces = max(n_channels * n_patches, n_spans)

    style = styles[:, None, None]
    piece = torch.where(style == STYLES.index("span"), span, single)
    piece = torch.where(style == STYLES.index("channel"), channel, piece)
    largest = _sizes(piece, n_pieces).amax(dim=1)
    useless = (largest == 0) | (largest == valid.sum(dim=(1, 2)))
    piece = torch.where(useless[:, None, None], single, piece)
    chosen = _choose_pieces(_sizes(piece, n_pieces), valid.sum(dim=(1, 2)), ratio, generator)
    hidden = chosen.gather(1, piece.clamp_min(0).reshape(n_windows, -1)).reshape(valid.shape)
    return hidden & (piece != NO_PIECE)


def _cut_spans(valid: Tensor, generator: torch.Generator) -> tuple[Tensor, int]:
    """Tile each channel's valid patches with spans of random length, one visible patch between two spans.

    Returns:
        Number of each patch's span within its window [B, C, P], -1 between spans, and a bound on these numbers.
    """
    n_windows, n_channels, n_patches = valid.shape
    shortest, longest = SHORTEST_SPAN, LONGEST_SPAN
    per_channel = (n_patches + longest) // (shortest + 1) + 2
    shape = (n_windows, n_channels, per_channel)
    lengths = torch.randint(shortest, longest + 1, shape, generator=generator, device=generator.device)
    lead = torch.randint(0, longest + 1, (*shape[:2], 1), generator=generator, device=generator.device)
    lengths, lead = lengths.to(valid.device), lead.to(valid.device)
    starts = (lengths + 1).cumsum(dim=2) - (lengths + 1) - lead
    place = valid.long().cumsum(dim=2) - 1  # among the valid patches of the channel
    span = torch.searchsorted(starts, place.clamp_min(0), right=True) - 1
    inside = valid & (place - starts.gather(2, span) < lengths.gather(2, span))
    first = per_channel * torch.arange(n_channels, device=valid.device)[:, None]
    span = torch.where(inside, first + span, NO_PIECE)
    long_enough = _sizes(span, n_channels * per_channel) >= shortest  # the ends of the channel cut spans off
    kept = long_enough.gather(1, span.clamp_min(0).reshape(n_windows, -1)).reshape(span.shape)
    return torch.where(kept, span, NO_PIECE), n_channels * per_channel


def _sizes(piece: Tensor, n_pieces: int) -> Tensor:
    """Count the patches [B, N] of each piece of piece numbers [B, C, P]."""
    flat = piece.reshape(len(piece), -1)
    counts = torch.zeros(len(piece), n_pieces, dtype=torch.long, device=piece.device)
    return counts.scatter_add_(1, flat.clamp_min(0), (flat != NO_PIECE).long())


def _choose_pieces(sizes: Tensor, n_valid: Tensor, ratio: float, generator: torch.Generator) -> Tensor:
    """Choose pieces at random until `ratio` of the valid patches is covered: at least one piece, never all patches.

    Args:
        sizes: Patches of each piece [B, N]; 0 for a number that is not in use.
        n_valid: Valid patches of each window [B].
        ratio: Share to cover.
        generator: Source of randomness.

    Returns:
        Chosen pieces [B, N], bool.
    """
    order = torch.rand(sizes.shape, generator=generator, device=generator.device).to(sizes.device)
    order = order.masked_fill(sizes == 0, 2.0).argsort(dim=1)
    overshoot = 1 - torch.rand(len(sizes), 1, generator=generator, device=generator.device).to(sizes.device)
    in_order = sizes.gather(1, order)
    covered = in_order.cumsum(dim=1)
    take = covered - overshoot * in_order < ratio * n_valid[:, None]
    take[:, 0] = True
    take &= (in_order > 0) & (covered < n_valid[:, None])
    return torch.zeros_like(take).scatter_(1, order, take)
