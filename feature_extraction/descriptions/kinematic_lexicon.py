"""Kinematic attributes of a new activity, predicted from its text.

`class_lists/kinematic_lexicon.yaml` gives some hundred activities a description and values for every attribute
of `kinematics.yaml`. Kernel ridge regression from their text embeddings to the attributes carries them over to
activities that are not in it. The fit is a closed form and so is its leave-one-out error (Cawley and Talbot,
Neural Networks 2004), by which width and regularisation are chosen.

Axis legend: N lexicon entries, n activities to predict, A attributes, E embedding dimensions.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from feature_extraction.descriptions.class_list import ClassList, attribute_names, kinematic_values, read_mapping
from feature_extraction.descriptions.embeddings import DEFAULT_TEXT_MODEL, embed
from feature_extraction.errors import InputError
from feature_extraction.storage.places import CLASS_LISTS_FOLDER, TEXT_CACHE

logger = logging.getLogger(__name__)

LEXICON_PATH = CLASS_LISTS_FOLDER / "kinematic_lexicon.yaml"
WIDTHS = (0.5, 0.7, 1.0, 2.0)  # a wide kernel is all but a linear one
REGULARISATIONS = (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


@dataclass(frozen=True)
class Lexicon:
    """Activities whose attributes are written down.

    Attributes:
        labels: Everyday names, unique.
        texts: What the body does, one description per activity.
        attributes: Values in [0, 1], float64 [N, A], in the order of `names`.
        names: Attribute names.
    """

    labels: tuple[str, ...]
    texts: tuple[str, ...]
    attributes: np.ndarray
    names: tuple[str, ...]

    def without(self, labels: Sequence[str]) -> "Lexicon":
        """Return the lexicon less the entries with these labels; case makes no difference."""
        unwanted = {label.lower() for label in labels}
        keep = [row for row, label in enumerate(self.labels) if label.lower() not in unwanted]
        labels, texts = [self.labels[row] for row in keep], [self.texts[row] for row in keep]
        return Lexicon(tuple(labels), tuple(texts), self.attributes[keep], self.names)


@dataclass(frozen=True)
class LeaveOneOutError:
    """Errors on entries that the fit has not seen, each float64 [A].

    Attributes:
        predictor: Mean absolute error.
        mean: Mean absolute error of always predicting the mean of the other entries.
        explained: Share of that mean's squared error which the predictor removes; 1 is perfect, 0 no better.
    """

    predictor: np.ndarray
    mean: np.ndarray
    explained: np.ndarray


@dataclass(frozen=True)
class KinematicPredictor:
    """Kernel ridge regression with an intercept, from text embeddings to attributes.

    The kernel is exp(-‖x - x'‖² / 2w²) on unit vectors. All attributes share the width; each has a
    regularisation of its own, because text says much about posture and little about height gained.

    Attributes:
        anchors: Embeddings of the lexicon as unit vectors, float64 [N, E].
        attributes: Attributes of the lexicon, float64 [N, A].
        weights: Dual weights, float64 [N, A].
        offset: What the weighted kernels are added to, float64 [A].
        width: Width w of the kernel.
        regularisation: λ of every attribute, float64 [A].
    """

    anchors: np.ndarray
    attributes: np.ndarray
    weights: np.ndarray
    offset: np.ndarray
    width: float
    regularisation: np.ndarray

    @classmethod
    def fit(
        cls,
        embeddings: np.ndarray,
        attributes: np.ndarray,
        widths: Sequence[float] = WIDTHS,
        regularisations: Sequence[float] = REGULARISATIONS,
    ) -> "KinematicPredictor":
        """Fit with the width and the regularisations of smallest leave-one-out squared error.

        Args:
            embeddings: Text embeddings of the lexicon, [N, E].
            attributes: Their attributes in [0, 1], [N, A].
            widths: Kernel widths to choose from.
            regularisations: Regularisations to choose from, all positive.
        """
        anchors, targets, best_error = _unit(embeddings), np.asarray(attributes, np.float64), np.inf
        for candidate in widths:
            kernel = _kernel(anchors, anchors, candidate)
            spectrum = _centred_spectrum(kernel)
            errors = _squared_errors(spectrum, targets, regularisations)
            if (error := errors.min(axis=0).mean()) < best_error:
                best_error, width, kernel_mean, (values, vectors) = error, candidate, kernel.mean(axis=0), spectrum
                regularisation = np.asarray(regularisations, np.float64)[errors.argmin(axis=0)]
        mean = targets.mean(axis=0)
        weights = vectors @ ((vectors.T @ (targets - mean)) / (values[:, None] + regularisation))
        return cls(anchors, targets, weights, mean - kernel_mean @ weights, width, regularisation)

    def predict(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the attributes of activities, float64 [n, A] in [0, 1].

        Args:
            embeddings: Text embeddings as `activity_embeddings` makes them, by the text model of the lexicon, [n, E].
        """
        raw = _kernel(_unit(embeddings), self.anchors, self.width) @ self.weights + self.offset
        return np.clip(raw, 0.0, 1.0)

    def leave_one_out_error(self) -> LeaveOneOutError:
        """Return the error on each entry when all others are fitted, at the chosen width and regularisations."""
        kernel = _kernel(self.anchors, self.anchors, self.width)
        ours = _held_out(_centred_spectrum(kernel), self.attributes, self.regularisation) - self.attributes
        count = len(self.anchors)
        means = (self.attributes.sum(axis=0) - count * self.attributes) / (count - 1)  # mean of the others, less own
        scale = np.maximum((means**2).sum(axis=0), np.finfo(float).tiny)
        return LeaveOneOutError(
            predictor=np.abs(ours).mean(axis=0),
            mean=np.abs(means).mean(axis=0),
            explained=1 - (ours**2).sum(axis=0) / scale,
        )


def load_lexicon(path: Path = LEXICON_PATH) -> Lexicon:
    """Read and validate a lexicon.

    Args:
        path: YAML file with a mapping `lexicon` of labels to `text` and `values`.

    Raises:
        InputError: The file is missing or damaged, or an entry is; names file, activity and value.
    """
    names = attribute_names()
    rows: dict[str, tuple[str, list[float]]] = {}
    for label, entry in read_mapping(path, "lexicon")["lexicon"].items():
        where = f"{path}: {label}"
        if not isinstance(label, str) or not isinstance(entry, Mapping) or set(entry) != {"text", "values"}:
            raise InputError(f"{where}: expected a label (in quotes) with exactly 'text' and 'values', found {entry!r}")
        text, values = entry["text"], entry["values"]
        if not isinstance(text, str) or not text.strip() or text in (other for other, _ in rows.values()):
            raise InputError(f"{where}: text is {text!r}; say what the body does, in words of its own")
        if not isinstance(values, list) or len(values) != len(names):
            raise InputError(f"{where}: values are {values!r}; give {len(names)}, in the order of kinematics.yaml")
        rows[label] = text, list(kinematic_values(dict(zip(names, values, strict=True)), where).values())
    texts, attributes = zip(*rows.values(), strict=True)
    return Lexicon(tuple(rows), texts, np.array(attributes, np.float64), names)


def activity_embeddings(
    labels: Sequence[str], texts: Sequence[str], model: str = DEFAULT_TEXT_MODEL, cache: Path = TEXT_CACHE
) -> np.ndarray:
    """Embed activities: the direction half-way between the label's embedding and the description's.

    Args:
        labels: Everyday names, n.
        texts: Descriptions, n.
        model: Sentence-transformers model.
        cache: Folder of embeddings made before.

    Returns:
        Unit vectors, float64 [n, E].

    Raises:
        InputError: The model cannot be had.
    """
    vectors = embed([*labels, *texts], model, cache)
    return _unit(vectors[: len(labels)] + vectors[len(labels) :])


@lru_cache(maxsize=4)
def default_predictor(model: str = DEFAULT_TEXT_MODEL, cache: Path = TEXT_CACHE) -> KinematicPredictor:
    """Return the predictor fitted on the whole lexicon, fitted once per process.

    Raises:
        InputError: The lexicon is damaged, or the model cannot be had.
    """
    lexicon = load_lexicon()
    return KinematicPredictor.fit(activity_embeddings(lexicon.labels, lexicon.texts, model, cache), lexicon.attributes)


def attributes_of(
    label: str, description: str, model: str = DEFAULT_TEXT_MODEL, cache: Path = TEXT_CACHE
) -> dict[str, float]:
    """Predict the attributes of an activity from free text.

    Args:
        label: Everyday name, such as "shovelling snow".
        description: A sentence on what the body does.
        model: Sentence-transformers model.
        cache: Folder of embeddings made before.

    Returns:
        Attribute name -> value in [0, 1], in the order of `kinematics.yaml`.

    Raises:
        InputError: A text is empty, or the model cannot be had.
    """
    if not label.strip() or not description.strip():
        raise InputError(f"label {label!r} and description {description!r} must both say something")
    values = default_predictor(model, cache).predict(activity_embeddings([label], [description], model, cache))[0]
    return {name: float(value) for name, value in zip(attribute_names(), values, strict=True)}


def with_kinematics(class_list: ClassList, model: str = DEFAULT_TEXT_MODEL, cache: Path = TEXT_CACHE) -> ClassList:
    """Predict the attributes of the classes that were given none, and say so once.

    Raises:
        InputError: The text model cannot be had.
    """
    lacking = tuple(name for name, entry in class_list.descriptions.items() if not entry.kinematics)
    if not lacking:
        return class_list
    _say_predicted(class_list.dataset, lacking)
    predicted = {
        name: replace(entry, kinematics=attributes_of(entry.label, entry.sentence, model, cache))
        for name, entry in class_list.descriptions.items()
        if name in lacking
    }
    return replace(class_list, descriptions={**class_list.descriptions, **predicted})


@lru_cache
def _say_predicted(dataset: str, names: tuple[str, ...]) -> None:
    logger.info("%s: kinematics of %s are predicted from name and sentence", dataset, ", ".join(names))


def _unit(embeddings: np.ndarray) -> np.ndarray:
    """Scale vectors [n, E] to unit length, float64."""
    vectors = np.asarray(embeddings, np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _kernel(left: np.ndarray, right: np.ndarray, width: float) -> np.ndarray:
    """Return exp(-‖x - x'‖² / 2w²) of unit vectors, whose squared distance is 2 - 2 cos."""
    return np.exp((left @ right.T - 1) / width**2)


def _centred_spectrum(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues and eigenvectors of the kernel centred on both sides: an unpenalised intercept."""
    rows = kernel.mean(axis=0)
    values, vectors = np.linalg.eigh(kernel - rows - rows[:, None] + rows.mean())
    return np.maximum(values, 0.0), vectors


def _held_out(
    spectrum: tuple[np.ndarray, np.ndarray], targets: np.ndarray, regularisation: float | np.ndarray
) -> np.ndarray:
    """Return every entry's prediction by the fit on all others: y - (y - ŷ) / (1 - h), clipped, [N, A]."""
    values, vectors = spectrum
    shrink = values[:, None] / (values[:, None] + np.broadcast_to(regularisation, targets.shape[1]))
    mean = targets.mean(axis=0)
    fitted = vectors @ (shrink * (vectors.T @ (targets - mean))) + mean
    leverage = vectors**2 @ shrink + 1 / len(targets)
    return np.clip(targets - (targets - fitted) / (1 - leverage), 0.0, 1.0)


def _squared_errors(
    spectrum: tuple[np.ndarray, np.ndarray], targets: np.ndarray, regularisations: Sequence[float]
) -> np.ndarray:
    """Return the leave-one-out mean squared error by regularisation and attribute.

    Squared, because most activities gain no height and end as they began: the absolute error would rather
    always predict that than tell up from down.
    """
    held_out = [_held_out(spectrum, targets, value) for value in regularisations]
    return np.array([((prediction - targets) ** 2).mean(axis=0) for prediction in held_out])
