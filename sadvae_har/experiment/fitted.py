"""The fitted models of one run: K = folds x seeds SA-DVAE models and one seen classifier per fold.

They score windows of any fold; they are saved as safetensors with a JSON header and loaded without
executing code. Axis legend: K models, F folds, s seeds, n windows, D IMU features, L latent.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from feature_extraction.errors import InputError
from feature_extraction.storage.files import atomic_path, content_hash
from sadvae_har.config.settings import Config, ModelConfig
from sadvae_har.experiment.problem import Fold, Problem
from sadvae_har.method.classifier import fit_softmax, unseen_logits
from sadvae_har.method.model import SADVAE
from sadvae_har.method.networks import StackedLinear
from sadvae_har.method.synthesis import Donors, draw_noise, synthesise
from sadvae_har.method.training import BalancedSampler

FORMAT_VERSION = 1


def seed_of(*numbers: int) -> int:
    """Return a seed that depends on every number, for an independent random stream."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def training_key(problem: Problem, config: Config) -> str:
    """Return a digest of everything that decides the trained models: settings, split, features and texts."""
    settings = repr((config.seed, config.model, config.train, config.classifier, problem.split))
    texts = np.concatenate([fold.text.numpy().ravel() for fold in problem.folds])
    return content_hash(settings, problem.features.numpy().tobytes(), texts.tobytes())


def models_of_fold(weights: Mapping[str, Tensor], fold: int, n_seeds: int, config: ModelConfig) -> SADVAE:
    """Return the s models of one fold out of the stacked weights [K, ...].

    Raises:
        InputError: The weights are not of networks of these sizes; found before any memory is taken.
    """
    _require_sizes(weights, (fold + 1) * n_seeds, config)
    part = {name: value[fold * n_seeds : (fold + 1) * n_seeds] for name, value in weights.items()}
    feature_dim = part["feature_decoder.0.bias" if config.hidden_dim == 0 else "feature_decoder.2.bias"].shape[-1]
    text_dim = part["text_decoder.0.bias" if config.hidden_dim == 0 else "text_decoder.2.bias"].shape[-1]
    model = SADVAE(feature_dim, text_dim, config, [torch.Generator() for _ in range(n_seeds)])
    model.load_state_dict(part)
    return model.requires_grad_(False)


def _require_sizes(weights: Mapping[str, Tensor], n_models: int, config: ModelConfig) -> None:
    """Refuse weights of fewer than so many models, or of networks of other sizes than the config's."""
    layers = (0,) if config.hidden_dim == 0 else (0, 2)
    outputs = [f"{part}_decoder.{layers[-1]}.bias" for part in ("feature", "text")]
    absent = [name for name in outputs if name not in weights]
    if absent:
        raise InputError(f"no weights {absent[0]!r}; they are of another model")
    n_features, n_text = (weights[name].shape[-1] for name in outputs)
    latent, both = 2 * config.latent_dim, config.latent_dim + config.instance_dim
    ends = {
        "semantic_encoder.network": (n_features, latent, config.hidden_dim),
        "instance_encoder.network": (n_features, 2 * config.instance_dim, config.hidden_dim),
        "text_encoder.network": (n_text, latent, config.hidden_dim),
        "feature_decoder": (both, n_features, config.hidden_dim),
        "text_decoder": (config.latent_dim, n_text, config.hidden_dim),
        "discriminator": (both, 1, config.discriminator_dim),
    }
    for name, (n_in, n_out, hidden) in ends.items():
        sizes = (n_in, n_out) if hidden == 0 else (n_in, hidden, n_out)
        for position, expected in enumerate(zip(sizes, sizes[1:], strict=False)):
            key = f"{name}.{2 * position}.weight"
            found = tuple(weights[key].shape) if key in weights else None
            if found is None or found[1:] != expected or found[0] < n_models:
                raise InputError(f"weights {key!r} have shape {found}, expected {(n_models, *expected)}")


@torch.no_grad()
def semantic_latents(model: SADVAE, features: Tensor, batch: int = 2048) -> Tensor:
    """Return the mean semantic latents of windows under every model, [s, n, L]."""
    parts = [model.semantic_encoder(part.expand(model.n_models, -1, -1)).mean for part in features.split(batch)]
    return torch.cat(parts, dim=1)


def text_logits(
    model: SADVAE,
    problem: Problem,
    fold: Fold,
    classes: np.ndarray,
    rows: np.ndarray,
    config: Config,
    stream: int,
) -> tuple[np.ndarray, Tensor]:
    """Score windows against classes by samples synthesised from their descriptions, averaged over the seeds.

    Args:
        model: The s models of the fold.
        problem: Features.
        fold: Whose texts and training windows the samples are made from.
        classes: Positions of the classes to synthesise, C.
        rows: Windows to score, n.
        config: Synthesis and classifier settings.
        stream: Seed of the synthesis noise.

    Returns:
        Logits [n, C] and the samples [s, C, samples, L or D].
    """
    generators = [torch.Generator().manual_seed(seed_of(stream, k)) for k in range(config.train.n_seeds)]
    picks = draw_donors(problem, fold, config, generators)
    noise = draw_noise(model, fold.text.shape[1], config.classifier.samples_per_class, generators)
    donors = Donors(fold.features[picks], torch.from_numpy(problem.class_index)[picks])
    doubt = (config.classifier.doubt * fold.unexplained).sqrt()
    synthesised = synthesise(model, fold.text, doubt, classes, donors, noise, config.classifier)
    queries = fold.features[rows].expand(len(generators), -1, -1)
    if config.classifier.synthesise == "latents":
        queries = semantic_latents(model, fold.features[rows])
    logits = unseen_logits(synthesised, queries, config.classifier, generators)
    return logits.mean(0).numpy(), synthesised


