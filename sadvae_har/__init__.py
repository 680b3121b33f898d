"""Zero-shot recognition of human activities from wearable IMU signals and written descriptions.

Rooms in the order of the data; each imports only from those above it, and from `feature_extraction`:

    config       settings of a run, and the YAML files they come from
    evaluation   metrics, intervals, the numbers of a run
    method       networks, losses, training, synthesis, classifiers, gate
    experiment   one split: its problem, the four stages, the run folder
    baselines    rivals of the method
    report       pages of one run, and of several compared
    recognition  the product: load, predict, add an activity, explain, export
    everyday     training of the model of any devices, on all data sets together
    benchmark    every method on every split
    pipeline     from a config to results
    demo         the page to try a model
    commands     the command line, one file a group of commands
    __main__     its entry

What programs need can be imported from here, whatever room it stands in: `from sadvae_har import Recognizer`. Each is
loaded at its first use, so that importing the package stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feature_extraction.datasets import get_dataset
    from feature_extraction.datasets.prepare import prepare
    from feature_extraction.descriptions.embeddings import embed_views
    from feature_extraction.errors import InputError, LeakageError
    from feature_extraction.features.table import FeatureTable
    from feature_extraction.features.window_encoder import WindowEncoder
    from feature_extraction.own_files.read import Declared, plan_reading, read_recording
    from feature_extraction.pretraining.checkpoint import PatchCheckpoint
    from feature_extraction.protocol.split import Split, find_split
    from feature_extraction.recordings.recording import Channel, Recording
    from feature_extraction.windows.stream import WindowStream
    from feature_extraction.windows.window_set import WindowSet
    from sadvae_har.config.files import load_config
    from sadvae_har.config.settings import Config
    from sadvae_har.experiment.inputs import Locations
    from sadvae_har.method.gate import DomainClassifier
    from sadvae_har.method.model import SADVAE
    from sadvae_har.pipeline import run
    from sadvae_har.recognition.activities import read_activities
    from sadvae_har.recognition.estimator.estimator import ZeroShotClassifier
    from sadvae_har.recognition.live import RecordingStream, predict_file
    from sadvae_har.recognition.prediction import Prediction
    from sadvae_har.recognition.recognizer import Recognizer
    from sadvae_har.report.run_files import read_run

__version__ = "0.1.0"
__all__ = [
    "Channel",
    "Config",
    "Declared",
    "DomainClassifier",
    "FeatureTable",
    "InputError",
    "LeakageError",
    "Locations",
    "PatchCheckpoint",
    "Prediction",
    "Recognizer",
    "Recording",
    "RecordingStream",
    "SADVAE",
    "Split",
    "WindowEncoder",
    "WindowSet",
    "WindowStream",
    "ZeroShotClassifier",
    "embed_views",
    "find_split",
    "get_dataset",
    "load_config",
    "plan_reading",
    "predict_file",
    "prepare",
    "read_activities",
    "read_recording",
    "read_run",
    "run",
]
_HOMES = {  # module: what is taken from it
    "feature_extraction.datasets": "get_dataset",
    "feature_extraction.datasets.prepare": "prepare",
    "feature_extraction.descriptions.embeddings": "embed_views",
    "feature_extraction.errors": "InputError LeakageError",
    "feature_extraction.features.table": "FeatureTable",
    "feature_extraction.features.window_encoder": "WindowEncoder",
    "feature_extraction.own_files.read": "Declared plan_reading read_recording",
    "feature_extraction.pretraining.checkpoint": "PatchCheckpoint",
    "feature_extraction.protocol.split": "Split find_split",
    "feature_extraction.recordings.recording": "Channel Recording",
    "feature_extraction.windows.stream": "WindowStream",
    "feature_extraction.windows.window_set": "WindowSet",
    "sadvae_har.config.files": "load_config",
    "sadvae_har.config.settings": "Config",
    "sadvae_har.experiment.inputs": "Locations",
    "sadvae_har.method.gate": "DomainClassifier",
    "sadvae_har.method.model": "SADVAE",
    "sadvae_har.pipeline": "run",
    "sadvae_har.recognition.activities": "read_activities",
    "sadvae_har.recognition.estimator.estimator": "ZeroShotClassifier",
    "sadvae_har.recognition.live": "RecordingStream predict_file",
    "sadvae_har.recognition.prediction": "Prediction",
    "sadvae_har.recognition.recognizer": "Recognizer",
    "sadvae_har.report.run_files": "read_run",
}


def __getattr__(name: str) -> Any:
    """Load a public class or function at its first use (PEP 562)."""
    home = next((module for module, names in _HOMES.items() if name in names.split()), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(home), name)
    return found


def __dir__() -> list[str]:
    """Return what is there, loaded or not."""
    return sorted({*globals(), *__all__})
