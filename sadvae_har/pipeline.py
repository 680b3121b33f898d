"""From a config to results: find split, features and texts, run the four stages, write the report."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from feature_extraction.datasets import get_dataset
from feature_extraction.descriptions.class_list import VIEWS
from feature_extraction.errors import InputError, LeakageError, WriteError
from feature_extraction.features.window_encoder import WindowEncoder
from feature_extraction.protocol.split import OPEN, list_splits
from feature_extraction.storage.places import runs_folder, text_cache
from sadvae_har.baselines.reference.layout import OriginalLayout, export_original
from sadvae_har.baselines.reference.layout_import import import_original
from sadvae_har.baselines.reference.recipe import load_reference_config, run_reference
from sadvae_har.config.settings import Config
from sadvae_har.evaluation.metrics import majority
from sadvae_har.experiment import stages
from sadvae_har.experiment.fitted import FittedModels, training_key
from sadvae_har.experiment.inputs import (
    Inputs,
    Locations,
    default_folder,
    load_features,
    load_inputs,
    load_split,
    load_text,
)
from sadvae_har.experiment.problem import Problem, make_problem
from sadvae_har.experiment.run_folder import GATE, GATE_EXAMPLES, PREDICTIONS, REPORT_FILE, TRAINED, RunFolder
from sadvae_har.method.gate import GateExamples
from sadvae_har.recognition.model.header import MODEL_FILE
from sadvae_har.recognition.model.parts import FinishedRun, require_described_one_by_one
from sadvae_har.recognition.stage import CALIBRATION_FILE, calibrate, write_recognizer
from sadvae_har.report.run_page import write_report

logger = logging.getLogger(__name__)

NO_MODEL_FILE = "no_model_file"  # in metrics.json: why there is none


@dataclass(frozen=True)
class Run:
    """A run that is about to start or to go on.

    Attributes:
        config: Its settings.
        folder: Where it leaves its files.
        problem: Features and texts, laid out.
        inputs: What these came from, of which the model file needs some; none if they were not made here.
        text_cache: Folder of sentence embeddings made before.
    """

    config: Config
    folder: RunFolder
    problem: Problem
    inputs: Inputs | None
    text_cache: Path

    @cached_property
    def key(self) -> str:
        """Digest of everything that decides the trained models."""
        return training_key(self.problem, self.config)

    @classmethod
    def begin(cls, config: Config, locations: Locations, out: Path | None) -> "Run":
        """Check everything that can be checked before long work starts, then gather the inputs."""
        folder = RunFolder(out or default_folder(config, locations))
        split = load_split(config, locations)
        if config.reference is not None:
            if split.kind == OPEN:
                raise InputError(f"reference: {config.reference} is measured on unseen classes; an open split has none")
            load_reference_config(config.reference)
        folder.require_same(config, split)
        folder.mend()
        inputs = load_inputs(config, locations, split)
        problem = inputs.problem()
        folder.start(config, split)
        return cls(config, folder, problem, inputs, text_cache(locations.resources))

    @property
    def is_open(self) -> bool:
        """Whether nothing is measured, since everything is learned from."""
        return self.problem.split.kind == OPEN

    def is_complete(self) -> bool:
        """Return whether everything is there that `run_stages` leaves."""
        metrics, path = self.folder.metrics(), self.folder.path
        wanted = {"measured"} if self.is_open else {"zsl", "gzsl", "chance"}
        wanted |= {"reference"} if self.config.reference is not None else set()
        files = {GATE_EXAMPLES, GATE, REPORT_FILE} | (set() if self.is_open else {PREDICTIONS})
        if self.inputs is not None and NO_MODEL_FILE not in metrics:
            files |= {MODEL_FILE} | (set() if self.is_open else {CALIBRATION_FILE})
        return wanted <= metrics.keys() and all((path / name).exists() for name in files)


def run(config: Config, locations: Locations, out: Path | None = None) -> tuple[RunFolder, dict[str, Any]]:
    """Run all four stages, write model file and report; a run that is complete already is not run again.

    Returns:
        The run folder and its metrics.
    """
    started = Run.begin(config, locations, out)
    return started.folder, run_stages(started)


def run_stages(this: Run) -> dict[str, Any]:
    """Run the four stages, then write the report; return the metrics."""
    problem, config, folder = this.problem, this.config, this.folder
    fitted = load_or_train(this)  # first, since a complete run of other features or texts is another run
    if this.is_complete():
        logger.info("%s is complete; delete it to run again", folder.path)
        return folder.metrics()
    if not this.is_open:
        stages.evaluate_zsl(problem, config, fitted, folder)
    examples = stages.prepare_gate(problem, config, fitted, folder)
    gate = stages.train_gate(problem, config, examples, folder)
    run_stage_4(this, FinishedRun(problem, config, fitted, gate), examples)
    if config.reference is not None:
        recipe = load_reference_config(config.reference)
        folder.merge_metrics({"reference": run_reference(problem, recipe, config.seed)})
    write_report(folder.path)
    return folder.metrics()


def run_stage_4(this: Run, finished: FinishedRun, examples: list[GateExamples]) -> None:
    """Score the test windows once: for GZSL, for the calibration report, and for the model file that scores alike.

    An open split has no test windows; then only the model file is written.

    Args:
        this: The run.
        finished: What stages 1 to 3 left behind.
        examples: Scores of validation windows, as stage 2 left them.
    """
    test = None
    if this.is_open:
        stages.note_untested(this.problem, this.config, finished.fitted, finished.gate, this.folder)
    else:
        test = stages.score_test(this.problem, this.config, finished.fitted)
        stages.evaluate_gzsl(this.problem, this.config, finished.gate, test, this.folder)
        this.folder.merge_metrics({"chance": chance_levels(this.problem)})
    if this.inputs is None:
        return
    try:
        encoder = _window_encoder(this, this.inputs)
        require_described_one_by_one(this.config)
        calibrated = calibrate(finished, examples, test, this.folder)
        write_recognizer(finished, calibrated, encoder, this.inputs.class_list, this.folder)
    except (LeakageError, WriteError):
        raise
    except InputError as error:
        logger.warning("no model file for `predict` and `demo`: %s", error)
        this.folder.merge_metrics({NO_MODEL_FILE: str(error)})


def _window_encoder(this: Run, inputs: Inputs) -> WindowEncoder:
    """Return what makes the run's features of new windows."""
    if this.problem.source is None:
        raise InputError("the feature table does not say how its windows were cut")
    return WindowEncoder.load(this.problem.source, this.config.features.blocks, inputs.resnet, this.text_cache)


