"""Several objectives at once: their terms for the log, and their weighted sum to minimise."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

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
    """A weighted sum of objectives."""

    def __init__(self, parts: Mapping[str, tuple[float, PatchObjective]]) -> None:
        """Take weight and objective of each named part; the weight multiplies every term of the part."""
        super().__init__()
        self.weights = {name: weight for name, (weight, _) in parts.items()}
        self.parts = nn.ModuleDict({name: objective for name, (_, objective) in parts.items()})

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
