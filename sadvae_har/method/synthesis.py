"""From the descriptions of unseen classes to synthesised samples that a classifier can be trained on.

Axis legend: K models, C classes, U of them synthesised, n samples per class, D IMU features, P
coordinates of semantic vectors, L semantic latent.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sadvae_har.config.settings import ClassifierConfig
from sadvae_har.method.model import SADVAE, sample
from sadvae_har.method.networks import Gaussian


class Donors(NamedTuple):
    """Real training windows that synthesised features are made from.

    Attributes:
        features: Standardised features [K, n, D].
        classes: Position of each window's class among all classes [K, n].
    """

    features: Tensor
    classes: Tensor


def draw_noise(model: SADVAE, text_dim: int, n_samples: int, generators: Sequence[torch.Generator]) -> Tensor:
    """Draw what `synthesise` needs for n samples per class, one generator per model: [K, n, P + L]."""
    size = (n_samples, text_dim + model.config.latent_dim)
    return torch.stack([torch.randn(size, generator=generator) for generator in generators])


@torch.no_grad()
def synthesise(
    model: SADVAE,
    text: Tensor,
    doubt: Tensor,
    classes: np.ndarray,
    donors: Donors,
    noise: Tensor,
    config: ClassifierConfig,
) -> Tensor:
    """Draw samples of classes that were never recorded.

    `latents` draws from the text posterior of each class. `features` moves real windows to the class:
    it decodes the class's text latent beside the instance latent of the window, and adds what decoding the
    window's own class had left unexplained. A synthesised window so keeps the person, the style and the noise
    of a real one. All classes are made from the same windows and the same noise, which cancels most of the
    sampling error where classes are compared. A class in doubt scatters wider: its semantic vector is drawn anew
    for every sample.

    Args:
        model: K trained models.
        text: Coordinates of all classes' semantic vectors [C, P].
        doubt: Standard deviation of each class's semantic vector in every dimension [C].
        classes: Positions of the classes to synthesise, U.
        donors: Training windows; read for `features` only.
        noise: Standard normal draws that all classes share, as `draw_noise` makes them, [K, n, P + L].
        config: What to synthesise, and how many samples per class.

    Returns:
        Semantic latents [K, U, n, L] or features [K, U, n, D].
    """
    width, shared = text.shape[1], noise[:, None]
    drawn = text[classes, None] + doubt[classes, None, None] * shared[..., :width]
    posterior = model.text_encoder(drawn.flatten(1, 2))
    chosen = Gaussian(*(part.unflatten(1, (len(classes), noise.shape[1])) for part in posterior))
    z_text = sample(chosen, shared[..., width:])
    if config.synthesise == "latents":
        return z_text
    z_instance = model.instance_encoder(donors.features).mean
    own = model.text_encoder(text[donors.classes]).mean
    unexplained = donors.features - model.decode_features(own, z_instance)
    moved = [model.decode_features(z_text[:, k], z_instance) + unexplained for k in range(len(classes))]
    return torch.stack(moved, dim=1)
