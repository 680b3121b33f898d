"""The product: load a trained model, recognise activities in recordings, add activities by describing them.

    recognizer = Recognizer.load("resources/runs/quickstart")
    recognizer.add_activity("rope skipping", "A person jumps over a swinging rope again and again, both feet at once.")
    prediction = recognizer.predict(recording)

Trained activities have recordings behind them; described ones are known by their text alone. Nothing is trained when
one is added or removed. Axis legend: n windows, T time, C channels, D features, A activities (trained, then described).
"""

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from feature_extraction.descriptions.class_list import ClassDescription
from feature_extraction.descriptions.vocabulary import called, load_vocabulary, near_names
from feature_extraction.errors import InputError
from feature_extraction.own_files.plausibility import Reference
from feature_extraction.own_files.read import Declared, ReadingPlan, plan_reading
from feature_extraction.recordings.recording import Channel, Recording
from feature_extraction.storage.places import TEXT_CACHE
from feature_extraction.windows.input_format import InputFormat
from feature_extraction.windows.stream import TimedWindows, windows_of
from sadvae_har.experiment.latent_map import LatentPlane
from sadvae_har.method.gate import Scores, log_softmax
from sadvae_har.method.gzsl import LOWEST_LOG
from sadvae_har.recognition.activities import shipped_description
from sadvae_har.recognition.explanation import Explanation, nearest, weigh
from sadvae_har.recognition.model.file import load_model, save_model
from sadvae_har.recognition.model.header import EVERYDAY_KIND, MODEL_FILE, Activity, find_model, kind_of_model
from sadvae_har.recognition.model.parts import RecognizerModel
from sadvae_har.recognition.model.reference import reference_of
from sadvae_har.recognition.prediction import UNKNOWN, Prediction, smooth
from sadvae_har.recognition.scorer import ActivityScorer

MOST_ACTIVITIES = 500
IMPOSSIBLE = -1e9  # logit of an activity that cannot occur
KINDS = {EVERYDAY_KIND: ("sadvae_har.recognition.everyday.recognizer", "EverydayRecognizer")}  # found when first met


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


class Taken(NamedTuple):
    """How many windows of other activities an activity on the list would take.

    Attributes:
        share: Of the windows of all trained activities.
        by_activity: Of the windows of each trained activity, the largest share first.
    """

    share: float
    by_activity: Mapping[str, float]


