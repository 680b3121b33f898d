"""How the gate fares on small data sets: four everyday activities of two people, two more known by description only.

    python benchmarks/small_data.py --raw FOLDER [--out benchmarks/small_data.json]

Such a data set is what somebody records to try the program. Each trial draws one from a public data set: four seen and
two described classes, one person to train on and one to choose on. Everybody else is tested, and nobody of them decides
anything. Descriptions are a name and one sentence, as people write them. Every trial is scored twice, with and without
the safety net of the gate (`sadvae_har/method/gate.py`).
"""

import argparse
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.draw_splits import inner_folds
from feature_extraction.protocol.split import Split
from feature_extraction.storage.files import write_json
from sadvae_har.config.settings import Config, TextConfig
from sadvae_har.evaluation.metrics import auroc, gzsl_scores
from sadvae_har.experiment import stages
from sadvae_har.experiment.inputs import Locations, load_features, load_text
from sadvae_har.experiment.problem import make_problem
from sadvae_har.experiment.run_folder import RunFolder, environment
from sadvae_har.method.gate import DomainClassifier, GateExamples

EVERYDAY = {
    "usc-had": (
        *("walking forward", "walking upstairs", "walking downstairs", "running forward", "jumping"),
        *("sitting", "standing", "sleeping"),
    ),
    "wisdm": ("walking", "jogging", "stairs", "sitting", "standing", "typing", "brushing teeth", "clapping"),
    "hapt": ("walking", "walking upstairs", "walking downstairs", "sitting", "standing", "lying"),
    "dsads": (
        *("walking in a parking lot", "running on a treadmill", "jumping", "ascending stairs", "descending stairs"),
        *("cycling on an exercise bike in vertical position", "sitting", "standing", "lying on back"),
    ),
}
N_SEEN, N_DESCRIBED = 4, 2


def draw_split(dataset: str, subjects: Iterable[str], trial: int) -> Split:
    """Return the split of one trial: four seen and two described classes, two people that decide, all others tested."""
    generator = np.random.default_rng([trial, len(dataset)])
    classes = generator.permutation(EVERYDAY[dataset])[: N_SEEN + N_DESCRIBED].tolist()
    people = generator.permutation(sorted(subjects)).tolist()
    seen = tuple(name for name in EVERYDAY[dataset] if name in classes[:N_SEEN])
    return Split(
        dataset=dataset,
        name=f"small-{trial}",
        kind="custom",
        seed=trial,
        seen=seen,
        unseen=tuple(name for name in EVERYDAY[dataset] if name in classes[N_SEEN:]),
        train_subjects=tuple(people[:1]),
        val_subjects=tuple(people[1:2]),
        test_subjects=tuple(people[2:]),
        inner=inner_folds(seen, N_DESCRIBED / len(classes), trial),
    )


def score(table: FeatureTable, split: Split, resources: Path) -> tuple[list[GateExamples], GateExamples, Config]:
    """Train on one split; return the scores of the inner folds and of the test windows, and the settings."""
    config = Config(dataset=split.dataset, split=split.name, text=TextConfig(views=("label", "sentence")))
    problem = make_problem(table, split, load_text(config, split, Locations(resources=resources)))
    with TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        fitted = stages.train_zsl(problem, config, run)
        return stages.prepare_gate(problem, config, fitted, run), stages.score_test(problem, config, fitted), config
