"""The end of stage 4: calibrate on the inner folds, and gather everything that recognising needs in one file."""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.features.window_encoder import WindowEncoder
from feature_extraction.storage.files import write_json
from sadvae_har.experiment.problem import Problem
from sadvae_har.experiment.run_folder import RunFolder
from sadvae_har.method.gate import GateExamples
from sadvae_har.recognition.calibration import Calibration, calibration_report, fit_calibration
from sadvae_har.recognition.model.file import save_model
from sadvae_har.recognition.model.header import MODEL_FILE, read_summary
from sadvae_har.recognition.model.parts import FinishedRun, gather_model
from sadvae_har.recognition.prediction import smooth
from sadvae_har.recognition.strangeness import Strangeness

logger = logging.getLogger(__name__)

CALIBRATION_FILE = "calibration.json"


class Calibrated(NamedTuple):
    """What was fitted on the inner folds, and the strangeness of the final problem."""

    calibration: Calibration
    strangeness: Strangeness


def calibrate(run: FinishedRun, inner: list[GateExamples], test: GateExamples | None, folder: RunFolder) -> Calibrated:
    """Fit temperature and limits of *unknown*, and write down what they do on test windows if there are any.

    Args:
        run: A run whose gate is trained.
        inner: Scores of validation windows, as stage 2 leaves them.
        test: Scores of test windows, as of stage 4; none of an open split.
        folder: The run folder, which gets `calibration.json`.
    """
    problem = run.problem
    fitted = [fit_strangeness(problem, number) for number in range(len(problem.folds))]
    strange = [measure(problem, k, fitted[k], examples) for k, examples in enumerate(inner, start=1)]
    if not any(map(len, strange)):  # nothing could be held back
        inner = []
        rows = problem.folds[0].rows
        strange = [_smoothed(problem, rows, fitted[0].measure_training(problem.subjects[rows]))]
    calibration = fit_calibration(inner, strange, run.gate, problem.split)
    if test is not None:
        report = calibration_report(test, measure(problem, 0, fitted[0], test), run.gate, calibration)
        write_json(folder.path / CALIBRATION_FILE, report)
    return Calibrated(calibration, fitted[0])


def write_recognizer(
    run: FinishedRun, calibrated: Calibrated, encoder: WindowEncoder, class_list: ClassList, folder: RunFolder
) -> Path:
    """Write `recognizer.safetensors` into the run folder; return its path. One with added activities stays as it is.

    Raises:
        InputError: The run's classifier cannot take in activities one by one, or the file that is there is damaged.
    """
    path, model = folder.path / MODEL_FILE, gather_model(run, encoder, class_list, *calibrated)
    own = {entry.name for entry in (*model.trained, *model.described)}
    if path.exists() and (added := [entry.name for entry in read_summary(path).activities if entry.name not in own]):
        logger.warning("%s: has activities that were added (%s), so it stays as it is", path, ", ".join(added))
    else:
        save_model(model, path)
    return path


def fit_strangeness(problem: Problem, number: int) -> Strangeness:
    """Fit to the training windows of a fold."""
    fold, rows = problem.folds[number], problem.folds[number].rows
    labels = problem.names(np.unique(problem.class_index[rows]))
    problem.split.check_fit(labels, np.unique(problem.subjects[rows]), f"strangeness ({fold.name})")
    return Strangeness.fit(fold.features[rows].numpy(), problem.class_index[rows], problem.subjects[rows])


def measure(problem: Problem, number: int, strangeness: Strangeness, examples: GateExamples) -> np.ndarray:
    """Return how strange windows are to the training windows of a fold, smoothed, [n]."""
    found = strangeness.measure(problem.folds[number].features[examples.rows].numpy())
    return _smoothed(problem, examples.rows, found)


def _smoothed(problem: Problem, rows: np.ndarray, strangeness: np.ndarray) -> np.ndarray:
    """Smooth the strangeness of windows over their neighbours in the same recording, [n]."""
    _, piece = np.unique(problem.recordings[rows], return_inverse=True)
    return smooth(strangeness, piece)
