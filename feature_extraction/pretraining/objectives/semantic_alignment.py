"""Alignment of windows with the descriptions of their classes, so that an unrecorded class has a place too.

InfoNCE in both directions as in Radford et al., CLIP, ICML 2021 (https://arxiv.org/abs/2103.00020), with targets
softened by how alike the classes' descriptions are. A class is K prototypes: K learned queries pool its
description views by attention, and a learned offset corrects the text of a class that windows were seen of.
Axis legend: B windows, D features, N classes, V description views, K prototypes, E text dimension, M candidates.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from feature_extraction.errors import InputError
from feature_extraction.pretraining.objectives.contrastive import check_temperature, soft_info_nce
from feature_extraction.pretraining.objectives.embedding_queue import EmbeddingQueue
from feature_extraction.pretraining.objectives.objective import PatchBatch, PatchEncoder, PatchObjective, check_targets


@dataclass(frozen=True)
class AlignmentConfig:
    """How windows are compared with classes.

    Attributes:
        temperature: Divides the cosines of windows and prototypes.
        text_temperature: Divides the cosines of classes; near 0, targets are one-hot.
        n_prototypes: K.
        queue_size: Recent windows that a class is also compared with.
    """

    temperature: float = 0.07
    text_temperature: float = 0.1
    n_prototypes: int = 3
    queue_size: int = 2048

    def __post_init__(self) -> None:
        """Refuse numbers that are not positive."""
        check_temperature("alignment.temperature", self.temperature)
        check_temperature("alignment.text_temperature", self.text_temperature)
        if self.n_prototypes < 1 or self.queue_size < 0:
            raise InputError(
                f"alignment: {self.n_prototypes} prototypes and a queue of {self.queue_size} cannot be used; "
                "give at least 1 and 0"
            )


def soft_targets(text: Tensor, temperature: float) -> Tensor:
    """Return, per class, how much of each class it is [N, N]: a softmax of cosines, rows sum to one.

    Args:
        text: Unit vector of each class [N, E].
        temperature: Divides the cosines.
    """
    check_temperature("soft_targets.temperature", temperature)
    return (text @ text.T / temperature).softmax(dim=1)


def candidate_targets(class_targets: Tensor, labels: Tensor) -> Tensor:
    """Share each class's soft targets out to the windows it is compared with.

    Args:
        class_targets: Soft targets of some classes [n, N].
        labels: Class of each candidate window [M].

    Returns:
        Probabilities [n, M]: windows of one class share its target evenly, and rows sum to one.
    """
    counts = torch.bincount(labels, minlength=class_targets.shape[1])
    weights = class_targets[:, labels] / counts[labels]
    return weights / weights.sum(dim=1, keepdim=True)


class SemanticAlignment(PatchObjective):
    """A linear map takes features to text space, where windows and class prototypes find each other."""

    labelled = True
    views: Tensor
    present: Tensor

    def __init__(self, n_features: int, views: Tensor, present: Tensor, config: AlignmentConfig | None = None) -> None:
        """Make the projection, and prototypes that start as the classes' text.

        Args:
            n_features: D.
            views: Embedding of each description view of each class [N, V, E], the label bank.
            present: Which views exist [N, V], bool.
            config: How windows are compared with classes.

        Raises:
            InputError: An empty label bank, shapes that differ, a class without any view, or a view that is
                zero or not finite.
        """
        super().__init__()
        check_label_bank(views, present)
        if n_features < 1:
            raise InputError(f"alignment: {n_features} features cannot be projected; give at least 1")
        self.config = config or AlignmentConfig()
        n_classes, _, dimension = views.shape
        self.register_buffer("views", normalize(views.masked_fill(~present[:, :, None], 0.0), dim=2))
        self.register_buffer("present", present.clone())
        self.project = nn.Linear(n_features, dimension)
        self.queries = nn.Parameter(nn.init.normal_(torch.empty(self.config.n_prototypes, dimension)))
        self.offsets = nn.Parameter(torch.zeros(n_classes, self.config.n_prototypes, dimension))
        self.queue = EmbeddingQueue(self.config.queue_size, dimension)

    def describe(self, views: Tensor, present: Tensor) -> Tensor:
        """Pool description views into K unit vectors per class, also of classes that are not in the bank.

        Args:
            views: Unit vectors [N, V, E].
            present: Which views exist [N, V], bool.

        Returns:
            [N, K, E].
        """
        scores = torch.einsum("ke,nve->nkv", self.queries, views)
        attention = scores.masked_fill(~present[:, None, :], float("-inf")).softmax(dim=2)
        return normalize(attention @ views, dim=2)

    def prototypes(self) -> Tensor:
        """Return the unit prototypes [N, K, E] of the classes of the bank."""
        return normalize(self.describe(self.views, self.present) + self.offsets, dim=2)

    def class_logits(self, embeddings: Tensor, prototypes: Tensor) -> Tensor:
        """Compare windows with classes by a soft maximum over the prototypes of a class.

        Args:
            embeddings: Unit vectors of windows in text space [B, E].
            prototypes: Unit vectors [N, K, E].

        Returns:
            Logits [B, N], already divided by the temperature.
        """
        cosines = torch.einsum("be,nke->bnk", embeddings, prototypes)
        logits = (cosines / self.config.temperature).logsumexp(dim=2)
        return logits - math.log(prototypes.shape[1])

    def embed(self, features: Tensor) -> Tensor:
        """Take features [B, D] to unit vectors in text space [B, E]."""
        return normalize(self.project(features), dim=1)

    def losses(self, encoder: PatchEncoder, batch: PatchBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Return `window_to_text` and `text_to_window` of the labelled windows; `generator` draws nothing.

        In training mode the windows then join the queue.
        """
        check_targets(batch.targets, len(self.views))
        embeddings = self.embed(encoder(batch.values, batch.valid, batch.descriptions))
        labelled = batch.targets >= 0
        windows, labels = embeddings[labelled], batch.targets[labelled]
        recent, recent_labels = self.queue.entries()
        logits = self.class_logits(torch.cat([windows, recent.to(windows.dtype)]), self.prototypes())

        targets = soft_targets(self._class_text(), self.config.text_temperature)
        classes = labels.unique()
        shared = candidate_targets(targets[classes], torch.cat([labels, recent_labels]))
        terms = {
            "window_to_text": soft_info_nce(logits[: len(windows)], targets[labels]),
            "text_to_window": soft_info_nce(logits.T[classes], shared),
        }
        if self.training:
            self.queue.push(windows, labels)
        return terms

    def _class_text(self) -> Tensor:
        """Return the mean direction of each class's views [N, E]; views that do not exist are zero."""
        return normalize(self.views.sum(dim=1), dim=1)


def check_label_bank(views: Tensor, present: Tensor) -> None:
    """Refuse a label bank that cannot be aligned with.

    Args:
        views: [N, V, E].
        present: [N, V], bool.

    Raises:
        InputError: It is empty, its shapes differ, a class has no view, or a view is zero or not finite.
    """
    if views.ndim != 3 or 0 in views.shape:
        raise InputError(f"label bank: views of shape {tuple(views.shape)} hold no text; give [classes, views, E]")
    if present.shape != views.shape[:2] or present.dtype != torch.bool:
        raise InputError(
            f"label bank: present is {present.dtype} of shape {tuple(present.shape)}, but views of shape "
            f"{tuple(views.shape)} need bool of shape {tuple(views.shape[:2])}"
        )
    without = (~present.any(dim=1)).nonzero()[:, 0].tolist()
    if without:
        raise InputError(f"label bank: classes {without} have no description view; describe them or leave them out")
    norms = views.norm(dim=2)
    broken = (present & ~(norms.isfinite() & (norms > 0))).nonzero().tolist()
    if broken:
        raise InputError(f"label bank: view {broken[0]} (class, view) is zero or not finite; embed it again")
