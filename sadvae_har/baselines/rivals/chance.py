"""Chance: random scores, the floor under every comparison.

Axis legend: see `method.py`.
"""

from dataclasses import dataclass

import numpy as np

from sadvae_har.baselines.method import SeenData

NAME = "chance"


@dataclass(frozen=True)
class FittedChance:
    """Nothing but the seed; every call starts from it anew."""

    seed: int

    def score(self, features: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Return uniform draws, the same at every call, [n, C]."""
        return np.random.default_rng(self.seed).random((len(features), len(text)))


@dataclass(frozen=True)
class Chance:
    """Random guessing."""

    def fit(self, data: SeenData, seed: int) -> FittedChance:
        """Keep the seed; there is nothing to learn."""
        return FittedChance(seed)


def candidates() -> tuple[Chance, ...]:
    """Return the only setting."""
    return (Chance(),)
