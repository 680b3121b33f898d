"""f-CLSWGAN: features generated from text by a conditional Wasserstein GAN (Xian et al., CVPR 2018).

A generator turns noise and a class's text into features; a critic with a gradient penalty tells them from real
ones of the same class, and a softmax classifier of the seen classes, trained beforehand on real features, asks that
they be recognisable. A final softmax classifier is trained on generated features. The generator ends linearly,
since standardised features have both signs (published: ReLU), the critic makes two steps for one of the generator
(published: five) to stay within the time every rival has, and seen classes, too, are generated from text.
Axis legend: see `method.py`; 1 the model axis of `networks.py`, B batch, Z noise, m generated samples per class.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sadvae_har.baselines.method import SeenData, balanced_batches, take_step
from sadvae_har.baselines.softmax import SOFTMAX, FittedGenerator, fit_seen_classifier
from sadvae_har.method.networks import stacked_mlp

NAME = "f-clswgan"


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, generated: Tensor, share: Tensor) -> Tensor:
    """Return the mean squared deviation of the critic's gradient norm from 1, a scalar.

    Args:
        critic: Maps features [1, B, D] to values [1, B, 1], each row by itself.
        real: Real features [1, B, D].
        generated: Generated features [1, B, D].
        share: Share of the real features in the mixtures where the gradient is taken, [1, B, 1] in [0, 1].
    """
    mixed = (share * real + (1 - share) * generated).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    norm = gradient.square().sum(-1).clamp_min(1e-12).sqrt()  # The root has no gradient at zero.
    return (norm - 1).square().mean()


class ConditionalGAN(nn.Module):
    """Generator and critic, both shown the text."""

    def __init__(self, feature_dim: int, text_dim: int, config: "CLSWGAN", generator: torch.Generator) -> None:
        """Draw the initial parameters from `generator`."""
        super().__init__()
        self.noise_dim = config.noise_dim
        self.generator = stacked_mlp(config.noise_dim + text_dim, config.hidden_dim, feature_dim, [generator])
        self.critic = stacked_mlp(feature_dim + text_dim, config.hidden_dim, 1, [generator])

    def generate(self, text: Tensor, random: torch.Generator) -> Tensor:
        """Return one generated sample per row of text [1, B, E]: [1, B, D]."""
        noise = torch.randn(*text.shape[:-1], self.noise_dim, generator=random)
        return self.generator(torch.cat([noise, text], -1))

    def critic_loss(self, real: Tensor, text: Tensor, penalty_weight: float, random: torch.Generator) -> Tensor:
        """Return what the critic minimises, a scalar: generated minus real value, and the penalty.

        Args:
            real: Features [1, B, D].
            text: Semantic vectors of their classes [1, B, E].
            penalty_weight: λ.
            random: For the noise and the mixtures.
        """
        with torch.no_grad():
            generated = self.generate(text, random)
        share = torch.rand(*text.shape[:-1], 1, generator=random)
        penalty = gradient_penalty(lambda mixed: self.value(mixed, text), real, generated, share)
        return (self.value(generated, text) - self.value(real, text)).mean() + penalty_weight * penalty

    def value(self, features: Tensor, text: Tensor) -> Tensor:
        """Return the critic's value of features [1, B, D] beside text [1, B, E]: [1, B, 1]."""
        return self.critic(torch.cat([features, text], -1))

    def synthesise(self, text: Tensor, n_samples: int, random: torch.Generator) -> Tensor:
        """Return generated features [C, m, D] of texts [C, E]."""
        wide = text.repeat_interleave(n_samples, dim=0)
        return self.generate(wide[None], random)[0].unflatten(0, (len(text), -1))


@dataclass(frozen=True)
class CLSWGAN:
    """Feature-generating Wasserstein GAN with a classification loss.

    Attributes:
        noise_dim: Z.
        hidden_dim: Units of the hidden layer of generator and critic.
        classification_weight: β, weight of the classification loss of the generator; the published 0.01 has little
            time to act in so few steps.
        penalty_weight: λ, weight of the gradient penalty of the critic.
        weight_decay: Decoupled weight decay of the generator.
        learning_rate: Of both optimisers.
        n_steps: Steps of the generator.
        critic_steps: Steps of the critic before each of them.
        batch_size: B.
        samples_per_class: m.
    """

    noise_dim: int = 32
    hidden_dim: int = 128
    classification_weight: float = 1.0
    penalty_weight: float = 10.0
    weight_decay: float = 0.0
    learning_rate: float = 1e-3
    n_steps: int = 120
    critic_steps: int = 2
    batch_size: int = 64
    samples_per_class: int = 60

    def fit(self, data: SeenData, seed: int) -> FittedGenerator:
        """Train the classifier of seen classes, then critic and generator in turns."""
        random = torch.Generator().manual_seed(seed)
        features, labels, text = data.tensors()
        networks = ConditionalGAN(features.shape[1], text.shape[1], self, random)
        classify = fit_seen_classifier(data, SOFTMAX, self.batch_size, seed, random)
        of_generator = self._optimiser(networks.generator, self.weight_decay)
        of_critic = self._optimiser(networks.critic, 0.0)
        turns = self.critic_steps + 1
        for step, rows in enumerate(balanced_batches(data.labels, self.n_steps * turns, self.batch_size, seed)):
            real, given = features[rows][None], text[labels[rows]][None]
            if step % turns < self.critic_steps:
                loss, optimiser = networks.critic_loss(real, given, self.penalty_weight, random), of_critic
            else:
                generated, optimiser = networks.generate(given, random), of_generator
                log_probability = classify(generated).log_softmax(-1)[0].gather(-1, labels[rows][:, None])
                loss = -networks.value(generated, given).mean() - self.classification_weight * log_probability.mean()
            take_step(optimiser, loss)
        networks.requires_grad_(False)
        return FittedGenerator(
            lambda text, noise: networks.synthesise(text, self.samples_per_class, noise), lambda windows: windows, seed
        )

    def _optimiser(self, network: nn.Module, weight_decay: float) -> torch.optim.AdamW:
        betas = (0.5, 0.999)  # As published: little momentum, since either player's target moves.
        return torch.optim.AdamW(network.parameters(), self.learning_rate, betas, weight_decay=weight_decay)


def candidates() -> tuple[CLSWGAN, ...]:
    """Return the settings to choose from."""
    return tuple(
        CLSWGAN(classification_weight=weight, weight_decay=decay) for weight in (1.0, 0.01) for decay in (0.0, 3.0)
    )
