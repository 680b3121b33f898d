"""Networks saved as TorchScript (https://docs.pytorch.org/docs/stable/jit.html).

TorchScript is code: besides computing it can open, overwrite and write files, while it is loaded already. So it runs
only where the user trusts it, in a process of its own. Archives of `torch.export` are refused, because PyTorch falls
back to unpickling parts of them.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from feature_extraction.encoders.external.foreign import reported, require_file
from feature_extraction.encoders.external.inputs import in_layout
from feature_extraction.encoders.external.spec import ExternalSpec, Layout
from feature_extraction.encoders.external.trust import Code
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


def find_code(spec: ExternalSpec) -> Code:
    """Return the archive, all of which is code.

    Raises:
        InputError: It is missing, or of a kind that is never run.
    """
    require_file(spec.file, f"download it from {spec.source}, or correct `file` in {spec.path}")
    if spec.file.suffix == ".pt2":
        raise InputError(f"{spec.file}: archives of torch.export may hold pickles; export the network as ONNX")
    return Code(spec.file, "TorchScript")


def load(spec: ExternalSpec) -> TorchNetwork:
    """Load a TorchScript archive onto the CPU, which runs code in it.

    Raises:
        InputError: The file is damaged or no TorchScript.
    """
    with reported(f"{spec.file}: loading TorchScript", "export the network as ONNX, or download it again"):
        module = torch.jit.load(str(spec.file), map_location="cpu")
    return TorchNetwork(module.eval(), spec.layout)
