"""A first-in first-out memory of recent embeddings and their labels.

It lets a small batch be compared with many more items, as the queue of He et al., Momentum Contrast, CVPR 2020
(https://arxiv.org/abs/1911.05722). Everything is a buffer: it is saved with the weights and has no gradient.
Axis legend: N items, E embedding dimension.
"""

import torch
from torch import Tensor, nn

from feature_extraction.errors import InputError


class EmbeddingQueue(nn.Module):
    """The last `size` embeddings that were pushed."""

    embeddings: Tensor
    labels: Tensor
    n_pushed: Tensor

    def __init__(self, size: int, dimension: int) -> None:
        """Make an empty queue.

        Args:
            size: Most embeddings kept; 0 keeps none.
            dimension: E.

        Raises:
            InputError: A negative size or a dimension below 1.
        """
        super().__init__()
        if size < 0 or dimension < 1:
            raise InputError(f"queue: {size} embeddings of dimension {dimension} cannot be kept; give 0 and 1 or more")
        self.register_buffer("embeddings", torch.zeros(size, dimension))
        self.register_buffer("labels", torch.zeros(size, dtype=torch.long))
        self.register_buffer("n_pushed", torch.zeros((), dtype=torch.long))

    @property
    def size(self) -> int:
        """Most embeddings kept."""
        return len(self.embeddings)

    @torch.no_grad()
    def push(self, embeddings: Tensor, labels: Tensor) -> None:
        """Append embeddings [N, E] with labels [N]; the oldest ones make room.

        Raises:
            InputError: Shapes that do not fit each other or the queue.
        """
        if embeddings.shape != (len(labels), self.embeddings.shape[1]) or labels.ndim != 1:
            raise InputError(
                f"queue: embeddings {tuple(embeddings.shape)} with labels {tuple(labels.shape)} do not fit; "
                f"give [N, {self.embeddings.shape[1]}] and [N]"
            )
        if self.size == 0:
            return
        passed = max(0, len(labels) - self.size)  # these would be pushed out by the rest
        count = torch.arange(passed, len(labels), device=self.labels.device)
        slots = (self.n_pushed + count) % self.size
        self.embeddings[slots] = embeddings[passed:].to(self.embeddings.dtype)
        self.labels[slots] = labels[passed:]
        self.n_pushed += len(labels)

    def entries(self) -> tuple[Tensor, Tensor]:
        """Return copies of the embeddings [N, E] and labels [N], oldest first."""
        pushed = int(self.n_pushed)
        if pushed < self.size:
            return self.embeddings[:pushed].clone(), self.labels[:pushed].clone()
        oldest = pushed % self.size if self.size else 0
        return self.embeddings.roll(-oldest, dims=0), self.labels.roll(-oldest)
