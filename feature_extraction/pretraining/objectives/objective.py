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

from feature_extraction.errors import InputError

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

    def __post_init__(self) -> None:
        """Refuse parts whose shapes or types contradict each other."""
        if self.values.ndim != 4:
            raise InputError(f"patch batch: values have shape {tuple(self.values.shape)}; give [B, C, P, S]")
        n_windows, n_channels, n_patches, _ = self.values.shape
        expected = {
            "second": tuple(self.values.shape),
            "clean": tuple(self.values.shape),
            "valid": (n_windows, n_channels, n_patches),
            "descriptions": (n_windows, n_channels, *self.descriptions.shape[-1:]),
            "dataset": (n_windows,),
            "targets": (n_windows,),
            "statistics": (n_windows, *self.statistics.shape[-1:]),
        }
        for name, shape in expected.items():
            found = tuple(getattr(self, name).shape)
            if found != shape:
                raise InputError(
                    f"patch batch: {name} has shape {found}, but values of shape "
                    f"{tuple(self.values.shape)} need {shape}"
                )
        for name, dtype in (("valid", torch.bool), ("dataset", torch.long), ("targets", torch.long)):
            if getattr(self, name).dtype != dtype:
                raise InputError(f"patch batch: {name} is {getattr(self, name).dtype}; convert it to {dtype}")


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


def check_targets(targets: Tensor, n_classes: int) -> None:
    """Refuse targets [B] that are neither -1 nor a position among `n_classes` classes.

    Raises:
        InputError: A target outside that range.
    """
    outside = targets[(targets < UNLABELLED) | (targets >= n_classes)]
    if len(outside):
        raise InputError(
            f"targets: {int(outside[0])} is no position among {n_classes} classes; give 0 to {n_classes - 1}, "
            f"or {UNLABELLED} for an unlabelled window"
        )
