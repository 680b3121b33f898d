"""The published SA-DVAE recipe (Li et al., ECCV 2024), quirks included, to measure every departure against.

`train_reference` trains the two VAEs for some cycles and, after each, fits a classifier on latents
synthesised from the unseen descriptions. `score_reference` reports the last cycle, which is honest, and
beside it the cycle that is best on the test windows themselves, which is how the published numbers were
chosen; it is named `oracle` and never a result. Networks and losses: `reference_networks.py`; gate:
`reference_gate.py`. The caller checks for leakage (`Split.check_fit`); nothing here knows class names.
Axis legend: N training windows, n test windows, B batch, D features, E text, S seen, U unseen classes.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm.auto import tqdm

from feature_extraction.errors import InputError
from feature_extraction.storage.yaml import read_yaml
from sadvae_har.baselines.reference.networks import (
    LinearReLU,
    ReferenceNetworks,
    ReferenceTerms,
    sample_on_a_line,
    weights_at,
)
from sadvae_har.evaluation.metrics import accuracy, per_class_top1


@dataclass(frozen=True)
class ReferenceConfig:
    """Settings of the published recipe.

    Attributes:
        latent_dim: L, size of the semantic latent.
        instance_dim: M, size of the instance latent.
        learning_rate: Of both Adam optimisers.
        adversary_every: The adversary makes one step in every so many.
        batch_size: Windows per step; the last batch of a pass may be smaller.
        n_cycles: Cycles; the loss weights ramp inside each, and a classifier is fitted after each.
        passes_per_cycle: Passes over the training windows in a cycle.
        samples_per_class: Latents synthesised per unseen class.
        classifier_steps: Full-batch Adam steps of the classifier.
        classifier_learning_rate: Its learning rate.
    """

    latent_dim: int
    instance_dim: int
    learning_rate: float
    adversary_every: int
    batch_size: int = 32
    n_cycles: int = 10
    passes_per_cycle: int = 1
    samples_per_class: int = 500
    classifier_steps: int = 300
    classifier_learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse wrong types, sizes below one, and an instance latent that is not the smaller part.

        Raises:
            InputError: Naming the field, the value and the remedy.
        """
        for entry in fields(self):
            value, whole = getattr(self, entry.name), entry.type is int
            right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
            if not right or not (value >= 1 if whole else 0 < value < float("inf")):
                wanted = "a whole number of at least 1" if whole else "a positive number (1.0e-3 in YAML, not 1e-3)"
                raise InputError(f"{entry.name}: {value!r} cannot be used; give {wanted}")
        if self.instance_dim >= self.latent_dim:
            raise InputError(
                f"instance_dim: {self.instance_dim} must be smaller than latent_dim ({self.latent_dim}); "
                "lower instance_dim"
            )


