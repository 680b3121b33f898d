"""What the benchmark runs on one split: ours, its ablations and gates, the rivals, the published recipe, the bound.

Each runner takes a `Problem` and returns measurements, one per seed; nothing here reads or writes result files.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.windows.window_set import WindowSet
from sadvae_har.baselines import RIVALS, closed_form, kinematic_matcher, supervised
from sadvae_har.baselines.method import Method
from sadvae_har.baselines.reference.recipe import load_reference_config, score_reference, train_reference
from sadvae_har.baselines.zerohar.network import ZeroHarConfig
from sadvae_har.baselines.zerohar.zerohar import FittedZeroHar, train_zerohar
from sadvae_har.benchmark.rivals import evaluate_rival, evaluate_upper_bound, gzsl_numbers, zsl_numbers
from sadvae_har.benchmark.stacking import JointScores, choose_bias
from sadvae_har.config.files import CONFIGS_FOLDER
from sadvae_har.config.settings import (
    ClassifierConfig,
    Config,
    FeatureConfig,
    GateConfig,
    ModelConfig,
    TextConfig,
    TrainConfig,
)
from sadvae_har.experiment import stages as experiment
from sadvae_har.experiment.problem import Problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.method.gate import DomainClassifier, GateExamples, fit_gate
from sadvae_har.method.gzsl import joint_log_scores

OURS = "sadvae_har"
REFERENCE, MATCHER, UPPER_BOUND, CLOSED_FORM = "sa-dvae", "kinematic matcher", "supervised", "closed form, no VAEs"
REFERENCE_BEST = f"{REFERENCE}, best cycle"
ZEROHAR = "zerohar"
ZEROHAR_PUBLISHED = ZeroHarConfig()
ZEROHAR_CONFIG = replace(ZEROHAR_PUBLISHED, alignment_epochs=10, recognition_epochs=25)  # minutes a fold, not hours
TEXT_ALONE = "without kinematics"
ABLATION_BASE = "all parts, last step"
REFERENCE_RECIPE = CONFIGS_FOLDER / "reference_har.yaml"

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


@dataclass(frozen=True)
class RawInputs:
    """What a method that reads windows needs beside the problem; windows are in the order of the problem's.

    Attributes:
        windows: All windows of the data set.
        channel_text: Embedding of each channel's sensor description [C, E].
        class_text: Mean description embedding of each class of the problem [K, E].
    """

    windows: WindowSet
    channel_text: np.ndarray
    class_text: np.ndarray


@dataclass(frozen=True)
class Measurement:
    """What one run of one method gave; becomes a row of the results file.

    Attributes:
        method: Name of the method or variant.
        group: `ours`, `rival`, `reference`, `ablation`, `gate`, `oracle` or `upper bound`.
        seed: Seed.
        zsl: See `zsl_numbers`; gates have none.
        gzsl: See `gzsl_numbers`; none where it does not apply.
        setting: What the inner folds chose.
        inner_top1: Per-class top-1 on the inner folds.
        seconds: Time of the run, tuning included.
    """

    method: str
    group: str
    seed: int
    zsl: Mapping[str, Any] | None
    gzsl: Mapping[str, float] | None = None
    setting: str = ""
    inner_top1: float | None = None
    seconds: float = field(default=0.0, compare=False)


def run_ours(problem: Problem, config: Config, seeds: Sequence[int]) -> Iterator[Measurement]:
    """Run all four stages once per seed, and every gate on the scores of each."""
    for seed in seeds:
        start = time.perf_counter()
        seeded = replace(config, seed=seed)
        with tempfile.TemporaryDirectory() as scratch:
            folder = RunFolder(Path(scratch))
            fitted = experiment.train_zsl(problem, seeded, folder)
            rows, predicted = experiment.predict_unseen(problem, seeded, fitted)
            examples = experiment.prepare_gate(problem, seeded, fitted, folder)
        gate = fit_gate(examples, problem.split, config.gate, seed)
        test = experiment.score_fold(problem, seeded, fitted, 0, problem.split.test_subjects)
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
        rows, predicted = experiment.predict_last_step(problem, config)
        numbers = zsl_numbers(problem, rows, predicted, seed)
        yield Measurement(name, "ablation", seed, numbers, seconds=time.perf_counter() - start)


def run_rival(
    problem: Problem, name: str, candidates: Sequence[Method], seeds: Sequence[int], group: str = "rival"
) -> Iterator[Measurement]:
    """Tune a rival on the inner folds and score it once per seed; the time is shared out evenly."""
    start = time.perf_counter()
    results = evaluate_rival(problem, candidates, seeds)
    seconds = (time.perf_counter() - start) / len(seeds)
    for seed, result in zip(seeds, results, strict=True):
        yield Measurement(
            name, group, seed, result.zsl, result.gzsl, result.setting, result.inner_top1, seconds=seconds
        )


def run_upper_bound(problem: Problem, seeds: Sequence[int]) -> Iterator[Measurement]:
    """Score a classifier that saw labelled windows of the unseen classes."""
    for seed in seeds:
        start = time.perf_counter()
        result = evaluate_upper_bound(problem, supervised.Supervised(), seed)
        seconds = time.perf_counter() - start
        yield Measurement(UPPER_BOUND, "upper bound", seed, result.zsl, setting=result.setting, seconds=seconds)


def run_reference(problem: Problem, seeds: Sequence[int]) -> Iterator[Measurement]:
    """Run the published SA-DVAE recipe: its last cycle, and its best cycle, which is selected on test."""
    final, split = problem.folds[0], problem.split
    recipe = load_reference_config(REFERENCE_RECIPE)
    split.check_fit(problem.names(final.train), np.unique(problem.subjects[final.rows]), "reference recipe")
    rows = problem.windows(final.held_out, split.test_subjects)
    for seed in seeds:
        start = time.perf_counter()
        result = train_reference(
            final.features[final.rows].numpy(),
            problem.class_index[final.rows],
            problem.text[final.train].numpy(),
            problem.text[final.held_out].numpy(),
            final.features[rows].numpy(),
            recipe,
            seed,
        )
        best = score_reference(result, problem.class_index[rows] - len(split.seen))["oracle"]["cycle"] - 1
        seconds = time.perf_counter() - start
        for name, group, cycle in ((REFERENCE, "reference", -1), (REFERENCE_BEST, "oracle", best)):
            numbers = zsl_numbers(problem, rows, result.predictions_per_cycle[cycle], seed)
            yield Measurement(name, group, seed, numbers, seconds=seconds)


def run_zerohar(
    problem: Problem, inputs: RawInputs, config: ZeroHarConfig, seeds: Sequence[int]
) -> Iterator[Measurement]:
    """Train ZeroHAR on windows and score it, ZSL only: a bias for GZSL would take a training on every inner fold."""
    final, split = problem.folds[0], problem.split
    rows, windows = problem.windows(final.held_out, split.test_subjects), inputs.windows
    seen_text, unseen_text = inputs.class_text[final.train], inputs.class_text[final.held_out]
    if not np.array_equal(problem.recordings, windows.recordings):
        raise InputError(f"zerohar: windows and features of {split.dataset} differ; make the features of these windows")
    for seed in seeds:
        start = time.perf_counter()
        fitted = train_zerohar(windows, final.rows, split, inputs.channel_text, seen_text, config, seed)
        predicted = fitted.score(windows.samples[rows], unseen_text).argmax(1)
        seconds = time.perf_counter() - start
        numbers = zsl_numbers(problem, rows, predicted, seed)
        yield Measurement(ZEROHAR, "rival", seed, numbers, setting=_training_of(fitted), seconds=seconds)


def _training_of(fitted: FittedZeroHar) -> str:
    """Say how long both stages trained, of how many published epochs, and which training losses they reached."""
    stages = (
        ("stage I", fitted.alignment_losses, ZEROHAR_PUBLISHED.alignment_epochs),
        ("stage II", fitted.recognition_losses, ZEROHAR_PUBLISHED.recognition_epochs),
    )
    return "; ".join(
        f"{name}: {len(losses)} of {published} epochs, training loss {min(losses):.3f}"
        for name, losses, published in stages
    )


def _gates(problem: Problem, examples: Sequence[GateExamples], test: GateExamples, seed: int) -> Iterator[Measurement]:
    for name, config in GATES.items():
        yield Measurement(name, "gate", seed, None, _gated(test, fit_gate(examples, problem.split, config, seed)))
    folds = [_stacked(entry) for entry in examples if 0 < entry.is_unseen.sum() < len(entry.labels)]
    bias, joint = choose_bias(folds), _stacked(test)
    yield Measurement(CALIBRATED_STACKING, "gate", seed, None, gzsl_numbers(joint, joint.predict(bias), -joint.lead))


def _gated(test: GateExamples, gate: DomainClassifier) -> dict[str, float]:
    p_unseen = gate.p_unseen(test)
    joint = JointScores(joint_log_scores(*gate.probabilities(test), p_unseen), test.labels, test.seen_logits.shape[1])
    return gzsl_numbers(joint, gate.predict(test), p_unseen)


def _stacked(examples: GateExamples) -> JointScores:
    return JointScores(examples.text_logits.astype(np.float64), examples.labels, examples.seen_logits.shape[1])


def run_method(
    problem: Problem,
    name: str,
    seeds: Sequence[int],
    kinematic_columns: tuple[int, ...] = (),
    raw: RawInputs | None = None,
) -> Iterator[Measurement]:
    """Run a method by name.

    Args:
        problem: The problem in the method's own inputs, see `config_of`.
        name: One of `METHODS`.
        seeds: Ablations and methods without random numbers use the first one.
        kinematic_columns: Written attribute of each column of the block `kinematic`, for the matcher.
        raw: Windows and embedded sentences, for ZeroHAR.

    Raises:
        InputError: ZeroHAR without its inputs.
    """
    if name == OURS:
        return run_ours(problem, Config(), seeds)
    if name in ABLATIONS:
        return run_ablation(problem, name, seeds[:1])
    if name == REFERENCE:
        return run_reference(problem, seeds)
    if name == UPPER_BOUND:
        return run_upper_bound(problem, seeds)
    if name == MATCHER:
        return run_rival(problem, name, kinematic_matcher.candidates(kinematic_columns), seeds[:1])
    if name == ZEROHAR:
        if raw is None:
            raise InputError(f"{ZEROHAR} reads raw windows; pass them and their texts as `raw`")
        return run_zerohar(problem, raw, ZEROHAR_CONFIG, seeds)
    if name == CLOSED_FORM:
        return run_rival(problem, name, closed_form.candidates(), seeds[:1], group="ablation")
    return run_rival(problem, name, RIVALS[name](), seeds)


def config_of(name: str) -> Config:
    """Return the config whose features and texts a method reads; rivals read those of ours."""
    if name == MATCHER:
        return Config(features=FeatureConfig(("kinematic",)), text=TextConfig(views=("kinematics",)))
    if name == ZEROHAR:  # kinematics are numbers, not sentences
        return ABLATIONS[TEXT_ALONE]
    return ABLATIONS.get(name, Config())


METHODS = (OURS, *RIVALS, REFERENCE, MATCHER, ZEROHAR, UPPER_BOUND, CLOSED_FORM, *ABLATIONS)
