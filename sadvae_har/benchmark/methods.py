"""The registry of what the benchmark runs: ours and its ablations, the rivals, the published recipe, the bound.

A rival is here as soon as its file is in `baselines/rivals/`. Nothing here reads or writes result files.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.features.extract import kinematic_columns
from feature_extraction.storage.places import text_cache
from feature_extraction.windows.window_set import WindowSet
from sadvae_har.baselines import closed_form, kinematic_matcher, rivals
from sadvae_har.baselines.method import Method
from sadvae_har.baselines.reference.recipe import load_reference_config, predict_test_windows, score_reference
from sadvae_har.baselines.zerohar.network import ZeroHarConfig
from sadvae_har.baselines.zerohar.zerohar import FittedZeroHar, ZeroHarInputs, embed_channels, train_zerohar
from sadvae_har.benchmark.measurement import Measurement, zsl_numbers
from sadvae_har.benchmark.ours import ABLATIONS, OURS, TEXT_ALONE, run_ablation, run_ours
from sadvae_har.benchmark.rivals import evaluate_rival, evaluate_upper_bound
from sadvae_har.config.settings import Config, FeatureConfig, TextConfig
from sadvae_har.experiment.inputs import Locations, load_text
from sadvae_har.experiment.problem import Problem

REFERENCE, MATCHER, UPPER_BOUND, CLOSED_FORM = "sa-dvae", "kinematic matcher", "supervised", "closed form, no VAEs"
REFERENCE_BEST = f"{REFERENCE}, best cycle"
ZEROHAR = "zerohar"
ZEROHAR_PUBLISHED = ZeroHarConfig()
ZEROHAR_CONFIG = replace(ZEROHAR_PUBLISHED, alignment_epochs=10, recognition_epochs=25)  # minutes a fold, not hours
# Rows of the tables that have no order of their own; a rival that is not named here follows these.
TABLE_ORDER = (
    *("chance", "ridge", "mlp", "devise", "conse", "ale", "sae", "eszsl"),
    *("revise", "cada-vae", "sdgzsl", "f-clswgan", "smie"),
)


def find_rivals() -> Mapping[str, tuple[Method, ...]]:
    """Return the name and the candidate settings of every file in `baselines/rivals/`."""
    modules = [import_module(f"{rivals.__name__}.{entry.name}") for entry in iter_modules(rivals.__path__)]
    found = {module.NAME: module.candidates() for module in modules}
    return {name: found[name] for name in dict.fromkeys((*TABLE_ORDER, *found))}


RIVALS = find_rivals()


@dataclass(frozen=True)
class Inputs:
    """What a method may read of one split.

    Attributes:
        problem: Features, texts and folds, by the method's own config.
        windows: Loads the windows that the features are of.
        locations: Where embedded texts are kept.
    """

    problem: Problem
    windows: Callable[[], WindowSet]
    locations: Locations


@dataclass(frozen=True)
class BenchmarkMethod:
    """How the benchmark runs one method.

    Attributes:
        name: Name in the tables.
        run: Fits and scores it on a split, one measurement a seed or more (variants).
        config: Features and texts that it reads; rivals read those of ours.
        settings: All that decides its rows beside split and seeds; part of their key.
        ranked: Whether it is ranked against ours.
        n_seeds: With how many of a job's seeds it runs; none for all of them.
        n_job_seeds: How many seeds a job of it is given; none for all of them.
        runs_on: Whether it runs on splits of a kind.
    """

    name: str
    run: Callable[[Inputs, Sequence[int]], Iterable[Measurement]]
    config: Config
    settings: object
    ranked: bool = False
    n_seeds: int | None = None
    n_job_seeds: int | None = None
    runs_on: Callable[[str], bool] = lambda kind: True

    def measure(self, inputs: Inputs, seeds: Sequence[int]) -> Iterable[Measurement]:
        """Run it with the seeds that it takes."""
        return self.run(inputs, seeds[: self.n_seeds])


def _rival(name: str, candidates: Sequence[Method], group: str = "rival") -> BenchmarkMethod:
    """Return a rival that reads our features and texts; for GZSL it uses calibrated stacking."""

    def run(inputs: Inputs, seeds: Sequence[int]) -> list[Measurement]:
        return evaluate_rival(inputs.problem, candidates, seeds, name, group)

    return BenchmarkMethod(name, run, Config(), _inputs_and(Config(), tuple(candidates)), ranked=True)


def _ablation(name: str, config: Config) -> BenchmarkMethod:
    def run(inputs: Inputs, seeds: Sequence[int]) -> Iterator[Measurement]:
        return run_ablation(inputs.problem, name, seeds)

    return BenchmarkMethod(name, run, config, config, n_seeds=1)


def _inputs_and(config: Config, settings: object) -> tuple[object, ...]:
    return (config.features, config.text, settings)


def _run_matcher(inputs: Inputs, seeds: Sequence[int]) -> list[Measurement]:
    candidates = kinematic_matcher.candidates(kinematic_columns(inputs.windows()))
    return evaluate_rival(inputs.problem, candidates, seeds, MATCHER)


def _run_reference(inputs: Inputs, seeds: Sequence[int]) -> Iterator[Measurement]:
    """Run the published SA-DVAE recipe: its last cycle, and its best cycle, which is selected on test."""
    problem, recipe = inputs.problem, load_reference_config("reference_har.yaml")
    for seed in seeds:
        start = time.perf_counter()
        rows, predictions = predict_test_windows(problem, recipe, seed)
        scores = score_reference(predictions, problem.class_index[rows] - len(problem.split.seen))
        seconds, best = time.perf_counter() - start, scores["oracle"]["cycle"] - 1
        for name, group, cycle in ((REFERENCE, "reference", -1), (REFERENCE_BEST, "oracle", best)):
            numbers = zsl_numbers(problem, rows, predictions[cycle], seed)
            yield Measurement(name, group, seed, numbers, seconds=seconds)


def _run_zerohar(inputs: Inputs, seeds: Sequence[int]) -> Iterator[Measurement]:
    windows, split, config = inputs.windows(), inputs.problem.split, ABLATIONS[TEXT_ALONE]
    channel_text = embed_channels(windows, config.text.model, text_cache(inputs.locations.resources))
    class_text = load_text(replace(config, dataset=split.dataset, split=split.name), split, inputs.locations)
    return run_zerohar(inputs.problem, ZeroHarInputs(windows, channel_text, class_text), ZEROHAR_CONFIG, seeds)


def run_zerohar(
    problem: Problem, inputs: ZeroHarInputs, config: ZeroHarConfig, seeds: Sequence[int]
) -> Iterator[Measurement]:
    """Train ZeroHAR on windows and score it, ZSL only: a bias for GZSL would take a training on every inner fold."""
    final, split, windows = problem.folds[0], problem.split, inputs.windows
    rows = problem.windows(final.held_out, split.test_subjects)
    if not np.array_equal(problem.recordings, windows.recordings):
        raise InputError(f"zerohar: windows and features of {split.dataset} differ; make the features of these windows")
    for seed in seeds:
        start = time.perf_counter()
        fitted = train_zerohar(inputs, final.rows, split, config, seed)
        predicted = fitted.score(windows.samples[rows], inputs.class_text[final.held_out]).argmax(1)
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


_DEFAULT = Config()
_KINEMATIC = Config(features=FeatureConfig(("kinematic",)), text=TextConfig(views=("kinematics",)))
_TEXTS = ABLATIONS[TEXT_ALONE]  # kinematics are numbers, not sentences
METHODS: Mapping[str, BenchmarkMethod] = {
    method.name: method
    for method in (
        BenchmarkMethod(OURS, lambda inputs, seeds: run_ours(inputs.problem, _DEFAULT, seeds), _DEFAULT, _DEFAULT),
        *(_rival(name, candidates) for name, candidates in RIVALS.items()),
        BenchmarkMethod(REFERENCE, _run_reference, _DEFAULT, _inputs_and(_DEFAULT, ()), ranked=True),
        BenchmarkMethod(
            MATCHER,
            _run_matcher,
            _KINEMATIC,
            _inputs_and(_KINEMATIC, ()),
            ranked=True,
            n_seeds=1,  # nothing is drawn
        ),
        BenchmarkMethod(
            ZEROHAR,
            _run_zerohar,
            _TEXTS,
            _inputs_and(_TEXTS, ZEROHAR_CONFIG),
            n_job_seeds=1,  # it takes minutes a seed
            runs_on=lambda kind: kind == "zerohar",  # the folds it publishes
        ),
        BenchmarkMethod(
            UPPER_BOUND,
            lambda inputs, seeds: evaluate_upper_bound(inputs.problem, seeds, UPPER_BOUND),
            _DEFAULT,
            _inputs_and(_DEFAULT, ()),
        ),
        replace(_rival(CLOSED_FORM, closed_form.candidates(), "ablation"), ranked=False, n_seeds=1),
        *(_ablation(name, config) for name, config in ABLATIONS.items()),
    )
}
COMPETITORS = tuple(method.name for method in METHODS.values() if method.ranked)  # chance among them
