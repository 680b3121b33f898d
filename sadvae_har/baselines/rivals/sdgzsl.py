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

import torch
from torch import Tensor, nn
from torch.nn import functional

from sadvae_har.baselines.method import SeenData, balanced_batches, take_step
from sadvae_har.baselines.pair_network import PairNetwork
from sadvae_har.baselines.softmax import FittedGenerator
from sadvae_har.method.losses import adversary_loss, kl_divergence, squared_error, total_correlation
from sadvae_har.method.model import sample
from sadvae_har.method.networks import GaussianEncoder, stacked_mlp

NAME = "sdgzsl"


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
        self.relation = PairNetwork(config.consistent_dim, text_dim, (config.relation_dim, 0), generator)
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
        relations = self.relation(parts[..., : config.consistent_dim], texts).sigmoid()
        related = relation_loss(relations, labels.repeat(2))
        dependence = total_correlation(self.adversary(parts))
        total = vae + split + config.correlation_weight * dependence
        return total.sum() + config.relation_weight * related, parts[:, : features.shape[1]]

    def adversary_loss(self, parts: Tensor, random: torch.Generator) -> Tensor:
        """Return the adversary's loss on parts [1, B, L + M] against parts of different windows, a scalar."""
        order = torch.randperm(parts.shape[1], generator=random)
        consistent, unrelated = parts.split([self.config.consistent_dim, self.config.unrelated_dim], -1)
        shuffled = torch.cat([consistent, unrelated[:, order]], -1)
        return adversary_loss(self.adversary(parts), self.adversary(shuffled)).sum()

    def synthesise(self, text: Tensor, random: torch.Generator) -> Tensor:
        """Return semantic-consistent parts [C, m, L] of features generated from texts [C, E]."""
        wide = text.repeat_interleave(self.config.samples_per_class, dim=0)[None]
        noise = torch.randn(1, wide.shape[1], self.config.noise_dim, generator=random)
        return self.consistent(self.generate(wide, noise))[0].unflatten(0, (len(text), -1))

    def locate(self, features: Tensor) -> Tensor:
        """Return the semantic-consistent parts [n, L] of features [n, D]."""
        return self.consistent(features[None])[0]


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

    def fit(self, data: SeenData, seed: int) -> FittedGenerator:
        """Train all networks on class-balanced batches, the adversary with an optimiser of its own."""
        random = torch.Generator().manual_seed(seed)
        features, labels, text = data.tensors()
        networks = DisentanglingVAE(features.shape[1], text.shape[1], self, random)
        adversary = list(networks.adversary.parameters())
        others = [p for name, p in networks.named_parameters() if not name.startswith("adversary.")]
        optimiser = torch.optim.AdamW(others, lr=self.learning_rate, weight_decay=self.weight_decay)
        opponent = torch.optim.AdamW(adversary, lr=self.learning_rate, weight_decay=0.0)
        for rows in balanced_batches(data.labels, self.n_steps, self.batch_size, seed):
            loss, parts = networks.loss(features[rows][None], labels[rows], text[None], random)
            take_step(optimiser, loss)
            take_step(opponent, networks.adversary_loss(parts.detach(), random))
        networks.requires_grad_(False)
        return FittedGenerator(networks.synthesise, networks.locate, seed)


def candidates() -> tuple[SDGZSL, ...]:
    """Return the settings to choose from."""
    return tuple(SDGZSL(relation_weight=weight, hidden_dim=hidden) for weight in (1.0, 10.0) for hidden in (128, 256))
