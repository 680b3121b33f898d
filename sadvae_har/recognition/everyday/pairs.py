"""Pairs of an activity and the place where a device is worn: what a device feels depends on both.

Axis legend: n windows, P pairs, A activities, E text features.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feature_extraction.descriptions.class_list import ClassDescription
from feature_extraction.descriptions.embeddings import semantic_vectors
from feature_extraction.storage.places import TEXT_CACHE
from sadvae_har.config.settings import TextConfig

NO_DENSITY = -1e30  # score of an activity that nothing describes at a place


class Pair(NamedTuple):
    """An activity as a device at one place feels it."""

    activity: str
    placement: str

    @property
    def name(self) -> str:
        """One text that stands for both."""
        return f"{self.activity} at {self.placement}"


def pair_vectors(
    described: Sequence[tuple[ClassDescription, str]], text: TextConfig, cache: Path = TEXT_CACHE
) -> np.ndarray:
    """Return semantic vectors of activities as felt at places, float32 [P, E].

    Args:
        described: Description and place of each; the motion at other places is not read.
        text: Text model and views.
        cache: Folder of sentence embeddings made before.
    """
    local = [replace(entry, motion={place: entry.motion[place]}) for entry, place in described]
    return semantic_vectors(local, text.views, text.kinematics_weight, text.model, cache)


def sum_over_places(logits: np.ndarray, owner: np.ndarray, n_activities: int) -> np.ndarray:
    """Return scores of activities [n, A] from those of pairs [n, P]; an activity without a pair has -inf.

    Args:
        logits: Log densities of pairs.
        owner: Position of each pair's activity [P].
        n_activities: A.
    """
    scores = np.full((len(logits), n_activities), -np.inf, logits.dtype)
    for k in np.unique(owner):
        scores[:, k] = np.logaddexp.reduce(logits[:, owner == k], axis=1)
    return scores
