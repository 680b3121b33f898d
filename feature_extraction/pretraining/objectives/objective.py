"""What an objective on patches sees: the batch, what it may ask of the encoder, and its own interface.

A new objective is one file with a subclass of `PatchObjective`.
Axis legend: B windows, C channels, P patches, S samples of a patch, W token width, E text dimension, D features,
K statistics.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

UNLABELLED = -1


@dataclass(frozen=True)
class PatchBatch:
    """Windows cut into patches, in the scaled units of the patches; padding is not valid and holds 0.

    Attributes:
        values: An augmented view [B, C, P, S].
        second: Another augmented view of the same windows [B, C, P, S].
        clean: The same windows before augmentation [B, C, P, S].
        valid: Which patches were measured [B, C, P], bool.
        descriptions: Text embedding of each channel's sensor description [B, C, E].
        dataset: Number of the data set of each window [B], long.
        targets: Position of each window's class in the label bank [B], long; -1 for an unlabelled window.
        statistics: Standardised statistical features of the windows before augmentation [B, K]; NaN where their
            sensors have no such feature.
    """

    values: Tensor
    second: Tensor
    clean: Tensor
    valid: Tensor
    descriptions: Tensor
    dataset: Tensor
    targets: Tensor
    statistics: Tensor


class PatchEncoder(Protocol):
    """What an objective may ask of an encoder of patches."""

    def tokens(self, values: Tensor, valid: Tensor, descriptions: Tensor, hidden: Tensor | None, /) -> Tensor:
        """Return a token per patch [B, C, P, W]; hidden patches [B, C, P] are seen as a learned mask token."""

    def pool(self, tokens: Tensor, valid: Tensor, /) -> Tensor:
        """Return features [B, D] of tokens [B, C, P, W]."""

    def __call__(self, values: Tensor, valid: Tensor, descriptions: Tensor, /) -> Tensor:
        """Return features [B, D] of patches [B, C, P, S]."""


class PatchObjective(nn.Module, ABC):
    """Heads and losses that train an encoder of patches; the heads are thrown away afterwards.

    Attributes:
        labelled: Whether class labels are used; recorded in the provenance.
    """

    labelled: ClassVar[bool]

    @abstractmethod
    def losses(self, encoder: PatchEncoder, batch: PatchBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Return named scalar terms, each averaged over what it is about; `generator` makes every random draw."""