def draw_donors(problem: Problem, fold: Fold, config: Config, generators: Sequence[torch.Generator]) -> Tensor:
    """Return training windows of a fold that synthesised ones are made from, evenly over its classes, [s, samples]."""
    sampler = BalancedSampler(torch.from_numpy(problem.class_index), [fold.rows] * len(generators))
    return sampler.draw(config.classifier.samples_per_class, generators)


def fit_seen_classifiers(problem: Problem, config: Config) -> StackedLinear:
    """Train one softmax classifier of the training classes per fold, on standardised features.

    Outputs stand for all seen classes; a fold never sees its pseudo-unseen ones, and `seen_logits`
    leaves their outputs out.
    """
    generators = [torch.Generator().manual_seed(seed_of(config.seed, 2, k)) for k in range(len(problem.folds))]
    class_index = torch.from_numpy(problem.class_index)
    sampler = BalancedSampler(class_index, [fold.rows for fold in problem.folds])
    size = 2 * config.train.batch_size

    def draw() -> tuple[Tensor, Tensor]:
        rows = sampler.draw(size, generators)
        return problem.features[torch.arange(len(rows))[:, None], rows], class_index[rows]

    return fit_softmax(draw, len(problem.split.seen), config.classifier, generators)


def seen_logits(classifier: StackedLinear, problem: Problem, fold: int, rows: np.ndarray) -> np.ndarray:
    """Return logits of a fold's training classes, [n, S] in the order of `Fold.train`."""
    inputs = problem.folds[fold].features[rows]
    logits = torch.addmm(classifier.bias[fold], inputs, classifier.weight[fold])
    return logits[:, problem.folds[fold].train].numpy()


@dataclass(frozen=True)
class FittedModels:
    """What stage 1 leaves behind.

    Attributes:
        weights: Averaged weights of all K models at the chosen step.
        seen_classifier: One softmax layer per fold, [F, D, S].
        step: Chosen optimiser step.
        inner_top1: Mean pseudo-unseen per-class top-1 at each checkpoint, step -> value.
        key: What `training_key` returned for the run.
    """

    weights: dict[str, Tensor]
    seen_classifier: StackedLinear
    step: int
    inner_top1: dict[int, float]
    key: str

    def save(self, path: Path, problem: Problem) -> None:
        """Write weights, seen classifier, standardiser and semantic vectors as one safetensors file."""
        tensors = {f"vae.{name}": value.contiguous() for name, value in self.weights.items()}
        tensors |= {f"seen.{name}": value.contiguous() for name, value in self.seen_classifier.state_dict().items()}
        tensors["text"] = problem.folds[0].text
        header = {
            "format_version": FORMAT_VERSION,
            "classes": problem.classes,
            "n_seen": len(problem.split.seen),
            "split": f"{problem.split.dataset}/{problem.split.name}",
            "step": self.step,
            "inner_top1": self.inner_top1,
            "key": self.key,
        }
        tensors |= {f"standardizer.{name}": torch.from_numpy(v) for name, v in problem.standardizer.to_arrays().items()}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={"sadvae_har": json.dumps(header)})

    @classmethod
    def load(cls, path: Path, key: str) -> "FittedModels":
        """Read a saved file and check that it is the model of this very run, by its `training_key`.

        Raises:
            InputError: The file is missing, damaged, of another version, or of another run.
        """
        try:
            with safe_open(path, framework="pt") as file:
                header = json.loads((file.metadata() or {})["sadvae_har"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            raise InputError(f"{path}: no such model; run `zsl train` first") from None
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise InputError(
                f"{path}: damaged or not a model of this program ({error}); delete it to train again"
            ) from None
        if header.get("format_version") != FORMAT_VERSION:
            raise InputError(
                f"{path}: format version {header.get('format_version')}, this program reads {FORMAT_VERSION}; "
                "delete it to train again"
            )
        if header.get("key") != key:
            raise InputError(
                f"{path}: trained on split {header.get('split')} with other settings, features or texts; "
                f"delete it to train again or choose another --out"
            )
        classifier = StackedLinear(1, 1, [torch.Generator()])
        classifier.weight = torch.nn.Parameter(tensors["seen.weight"], requires_grad=False)
        classifier.bias = torch.nn.Parameter(tensors["seen.bias"], requires_grad=False)
        weights = {name.removeprefix("vae."): value for name, value in tensors.items() if name.startswith("vae.")}
        inner = {int(step): value for step, value in header["inner_top1"].items()}
        return cls(weights, classifier, header["step"], inner, key)
