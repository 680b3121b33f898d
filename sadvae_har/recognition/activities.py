"""The activities of a recogniser: a list that grows and shrinks by descriptions, and what on it can occur.

Axis legend: n windows, S trained activities, A activities (trained, then described), E text features, R kept windows.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from feature_extraction.descriptions.class_list import ClassDescription
from feature_extraction.descriptions.everyday import described_at
from feature_extraction.descriptions.vocabulary import called, load_vocabulary, near_names
from feature_extraction.errors import InputError
from feature_extraction.storage.files import require_file
from feature_extraction.storage.yaml import read_yaml
from sadvae_har.method.gate import Scores, log_softmax
from sadvae_har.method.gzsl import LOWEST_LOG
from sadvae_har.recognition.model.header import Activity
from sadvae_har.recognition.model.parts import RecognizerModel
from sadvae_har.recognition.prediction import UNKNOWN
from sadvae_har.recognition.scorer import ActivityScorer

MOST_ACTIVITIES = 500
LARGEST_FILE = 1 << 20  # bytes
IMPOSSIBLE = -1e9  # logit of an activity that cannot occur


class Taken(NamedTuple):
    """How many windows of other activities an activity on the list would take.

    Attributes:
        share: Of the windows of all trained activities.
        by_activity: Of the windows of each trained activity, the largest share first.
    """

    share: float
    by_activity: Mapping[str, float]


class ActivityList:
    """What a recogniser knows of its activities; whoever inherits from it sets the attributes.

    Attributes:
        model: The trained model.
        scorer: Compares windows with descriptions.
    """

    model: RecognizerModel
    scorer: ActivityScorer
    _text_cache: Path
    _described: tuple[ClassDescription, ...]
    _vectors: np.ndarray
    _only: frozenset[str] | None

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
            shipped = asdict(described_at(name, self.model.text.placements))
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


def read_activities(path: Path) -> dict[str, str | Mapping[str, Any]]:
    """Read names and descriptions.

    The file maps names to descriptions, directly or under a key `activities`:

        rope skipping: A person jumps over a swinging rope again and again, both feet at once.
        stirring:
          sentence: A person stirs a pot with small even circles of the hand.
          label: stirring a pot

    Args:
        path: YAML file.

    Returns:
        Name -> a sentence, or a mapping of views as `Recognizer.add_activity` takes it.

    Raises:
        InputError: The file is missing, damaged or too large, or an entry is no description.
    """
    require_file(path)
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise InputError(f"{path}: {size / 1e6:.1f} MB, more than any list of activities needs; is it the right file?")
    value = read_yaml(path)
    if isinstance(value, Mapping) and isinstance(value.get("activities"), Mapping):
        value = value["activities"]
    if not isinstance(value, Mapping) or not value:
        raise InputError(f"{path}: expected names of activities and their descriptions, found {type(value).__name__}")
    for name, description in value.items():
        if not isinstance(name, str):
            raise InputError(f"{path}: name {name!r} is no text; put it in quotes")
        if not isinstance(description, str | Mapping):
            raise InputError(f"{path}: {name}: {description!r} is no description; say in a sentence what the body does")
    return dict(value)
