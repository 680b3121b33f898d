"""Networks saved as ONNX (https://onnx.ai), run by ONNX Runtime on the CPU.

A file holds a graph of standard operators, no code. No library of custom operators is ever loaded, so a graph that
wants one is refused, and the runtime takes external data from the folder of the file only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from feature_extraction.encoders.external.foreign import reported, require_file, require_package
from feature_extraction.encoders.external.inputs import in_layout
from feature_extraction.encoders.external.spec import ExternalSpec, Layout
from feature_extraction.encoders.external.trust import Code
from feature_extraction.errors import InputError

OLDEST = (1, 31)  # before, the runtime may have read external data from any place


@dataclass(frozen=True)
class OnnxNetwork:
    """A session with one input and one output.

    Attributes:
        session: `onnxruntime.InferenceSession`.
        layout: `BTC` or `BCT`.
        batch_size: Windows per run where the graph fixes it, else None.
    """

    session: Any
    layout: Layout
    batch_size: int | None

    def embed(self, pieces: np.ndarray) -> np.ndarray:
        """Map [B, T, C] in the network's units to what the graph returns; a fixed batch is filled up with zeros."""
        inputs = in_layout(pieces, self.layout)
        if self.batch_size is None:
            return self._run(inputs)
        lacking = -len(inputs) % self.batch_size
        filled = np.concatenate([inputs, np.zeros((lacking, *inputs.shape[1:]), dtype=np.float32)])
        outputs = [self._run(batch) for batch in np.split(filled, len(filled) // self.batch_size)]
        return np.concatenate(outputs)[: len(inputs)]

    def _run(self, inputs: np.ndarray) -> np.ndarray:
        return self.session.run(None, {self.session.get_inputs()[0].name: inputs})[0]


def find_code(spec: ExternalSpec) -> Code | None:
    """Return none."""
    return None


def load(spec: ExternalSpec) -> OnnxNetwork:
    """Open an ONNX file; it uses as many threads as PyTorch is set to.

    Raises:
        InputError: ONNX Runtime is not installed or too old, or the file is missing or damaged, wants other inputs,
            custom operators or external data from elsewhere.
    """
    runtime = require_package("onnxruntime", "onnxruntime", "onnx")
    if tuple(int(part) for part in runtime.__version__.split(".")[:2]) < OLDEST:
        raise InputError(
            f"onnxruntime {runtime.__version__} is too old to keep the external data of an ONNX file in its folder; "
            "install a newer one: pip install -U onnxruntime"
        )
    require_file(spec.file, f"download it from {spec.source}, or correct `file` in {spec.path}")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # errors are raised, so that they need not be logged as well
    remedy = "export the network with standard operators and its external data beside it, or download it again"
    with reported(f"{spec.file}: loading ONNX", remedy):
        session = runtime.InferenceSession(str(spec.file), options, providers=["CPUExecutionProvider"])
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        found = f"inputs {[node.name for node in inputs]} and outputs {[node.name for node in outputs]}"
        raise InputError(f"{spec.file}: has {found}; export a network with one input and one output")
    if inputs[0].type != "tensor(float)":
        raise InputError(f"{spec.file}: input of type {inputs[0].type}; export the network in float32")
    return OnnxNetwork(session, spec.layout, _fixed_batch(inputs[0].shape, spec))


def _fixed_batch(shape: list[int | str | None], spec: ExternalSpec) -> int | None:
    """Return the batch size if the graph fixes it, after comparing the other axes with the description."""
    sizes = {"T": spec.n_samples, "C": len(spec.channels)}
    wanted = [sizes[axis] for axis in spec.layout[1:]]
    if len(shape) != 3 or any(isinstance(a, int) and a != b for a, b in zip(shape[1:], wanted, strict=True)):
        raise InputError(
            f"{spec.file}: takes {shape}, but {spec.path} describes [B, {wanted[0]}, {wanted[1]}] "
            f"({spec.layout}); correct channels, layout or length"
        )
    return shape[0] if isinstance(shape[0], int) and shape[0] > 0 else None
