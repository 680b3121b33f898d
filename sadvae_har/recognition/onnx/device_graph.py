"""A recogniser of any device as one module of PyTorch, for one device: with or without gyroscope, at one place or any.

Axis legend: n windows, T time, C channels (3 or 6), P pairs of an activity and a place, A activities.
"""

import numpy as np
import torch
from torch import Tensor, nn

from feature_extraction.encoders.turn_free.graph import DeviceGraph
from feature_extraction.errors import InputError
from sadvae_har.method.scorer import SeenClassifier
from sadvae_har.recognition.everyday.pairs import NO_DENSITY
from sadvae_har.recognition.everyday.recognizer import EverydayRecognizer
from sadvae_har.recognition.onnx.graph import Neighbors, Recognition, Scaled, Sound, Verdict, text_scores


class DeviceRecognizerGraph(nn.Module):
    """Windows float32 [n, T, C] to what `EverydayRecognizer.predict` says of each by itself, without its neighbours."""

    columns: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, recognizer: EverydayRecognizer) -> None:
        """Translate a recogniser that reads one device, with its present list of activities.

        Raises:
            InputError: It reads several devices.
        """
        super().__init__()
        model, devices = recognizer.model, recognizer.devices
        if len(devices) != 1:
            names = ", ".join(device.name for device in devices)
            raise InputError(f"an exported file reads one device, this recogniser {len(devices)} ({names}); choose one")
        settings, device = recognizer.source.settings, devices[0]
        self.sound = Sound(recognizer.channels)
        self.register_buffer("columns", torch.tensor([*device.acc, *device.gyro]))
        self.device = DeviceGraph(
            model.networks, model.guess, bool(device.gyro), settings.window_samples, settings.rate_hz
        )
        self.known_scale, self.scale = Scaled(model.known_standardizer), Scaled(model.standardizer)
        self.register_buffer("weight", model.seen.weight)
        self.register_buffer("bias", model.seen.bias)
        self.neighbors = Neighbors(model.fold.train_features.double(), model.strangeness)
        self.verdict = Verdict(recognizer)
        counted = recognizer.counted_at(device.placement)
        classes = tuple(part[:, torch.from_numpy(counted)] for part in recognizer.scorer.classes)
        self.texts = text_scores(model.config.classifier, model.fold, classes)
        self.places = Places(recognizer.owner[counted], len(recognizer.names))

    def forward(self, windows: Tensor) -> Recognition:
        """Recognise windows [n, T, C]; one with NaN, or more than a sensor can measure, is insoundly strange."""
        sound, numbers = self.sound(windows)
        statistics, embedded = self.device(numbers.index_select(2, self.columns))
        features = self.scale(statistics)
        inputs = torch.cat([self.known_scale(statistics), *embedded], dim=1)
        seen = SeenClassifier(self.weight, self.bias).logits(inputs).log_softmax(1)
        texts = self.places(self.texts(features)) if self.verdict.has_described else seen
        return self.verdict(sound, seen, texts, *self.neighbors(features))


class Places(nn.Module):
    """Scores of pairs [n, P] to those of activities [n, A]: log sums over the places of each."""

    members: Tensor

    def __init__(self, owner: np.ndarray, n_activities: int) -> None:
        """Note the pairs of every activity; those with fewer than others have a pair without density as well.

        Args:
            owner: Position of each pair's activity [P].
            n_activities: A.
        """
        super().__init__()
        pairs = [np.flatnonzero(owner == k) for k in range(n_activities)]
        self.most = max(map(len, pairs))
        members = np.full((n_activities, self.most), len(owner))
        for row, found in zip(members, pairs, strict=True):
            row[: len(found)] = found
        self.register_buffer("members", torch.from_numpy(members.reshape(-1)))

    def forward(self, pairs: Tensor) -> Tensor:
        """Return log sums [n, A]."""
        padded = torch.cat([pairs, torch.full_like(pairs[:, :1], NO_DENSITY)], dim=1)
        return padded.index_select(1, self.members).unflatten(1, (-1, self.most)).logsumexp(2)
