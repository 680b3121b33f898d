"""The purely kinematic matcher: compare measured attributes with the written ones; no network, no regression.

Windows come as measured attributes (the feature block `kinematic`), classes as written ones (the view `kinematics`).
The written values of each attribute are brought to the scale of the standardised measured ones with the spread of the
seen classes, then the nearest class wins. It is direct attribute prediction (Lampert et al., CVPR 2009) with
measurements in the place of attribute classifiers. Only the weighting by reliability looks at labels.
Axis legend: see `method.py`; E attributes (all that are written), D of them measured, one per feature column.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from feature_extraction.errors import InputError
from sadvae_har.baselines.method import SeenData, normalised

Similarity = Literal["cosine", "distance"]
Weighting = Literal["equal", "spread", "reliability"]
CLIP = 3.0  # standard deviations; one wild measure shall not outvote the others
SMALLEST_SPREAD = 0.3  # written values that hardly differ between seen classes are not blown up beyond this


@dataclass(frozen=True)
class FittedKinematicMatcher:
    """Columns of the written attributes, and their spread and weight, [D] each."""

    columns: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    similarity: Similarity

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return the similarity of measured and written attributes, [n, C]."""
        root = np.sqrt(self.weights)
        measured = np.clip(features, -CLIP, CLIP) * root
        written = np.clip(text[:, self.columns] / self.spread, -CLIP, CLIP) * root
        if self.similarity == "cosine":
            return normalised(measured) @ normalised(written).T
        squares = np.square(measured).sum(axis=1)[:, None] + np.square(written).sum(axis=1)
        return -(squares - 2 * measured @ written.T)


@dataclass(frozen=True)
class KinematicMatcher:
    """Matching of measured and written attributes.

    Attributes:
        columns: Which written attribute each feature column measures.
        similarity: `cosine`, or `distance` (negative squared Euclidean distance).
        weighting: `equal`; `spread`, attributes whose written values differ more between seen classes count more;
            `reliability`, those whose measured class means correlate better with the written values count more.
    """

    columns: tuple[int, ...]
    similarity: Similarity = "cosine"
    weighting: Weighting = "equal"

    def fit(self, data: SeenData, seed: int) -> FittedKinematicMatcher:
        """Take spreads and weights from the seen classes; nothing is drawn, so the seed changes nothing.

        Raises:
            InputError: Features or texts do not fit the columns.
        """
        n_measured, n_written = data.features.shape[1], data.text.shape[1]
        if n_measured != len(self.columns) or max(self.columns) >= n_written:
            raise InputError(
                f"{n_measured} features and {n_written} written attributes do not fit columns {self.columns}; "
                "use the feature block kinematic alone and the view kinematics alone"
            )
        columns = np.array(self.columns)
        written = data.text[:, columns]
        spread = written.std(axis=0)
        weights = np.ones(len(columns))
        if self.weighting == "spread":
            weights = np.square(spread) / np.square(spread).mean() if spread.any() else weights
        elif self.weighting == "reliability":
            weights = reliability(data.class_means(), written)
        return FittedKinematicMatcher(columns, np.maximum(spread, SMALLEST_SPREAD), weights, self.similarity)


def reliability(measured: np.ndarray, written: np.ndarray) -> np.ndarray:
    """Return how well class means agree with written values: squared correlation over classes, with a small floor.

    Args:
        measured: Class means of the measured attributes [S, D].
        written: Written attributes [S, D].

    Returns:
        Weights [D] in [0.05, 1]; an attribute without spread, or one that runs the other way, has the floor.
    """
    first, second = measured - measured.mean(axis=0), written - written.mean(axis=0)
    scale = np.sqrt(np.square(first).sum(axis=0) * np.square(second).sum(axis=0))
    correlation = (first * second).sum(axis=0) / np.maximum(scale, 1e-9)
    return np.square(np.clip(correlation, 0, 1)).clip(0.05, 1)


def candidates(columns: tuple[int, ...]) -> tuple[KinematicMatcher, ...]:
    """Return the settings to choose from; `columns` says which written attribute each feature column measures."""
    return tuple(
        KinematicMatcher(columns, similarity, weighting)
        for similarity in get_args(Similarity)
        for weighting in get_args(Weighting)
    )
