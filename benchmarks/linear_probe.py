"""A linear probe on held-out subjects: what a frozen encoder knows, against what nothing learned and labels alone give.

    python benchmarks/linear_probe.py --raw FOLDER [--encoders FOLDER ...] [--datasets usc-had hapt wisdm]
        [--out benchmarks/linear_probe.json]

A logistic regression is trained on 1 %, 10 % and all labelled windows of the train subjects, at least one per class;
the validation subjects choose its strength, and per-class accuracy is measured on the test subjects. Features:
statistical ones, each frozen encoder, the same network untrained, and each encoder beside the statistical features.
The residual network is trained from scratch on the same labelled windows, and its features are read in the same way.
Few labels are drawn anew for each seed, for the residual network once. An encoder that met windows of a data set is
marked `own`; it never met the test subjects, nor any label.
FOLDER holds the raw recordings of each data set in a folder of its name.
Axis legend: N windows, D features.
"""

import argparse
import json
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler

from feature_extraction.datasets.prepare import prepare
from feature_extraction.encoders.patch_transformer.network import PatchTransformer
from feature_extraction.encoders.statistical.features import statistical_features
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.pretraining.resnet.config import PretrainConfig
from feature_extraction.pretraining.resnet.loop import Task, fit
from feature_extraction.protocol.draw_splits import known_partition
from feature_extraction.protocol.split import Split
from feature_extraction.storage.files import write_text
from feature_extraction.storage.places import RESOURCES
from feature_extraction.windows.window_set import WindowSet

DATASETS = ("usc-had", "hapt", "wisdm")
PARTS_OF_LABELS = (0.01, 0.1, 1.0)
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # inverse L2 penalty C
OWN = " (own)"
RESNET = "residual network, from scratch"
BATCH_WINDOWS = 256


def partition_rows(windows: WindowSet) -> dict[str, np.ndarray]:
    """Return the windows of train, validation and test subjects."""
    partition = known_partition(windows.dataset)
    assert partition is not None
    return {
        part: np.flatnonzero(np.isin(windows.subjects, getattr(partition, part))) for part in ("train", "val", "test")
    }


def draw_labelled(labels: np.ndarray, rows: np.ndarray, part: float, seed: int) -> np.ndarray:
    """Draw a part of the rows of every class, at least one."""
    generator = np.random.default_rng(seed)
    chosen = []
    for name in np.unique(labels[rows]):
        own = rows[labels[rows] == name]
        chosen.append(generator.choice(own, max(1, round(part * len(own))), replace=False))
    return np.sort(np.concatenate(chosen))


def probe(features: np.ndarray, windows: WindowSet, labelled: np.ndarray) -> float:
    """Return per-class accuracy on the test subjects of a linear classifier trained on labelled rows of [N, D]."""
    rows, labels = partition_rows(windows), windows.labels
    scaler = StandardScaler().fit(features[labelled])
    scaled = scaler.transform(features)
    scores = {}
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=300, tol=1e-3).fit(scaled[labelled], labels[labelled])
        accuracy = {
            part: balanced_accuracy_score(labels[rows[part]], model.predict(scaled[rows[part]]))
            for part in ("val", "test")
        }
        scores[strength] = (accuracy["val"], accuracy["test"])
    return float(max(scores.values(), key=lambda pair: pair[0])[1])


def from_scratch(windows: WindowSet, labelled: np.ndarray, seed: int) -> np.ndarray:
    """Train the residual network on labelled rows; return its features of all windows [N, D]."""
    rows, partition = partition_rows(windows), known_partition(windows.dataset)
    assert partition is not None
    classes = tuple(sorted(set(windows.labels[labelled].tolist())))
    split = Split(
        dataset=windows.dataset,
        name="linear-probe",
        kind="supervised",
        seed=seed,
        seen=classes,
        unseen=("no class",),  # a split has one; here every class is trained on
        train_subjects=partition.train,
        val_subjects=partition.val,
        test_subjects=partition.test,
        inner=(classes[:1],),
    )
    val = rows["val"][np.isin(windows.labels[rows["val"]], classes)]
    task = Task(windows, split, classes, labelled, val)
    with tempfile.TemporaryDirectory() as scratch:
        encoder = fit(task, PretrainConfig(seed=seed), Path(scratch), "linear probe").encoder
    features = np.empty((len(windows), encoder.n_features), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(windows), BATCH_WINDOWS):
            batch = slice(start, start + BATCH_WINDOWS)
            features[batch] = encoder(torch.from_numpy(np.array(windows.samples[batch], dtype=np.float32))).numpy()
    return features


