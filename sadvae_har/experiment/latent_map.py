"""A two-dimensional picture of the semantic latent space: windows, synthesised samples and descriptions.

Axis legend: n windows, A classes, L semantic latent.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sadvae_har.experiment.problem import Problem
from sadvae_har.method.scorer import ClassScorer, FoldModel

POINTS_PER_CLASS = 40


class LatentPlane:
    """The plane that holds most of the directions of training windows and descriptions, under the first seed's model.

    It does not depend on the windows to be shown, so it stays where it is from one recording to the next.
    """

    @torch.no_grad()
    def __init__(self, model: FoldModel, coordinates: Tensor) -> None:
        """Fit to a model's donors and to descriptions.

        Args:
            model: The models of a fold.
            coordinates: Of the semantic vectors of the classes to show [A, P].
        """
        from sklearn.decomposition import PCA  # takes a second; whoever only recognises does without

        self._model = model
        anchors = model.networks.text_encoder(coordinates.expand(model.networks.n_models, -1, -1)).mean[0]
        donors = model.semantic_latents(model.train_features[model.donors[0]])[0]
        self._pca = PCA(2, random_state=0).fit(functional.normalize(torch.cat([donors, anchors]), dim=-1).numpy())
        self.anchors_xy = self.place(anchors)

    def place(self, latents: Tensor) -> np.ndarray:
        """Return where semantic latents [n, L] of the first model lie, [n, 2]."""
        return np.asarray(self._pca.transform(functional.normalize(latents, dim=-1).numpy()), np.float32)

    def place_windows(self, features: Tensor) -> np.ndarray:
        """Return where standardised windows [n, D] lie, [n, 2]."""
        return self.place(self._model.semantic_latents(features)[0])


def latent_map(problem: Problem, scorer: ClassScorer, seed: int) -> dict[str, np.ndarray]:
    """Place test windows, descriptions of all classes and samples synthesised of unseen ones in the plane.

    Args:
        problem: Features and texts.
        scorer: Of the final problem.
        seed: Seed of the choice of test windows, at most 40 a class.

    Returns:
        `latent_map_xy` [p, 2], `latent_map_class` [p] and `latent_map_kind` [p], one of seen, unseen,
        synthesised and text.
    """
    final, rng, n_seen = problem.folds[0], np.random.default_rng(seed), len(problem.split.seen)
    plane = LatentPlane(scorer.model, final.coordinates)
    points: list[tuple[np.ndarray, str, str]] = []
    for position, name in enumerate(problem.classes):
        rows = problem.windows(np.array([position]), problem.split.test_subjects)
        rows = rng.choice(rows, min(POINTS_PER_CLASS, len(rows)), replace=False)
        points.append((plane.place_windows(final.features[rows]), name, "seen" if position < n_seen else "unseen"))
        points.append((plane.anchors_xy[position : position + 1], name, "text"))
        if position >= n_seen:
            samples = scorer.synthesiser.samples(final.coordinates[position], final.outside[position])
            drawn = samples[0, :POINTS_PER_CLASS]
            latents = scorer.model.classifier.synthesise == "latents"
            points.append((plane.place(drawn) if latents else plane.place_windows(drawn), name, "synthesised"))
    return {
        "latent_map_xy": np.concatenate([xy for xy, _, _ in points]),
        "latent_map_class": np.concatenate([[name] * len(xy) for xy, name, _ in points]),
        "latent_map_kind": np.concatenate([[kind] * len(xy) for xy, _, kind in points]),
    }
