"""Scores of windows under the models of one fold: the one place where a trained model meets windows.

Axis legend: s models, R training windows, n windows, D IMU features, S training classes, U further classes,
C classes, P coordinates of semantic vectors, L semantic latent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sadvae_har.config.settings import ClassifierConfig
from sadvae_har.method.classifier import ClassDensities, cosine_logits, mean_directions, softmax_logits
from sadvae_har.method.gate import Scores
from sadvae_har.method.model import SADVAE
from sadvae_har.method.nearest import NearestWindows
from sadvae_har.method.synthesis import Synthesiser

BATCH = 2048  # windows whose latents are in memory at once


@dataclass(frozen=True)
class FoldModel:
    """The trained models of one fold, and what classes are synthesised from.

    Attributes:
        networks: s SA-DVAE models.
        classifier: Settings of synthesis and classifiers.
        train_features: Standardised training windows [R, D].
        train_classes: Row of each one's class among the coordinates given to `ClassScorer`, [R].
        donors: Training windows that synthesised ones are made from [s, samples].
        noise: Normal draws that all synthesised classes share [s, samples, P + L].
    """

    networks: SADVAE
    classifier: ClassifierConfig
    train_features: Tensor
    train_classes: Tensor
    donors: Tensor
    noise: Tensor

    @cached_property
    def nearest(self) -> NearestWindows:
        """The training windows, ready to be compared with others."""
        return NearestWindows(self.train_features.numpy())

    @torch.no_grad()
    def semantic_latents(self, features: Tensor) -> Tensor:
        """Return the mean semantic latents of standardised windows [n, D] under every model, [s, n, L]."""
        encode, n_models = self.networks.semantic_encoder, self.networks.n_models
        return torch.cat([encode(part.expand(n_models, -1, -1)).mean for part in features.split(BATCH)], dim=1)


@dataclass(frozen=True)
class SeenClassifier:
    """A linear classifier of the training classes on standardised features.

    Attributes:
        weight: [D, S].
        bias: [S].
    """

    weight: Tensor
    bias: Tensor

    @property
    def n_classes(self) -> int:
        """Number of training classes, S."""
        return self.weight.shape[1]

    def logits(self, features: Tensor) -> Tensor:
        """Return logits [n, S] of windows [n, D]."""
        return torch.addmm(self.bias, features, self.weight)


def gather_scores(model: FoldModel, seen: SeenClassifier, text_logits: Tensor, features: Tensor) -> Scores:
    """Put together what the gate reads of standardised windows [n, D], given their logits by description [n, S + U]."""
    return Scores(
        seen_logits=seen.logits(features).numpy(),
        text_logits=text_logits.numpy(),
        novelty=model.nearest.find(features.numpy()).log_distance,
    )


class ClassScorer:
    """Scores windows against classes by samples synthesised from their descriptions, averaged over the models."""

    def __init__(
        self, model: FoldModel, coordinates: Tensor, generators: Sequence[torch.Generator] | None = None
    ) -> None:
        """Prepare the synthesis.

        Args:
            model: The models of a fold.
            coordinates: Of the semantic vectors of classes, the training ones among them, [C, P].
            generators: One per model; a softmax classifier draws its initial weights from them.
        """
        self.model, self._generators = model, generators
        donor_text = coordinates[model.train_classes[model.donors]]
        donors = model.train_features[model.donors]
        self.synthesiser = Synthesiser(model.networks, donors, donor_text, model.noise, model.classifier)

    @torch.no_grad()
    def fit(self, coordinates: Tensor, outside: Tensor) -> tuple[Tensor, ...]:
        """Return tensors [s, 1, ...] that stand for one class: its density, or its mean direction alone.

        Args:
            coordinates: Of its semantic vector [P].
            outside: As of `Synthesiser.samples`.
        """
        samples = self.synthesiser.samples(coordinates, outside)
        if self.model.classifier.kind == "cosine":
            return (mean_directions(samples),)
        return tuple(ClassDensities.fit(samples, self.model.classifier.shrinkage))

    @torch.no_grad()
    def logits(self, fitted: Sequence[Tensor], features: Tensor) -> Tensor:
        """Score standardised windows [n, D] against classes [s or 1, C, ...]: [n, C]."""
        queries = self._queries(features)
        if self.model.classifier.kind == "cosine":
            return cosine_logits(fitted[0], queries).mean(0)
        return ClassDensities(*fitted).logits(queries).mean(0)

    def text_logits(self, coordinates: Tensor, outside: Tensor, features: Tensor) -> Tensor:
        """Score standardised windows [n, D] against classes without keeping what stands for them.

        Args:
            coordinates: Of the classes' semantic vectors [C, P].
            outside: As of `Synthesiser.samples`, [C].
            features: Windows.

        Returns:
            Logits [n, C].
        """
        pairs = list(zip(coordinates, outside, strict=True))
        if self.model.classifier.kind == "softmax":
            assert self._generators is not None
            samples = [self.synthesiser.samples(*pair) for pair in pairs]
            return softmax_logits(samples, self._queries(features), self.model.classifier, self._generators).mean(0)
        # One class at a time: covariances of all would fill the memory.
        return torch.cat([self.logits(self.fit(*pair), features) for pair in pairs], dim=1)

    def _queries(self, features: Tensor) -> Tensor:
        """Return what classes are compared with: features [1, n, D] or latents [s, n, L]."""
        if self.model.classifier.synthesise == "latents":
            return self.model.semantic_latents(features)
        return features[None]
