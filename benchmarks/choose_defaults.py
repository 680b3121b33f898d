"""Compare settings without touching test subjects or unseen classes: how the defaults were chosen.

    python benchmarks/choose_defaults.py dsads --raw FOLDER [--splits random] [--out FILE]

Every inner fold of every split becomes a zero-shot problem of its own, nested inside the seen classes:
its pseudo-unseen classes are unseen, the split's validation subjects are its test subjects. Encoders are
trained anew without the pseudo-unseen classes. Printed: mean per-class top-1 and its standard error.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from feature_extraction.protocol import Split, find_split
from sadvae_har.config import Config, FeatureConfig
from sadvae_har.experiment import predict_last_step
from sadvae_har.metrics import per_class_top1
from sadvae_har.pipeline import Locations, load_problem, splits_of_kind

BASE = Config()
VARIANTS: Mapping[str, Config] = {
    "default": BASE,
    "feature noise 0": replace(BASE, model=replace(BASE.model, feature_noise=0.0)),
    "feature noise 0.05": replace(BASE, model=replace(BASE.model, feature_noise=0.05)),
    "feature noise 0.2": replace(BASE, model=replace(BASE.model, feature_noise=0.2)),
    "no total correlation": replace(BASE, model=replace(BASE.model, total_correlation=0.0)),
    "no cross-alignment": replace(BASE, model=replace(BASE.model, cross_alignment=0.0)),
    "softmax classifier": replace(BASE, classifier=replace(BASE.classifier, kind="softmax")),
    "synthesise features": replace(BASE, classifier=replace(BASE.classifier, synthesise="features")),
    "kinematics weight 0.5": replace(BASE, text=replace(BASE.text, kinematics_weight=0.5)),
    "kinematics weight 2": replace(BASE, text=replace(BASE.text, kinematics_weight=2.0)),
    "without kinematics": replace(BASE, text=replace(BASE.text, views=BASE.text.views[:-1])),
    "statistical + resnet": replace(BASE, features=FeatureConfig(("statistical", "resnet"))),
}


def nested(split: Split, fold: int) -> Split:
    """Return inner fold `fold` as a split of its own; the last train subject takes over validation."""
    unseen = split.inner[fold]
    seen = tuple(name for name in split.seen if name not in unseen)
    return Split(
        dataset=split.dataset,
        name=f"{split.name}-nested{fold + 1}",
        kind="nested",
        seed=split.seed,
        seen=seen,
        unseen=unseen,
        train_subjects=split.train_subjects[:-1],
        val_subjects=split.train_subjects[-1:],
        test_subjects=split.val_subjects,
        inner=(seen[:2],),
    )


def compare(dataset: str, names: Sequence[str], chosen: Sequence[str], locations: Locations) -> dict[str, list[float]]:
    """Return the accuracies of every variant over the nested problems of the splits."""
    results: dict[str, list[float]] = {name: [] for name in chosen}
    for split in (find_split(dataset, name) for name in names):
        for fold in range(len(split.inner)):
            problem_split = nested(split, fold)
            for name in chosen:
                config = replace(VARIANTS[name], dataset=dataset)
                problem = load_problem(config, problem_split, locations)
                rows, predicted = predict_last_step(problem, config)
                labels = problem.class_index[rows] - len(problem_split.seen)
                results[name].append(per_class_top1(labels, predicted))
        print(split.name, {name: round(float(np.mean(v)), 3) for name, v in results.items()}, flush=True)
    return results


def main() -> None:
    """Compare and print; write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--raw", type=Path, help="folder of the raw recordings")
    parser.add_argument("--splits", default="random", help="kind of splits")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--out", type=Path, help="write the accuracies to this JSON file")
    options = parser.parse_args()
    names = splits_of_kind(replace(BASE, dataset=options.dataset), options.splits)
    results = compare(options.dataset, names, options.variants, Locations(raw=options.raw))
    for name, values in results.items():
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        print(f"{name:24} {np.mean(values):.3f} ± {error:.3f}")
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
