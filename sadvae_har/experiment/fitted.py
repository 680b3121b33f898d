"""The fitted models of one run: K = folds x seeds SA-DVAE models and one seen classifier per fold.

Axis legend: K models, F folds, s seeds, n windows, D IMU features, S seen classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from feature_extraction.errors import InputError
from feature_extraction.protocol.split import OPEN
from feature_extraction.storage.files import content_hash
from feature_extraction.storage.tensors import read_tensors, under, write_tensors
from sadvae_har.config.settings import Config, ModelConfig
from sadvae_har.experiment.problem import Problem
from sadvae_har.method.classifier import fit_softmax
from sadvae_har.method.model import SADVAE
from sadvae_har.method.scorer import ClassScorer, FoldModel, SeenClassifier
from sadvae_har.method.synthesis import draw_noise
from sadvae_har.method.training import BalancedSampler

KIND = "sadvae_har_fitted"
_REMEDY = "delete it to train again, or choose another --out"


def seed_of(*numbers: int) -> int:
    """Return a seed that depends on every number, for an independent random stream."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def training_key(problem: Problem, config: Config) -> str:
    """Return a digest of everything that decides the trained models: settings, split, features and texts."""
    split = problem.split
    settings = repr((config.seed, config.model, config.train, config.classifier, split))
    if split.kind == OPEN or split.holds_out != "people":
        settings += repr((split.holds_out, split.held_back))
    texts = np.concatenate([fold.coordinates.numpy().ravel() for fold in problem.folds])
    return content_hash(settings, problem.features.numpy().tobytes(), texts.tobytes())


def restore_networks(weights: Mapping[str, Tensor], n_models: int, config: ModelConfig) -> SADVAE:
    """Return SA-DVAE models with these weights [n_models, ...].

    Raises:
        InputError: The weights are not of networks of these sizes; found before any memory is taken.
    """
    last = 0 if config.hidden_dim == 0 else 2
    outputs = [weights.get(f"{part}_decoder.{last}.bias", torch.empty(0)) for part in ("feature", "text")]
    feature_dim, text_dim = (value.shape[-1] for value in outputs)
    found = {name: tuple(value.shape) for name, value in weights.items()}
    wanted = _shapes(n_models, feature_dim, text_dim, config)
    for name in sorted(wanted.keys() | found.keys()):
        if found.get(name) != wanted.get(name):
            raise InputError(f"weights {name!r} have shape {found.get(name)}, expected {wanted.get(name)}")
    model = SADVAE(feature_dim, text_dim, config, [torch.Generator() for _ in range(n_models)])
    model.load_state_dict(weights)
    return model.requires_grad_(False)