def load_reference_config(path: Path) -> ReferenceConfig:
    """Read the YAML of a reference recipe; the first four fields are required, unknown keys are refused.

    Raises:
        InputError: Naming the file, the key and the remedy.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file; shipped ones are sadvae_har/config/shipped/reference_*.yaml")
    value = read_yaml(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected `key: value` lines, found {type(value).__name__}")
    known = [entry.name for entry in fields(ReferenceConfig)]
    unknown = sorted(str(key) for key in value if key not in known)
    if unknown:
        raise InputError(f"{path}: unknown key {', '.join(unknown)}; known: {', '.join(known)}")
    missing = [name for name in ("latent_dim", "instance_dim", "learning_rate", "adversary_every") if name not in value]
    if missing:
        raise InputError(f"{path}: missing key {', '.join(missing)}; add it")
    try:
        return ReferenceConfig(**value)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


@dataclass(frozen=True)
class ReferenceResult:
    """What the recipe leaves behind.

    Attributes:
        predictions_per_cycle: Index into the unseen classes, int64 [n_cycles, n].
        probabilities_per_cycle: Softmax of the classifier, float32 [n_cycles, n, U]; inputs of the gate.
        losses: Mean of each unweighted loss term over a cycle, float64 [n_cycles] each.
    """

    predictions_per_cycle: np.ndarray
    probabilities_per_cycle: np.ndarray
    losses: dict[str, np.ndarray]


def train_reference(
    features: np.ndarray,
    labels: np.ndarray,
    text_seen: np.ndarray,
    text_unseen: np.ndarray,
    test_features: np.ndarray,
    config: ReferenceConfig,
    seed: int,
    progress: bool = True,
) -> ReferenceResult:
    """Train on windows of seen classes and predict the unseen class of each test window after every cycle.

    Args:
        features: Training windows of seen classes, float [N, D].
        labels: Row of each window's class in `text_seen`, int [N].
        text_seen: Semantic vectors of the seen classes [S, E]; scaled to unit length here, as published.
        text_unseen: The same of the unseen classes [U, E].
        test_features: Windows to classify [n, D].
        config: Recipe.
        seed: Seed of every draw; the global generators are not touched.
        progress: Whether to show a progress bar (never without a terminal).

    Raises:
        InputError: Shapes that do not fit together, labels out of range or numbers that are not finite.
    """
    _check_inputs(features, labels, text_seen, text_unseen, test_features)
    generator = torch.Generator().manual_seed(seed)
    inputs, tests = _tensor(features), _tensor(test_features)
    seen, unseen = (functional.normalize(_tensor(text), dim=-1) for text in (text_seen, text_unseen))
    text = seen[torch.as_tensor(labels, dtype=torch.long)]
    networks = ReferenceNetworks(inputs.shape[1], seen.shape[1], config.latent_dim, config.instance_dim, generator)
    optimisers = (
        torch.optim.Adam(networks.vae_parameters(), lr=config.learning_rate),
        torch.optim.Adam(networks.discriminator.parameters(), lr=config.learning_rate),
    )
    losses, scores = [], []
    for cycle in tqdm(range(config.n_cycles), desc="reference", unit="cycle", disable=None if progress else True):
        losses.append(_train_cycle(networks, optimisers, inputs, text, cycle, config, generator))
        scores.append(classify_synthesised(networks, unseen, tests, config, generator))
    logits, mean_losses = torch.stack(scores), torch.stack(losses).double().numpy()
    return ReferenceResult(
        predictions_per_cycle=logits.numpy().argmax(-1),
        probabilities_per_cycle=logits.softmax(-1).numpy(),
        losses={entry.name: mean_losses[:, i] for i, entry in enumerate(fields(ReferenceTerms))},
    )


def _train_cycle(
    networks: ReferenceNetworks,
    optimisers: tuple[torch.optim.Adam, torch.optim.Adam],
    features: Tensor,
    text: Tensor,
    cycle: int,
    config: ReferenceConfig,
    generator: torch.Generator,
) -> Tensor:
    """Train for one cycle; return the mean of each loss term [7]. Features [N, D], text [N, E]."""
    vae_optimiser, adversary_optimiser = optimisers
    passes = [torch.randperm(len(features), generator=generator) for _ in range(config.passes_per_cycle)]
    batches = [batch for order in passes for batch in order.split(config.batch_size)]
    logged = []
    for step, batch in enumerate(batches):
        weights = weights_at(step, len(batches), cycle)
        posteriors = networks.encode(features[batch], text[batch])
        # Quirk: the adversary learns in every k-th step only, with its loss scaled by the ramp of its term.
        if (step + 1) % config.adversary_every == 0:
            loss = weights.kl_text_and_tc * networks.adversary_loss(posteriors, generator)
            take_step(adversary_optimiser, loss, list(networks.discriminator.parameters()))
        terms = networks.terms(features[batch], text[batch], posteriors, generator)
        take_step(vae_optimiser, terms.total(weights), networks.vae_parameters())
        logged.append(terms.values())
    return torch.stack(logged).mean(0)


def take_step(optimiser: torch.optim.Adam, loss: Tensor, parameters: list[torch.nn.Parameter]) -> None:
    """Make one optimiser step on some parameters."""
    optimiser.zero_grad()
    loss.backward(inputs=parameters)
    optimiser.step()


def classify_synthesised(
    networks: ReferenceNetworks,
    text_unseen: Tensor,
    test_features: Tensor,
    config: ReferenceConfig,
    generator: torch.Generator,
) -> Tensor:
    """Fit a classifier on latents synthesised from text [U, E]; return logits [n, U] of features [n, D]."""
    n_unseen = len(text_unseen)
    classifier = LinearReLU(config.latent_dim, n_unseen, generator)
    optimiser = torch.optim.Adam(classifier.parameters(), lr=config.classifier_learning_rate)
    targets = torch.arange(n_unseen).repeat(config.samples_per_class)
    with torch.no_grad():
        latents = sample_on_a_line(networks.text_encoder(text_unseen[targets]), generator)
    for _ in range(config.classifier_steps):
        take_step(optimiser, functional.cross_entropy(classifier(latents), targets), list(classifier.parameters()))
    with torch.no_grad():
        return classifier(networks.semantic_mean(test_features))


def score_reference(result: ReferenceResult, labels: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return the rows that `metrics.json` keeps under `reference`.

    Args:
        result: What `train_reference` returned for test windows of unseen classes.
        labels: Their true index into the unseen classes, int [n].

    Returns:
        `last_cycle`: `per_class_top1`, `accuracy` and `per_class_top1_by_cycle`, the honest result.
        `oracle`: `per_class_top1`, `accuracy` and `cycle` (from 1) of the cycle picked on these very labels.

    Raises:
        InputError: There is not one label per prediction.
    """
    predictions, labels = result.predictions_per_cycle, np.asarray(labels)
    if labels.shape != predictions.shape[1:] or not labels.size:
        raise InputError(f"labels: {labels.shape} do not fit predictions {predictions.shape}; give one per test window")
    top1 = [float(per_class_top1(labels, cycle)) for cycle in predictions]
    accuracies = [float(accuracy(labels, cycle)) for cycle in predictions]
    # Quirk: the published cycle is the first with the highest per-sample accuracy on the unseen test windows.
    best = int(np.argmax(accuracies))
    return {
        "last_cycle": {
            "per_class_top1": top1[-1],
            "accuracy": accuracies[-1],
            "per_class_top1_by_cycle": top1,
        },
        "oracle": {"per_class_top1": top1[best], "accuracy": accuracies[best], "cycle": best + 1},
    }


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32))


