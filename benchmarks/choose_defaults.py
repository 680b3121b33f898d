"""Compare settings on inner folds alone: how the defaults were chosen, without test subjects or unseen classes.

    python benchmarks/choose_defaults.py --raw FOLDER [--datasets dsads wisdm] [--out benchmarks/choose_defaults.json]

Every inner fold of every split trains without its pseudo-unseen classes and is scored on their windows of train and
validation subjects. A fold is standardised, and its texts are centred, on its own training windows and classes.
Printed: mean per-class top-1 of each variant per data set, and the mean over data sets.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from feature_extraction.protocol.split import find_split, list_splits
from feature_extraction.storage.files import write_text
from sadvae_har.benchmark.jobs import HEADLINE
from sadvae_har.benchmark.ours import last_step_inner_top1
from sadvae_har.config.settings import Config
from sadvae_har.experiment.inputs import Locations, load_inputs

BASE = Config()
VARIANTS: Mapping[str, Config] = {
    "default": BASE,
    "synthesis term 0": replace(BASE, model=replace(BASE.model, synthesis=0.0)),
    "cross-alignment 0": replace(BASE, model=replace(BASE.model, cross_alignment=0.0)),
    "total correlation 0": replace(BASE, model=replace(BASE.model, total_correlation=0.0)),
    "distribution alignment 1": replace(BASE, model=replace(BASE.model, distribution_alignment=1.0)),
    "text noise 0": replace(BASE, model=replace(BASE.model, text_noise=0.0)),
    "text noise 0.6": replace(BASE, model=replace(BASE.model, text_noise=0.6)),
    "feature noise 0.05": replace(BASE, model=replace(BASE.model, feature_noise=0.05)),
    "400 steps of 64 windows": replace(
        BASE, train=replace(BASE.train, n_steps=400, batch_size=64, learning_rate=3e-3, weight_averaging=0.99)
    ),
    "16 windows a step": replace(BASE, train=replace(BASE.train, batch_size=16)),
    "no disentangling": replace(BASE, model=replace(BASE.model, instance_dim=0, total_correlation=0.0)),
    "doubt 0": replace(BASE, classifier=replace(BASE.classifier, doubt=0.0)),
    "doubt 1": replace(BASE, classifier=replace(BASE.classifier, doubt=1.0)),
    "shrinkage 0.1": replace(BASE, classifier=replace(BASE.classifier, shrinkage=0.1)),
    "shrinkage 0.5": replace(BASE, classifier=replace(BASE.classifier, shrinkage=0.5)),
    "latents, cosine": replace(BASE, classifier=replace(BASE.classifier, synthesise="latents", kind="cosine")),
    "features, softmax": replace(BASE, classifier=replace(BASE.classifier, kind="softmax")),
    "kinematics weight 2": replace(BASE, text=replace(BASE.text, kinematics_weight=2.0)),
    "without kinematics": replace(BASE, text=replace(BASE.text, views=BASE.text.views[:-1])),
}


def inner_accuracy(dataset: str, config: Config, locations: Locations) -> list[float]:
    """Return the mean inner-fold accuracy of every headline split of a data set."""
    found = []
    for name in list_splits(dataset, kind=HEADLINE[dataset]):
        on_split = replace(config, dataset=dataset, split=name)
        problem = load_inputs(on_split, locations, find_split(dataset, name)).problem()
        found.append(float(last_step_inner_top1(problem, on_split).mean()))
    return found


def main() -> None:
    """Compare and print; write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True, help="folder with one folder of recordings per data set")
    parser.add_argument("--resources", type=Path, default=Locations().resources, help="folder of windows and features")
    parser.add_argument("--datasets", nargs="+", default=list(HEADLINE), choices=list(HEADLINE))
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--out", type=Path, help="write the accuracies to this JSON file after every variant")
    options = parser.parse_args()
    results: dict[str, dict[str, list[float]]] = {}
    print(f"{'':26}", *(f"{name:>9}" for name in options.datasets), "     mean")
    for name in options.variants:
        results[name] = {
            dataset: inner_accuracy(
                dataset, VARIANTS[name], Locations(raw=options.raw / dataset, resources=options.resources)
            )
            for dataset in options.datasets
        }
        means = [float(np.mean(values)) for values in results[name].values()]
        print(f"{name:26}", *(f"{value:9.3f}" for value in means), f"{np.mean(means):9.3f}", flush=True)
        if options.out:
            write_text(options.out, json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
