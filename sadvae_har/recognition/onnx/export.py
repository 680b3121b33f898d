"""A recogniser as one ONNX file (https://onnx.ai), for phones, watches and browsers: windows in, probabilities out.

The file needs nothing beside it. Its metadata entry `sadvae_har` is JSON: activities, channels with units, rate, length
and stride of windows, and the limits of strangeness. Axis legend: n windows, T time, C channels, A activities.
"""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
import torch

from feature_extraction.errors import InputError
from feature_extraction.recordings.signal import GRAVITY_MPS2
from feature_extraction.storage.files import atomic_path
from feature_extraction.windows.input_format import InputFormat
from sadvae_har.recognition.everyday.recognizer import EverydayRecognizer
from sadvae_har.recognition.onnx.device_graph import DeviceRecognizerGraph
from sadvae_har.recognition.onnx.graph import Recognition, RecognizerGraph
from sadvae_har.recognition.recognizer import Recognizer

FORMAT_VERSION = 1
METADATA = "sadvae_har"
OPSET = 20
INPUT = "windows"
PRECISE = ("signals.", "fourier", "cut_", "whiten", "roots")  # Matrices whose rounding to int8 costs accuracy.
CHECK_BATCH = 256


@dataclass(frozen=True)
class Parity:
    """How an exported file compares with the recogniser it was made from.

    Attributes:
        n_windows: Windows compared.
        largest: Largest difference of a probability.
        same_activity: Share of windows with the same activity.
        same_unknown: Share of windows that both or neither call unknown.
    """

    n_windows: int
    largest: float
    same_activity: float
    same_unknown: float


