"""Windows that a target is tested on, as they were recorded and as other devices would have recorded them.

Axis legend: n windows, T time, D statistical features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from feature_extraction.datasets.device_windows import SETTINGS
from feature_extraction.encoders.turn_free.statistics import turn_free_statistics
from sadvae_har.everyday.corpus import Corpus

MOST_MOMENTS = 60  # of each class of the target; all devices that were worn then are tested

Signals = tuple[np.ndarray, np.ndarray]  # samples [n, T, 6] and whether there is a gyroscope [n]


def _as_recorded(samples: np.ndarray, has_gyro: np.ndarray, seed: int) -> Signals:
    return samples, has_gyro


def _turned(samples: np.ndarray, has_gyro: np.ndarray, seed: int) -> Signals:
    """Turn every device by a rotation of its own, drawn evenly among all."""
    turns = Rotation.random(len(samples), random_state=seed).as_matrix().astype(np.float32)
    parts = [samples[..., :3] @ turns, samples[..., 3:] @ turns]
    return np.concatenate(parts, axis=-1), has_gyro


def _without_gyroscope(samples: np.ndarray, has_gyro: np.ndarray, seed: int) -> Signals:
    bare = samples.copy()
    bare[..., 3:] = 0
    return bare, np.zeros_like(has_gyro)


def _at_half_rate(samples: np.ndarray, has_gyro: np.ndarray, seed: int) -> Signals:
    """Keep every second sample, unfiltered as a slower device may deliver it, and draw lines between them."""
    kept = samples[:, ::2]
    found = np.repeat(kept, 2, axis=1)[:, : samples.shape[1]]
    found[:, 1:-1:2] = (kept[:, :-1] + kept[:, 1:])[:, : found[:, 1:-1:2].shape[1]] / 2
    return found, has_gyro


AS_RECORDED, TURNED, NO_GYROSCOPE, SLOW = "as recorded", "turned", "without gyroscope", "at 10 Hz"
CONDITIONS: Mapping[str, Callable[[np.ndarray, np.ndarray, int], Signals]] = {
    AS_RECORDED: _as_recorded,
    TURNED: _turned,
    NO_GYROSCOPE: _without_gyroscope,
    SLOW: _at_half_rate,
}


@dataclass(frozen=True)
class Tested:
    """Some windows of a corpus under one condition.

    Attributes:
        rows: Their positions in the corpus [n].
        samples: float32 [n, T, 6].
        has_gyro: Whether there is a gyroscope [n].
        features: Statistics, NaN without gyroscope, [n, D].
        placements: Where the devices are worn [n].
    """

    __test__ = False  # pytest takes every class called Test... for tests

    rows: np.ndarray
    samples: np.ndarray
    has_gyro: np.ndarray
    features: np.ndarray
    placements: np.ndarray

    @classmethod
    def under(cls, corpus: Corpus, rows: np.ndarray, condition: str, seed: int) -> "Tested":
        """Change windows as one of `CONDITIONS` says, and describe them anew."""
        windows = corpus.windows
        samples, has_gyro = CONDITIONS[condition](windows.samples[rows], windows.has_gyro[rows], seed)
        features = turn_free_statistics(samples, has_gyro, SETTINGS.rate_hz)
        return cls(rows, samples, has_gyro, features, windows.placements[rows])


def draw_tested(corpus: Corpus, target: str, seed: int) -> np.ndarray:
    """Return the windows of a target to test on: of each class at most so many moments, with all devices, [n]."""
    rows = np.flatnonzero(corpus.windows.datasets == target)
    moments, labels = corpus.moments(rows), corpus.windows.labels[rows]
    generator = np.random.default_rng(seed)
    kept = [generator.permutation(np.unique(moments[labels == name]))[:MOST_MOMENTS] for name in np.unique(labels)]
    return rows[np.isin(moments, np.concatenate(kept))]
