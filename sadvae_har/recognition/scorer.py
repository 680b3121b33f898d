"""Scores of windows against trained and described activities; described ones come and go without any training.

Axis legend: s seeds, n windows, D features, S trained activities, A all activities, P coordinates.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sadvae_har.experiment.fitted import semantic_latents
from sadvae_har.method.classifier import ClassDensities, cosine_logits, mean_directions
from sadvae_har.method.gate import Scores, TrainingWindows
from sadvae_har.method.synthesis import Donors, synthesise
from sadvae_har.recognition.model.parts import FeatureModel

BATCH = 256


class Scorer:
    """Every activity of a model as a density (or direction) of synthesised windows, ready to score windows."""

    def __init__(self, model: FeatureModel) -> None:
        """Synthesise the trained activities; they are needed for the text margin of the gate."""
        self.model = model
        self.training = TrainingWindows(model.train_features.numpy())
        self._donors = Donors(model.train_features[model.donors], model.train_classes[model.donors])
        coordinates, unexplained = model.space.locate(model.vectors[: model.n_trained])
        self._coordinates = coordinates
        self._classes = self._fit(coordinates, unexplained, np.arange(model.n_trained))

    def copy(self) -> "Scorer":
        """Return a scorer with a list of activities of its own; everything else is shared."""
        other = object.__new__(Scorer)
        other.__dict__.update(self.__dict__)
        return other

    @property
    def classes(self) -> tuple[Tensor, ...]:
        """Fields of `ClassDensities`, or mean directions alone, of all activities, trained ones first."""
        return tuple(self._classes)

    @torch.no_grad()
    def _fit(self, coordinates: Tensor, unexplained: Tensor, classes: np.ndarray) -> Sequence[Tensor]:
        """Return tensors [s or 1, classes, ...] that stand for the classes at positions of coordinates [., P]."""
        config = self.model.config.classifier
        doubt = (config.doubt * unexplained).sqrt()
        parts = [
            synthesise(
                self.model.networks, coordinates, doubt, classes[k : k + 1], self._donors, self.model.noise, config
            )
            for k in range(len(classes))
        ]
        if config.kind == "cosine":
            return [torch.cat([mean_directions(samples) for samples in parts], dim=1)]
        densities = [ClassDensities.fit(samples, config.shrinkage) for samples in parts]
        if config.synthesise == "features":  # All seeds read the same windows.
            densities = [density.merged() for density in densities]
        return [torch.cat(group, dim=1) for group in zip(*densities, strict=True)]

    def add(self, vector: np.ndarray) -> None:
        """Take in a described activity by its semantic vector [1, E], as the last one.

        Raises:
            InputError: The vector is of another text model.
        """
        coordinates, unexplained = self.model.space.locate(vector)
        together = torch.cat([self._coordinates, coordinates])
        doubts = torch.cat([torch.zeros(len(self._coordinates)), unexplained])
        new = self._fit(together, doubts, np.array([len(self._coordinates)]))
        self._coordinates = together
        self._classes = [torch.cat(pair, dim=1) for pair in zip(self._classes, new, strict=True)]

    def remove(self, position: int) -> None:
        """Forget the described activity at a position among all activities."""
        kept = [k for k in range(len(self._coordinates)) if k != position]
        self._coordinates = self._coordinates[kept]
        self._classes = [part[:, kept] for part in self._classes]

    def scores(self, features: np.ndarray) -> Scores:
        """Score windows.

        Args:
            features: Standardised features [n, D].
        """
        inputs = torch.from_numpy(features)
        parts = [self._text_logits(batch) for batch in inputs.split(BATCH)]
        return Scores(
            seen_logits=torch.addmm(self.model.seen_bias, inputs, self.model.seen_weight).numpy(),
            text_logits=torch.cat(parts).numpy(),
            novelty=self.training.novelty(features),
        )

    @torch.no_grad()
    def _text_logits(self, features: Tensor) -> Tensor:
        networks, config = self.model.networks, self.model.config.classifier
        queries = semantic_latents(networks, features) if config.synthesise == "latents" else features[None]
        if config.kind == "cosine":
            return cosine_logits(self._classes[0], queries).mean(0)
        return ClassDensities(*self._classes).logits(queries).mean(0)

    @torch.no_grad()
    def directions(self, features: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return unit semantic latents of windows [s, n, L] and of all activities' descriptions [s, A, L].

        Args:
            features: Standardised features [n, D].
        """
        networks = self.model.networks
        texts = networks.text_encoder(self._coordinates.expand(networks.n_models, -1, -1)).mean
        latents = semantic_latents(networks, torch.from_numpy(features))
        return functional.normalize(latents, dim=-1), functional.normalize(texts, dim=-1)
