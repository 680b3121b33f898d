"""Configuration of a run: frozen dataclasses, one meaning per field, contradictions refused at construction.

`files.py` reads YAML into `Config`; the command line generates its flags from the same dataclasses.
`docs/protocol.md` says how the defaults were chosen.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from feature_extraction.descriptions.class_list import VIEWS
from feature_extraction.descriptions.embeddings import DEFAULT_TEXT_MODEL
from feature_extraction.errors import InputError
from feature_extraction.storage.plain import LARGEST_SEED

GATE_CUES = ("text_margin", "text_odds", "novelty", "energy")
# Far beyond what makes sense; what is larger is a slip that would take all memory, or years.
WIDEST, MOST_MODELS, MOST_STEPS, MOST_SAMPLES, MOST_ENTRIES = 8192, 64, 1_000_000, 100_000, 100


def _require(condition: bool, name: str, value: object, remedy: str) -> None:
    """Refuse a value unless the condition holds and every number in it is finite."""
    numbers = [entry for entry in (value if isinstance(value, tuple) else (value,)) if isinstance(entry, int | float)]
    if not condition or not all(abs(number) <= sys.float_info.max for number in numbers):
        raise InputError(f"{name}: {value!r} cannot be used; {remedy}")


def _require_at_least(smallest: int, group: str, settings: object, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        _require(value >= smallest, f"{group}.{name}", value, f"use at least {smallest}")


def _require_at_most(largest: int, group: str, settings: object, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        _require(value <= largest, f"{group}.{name}", value, f"use at most {largest}")


def _require_positive(group: str, settings: object, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        _require(value > 0, f"{group}.{name}", value, "use a positive number")


def _require_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    _require(value in choices, name, value, f"choose from {', '.join(choices)}")


@dataclass(frozen=True)
class FeatureConfig:
    """Which IMU features describe a window.

    Attributes:
        blocks: Feature blocks laid side by side: `statistical` (nothing learned), `kinematic` (measured attributes),
            `resnet` (a residual network trained on the seen classes of the train subjects), and `encoder:PATH`, an
            encoder pretrained elsewhere: the folder of a patch transformer (safetensors), the YAML file of an encoder
            of others (ONNX first; TorchScript, pickles and Python only with `trust_code`), or the name of a shipped
            one (`docs/encoders.md`). A network trained to tell seen classes apart
            discards what unseen ones differ in, so it is not in the default.
    """

    blocks: tuple[str, ...] = ("statistical",)

    def __post_init__(self) -> None:
        """Refuse an empty or repeated block."""
        once = bool(self.blocks) and len(set(self.blocks)) == len(self.blocks)
        _require(once, "features.blocks", self.blocks, "name each block once, for instance statistical and resnet")


@dataclass(frozen=True)
class TextConfig:
    """How a class description becomes a semantic vector.

    Attributes:
        model: Name or local folder of a sentence-transformers model.
        views: Description views in use; text views are averaged, kinematics is a block of its own.
        kinematics_weight: Length of the kinematic block relative to the unit-length text block.
    """

    model: str = DEFAULT_TEXT_MODEL
    views: tuple[str, ...] = ("label", "sentence", "motion", "paraphrases", "kinematics")
    kinematics_weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse unknown views and a negative weight."""
        known = 0 < len(self.views) <= len(VIEWS) and set(self.views) <= set(VIEWS)
        _require(known, "text.views", self.views, f"choose from {', '.join(VIEWS)}")
        _require_at_least(0, "text", self, "kinematics_weight")


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the networks and weights of the loss terms (see `losses.py`).

    Attributes:
        latent_dim: L, size of the semantic latent shared by IMU features and text.
        instance_dim: M, size of the non-semantic IMU latent; 0 turns disentangling off.
        hidden_dim: Width of one hidden layer in every encoder and decoder; 0 means a single linear
            layer each, as published.
        discriminator_dim: Hidden width of the total-correlation adversary.
        feature_noise: Standard deviation of Gaussian noise on each standardised IMU feature in training, as a
            multiple of √D: features are correlated, so their leading directions grow with their number D.
        text_noise: Standard deviation of Gaussian noise on each semantic coordinate (of unit mean square).
        kl_features: Weight of the KL term of the IMU latents.
        kl_text: Weight of the KL term of the text latent.
        cross_alignment: Weight of reconstructing each modality from the other's latent.
        synthesis: Weight of reconstructing features from the text latent alone. Without it the instance latent,
            which sees the window, takes over what the description should explain.
        distribution_alignment: Weight of the squared 2-Wasserstein distance between the two posteriors.
        total_correlation: Weight of the adversary's log density ratio.
    """

    latent_dim: int = 64
    instance_dim: int = 16
    hidden_dim: int = 0
    discriminator_dim: int = 64
    feature_noise: float = 0.0
    text_noise: float = 0.3
    kl_features: float = 0.1
    kl_text: float = 0.1
    cross_alignment: float = 1.0
    synthesis: float = 1.0
    distribution_alignment: float = 0.0
    total_correlation: float = 1.0

    def __post_init__(self) -> None:
        """Refuse sizes below one and negative weights."""
        _require_at_least(1, "model", self, "latent_dim", "discriminator_dim")
        _require_at_least(0, "model", self, *(entry.name for entry in fields(self)))
        _require_at_most(WIDEST, "model", self, "latent_dim", "instance_dim", "hidden_dim", "discriminator_dim")


@dataclass(frozen=True)
class TrainConfig:
    """How the VAEs are trained.

    Attributes:
        n_seeds: Models trained with different seeds; their scores are averaged.
        n_steps: Optimiser steps.
        n_checkpoints: Evenly spaced steps among which the inner folds choose.
        batch_size: Windows per step and model, drawn evenly over the classes.
        learning_rate: Peak learning rate of Adam for the VAEs (linear warm-up, cosine decay).
        adversary_learning_rate: Learning rate of the adversary's own Adam.
        weight_averaging: Decay per step of the exponential moving average of the weights.
    """

    n_seeds: int = 4
    n_steps: int = 200
    n_checkpoints: int = 4
    batch_size: int = 32
    learning_rate: float = 6e-3
    adversary_learning_rate: float = 1e-3
    weight_averaging: float = 0.98

    def __post_init__(self) -> None:
        """Refuse impossible numbers and more checkpoints than steps."""
        _require_at_least(1, "train", self, "n_seeds", "n_steps", "n_checkpoints", "batch_size")
        _require_at_most(MOST_MODELS, "train", self, "n_seeds")
        _require_at_most(MOST_STEPS, "train", self, "n_steps")
        _require_at_most(MOST_ENTRIES, "train", self, "n_checkpoints")
        _require_at_most(MOST_SAMPLES, "train", self, "batch_size")
        _require_positive("train", self, "learning_rate", "adversary_learning_rate")
        _require(0 <= self.weight_averaging < 1, "train.weight_averaging", self.weight_averaging, "use [0, 1)")
        fits = self.n_checkpoints <= self.n_steps
        _require(fits, "train.n_checkpoints", self.n_checkpoints, "use at most train.n_steps")

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """The steps among which the inner folds choose."""
        return tuple(round(self.n_steps * (c + 1) / self.n_checkpoints) for c in range(self.n_checkpoints))


@dataclass(frozen=True)
class ClassifierConfig:
    """How synthesised unseen-class samples become a classifier.

    Attributes:
        synthesise: `latents` draws z_text of the unseen classes; `features` moves real seen windows there: it
            swaps their semantic latent and keeps everything else.
        samples_per_class: Synthesised samples per unseen class.
        doubt: Variance of a class's semantic coordinates in synthesis, per unit of its description that the seen
            descriptions do not span (`Fold.unexplained`); 0 takes every description at its word.
        kind: `gaussian` takes the samples of each class for a Gaussian; `cosine`
            compares with the mean direction of a class's samples; `softmax` trains a linear layer.
        shrinkage: Variance added to every dimension of the covariances of `gaussian`, as a multiple of √D
            (see `ModelConfig.feature_noise`).
        n_steps: Full-batch optimiser steps of the softmax classifiers.
        learning_rate: Their learning rate.
        weight_decay: L2 penalty of the seen-class classifier.
    """

    synthesise: Literal["latents", "features"] = "features"
    samples_per_class: int = 500
    kind: Literal["gaussian", "cosine", "softmax"] = "gaussian"
    shrinkage: float = 0.3
    doubt: float = 0.3
    n_steps: int = 300
    learning_rate: float = 1e-2
    weight_decay: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse an empty synthesis and impossible numbers."""
        _require_at_least(2, "classifier", self, "samples_per_class")
        _require_at_least(1, "classifier", self, "n_steps")
        _require_at_most(MOST_SAMPLES, "classifier", self, "samples_per_class")
        _require_at_most(MOST_STEPS, "classifier", self, "n_steps")
        _require_at_least(0, "classifier", self, "weight_decay", "doubt")
        _require_positive("classifier", self, "learning_rate", "shrinkage")
        _require_choice("classifier.synthesise", self.synthesise, ("latents", "features"))
        _require_choice("classifier.kind", self.kind, ("gaussian", "cosine", "softmax"))


