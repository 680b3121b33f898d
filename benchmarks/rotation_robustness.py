"""What zero-shot accuracy is left when the sensors are worn turned.

    python benchmarks/rotation_robustness.py --raw FOLDER [--encoders FOLDER ...] [--splits usc-had/zerohar-fold1 ...]
        [--turns 5] [--out benchmarks/rotation_robustness.json]

Every feature set - statistical features, each encoder, and statistical features beside each encoder - is trained once
per split on windows as recorded, with the defaults of `sadvae_har`. Then the test windows of the unseen classes are
turned, all of them and all their sensors by one random rotation, described again, standardised with the statistics of
the training windows, and classified by the same models. Several rotations are drawn evenly from all there are.
Reported is per-class top-1 before, and after each rotation. FOLDER holds the raw recordings of each data set in a
folder of its name; an encoder is named by its folder.
Axis legend: N windows, n test windows, T time, C channels, D features, F folds.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from feature_extraction.datasets.prepare import prepare
from feature_extraction.encoders.devices import find_devices
from feature_extraction.encoders.statistical.features import statistical_features
from feature_extraction.features.table import FeatureTable
from feature_extraction.pretraining.augment.rotations import draw_uniform_rotations
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.protocol.split import Split, find_split
from feature_extraction.recordings.recording import Channel
from feature_extraction.storage.files import write_text
from feature_extraction.storage.places import RESOURCES
from feature_extraction.windows.window_set import WindowSet
from sadvae_har.benchmark.ours import predict_unseen
from sadvae_har.config.settings import Config
from sadvae_har.evaluation.metrics import per_class_top1
from sadvae_har.experiment import stages as experiment
from sadvae_har.experiment.fitted import FittedModels
from sadvae_har.experiment.inputs import Locations, load_text
from sadvae_har.experiment.problem import Problem, make_problem
from sadvae_har.experiment.run_folder import RunFolder

SPLITS = ("usc-had/zerohar-fold1", "hapt/random-1")
STATISTICAL = "statistical"
Describe = Callable[[np.ndarray, np.ndarray], np.ndarray]  # windows [n, T, C] and their placements [n] to [n, D]


def draw_rotation(seed: int) -> np.ndarray:
    """Draw a rotation matrix [3, 3] evenly from all rotations."""
    return draw_uniform_rotations(1, torch.Generator().manual_seed(seed))[0].numpy()


def turn_sensors(samples: np.ndarray, channels: Sequence[Channel], rotation: np.ndarray) -> np.ndarray:
    """Turn accelerometer and gyroscope of every device alike; other channels stay.

    Args:
        samples: Windows [N, T, C].
        channels: One per column.
        rotation: [3, 3].
    """
    turned = np.array(samples, dtype=np.float32)
    for device in find_devices(channels):
        for columns in (device.acc, device.gyro):
            if len(columns):
                turned[..., columns] = turned[..., columns] @ rotation.T
    return turned


def describers(windows: WindowSet, encoders: Sequence[Path], text_cache: Path) -> dict[str, Describe]:
    """Return how each block of features is computed, by name."""
    rate_hz, channels = windows.settings.rate_hz, windows.channels

    def by_encoder(checkpoint: PatchCheckpoint) -> Describe:
        def describe(samples: np.ndarray, placements: np.ndarray) -> np.ndarray:
            features: np.ndarray | None = None
            for place in np.unique(placements):
                here = placements == place
                found = checkpoint.embed(samples[here], channels, rate_hz, str(place), text_cache)
                features = np.empty((len(samples), found.shape[1]), np.float32) if features is None else features
                features[here] = found
            assert features is not None
            return features

        return describe

    blocks: dict[str, Describe] = {STATISTICAL: lambda samples, _: statistical_features(samples, channels, rate_hz)[0]}
    return blocks | {folder.name: by_encoder(PatchCheckpoint.load(folder)) for folder in encoders}


def feature_sets(encoders: Sequence[Path]) -> dict[str, tuple[str, ...]]:
    """Return the blocks of each feature set, by its name in the report."""
    names = [folder.name for folder in encoders]
    sets = [(STATISTICAL,), *((name,) for name in names), *((STATISTICAL, name) for name in names)]
    return {" + ".join(blocks): blocks for blocks in sets}


def with_test_features(problem: Problem, rows: np.ndarray, features: np.ndarray) -> Problem:
    """Return the problem with other features of some test windows, standardised as the final problem is.

    Args:
        problem: What the models were trained on.
        rows: Test windows [n].
        features: Their features, not standardised [n, D].
    """
    changed = problem.features.clone()
    changed[0, torch.from_numpy(rows)] = torch.from_numpy(problem.standardizer.transform(features))
    final = replace(problem.folds[0], features=changed[0])
    return replace(problem, features=changed, folds=(final, *problem.folds[1:]))


def unseen_top1(problem: Problem, config: Config, fitted: FittedModels) -> float:
    """Return per-class top-1 on the test windows of the unseen classes."""
    rows, predicted = predict_unseen(problem, config, fitted.weights)
    return per_class_top1(problem.class_index[rows] - len(problem.split.seen), predicted)


def compare(
    problem: Problem, config: Config, rows: np.ndarray, turned: Sequence[np.ndarray]
) -> dict[str, float | list[float]]:
    """Train on a problem; score its test windows as they are and with the features of turned ones.

    Args:
        problem: Features of the windows as recorded.
        config: Settings of the zero-shot part.
        rows: Test windows of unseen classes [n].
        turned: Their features after each rotation [n, D], not standardised.
    """
    with tempfile.TemporaryDirectory() as scratch:
        fitted = experiment.train_zsl(problem, config, RunFolder(Path(scratch)))
    after = [unseen_top1(with_test_features(problem, rows, features), config, fitted) for features in turned]
    return {
        "before": round(unseen_top1(problem, config, fitted), 4),
        "after": [round(value, 4) for value in after],
        "mean_after": round(float(np.mean(after)), 4),
    }


def measure_split(
    windows: WindowSet, split: Split, encoders: Sequence[Path], n_turns: int, resources: Path
) -> dict[str, dict[str, float | list[float]]]:
    """Return the numbers of every feature set on one split."""
    blocks = describers(windows, encoders, resources / "text_feats")
    rows = split.rows(windows.labels, windows.subjects, split.unseen, "test")
    places = windows.placements[rows]
    turned = [turn_sensors(windows.samples[rows], windows.channels, draw_rotation(seed)) for seed in range(n_turns)]
    plain = {name: describe(windows.samples, windows.placements) for name, describe in blocks.items()}
    after = {name: [describe(samples, places) for samples in turned] for name, describe in blocks.items()}
    provenance = {folder.name: PatchCheckpoint.load(folder).provenance for folder in encoders}
    config = Config(dataset=split.dataset, split=split.name)
    text = load_text(config, split, Locations(resources=resources))
    results = {}
    for name, used in feature_sets(encoders).items():
        table = FeatureTable(
            features=np.concatenate([plain[block] for block in used], axis=1),
            labels=windows.labels,
            subjects=windows.subjects,
            recordings=windows.recordings,
            start_s=windows.start_s,
            blocks={block: plain[block].shape[1] for block in used},
            dataset=windows.dataset,
            window_key=windows.key,
            provenance=tuple(entry for block in used for entry in provenance.get(block, ())),
        )
        features = [np.concatenate([after[block][k] for block in used], axis=1) for k in range(n_turns)]
        results[name] = compare(make_problem(table, split, text), config, rows, features)
    return results


def main() -> None:
    """Measure and print; write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True, help="folder of raw recordings, a folder for each data set")
    parser.add_argument("--encoders", type=Path, nargs="*", default=[], help="folders of patch encoders")
    parser.add_argument("--splits", nargs="+", default=SPLITS, help="DATASET/SPLIT")
    parser.add_argument("--turns", type=int, default=5, help="random rotations")
    parser.add_argument("--resources", type=Path, default=RESOURCES, help="where windows and texts are kept")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args()
    results = {}
    for place in options.splits:
        dataset, _, name = place.partition("/")
        split = find_split(dataset, name)
        windows = prepare(dataset, options.raw / dataset, out=options.resources / "windows")
        results[place] = measure_split(windows, split, options.encoders, options.turns, options.resources)
        print(f"{place}: {len(split.unseen)} unseen classes, chance {1 / len(split.unseen):.3f}")
        for features, numbers in results[place].items():
            print(f"  {features:40} before {numbers['before']:.3f}  after {numbers['mean_after']:.3f}", flush=True)
    if options.out:
        write_text(options.out, json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
