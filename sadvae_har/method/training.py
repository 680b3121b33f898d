"""Training of K SA-DVAE models at once: balanced batches, two optimisers, averaged weights, snapshots.

Axis legend: K models, F folds, B batch, N windows, C classes, D IMU features, E semantic features.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sadvae_har.config.settings import ModelConfig, TrainConfig
from sadvae_har.method.model import SADVAE, Batch, LossTerms, Noise
from sadvae_har.method.schedules import learning_rate_factor, ramp


@dataclass(frozen=True)
class TrainingData:
    """What the models learn from.

    Attributes:
        features: Standardised IMU features of every fold [F, N, D].
        fold: Which of them model k reads [K].
        class_index: Row of each window's class in `text`, [N].
        text: Semantic vectors as model k sees them [K, C, E]; rows of classes it does not train on are never read.
        rows: Windows that model k may train on, K index arrays.
    """

    features: Tensor
    fold: Tensor
    class_index: Tensor
    text: Tensor
    rows: tuple[np.ndarray, ...]


class BalancedSampler:
    """Draws windows evenly over the classes that each model trains on."""

    def __init__(self, class_index: Tensor, rows: Sequence[np.ndarray]) -> None:
        """Group each model's windows by class."""
        labels = class_index.numpy()
        self.groups = []
        for allowed in rows:
            ordered = allowed[np.argsort(labels[allowed], kind="stable")]
            _, first, count = np.unique(labels[ordered], return_index=True, return_counts=True)
            self.groups.append((torch.from_numpy(ordered), torch.from_numpy(first), torch.from_numpy(count)))

    def draw(self, batch_size: int, generators: Sequence[torch.Generator]) -> Tensor:
        """Return row indices [K, B]."""
        batches = []
        for (ordered, first, count), generator in zip(self.groups, generators, strict=True):
            group = torch.randint(len(first), (batch_size,), generator=generator)
            within = (torch.rand(batch_size, generator=generator) * count[group]).long()
            batches.append(ordered[first[group] + within])
        return torch.stack(batches)


class Trainer:
    """One training run of K models; `state_dict` holds everything that a later `run` needs to go on exactly."""

    def __init__(self, data: TrainingData, model: ModelConfig, train: TrainConfig, seeds: Sequence[int]) -> None:
        """Draw the models; model k depends on `seeds[k]` and `data.rows[k]` only.

        Args:
            data: Training data; `data.rows` has one entry per seed.
            model: Networks and loss weights.
            train: Optimisation.
            seeds: One seed per model.
        """
        self.data, self.config = data, train
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.model = SADVAE(data.features.shape[2], data.text.shape[2], model, self.generators)
        self.average = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(train.weight_averaging))
        self.sampler = BalancedSampler(data.class_index, data.rows)
        self.vae_optimiser = torch.optim.Adam(self.model.vae_parameters(), lr=train.learning_rate, fused=True)
        self.adversary_optimiser = torch.optim.Adam(
            self.model.discriminator.parameters(), lr=train.adversary_learning_rate, fused=True
        )
        self.step_number = 0

    def _normal(self, *shape: int) -> Tensor:
        return torch.stack([torch.randn(*shape, generator=generator) for generator in self.generators])

    def _noisy(self, values: Tensor, strength: float) -> Tensor:
        return values + strength * self._normal(*values.shape[1:]) if strength else values

    def _draw(self) -> tuple[Batch, Noise]:
        model, size = self.model.config, self.config.batch_size
        rows = self.sampler.draw(size, self.generators)
        features = self.data.features[self.data.fold[:, None], rows]
        text = self.data.text[torch.arange(len(rows))[:, None], self.data.class_index[rows]]
        noisy_features = self._noisy(features, model.feature_noise * math.sqrt(features.shape[-1]))
        noisy_text = self._noisy(text, model.text_noise)
        noise = Noise(*(self._normal(size, n) for n in (model.latent_dim, model.instance_dim, model.latent_dim)))
        return Batch(noisy_features, features, noisy_text, text), noise

    def step(self) -> tuple[LossTerms, Tensor]:
        """Make one step of both optimisers; return the VAE terms and the adversary's loss, [K] each."""
        progress = self.step_number / self.config.n_steps
        for group in self.vae_optimiser.param_groups:
            group["lr"] = self.config.learning_rate * learning_rate_factor(progress)
        batch, noise = self._draw()
        terms, adversary = self.model.losses(batch, noise, ramp(progress))

        self.vae_optimiser.zero_grad()
        self.adversary_optimiser.zero_grad()
        # Each loss reaches only its own player's parameters.
        terms.total().sum().backward(inputs=self.model.vae_parameters())
        adversary.sum().backward(inputs=list(self.model.discriminator.parameters()))
        self.vae_optimiser.step()
        self.adversary_optimiser.step()
        self.average.update_parameters(self.model)
        self.step_number += 1
        return terms, adversary

    def snapshot(self) -> dict[str, Tensor]:
        """Return a copy of the averaged weights, names as in `SADVAE`."""
        return {name: value.detach().clone() for name, value in self.average.module.state_dict().items()}
