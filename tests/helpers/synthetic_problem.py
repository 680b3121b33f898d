"""A zero-shot problem whose texts truly predict its features, and a config small enough to train in a second."""

from dataclasses import replace

import numpy as np
import torch

from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.split import Provenance, Split
from sadvae_har.config.settings import ClassifierConfig, Config, FeatureConfig, ModelConfig, TrainConfig
from sadvae_har.experiment import stages
from sadvae_har.experiment.fitted import FittedModels, fit_seen_classifiers
from sadvae_har.experiment.problem import Problem, make_problem

torch.set_num_threads(1)

CLASSES = ("walk", "run", "sit", "stand", "lie", "jump", "hop", "kneel", "row", "cycle", "climb")
SPLIT = Split(
    dataset="toy",
    name="random-1",
    kind="random",
    seed=0,
    seen=CLASSES[:8],
    unseen=CLASSES[8:],
    train_subjects=("s1", "s2", "s3"),
    val_subjects=("s4", "s5"),
    test_subjects=("s6",),
    inner=(("sit", "jump"), ("walk", "lie")),
)
TEXT_DIM, FEATURE_DIM = 4, 10
ATTRIBUTES = (0b0000, 0b0011, 0b0101, 0b0110, 0b1001, 0b1010, 0b1100, 0b1111, 0b0001, 0b0111, 0b1101)
N_PER_CLASS_AND_SUBJECT = 6

TINY = Config(
    dataset="toy",
    features=FeatureConfig(blocks=("statistical",)),
    model=ModelConfig(
        latent_dim=4, instance_dim=2, discriminator_dim=8, feature_noise=0.1, kl_features=1.0, kl_text=1.0
    ),
    train=TrainConfig(n_seeds=2, n_steps=120, n_checkpoints=3, batch_size=32, learning_rate=1e-2, weight_averaging=0.9),
    classifier=ClassifierConfig(samples_per_class=20, n_steps=60),
)


def text_vectors() -> np.ndarray:
    """Return semantic vectors of `CLASSES`, float32 [11, 4]: four attributes each has or lacks, and a little noise."""
    attributes = np.array([[code >> bit & 1 for bit in range(TEXT_DIM)] for code in ATTRIBUTES])
    noise = np.random.default_rng(7).normal(size=attributes.shape)
    return (2 * attributes - 1 + 0.1 * noise).astype(np.float32)


def make_table(seed: int = 0, provenance: tuple[Provenance, ...] = ()) -> FeatureTable:
    """Return features that are a fixed linear map of the class's text, a subject's offset and noise."""
    generator = np.random.default_rng(seed)
    to_features = np.random.default_rng(8).normal(size=(TEXT_DIM, FEATURE_DIM))
    subjects = SPLIT.train_subjects + SPLIT.val_subjects + SPLIT.test_subjects
    offset = {subject: 0.2 * generator.normal(size=FEATURE_DIM) for subject in subjects}
    rows = [(k, subject) for k in range(len(CLASSES)) for subject in subjects for _ in range(N_PER_CLASS_AND_SUBJECT)]
    clean = np.stack([text_vectors()[k] @ to_features + offset[subject] for k, subject in rows])
    return FeatureTable(
        features=(clean + 0.3 * generator.normal(size=clean.shape)).astype(np.float32),
        labels=np.array([CLASSES[k] for k, _ in rows]),
        subjects=np.array([subject for _, subject in rows]),
        recordings=np.array([f"{CLASSES[k]}-{subject}" for k, subject in rows]),
        start_s=np.tile(np.arange(N_PER_CLASS_AND_SUBJECT) * 2.0, len(CLASSES) * len(subjects)),
        blocks={"statistical": FEATURE_DIM},
        dataset="toy",
        window_key="0123456789abcdef",
        provenance=provenance,
    )


def select_rows(table: FeatureTable, rows: np.ndarray) -> FeatureTable:
    """Return the table with some of its windows only."""
    names = ("features", "labels", "subjects", "recordings", "start_s")
    return replace(table, **{name: getattr(table, name)[rows] for name in names})


def tiny_problem() -> Problem:
    """Return the problem of `make_table` and `SPLIT`."""
    return make_problem(make_table(), SPLIT, text_vectors())


def briefly_trained(problem: Problem, n_steps: int = 60) -> FittedModels:
    """Return models trained for `n_steps` with `TINY`, and the seen classifiers; no step was chosen."""
    trainer = stages.make_trainer(problem, TINY)
    for _ in range(n_steps):
        trainer.step()
    inner_top1 = {n_steps: 0.5}
    return FittedModels(trainer.snapshot(), fit_seen_classifiers(problem, TINY), n_steps, inner_top1, "key")


def generators(*seeds: int) -> list[torch.Generator]:
    """Return one generator per seed."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]
