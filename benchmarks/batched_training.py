"""Seconds to train one model: many at once, against one at a time and against the published recipe's loop.

    python benchmarks/batched_training.py [--table FILE] [--out benchmarks/batched_training.json] [--figure FILE]

All on the same features in the same run, one split of DSADS from its committed feature table:

* ours, the default configuration, K models of the final problem in one batched pass, K = 1, 2, ..., 64;
* the published SA-DVAE recipe as its code runs it: a `DataLoader`, one model, Python at every step, ten cycles;
* the whole process - all four stages - on a growing share of the windows.

Times are medians of `--repeats` runs; the ratio of the first two per model is what the tables quote.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch.utils.data import DataLoader, TensorDataset

from feature_extraction.features.table import FeatureTable
from feature_extraction.storage.files import write_text
from sadvae_har.baselines.reference.networks import weights_at
from sadvae_har.baselines.reference.recipe import ReferenceTrainer, classify_synthesised, load_reference_config
from sadvae_har.config.settings import Config
from sadvae_har.experiment import stages as experiment
from sadvae_har.experiment.inputs import Locations, load_split, load_text
from sadvae_har.experiment.problem import Problem, make_problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.method.training import Trainer, TrainingData

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "resources" / "feature_tables" / "dsads.npz"
CONFIG = Config()
MODELS = (1, 2, 4, 8, 16, 32, 64)
SHARES = (8, 4, 2, 1)


def seconds(run: Callable[[], object], repeats: int) -> float:
    """Return the median wall time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def train_ours(problem: Problem, n_models: int) -> None:
    """Train K models of the final problem to the last step."""
    final = problem.folds[0]
    data = TrainingData(
        features=problem.features[:1],
        fold=torch.zeros(n_models, dtype=torch.long),
        class_index=torch.from_numpy(problem.class_index),
        text=final.text.expand(n_models, -1, -1),
        rows=(final.rows,) * n_models,
    )
    trainer = Trainer(data, CONFIG.model, CONFIG.train, range(n_models))
    while trainer.step_number < CONFIG.train.n_steps:
        trainer.step()


def train_reference_loop(problem: Problem) -> None:
    """Train one model of the published recipe, a classifier after each cycle, the way its code does."""
    config = load_reference_config("reference_har.yaml")
    generator = torch.Generator().manual_seed(0)
    final = problem.folds[0]
    features = final.features[final.rows]
    text = torch.nn.functional.normalize(problem.text, dim=-1)
    own_text = text[torch.from_numpy(problem.class_index[final.rows])]
    loader = DataLoader(TensorDataset(features, own_text), config.batch_size, shuffle=True, generator=generator)
    trainer = ReferenceTrainer(features.shape[1], text.shape[1], config, generator)
    tests = final.features[problem.windows(final.held_out, problem.split.test_subjects)]
    for cycle in range(config.n_cycles):
        for step, (inputs, texts) in enumerate(loader):
            trainer.step(inputs, texts, step, weights_at(step, len(loader), cycle))
        classify_synthesised(trainer.networks, text[final.held_out], tests, config, generator)


def run_stages(problem: Problem) -> None:
    """Run all four stages without a report."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder(Path(scratch))
        fitted = experiment.train_zsl(problem, CONFIG, folder)
        experiment.evaluate_zsl(problem, CONFIG, fitted, folder)
        examples = experiment.prepare_gate(problem, CONFIG, fitted, folder)
        gate = experiment.train_gate(problem, CONFIG, examples, folder)
        experiment.evaluate_gzsl(problem, CONFIG, gate, experiment.score_test(problem, CONFIG, fitted), folder)


def draw_cost(results: dict[str, Any], path: Path) -> None:
    """Draw cost per model over models trained at once, and cost of all stages over windows."""
    figure = Figure(figsize=(9, 3.6), layout="constrained", dpi=144)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    models = {int(k): v for k, v in results["ours_s_per_model"].items()}
    left.loglog(models.keys(), models.values(), "o-", color="#0072b2", label="ours")
    left.axhline(results["reference_s"], color="#d55e00", linestyle="--", label="published recipe's loop")
    left.set(xlabel="models trained at once", ylabel="seconds per model", xticks=list(models))
    left.set_xticklabels([str(k) for k in models])
    left.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
    left.minorticks_off()
    left.legend(frameon=False)
    windows = {int(k): v for k, v in results["four_stages_s_by_windows"].items()}
    right.plot(windows.keys(), windows.values(), "o-", color="#0072b2")
    right.set(xlabel="windows", ylabel="seconds, all four stages", ylim=(0, None), xlim=(0, None))
    figure.savefig(path)


def main() -> None:
    """Measure and print; write JSON and the figure when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=TABLE, help="feature table of DSADS")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    parser.add_argument("--figure", type=Path, help="draw the curves to this PNG file")
    options = parser.parse_args()
    config = replace(CONFIG, dataset="dsads", split="random-1")
    split, table = load_split(config), FeatureTable.load(options.table)
    vectors = load_text(config, split, Locations())
    problem = make_problem(table, split, vectors)
    train_ours(problem, 1)  # the first call loads kernels
    reference_s = seconds(lambda: train_reference_loop(problem), options.repeats)
    print(f"published recipe, one model: {reference_s:.2f} s", flush=True)
    per_model = {}
    for n_models in MODELS:
        per_model[n_models] = seconds(lambda n=n_models: train_ours(problem, n), options.repeats) / n_models
        ratio = reference_s / per_model[n_models]
        print(f"ours, {n_models:3} at once: {per_model[n_models]:.3f} s per model, {ratio:.0f} x cheaper", flush=True)
    stages = {}
    for share in SHARES:
        part = make_problem(table.keep_every(share), split, vectors)
        stages[len(part.class_index)] = seconds(lambda p=part: run_stages(p), 1)
        print(f"four stages, {len(part.class_index)} windows: {stages[len(part.class_index)]:.1f} s", flush=True)
    results = {
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "reference_s": round(reference_s, 3),
        "ours_s_per_model": {str(k): round(v, 4) for k, v in per_model.items()},
        "ratio_at_32": round(reference_s / per_model[32], 1),
        "four_stages_s_by_windows": {str(k): round(v, 2) for k, v in stages.items()},
    }
    if options.out:
        write_text(options.out, json.dumps(results, indent=2) + "\n")
    if options.figure:
        draw_cost(results, options.figure)


if __name__ == "__main__":
    main()
