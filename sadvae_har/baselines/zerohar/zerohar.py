"""ZeroHAR end to end: raw windows are aligned with descriptions of sensors, then with descriptions of classes.

Chowdhury et al., AAAI 2025; the network and its departures are in `network.py`. Stage I pulls each channel's
vector to the sentence of its sensor (cosine, contrastive in both directions). Stage II trains the same weights further
to tell seen classes apart by the dot product of window and class text. Each stage keeps the weights of the epoch
with the lowest training loss, as published. Unlike the other rivals it reads raw windows, no features.
Axis legend: N windows, T samples of a window, C channels, S seen classes, K classes to score against, E text dimension,
B windows of a batch.
"""

import copy
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from feature_extraction.descriptions.embeddings import embed
from feature_extraction.encoders.patch_transformer.channel_sentences import describe_channels
from feature_extraction.encoders.patch_transformer.patches import make_patches
from feature_extraction.errors import InputError
from feature_extraction.pretraining.objectives.sensor_alignment import alignment_terms
from feature_extraction.protocol.split import Split
from feature_extraction.recordings.recording import Channel
from feature_extraction.windows.window_set import WindowSet
from sadvae_har.baselines.method import take_step
from sadvae_har.baselines.zerohar.network import ZeroHarConfig, ZeroHarNetwork

logger = logging.getLogger(__name__)

SCORE_WINDOWS = 512


@dataclass(frozen=True)
class ZeroHarInputs:
    """Raw windows of a data set, and the texts they are aligned with.

    Attributes:
        windows: All windows.
        channel_text: Embedding of each channel's sensor description [C, E].
        class_text: Mean description embedding of each class of the split, seen ones first [K, E].
    """

    windows: WindowSet
    channel_text: np.ndarray
    class_text: np.ndarray


