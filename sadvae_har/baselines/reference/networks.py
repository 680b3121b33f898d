"""Networks, losses and schedules of the published SA-DVAE, departures from the textbook included.

Written anew from the paper (Li et al., ECCV 2024) and from the behaviour of its released code; every line
marked "Quirk" is wrong or odd on purpose, and `sadvae_har/method/losses.py` holds the corrected form.
Axis legend: B batch, D IMU features, E text features, L semantic latent, M instance latent, U unseen classes.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sadvae_har.method.networks import Gaussian

WEIGHT_GAIN = 0.5


def linear(n_in: int, n_out: int, generator: torch.Generator) -> nn.Linear:
    """Return an affine map with Xavier-uniform weights of gain 0.5 and zero bias."""
    # meta -> empty: the layer's own initialisation would draw from the global generator.
    layer = nn.Linear(n_in, n_out, device="meta").to_empty(device="cpu")
    nn.init.xavier_uniform_(layer.weight, gain=WEIGHT_GAIN, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


class Encoder(nn.Module):
    """One linear layer to the mean and one to the log variance."""

    def __init__(self, n_in: int, n_latent: int, generator: torch.Generator) -> None:
        """Draw an encoder from `n_in` inputs to `n_latent` latent dimensions."""
        super().__init__()
        self.mean = linear(n_in, n_latent, generator)
        self.log_variance = linear(n_in, n_latent, generator)

    def forward(self, inputs: Tensor) -> Gaussian:
        """Map [B, n_in] to a posterior of [B, n_latent]."""
        return Gaussian(self.mean(inputs), self.log_variance(inputs))


class LinearReLU(nn.Module):
    """One linear layer and a ReLU: the published decoders and the published classifier."""

    def __init__(self, n_in: int, n_out: int, generator: torch.Generator) -> None:
        """Draw a map from `n_in` inputs to `n_out` outputs."""
        super().__init__()
        self.affine = linear(n_in, n_out, generator)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map [B, n_in] to [B, n_out], never negative."""
        # Quirk: the ReLU at the end means that negative targets cannot be restored and logits stop at zero.
        return functional.relu(self.affine(inputs))


