"""The four stages of one run on one split, each with what it leaves in the run folder.

1. `train_zsl` trains the VAEs of the final problem and of every inner fold, chooses the step on the
   inner folds; `evaluate_zsl` synthesises the unseen classes and classifies their test windows.
2. `prepare_gate` scores validation windows of seen and pseudo-unseen classes.
3. `train_gate` fits the domain classifier there.
4. `score_test` scores the test windows of all classes, `evaluate_gzsl` merges both label spaces on them.
"""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from feature_extraction.errors import InputError
from feature_extraction.protocol.split import OPEN
from feature_extraction.storage.files import read_json, read_npz, write_json, write_npz
from sadvae_har.config.settings import Config
from sadvae_har.evaluation import numbers
from sadvae_har.evaluation.metrics import per_class_top1
from sadvae_har.evaluation.numbers import GatedWindows, TestWindows
from sadvae_har.experiment.fitted import FittedModels, class_scorer, fit_seen_classifiers, seed_of, training_key
from sadvae_har.experiment.latent_map import latent_map
from sadvae_har.experiment.problem import Fold, Problem
from sadvae_har.experiment.run_folder import GATE, GATE_EXAMPLES, TRAINED, TRAINING_STATE, RunFolder
from sadvae_har.method.gate import TEXT_MARGIN, DomainClassifier, GateExamples, fit_gate, usable_folds
from sadvae_har.method.scorer import ClassScorer, gather_scores
from sadvae_har.method.training import Trainer, TrainingData
from sadvae_har.method.training_state import Snapshots, load_state, save_state

logger = logging.getLogger(__name__)

_TRAIN, _SYNTHESIS = 1, 3  # Independent random streams of a run; 2 is the seen classifiers'.


def train_zsl(problem: Problem, config: Config, folder: RunFolder, key: str | None = None) -> FittedModels:
    """Stage 1: train every model, choose the step on the inner folds, save the result.

    A run that was interrupted goes on from its last checkpoint and ends with the same weights.

    Args:
        problem: The split as arrays.
        config: Settings.
        folder: Where the run leaves its files.
        key: What `training_key` returns for the run, if that was worked out before.
    """
    trainer, key = make_trainer(problem, config), key or training_key(problem, config)
    state = folder.path / TRAINING_STATE
    snapshots: Snapshots = load_state(state, trainer, key) if state.exists() else {}
    n_steps, checkpoints = config.train.n_steps, config.train.checkpoints
    n_models, n_numbers = len(trainer.generators), sum(p.numel() for p in trainer.model.parameters())
    logger.info(
        "training %d models (%d folds x %d seeds, %.1f million weights) for %d steps on %d threads",
        n_models,
        len(problem.folds),
        config.train.n_seeds,
        n_numbers / 1e6,
        n_steps,
        torch.get_num_threads(),
    )
    with tqdm(total=n_steps, initial=trainer.step_number, desc="training VAEs", unit="step", disable=None) as bar:
        while trainer.step_number < n_steps:
            terms, adversary = trainer.step()
            bar.update()
            if trainer.step_number in checkpoints:
                values = {name: round(value.mean().item(), 4) for name, value in vars(terms).items()}
                folder.log({"step": trainer.step_number, **values, "adversary": round(adversary.mean().item(), 4)})
                snapshots[trainer.step_number] = trainer.snapshot()
                save_state(state, trainer, snapshots, key)
    fitted = choose_models(snapshots, problem, config, key)
    inner_top1 = {str(step): round(value, 4) for step, value in fitted.inner_top1.items()}
    folder.log({"chosen_step": fitted.step, "inner_top1": inner_top1})
    fitted.save(folder.path / TRAINED)
    state.unlink(missing_ok=True)
    return fitted


def choose_models(snapshots: Snapshots, problem: Problem, config: Config, key: str) -> FittedModels:
    """Choose the step on the inner folds, the last one if there are none, and train the seen classifiers."""
    scores = {step: inner_fold_top1(weights, problem, config) for step, weights in sorted(snapshots.items())}
    step = choose_step(scores) if len(problem.folds) > 1 else max(scores)
    inner_top1 = {candidate: float(values.mean()) for candidate, values in scores.items() if len(values)}
    return FittedModels(snapshots[step], fit_seen_classifiers(problem, config), step, inner_top1, key)


def evaluate_zsl(problem: Problem, config: Config, fitted: FittedModels, folder: RunFolder) -> dict[str, Any]:
    """Classify test windows of unseen classes among the unseen classes; save predictions and metrics."""
    rows, logits, scorer = score_unseen(problem, config, fitted.weights)
    unseen = np.array(problem.split.unseen)
    windows = TestWindows(
        labels=unseen[problem.class_index[rows] - len(problem.split.seen)],
        predictions=unseen[logits.argmax(1)],
        subjects=problem.subjects[rows],
        recordings=problem.recordings[rows],
    )
    report = numbers.evaluate_zsl(windows, problem.split.unseen, config.seed)
    folder.merge_predictions(windows.arrays("zsl_") | {"zsl_scores": logits} | latent_map(problem, scorer, config.seed))
    folder.merge_metrics(
        {
            "dataset": problem.split.dataset,
            "split": problem.split.name,
            "seed": config.seed,
            "zsl": report,
            "measured": problem.split.meaning,
            "chosen": chosen_step(fitted),
        }
    )
    return report


