"""Alignment of windows with the descriptions of their classes, so that an unrecorded class has a place too.

InfoNCE in both directions as in Radford et al., CLIP, ICML 2021 (https://arxiv.org/abs/2103.00020), with targets
softened by how alike the classes' descriptions are. A class is K prototypes: K learned queries pool its
description views by attention, and a learned offset corrects the text of a class that windows were seen of.
Axis legend: B windows, D features, N classes, V description views, K prototypes, E text dimension, M candidates.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from feature_extraction.pretraining.objectives.contrastive import soft_info_nce
from feature_extraction.pretraining.objectives.objective import PatchBatch, PatchEncoder, PatchObjective

TEMPERATURE = 0.07  # divides the cosines of windows and prototypes
TEXT_TEMPERATURE = 0.1  # divides the cosines of classes; near 0, targets are one-hot
N_PROTOTYPES = 3
QUEUE_SIZE = 2048  # recent windows that a class is also compared with


def soft_targets(text: Tensor, temperature: float) -> Tensor:
    """Return, per class, how much of each class it is [N, N]: a softmax of cosines, rows sum to one.

    Args:
        text: Unit vector of each class [N, E].
        temperature: Divides the cosines.
    """
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


class EmbeddingQueue(nn.Module):
    """The last `size` embeddings that were pushed, first in, first out, with their labels.

    It lets a small batch be compared with many more items, as the queue of He et al., Momentum Contrast, CVPR 2020
    (https://arxiv.org/abs/1911.05722). Everything is a buffer: it is saved with the weights and has no gradient.
    """

    embeddings: Tensor
    labels: Tensor
    n_pushed: Tensor

    def __init__(self, size: int, dimension: int) -> None:
        """Make an empty queue for `size` embeddings of E = `dimension`."""
        super().__init__()
        self.register_buffer("embeddings", torch.zeros(size, dimension))
        self.register_buffer("labels", torch.zeros(size, dtype=torch.long))
        self.register_buffer("n_pushed", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def push(self, embeddings: Tensor, labels: Tensor) -> None:
        """Append embeddings [M, E] with labels [M]; the oldest ones make room."""
        size = len(self.embeddings)
        passed = max(0, len(labels) - size)  # these would be pushed out by the rest
        count = torch.arange(passed, len(labels), device=self.labels.device)
        slots = (self.n_pushed + count) % size
        self.embeddings[slots] = embeddings[passed:].to(self.embeddings.dtype)
        self.labels[slots] = labels[passed:]
        self.n_pushed += len(labels)

    def entries(self) -> tuple[Tensor, Tensor]:
        """Return copies of the embeddings [M, E] and labels [M], oldest first."""
        pushed, size = int(self.n_pushed), len(self.embeddings)
        if pushed < size:
            return self.embeddings[:pushed].clone(), self.labels[:pushed].clone()
        return self.embeddings.roll(-(pushed % size), dims=0), self.labels.roll(-(pushed % size))


class SemanticAlignment(PatchObjective):
    """A linear map takes features to text space, where windows and class prototypes find each other."""

    labelled = True
    views: Tensor
    present: Tensor

    def __init__(self, n_features: int, views: Tensor, present: Tensor) -> None:
        """Make the projection, and prototypes that start as the classes' text.

        Args:
            n_features: D.
            views: Embedding of each description view of each class [N, V, E], the label bank.
            present: Which views exist [N, V], bool; at least one of each class.
        """
        super().__init__()
        n_classes, _, dimension = views.shape
        self.register_buffer("views", normalize(views.masked_fill(~present[:, :, None], 0.0), dim=2))
        self.register_buffer("present", present.clone())
        self.project = nn.Linear(n_features, dimension)
        self.queries = nn.Parameter(nn.init.normal_(torch.empty(N_PROTOTYPES, dimension)))
        self.offsets = nn.Parameter(torch.zeros(n_classes, N_PROTOTYPES, dimension))
        self.queue = EmbeddingQueue(QUEUE_SIZE, dimension)

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
        logits = (cosines / TEMPERATURE).logsumexp(dim=2)
        return logits - math.log(prototypes.shape[1])

    def embed(self, features: Tensor) -> Tensor:
        """Take features [B, D] to unit vectors in text space [B, E]."""
        return normalize(self.project(features), dim=1)

    def losses(self, encoder: PatchEncoder, batch: PatchBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Return `window_to_text` and `text_to_window` of the labelled windows; `generator` draws nothing.

        In training mode the windows then join the queue.
        """
        embeddings = self.embed(encoder(batch.values, batch.valid, batch.descriptions))
        labelled = batch.targets >= 0
        windows, labels = embeddings[labelled], batch.targets[labelled]
        recent, recent_labels = self.queue.entries()
        logits = self.class_logits(torch.cat([windows, recent.to(windows.dtype)]), self.prototypes())

        targets = soft_targets(self._class_text(), TEXT_TEMPERATURE)
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
