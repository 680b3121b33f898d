"""Loss terms of SA-DVAE as pure functions.

One reduction rule everywhere: sum over dimensions, mean over the batch, one value per model [K].
Axis legend: K models, B batch, L latent, as in `networks.py`.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from sadvae_har.method.networks import Gaussian


@dataclass(frozen=True)
class LossTerms:
    """Weighted terms of one step, [K] each; the step minimises their sum.

    Attributes:
        reconstruct_features: Features decoded from their own latents.
        reconstruct_text: Text decoded from its own latent.
        kl: Divergence of the posteriors from the standard normal, never negative.
        cross_features: Features decoded from the text latent and the instance latent.
        synthesis: Features decoded from the text latent alone, the instance latent at its prior mean.
        cross_text: Text decoded from the semantic latent of the features.
        distribution_alignment: Squared 2-Wasserstein distance between the two posteriors of a pair.
        total_correlation: Estimated dependence between the semantic and the instance latent.
    """

    reconstruct_features: Tensor
    reconstruct_text: Tensor
    kl: Tensor
    cross_features: Tensor
    synthesis: Tensor
    cross_text: Tensor
    distribution_alignment: Tensor
    total_correlation: Tensor

    def total(self) -> Tensor:
        """Return the sum of the terms, [K]."""
        return torch.stack([getattr(self, entry.name) for entry in fields(self)]).sum(0)


def squared_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Return half the squared error, the negative log likelihood of a unit-variance Gaussian up to a constant.

    Args:
        predicted: [K, B, D].
        target: [K, B, D].

    Returns:
        [K].
    """
    return 0.5 * (predicted - target).square().sum(-1).mean(-1)


def kl_divergence(posterior: Gaussian) -> Tensor:
    """Return KL(posterior || N(0, I)) >= 0, [K] (Kingma & Welling 2014, appendix B)."""
    mean, log_variance = posterior
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean(-1)


def wasserstein_squared(first: Gaussian, second: Gaussian) -> Tensor:
    """Return the squared 2-Wasserstein distance of two diagonal Gaussians, [K] (CADA-VAE, eq. 4, squared)."""
    means = (first.mean - second.mean).square().sum(-1)
    deviations = ((0.5 * first.log_variance).exp() - (0.5 * second.log_variance).exp()).square().sum(-1)
    return (means + deviations).mean(-1)


def adversary_loss(joint_logits: Tensor, shuffled_logits: Tensor) -> Tensor:
    """Return the adversary's loss for telling joint latents from shuffled ones, [K].

    Args:
        joint_logits: Adversary on (z_semantic, z_instance) of the same window, [K, B, 1].
        shuffled_logits: Adversary on pairs of different windows, [K, B, 1].
    """
    return (functional.softplus(-joint_logits) + functional.softplus(shuffled_logits)).mean((-1, -2))


def total_correlation(joint_logits: Tensor) -> Tensor:
    """Return the density-ratio estimate of the dependence of the two latents, [K].

    The logit of an optimal adversary is log q(z_semantic, z_instance) - log q(z_semantic) q(z_instance);
    its mean over joint samples is their mutual information (FactorVAE, Kim & Mnih 2018, eq. 3).
    """
    return joint_logits.mean((-1, -2))
