"""The product: load a trained model, recognise activities in recordings, add activities by describing them.

    recognizer = Recognizer.load("resources/runs/quickstart")
    recognizer.add_activity("rope skipping", "A person jumps over a swinging rope again and again, both feet at once.")
    prediction = recognizer.predict(recording)

Trained activities have recordings behind them; described ones are known by their text alone. Nothing is trained when
one is added or removed. Axis legend: n windows, T time, C channels, D features, A activities (trained, then described).
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from feature_extraction.descriptions.class_list import ClassDescription
from feature_extraction.errors import InputError
from feature_extraction.own_files.plausibility import Reference
from feature_extraction.own_files.read import Declared, ReadingPlan, plan_reading
from feature_extraction.recordings.recording import Channel, Recording
from feature_extraction.storage.places import TEXT_CACHE
from feature_extraction.windows.input_format import InputFormat
from feature_extraction.windows.stream import TimedWindows, windows_of
from sadvae_har.experiment.latent_map import LatentPlane
from sadvae_har.recognition.activities import ActivityList
from sadvae_har.recognition.explanation import Explanation, nearest, weigh
from sadvae_har.recognition.model.file import load_model, save_model
from sadvae_har.recognition.model.header import EVERYDAY_KIND, MODEL_FILE, find_model, kind_of_model
from sadvae_har.recognition.model.parts import RecognizerModel
from sadvae_har.recognition.model.reference import reference_of
from sadvae_har.recognition.prediction import UNKNOWN, Prediction, in_context, smooth
from sadvae_har.recognition.scorer import ActivityScorer

KINDS = {EVERYDAY_KIND: ("sadvae_har.recognition.everyday.recognizer", "EverydayRecognizer")}  # found when first met
JUST_ABOVE = 1 + 1e-6  # so that the gate's choice is the most probable one where it contradicts the probabilities


class LatentMap(NamedTuple):
    """Windows and descriptions in one plane.

    Attributes:
        windows_xy: [n, 2].
        anchors_xy: Of all activities [A, 2].
        names: Of the activities, A.
        seen: Whether each was trained on, A.
    """

    windows_xy: np.ndarray
    anchors_xy: np.ndarray
    names: tuple[str, ...]
    seen: tuple[bool, ...]


class Recognizer(ActivityList):
    """A trained model and a list of activities that may grow and shrink.

    Raises:
        InputError: Every method, for input that cannot be used; it names the value and the remedy.
    """

    def __init__(self, model: RecognizerModel, text_cache: Path = TEXT_CACHE) -> None:
        """Start with the trained and described activities of the model.

        Args:
            model: What a run or a model file holds.
            text_cache: Folder of sentence embeddings made before.
        """
        self.model = model
        self._text_cache = text_cache
        self._only: frozenset[str] | None = None
        self._described: tuple[ClassDescription, ...] = ()
        self._vectors = model.vectors[: len(model.trained)]
        self.scorer = ActivityScorer(model.fold, model.seen, model.space, self._vectors)
        for description, vector in zip(model.described, model.vectors[len(model.trained) :], strict=True):
            self._add(description, vector[None])

    @classmethod
    def load(cls, path: Path | str, text_cache: Path = TEXT_CACHE) -> "Recognizer":
        """Load a model file, the one in a run folder, or a shipped one by its name; no code in it is executed.

        Raises:
            InputError: It is missing, damaged, or made by a newer version.
        """
        path = find_model(path)
        kind = kind_of_model(path)
        if kind in KINDS:
            module, name = KINDS[kind]
            special: type[Recognizer] = getattr(import_module(module), name)
            return special.load(path, text_cache)
        model = load_model(path)
        try:
            return cls(model, text_cache)
        except torch.linalg.LinAlgError as error:  # no covariance: numbers out of all proportion
            raise InputError(f"{path}: its numbers cannot be used ({str(error)[:100]}); make it again") from error

    def save(self, path: Path | str) -> Path:
        """Write one file that holds the model with its present list of activities; return its path."""
        path = Path(path) / MODEL_FILE if Path(path).is_dir() else Path(path)
        save_model(replace(self.model, described=self._described, vectors=self._vectors), path)
        return path

    @property
    def reads_any_device(self) -> bool:
        """Whether recordings may have any devices, at any places; else they have the channels of the model."""
        return bool(self.placements)

    @property
    def where_worn(self) -> Mapping[str, str]:
        """What was found out about where devices are worn, by device; `reading` finds it out."""
        return {}

    def copy(self) -> "Recognizer":
        """Return a recogniser with a list of activities of its own; the weights are shared."""
        other = copy.copy(self)
        other.scorer = self.scorer.copy()
        return other

    @property
    def source(self) -> InputFormat:
        """The windows that the model reads."""
        return self.model.encoder.source

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What the columns of a window hold, in SI units."""
        return self.source.channels

    @property
    def rate_hz(self) -> float:
        """Sampling rate of the windows."""
        return self.source.settings.rate_hz

    @property
    def window_s(self) -> float:
        """Length of a window."""
        return self.source.settings.window_s

    @property
    def stride_s(self) -> float:
        """Seconds from one window to the next."""
        return self.source.stride_s

    @property
    def dataset(self) -> str:
        """Data set that the model was trained on."""
        return self.source.dataset

    @property
    def placements(self) -> tuple[str, ...]:
        """Places at which a device can be said to be worn; none for a model of fixed devices."""
        return ()

    @property
    def worn(self) -> dict[str, str]:
        """Place of every device of the recording that is read, empty if unknown; of fixed devices nothing is said."""
        return {}

    def worn_at(self, places: Mapping[str, str]) -> "Recognizer":
        """Return what recognises the same recording with its devices worn at these places; see `placements`.

        Args:
            places: Device to place, empty for unknown; others stay where they are.

        Raises:
            InputError: There is no such device or place.
        """
        raise InputError("where devices are worn cannot be said: this model reads those that it was trained on")

    @cached_property
    def reference(self) -> Reference:
        """What the recordings it was trained on had in common, to compare others with."""
        return reference_of(self.model)

    def plan(self, path: Path, declared: Declared) -> ReadingPlan:
        """Find out how a recording is read, for the channels of the model; see `plan_reading`."""
        return plan_reading(path, self.channels, declared)

    def reading(
        self, channels: Sequence[Channel], file_name: str = "", placements: Mapping[str, str] | None = None
    ) -> "Recognizer":
        """Return what recognises a recording of these channels: for a model of fixed channels, itself.

        Args:
            channels: Of the recording.
            file_name: Without its ending.
            placements: Device to place of the body, for models that read any device.

        Raises:
            InputError: Places are given, which this model cannot use.
        """
        if placements:
            raise InputError("--placement: this model reads the devices it was trained on; leave it out")
        return self

    def windows(self, recording: Recording) -> TimedWindows:
        """Cut a recording, in its own units and at its own rate, into windows of the model.

        Raises:
            InputError: A channel is missing, a unit unknown, or the rate cannot be converted.
        """
        return windows_of(recording, self.channels, self.source.settings)

    def predict(self, data: Recording | np.ndarray) -> Prediction:
        """Recognise the activities in a recording, or in windows.

        Args:
            data: A recording in its own units and at its own rate, or windows [n, T, C] of the model's format, which
                are taken for one behind the other at the model's stride.
        """
        if isinstance(data, Recording):
            return self.predict_windows(self.windows(data))
        data = np.asarray(data, dtype=np.float32)
        start_s = np.arange(len(data)) * self.stride_s
        return self.predict_windows(TimedWindows(data, start_s, np.zeros(len(data), dtype=np.int64)))

    def predict_windows(self, windows: TimedWindows) -> Prediction:
        """Recognise the activities in windows with their times."""
        return self.in_context(self.windows_alone(windows))

    def windows_alone(self, windows: TimedWindows) -> Prediction:
        """Recognise the activities in windows, each by itself; `in_context` goes on from there."""
        probabilities, strangeness = np.empty((0, len(self.names))), np.empty(0)
        if len(windows.start_s):
            features = self.features(windows.samples)
            joint, positions = self.score(features)
            probabilities, strangeness = self.model.calibration.probabilities(joint), self.strangeness(features)
            # A hard gate chooses between trained and described ones first; what it chose counts as much as any other.
            probabilities[np.arange(len(joint)), positions] = probabilities.max(1) * JUST_ABOVE
            probabilities /= probabilities.sum(1, keepdims=True)
        return Prediction(
            start_s=windows.start_s,
            end_s=windows.start_s + self.window_s,
            piece=windows.piece,
            strangeness=strangeness,
            activities=self.names,
            **self._most_probable(probabilities),
        )

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Return standardised features [n, D] of windows [n, T, C]."""
        return self.model.standardizer.transform(self.model.encoder.features(samples))

    def score(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return joint log scores [n, A] and the predicted positions [n] of standardised features [n, D]."""
        scores = self.scorer.scores(features)
        return self._decide(scores)

    def strangeness(self, features: np.ndarray) -> np.ndarray:
        """Return how unlike the training windows windows are, of standardised features [n, D], [n]."""
        return self.model.strangeness.measure(features)

    def similarity(self, features: np.ndarray) -> np.ndarray:
        """Return how alike windows and descriptions are in the latent space, [n, A]; see `ActivityScorer`."""
        return self.scorer.similarity(features)

    def text_logits(self, features: np.ndarray) -> np.ndarray:
        """Return how well windows match every description, log densities [n, A], of standardised features [n, D]."""
        return self.scorer.scores(features).text_logits

    def _most_probable(self, probabilities: np.ndarray) -> dict[str, Any]:
        """Return what `Prediction` says of windows by their probabilities [n, A]."""
        positions = probabilities.argmax(1) if len(probabilities) else np.empty(0, int)
        activity = np.array(self.names)[positions]
        return {
            "labels": activity,
            "activity": activity,
            "probability": probabilities.max(1, initial=0),
            "unseen": positions >= len(self.model.trained),
            "probabilities": probabilities,
        }

    def in_context(self, alone: Prediction) -> Prediction:
        """Return what windows in order of time are with their neighbours in mind: see `prediction.in_context`.

        They are `unknown` where they and their neighbours are too strange.

        Args:
            alone: What `windows_alone` says of them.
        """
        weight = min(1.0, self.stride_s / self.window_s)
        found = replace(alone, **self._most_probable(in_context(alone.probabilities, alone.piece, weight)))
        smoothed = smooth(alone.strangeness, alone.piece)
        unknown = self.model.calibration.excess(smoothed, found.unseen if self._described else None) > 0
        return replace(found, labels=np.where(unknown, UNKNOWN, found.activity))

    def explain(self, window: np.ndarray) -> Explanation:
        """Say why a window [T, C] gets its label if it is looked at by itself."""
        samples = np.asarray(window)[None]
        prediction, features = self.predict(samples), self.features(samples)
        order = np.argsort(-prediction.probabilities[0])
        position = self.names.index(str(prediction.activity[0]))
        rival = int(next(k for k in order if k != position))
        texts = (*self.model.trained, *self._described)
        return Explanation(
            label=str(prediction.labels[0]),
            activity=self.names[position],
            probability=float(prediction.probability[0]),
            rival=self.names[rival],
            nearest=nearest(self.names, self.similarity(features)[0]),
            evidence=weigh(self._measured(samples), texts[position].kinematics, texts[rival].kinematics),
        )

    def _measured(self, samples: np.ndarray) -> dict[str, float]:
        """Return the kinematic attributes of one window, none where windows are too short for them."""
        try:
            values, names = self.model.encoder.kinematics(samples)
        except InputError:
            return {}
        return dict(zip(names, values[0].tolist(), strict=True))

    def latent_map(self, windows: np.ndarray) -> LatentMap:
        """Show windows [n, T, C] and all descriptions in the plane of their semantic latents that holds most of them.

        The plane stays where it is from one recording to the next as long as the list is the same.
        """
        plane = LatentPlane(self.model.fold, self.scorer.coordinates)
        seen = tuple(activity.seen for activity in self.activities)
        points = plane.place_windows(torch.from_numpy(self.features(windows)))
        return LatentMap(points, plane.anchors_xy, self.names, seen)

    def save_pretrained(self, save_directory: Path | str) -> Path:
        """Write model file and card into a folder; return it, see `hub.save_with_card`."""
        from sadvae_har.recognition.model import hub  # only those who share a model need its client

        return hub.save_with_card(self.save, Path(save_directory))

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload model file and card; return the address of the commit, see `hub.push`."""
        from sadvae_har.recognition.model import hub

        return hub.push(self.save, repo_id, **options)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Path | str, **options: Any) -> "Recognizer":
        """Load a model from a folder or from a hub, see `hub.fetch`."""
        from sadvae_har.recognition.model import hub

        return cls.load(hub.fetch(str(pretrained_model_name_or_path), **options))
