"""A scikit-learn classifier for features of one's own, which also knows classes by description alone.

    classifier = ZeroShotClassifier(
        descriptions={"walking": "A person walks at an easy pace.", "cycling": "A person pedals a bicycle."},
        unseen={"rope skipping": "A person jumps over a swinging rope again and again, both feet at once."},
    )
    classifier.fit(features, labels, groups=subjects).predict(new_features)

It trains the models of a run (`experiment/stages.py`) on the rows it is given. Axis legend: n rows, D features,
A classes (seen in sorted order, then unseen).
"""

import re
import warnings
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from feature_extraction.descriptions.class_list import ANYWHERE
from feature_extraction.descriptions.embeddings import DEFAULT_TEXT_MODEL
from feature_extraction.errors import InputError
from feature_extraction.storage.places import TEXT_CACHE
from sadvae_har.config.settings import Config, TextConfig, TrainConfig
from sadvae_har.recognition.estimator.open_problem import fit_open, gated_log_scores, lay_out_open
from sadvae_har.recognition.model.text_settings import TextSettings
from sadvae_har.recognition.scorer import ActivityScorer

Description = str | Mapping[str, Any]
_LARGEST_SEED = np.iinfo(np.int32).max


class ZeroShotClassifier(ClassifierMixin, BaseEstimator):
    """Seen classes from labelled rows, unseen classes from their descriptions.

    Without unseen classes it predicts as its linear classifier of the seen ones does. Classes may be added by
    `add_class` after fitting, which trains nothing.

    Whether a row is of a seen or of an unseen class is decided by a gate, fitted on seen classes that are held out in
    turn. That takes four seen classes with several rows each; with less, `fit` warns, `n_inner_folds_` is 0, and a row
    is unseen if an unseen description matches it better than every seen one, which finds few unseen rows.

    Each class keeps a covariance of synthesised features, so memory grows with D²: put a PCA in front of some thousand
    features.

    Args:
        descriptions: Seen class -> a sentence on what the body does, or a mapping of views (`sentence`, and any of
            `label`, `motion` by placement, `paraphrases`, `kinematics`). A class that is not in it is described by
            its own name, which says nothing if that is a number.
        unseen: The same for classes without any rows. Their names are of the kind of the labels in y.
        text_model: Name or local folder of a sentence-transformers model.
        views: Views in use. `kinematics` that are not given are predicted from the text.
        n_seeds: Models trained with different seeds; their scores are averaged.
        n_steps: Optimiser steps.
        text_cache: Folder of sentence embeddings made before; by default that of the program.
        random_state: Seed of all draws.

    Attributes:
        classes_: Seen classes in sorted order, then unseen ones in the order they came, [A].
        n_seen_: Number of seen classes.
        n_inner_folds_: Folds that gate and temperature were fitted on.
        n_features_in_: D.
        feature_names_in_: Names of the features, if the table has any.
    """

    def __init__(
        self,
        descriptions: Mapping[Any, Description] | None = None,
        unseen: Mapping[Any, Description] | None = None,
        *,
        text_model: str = DEFAULT_TEXT_MODEL,
        views: tuple[str, ...] = ("label", "sentence", "kinematics"),
        n_seeds: int = 4,
        n_steps: int = 200,
        text_cache: Path | str | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        """Keep the parameters as they are; `fit` looks at them."""
        self.descriptions = descriptions
        self.unseen = unseen
        self.text_model = text_model
        self.views = views
        self.n_seeds = n_seeds
        self.n_steps = n_steps
        self.text_cache = text_cache
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> "ZeroShotClassifier":
        """Fit to labelled rows.

        Args:
            X: Features [n, D].
            y: Labels of seen classes [n].
            groups: Subject of each row [n]. The gate is then fitted on other subjects than the models that
                it is measured with, else on other rows.

        Warns:
            UserWarning: The gate could not be fitted, see above, or does more harm than good and stands aside.

        Raises:
            InputError: There is one class or group only, a description is missing or unusable, or an unseen class is
                a seen one too, or is not named like them.
        """
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        check_consistent_length(X, groups)
        seen, labels = np.unique(y, return_inverse=True)
        unseen, config = _mapping(self.unseen, "unseen"), self._config()
        descriptions = _mapping(self.descriptions, "descriptions")
        classes = _joined(seen, list(unseen))
        texts = _texts(seen.tolist(), descriptions)
        if unseen:
            _require_words(seen.tolist(), descriptions)
        self._text = _text_settings(config.text, [*texts.values(), *unseen.values()])
        vectors = np.concatenate([self._vector(name, text) for name, text in (*texts.items(), *unseen.items())])
        _require_different(vectors, classes.tolist())
        groups = None if groups is None else np.asarray(groups)
        names = [str(name) for name in texts]
        problem = lay_out_open(X, labels, groups, vectors[: len(seen)], names, len(unseen), config.seed)
        self._fitted, self._standardizer = fit_open(problem, config), problem.standardizer
        self._scorer = ActivityScorer(self._fitted.fold, self._fitted.seen, problem.space, vectors[: len(seen)])
        self._vectors = vectors
        for vector in vectors[len(seen) :]:
            self._scorer.add(vector[None])
        self.n_seen_, self.n_inner_folds_, self.classes_ = len(seen), self._fitted.n_inner_folds, classes
        self._warn_of_gate()
        return self

    def add_class(self, name: Any, description: Description) -> "ZeroShotClassifier":
        """Take in an unseen class by its description; trains nothing.

        Raises:
            InputError: The class is there already or is not named like the others, its description cannot be used or
                is that of another class, or seen classes are numbers that nobody described.
        """
        check_is_fitted(self)
        _require_words(self.classes_[: self.n_seen_].tolist(), self.descriptions or {})
        classes, vector = _joined(self.classes_, [name]), self._vector(name, description)
        vectors = np.concatenate([self._vectors, vector])
        _require_different(vectors, classes.tolist())
        self._scorer.add(vector)
        self._vectors, self.classes_ = vectors, classes
        self._warn_of_gate()
        return self

    def remove_class(self, name: Any) -> "ZeroShotClassifier":
        """Forget an unseen class.

        Raises:
            InputError: It is not there, or it is a seen one.
        """
        check_is_fitted(self)
        unseen = self.classes_[self.n_seen_ :].tolist()
        if name not in unseen:
            raise InputError(f"class {name!r} cannot be removed; unseen classes are {unseen}")
        position = self.n_seen_ + unseen.index(name)
        self._scorer.remove(position)
        self._vectors, self.classes_ = np.delete(self._vectors, position, axis=0), np.delete(self.classes_, position)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return log scores of all classes [n, A], or, of two classes, by how much the second one leads [n]."""
        joint = self._log_scores(X)
        return joint[:, 1] - joint[:, 0] if joint.shape[1] == 2 else joint

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities of all classes [n, A], calibrated on the inner folds."""
        return softmax(self._log_scores(X) / self._fitted.temperature, axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted label of each row [n]."""
        positions = self._log_scores(X).argmax(1)
        return self.classes_[positions]

    def _log_scores(self, X: Any) -> np.ndarray:
        """Return joint log scores [n, A]."""
        check_is_fitted(self)
        fitted = self._fitted
        features = self._standardizer.transform(validate_data(self, X, reset=False, dtype=np.float32))
        if len(self.classes_) > self.n_seen_:
            return gated_log_scores(fitted.gate, self._scorer.scores(features))
        # Double precision: a row's scores are the same to the last digits whatever rows are beside it.
        logits = features.astype(np.float64) @ fitted.seen.weight.double().numpy() + fitted.seen.bias.double().numpy()
        return log_softmax(logits / fitted.gate.seen_temperature, axis=1)

    def _warn_of_gate(self) -> None:
        if len(self.classes_) == self.n_seen_:
            return
        if self._fitted.gate.net.action == "stands aside":
            warnings.warn(self._fitted.gate.net.sentence, stacklevel=3)
        if not self.n_inner_folds_:
            warnings.warn(
                f"{self.n_seen_} seen classes and their rows are too few to fit the gate between seen and unseen: a "
                "row is unseen if an unseen description matches best; give four classes with several rows each",
                stacklevel=3,
            )

    def _config(self) -> Config:
        seed = check_random_state(self.random_state).randint(_LARGEST_SEED)
        n_checkpoints = min(TrainConfig.n_checkpoints, self.n_steps)
        return Config(
            dataset="features",
            split="open",
            seed=int(seed),
            text=TextConfig(self.text_model, tuple(self.views)),
            train=TrainConfig(self.n_seeds, self.n_steps, n_checkpoints),
        )

    def _vector(self, name: Any, text: Description) -> np.ndarray:
        """Return the semantic vector of a class, [1, E]."""
        cache = TEXT_CACHE if self.text_cache is None else Path(self.text_cache)
        return self._text.vector(self._text.describe(_words(name), text, cache), cache)


def _mapping(value: Any, where: str) -> Mapping[Any, Description]:
    if not isinstance(value, Mapping | None):
        raise InputError(f"{where}: {value!r} cannot be used; map labels to descriptions")
    return value or {}


def _texts(seen: Sequence[Hashable], descriptions: Mapping[Any, Description]) -> dict[Hashable, Description]:
    """Return a description of every seen class, by default its own words."""
    strange = [name for name in descriptions if name not in seen]
    if strange:
        raise InputError(f"descriptions: {strange[0]!r} is no label in y; classes without rows go to `unseen`")
    return {name: descriptions.get(name, _words(name)) for name in seen}


def _words(name: Hashable) -> str:
    """Return a label as words: `rope_skipping` is rope skipping."""
    return " ".join(re.split(r"[\W_]+", name)).strip() or name if isinstance(name, str) else str(name)


def _require_words(seen: Sequence[Hashable], descriptions: Mapping[Any, Description]) -> None:
    """Refuse numbers for descriptions where descriptions matter."""
    silent = [name for name in seen if not isinstance(name, str) and name not in descriptions]
    if silent:
        raise InputError(f"label {silent[0]!r} does not say what the body does; describe {silent} in `descriptions`")


def _joined(classes: np.ndarray, names: Sequence[Any]) -> np.ndarray:
    """Return labels with further names, which must be new and of the same kind."""
    known = classes.tolist()
    for name in names:
        if name in known:
            raise InputError(f"class {name!r} is there already; an unseen class has a name of its own and no rows in y")
        text = isinstance(known[0], str)
        if isinstance(name, str) != text or np.result_type(classes, np.array([name])).kind != classes.dtype.kind:
            raise InputError(
                f"class {name!r} is of type {type(name).__name__}, labels such as {known[0]!r} are of type "
                f"{type(known[0]).__name__}; name all classes alike"
            )
        known.append(name)
    return (
        np.concatenate([classes, np.array(names, dtype=object if classes.dtype == object else None)])
        if names
        else classes
    )


def _require_different(vectors: np.ndarray, names: Sequence[Any]) -> None:
    for k, vector in enumerate(vectors):
        same = np.flatnonzero((vectors[:k] == vector).all(1))
        if len(same):
            raise InputError(
                f"class {names[k]!r}: its description is that of {names[same[0]]!r} too; say how they differ"
            )


def _text_settings(config: TextConfig, texts: Sequence[Description]) -> TextSettings:
    """Return what all descriptions have in common: placements, and how many paraphrases each has."""
    views = [text for text in texts if isinstance(text, Mapping)]
    motions = [text["motion"] for text in views if isinstance(text.get("motion"), Mapping)]
    placements = tuple(dict.fromkeys(str(place) for motion in motions for place in motion)) or (ANYWHERE,)
    paraphrases = [text.get("paraphrases") if isinstance(text, Mapping) else None for text in texts]
    n_paraphrases = min(len(entry) if isinstance(entry, list) else 1 for entry in paraphrases)
    return TextSettings(config.model, config.views, config.kinematics_weight, placements, n_paraphrases)
