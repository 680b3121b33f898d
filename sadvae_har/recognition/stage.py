"""After the four stages: calibrate on the inner folds, and gather everything that recognising needs in one file."""

from pathlib import Path

import numpy as np

from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.features.window_encoder import WindowEncoder
from feature_extraction.storage.files import write_json
from sadvae_har.config.settings import Config
from sadvae_har.experiment import stages as experiment
from sadvae_har.experiment.fitted import FittedModels
from sadvae_har.experiment.problem import Problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.method.gate import GateExamples
from sadvae_har.recognition.calibration import calibration_report, fit_calibration
from sadvae_har.recognition.familiarity import Familiarity
from sadvae_har.recognition.model.file import save_model
from sadvae_har.recognition.model.header import MODEL_FILE
from sadvae_har.recognition.model.parts import gather_model
from sadvae_har.recognition.segments import smooth

CALIBRATION_FILE = "calibration.json"


def write_recognizer(
    problem: Problem,
    config: Config,
    fitted: FittedModels,
    folder: RunFolder,
    encoder: WindowEncoder,
    class_list: ClassList,
    vectors: np.ndarray,
) -> Path:
    """Write `recognizer.safetensors` into a run folder whose four stages are done, and `calibration.json`.

    Args:
        problem: The run's problem.
        config: Its config.
        fitted: Its trained models.
        folder: The run folder.
        encoder: Makes the features that the run read.
        class_list: Descriptions of its classes.
        vectors: Their semantic vectors, in the order of `problem.classes`, [C, E].

    Returns:
        The path of the file.

    Raises:
        InputError: The run's classifier cannot take in activities one by one.
    """
    gate, inner = experiment.read_gate(folder), experiment.read_gate_examples(problem, folder)
    strange = [strangeness(problem, number, examples) for number, examples in enumerate(inner, start=1)]
    calibration = fit_calibration(inner, strange, gate, problem.split)
    stream = experiment.synthesis_stream(config, 0)
    model = gather_model(problem, config, fitted, stream, gate, calibration, encoder, class_list, vectors)
    test = experiment.score_fold(problem, config, fitted, 0, problem.split.test_subjects)
    report = calibration_report(test, strangeness(problem, 0, test), gate, calibration)
    write_json(folder.path / CALIBRATION_FILE, report)
    save_model(model, folder.path / MODEL_FILE)  # Last: what an interruption leaves is made again.
    return folder.path / MODEL_FILE


def strangeness(problem: Problem, number: int, examples: GateExamples) -> np.ndarray:
    """Return how strange a fold's windows are to the training windows of the fold, smoothed, [n]."""
    fold = problem.folds[number]
    rows = fold.rows
    labels = problem.names(np.unique(problem.class_index[rows]))
    problem.split.check_fit(labels, np.unique(problem.subjects[rows]), f"familiarity ({fold.name})")
    familiarity = Familiarity.fit(fold.features[rows].numpy(), problem.class_index[rows], problem.subjects[rows])
    _, piece = np.unique(problem.recordings[examples.rows], return_inverse=True)
    return smooth(familiarity.strangeness(fold.features[examples.rows].numpy()), piece)