@dataclass(frozen=True)
class GateConfig:
    """The domain classifier that tells seen from unseen.

    Attributes:
        cues: What the gate reads: `text_margin` (how much better the best unseen description matches than the best
            seen one), `text_odds` (how much better all unseen ones together match than all seen ones together),
            `novelty` (distance to the training windows), `energy` (of the seen classifier).
        fusion: `hard` sends each window to the seen or to the unseen classifier; `soft` weighs both by the
            probability of unseen.
        temperatures: Candidate softmax temperatures for both sets of probabilities.
        regularisation: Inverse L2 strength C of the logistic regression.
    """

    cues: tuple[str, ...] = ("text_margin", "novelty")
    fusion: Literal["hard", "soft"] = "hard"
    temperatures: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    regularisation: float = 1.0

    def __post_init__(self) -> None:
        """Refuse unknown cues and non-positive temperatures."""
        known = 0 < len(self.cues) <= len(GATE_CUES) and set(self.cues) <= set(GATE_CUES)
        _require(known, "gate.cues", self.cues, f"choose from {', '.join(GATE_CUES)}")
        _require_choice("gate.fusion", self.fusion, ("hard", "soft"))
        positive = 0 < len(self.temperatures) <= MOST_ENTRIES and min(self.temperatures) > 0
        _require(positive, "gate.temperatures", self.temperatures, "list positive temperatures")
        _require_positive("gate", self, "regularisation")