def _check_inputs(
    features: np.ndarray,
    labels: np.ndarray,
    text_seen: np.ndarray,
    text_unseen: np.ndarray,
    test_features: np.ndarray,
) -> None:
    tables = {
        "features": features,
        "text_seen": text_seen,
        "text_unseen": text_unseen,
        "test_features": test_features,
    }
    for name, table in tables.items():
        if table.ndim != 2 or not table.size:
            raise InputError(f"{name}: shape {table.shape} cannot be used; give a non-empty matrix")
        if not np.isfinite(table).all():
            raise InputError(f"{name}: holds NaN or infinity; drop or mend those rows")
    for first, second in (("features", "test_features"), ("text_seen", "text_unseen")):
        if tables[first].shape[1] != tables[second].shape[1]:
            raise InputError(
                f"{first} {tables[first].shape} and {second} {tables[second].shape} need equally many columns"
            )
    if labels.shape != features.shape[:1] or labels.dtype.kind not in "iu":
        raise InputError(f"labels: {labels.dtype} {labels.shape}; give one whole number for each of {len(features)}")
    if labels.min() < 0 or labels.max() >= len(text_seen):
        raise InputError(
            f"labels: {labels.min()} to {labels.max()}; they must index text_seen, 0 to {len(text_seen) - 1}"
        )
