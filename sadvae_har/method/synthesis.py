"""From the descriptions of unseen classes to synthesised samples that a classifier can be trained on.

Axis legend: s models, n samples per class, D IMU features, P coordinates of semantic vectors, L semantic latent,
M instance latent.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from sadvae_har.config.settings import ClassifierConfig
from sadvae_har.method.model import SADVAE, sample


def draw_noise(model: SADVAE, text_dim: int, n_samples: int, generators: Sequence[torch.Generator]) -> Tensor:
    """Draw what a `Synthesiser` needs for n samples per class, one generator per model: [s, n, P + L]."""
    size = (n_samples, text_dim + model.config.latent_dim)
    return torch.stack([torch.randn(size, generator=generator) for generator in generators])


class Synthesiser:
    """Draws samples of classes that were never recorded.

    `latents` draws from the text posterior of each class. `features` moves real windows, the donors, to the class:
    it decodes the class's text latent beside the instance latent of the donor, and adds what decoding the donor's own
    class had missed of it. A synthesised window so keeps the person, the style and the noise of a real one. All
    classes are made from the same donors and the same noise, which cancels most of the sampling error where classes
    are compared.
    """

    @torch.no_grad()
    def __init__(
        self, model: SADVAE, donors: Tensor, donor_text: Tensor, noise: Tensor, config: ClassifierConfig
    ) -> None:
        """Work out what all classes share.

        Args:
            model: s trained models.
            donors: Standardised features of training windows [s, n, D]; read for `features` only.
            donor_text: Coordinates of the semantic vector of each donor's class [s, n, P].
            noise: As `draw_noise` makes it, [s, n, P + L].
            config: What to synthesise, and `doubt`: the variance of a class's semantic vector per unit of what the
                training classes cannot tell about it.
        """
        self.model, self.config = model, config
        self._text_noise, self._latent_noise = noise.split([donor_text.shape[-1], model.config.latent_dim], dim=2)
        if config.synthesise == "features":
            self._z_instance = model.instance_encoder(donors).mean
            own = model.text_encoder(donor_text).mean
            self._missed = donors - model.decode_features(own, self._z_instance)

    @torch.no_grad()
    def samples(self, coordinates: Tensor, outside: Tensor) -> Tensor:
        """Draw samples of one class.

        Args:
            coordinates: Of its semantic vector [P].
            outside: How much of that vector the training classes do not span, as `SemanticSpace.locate` returns it, a
                number. The more, the wider the class scatters: its vector is drawn anew for every sample.

        Returns:
            Semantic latents [s, n, L] or features [s, n, D].
        """
        drawn = coordinates + (self.config.doubt * outside).sqrt() * self._text_noise
        z_text = sample(self.model.text_encoder(drawn), self._latent_noise)
        if self.config.synthesise == "latents":
            return z_text
        return self.model.decode_features(z_text, self._z_instance) + self._missed