def run_original(layout: OriginalLayout, config: Config, locations: Locations, out: Path | None) -> RunFolder:
    """Run all four stages on features, texts and split read from the original SA-DVAE folder layout."""
    original = import_original(layout)
    split = original.split
    config = replace(config, dataset=split.dataset, split=split.name)
    folder = RunFolder(out or runs_folder(locations.resources) / split.dataset / f"original-{split.name}")
    folder.require_same(config, split)
    folder.mend()
    order = [original.classes.index(name) for name in split.classes]
    problem = make_problem(original.table, split, original.text[order])
    folder.start(config, split)
    run_stages(Run(config, folder, problem, None, text_cache(locations.resources)))
    return folder


def load_or_train(this: Run) -> FittedModels:
    """Return the fitted models of a run, training them if stage 1 has not finished in its folder."""
    path = this.folder.path / TRAINED
    if path.exists():
        return FittedModels.load(path, this.key)
    return stages.train_zsl(this.problem, this.config, this.folder, this.key)


def chance_levels(problem: Problem) -> dict[str, float]:
    """Return what guessing scores: uniformly over the unseen, over all classes, and always the largest class."""
    final = problem.folds[0]
    rows = problem.windows(final.held_out, problem.split.test_subjects)
    return {
        "zsl": 1 / len(final.held_out),
        "gzsl": 1 / len(problem.classes),
        "majority_zsl": majority(problem.class_index[rows]),
    }


def export_to_original(config: Config, locations: Locations, out: Path) -> Path:
    """Write features, texts and split in the folder layout that the original SA-DVAE code reads."""
    split = load_split(config, locations)
    if split.kind == OPEN:
        raise InputError("the original layout is made for unseen classes; an open split has none")
    layout = OriginalLayout(out, split.dataset, len(split.classes), len(split.unseen))
    class_list = get_dataset(config.dataset).class_list()
    names = tuple(name for name in class_list.names if name in split.classes)
    vectors = load_text(config, split, locations)
    order = [split.classes.index(name) for name in names]
    table = load_features(config, split, locations)
    table = replace(table, subjects=split.groups(table))
    export_original(layout, table, split, names, vectors[order])
    return out


def run_splits(config: Config, names: Sequence[str], locations: Locations) -> list[dict[str, Any]]:
    """Run every named split of the config's data set; return their metrics in order."""
    return [run(replace(config, split=name), locations)[1] for name in names]


def splits_of_kind(config: Config, kind: str) -> list[str]:
    """Return the names of the splits of one kind.

    Raises:
        InputError: There are none.
    """
    names = list_splits(get_dataset(config.dataset).name, kind=kind)
    if not names:
        raise InputError(f"no {kind!r} splits of {config.dataset}; make some with `splits create {config.dataset}`")
    return names


def compare_descriptions(config: Config, names: Sequence[str], locations: Locations) -> dict[str, list[dict[str, Any]]]:
    """Run every named split with each description view alone and with all of them.

    Returns:
        Metrics of the splits by view name; `all` stands for every view.
    """
    choices = {view: (view,) for view in VIEWS} | {"all": VIEWS}
    results = {}
    for label, views in choices.items():
        logger.info("descriptions: %s", label)
        results[label] = run_splits(replace(config, text=replace(config.text, views=views)), names, locations)
    return results


def run_stage(name: str, config: Config, locations: Locations, out: Path | None) -> RunFolder:
    """Run one stage, reading what the earlier ones left in the run folder.

    Args:
        name: `zsl train`, `zsl evaluate`, `gate train` or `gzsl evaluate`.
        config: Config of the run.
        locations: Where inputs are found.
        out: Run folder; by default the one that belongs to the config.

    Raises:
        InputError: An earlier stage is missing.
    """
    this = Run.begin(config, locations, out)
    problem, folder = this.problem, this.folder
    if name == "zsl train":
        load_or_train(this)
        return folder
    fitted = FittedModels.load(folder.path / TRAINED, this.key)
    if name == "zsl evaluate" and this.is_open:
        raise InputError("zsl evaluate: an open split has no unseen classes; `gate train` and `gzsl evaluate` go on")
    if name == "zsl evaluate":
        stages.evaluate_zsl(problem, config, fitted, folder)
        folder.merge_metrics({"chance": chance_levels(problem)})
    elif name == "gate train":
        stages.train_gate(problem, config, stages.prepare_gate(problem, config, fitted, folder), folder)
    else:
        finished = FinishedRun(problem, config, fitted, stages.read_gate(folder))
        run_stage_4(this, finished, stages.read_gate_examples(problem, folder))
    return folder