def note_untested(
    problem: Problem, config: Config, fitted: FittedModels, gate: DomainClassifier, folder: RunFolder
) -> None:
    """Write down what was chosen on an open split, on which nothing is measured."""
    split = problem.split
    facts = {"dataset": split.dataset, "split": split.name, "seed": config.seed, "measured": split.meaning}
    folder.merge_metrics({**facts, "chosen": {**chosen_step(fitted), **_chosen_gate(gate)}})


def _chosen_gate(gate: DomainClassifier) -> dict[str, float]:
    temperatures = {"seen_temperature": gate.seen_temperature, "unseen_temperature": gate.unseen_temperature}
    return {**temperatures, "gate_threshold": gate.threshold}


def chosen_step(fitted: FittedModels) -> dict[str, Any]:
    """Return the chosen step, and how its models did on inner folds if there were any."""
    top1 = fitted.inner_top1.get(fitted.step)
    return {"step": fitted.step} | ({} if top1 is None else {"inner_top1": top1})


def prepare_gate(problem: Problem, config: Config, fitted: FittedModels, folder: RunFolder) -> list[GateExamples]:
    """Stage 2: scores of validation windows of seen and pseudo-unseen classes, one entry per inner fold."""
    examples = score_inner_folds(problem, config, fitted)
    arrays: dict[str, np.ndarray] = {}
    for number, entry in enumerate(examples, start=1):
        arrays |= {f"inner-{number}/{name}": np.asarray(value) for name, value in vars(entry).items()}
    write_npz(folder.path / GATE_EXAMPLES, arrays)
    return examples


def score_inner_folds(problem: Problem, config: Config, fitted: FittedModels) -> list[GateExamples]:
    """Score the windows that each inner fold is measured on with the fold's own models."""
    numbers = range(1, len(problem.folds))
    return [score_fold(problem, config, fitted, k, problem.split.chosen_on(k)) for k in numbers]


def synthesis_stream(config: Config, number: int) -> int:
    """Return the seed of the synthesis noise of a fold; 0 is the final problem in stage 4."""
    return seed_of(config.seed, _SYNTHESIS, number)


def score_test(problem: Problem, config: Config, fitted: FittedModels) -> GateExamples:
    """Stage 4, first half: score the test windows of all classes with the final models."""
    return score_fold(problem, config, fitted, 0, problem.split.test_subjects)


def score_fold(
    problem: Problem, config: Config, fitted: FittedModels, number: int, subjects: tuple[str, ...]
) -> GateExamples:
    """Score all windows of a fold's classes from some subjects with the fold's own models."""
    fold = problem.folds[number]
    order = np.concatenate([fold.train, fold.held_out])
    rows = problem.windows(order, subjects)
    scorer = class_scorer(problem, number, config, fitted.weights, synthesis_stream(config, number))
    logits = _text_logits(scorer, fold, order, rows)
    scores = gather_scores(scorer.model, fitted.seen_classifier_of(problem, number), logits, fold.features[rows])
    position = np.argsort(order)
    return GateExamples(
        **vars(scores),
        labels=position[np.searchsorted(order[position], problem.class_index[rows])],
        class_names=problem.names(order),
        subjects=problem.subjects[rows],
        rows=rows,
    )


def train_gate(problem: Problem, config: Config, examples: list[GateExamples], folder: RunFolder) -> DomainClassifier:
    """Stage 3: fit temperatures, domain classifier and threshold on what stage 2 scored."""
    gate = gate_of(problem, config, examples)
    write_json(folder.path / GATE, gate.to_dict())
    return gate


def gate_of(problem: Problem, config: Config, examples: list[GateExamples]) -> DomainClassifier:
    """Return the gate fitted on inner folds, or `TEXT_MARGIN` where too little is labelled for any fold.

    Raises:
        InputError: The split has validation subjects and inner folds, but no fold has windows of both kinds.
    """
    if not usable_folds(examples) and (problem.split.kind == OPEN or not examples):
        logger.warning("too few classes or recordings to choose on: the gate compares descriptions alone")
        return TEXT_MARGIN
    return fit_gate(examples, problem.split, config.gate, config.seed)


