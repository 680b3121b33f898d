"""From the descriptions of unseen classes to synthesised samples that a classifier can be trained on.

Axis legend: K models, U unseen classes, n samples per class, D IMU features, E text, L semantic, M instance.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from sadvae_har.config import ClassifierConfig
from sadvae_har.model import SADVAE, sample


@torch.no_grad()
def synthesise(
    model: SADVAE,
    text: Tensor,
    seen_features: Tensor,
    config: ClassifierConfig,
    generators: Sequence[torch.Generator],
) -> Tensor:
    """Draw semantic latents of classes that were never recorded.

    `latents` samples the text posterior. `features` goes the long way round: it decodes z_text beside
    the instance latents of real seen windows, which lends the synthesised features the variety of real
    recordings, and encodes them again.

    Args:
        model: K trained models.
        text: Semantic vectors of the unseen classes [U, E].
        seen_features: Standardised features of seen train windows [R, D]; read for `features` only.
        config: What to synthesise, and how many samples per class.
        generators: One per model.

    Returns:
        Semantic latents [K, U, n, L].
    """
    n_classes, n_samples, n_models = len(text), config.samples_per_class, len(generators)
    posterior = model.text_encoder(text.expand(n_models, -1, -1))
    wide = [part.repeat_interleave(n_samples, dim=1) for part in posterior]
    noise = torch.stack([torch.randn(wide[0].shape[1:], generator=generator) for generator in generators])
    z_text = sample(type(posterior)(*wide), noise)
    if config.synthesise == "features":
        picks = [torch.randint(len(seen_features), z_text.shape[1:2], generator=generator) for generator in generators]
        z_instance = model.instance_encoder(seen_features[torch.stack(picks)]).mean
        z_text = model.semantic_encoder(model.decode_features(z_text, z_instance)).mean
    return z_text.unflatten(1, (n_classes, n_samples))