@dataclass(frozen=True)
class FittedZeroHar:
    """A trained network.

    Attributes:
        network: In evaluation mode.
        config: How it was trained.
        channels: Columns of the windows it reads.
        rate_hz: Their sampling rate.
        alignment_losses: Training loss of every epoch of stage I, mean of both directions; 0 is a perfect match.
        recognition_losses: Training loss of every epoch of stage II.
    """

    network: ZeroHarNetwork
    config: ZeroHarConfig
    channels: tuple[Channel, ...]
    rate_hz: float
    alignment_losses: tuple[float, ...]
    recognition_losses: tuple[float, ...]

    @torch.no_grad()
    def score(self, samples: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return the dot products of windows and class texts, higher is likelier.

        Args:
            samples: Windows in m/s² and rad/s [N, T, C].
            text: Mean description embedding of each candidate class [K, E].

        Returns:
            float32 [N, K].
        """
        patches = cut_patches(samples, self.channels, self.rate_hz, self.config)
        vectors = torch.cat([self.network(block) for block in patches.split(SCORE_WINDOWS)])
        return (vectors @ torch.tensor(text, dtype=torch.float32).T).numpy()


def train_zerohar(
    inputs: ZeroHarInputs, rows: np.ndarray, split: Split, config: ZeroHarConfig, seed: int
) -> FittedZeroHar:
    """Train both stages on windows of seen classes; the same seed gives the same network.

    Args:
        inputs: Windows and texts.
        rows: Positions of the windows to train on [N]; every seen class has at least one.
        split: Whose rules hold.
        config: Network and training.
        seed: Of all random draws.

    Raises:
        LeakageError: A row is of an unseen class or of a test subject.
        InputError: A sample is not finite.
    """
    windows = inputs.windows
    split.check_fit(windows.labels[rows].tolist(), windows.subjects[rows].tolist(), "zerohar")
    patches = cut_patches(windows.samples[rows], windows.channels, windows.settings.rate_hz, config)
    position = {name: k for k, name in enumerate(split.seen)}
    targets = torch.tensor([position[name] for name in windows.labels[rows].tolist()])
    sensors = torch.tensor(inputs.channel_text, dtype=torch.float32)
    classes = torch.tensor(inputs.class_text[: len(split.seen)], dtype=torch.float32)
    order = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):  # weights and dropout draw from the global generator, restored afterwards
        torch.manual_seed(seed)
        network = ZeroHarNetwork(len(windows.channels), sensors.shape[1], config)

        def align(batch: Tensor) -> Tensor:
            return alignment_loss(network, patches[batch], sensors, config.temperature)

        def recognise(batch: Tensor) -> Tensor:
            return cross_entropy(network(patches[batch]) @ classes.T, targets[batch])

        def batches() -> tuple[Tensor, ...]:
            return torch.randperm(len(rows), generator=order).split(config.batch_size)

        aligned = train_stage(network, align, batches, config.alignment_epochs, config)
        recognised = train_stage(network, recognise, batches, config.recognition_epochs, config)
    network.eval().requires_grad_(False)
    return FittedZeroHar(network, config, windows.channels, windows.settings.rate_hz, aligned, recognised)


def alignment_loss(network: ZeroHarNetwork, patches: Tensor, sensors: Tensor, temperature: float) -> Tensor:
    """Return the contrastive loss of channels and sensor descriptions, the mean of both directions.

    Args:
        network: Its `channel_vectors` are aligned.
        patches: [B, C, P, S].
        sensors: Embedding of each channel's sensor description [C, E].
        temperature: Divides the cosines.
    """
    vectors = normalize(network.channel_vectors(patches).flatten(0, 1), dim=1)
    terms = alignment_terms(vectors, sensors.repeat(len(patches), 1), temperature)
    return torch.stack(list(terms.values())).mean()


def train_stage(
    network: ZeroHarNetwork,
    loss: Callable[[Tensor], Tensor],
    batches: Callable[[], Sequence[Tensor]],
    n_epochs: int,
    config: ZeroHarConfig,
) -> tuple[float, ...]:
    """Minimise a loss in shuffled batches; the network ends with the weights of the lowest training loss.

    Args:
        network: Trained in place.
        loss: Positions of a batch [B] to its mean loss.
        batches: Returns the batches of an epoch, shuffled anew.
        n_epochs: Passes over all windows.
        config: Learning rate and patience.

    Returns:
        Training loss of every epoch, averaged over its windows while weights change.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    history: list[float] = []
    best, best_epoch, kept = math.inf, 0, copy.deepcopy(network.state_dict())
    network.train()
    for epoch in range(n_epochs):
        total, n_windows = 0.0, 0
        for batch in batches():
            value = loss(batch)
            take_step(optimiser, value)
            total, n_windows = total + value.item() * len(batch), n_windows + len(batch)
        history.append(total / n_windows)
        logger.info("zerohar: epoch %d of %d, training loss %.4f", epoch + 1, n_epochs, history[-1])
        if history[-1] < best:
            best, best_epoch, kept = history[-1], epoch, copy.deepcopy(network.state_dict())
        elif config.patience is not None and epoch - best_epoch >= config.patience:
            break
    network.load_state_dict(kept)
    return tuple(history)


def embed_channels(windows: WindowSet, model: str, cache: Path) -> np.ndarray:
    """Embed what each channel of a data set measures and where [C, E].

    Raises:
        InputError: Windows come from different placements, so that a column has no description of its own.
    """
    placements = np.unique(windows.placements).tolist()
    if len(placements) > 1:
        raise InputError(
            f"zerohar: windows of {windows.dataset} come from {', '.join(placements)}; keep those of one placement"
        )
    return embed(describe_channels(windows.channels, placements[0]), model, cache)


def cut_patches(samples: np.ndarray, channels: tuple[Channel, ...], rate_hz: float, config: ZeroHarConfig) -> Tensor:
    """Return the patches of windows [N, T, C] as [N, C, patches, samples of a patch].

    Raises:
        InputError: A sample is not finite, or channels do not fit the columns.
    """
    patches = make_patches(torch.tensor(samples, dtype=torch.float32), channels, rate_hz, config.patches)
    broken = int((~patches.valid).flatten(1).any(dim=1).sum())
    if broken:
        raise InputError(
            f"zerohar: {broken} of {len(samples)} windows have samples that are not finite; leave them out"
        )
    return patches.values
