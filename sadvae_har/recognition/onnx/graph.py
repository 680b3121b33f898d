"""A recogniser as one module of PyTorch: from windows to the probabilities of all activities.

Everything that does not depend on the window is worked out beforehand, in float64: no triangular systems are solved,
and the densities of all activities are one product. Axis legend: n windows, T time, C channels, D features, Q their
width where densities read them, k models (one where all seeds read the same), S trained activities, A all
activities, R training windows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from feature_extraction.features.window_graph import WindowGraph
from feature_extraction.protocol.standardizer import CLIP, Standardizer
from feature_extraction.recordings.recording import Channel
from feature_extraction.windows.stream import LARGEST
from sadvae_har.config.settings import ClassifierConfig
from sadvae_har.method.classifier import COSINE_SCALE, ClassDensities
from sadvae_har.method.model import SADVAE
from sadvae_har.method.nearest import N_NEIGHBORS, SMALLEST_DISTANCE
from sadvae_har.method.scorer import FoldModel, SeenClassifier
from sadvae_har.recognition.recognizer import Recognizer
from sadvae_har.recognition.strangeness import Strangeness


class Recognition(NamedTuple):
    """What the graph returns.

    Attributes:
        probabilities: Calibrated, of all activities [n, A].
        activity: Position of the recognised activity, int64 [n].
        strangeness: How unlike all trained windows each is, in standard deviations [n].
        unknown: Whether a window, by itself, is too strange for its activity, or no recording, bool [n].
    """

    probabilities: Tensor
    activity: Tensor
    strangeness: Tensor
    unknown: Tensor


class RecognizerGraph(nn.Module):
    """Windows float32 [n, T, C] to what `Recognizer.predict` says of each by itself, without its neighbours."""

    weight: Tensor
    bias: Tensor

    def __init__(self, recognizer: Recognizer) -> None:
        """Translate a recogniser with its present list of activities.

        Raises:
            InputError: Its features have no translation.
        """
        super().__init__()
        model = recognizer.model
        self.sound = Sound(recognizer.channels)
        self.features = WindowGraph(model.encoder)
        self.scale = Scaled(model.standardizer)
        self.register_buffer("weight", model.seen.weight)
        self.register_buffer("bias", model.seen.bias)
        self.neighbors = Neighbors(model.fold.train_features.double(), model.strangeness)
        self.verdict = Verdict(recognizer)
        self.texts = text_scores(model.config.classifier, model.fold, recognizer.scorer.classes)

    def forward(self, windows: Tensor) -> Recognition:
        """Recognise windows [n, T, C]; one with NaN, or more than a sensor can measure, is insoundly strange."""
        sound, numbers = self.sound(windows)
        features = self.scale(self.features(numbers))
        seen = SeenClassifier(self.weight, self.bias).logits(features)
        texts = self.texts(features) if self.verdict.has_described else seen
        return self.verdict(sound, seen, texts, *self.neighbors(features))


class Sound(nn.Module):
    """Tells windows that a sensor can have measured."""

    limits: Tensor

    def __init__(self, channels: Sequence[Channel]) -> None:
        """Note what each channel can reach."""
        super().__init__()
        limits = [LARGEST[channel.quantity] for channel in channels]
        self.register_buffer("limits", torch.tensor(limits, dtype=torch.float32))

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return which windows [n, T, C] are sound, bool [n], and the windows with zeros in place of the others."""
        sound = (windows.abs() <= self.limits).flatten(1).all(1)  # no comparison with NaN is true
        return sound, torch.where(sound[:, None, None], windows, torch.zeros_like(windows))


class Scaled(nn.Module):
    """Standardises features [n, D] as a `Standardizer` does."""

    mean: Tensor
    inverse_scale: Tensor

    def __init__(self, standardizer: Standardizer) -> None:
        """Turn divisions into products."""
        super().__init__()
        scale = standardizer.scale.astype(np.float64)
        inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
        self.register_buffer("mean", torch.from_numpy(standardizer.mean))
        self.register_buffer("inverse_scale", torch.from_numpy(inverse.astype(np.float32)))

    def forward(self, features: Tensor) -> Tensor:
        """Return standardised features."""
        return ((features - self.mean) * self.inverse_scale).clamp(-CLIP, CLIP)


class Verdict(nn.Module):
    """From scores to what is said: gate, calibration, and the limits of what is known."""

    def __init__(self, recognizer: Recognizer) -> None:
        """Take gate and calibration of a recogniser with its present list of activities."""
        super().__init__()
        self.n_trained = len(recognizer.model.trained)
        self.has_described = len(recognizer.activities) > self.n_trained
        self.gate, self.calibration = recognizer.model.gate, recognizer.model.calibration

    def forward(self, sound: Tensor, seen: Tensor, texts: Tensor, novelty: Tensor, strangeness: Tensor) -> Recognition:
        """Return what is said of windows; of trained activities alone, the gate reads no `texts`.

        Args:
            sound: Whether a window can be a recording [n].
            seen: Logits of trained activities [n, S].
            texts: Scores of all activities by description [n, A].
            novelty: As the gate reads it [n].
            strangeness: In standard deviations [n].
        """
        joint, activity = self.gate.decide(seen, texts, novelty)
        trained_limit = self.calibration.limit_of_trained(self.has_described)
        limit = torch.where(activity >= self.n_trained, self.calibration.described_limit, trained_limit)
        probabilities = (joint / self.calibration.temperature).softmax(1)
        equal = torch.full_like(probabilities, 1 / probabilities.shape[1])
        probabilities = torch.where(sound[:, None], probabilities, equal)
        strangeness = torch.where(sound, strangeness, torch.full_like(strangeness, torch.inf))
        return Recognition(probabilities, activity, strangeness, (strangeness > limit) | ~sound)


