"""Our method on one split, as the benchmark runs it: whole, behind other gates, and with parts taken away."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from sadvae_har.benchmark.measurement import Measurement, gzsl_numbers, zsl_numbers
from sadvae_har.benchmark.stacking import JointScores, choose_bias
from sadvae_har.config.settings import (
    ClassifierConfig,
    Config,
    GateConfig,
    ModelConfig,
    TextConfig,
    TrainConfig,
)
from sadvae_har.experiment import stages
from sadvae_har.experiment.problem import Problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.method.gate import DomainClassifier, GateExamples, fit_gate

OURS = "sadvae_har"
TEXT_ALONE = "without kinematics"
ABLATION_BASE = "all parts, last step"

_MODEL, _TRAIN, _TEXT = ModelConfig(), TrainConfig(), TextConfig()
ABLATIONS: Mapping[str, Config] = {
    ABLATION_BASE: Config(),
    "no disentangling": Config(model=replace(_MODEL, instance_dim=0, total_correlation=0.0)),
    "no total correlation": Config(model=replace(_MODEL, total_correlation=0.0)),
    "no cross-alignment": Config(model=replace(_MODEL, cross_alignment=0.0)),
    "no synthesis term": Config(model=replace(_MODEL, synthesis=0.0)),
    "distribution alignment added": Config(model=replace(_MODEL, distribution_alignment=1.0)),
    "feature noise added": Config(model=replace(_MODEL, feature_noise=0.05)),
    "twice the steps and windows": Config(train=replace(_TRAIN, n_steps=400, batch_size=64)),
    "no text noise": Config(model=replace(_MODEL, text_noise=0.0)),
    "one hidden layer": Config(model=replace(_MODEL, hidden_dim=64)),
    "one model": Config(train=replace(_TRAIN, n_seeds=1)),
    "label only": Config(text=replace(_TEXT, views=("label",))),
    "sentence only": Config(text=replace(_TEXT, views=("sentence",))),
    "motion only": Config(text=replace(_TEXT, views=("motion",))),
    "paraphrases only": Config(text=replace(_TEXT, views=("paraphrases",))),
    "kinematics only": Config(text=replace(_TEXT, views=("kinematics",))),
    TEXT_ALONE: Config(text=replace(_TEXT, views=_TEXT.views[:-1])),
    "synthesised latents, cosine": Config(classifier=ClassifierConfig(synthesise="latents", kind="cosine")),
    "synthesised latents, softmax": Config(classifier=ClassifierConfig(synthesise="latents", kind="softmax")),
    "synthesised features, softmax": Config(classifier=ClassifierConfig(kind="softmax")),
}
GATES: Mapping[str, GateConfig] = {
    "gate: text margin": GateConfig(cues=("text_margin",)),
    "gate: kNN novelty": GateConfig(cues=("novelty",)),
    "gate: energy": GateConfig(cues=("energy",)),
    "gate: soft fusion": GateConfig(fusion="soft"),
}
CALIBRATED_STACKING = "gate: calibrated stacking"


def run_ours(problem: Problem, config: Config, seeds: Sequence[int]) -> Iterator[Measurement]:
    """Run all four stages once per seed, and every gate on the scores of each."""
    for seed in seeds:
        start = time.perf_counter()
        seeded = replace(config, seed=seed)
        with tempfile.TemporaryDirectory() as scratch:
            folder = RunFolder(Path(scratch))
            fitted = stages.train_zsl(problem, seeded, folder)
            rows, predicted = predict_unseen(problem, seeded, fitted.weights)
            examples = stages.prepare_gate(problem, seeded, fitted, folder)
        gate = fit_gate(examples, problem.split, config.gate, seed)
        test = stages.score_fold(problem, seeded, fitted, 0, problem.split.test_subjects)
        yield Measurement(
            method=OURS,
            group="ours",
            seed=seed,
            zsl=zsl_numbers(problem, rows, predicted, seed),
            gzsl=_gated(test, gate),
            setting=f"step={fitted.step}, threshold={gate.threshold}",
            inner_top1=fitted.inner_top1[fitted.step],
            seconds=time.perf_counter() - start,
        )
        yield from _gates(problem, examples, test, seed)


def run_ablation(problem: Problem, name: str, seeds: Sequence[int]) -> Iterator[Measurement]:
    """Train the final models of a variant to the last step; inner folds have no say, so that variants compare."""
    for seed in seeds:
        start = time.perf_counter()
        config = replace(ABLATIONS[name], seed=seed)
        rows, predicted = predict_last_step(problem, config)
        numbers = zsl_numbers(problem, rows, predicted, seed)
        yield Measurement(name, "ablation", seed, numbers, seconds=time.perf_counter() - start)


def predict_unseen(problem: Problem, config: Config, weights: Mapping[str, Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Return the test windows of unseen classes and their predicted positions among these classes, both [n]."""
    rows, logits, _ = stages.score_unseen(problem, config, weights)
    return rows, logits.argmax(1)


def predict_last_step(problem: Problem, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Train the final problem's models alone to the last step, then do as `predict_unseen`."""
    return predict_unseen(problem, config, _last_weights(replace(problem, folds=problem.folds[:1]), config))


def last_step_inner_top1(problem: Problem, config: Config) -> np.ndarray:
    """Train to the last step; return per-class top-1 of each inner fold, without a look at test windows."""
    return stages.inner_fold_top1(_last_weights(problem, config), problem, config)


def _last_weights(problem: Problem, config: Config) -> dict[str, Tensor]:
    trainer = stages.make_trainer(problem, config)
    while trainer.step_number < config.train.n_steps:
        trainer.step()
    return trainer.snapshot()


def _gates(problem: Problem, examples: Sequence[GateExamples], test: GateExamples, seed: int) -> Iterator[Measurement]:
    for name, config in GATES.items():
        yield Measurement(name, "gate", seed, None, _gated(test, fit_gate(examples, problem.split, config, seed)))
    folds = [_stacked(entry) for entry in examples if 0 < entry.is_unseen.sum() < len(entry.labels)]
    bias, joint = choose_bias(folds), _stacked(test)
    yield Measurement(CALIBRATED_STACKING, "gate", seed, None, gzsl_numbers(joint, joint.predict(bias), -joint.lead))


def _gated(test: GateExamples, gate: DomainClassifier) -> dict[str, float]:
    joint = JointScores(gate.joint_log_scores(test), test.labels, test.seen_logits.shape[1])
    return gzsl_numbers(joint, gate.predict(test), gate.p_unseen(test))


def _stacked(examples: GateExamples) -> JointScores:
    return JointScores(examples.text_logits.astype(np.float64), examples.labels, examples.seen_logits.shape[1])
