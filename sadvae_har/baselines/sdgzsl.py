"""SDGZSL: features disentangled into what text explains and what it does not (Chen et al., ICCV 2021).

A conditional VAE generates features from text. An autoencoder splits real and generated features alike into a
semantic-consistent and a semantic-unrelated part: a relation network asks that the first part tell which of the
seen texts it belongs to, and an adversary keeps the two parts independent (total correlation). A softmax classifier
is trained on the semantic-consistent part of generated features. All networks are trained together from the
start, and seen classes, too, are generated from text.
Axis legend: see `method.py`; 1 the model axis of `networks.py`, B batch, Z noise, L consistent, M unrelated part,
m generated samples per class.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sadvae_har.baselines.cada_vae import classify_by_samples
from sadvae_har.baselines.method import SeenData, balanced_batches
from sadvae_har.method.losses import adversary_loss, kl_divergence, squared_error, total_correlation
from sadvae_har.method.model import sample
from sadvae_har.method.networks import GaussianEncoder, StackedLinear, stacked_mlp


class RelationNetwork(nn.Module):
    """Tells how well each semantic-consistent part fits each text: a hidden layer over the pair, then a sigmoid."""

    def __init__(self, consistent_dim: int, text_dim: int, hidden_dim: int, generator: torch.Generator) -> None:
        """Draw the initial parameters from `generator`."""
        super().__init__()
        # A layer over a concatenated pair is the sum of two layers: each text passes once, not once per window.
        self.of_part = StackedLinear(consistent_dim, hidden_dim, [generator])
        self.of_text = StackedLinear(text_dim, hidden_dim, [generator])
        self.output = StackedLinear(hidden_dim, 1, [generator])

    def forward(self, consistent: Tensor, text: Tensor) -> Tensor:
        """Map parts [1, B, L] and texts [1, C, E] to relations in [0, 1], [1, B, C]."""
        pairs = self.of_part(consistent)[:, :, None] + self.of_text(text)[:, None]
        hidden = functional.leaky_relu(pairs, 0.2).flatten(1, 2)
        return self.output(hidden).view(pairs.shape[:-1]).sigmoid()


def relation_loss(relations: Tensor, labels: Tensor) -> Tensor:
    """Return the squared error of relations against 1 for the own class and 0 elsewhere, a scalar.

    Summed over classes and averaged over the batch.

    Args:
        relations: [1, B, S].
        labels: Class positions, int64 [B].
    """
    own = functional.one_hot(labels, relations.shape[-1]).to(relations.dtype)
    return (relations - own).square().sum(-1).mean()


class DisentanglingVAE(nn.Module):
    """Conditional VAE, disentangling autoencoder, relation network and adversary."""

    def __init__(self, feature_dim: int, text_dim: int, config: "SDGZSL", generator: torch.Generator) -> None:
        """Draw the initial parameters from `generator`."""
        super().__init__()
        self.config = config
        hidden, noise, parts = config.hidden_dim, config.noise_dim, config.consistent_dim + config.unrelated_dim
        self.encoder = GaussianEncoder(feature_dim + text_dim, hidden, noise, [generator])
        self.decoder = stacked_mlp(noise + text_dim, hidden, feature_dim, [generator])
        self.split_encoder = stacked_mlp(feature_dim, 0, parts, [generator])
        self.split_decoder = stacked_mlp(parts, 0, feature_dim, [generator])
        self.relation = RelationNetwork(config.consistent_dim, text_dim, config.relation_dim, generator)
        self.adversary = stacked_mlp(parts, config.relation_dim, 1, [generator])

    def generate(self, text: Tensor, noise: Tensor) -> Tensor:
        """Decode noise [1, B, Z] beside text [1, B, E] to features [1, B, D]."""
        return self.decoder(torch.cat([noise, text], -1))

    def consistent(self, features: Tensor) -> Tensor:
        """Return the semantic-consistent part [1, B, L] of features [1, B, D]."""
        return self.split_encoder(features)[..., : self.config.consistent_dim]

    def loss(self, features: Tensor, labels: Tensor, texts: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the weighted loss of all networks but the adversary, and the parts the adversary should see.

        Args:
            features: [1, B, D].
            labels: Class positions, int64 [B].
            texts: Semantic vectors of all seen classes [1, S, E].
            random: For the noise of the VAE.

        Returns:
            A scalar, and the parts of the real features [1, B, L + M].
        """
        config, text = self.config, texts[:, labels]
        posterior = self.encoder(torch.cat([features, text], -1))
        generated = self.generate(text, sample(posterior, torch.randn(posterior.mean.shape, generator=random)))
        vae = squared_error(generated, features) + config.kl_weight * kl_divergence(posterior)
        both = torch.cat([features, generated], 1)
        parts = self.split_encoder(both)
        split = squared_error(self.split_decoder(parts), both)
        related = relation_loss(self.relation(parts[..., : config.consistent_dim], texts), labels.repeat(2))
        dependence = total_correlation(self.adversary(parts))
        total = vae + split + config.correlation_weight * dependence
        return total.sum() + config.relation_weight * related, parts[:, : features.shape[1]]

    def adversary_loss(self, parts: Tensor, random: torch.Generator) -> Tensor:
        """Return the adversary's loss on parts [1, B, L + M] against parts of different windows, a scalar."""
        order = torch.randperm(parts.shape[1], generator=random)
        consistent, unrelated = parts.split([self.config.consistent_dim, self.config.unrelated_dim], -1)
        shuffled = torch.cat([consistent, unrelated[:, order]], -1)
        return adversary_loss(self.adversary(parts), self.adversary(shuffled)).sum()


