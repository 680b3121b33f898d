"""CADA-VAE: a VAE of features and a VAE of text whose latents are aligned (Schönfeld et al., CVPR 2019).

Each VAE restores its own input; cross alignment also restores it from the other one's latent, and distribution
alignment pulls the two posteriors of a pair together. Classes are then known by latents drawn from the posterior
of their text, and a softmax classifier is trained on those. The loss weights ramp up as published. Noise is drawn
independently per dimension (the published code draws one number per sample), and seen classes, too, are
synthesised from text, so that seen and unseen classes are scored alike.
Axis legend: see `method.py`; 1 the model axis of `networks.py`, B batch, L latent, m synthesised samples per class.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from sadvae_har.baselines.method import SeenData, balanced_batches
from sadvae_har.config.settings import ClassifierConfig
from sadvae_har.method.classifier import fit_softmax
from sadvae_har.method.losses import kl_divergence
from sadvae_har.method.model import sample
from sadvae_har.method.networks import Gaussian, GaussianEncoder, stacked_mlp

SOFTMAX = ClassifierConfig(n_steps=120, learning_rate=1e-2)
SOFTMAX_BATCH_SIZE = 256


def classify_by_samples(samples: Tensor, queries: Tensor, generator: torch.Generator) -> np.ndarray:
    """Train a softmax classifier on synthesised samples and apply it.

    Args:
        samples: Synthesised samples of every candidate class, [C, m, L].
        queries: The windows in the same space, [n, L].
        generator: For batches and initial weights.

    Returns:
        Log-probabilities, float32 [n, C].
    """
    n_classes, n_samples, _ = samples.shape

    def draw() -> tuple[Tensor, Tensor]:
        picks = torch.randint(n_classes * n_samples, (1, SOFTMAX_BATCH_SIZE), generator=generator)
        return samples.flatten(0, 1)[picks], picks // n_samples

    layer = fit_softmax(draw, n_classes, SOFTMAX, [generator])
    return layer(queries[None])[0].log_softmax(-1).numpy()


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


@dataclass(frozen=True)
class FittedCADAVAE:
    """Trained VAEs, and what synthesis needs."""

    networks: AlignedVAEs
    config: "CADAVAE"
    seed: int

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return log-probabilities of a classifier trained on latents drawn from the text posteriors, [n, C]."""
        generator = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            posterior = self.networks.text_encoder(torch.tensor(text)[None])
            queries = self.networks.feature_encoder(torch.tensor(features)[None]).mean[0]
            shape = (len(text), self.config.samples_per_class, self.config.latent_dim)
            wide = Gaussian(*(part[0][:, None] for part in posterior))
            samples = sample(wide, torch.randn(shape, generator=generator))
        return classify_by_samples(samples, queries, generator)


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

    def fit(self, data: SeenData, seed: int) -> FittedCADAVAE:
        """Train both VAEs on class-balanced pairs of windows and texts."""
        generator = torch.Generator().manual_seed(seed)
        features, labels, text = torch.tensor(data.features), torch.tensor(data.labels), torch.tensor(data.text)
        networks = AlignedVAEs(features.shape[1], text.shape[1], self, generator)
        optimiser = torch.optim.AdamW(networks.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        for step, rows in enumerate(balanced_batches(data.labels, self.n_steps, self.batch_size, seed)):
            progress = step / self.n_steps
            loss = networks.loss(features[rows][None], text[labels[rows]][None], progress, self, generator)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return FittedCADAVAE(networks.requires_grad_(False), self, seed)


def candidates() -> tuple[CADAVAE, ...]:
    """Return the settings to choose from."""
    return (CADAVAE(), CADAVAE(kl_weight=1.0), CADAVAE(kl_weight=3.0), CADAVAE(kl_weight=1.0, latent_dim=16))
