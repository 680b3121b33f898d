"""From a config to results: find split, features and texts, run the four stages, write the report."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.prepare import prepare
from feature_extraction.descriptions.class_list import VIEWS
from feature_extraction.errors import InputError, LeakageError
from feature_extraction.features.extract import encoder_folder
from feature_extraction.features.window_encoder import WindowEncoder
from feature_extraction.protocol.split import list_splits
from feature_extraction.storage.places import runs_folder
from sadvae_har.baselines.reference.layout import OriginalLayout, export_original
from sadvae_har.baselines.reference.layout_import import import_original
from sadvae_har.baselines.reference.recipe import load_reference_config, score_reference, train_reference
from sadvae_har.config.files import CONFIGS_FOLDER
from sadvae_har.config.settings import Config
from sadvae_har.evaluation.metrics import majority
from sadvae_har.experiment import stages as experiment
from sadvae_har.experiment.fitted import FittedModels, training_key
from sadvae_har.experiment.inputs import Locations, default_folder, load_features, load_problem, load_split, load_text
from sadvae_har.experiment.problem import Problem, make_problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.recognition.model.header import MODEL_FILE
from sadvae_har.recognition.stage import write_recognizer
from sadvae_har.report.run_page import write_report

logger = logging.getLogger(__name__)


def run(config: Config, locations: Locations, out: Path | None = None) -> tuple[RunFolder, dict[str, Any]]:
    """Run all four stages and the report; stages that are complete already are not run again.

    Returns:
        The run folder and its metrics.
    """
    folder, problem = _begin(config, locations, out)
    metrics = run_stages(problem, config, folder)
    make_recognizer(problem, config, folder, locations)
    if folder.is_newer("calibration.json", "report.html"):
        write_report(folder.path)  # It shows what calibration found.
    return folder, metrics


def make_recognizer(problem: Problem, config: Config, folder: RunFolder, locations: Locations) -> None:
    """Write the model file of a run whose stages are done, unless it is there or the run cannot have one."""
    if (folder.path / MODEL_FILE).exists():
        return
    try:
        encoder = _window_encoder(problem, config, locations)
        class_list, vectors = get_dataset(config.dataset).class_list(), load_text(config, problem.split, locations)
        fitted = load_or_train(problem, config, folder)
        write_recognizer(problem, config, fitted, folder, encoder, class_list, vectors)
    except LeakageError:
        raise
    except InputError as error:
        logger.warning("no model file for `predict` and `demo`: %s", error)


def _window_encoder(problem: Problem, config: Config, locations: Locations) -> WindowEncoder:
    """Return what makes the run's features of new windows."""
    if problem.source is None:
        raise InputError(f"{locations.features}: the feature table does not say how its windows were cut")
    resnet = None
    if "resnet" in config.features.blocks and locations.features is None:
        windows = prepare(config.dataset, locations.raw, out=locations.resources / "windows")
        resnet = encoder_folder(windows, problem.split, "supervised", locations.resources)
    return WindowEncoder.load(problem.source, config.features.blocks, resnet, locations.resources / "text_feats")


def _begin(config: Config, locations: Locations, out: Path | None) -> tuple[RunFolder, Problem]:
    """Check everything that can be checked before long work starts, then gather the inputs of a run."""
    folder = RunFolder(out or default_folder(config, locations))
    split = load_split(config)
    if config.reference is not None:
        load_reference_config(reference_path(config.reference))
    folder.require_same(config, split)
    problem = load_problem(config, split, locations)
    folder.start(config, split)
    return folder, problem


def run_stages(problem: Problem, config: Config, folder: RunFolder) -> dict[str, Any]:
    """Run the four stages on a problem, then the report; return the metrics. A complete run is not run again."""
    fitted = load_or_train(problem, config, folder)
    if (folder.path / "report.html").exists() and folder.metrics():
        logger.info("%s is complete; delete it to run again", folder.path)
        return folder.metrics()
    experiment.evaluate_zsl(problem, config, fitted, folder)
    experiment.prepare_gate(problem, config, fitted, folder)
    experiment.train_gate(problem, config, folder)
    experiment.evaluate_gzsl(problem, config, fitted, folder)
    folder.merge_metrics({"chance": chance_levels(problem)})
    if config.reference is not None:
        folder.merge_metrics({"reference": run_reference(problem, config)})
    write_report(folder.path)
    return folder.metrics()


