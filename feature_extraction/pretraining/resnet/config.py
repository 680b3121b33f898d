"""How an encoder is pretrained."""

import math
from dataclasses import dataclass, field

from feature_extraction.encoders.resnet import ResNetConfig
from feature_extraction.errors import InputError
from feature_extraction.pretraining.augment.augment import AugmentConfig
from feature_extraction.pretraining.config import MOST
from feature_extraction.storage.plain import LARGEST_SEED


@dataclass(frozen=True)
class PretrainConfig:
    """Optimisation of an encoder.

    Attributes:
        n_epochs: Most epochs.
        epoch_windows: Windows drawn per epoch, with replacement and evenly over the classes, whatever the
            size of the data set.
        batch_size: Windows per step.
        learning_rate: Peak learning rate of AdamW (5 % linear warm-up, cosine decay to zero).
        weight_decay: Weight decay of AdamW.
        patience: Epochs without a better validation metric after which training stops.
        seed: Seed of every random draw.
        encoder: Sizes of the network.
        augment: Strengths of the augmentations.
    """

    n_epochs: int = 12
    epoch_windows: int = 4000
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    patience: int = 5
    seed: int = 0
    encoder: ResNetConfig = field(default_factory=ResNetConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        for name in ("n_epochs", "epoch_windows", "patience"):
            if not 1 <= getattr(self, name) <= MOST:
                raise InputError(f"pretrain.{name}: {getattr(self, name)} cannot be used; give 1 to {MOST}")
        if not 2 <= self.batch_size <= MOST:
            raise InputError(f"pretrain.batch_size: {self.batch_size} cannot be used; give 2 to {MOST}")
        if not (0 < self.learning_rate < math.inf and 0 <= self.weight_decay < math.inf):
            raise InputError("pretrain: learning_rate must be positive, weight_decay 0 or more")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise InputError(f"pretrain.seed: {self.seed} cannot be used; give 0 to {LARGEST_SEED}")