def read_gate_examples(problem: Problem, folder: RunFolder) -> list[GateExamples]:
    """Return what stage 2 saved, one entry per inner fold."""
    path = folder.path / GATE_EXAMPLES
    arrays = read_npz(path)
    examples = []
    for number in range(1, len(problem.folds)):
        part: dict[str, Any] = {k.partition("/")[2]: v for k, v in arrays.items() if k.startswith(f"inner-{number}/")}
        if part.keys() != GateExamples.__dataclass_fields__.keys():
            raise InputError(f"{path}: lacks scores of inner fold {number}; delete it and run `gate train`")
        examples.append(GateExamples(**(part | {"class_names": tuple(part["class_names"].tolist())})))
    return examples


def read_gate(folder: RunFolder) -> DomainClassifier:
    """Return the gate that stage 3 saved."""
    path = folder.path / GATE
    return DomainClassifier.from_dict(read_json(path), str(path))


def evaluate_gzsl(
    problem: Problem, config: Config, gate: DomainClassifier, test: GateExamples, folder: RunFolder
) -> dict[str, Any]:
    """Stage 4, second half: classify test windows among all classes; save predictions and metrics."""
    classes, split = np.array(problem.classes), problem.split
    windows = GatedWindows(
        labels=classes[test.labels],
        predictions=classes[gate.predict(test)],
        subjects=test.subjects,
        recordings=problem.recordings[test.rows],
        scores=gate.joint_log_scores(test),
        p_unseen=gate.p_unseen(test),
    )
    report = numbers.evaluate_gzsl(windows, split.seen, split.unseen, config.seed)
    folder.merge_predictions(
        windows.arrays("gzsl_")
        | {
            "gzsl_scores": windows.scores,
            "gate_p_unseen": windows.p_unseen,
            "gate_is_unseen": test.is_unseen,
            "gate_threshold": np.array(gate.threshold),
            "seen": np.array(split.seen),
            "unseen": np.array(split.unseen),
        }
    )
    folder.merge_metrics({**report, "chosen": _chosen_gate(gate)})
    return report


def choose_step(scores: Mapping[int, np.ndarray]) -> int:
    """Return the latest step as good as the best, within one standard error over the inner folds.

    Args:
        scores: Step -> accuracy of every inner fold.
    """
    best = max(scores, key=lambda step: scores[step].mean())
    n_folds = len(scores[best])
    error = scores[best].std(ddof=1) / np.sqrt(n_folds) if n_folds > 1 else 0.0
    return max(step for step, values in scores.items() if values.mean() >= scores[best].mean() - error)


def score_unseen(
    problem: Problem, config: Config, weights: Mapping[str, Tensor]
) -> tuple[np.ndarray, np.ndarray, ClassScorer]:
    """Return the test windows of unseen classes [n], their logits among these classes [n, U], and what scored them."""
    final = problem.folds[0]
    rows = problem.windows(final.held_out, problem.split.test_subjects)
    scorer = class_scorer(problem, 0, config, weights, seed_of(config.seed, _SYNTHESIS))
    return rows, _text_logits(scorer, final, final.held_out, rows).numpy(), scorer


def _text_logits(scorer: ClassScorer, fold: Fold, classes: np.ndarray, rows: np.ndarray) -> Tensor:
    """Return logits [n, C] of windows of a fold against classes, both by their position."""
    return scorer.text_logits(fold.coordinates[classes], fold.outside[classes], fold.features[rows])


def make_trainer(problem: Problem, config: Config) -> Trainer:
    """Return the training run of all models of a problem, folds x seeds."""
    folds, seeds = range(len(problem.folds)), range(config.train.n_seeds)
    for fold in problem.folds:
        labels = [problem.classes[k] for k in np.unique(problem.class_index[fold.rows])]
        problem.split.check_fit(labels, np.unique(problem.subjects[fold.rows]), f"VAE training ({fold.name})")
    data = TrainingData(
        features=problem.features,
        fold=torch.tensor([f for f in folds for _ in seeds]),
        class_index=torch.from_numpy(problem.class_index),
        text=torch.stack([problem.folds[f].coordinates for f in folds for _ in seeds]),
        rows=tuple(problem.folds[f].rows for f in folds for _ in seeds),
    )
    return Trainer(data, config.model, config.train, [seed_of(config.seed, _TRAIN, f, s) for f in folds for s in seeds])


def inner_fold_top1(weights: Mapping[str, Tensor], problem: Problem, config: Config) -> np.ndarray:
    """Return per-class top-1 of each inner fold on its pseudo-unseen windows of train and validation subjects."""
    values = []
    for number, fold in enumerate(problem.folds[1:], start=1):
        rows = problem.windows(fold.held_out, problem.split.train_subjects + problem.split.val_subjects)
        scorer = class_scorer(problem, number, config, weights, synthesis_stream(config, number))
        logits = _text_logits(scorer, fold, fold.held_out, rows)
        values.append(per_class_top1(problem.class_index[rows], fold.held_out[logits.numpy().argmax(1)]))
    return np.array(values)