class Neighbors(nn.Module):
    """Distances to the nearest training windows, plain ones for novelty and whitened ones for strangeness.

    Both read the training windows themselves: whitened products are products of windows that were whitened twice.
    """

    windows: Tensor
    squared: Tensor
    whiten: Tensor
    classes: Tensor
    usual: Tensor
    spread: Tensor

    def __init__(self, windows: Tensor, strangeness: Strangeness) -> None:
        """Keep standardised training windows float64 [R, D] once for both."""
        super().__init__()
        factor = torch.from_numpy(strangeness.factor).double()
        whiten = torch.linalg.solve_triangular(factor, torch.eye(len(factor), dtype=torch.float64), upper=False).T
        squared = torch.stack([windows.square().sum(1), (windows @ whiten).square().sum(1)])
        self.register_buffer("windows", windows.T.float().contiguous())
        self.register_buffer("squared", squared[:, None].float())
        self.register_buffer("whiten", whiten.float().contiguous())
        self.register_buffer("classes", torch.from_numpy(np.asarray(strangeness.classes, np.int64)))
        self.register_buffer("usual", torch.from_numpy(strangeness.usual.astype(np.float32)))
        self.register_buffer("spread", torch.from_numpy(strangeness.spread.astype(np.float32)))
        self.n_neighbors = min(N_NEIGHBORS, len(windows))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return novelty and strangeness [n] of standardised features [n, D]."""
        white = features @ self.whiten
        own = torch.stack([features.square().sum(1), white.square().sum(1)])
        products = torch.stack([features, white @ self.whiten.T]) @ self.windows
        squared = self.squared - 2 * products + own[..., None]
        nearest, which = squared.topk(self.n_neighbors, dim=2, largest=False)
        logs = (nearest.clamp(min=0).sqrt().mean(2) + SMALLEST_DISTANCE).log()
        alike = self.classes[which[1, :, 0]]
        return logs[0], (logs[1] - self.usual[alike]) / self.spread[alike]


class Densities(nn.Module):
    """Mean log densities of all activities over the seeds, up to a term that all share."""

    roots: Tensor
    offsets: Tensor
    constants: Tensor

    def __init__(self, densities: ClassDensities) -> None:
        """Turn covariances [k, A, Q, Q] into factors of their inverses."""
        super().__init__()
        factor = densities.factor.double()
        root = torch.linalg.solve_triangular(factor, torch.eye(factor.shape[-1], dtype=torch.float64), upper=False).mT
        offsets = (densities.mean.double()[:, :, None] @ root).flatten(1)[:, None]
        roots = root.permute(0, 2, 1, 3).flatten(2).float().contiguous()
        self.n_activities = root.shape[1]
        self.register_buffer("roots", roots[0] if len(roots) == 1 else roots)
        self.register_buffer("offsets", offsets.float())
        self.register_buffer("constants", densities.log_determinant.double().mean(0).float())

    def forward(self, queries: Tensor) -> Tensor:
        """Return [n, A] of queries [k, n, Q]."""
        whitened = (queries @ self.roots - self.offsets).unflatten(2, (self.n_activities, -1))
        return -0.5 * (whitened.square().sum(3).mean(0) + self.constants)


class Directions(nn.Module):
    """Cosines with the mean directions of all activities, averaged over the seeds."""

    directions: Tensor

    def __init__(self, directions: Tensor) -> None:
        """Keep directions [s, A, Q]."""
        super().__init__()
        self.register_buffer("directions", (directions.mT * COSINE_SCALE).contiguous())

    def forward(self, queries: Tensor) -> Tensor:
        """Return [n, A] of queries [k, n, Q]."""
        return (functional.normalize(queries, dim=-1) @ self.directions).mean(0)


class TextScores(nn.Module):
    """Standardised features [n, D] to scores of all activities by their descriptions [n, A]."""

    def __init__(self, classes: nn.Module, networks: SADVAE | None) -> None:
        """Score the semantic latents of `networks` if they are given, else the features themselves."""
        super().__init__()
        self.classes = classes
        self.encoder = None if networks is None else networks.semantic_encoder
        self.n_models = 1 if networks is None else networks.n_models

    def forward(self, features: Tensor) -> Tensor:
        """Return [n, A]."""
        queries = features.expand(self.n_models, -1, -1)
        return self.classes(queries if self.encoder is None else self.encoder(queries).mean)


def text_scores(config: ClassifierConfig, fold: FoldModel, classes: tuple[Tensor, ...]) -> TextScores:
    """Return the scores that `ActivityScorer` computes, given the tensors that stand for its activities."""
    latents = config.synthesise == "latents"
    stand_in = Directions(classes[0]) if config.kind == "cosine" else Densities(ClassDensities(*classes))
    return TextScores(stand_in, fold.networks if latents else None)
