"""Networks saved as TorchScript (https://docs.pytorch.org/docs/stable/jit.html).

Loading runs no Python of the file: its archive holds tensors and TorchScript, which only computes with
PyTorch operators (and may do so at length, so load what you trust). Archives of `torch.export` are
refused, because PyTorch falls back to unpickling parts of them, which can run any code.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from feature_extraction.encoders.external.foreign import reported, require_file
from feature_extraction.encoders.external.inputs import in_layout
from feature_extraction.encoders.external.spec import ExternalSpec, Layout
from feature_extraction.errors import InputError


@dataclass(frozen=True)
class TorchNetwork:
    """A module in evaluation mode.

    Attributes:
        module: Takes one float32 tensor in `layout`.
        layout: `BTC` or `BCT`.
    """

    module: nn.Module
    layout: Layout

    def embed(self, pieces: np.ndarray) -> np.ndarray:
        """Map [B, T, C] in the network's units to what the module returns, without gradients.

        Raises:
            InputError: The module returns no tensor.
        """
        with torch.no_grad():
            output = self.module(torch.from_numpy(in_layout(pieces, self.layout)))
        if not isinstance(output, Tensor):
            raise InputError(f"the network returns {type(output).__name__}; export one that returns one tensor [B, D]")
        return output.to("cpu", torch.float32).numpy()

    def copy_module(self) -> nn.Module:
        """Return a copy whose parameters can be trained where those of the module can."""
        with torch.no_grad():  # else the copies of TorchScript parameters are no leaves
            module = copy.deepcopy(self.module)
        for ours, theirs in zip(module.parameters(), self.module.parameters(), strict=True):
            ours.requires_grad_(theirs.requires_grad)
        return module


def load(spec: ExternalSpec) -> TorchNetwork:
    """Load a TorchScript archive onto the CPU.

    Raises:
        InputError: The file is missing, damaged or no TorchScript.
    """
    require_file(spec.file, f"download it from {spec.source}, or correct `file` in {spec.path}")
    if spec.file.suffix == ".pt2":
        raise InputError(f"{spec.file}: archives of torch.export may hold pickles; save with torch.jit.save or as ONNX")
    with reported(f"{spec.file}: loading TorchScript", "save the network with torch.jit.save, or download it again"):
        module = torch.jit.load(str(spec.file), map_location="cpu")
    return TorchNetwork(module.eval(), spec.layout)
