"""SA-DVAE for inertial features: two VAEs that share a semantic latent (Li et al., ECCV 2024).

| paper | code | shape | meaning |
|---|---|---|---|
| f_x | `features` | [K, B, D] | IMU features |
| f_y | `text` | [K, B, E] | semantic vector of the class |
| z_x^r | `z_semantic` | [K, B, L] | semantic latent of the IMU features |
| z_x^v | `z_instance` | [K, B, M] | non-semantic latent |
| z_y | `z_text` | [K, B, L] | latent of the text |
| D | `discriminator` | [K, B, 1] | total-correlation adversary |

K independent models are held at once (see `networks.py`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sadvae_har.config.settings import ModelConfig
from sadvae_har.method.losses import (
    LossTerms,
    adversary_loss,
    kl_divergence,
    squared_error,
    total_correlation,
    wasserstein_squared,
)
from sadvae_har.method.networks import Gaussian, GaussianEncoder, stacked_mlp


class Batch(NamedTuple):
    """One step's input.

    Attributes:
        noisy_features: What the encoder sees, [K, B, D].
        features: What the decoder should restore, [K, B, D].
        noisy_text: Semantic vectors of the windows' classes with noise, [K, B, E].
        text: The same without, [K, B, E].
    """

    noisy_features: Tensor
    features: Tensor
    noisy_text: Tensor
    text: Tensor


class Noise(NamedTuple):
    """Standard normal draws of one step, independent per dimension: [K, B, L], [K, B, M] and [K, B, L]."""

    semantic: Tensor
    instance: Tensor
    text: Tensor


def sample(posterior: Gaussian, noise: Tensor) -> Tensor:
    """Reparameterise: mean + deviation x noise, all [K, B, L]."""
    return posterior.mean + (0.5 * posterior.log_variance).exp() * noise


class SADVAE(nn.Module):
    """K pairs of VAEs, one for IMU features and one for text, and their adversaries."""

    def __init__(
        self, feature_dim: int, text_dim: int, config: ModelConfig, generators: Sequence[torch.Generator]
    ) -> None:
        """Draw the initial parameters of model k from `generators[k]`.

        Args:
            feature_dim: D.
            text_dim: E.
            config: Sizes and loss weights.
            generators: One per model.
        """
        super().__init__()
        self.config = config
        hidden, latent, instance = config.hidden_dim, config.latent_dim, config.instance_dim
        self.semantic_encoder = GaussianEncoder(feature_dim, hidden, latent, generators)
        self.instance_encoder = GaussianEncoder(feature_dim, hidden, instance, generators)
        self.text_encoder = GaussianEncoder(text_dim, hidden, latent, generators)
        self.feature_decoder = stacked_mlp(latent + instance, hidden, feature_dim, generators)
        self.text_decoder = stacked_mlp(latent, hidden, text_dim, generators)
        self.discriminator = stacked_mlp(latent + instance, config.discriminator_dim, 1, generators)

    @property
    def n_models(self) -> int:
        """Return K."""
        return len(next(self.parameters()))

    def vae_parameters(self) -> list[nn.Parameter]:
        """Return the parameters of everything but the adversary."""
        return [p for name, p in self.named_parameters() if not name.startswith("discriminator.")]

    def decode_features(self, z_semantic: Tensor, z_instance: Tensor) -> Tensor:
        """Decode [K, B, L] and [K, B, M] to features [K, B, D]."""
        return self.feature_decoder(torch.cat([z_semantic, z_instance], dim=-1))

    def losses(self, batch: Batch, noise: Noise, ramp: float) -> tuple[LossTerms, Tensor]:
        """Compute every term of one step.

        Args:
            batch: Input of the step.
            noise: Reparameterisation noise.
            ramp: Weight in [0, 1] on the KL and total-correlation terms, rising early in training.

        Returns:
            The weighted terms for the VAEs, and the adversary's own loss [K] on detached latents.
        """
        weight = self.config
        semantic = self.semantic_encoder(batch.noisy_features)
        instance = self.instance_encoder(batch.noisy_features)
        text = self.text_encoder(batch.noisy_text)
        z_semantic, z_instance = sample(semantic, noise.semantic), sample(instance, noise.instance)
        z_text = sample(text, noise.text)

        joint = torch.cat([z_semantic, z_instance], dim=-1)
        # A roll by one pairs each semantic latent with another window's instance latent.
        shuffled = torch.cat([z_semantic, z_instance.roll(1, dims=1)], dim=-1)
        adversary = adversary_loss(self.discriminator(joint.detach()), self.discriminator(shuffled.detach()))

        kl_features = kl_divergence(semantic) + kl_divergence(instance)
        terms = LossTerms(
            reconstruct_features=squared_error(self.decode_features(z_semantic, z_instance), batch.features),
            reconstruct_text=squared_error(self.text_decoder(z_text), batch.text),
            kl=ramp * (weight.kl_features * kl_features + weight.kl_text * kl_divergence(text)),
            cross_features=weight.cross_alignment
            * squared_error(self.decode_features(z_text, z_instance), batch.features),
            synthesis=weight.synthesis
            * squared_error(self.decode_features(z_text, torch.zeros_like(z_instance)), batch.features),
            cross_text=weight.cross_alignment * squared_error(self.text_decoder(z_semantic), batch.text),
            distribution_alignment=weight.distribution_alignment * wasserstein_squared(semantic, text),
            total_correlation=ramp * weight.total_correlation * total_correlation(self.discriminator(joint)),
        )
        return terms, adversary