def _shapes(n_models: int, feature_dim: int, text_dim: int, config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter of a `SADVAE`."""
    latent, both, hidden = 2 * config.latent_dim, config.latent_dim + config.instance_dim, config.hidden_dim
    sizes = {
        "semantic_encoder.network": (feature_dim, hidden, latent),
        "instance_encoder.network": (feature_dim, hidden, 2 * config.instance_dim),
        "text_encoder.network": (text_dim, hidden, latent),
        "feature_decoder": (both, hidden, feature_dim),
        "text_decoder": (config.latent_dim, hidden, text_dim),
        "discriminator": (both, config.discriminator_dim, 1),
    }
    shapes: dict[str, tuple[int, ...]] = {}
    for name, widths in sizes.items():
        used = [width for width in widths if width > 0]  # no hidden layer: one linear map
        for position, (n_in, n_out) in enumerate(pairwise(used)):
            shapes[f"{name}.{2 * position}.weight"] = (n_models, n_in, n_out)
            shapes[f"{name}.{2 * position}.bias"] = (n_models, 1, n_out)
    return shapes


def fit_seen_classifiers(problem: Problem, config: Config) -> dict[str, Tensor]:
    """Train one softmax classifier of the training classes per fold, on standardised features.

    A fold never sees its pseudo-unseen classes; their outputs are never read.

    Returns:
        `weight` [F, D, S] and `bias` [F, 1, S]; outputs stand for all seen classes.
    """
    generators = [torch.Generator().manual_seed(seed_of(config.seed, 2, k)) for k in range(len(problem.folds))]
    class_index = torch.from_numpy(problem.class_index)
    sampler = BalancedSampler(class_index, [fold.rows for fold in problem.folds])
    size = 2 * config.train.batch_size

    def draw() -> tuple[Tensor, Tensor]:
        rows = sampler.draw(size, generators)
        return problem.features[torch.arange(len(rows))[:, None], rows], class_index[rows]

    return dict(fit_softmax(draw, len(problem.split.seen), config.classifier, generators).state_dict())


@dataclass(frozen=True)
class FittedModels:
    """What stage 1 leaves behind.

    Attributes:
        weights: Averaged weights of all K models at the chosen step.
        seen_classifier: One softmax layer per fold, as `fit_seen_classifiers` returns it.
        step: Chosen optimiser step.
        inner_top1: Mean pseudo-unseen per-class top-1 at each checkpoint, step -> value.
        key: What `training_key` returned for the run.
    """

    weights: dict[str, Tensor]
    seen_classifier: dict[str, Tensor]
    step: int
    inner_top1: dict[int, float]
    key: str

    def seen_classifier_of(self, problem: Problem, number: int) -> SeenClassifier:
        """Return the classifier of a fold's training classes, in the order of `Fold.train`."""
        kept = problem.folds[number].train
        weight, bias = (self.seen_classifier[name][number] for name in ("weight", "bias"))
        return SeenClassifier(weight[:, kept].contiguous(), bias[0, kept].contiguous())

    def save(self, path: Path) -> None:
        """Write weights and seen classifiers as one safetensors file."""
        header = {"step": self.step, "inner_top1": list(self.inner_top1.items()), "key": self.key}
        tensors = {f"vae/{name}": value for name, value in self.weights.items()}
        write_tensors(path, KIND, header, tensors | {f"seen/{name}": v for name, v in self.seen_classifier.items()})

    @classmethod
    def load(cls, path: Path, key: str) -> "FittedModels":
        """Read a saved file and check that it is the model of this very run, by its `training_key`.

        Raises:
            InputError: The file is missing, damaged, of another version, or of another run.
        """
        if not path.exists():
            raise InputError(f"{path}: no such model; run `zsl train` first")
        header, tensors = read_tensors(path, KIND, _REMEDY)
        if header["key"] != key:
            raise InputError(f"{path}: trained with another split, other settings, features or texts; {_REMEDY}")
        inner = {int(step): float(value) for step, value in header["inner_top1"]}
        return cls(under(tensors, "vae"), under(tensors, "seen"), header["step"], inner, key)


def models_of_fold(weights: Mapping[str, Tensor], number: int, config: Config) -> SADVAE:
    """Return the s models of one fold out of the stacked weights [K, ...]."""
    n_seeds = config.train.n_seeds
    part = {name: value[number * n_seeds : (number + 1) * n_seeds] for name, value in weights.items()}
    return restore_networks(part, n_seeds, config.model)


def class_scorer(
    problem: Problem, number: int, config: Config, weights: Mapping[str, Tensor], stream: int
) -> ClassScorer:
    """Return what scores windows of one fold against classes by their descriptions.

    Args:
        problem: The run's problem.
        number: Of the fold; 0 is the final problem.
        config: The run's config.
        weights: Of all K models.
        stream: Seed of the donors and the noise that classes are synthesised from.
    """
    fold, networks = problem.folds[number], models_of_fold(weights, number, config)
    class_index, n_samples = torch.from_numpy(problem.class_index), config.classifier.samples_per_class
    generators = [torch.Generator().manual_seed(seed_of(stream, k)) for k in range(config.train.n_seeds)]
    picks = BalancedSampler(class_index, [fold.rows] * len(generators)).draw(n_samples, generators)
    model = FoldModel(
        networks=networks,
        classifier=config.classifier,
        train_features=fold.features[fold.rows],
        train_classes=class_index[fold.rows],
        donors=torch.searchsorted(torch.from_numpy(fold.rows), picks),
        noise=draw_noise(networks, fold.coordinates.shape[1], n_samples, generators),
    )
    return ClassScorer(model, fold.coordinates, generators)
