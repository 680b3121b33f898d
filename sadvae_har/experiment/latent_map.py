"""A two-dimensional picture of the semantic latent space: windows, synthesised samples and text anchors."""

import numpy as np
import torch
from sklearn.manifold import TSNE
from torch import Tensor
from torch.nn import functional

from sadvae_har.experiment.fitted import semantic_latents
from sadvae_har.experiment.problem import Problem
from sadvae_har.method.model import SADVAE

POINTS_PER_CLASS = 40


def latent_map(problem: Problem, model: SADVAE, synthesised: Tensor, seed: int) -> dict[str, np.ndarray]:
    """Embed directions of semantic latents in the plane (t-SNE on cosine distances, first seed's model).

    Args:
        problem: Features and texts; test windows are drawn, at most 40 a class.
        model: The final models; the first one is shown.
        synthesised: Samples of the unseen classes, latents or features, [U, samples, L or D].
        seed: Seed of the choice of points and of the embedding.

    Returns:
        `latent_map_xy` [p, 2], `latent_map_class` [p] and `latent_map_kind` [p], one of seen, unseen,
        synthesised and text.
    """
    rng = np.random.default_rng(seed)
    latents: list[Tensor] = []
    classes: list[str] = []
    kinds: list[str] = []

    def add(points: Tensor, name: str, kind: str) -> None:
        latents.append(points)
        classes.extend([name] * len(points))
        kinds.extend([kind] * len(points))

    text = model.text_encoder(problem.folds[0].text.expand(model.n_models, -1, -1)).mean[0]
    n_seen = len(problem.split.seen)
    for position, name in enumerate(problem.classes):
        rows = problem.windows(np.array([position]), problem.split.test_subjects)
        rows = rng.choice(rows, min(POINTS_PER_CLASS, len(rows)), replace=False)
        windows = semantic_latents(model, problem.folds[0].features[rows])[0]
        add(windows, name, "seen" if position < n_seen else "unseen")
        add(text[position : position + 1], name, "text")
        if position >= n_seen:
            samples = synthesised[position - n_seen][:POINTS_PER_CLASS]
            if samples.shape[1] != text.shape[1]:
                samples = semantic_latents(model, samples)[0]
            add(samples, name, "synthesised")
    directions = functional.normalize(torch.cat(latents), dim=-1).numpy().astype(np.float64)
    perplexity = min(30.0, (len(directions) - 1) / 3)
    plane = TSNE(2, perplexity=perplexity, metric="cosine", init="random", random_state=seed).fit_transform(directions)
    return {
        "latent_map_xy": plane.astype(np.float32),
        "latent_map_class": np.array(classes),
        "latent_map_kind": np.array(kinds),
    }
