"""Recognising what was recorded before, on devices, people and data sets that were not: the trained classifier.

Two classifiers look at a window: a linear one at statistics, a small network at the signals. Their logits are added; as
the network ends in a linear layer, the sum is one linear layer on both side by side.
Axis legend: n windows, R training windows, A activities, D statistical features, E embedding of the network.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm.auto import tqdm

from feature_extraction.encoders.turn_free.network import DeviceNetwork, NetworkSize
from feature_extraction.encoders.turn_free.statistics import GyroGuess
from feature_extraction.protocol.split import Split
from feature_extraction.protocol.standardizer import Standardizer
from sadvae_har.everyday.corpus import Corpus

NEVER = -1e9  # logit of an activity that no training window may be of
PENALTY = 1e-3  # on squared weights of the linear classifier
LBFGS_STEPS = 80
NETWORK_SHARE = 0.5  # of the networks' logits beside those of the linear classifier, which is the safer of the two


@dataclass(frozen=True)
class NetworkConfig:
    """How the network is trained.

    Attributes:
        n_networks: Networks with different seeds, whose logits are averaged; by default none, since on data sets left
            out they add next to nothing (`docs/everyday.md`).
        n_steps: Optimiser steps.
        batch_size: Windows a step.
        learning_rate: Peak of AdamW, one cycle.
        weight_decay: Of AdamW.
        statistics: Weight of telling the statistics of the window as it was from how it was changed.
        agreement: Weight of telling which windows of two devices are of the same moment.
    """

    n_networks: int = 0
    n_steps: int = 800
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    statistics: float = 0.3
    agreement: float = 0.1


def set_loss(logits: Tensor, possible: Tensor, weights: Tensor) -> Tensor:
    """Return the mean negative log probability of the activities that windows may be of, all taken together.

    Args:
        logits: [n, A].
        possible: bool [n, A].
        weights: [n].
    """
    found = logits.log_softmax(1).masked_fill(~possible, -math.inf).logsumexp(1)
    return -(weights * found).sum() / weights.sum()


def fit_linear(features: np.ndarray, possible: np.ndarray, weights: np.ndarray) -> tuple[Tensor, Tensor]:
    """Fit a multinomial logistic regression to windows whose activity may be known only as one of several.

    Args:
        features: Standardised [R, D].
        possible: bool [R, A].
        weights: [R].

    Returns:
        Weights [D, A] and intercepts [A]; an activity of no window has the intercept `NEVER`.
    """
    inputs, targets = torch.from_numpy(features), torch.from_numpy(possible)
    shares, never = torch.from_numpy(weights.astype(np.float32)), ~torch.from_numpy(possible.any(0))
    weight = torch.zeros(features.shape[1], possible.shape[1], requires_grad=True)
    bias = torch.zeros(possible.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=LBFGS_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = torch.addmm(bias, inputs, weight).masked_fill(never, NEVER)
        loss = set_loss(logits, targets, shares) + PENALTY * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weight.detach(), bias.detach().masked_fill(never, NEVER)


@dataclass(frozen=True)
class TrainedNetwork:
    """A network and the linear layer it was trained with.

    Attributes:
        network: From windows to embeddings.
        weight: [E, A].
        bias: [A].
    """

    network: DeviceNetwork
    weight: Tensor
    bias: Tensor


def fit_network(
    corpus: Corpus, rows: np.ndarray, statistics: np.ndarray, config: NetworkConfig, seed: int
) -> TrainedNetwork:
    """Train one network on some rows of a corpus.

    Three targets at once, of windows that are made stronger or weaker, faster or slower: the activity; the statistics
    of the window as it was; and which windows of two devices are of the same moment, where people wore several.

    Args:
        corpus: All windows.
        rows: Those to train on [R].
        statistics: Their standardised statistics [R, D].
        config: Settings.
        seed: Of weights, batches and augmentation.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DeviceNetwork(NetworkSize())
        heads = nn.ModuleDict(
            {
                "activity": nn.Linear(network.embedding_dim, len(corpus.activities)),
                "statistics": nn.Linear(network.embedding_dim, statistics.shape[1]),
                "moment": nn.Linear(network.embedding_dim, network.size.width),
            }
        )
        _train(network, heads, corpus, rows, torch.from_numpy(statistics), config, seed)
    head = heads["activity"]
    assert isinstance(head, nn.Linear)
    never = ~torch.from_numpy(corpus.possible[rows].any(0))
    return TrainedNetwork(network.eval(), head.weight.detach().T.clone(), head.bias.detach().masked_fill(never, NEVER))