@dataclass(frozen=True)
class FittedSDGZSL:
    """Trained networks, and what synthesis needs."""

    networks: DisentanglingVAE
    seed: int

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return log-probabilities of a classifier of the semantic-consistent parts of generated features, [n, C]."""
        random, config = torch.Generator().manual_seed(self.seed), self.networks.config
        with torch.no_grad():
            wide = torch.tensor(text).repeat_interleave(config.samples_per_class, dim=0)[None]
            noise = torch.randn(1, wide.shape[1], config.noise_dim, generator=random)
            samples = self.networks.consistent(self.networks.generate(wide, noise))[0]
            queries = self.networks.consistent(torch.tensor(features)[None])[0]
        return classify_by_samples(samples.unflatten(0, (len(text), -1)), queries, random)


@dataclass(frozen=True)
class SDGZSL:
    """Semantics disentangling for generalised zero-shot learning.

    Attributes:
        consistent_dim: L.
        unrelated_dim: M.
        noise_dim: Z, latent of the conditional VAE.
        hidden_dim: Units of the hidden layer of the VAE, 0 for linear maps.
        relation_dim: Units of the hidden layer of relation network and adversary.
        kl_weight: Weight of the divergence of the posterior from the standard normal.
        relation_weight: λ1, weight of the relation loss.
        correlation_weight: λ2, weight of the total correlation.
        weight_decay: Decoupled weight decay.
        learning_rate: Of both optimisers.
        n_steps: Training steps.
        batch_size: B.
        samples_per_class: m.
    """

    consistent_dim: int = 32
    unrelated_dim: int = 32
    noise_dim: int = 32
    hidden_dim: int = 128
    relation_dim: int = 64
    kl_weight: float = 1.0
    relation_weight: float = 10.0
    correlation_weight: float = 0.3
    weight_decay: float = 0.0
    learning_rate: float = 1e-3
    n_steps: int = 150
    batch_size: int = 64
    samples_per_class: int = 100

    def fit(self, data: SeenData, seed: int) -> FittedSDGZSL:
        """Train all networks on class-balanced batches, the adversary with an optimiser of its own."""
        random = torch.Generator().manual_seed(seed)
        features, labels, text = torch.tensor(data.features), torch.tensor(data.labels), torch.tensor(data.text)
        networks = DisentanglingVAE(features.shape[1], text.shape[1], self, random)
        adversary = list(networks.adversary.parameters())
        others = [p for name, p in networks.named_parameters() if not name.startswith("adversary.")]
        optimiser = torch.optim.AdamW(others, lr=self.learning_rate, weight_decay=self.weight_decay)
        opponent = torch.optim.AdamW(adversary, lr=self.learning_rate, weight_decay=0.0)
        for rows in balanced_batches(data.labels, self.n_steps, self.batch_size, seed):
            loss, parts = networks.loss(features[rows][None], labels[rows], text[None], random)
            optimiser.zero_grad()
            loss.backward(inputs=others)
            optimiser.step()
            loss = networks.adversary_loss(parts.detach(), random)
            opponent.zero_grad()
            loss.backward()
            opponent.step()
        return FittedSDGZSL(networks.requires_grad_(False), seed)


def candidates() -> tuple[SDGZSL, ...]:
    """Return the settings to choose from."""
    return tuple(SDGZSL(relation_weight=weight, hidden_dim=hidden) for weight in (1.0, 10.0) for hidden in (128, 256))