def require(module: str) -> ModuleType:
    """Import a package of the extra `export`.

    Raises:
        InputError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(
            f"ONNX export needs {module} ({error}); install it: pip install 'sadvae-har[export]'"
        ) from error


def export_onnx(recognizer: Recognizer, path: Path, int8: bool = False) -> Path:
    """Write a recogniser with its present list of activities as one ONNX file; return the path.

    Args:
        recognizer: What to write; one of any devices reads one of them, with or without gyroscope (see `reading`).
        path: File that ends in `.onnx`.
        int8: Keep the large matrices as 8-bit integers and multiply in integers.

    Raises:
        InputError: A package is missing, the name is no `.onnx` file, the features have no translation, or there are
            several devices.
    """
    onnx = require("onnx")
    require("onnxscript")
    if path.suffix != ".onnx":
        raise InputError(f"{path}: no .onnx file; name one, such as model.onnx")
    source = recognizer.source
    example = torch.from_numpy(motion_windows(source, 2))
    graph: RecognizerGraph | DeviceRecognizerGraph
    graph = (
        DeviceRecognizerGraph(recognizer) if isinstance(recognizer, EverydayRecognizer) else RecognizerGraph(recognizer)
    )
    graph.eval()
    with _quiet():
        program = torch.onnx.export(
            graph,
            (example,),
            input_names=[INPUT],
            output_names=list(Recognition._fields),
            dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _strip(model)
    if int8:
        model = _quantize(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(describe(recognizer), allow_nan=False)
    onnx.checker.check_model(model, full_check=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(model.SerializeToString())
    return path


def describe(recognizer: Recognizer) -> dict[str, Any]:
    """Return what a device has to know to feed the file and to read its outputs, as plain values."""
    source, calibration = recognizer.source, recognizer.model.calibration
    trained_limit = calibration.limit_of_trained(not all(entry.seen for entry in recognizer.activities))
    return {
        "format_version": FORMAT_VERSION,
        "name": recognizer.model.name,
        "activities": [{"name": entry.name, "seen": entry.seen} for entry in recognizer.activities],
        "channels": [
            {"device": c.device, "quantity": c.quantity, "axis": c.axis, "unit": c.unit} for c in recognizer.channels
        ],
        "placements": list(source.placements),
        "rate_hz": source.settings.rate_hz,
        "window_samples": source.settings.window_samples,
        "stride_samples": source.settings.step_samples,
        "strangeness_limits": {"seen": trained_limit, "described": calibration.described_limit},
    }


def _strip(model: Any) -> None:
    """Take out what the exporter notes for its developers: lines of source code and paths, half of a small file."""
    model.doc_string = ""
    del model.graph.value_info[:]
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]
    for part in (*model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output):
        part.doc_string = ""


def _quantize(model: Any) -> Any:
    """Return a model whose large matrices are int8 and whose activations are scaled to int8 as they come."""
    onnx, quantization = require("onnx"), require("onnxruntime.quantization")
    constants = {value.name for value in model.graph.initializer if len(value.dims) == 2}
    nodes = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul"
        and node.input[1] in constants
        and not any(part in node.input[1] for part in PRECISE)
    ]
    with TemporaryDirectory() as folder, _quiet():
        target = Path(folder) / "int8.onnx"
        quantization.quantize_dynamic(
            model, target, nodes_to_quantize=nodes, per_channel=True, weight_type=quantization.QuantType.QInt8
        )
        return onnx.load(target)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the notes of exporters and quantisers to their developers from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def open_session(path: Path, n_threads: int = 1) -> Any:
    """Open an exported file with ONNX Runtime on the processor."""
    runtime = require("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.log_severity_level = 4  # errors are raised, so that they need not be logged as well
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def compare(recognizer: Recognizer, path: Path, windows: np.ndarray) -> Parity:
    """Compare an exported file with the recogniser on windows [n, T, C], each taken by itself."""
    session = open_session(path)
    parts = [
        session.run(None, {INPUT: np.ascontiguousarray(windows[start : start + CHECK_BATCH], np.float32)})
        for start in range(0, len(windows), CHECK_BATCH)
    ]
    probabilities, positions, _, flagged = (np.concatenate(values) for values in zip(*parts, strict=True))
    features = recognizer.features(windows)
    joint, activity = recognizer.score(features)
    model, n_trained = recognizer.model, len(recognizer.model.trained)
    described = activity >= n_trained if len(recognizer.names) > n_trained else None
    unknown = model.calibration.excess(recognizer.strangeness(features), described) > 0
    return Parity(
        n_windows=len(windows),
        largest=float(np.abs(probabilities - model.calibration.probabilities(joint)).max()),
        same_activity=float(np.mean(positions == activity)),
        same_unknown=float(np.mean(flagged == unknown)),
    )


def motion_windows(source: InputFormat, n_windows: int, seed: int = 0) -> np.ndarray:
    """Return windows of made-up motion in a format: a turned sensor that swings at some rate, with noise.

    Args:
        source: Channels, rate and length.
        n_windows: n.
        seed: Of the motion.

    Returns:
        float32 [n, T, C] in SI units; the strength of a motion spans from rest to running.
    """
    generator = np.random.default_rng(seed)
    settings, channels = source.settings, source.channels
    time_s = np.arange(settings.window_samples) / settings.rate_hz
    windows = np.empty((n_windows, len(time_s), len(channels)), dtype=np.float32)
    for window in windows:
        strength = 10 ** generator.uniform(-1.5, 1.0)
        rate_hz, sensors = generator.uniform(0.4, 3.0), [(c.device, c.quantity) for c in channels]
        for sensor in dict.fromkeys(sensors):
            columns = [k for k, other in enumerate(sensors) if other == sensor]
            phase = generator.uniform(0, 2 * np.pi, (1, len(columns)))
            swing = np.sin(2 * np.pi * rate_hz * time_s[:, None] + phase) * generator.normal(size=phase.shape)
            rest = generator.normal(size=len(columns))
            gravity = GRAVITY_MPS2 * rest / np.linalg.norm(rest) if sensor[1] == "acc" else 0.0
            noise = generator.normal(scale=0.05, size=swing.shape)
            window[:, columns] = gravity + strength * (swing + noise)
    return windows
