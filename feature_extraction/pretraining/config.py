"""How a patch transformer is pretrained."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from jsonargparse import ArgumentError, ArgumentParser

from feature_extraction.encoders.patch_transformer.network import TINY, PatchTransformerConfig
from feature_extraction.errors import InputError
from feature_extraction.pretraining.augment.augment import AugmentConfig
from feature_extraction.storage.plain import LARGEST_SEED
from feature_extraction.storage.yaml import read_yaml

GROUPS = ("encoder", "patches", "augment")
MOST = 1_000_000  # epochs, steps or windows; more is a slip that would take years
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class PatchPretrainConfig:
    """Objectives and optimisation.

    Attributes:
        objectives: Name in `PATCH_OBJECTIVES` -> weight.
        n_epochs: Most epochs.
        epoch_steps: Steps of an epoch; after each epoch the encoder is validated and the run can be resumed.
        batch_windows: Windows of a batch, all of one device of one data set.
        batches_per_step: Batches whose gradients are averaged in a step. Several processes share them out, so that
            their number changes nothing but the order of a sum.
        learning_rate: Peak learning rate of AdamW (5 % linear warm-up, cosine decay to zero).
        weight_decay: Weight decay of AdamW.
        largest_gradient: Gradients are scaled down to this norm.
        patience: Epochs without a better validation loss after which training stops.
        keep_every: Every so many epochs the weights of that epoch are kept in a file of their own, to study how an
            encoder comes about; 0 keeps none.
        sampling_exponent: A data set of n windows is drawn in proportion to n to this power.
        validation_windows: Validation windows of each device of each data set.
        precision: Of matrix products; bfloat16 is up to twice as fast where the processor has it.
        seed: Seed of every random draw.
        encoder: Sizes of the network.
        augment: Strengths of the augmentations.
    """

    objectives: Mapping[str, float] = field(default_factory=lambda: {"masked_autoencoding": 1.0, "contrastive": 0.5})
    n_epochs: int = 20
    epoch_steps: int = 100
    batch_windows: int = 64
    batches_per_step: int = 2
    learning_rate: float = 1e-3
    weight_decay: float = 5e-2
    largest_gradient: float = 1.0
    patience: int = 8
    keep_every: int = 0
    sampling_exponent: float = 0.5
    validation_windows: int = 512
    precision: Precision = "bfloat16"
    seed: int = 0
    encoder: PatchTransformerConfig = TINY
    augment: AugmentConfig = field(
        default_factory=lambda: AugmentConfig(jitter=0.01, scale=0.1, rotation_deg=20.0, shift=0.0)
    )

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        for name in ("n_epochs", "epoch_steps", "batches_per_step", "patience", "validation_windows"):
            if not 1 <= getattr(self, name) <= MOST:
                raise InputError(f"pretrain.{name}: {getattr(self, name)} cannot be used; give 1 to {MOST}")
        if not 2 <= self.batch_windows <= MOST:
            raise InputError(f"pretrain.batch_windows: {self.batch_windows} cannot be used; give 2 to {MOST}")
        if not (0 < self.learning_rate < math.inf and 0 < self.largest_gradient < math.inf):
            raise InputError("pretrain: learning_rate and largest_gradient must be positive")
        if self.seed > LARGEST_SEED:
            raise InputError(f"pretrain.seed: {self.seed} cannot be used; give 0 to {LARGEST_SEED}")
        if not all(0 <= n < math.inf for n in (self.weight_decay, self.seed, self.keep_every, self.sampling_exponent)):
            raise InputError("pretrain: weight_decay, seed, keep_every and sampling_exponent must be 0 or more")
        if not self.objectives or not all(0 < weight < math.inf for weight in self.objectives.values()):
            raise InputError(f"pretrain.objectives: {dict(self.objectives)}; name at least one, with positive weights")
        if self.precision not in get_args(Precision):
            known = " or ".join(get_args(Precision))
            raise InputError(f"pretrain.precision: {self.precision!r} is unknown; use {known}")
        if self.augment.shift:
            raise InputError(
                f"pretrain.augment.shift: {self.augment.shift} cannot be used; give 0, since the two views are "
                "compared patch by patch"
            )


def load_patch_config(path: Path) -> PatchPretrainConfig:
    """Read a YAML config; missing keys keep their defaults.

    Raises:
        InputError: The file is missing, is not YAML, or holds an unknown key or an unusable value.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(PatchPretrainConfig, "pretrain")
    if not path.exists():
        raise InputError(f"{path}: no such file; name a YAML file such as one of sadvae_har/config/shipped")
    value = read_yaml(path) or {}
    try:
        if not isinstance(value, dict):
            raise InputError(f"expected fields, found {type(value).__name__}")
        _require_filled(value)
        config = parser.instantiate(parser.parse_object({"pretrain": value})).pretrain
    except (InputError, ArgumentError) as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}") from error
    assert isinstance(config, PatchPretrainConfig)
    return config


def _require_filled(value: Mapping[str, Any], group: str = "") -> None:
    """Refuse `name:` without a value, which a parser takes for null of any type, and a value in place of fields."""
    for name, entry in value.items():
        if entry is None:
            raise InputError(f"{group}{name}: has no value; give one, or leave the line out")
        if isinstance(entry, Mapping):
            _require_filled(entry, f"{group}{name}.")
        elif name in GROUPS:
            raise InputError(f"{group}{name}: {entry!r} cannot be used; give its fields, one a line and indented")