def discriminator(n_latent: int, generator: torch.Generator) -> nn.Sequential:
    """Return the total-correlation adversary: [B, L+M] to the probability of a joint pair [B, 1]."""
    hidden = max(1, n_latent // 4)
    return nn.Sequential(linear(n_latent, hidden, generator), nn.ReLU(), linear(hidden, 1, generator), nn.Sigmoid())


def sample_on_a_line(posterior: Gaussian, generator: torch.Generator) -> Tensor:
    """Reparameterise with one standard normal draw per sample, [B, L]."""
    # Quirk: one scalar noise for all latent dimensions (inherited from CADA-VAE), so that the samples of one
    # class all lie on a line through its mean.
    noise = torch.randn(posterior.mean.shape[0], 1, generator=generator)
    return posterior.mean + (0.5 * posterior.log_variance).exp() * noise


def kl_divergence(posterior: Gaussian) -> Tensor:
    """Return KL(posterior || N(0, I)) >= 0, summed over dimensions and averaged over the batch, a scalar."""
    # Quirk: the squared errors beside it are averaged over dimensions, so the balance drifts with D, E and L.
    mean, log_variance = posterior
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum() / mean.shape[0]


class Weights(NamedTuple):
    """Weights of the loss terms at one step."""

    kl_features: float
    kl_text_and_tc: float
    cross_alignment: float


def weights_at(step: int, n_steps: int, cycle: int) -> Weights:
    """Return the loss weights inside a cycle.

    Args:
        step: Step within the cycle, from 0.
        n_steps: Steps per cycle.
        cycle: Number of the cycle, from 0.
    """
    late = int(0.8 * n_steps)
    # Quirk: both ramps restart in every cycle; at 0.1 per 30/17 of a cycle neither passes 0.024.
    slope = 0.1 / (n_steps * 3000 / 1700)
    kl_features = max(slope * (step - n_steps * 1000 / 1700), 0.0)
    # Quirk: text KL, adversary and its term share one weight, zero in the first two cycles.
    kl_text_and_tc = max(slope * (step - late), 0.0) if cycle > 1 else 0.0
    # Quirk: cross-alignment is switched on for the last fifth of each cycle only.
    return Weights(kl_features, kl_text_and_tc, 1.0 if step > late else 0.0)


@dataclass(frozen=True)
class ReferenceTerms:
    """Unweighted loss terms of one step, scalars.

    Attributes:
        reconstruct_features: Mean squared error of features decoded from their own latents.
        reconstruct_text: The same for text.
        kl_features: Divergence of the semantic and the instance posterior from N(0, I).
        kl_text: Divergence of the text posterior.
        cross_features: Mean squared error of features decoded from the text latent and the instance latent.
        cross_text: Mean squared error of text decoded from the semantic latent.
        total_correlation: The adversary's mean probability that the latents belong together.
    """

    reconstruct_features: Tensor
    reconstruct_text: Tensor
    kl_features: Tensor
    kl_text: Tensor
    cross_features: Tensor
    cross_text: Tensor
    total_correlation: Tensor

    def total(self, weights: Weights) -> Tensor:
        """Return the weighted sum that the VAEs minimise."""
        return (
            self.reconstruct_features
            + self.reconstruct_text
            + weights.kl_features * self.kl_features
            + weights.kl_text_and_tc * (self.kl_text + self.total_correlation)
            + weights.cross_alignment * (self.cross_features + self.cross_text)
        )


class Posteriors(NamedTuple):
    """Semantic and instance posterior of the features, posterior of the text."""

    semantic: Gaussian
    instance: Gaussian
    text: Gaussian


class ReferenceNetworks(nn.Module):
    """Two linear VAEs and the adversary."""

    def __init__(
        self, feature_dim: int, text_dim: int, latent_dim: int, instance_dim: int, generator: torch.Generator
    ) -> None:
        """Draw the parameters from `generator`."""
        super().__init__()
        self.columns = slice(None, latent_dim), slice(latent_dim, None)
        self.feature_encoder = Encoder(feature_dim, latent_dim + instance_dim, generator)
        self.feature_decoder = LinearReLU(latent_dim + instance_dim, feature_dim, generator)
        self.text_encoder = Encoder(text_dim, latent_dim, generator)
        self.text_decoder = LinearReLU(latent_dim, text_dim, generator)
        self.discriminator = discriminator(latent_dim + instance_dim, generator)

    def vae_parameters(self) -> list[nn.Parameter]:
        """Return the parameters of everything but the adversary."""
        return [p for name, p in self.named_parameters() if not name.startswith("discriminator.")]

    def encode(self, features: Tensor, text: Tensor) -> Posteriors:
        """Encode features [B, D] and the text of their classes [B, E]."""
        both = self.feature_encoder(features)
        semantic, instance = (Gaussian(*(part[:, columns] for part in both)) for columns in self.columns)
        return Posteriors(semantic, instance, self.text_encoder(text))

    def semantic_mean(self, features: Tensor) -> Tensor:
        """Return the mean of the semantic posterior, [B, L]."""
        return self.feature_encoder.mean(features)[:, self.columns[0]]

    def terms(
        self, features: Tensor, text: Tensor, posteriors: Posteriors, generator: torch.Generator
    ) -> ReferenceTerms:
        """Compute the loss terms of one step; features [B, D], text [B, E]."""
        z_semantic, z_instance, z_text = (sample_on_a_line(p, generator) for p in posteriors)
        joint = torch.cat([z_semantic, z_instance], dim=-1)
        crossed = torch.cat([z_text, z_instance], dim=-1)
        return ReferenceTerms(
            reconstruct_features=functional.mse_loss(self.feature_decoder(joint), features),
            reconstruct_text=functional.mse_loss(self.text_decoder(z_text), text),
            kl_features=kl_divergence(posteriors.semantic) + kl_divergence(posteriors.instance),
            kl_text=kl_divergence(posteriors.text),
            cross_features=functional.mse_loss(self.feature_decoder(crossed), features),
            cross_text=functional.mse_loss(self.text_decoder(z_semantic), text),
            # Quirk: the mean probability itself, not the log density ratio that estimates total correlation.
            total_correlation=self.discriminator(joint).mean(),
        )

    def adversary_loss(self, posteriors: Posteriors, generator: torch.Generator) -> Tensor:
        """Return the adversary's cross-entropy on fresh, detached samples of both branches, a scalar."""
        losses = []
        for semantic in (posteriors.semantic, posteriors.text):
            z_semantic = sample_on_a_line(semantic, generator).detach()
            z_instance = sample_on_a_line(posteriors.instance, generator).detach()
            first, second = (torch.randperm(len(z_semantic), generator=generator) for _ in range(2))
            joint = self.discriminator(torch.cat([z_semantic, z_instance], dim=-1))
            shuffled = self.discriminator(torch.cat([z_semantic[first], z_instance[second]], dim=-1))
            losses.append(functional.binary_cross_entropy(joint, torch.ones_like(joint)))
            losses.append(functional.binary_cross_entropy(shuffled, torch.zeros_like(shuffled)))
        return torch.stack(losses).mean()