@dataclass(frozen=True)
class Config:
    """Everything that decides the result of a run.

    Attributes:
        dataset: Data-set name, or the path of a `dataset.yaml`.
        split: Name of a split in `resources/label_splits/<dataset>/`, or the path of a split file.
        seed: Seed of every random draw in the run.
        features: IMU features.
        text: Semantic vectors.
        model: Networks and loss weights.
        train: Optimisation.
        classifier: Synthesis and classification.
        gate: Domain classifier.
        reference: YAML of the published recipe to run beside ours on the same features (a path, or the name of
            a shipped one such as `reference_har.yaml`), or none.
        trust_code: SHA-256 digests of code of others that may run, such as a TorchScript file behind `encoder:PATH`;
            the refusal prints them. It decides no result and is not recorded, so that no config that is passed on
            carries trust.
    """

    dataset: str = "dsads"
    split: str = "random-1"
    seed: int = 0
    features: FeatureConfig = field(default_factory=FeatureConfig)
    text: TextConfig = field(default_factory=TextConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    reference: str | None = None
    trust_code: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a seed that random generators do not take, and what is no digest."""
        _require(0 <= self.seed <= LARGEST_SEED, "seed", self.seed, f"use 0 to {LARGEST_SEED}")
        for digest in self.trust_code:
            remedy = "give the 64 digits that the refusal of the code prints"
            _require(re.fullmatch("[0-9a-f]{64}", digest) is not None, "trust_code", digest, remedy)

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested mappings of all that decides the result, ready for YAML."""
        values = asdict(self)
        del values["trust_code"]
        return _plain(values)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return list(value) if isinstance(value, tuple) else value