class Recognizer:
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

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all activities, trained ones first."""
        return tuple(description.name for description in (*self.model.trained, *self._described))

    @property
    def activities(self) -> tuple[Activity, ...]:
        """All activities, trained ones first."""
        n_trained = len(self.model.trained)
        return tuple(
            Activity(entry.name, entry.sentence, position < n_trained, entry.kinematics)
            for position, entry in enumerate((*self.model.trained, *self._described))
        )

    @property
    def gate_stands_aside(self) -> bool:
        """Whether windows go to trained activities unless a described one fits exceptionally well."""
        return bool(self._described) and self.model.gate.net.action == "stands aside"

    def add_activity(
        self,
        name: str,
        description: str | Mapping[str, Any] | None = None,
        kinematics: Mapping[str, float] | None = None,
    ) -> Activity:
        """Add an activity by its description; takes effect at once and trains nothing.

        Args:
            name: Everyday name; not one that is on the list.
            description: A sentence on what the body does, or a mapping of views (`TextSettings.describe`); by default
                what the shipped vocabulary says about the activity.
            kinematics: Values in [0, 1] of the attributes of `class_lists/kinematics.yaml`; by default they are
                predicted from the text.
        """
        if description is None:
            shipped = asdict(shipped_description(name, self.model.text.placements))
            name, description = shipped.pop("name"), shipped
        if kinematics is not None and isinstance(description, str | Mapping):
            text = {"sentence": description} if isinstance(description, str) else description
            description = {**text, "kinematics": kinematics}
        found = self.model.text.describe(name, description, self._text_cache)
        if found.name.casefold() == UNKNOWN:
            raise InputError(f"activity {found.name!r}: that is what windows like nothing on the list are called")
        if found.name in self.names:
            raise InputError(f"activity {found.name!r} is on the list already; remove it first or choose another name")
        if len(self.names) >= MOST_ACTIVITIES:
            raise InputError(f"activity {found.name!r}: the list is full with {MOST_ACTIVITIES}; remove some first")
        self._add(found, self._vector(found))
        return self.activities[-1]

    def _vector(self, description: ClassDescription) -> np.ndarray:
        """Return the semantic vectors that stand for an activity, one here, [1, E]."""
        return self.model.text.vector(description, self._text_cache)

    def _add(self, description: ClassDescription, vector: np.ndarray) -> None:
        self.scorer.add(vector)
        self._described = (*self._described, description)
        self._vectors = np.concatenate([self._vectors, vector])

    def remove_activity(self, name: str) -> None:
        """Take a described activity off the list.

        Raises:
            InputError: It is not on the list, or the model was trained on it.
        """
        names, n_trained = self.names, len(self.model.trained)
        if name not in names:
            raise InputError(f"activity {name!r} is not on the list; there are {', '.join(names)}")
        position = names.index(name)
        if position < n_trained:
            raise InputError(f"activity {name!r} was trained on and cannot be removed; only described ones can")
        if self._only == {name}:
            raise InputError(f"activity {name!r} is the only one that may occur; lift the restriction first")
        self._remove(position)
        self._described = tuple(entry for entry in self._described if entry.name != name)
        self._only = None if self._only is None else self._only - {name}

    def _remove(self, position: int) -> None:
        """Forget the described activity at a position among all activities."""
        self.scorer.remove(position)
        self._vectors = np.delete(self._vectors, position, axis=0)

    def restrict(self, names: Collection[str] | None, add: bool = False) -> None:
        """Let only some of the activities occur, trained or described; none lifts the restriction.

        Args:
            names: Those that can occur.
            add: Put those on the list that are not, by their shipped descriptions; upper and lower case do not matter.

        Raises:
            InputError: One of them is not on the list, or there are none.
        """
        if names is None:
            self._only = None
            return
        if not names:
            raise InputError(f"no activity is left that can occur; there are {', '.join(self.names)}")
        if add:
            names = self._with_shipped(names)
        strange = [name for name in names if name not in self.names]
        if strange:
            raise InputError(f"activity {strange[0]!r} is not on the list; there are {', '.join(self.names)}")
        self._only = frozenset(names)

    def _with_shipped(self, names: Collection[str]) -> list[str]:
        """Return names as they stand on the list, after adding those that the shipped vocabulary describes."""
        listed = {called(name): name for name in self.names}
        shipped = load_vocabulary().names
        strange = [name for name in names if called(name) not in {*listed, *shipped}]
        if strange:
            near = near_names(called(strange[0]), {*self.names, *shipped})
            raise InputError(f"activity {strange[0]!r} is neither on the list nor described by this program; {near}")
        for name in dict.fromkeys(map(called, names)):
            if name not in listed:
                listed[name] = self.add_activity(name).name
        return [name if name in self.names else listed[called(name)] for name in names]

    def taken_by(self, name: str) -> Taken:
        """Return how many windows of the trained activities a described one takes, with the list as it is.

        What is looked at are the windows that the model keeps, moved as far off each other as those of people who
        were not trained on.

        Raises:
            InputError: The activity is not on the list, or was trained on.
        """
        n_trained = len(self.model.trained)
        if name not in self.names[n_trained:]:
            listed = ", ".join(self.names[n_trained:]) or "none"
            raise InputError(f"activity {name!r} is not among the described ones; there are {listed}")
        scores, owner = self._kept_scores()
        taken = self._decide(scores)[1] == self.names.index(name)
        shares = {self.names[k]: float(taken[owner == k].mean()) for k in np.unique(owner)}
        return Taken(float(taken.mean()), dict(sorted(shares.items(), key=lambda entry: -entry[1])))

    def _kept_scores(self) -> tuple[Scores, np.ndarray]:
        """Return the scores of the windows that the model keeps, and the position of each one's activity, [R]."""
        fold = self.model.fold
        scores = self.scorer.scores(fold.train_features.numpy())
        return replace(scores, novelty=self._kept_novelty()), fold.train_classes.numpy()

    def _kept_novelty(self) -> np.ndarray:
        """Return the novelty that windows of other people like those that the model keeps would have, [R]."""
        nearest = self.model.fold.nearest
        among = nearest.find_others(np.arange(len(nearest.windows))).log_distance
        return among + self.model.strangeness.shift_of_others()

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
        if not len(windows.start_s):
            return self._describe(windows, np.empty((0, len(self.names))), np.empty(0, int), np.empty(0))
        features = self.features(windows.samples)
        joint, positions = self.score(features)
        return self._describe(windows, joint, positions, self.strangeness(features))

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Return standardised features [n, D] of windows [n, T, C]."""
        return self.model.standardizer.transform(self.model.encoder.features(samples))

    def score(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return joint log scores [n, A] and the predicted positions [n] of standardised features [n, D]."""
        scores = self.scorer.scores(features)
        return self._decide(scores)

    def _decide(self, scores: Scores) -> tuple[np.ndarray, np.ndarray]:
        """Return joint log scores [n, A] and predicted positions [n], of activities that may occur."""
        n_trained = len(self.model.trained)
        may_occur = np.array([self._only is None or name in self._only for name in self.names])
        seen_logits = np.where(may_occur[:n_trained], scores.seen_logits, IMPOSSIBLE)
        text_logits = np.where(may_occur, scores.text_logits[:, : len(self.names)], IMPOSSIBLE)
        if not may_occur[:n_trained].any():  # The gate has nothing to decide.
            likelihood = log_softmax(text_logits[:, n_trained:].astype(float) / self.model.gate.unseen_temperature)
            joint = np.pad(likelihood, ((0, 0), (n_trained, 0)), constant_values=LOWEST_LOG).clip(LOWEST_LOG)
            return joint, joint.argmax(1)
        if not may_occur[n_trained:].any():  # Nor has it here.
            text_logits = text_logits[:, :n_trained]
        scores = replace(scores, seen_logits=seen_logits, text_logits=text_logits)
        joint, positions = (value.numpy() for value in self.model.gate.decide(*scores.tensors()))
        missing = len(self.names) - joint.shape[1]
        return np.pad(joint, ((0, 0), (0, missing)), constant_values=LOWEST_LOG), positions

    def strangeness(self, features: np.ndarray) -> np.ndarray:
        """Return how unlike the training windows windows are, of standardised features [n, D], [n]."""
        return self.model.strangeness.measure(features)

    def similarity(self, features: np.ndarray) -> np.ndarray:
        """Return how alike windows and descriptions are in the latent space, [n, A]; see `ActivityScorer`."""
        return self.scorer.similarity(features)

    def text_logits(self, features: np.ndarray) -> np.ndarray:
        """Return how well windows match every description, log densities [n, A], of standardised features [n, D]."""
        return self.scorer.scores(features).text_logits

    def _describe(
        self, windows: TimedWindows, joint: np.ndarray, positions: np.ndarray, strangeness: np.ndarray
    ) -> Prediction:
        probabilities = self.model.calibration.probabilities(joint) if len(joint) else joint
        activity = np.array(self.names)[positions]
        found = Prediction(
            start_s=windows.start_s,
            end_s=windows.start_s + self.window_s,
            piece=windows.piece,
            labels=activity,
            activity=activity,
            probability=probabilities[np.arange(len(positions)), positions],
            unseen=positions >= len(self.model.trained),
            strangeness=strangeness,
            probabilities=probabilities,
            activities=self.names,
        )
        return self.flag_unknown(found)

    def flag_unknown(self, prediction: Prediction) -> Prediction:
        """Return windows in order of time, `unknown` where they and their neighbours are too strange."""
        smoothed = smooth(prediction.strangeness, prediction.piece)
        described = prediction.unseen if self._described else None
        unknown = self.model.calibration.excess(smoothed, described) > 0
        return replace(prediction, labels=np.where(unknown, UNKNOWN, prediction.activity))

    def explain(self, window: np.ndarray) -> Explanation:
        """Say why a window [T, C] gets its label."""
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