def _train(
    network: DeviceNetwork,
    heads: nn.ModuleDict,
    corpus: Corpus,
    rows: np.ndarray,
    statistics: Tensor,
    config: NetworkConfig,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    possible = torch.from_numpy(corpus.possible[rows])
    never = ~possible.any(0)
    chances = torch.from_numpy(corpus.weights(rows))
    partners = _partners(corpus.moments(rows))
    parameters = [*network.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.n_steps, pct_start=0.1
    )
    network.train()
    for _ in tqdm(range(config.n_steps), desc="training network", unit="step", disable=None, leave=False):
        batch = torch.multinomial(chances, config.batch_size, replacement=True, generator=generator)
        samples, has_gyro = _augmented(corpus, rows[batch.numpy()], generator)
        embedded = network(samples, has_gyro)
        logits = heads["activity"](embedded).masked_fill(never, NEVER)
        loss = set_loss(logits, possible[batch], torch.ones(len(batch)))
        loss = loss + config.statistics * (heads["statistics"](embedded) - statistics[batch]).square().mean()
        if config.agreement and len(partners):
            loss = loss + config.agreement * _agreement(network, heads["moment"], corpus, rows, partners, generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def _augmented(corpus: Corpus, rows: np.ndarray, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return windows [n, T, 6] a little stronger, faster or noisier, and which have a gyroscope [n]; some lose it."""
    windows = corpus.windows
    samples, has_gyro = torch.from_numpy(windows.samples[rows]), torch.from_numpy(windows.has_gyro[rows])
    n, length = samples.shape[:2]
    samples = samples * (1 + 0.1 * torch.randn(n, 1, 1, generator=generator))
    tempo = 0.85 + 0.3 * torch.rand(1, generator=generator).item()
    at = (((torch.arange(length) - length / 2) * tempo) + length / 2).clamp(0, length - 1)
    low = at.floor().long().clamp(max=length - 2)
    share = (at - low)[None, :, None]
    samples = samples[:, low] * (1 - share) + samples[:, low + 1] * share
    samples = samples + torch.randn(samples.shape, generator=generator) * torch.tensor([0.1] * 3 + [0.03] * 3)
    has_gyro = has_gyro & (torch.rand(n, generator=generator) > 0.25)
    samples[~has_gyro, :, 3:] = 0
    return samples, has_gyro


def _partners(moments: np.ndarray) -> np.ndarray:
    """Return pairs of rows of two devices at the same moment, [pairs, 2]."""
    order = np.argsort(moments, kind="stable")
    same = moments[order][1:] == moments[order][:-1]
    return np.stack([order[:-1][same], order[1:][same]], axis=1)


def _agreement(
    network: DeviceNetwork,
    head: nn.Module,
    corpus: Corpus,
    rows: np.ndarray,
    partners: np.ndarray,
    generator: torch.Generator,
) -> Tensor:
    """Return the contrastive loss of telling which of 32 windows of another device is of the same moment."""
    drawn = partners[torch.randint(len(partners), (32,), generator=generator).numpy()]
    sides = [
        functional.normalize(head(network(*_augmented(corpus, rows[drawn[:, k]], generator))), dim=1) for k in (0, 1)
    ]
    likeness = sides[0] @ sides[1].T / 0.1
    return functional.cross_entropy(likeness, torch.arange(len(drawn)))


@torch.no_grad()
def embed(networks: Sequence[DeviceNetwork], samples: np.ndarray, has_gyro: np.ndarray) -> np.ndarray:
    """Return the embeddings of all networks side by side, float32 [n, networks x E]."""
    parts = []
    for start in range(0, len(samples), 512):
        chunk = torch.from_numpy(np.asarray(samples[start : start + 512], np.float32))
        present = torch.from_numpy(has_gyro[start : start + 512])
        parts.append(torch.cat([network(chunk, present) for network in networks], dim=1).numpy())
    return np.concatenate(parts)


@dataclass(frozen=True)
class Known:
    """What recognises trained activities.

    Attributes:
        activities: Those of some training window, A.
        guess: Of the gyroscope's statistics.
        standardizer: Of all statistics.
        linear: Weights [D, A] and intercepts [A] on standardised statistics.
        networks: Trained networks, none or several.
    """

    activities: tuple[str, ...]
    guess: GyroGuess
    standardizer: Standardizer
    linear: tuple[Tensor, Tensor]
    networks: tuple[TrainedNetwork, ...]

    def statistics(self, features: np.ndarray) -> np.ndarray:
        """Return standardised statistics [n, D] of what `turn_free_statistics` returned."""
        return self.standardizer.transform(self.guess.fill(features))

    def embeddings(self, samples: np.ndarray, has_gyro: np.ndarray) -> np.ndarray:
        """Return what the networks make of windows, side by side, [n, networks x E]."""
        return embed([trained.network for trained in self.networks], samples, has_gyro)

    @property
    def layer(self) -> tuple[Tensor, Tensor]:
        """The linear layer on statistics and embeddings side by side: weights [D + networks x E, A], intercepts [A]."""
        share = NETWORK_SHARE / max(len(self.networks), 1)
        weight = torch.cat([self.linear[0], *(share * trained.weight for trained in self.networks)])
        return weight, self.linear[1] + sum((share * trained.bias for trained in self.networks), torch.tensor(0.0))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all of it as arrays."""
        arrays = {"activities": np.array(self.activities)}
        arrays |= _under("guess", self.guess.to_arrays()) | _under("standardizer", self.standardizer.to_arrays())
        layers = {"linear": self.linear, **{f"layer-{k}": (n.weight, n.bias) for k, n in enumerate(self.networks)}}
        for name, (weight, bias) in layers.items():
            arrays |= _under(name, {"weight": weight.numpy(), "bias": bias.numpy()})
        for k, trained in enumerate(self.networks):
            state = trained.network.state_dict().items()
            arrays |= _under(f"network-{k}", {name: value.numpy() for name, value in state})
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Known":
        """Rebuild from `to_arrays`."""
        parts: dict[str, dict[str, np.ndarray]] = {}
        for name, value in arrays.items():
            part, _, rest = name.partition("/")
            parts.setdefault(part, {})[rest] = value
        layers = {
            name: (torch.from_numpy(part["weight"]), torch.from_numpy(part["bias"]))
            for name, part in parts.items()
            if name == "linear" or name.startswith("layer-")
        }
        networks = []
        for k in range(len(layers) - 1):
            network = DeviceNetwork(NetworkSize()).eval()
            network.load_state_dict({name: torch.from_numpy(value) for name, value in parts[f"network-{k}"].items()})
            networks.append(TrainedNetwork(network, *layers[f"layer-{k}"]))
        return cls(
            activities=tuple(arrays["activities"].tolist()),
            guess=GyroGuess.from_arrays(parts["guess"]),
            standardizer=Standardizer.from_arrays(parts["standardizer"]),
            linear=layers["linear"],
            networks=tuple(networks),
        )

    def logits(self, features: np.ndarray, samples: np.ndarray, has_gyro: np.ndarray) -> np.ndarray:
        """Return logits [n, A] of windows: statistics [n, D] as computed, samples [n, T, 6], gyroscope or not [n]."""
        statistics = self.statistics(features)
        parts = [statistics, self.embeddings(samples, has_gyro)] if self.networks else [statistics]
        weight, bias = self.layer
        return torch.addmm(bias, torch.from_numpy(np.concatenate(parts, axis=1)), weight).numpy()


def _under(part: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{part}/{name}": value for name, value in arrays.items()}


def fit_known(corpus: Corpus, rows: np.ndarray, split: Split, config: NetworkConfig, seed: int) -> Known:
    """Train both classifiers on some rows of a corpus.

    Args:
        corpus: All windows.
        rows: Those to learn from, as `Corpus.some` draws them, [R].
        split: What may be learned from.
        config: Of the networks.
        seed: Seed of the first network; the others count on.

    Raises:
        LeakageError: A row is of a class or a person that the split holds out.
    """
    labels, subjects = corpus.labels[rows], corpus.windows.subjects[rows]
    split.check_fit(np.unique(labels).tolist(), np.unique(subjects).tolist(), "classifier of known activities")
    guess = GyroGuess.fit(corpus.features[rows], corpus.n_of_accelerometer)
    filled = guess.fill(corpus.features[rows])
    standardizer = Standardizer.fit(filled, labels, subjects, split)
    statistics = standardizer.transform(filled)
    trained = corpus.possible[rows].any(0)
    linear = fit_linear(statistics, corpus.possible[rows], corpus.weights(rows))
    known = Known(
        activities=tuple(name for name, known in zip(corpus.activities, trained, strict=True) if known),
        guess=guess,
        standardizer=standardizer,
        linear=(linear[0][:, trained], linear[1][trained]),
        networks=(),
    )
    for _ in range(config.n_networks):
        known = with_network(known, corpus, rows, config, seed)
    return known


def with_network(known: Known, corpus: Corpus, rows: np.ndarray, config: NetworkConfig, seed: int) -> Known:
    """Return a classifier with one network more; arguments as of `fit_known`, with which it was fitted."""
    statistics = known.statistics(corpus.features[rows])
    network = fit_network(corpus, rows, statistics, config, seed + len(known.networks))
    trained = corpus.positions(known.activities)
    network = replace(network, weight=network.weight[:, trained], bias=network.bias[trained])
    return replace(known, networks=(*known.networks, network))