def run_original(layout: OriginalLayout, config: Config, locations: Locations, out: Path | None) -> RunFolder:
    """Run all four stages on features, texts and split read from the original SA-DVAE folder layout."""
    original = import_original(layout)
    split = original.split
    config = replace(config, dataset=split.dataset, split=split.name)
    folder = RunFolder(out or runs_folder(locations.resources) / split.dataset / f"original-{split.name}")
    folder.require_same(config, split)
    order = [original.classes.index(name) for name in split.classes]
    problem = make_problem(original.table, split, original.text[order])
    folder.start(config, split)
    run_stages(problem, config, folder)
    return folder


def load_or_train(problem: Problem, config: Config, folder: RunFolder) -> FittedModels:
    """Return the fitted models of a run folder, training them if stage 1 has not finished there."""
    path = folder.path / "model.safetensors"
    if path.exists():
        return FittedModels.load(path, training_key(problem, config))
    return experiment.train_zsl(problem, config, folder)


def chance_levels(problem: Problem) -> dict[str, float]:
    """Return what guessing scores: uniformly over the unseen, over all classes, and always the largest class."""
    final = problem.folds[0]
    rows = problem.windows(final.held_out, problem.split.test_subjects)
    return {
        "zsl": 1 / len(final.held_out),
        "gzsl": 1 / len(problem.classes),
        "majority_zsl": majority(problem.class_index[rows]),
    }


def run_reference(problem: Problem, config: Config) -> dict[str, Any]:
    """Run the published recipe on the same features; its best cycle is an oracle row, selected on test."""
    if config.reference is None:
        raise InputError("reference: no config given; name a file or a shipped one such as reference_har.yaml")
    final, split = problem.folds[0], problem.split
    test = problem.windows(final.held_out, split.test_subjects)
    split.check_fit(problem.names(final.train), problem.subjects[final.rows], "reference recipe")
    result = train_reference(
        final.features[final.rows].numpy(),
        problem.class_index[final.rows],
        problem.text[final.train].numpy(),
        problem.text[final.held_out].numpy(),
        final.features[test].numpy(),
        load_reference_config(reference_path(config.reference)),
        config.seed,
    )
    return score_reference(result, problem.class_index[test] - len(split.seen))


def reference_path(name: str) -> Path:
    """Return the path of a reference recipe: a file, or a shipped one by name."""
    path, shipped = Path(name), CONFIGS_FOLDER / name
    return shipped if not path.exists() and shipped.exists() else path


def export_to_original(config: Config, locations: Locations, out: Path) -> Path:
    """Write features, texts and split in the folder layout that the original SA-DVAE code reads."""
    split = load_split(config)
    layout = OriginalLayout(out, split.dataset, len(split.classes), len(split.unseen))
    class_list = get_dataset(config.dataset).class_list()
    names = tuple(name for name in class_list.names if name in split.classes)
    vectors = load_text(config, split, locations)
    order = [split.classes.index(name) for name in names]
    export_original(layout, load_features(config, split, locations), split, names, vectors[order])
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
    folder, problem = _begin(config, locations, out)
    if name == "zsl train":
        load_or_train(problem, config, folder)
        return folder
    fitted = FittedModels.load(folder.path / "model.safetensors", training_key(problem, config))
    if name == "zsl evaluate":
        experiment.evaluate_zsl(problem, config, fitted, folder)
    elif name == "gate train":
        experiment.prepare_gate(problem, config, fitted, folder)
        experiment.train_gate(problem, config, folder)
    else:
        experiment.evaluate_gzsl(problem, config, fitted, folder)
        make_recognizer(problem, config, folder, locations)
    folder.merge_metrics({"chance": chance_levels(problem)})
    return folder
