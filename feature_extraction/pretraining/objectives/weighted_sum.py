"""Several objectives at once: their terms for the log, and their weighted sum to minimise."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from feature_extraction.errors import InputError
from feature_extraction.pretraining.objectives.objective import PatchBatch, PatchEncoder, PatchObjective


@dataclass(frozen=True)
class Losses:
    """What one batch costs.

    Attributes:
        total: Weighted sum of the terms, to be minimised.
        terms: Each term without its weight, detached, named `part.term`.
    """

    total: Tensor
    terms: Mapping[str, Tensor]


class CombinedObjective(nn.Module):
    """A weighted sum of objectives; parts of weight 0 are left out and cost nothing."""

    def __init__(self, parts: Mapping[str, tuple[float, PatchObjective]]) -> None:
        """Take the parts.

        Args:
            parts: Weight and objective of each named part; the weight multiplies every term of the part.

        Raises:
            InputError: A weight that is negative or not finite, a name that is empty or has a dot, or no part
                of positive weight.
        """
        super().__init__()
        for name, (weight, _) in parts.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise InputError(f"objective {name}: weight {weight} cannot be used; give 0 or a positive number")
            if not name or "." in name:
                raise InputError(f"objective {name!r}: cannot be a name; give one without dots")
        self.weights = {name: weight for name, (weight, _) in parts.items() if weight > 0}
        if not self.weights:
            raise InputError(f"objectives {sorted(parts)}: none has a positive weight; there is nothing to minimise")
        self.parts = nn.ModuleDict({name: parts[name][1] for name in self.weights})

    @property
    def labelled(self) -> bool:
        """Whether any part uses class labels."""
        return any(part.labelled is True for part in self.parts.values())

    def losses(self, encoder: PatchEncoder, batch: PatchBatch, generator: torch.Generator) -> Losses:
        """Return the terms of every part, in the order of the parts, and their weighted sum."""
        weighted: list[Tensor] = []
        terms: dict[str, Tensor] = {}
        for name, part in self.parts.items():
            assert isinstance(part, PatchObjective)
            for term, value in part.losses(encoder, batch, generator).items():
                weighted.append(self.weights[name] * value)
                terms[f"{name}.{term}"] = value.detach()
        return Losses(torch.stack(weighted).sum(), terms)
