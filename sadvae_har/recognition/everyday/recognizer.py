"""Recognises activities on any devices: at least one with an accelerometer, at any place, turned any way.

    recognizer = Recognizer.load("everyday")
    prediction = predict_file(recognizer, "walk.csv")

A window of every device is looked at by itself; devices worn at the same time multiply their evidence. What an activity
feels like depends on the place, so every activity is described at seven; where the place is not known, all of them
count. Axis legend: n windows, T time, C channels, G devices, F features (statistics, then embeddings), A activities.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from feature_extraction.descriptions.class_list import ClassDescription
from feature_extraction.encoders.devices import find_devices
from feature_extraction.encoders.turn_free.statistics import turn_free_statistics
from feature_extraction.errors import InputError
from feature_extraction.own_files.columns.places import placement_of
from feature_extraction.own_files.contents import plan_all
from feature_extraction.own_files.declared import Declared
from feature_extraction.own_files.plan import ReadingPlan
from feature_extraction.own_files.plausibility import Reference
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import si_channel
from feature_extraction.storage.places import TEXT_CACHE
from feature_extraction.windows.input_format import InputFormat
from sadvae_har.experiment.latent_map import LatentPlane
from sadvae_har.method.gate import Scores
from sadvae_har.recognition.everyday.model import EverydayModel, load_everyday, save_everyday
from sadvae_har.recognition.everyday.pairs import NO_DENSITY, pair_vectors, sum_over_places
from sadvae_har.recognition.model.header import ANYWHERE, MODEL_FILE
from sadvae_har.recognition.recognizer import LatentMap, Recognizer
from sadvae_har.recognition.scorer import ActivityScorer


@dataclass(frozen=True)
class Worn:
    """A device of a recording.

    Attributes:
        name: As its channels call it.
        acc: Columns of its accelerometer.
        gyro: Columns of its gyroscope; none if there is none.
        placement: Where it is worn, one of the seven places, or empty.
        said_by: Who says so.
    """

    name: str
    acc: tuple[int, ...]
    gyro: tuple[int, ...]
    placement: str
    said_by: str


class EverydayRecognizer(Recognizer):
    """A `Recognizer` whose windows may have any devices; `reading` tells it which a recording has."""

    model: EverydayModel  # type: ignore[assignment]

    def __init__(self, model: EverydayModel, text_cache: Path = TEXT_CACHE) -> None:
        """Start with the trained and described activities of the model."""
        self.model = model
        self._text_cache = text_cache
        self._only: frozenset[str] | None = None
        self._described: tuple[ClassDescription, ...] = ()
        n_pairs, n_places = len(model.pairs), len(model.text.placements)
        self._vectors = model.vectors[:n_pairs]
        self._scorer: ActivityScorer | None = None
        names = [entry.name for entry in model.trained]
        self._owner = np.array([names.index(pair.activity) for pair in model.pairs])
        self._places = np.array([pair.placement for pair in model.pairs])
        for number, description in enumerate(model.described):
            first = n_pairs + number * n_places
            self._add(description, model.vectors[first : first + n_places])
        self._bind(model.source.channels, {})

    @classmethod
    def load(cls, path: Path | str, text_cache: Path = TEXT_CACHE) -> "EverydayRecognizer":
        """Load a model file; no code in it is executed.

        Raises:
            InputError: It is missing, damaged, or made by a newer version.
        """
        return cls(load_everyday(Path(path)), text_cache)

    def save(self, path: Path | str) -> Path:
        """Write one file that holds the model with its present list of activities; return its path."""
        path = Path(path) / MODEL_FILE if Path(path).is_dir() else Path(path)
        save_everyday(replace(self.model, described=self._described, vectors=self._vectors), path)
        return path

    def copy(self) -> "EverydayRecognizer":
        """Return a recogniser with a list of activities of its own; the weights are shared."""
        other = copy.copy(self)
        other._scorer = self._scorer.copy() if self._scorer else None
        return other

    @property
    def scorer(self) -> ActivityScorer:  # type: ignore[override]
        """Compares windows with the description of every pair; made when first needed, which trained ones never do."""
        if self._scorer is None:
            n_pairs = len(self.model.pairs)
            try:
                made = ActivityScorer(self.model.fold, self.model.seen, self.model.space, self._vectors[:n_pairs])
                for row in self._vectors[n_pairs:]:
                    made.add(row[None])
            except torch.linalg.LinAlgError as error:  # no covariance: numbers out of all proportion
                reason = str(error)[:100]
                raise InputError(
                    f"model {self.model.name!r}: its numbers cannot be used ({reason}); make it again"
                ) from error
            self._scorer = made
        return self._scorer

    @property
    def owner(self) -> np.ndarray:
        """Position of the activity of every pair of an activity and a place, [P]."""
        return self._owner

    @property
    def where_worn(self) -> Mapping[str, str]:
        """The place of every device, and who says so."""
        return {d.name: f"worn at the {d.placement}, {d.said_by}" if d.placement else ANYWHERE for d in self.devices}

    def plan(self, path: Path, declared: Declared) -> ReadingPlan:
        """Find every device of a recording that has an accelerometer, and how it is read."""
        return plan_all(path, declared)

    def reading(
        self, channels: Sequence[Channel], file_name: str = "", placements: Mapping[str, str] | None = None
    ) -> "EverydayRecognizer":
        """Return a recogniser of the devices of a recording, with a list of activities of its own.

        Args:
            channels: Of the recording.
            file_name: Without its ending; may name a place.
            placements: Device to place, in the words of everyday life; the key "" stands for all devices.

        Raises:
            InputError: There is no accelerometer, or a place or a device is unknown.
        """
        other = self.copy()
        devices = tuple(dict.fromkeys(channel.device for channel in channels))
        said = {}
        for device, text in (placements or {}).items():
            place = text if text in self.model.text.placements else placement_of(text, "")
            if place not in self.model.text.placements:
                raise InputError(f"placement {text!r} is unknown; choose from {', '.join(self.model.text.placements)}")
            if device and device not in devices:
                raise InputError(f"placement of {device!r}: no such device; there are {', '.join(devices)}")
            said[device] = place
        found = {}
        for device in devices:
            declared, named = said.get(device) or said.get("", ""), placement_of(device, "")
            place = declared or named or placement_of(device, file_name)
            found[device] = place, "declared" if declared else "as its name says" if named else "as the file name says"
        other._bind([si_channel(channel)[0] for channel in channels], found)
        return other

    def _bind(self, channels: Sequence[Channel], placements: Mapping[str, tuple[str, str]]) -> None:
        """Read recordings of these channels, whose devices are worn at places, each with who says so."""
        self._source = replace(
            self.model.source,
            channels=tuple(channels),
            settings=replace(self.model.source.settings, quantities=tuple(dict.fromkeys(c.quantity for c in channels))),
        )
        self.devices = tuple(
            Worn(
                device.name,
                tuple(device.acc.tolist()),
                tuple(device.gyro.tolist()),
                *placements.get(device.name, ("", "")),
            )
            for device in find_devices(channels)
        )

    @property
    def source(self) -> InputFormat:
        """The windows of the recording that is read."""
        return self._source

    @property
    def placements(self) -> tuple[str, ...]:
        """Places of the body that every activity is described at."""
        return self.model.text.placements

    @property
    def worn(self) -> dict[str, str]:
        """Place of every device of the recording that is read, empty if unknown."""
        return {device.name: device.placement for device in self.devices}

    def worn_at(self, places: Mapping[str, str]) -> "EverydayRecognizer":
        """Return what recognises the same recording with its devices worn at these places, whatever their names say.

        Args:
            places: Device to place, empty for unknown; others stay where they are.

        Raises:
            InputError: There is no such device or place.
        """
        for device, place in places.items():
            if device not in self.worn:
                raise InputError(f"no device {device!r}; there are {', '.join(self.worn)}")
            if place and place not in self.placements:
                raise InputError(f"placement {place!r} is unknown; choose from {', '.join(self.placements)}")
        other = copy.copy(self)
        other.devices = tuple(
            replace(device, placement=places[device.name], said_by="declared") if device.name in places else device
            for device in self.devices
        )
        return other

    @property
    def reference(self) -> Reference:
        """What other recordings are compared with: gravity alone, for a device may be turned and worn anywhere."""
        return Reference(activities=self.names)

    def _add(self, description: ClassDescription, vector: np.ndarray) -> None:
        """Take in a described activity by its vectors at all places [P, E]."""
        for row in vector if self._scorer else ():
            self.scorer.add(row[None])
        self._owner = np.concatenate([self._owner, np.full(len(vector), len(self.names))])
        self._places = np.concatenate([self._places, self.model.text.placements])
        self._described = (*self._described, description)
        self._vectors = np.concatenate([self._vectors, vector])

    def _vector(self, description: ClassDescription) -> np.ndarray:
        read = replace(description, paraphrases=description.paraphrases[: self.model.text.n_paraphrases])
        described = [(read, place) for place in self.model.text.placements]
        return pair_vectors(described, self.model.config.text, self._text_cache)

    def _remove(self, position: int) -> None:
        """Forget the described activity at a position among all activities."""
        rows = np.flatnonzero(self._owner == position)
        for row in rows[::-1] if self._scorer else ():
            self.scorer.remove(int(row))
        kept = self._owner != position
        owner = self._owner[kept]
        self._owner, self._places = np.where(owner > position, owner - 1, owner), self._places[kept]
        self._vectors = self._vectors[kept]

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Return statistics without gaps, then embeddings, of every device, [n, G, F].

        Args:
            samples: Windows [n, T, C] of the channels of the recording that is read.
        """
        settings = self.source.settings
        expected = (settings.window_samples, len(self.source.channels))
        if samples.ndim != 3 or samples.shape[1:] != expected or not len(samples):
            raise InputError(
                f"windows of shape {samples.shape} cannot be read; expected [n, {expected[0]}, {expected[1]}]"
            )
        finite = np.isfinite(samples).all(axis=(1, 2))
        if not finite.all():
            raise InputError(f"window {int(np.argmin(finite))} holds values that are not finite; leave it out")
        return np.stack([self._of_device(samples, device) for device in self.devices], axis=1)

    def _of_device(self, samples: np.ndarray, device: Worn) -> np.ndarray:
        six = np.zeros((*samples.shape[:2], 6), np.float32)
        six[..., :3] = samples[..., list(device.acc)]
        if device.gyro:
            six[..., 3:] = samples[..., list(device.gyro)]
        has_gyro = np.full(len(samples), bool(device.gyro))
        statistics = self.model.guess.fill(turn_free_statistics(six, has_gyro, self.source.settings.rate_hz))
        chunk, present = torch.from_numpy(six), torch.from_numpy(has_gyro)
        with torch.inference_mode():
            embedded = [network(chunk, present).numpy() for network in self.model.networks]
        return np.concatenate([statistics, *embedded], axis=1)

    def score(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return joint log scores [n, A] and the predicted positions [n] of features [n, G, F]."""
        scores = self._scores(features, bool(self._described))
        return self._decide(scores)

    def _scores(self, features: np.ndarray, by_text: bool) -> Scores:
        """Return the scores of all devices together: sums of logs, tempered because devices err alike."""
        model, n_trained = self.model, len(self.model.trained)
        n_statistics = len(model.standardizer.mean)
        parts = []
        for number, device in enumerate(self.devices):
            own = features[:, number]
            inputs = np.concatenate(
                [model.known_standardizer.transform(own[:, :n_statistics]), own[:, n_statistics:]], axis=1
            )
            seen = model.seen.logits(torch.from_numpy(inputs)).log_softmax(1).numpy()
            standardised = model.standardizer.transform(own[:, :n_statistics])
            if by_text:
                pairs = self.scorer.scores_by_text(standardised)
                counted = self.counted_at(device.placement)
                text = sum_over_places(pairs[:, counted], self._owner[counted], len(self.names))
                text = np.maximum(text, NO_DENSITY)
            else:
                text = np.zeros((len(own), n_trained), np.float32)
            novelty = model.fold.nearest.find(standardised).log_distance
            parts.append((seen, text, novelty))
        temper = np.sqrt(len(parts))
        seen, text = (sum(part[k] for part in parts) / temper for k in (0, 1))
        return Scores(seen, text, np.mean([part[2] for part in parts], axis=0))

    def _kept_scores(self) -> tuple[Scores, np.ndarray]:
        """Return the scores of drawn windows at unknown places, and the position of each one's activity, [R].

        They are drawn as statistics, so nothing is known of what the networks make of them. Whether a window goes to a
        described activity does not depend on it: each is taken to be recognised.
        """
        fold, n_activities = self.model.fold, len(self.names)
        owner = self._owner[fold.train_classes.numpy()]
        pairs = self.scorer.scores_by_text(fold.train_features.numpy())
        text = np.maximum(sum_over_places(pairs, self._owner, n_activities), NO_DENSITY)
        seen = np.where(owner[:, None] == np.arange(len(self.model.trained)), 0, NO_DENSITY).astype(np.float32)
        return Scores(seen, text, self._kept_novelty()), owner

    def counted_at(self, placement: str) -> np.ndarray:
        """Return which pairs count for a device at a place, bool [P]: those at the place, all of activities without."""
        if not placement:
            return np.ones(len(self._owner), bool)
        here = self._places == placement
        covered = np.isin(self._owner, self._owner[here])
        return here | ~covered

    def text_logits(self, features: np.ndarray) -> np.ndarray:
        """Return how well windows match every description, log densities [n, A], of features [n, G, F]."""
        return self._scores(features, by_text=True).text_logits

    def strangeness(self, features: np.ndarray) -> np.ndarray:
        """Return how strange windows are, the mean over devices, [n]."""
        n_statistics = len(self.model.standardizer.mean)
        found = [
            self.model.strangeness.measure(self.model.standardizer.transform(features[:, k, :n_statistics]))
            for k in range(features.shape[1])
        ]
        return np.mean(found, axis=0)

    def similarity(self, features: np.ndarray) -> np.ndarray:
        """Return the largest cosine between windows and each activity's descriptions in the latent space, [n, A]."""
        n_statistics = len(self.model.standardizer.mean)
        pairs = np.mean(
            [
                self.scorer.similarity(self.model.standardizer.transform(features[:, k, :n_statistics]))
                for k in range(features.shape[1])
            ],
            axis=0,
        )
        return np.stack([pairs[:, self._owner == k].max(1, initial=-1.0) for k in range(len(self.names))], axis=1)

    def _measured(self, samples: np.ndarray) -> dict[str, float]:
        """Nothing is measured: what an attribute looks like depends on how a device is turned."""
        return {}

    def latent_map(self, windows: np.ndarray) -> LatentMap:
        """Show windows [n, T, C] of the first device and the descriptions, at all places together, in a plane."""
        plane = LatentPlane(self.model.fold, self.scorer.coordinates)
        n_statistics = len(self.model.standardizer.mean)
        standardised = self.model.standardizer.transform(self.features(windows)[:, 0, :n_statistics])
        anchors = [plane.anchors_xy[self._owner == k] for k in range(len(self.names))]
        shown = [k for k, found in enumerate(anchors) if len(found)]
        activities = self.activities
        return LatentMap(
            plane.place_windows(torch.from_numpy(standardised)),
            np.stack([anchors[k].mean(0) for k in shown]),
            tuple(self.names[k] for k in shown),
            tuple(activities[k].seen for k in shown),
        )

    def save_pretrained(self, save_directory: Path | str) -> Path:
        """Not offered: the shipped model travels with the package."""
        raise InputError("an everyday model travels with the package, or as one file: use save")

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Not offered: the shipped model travels with the package."""
        raise InputError("an everyday model travels with the package, or as one file: use save")
