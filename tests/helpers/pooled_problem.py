"""Two small data sets to pretrain on together, under names whose classes and subjects the project knows.

Run as a script it pretrains on them: `pooled_problem.py FOLDER`, alone or under torchrun.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from synthetic_windows import make_windows

from feature_extraction.descriptions.embeddings import DEFAULT_TEXT_MODEL
from feature_extraction.encoders.patch_transformer.network import PatchTransformer, PatchTransformerConfig
from feature_extraction.encoders.patch_transformer.patches import PatchConfig
from feature_extraction.pretraining.augment.augment import AugmentConfig
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.pretraining.config import PatchPretrainConfig
from feature_extraction.pretraining.corpus import choose_windows
from feature_extraction.pretraining.pretrain import pretrain_patches
from feature_extraction.protocol.split import Provenance
from feature_extraction.windows.window_set import WindowSet

NAMES = {  # data set -> its names for the four classes, its names for the four subjects
    "usc-had": (("standing", "walking forward", "walking upstairs", "running forward"), ("1", "2", "9", "11")),
    "hapt": (("standing", "walking", "walking upstairs", "walking downstairs"), ("1", "2", "19", "23")),
}
NETWORK = PatchTransformerConfig(width=16, depth=1, heads=2, feed_forward=32, dropout=0.0, patches=PatchConfig(0.5, 8))
SMALL = PatchPretrainConfig(
    n_epochs=3,
    epoch_steps=4,
    batch_windows=8,
    batches_per_step=2,
    patience=3,
    keep_every=0,
    validation_windows=16,
    precision="float32",
    encoder=NETWORK,
    augment=AugmentConfig(jitter=0.01, scale=0.1, rotation_deg=10.0, shift=0.0),
)


def make_dataset(name: str, n_per_class: int = 6) -> WindowSet:
    """Return windows of four classes and four subjects: two for training, one for validation, one for test."""
    windows = make_windows(n_per_class=n_per_class, seed=len(name))
    classes, subjects = NAMES[name]
    old = [list(dict.fromkeys(column.tolist())) for column in (windows.labels, windows.subjects)]
    labels, people = (dict(zip(given, new, strict=True)) for given, new in zip(old, (classes, subjects), strict=True))
    return replace(
        windows,
        labels=np.array([labels[label] for label in windows.labels.tolist()]),
        subjects=np.array([people[subject] for subject in windows.subjects.tolist()]),
        dataset=name,
        key=f"{name}-{n_per_class}",
    )


def save_encoder(
    folder: Path,
    provenance: Sequence[Provenance] = (),
    seed: int = 0,
    network: PatchTransformerConfig = NETWORK,
    change: Callable[[PatchTransformer], object] | None = None,
) -> Path:
    """Save an untrained encoder that says it learned from `provenance`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = PatchTransformer(network).eval()
    if change is not None:
        with torch.no_grad():
            change(encoder)
    bank = tuple((entry.dataset, name) for entry in provenance if entry.labelled for name in entry.classes)
    PatchCheckpoint(encoder, tuple(provenance), bank, DEFAULT_TEXT_MODEL, "fedcba9876543210", {}).save(folder)
    return folder


if __name__ == "__main__":
    torch.set_num_threads(1)
    pretrain_patches([choose_windows(make_dataset(name)) for name in NAMES], SMALL, Path(sys.argv[1]))
