"""CADA-VAE: a VAE of features and a VAE of text whose latents are aligned (Schönfeld et al., CVPR 2019).

Each VAE restores its own input; cross alignment also restores it from the other one's latent, and distribution
alignment pulls the two posteriors of a pair together. Classes are then known by latents drawn from the posterior
of their text, and a softmax classifier is trained on those. The loss weights ramp up as published. Noise is drawn
independently per dimension (the published code draws one number per sample), and seen classes, too, are
synthesised from text, so that seen and unseen classes are scored alike.
Axis legend: see `method.py`; 1 the model axis of `networks.py`, B batch, L latent, m synthesised samples per class.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sadvae_har.baselines.method import SeenData, balanced_batches, take_step
from sadvae_har.baselines.softmax import FittedGenerator
from sadvae_har.method.losses import kl_divergence
from sadvae_har.method.model import sample
from sadvae_har.method.networks import Gaussian, GaussianEncoder, stacked_mlp

NAME = "cada-vae"


def absolute_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the absolute error of [1, B, D], summed over dimensions and averaged over the batch: a scalar."""
    return (predicted - target).abs().sum(-1).mean()


def wasserstein(first: Gaussian, second: Gaussian) -> Tensor:
    """Return the mean 2-Wasserstein distance of paired diagonal Gaussians [1, B, L], a scalar (paper, eq. 4)."""
    means = (first.mean - second.mean).square().sum(-1)
    deviations = ((0.5 * first.log_variance).exp() - (0.5 * second.log_variance).exp()).square().sum(-1)
    return (means + deviations).clamp_min(1e-12).sqrt().mean()  # The root has no gradient at zero.


def ramp(progress: float, start: float, end: float) -> float:
    """Return the share of a loss weight in force: 0 until `start`, 1 from `end` on, linear between."""
    return min(max((progress - start) / (end - start), 0.0), 1.0)


class AlignedVAEs(nn.Module):
    """The two VAEs."""

    def __init__(self, feature_dim: int, text_dim: int, config: "CADAVAE", generator: torch.Generator) -> None:
        """Draw the initial parameters from `generator`."""
        super().__init__()
        hidden, latent, generators = config.hidden_dim, config.latent_dim, [generator]
        self.feature_encoder = GaussianEncoder(feature_dim, hidden, latent, generators)
        self.text_encoder = GaussianEncoder(text_dim, hidden, latent, generators)
        self.feature_decoder = stacked_mlp(latent, hidden, feature_dim, generators)
        self.text_decoder = stacked_mlp(latent, hidden, text_dim, generators)

    def loss(
        self, features: Tensor, text: Tensor, progress: float, config: "CADAVAE", generator: torch.Generator
    ) -> Tensor:
        """Return the weighted loss of a batch of pairs, a scalar.

        Args:
            features: [1, B, D].
            text: Semantic vectors of the windows' classes, [1, B, E].
            progress: Share of the training behind us; it sets the loss weights.
            config: Final loss weights.
            generator: For the latent noise.
        """
        of_features, of_text = self.feature_encoder(features), self.text_encoder(text)
        noise = torch.randn(2, *of_text.mean.shape, generator=generator)
        z_features, z_text = sample(of_features, noise[0]), sample(of_text, noise[1])
        own = absolute_error(self.feature_decoder(z_features), features)
        own = own + absolute_error(self.text_decoder(z_text), text)
        cross = absolute_error(self.feature_decoder(z_text), features)
        cross = cross + absolute_error(self.text_decoder(z_features), text)
        divergence = (kl_divergence(of_features) + kl_divergence(of_text)).sum()
        return (
            own
            + config.kl_weight * ramp(progress, 0.0, 0.93) * divergence
            + config.cross_weight * ramp(progress, 0.21, 0.75) * cross
            + config.alignment_weight * ramp(progress, 0.06, 0.22) * wasserstein(of_features, of_text)
        )

    def synthesise(self, text: Tensor, n_samples: int, generator: torch.Generator) -> Tensor:
        """Draw latents [C, m, L] from the posteriors of texts [C, E]."""
        posterior = Gaussian(*(part[0][:, None] for part in self.text_encoder(text[None])))
        shape = (len(text), n_samples, posterior.mean.shape[-1])
        return sample(posterior, torch.randn(shape, generator=generator))

    def locate(self, features: Tensor) -> Tensor:
        """Return the mean latents [n, L] of features [n, D]."""
        return self.feature_encoder(features[None]).mean[0]


@dataclass(frozen=True)
class CADAVAE:
    """Cross- and distribution-aligned VAEs; by default the loss weights end where the published ones do.

    Attributes:
        latent_dim: L.
        hidden_dim: Units of the hidden layer of every network, 0 for linear ones.
        kl_weight: Weight of the divergence of the posteriors from the standard normal.
        cross_weight: Weight of the cross alignment.
        alignment_weight: Weight of the distribution alignment.
        weight_decay: Decoupled weight decay.
        learning_rate: Of AdamW.
        n_steps: Training steps.
        batch_size: B.
        samples_per_class: m.
    """

    latent_dim: int = 64
    hidden_dim: int = 128
    kl_weight: float = 0.25
    cross_weight: float = 2.37
    alignment_weight: float = 8.13
    weight_decay: float = 0.0
    learning_rate: float = 1e-3
    n_steps: int = 200
    batch_size: int = 64
    samples_per_class: int = 100

    def fit(self, data: SeenData, seed: int) -> FittedGenerator:
        """Train both VAEs on class-balanced pairs of windows and texts."""
        generator = torch.Generator().manual_seed(seed)
        features, labels, text = data.tensors()
        networks = AlignedVAEs(features.shape[1], text.shape[1], self, generator)
        optimiser = torch.optim.AdamW(networks.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        for step, rows in enumerate(balanced_batches(data.labels, self.n_steps, self.batch_size, seed)):
            pairs, progress = (features[rows][None], text[labels[rows]][None]), step / self.n_steps
            take_step(optimiser, networks.loss(*pairs, progress, self, generator))
        networks.requires_grad_(False)
        return FittedGenerator(
            lambda text, noise: networks.synthesise(text, self.samples_per_class, noise), networks.locate, seed
        )


def candidates() -> tuple[CADAVAE, ...]:
    """Return the settings to choose from."""
    return (CADAVAE(), CADAVAE(kl_weight=1.0), CADAVAE(kl_weight=3.0), CADAVAE(kl_weight=1.0, latent_dim=16))
