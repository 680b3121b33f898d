"""Scores of windows against trained and described activities; described ones come and go without any training.

Axis legend: s seeds, n windows, D features, S trained activities, A all activities, P coordinates.
"""

import copy

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sadvae_har.experiment.semantic_space import SemanticSpace
from sadvae_har.method.classifier import ClassDensities
from sadvae_har.method.gate import Scores
from sadvae_har.method.scorer import ClassScorer, FoldModel, SeenClassifier, gather_scores

BATCH = 256


class ActivityScorer:
    """Every activity as a density (or direction) of synthesised windows, ready to score windows."""

    def __init__(self, model: FoldModel, seen: SeenClassifier, space: SemanticSpace, vectors: np.ndarray) -> None:
        """Synthesise the trained activities; they are needed for the text margin of the gate.

        Args:
            model: Trained models.
            seen: Classifier of the trained activities.
            space: What the trained activities span of the text space.
            vectors: Semantic vectors of the trained activities [S, E].
        """
        self.model, self._seen, self._space = model, seen, space
        self.coordinates, outside = space.locate(vectors)
        self._scorer = ClassScorer(model, self.coordinates)
        fitted = [self._fit(*pair) for pair in zip(self.coordinates, outside, strict=True)]
        self.classes = tuple(torch.cat(group, dim=1) for group in zip(*fitted, strict=True))

    def copy(self) -> "ActivityScorer":
        """Return a scorer with a list of activities of its own; everything else is shared."""
        return copy.copy(self)

    def _fit(self, coordinates: Tensor, outside: Tensor) -> tuple[Tensor, ...]:
        """Return fields of `ClassDensities`, or a mean direction alone, [s or 1, 1, ...], of one activity."""
        fitted = self._scorer.fit(coordinates, outside)
        if self.model.classifier.kind == "gaussian" and self.model.classifier.synthesise == "features":
            return tuple(ClassDensities(*fitted).merged())  # All seeds read the same windows.
        return fitted

    def add(self, vector: np.ndarray) -> None:
        """Take in a described activity by its semantic vector [1, E], as the last one.

        Raises:
            InputError: The vector is of another text model.
        """
        coordinates, outside = self._space.locate(vector)
        new = self._fit(coordinates[0], outside[0])
        self.coordinates = torch.cat([self.coordinates, coordinates])
        self.classes = tuple(torch.cat(pair, dim=1) for pair in zip(self.classes, new, strict=True))

    def remove(self, position: int) -> None:
        """Forget the described activity at a position among all activities."""
        kept = [k for k in range(len(self.coordinates)) if k != position]
        self.coordinates = self.coordinates[kept]
        self.classes = tuple(part[:, kept] for part in self.classes)

    def scores(self, features: np.ndarray) -> Scores:
        """Score windows.

        Args:
            features: Standardised features [n, D].
        """
        text_logits = torch.from_numpy(self.scores_by_text(features))
        return gather_scores(self.model, self._seen, text_logits, torch.from_numpy(features))

    def scores_by_text(self, features: np.ndarray) -> np.ndarray:
        """Return log densities of windows under every activity, [n, A], up to a term that all share.

        Args:
            features: Standardised features [n, D].
        """
        batches = torch.from_numpy(features).split(BATCH)
        return torch.cat([self._scorer.logits(self.classes, batch) for batch in batches]).numpy()

    @torch.no_grad()
    def similarity(self, features: np.ndarray) -> np.ndarray:
        """Return the cosines of the semantic latents of windows and descriptions, averaged over the seeds, [n, A].

        Args:
            features: Standardised features [n, D].
        """
        networks = self.model.networks
        texts = networks.text_encoder(self.coordinates.expand(networks.n_models, -1, -1)).mean
        latents = self.model.semantic_latents(torch.from_numpy(features))
        return (functional.normalize(latents, dim=-1) @ functional.normalize(texts, dim=-1).mT).mean(0).numpy()