def frozen_features(windows: WindowSet, encoders: Sequence[Path], text_cache: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield a name and features [N, D] for everything that is not trained on the labels."""
    statistics = statistical_features(windows.samples, windows.channels, windows.settings.rate_hz)[0]
    yield "statistical", statistics
    for folder in encoders:
        checkpoint = PatchCheckpoint.load(folder)
        met = any(entry.dataset == windows.dataset for entry in checkpoint.provenance)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            untrained = replace(checkpoint, encoder=PatchTransformer(checkpoint.encoder.config).eval())
        if folder == encoders[0]:
            yield "untrained", untrained.embed_windows(windows, text_cache=text_cache)
        name = folder.name + OWN if met else folder.name
        features = checkpoint.embed_windows(windows, text_cache=text_cache)
        yield name, features
        yield f"{name} + statistical", np.concatenate([features, statistics], axis=1)


def measure(windows: WindowSet, encoders: Sequence[Path], n_seeds: int, text_cache: Path) -> dict[str, list[float]]:
    """Return mean accuracies for 1 %, 10 % and all labels, by what the features are."""
    train, results = partition_rows(windows)["train"], {}
    drawn = {
        part: [draw_labelled(windows.labels, train, part, seed) for seed in range(n_seeds if part < 1 else 1)]
        for part in PARTS_OF_LABELS
    }
    for name, features in frozen_features(windows, encoders, text_cache):
        found = [[probe(features, windows, labelled) for labelled in draws] for draws in drawn.values()]
        results[name] = [round(float(np.mean(values)), 4) for values in found]
        print(f"{windows.dataset:10} {name:34} {results[name]}", flush=True)
    first = [probe(from_scratch(windows, draws[0], 0), windows, draws[0]) for draws in drawn.values()]
    results[RESNET] = [round(value, 4) for value in first]
    print(f"{windows.dataset:10} {RESNET:34} {results[RESNET]}", flush=True)
    return results


def table(results: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Return the results as Markdown: data sets side by side; a star marks an encoder that met the data set."""
    names = list(dict.fromkeys(name.replace(OWN, "") for found in results.values() for name in found))
    parts = [f"{100 * part:g} %" for part in PARTS_OF_LABELS]
    lines = [
        "| features | " + " | ".join(f"{dataset}, {part}" for dataset in results for part in parts) + " |",
        "|---" + "|---:" * (len(results) * len(parts)) + "|",
    ]
    for name in names:
        row = []
        for found in results.values():
            entries = {key.replace(OWN, ""): ("*" if OWN in key else "", values) for key, values in found.items()}
            star, values = entries[name]
            row += [f"{100 * value:.1f}{star}" for value in values]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print; write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True, help="folder of raw recordings, a folder for each data set")
    parser.add_argument("--encoders", type=Path, nargs="*", default=[RESOURCES / "encoders" / "tiny"])
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--seeds", type=int, default=3, help="draws of 1 %% and 10 %% of the labels")
    parser.add_argument("--resources", type=Path, default=RESOURCES, help="where windows and texts are kept")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args()
    logging.getLogger("feature_extraction").setLevel(logging.WARNING)
    results = {}
    for dataset in options.datasets:
        windows = prepare(dataset, options.raw / dataset, out=options.resources / "windows")
        results[dataset] = measure(windows, options.encoders, options.seeds, options.resources / "text_feats")
    print(table(results))
    if options.out:
        write_text(options.out, json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
