"""The self-supervised ResNets `harnet5`, `harnet10` and `harnet30` of OxWearables.

Yuan et al. (2024), Self-supervised learning for human activity recognition using 700,000 person-days of
wearable data, npj Digital Medicine 7:91, https://doi.org/10.1038/s41746-024-01062-3. They learned from
unlabelled wrist accelerometers of the UK Biobank: three axes in g at 30 Hz, windows of 5, 10 or 30 s.
Code and weights are licensed for academic use only.

The architecture is defined in the authors' repository and nowhere else. Either `repository` names a
clone of it (its Python code is run) and `file` the weights, or `file` is a TorchScript export of the
feature extractor. Both are code, so both run only where the user trusts them.
"""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from feature_extraction.encoders.external import torchscript
from feature_extraction.encoders.external.foreign import reported, require_file
from feature_extraction.encoders.external.spec import ExternalSpec
from feature_extraction.encoders.external.torchscript import TorchNetwork
from feature_extraction.encoders.external.trust import Code
from feature_extraction.errors import InputError

CLONE_HINT = "clone it: git clone https://github.com/OxWearables/ssl-wearables"
WEIGHTS_HINT = "its README links the weights; download them (academic use) and correct `file`"
PREFIX = "feature_extractor."


def find_code(spec: ExternalSpec) -> Code:
    """Return the clone, or the TorchScript export.

    Raises:
        InputError: The clone, the weights or the export are missing.
    """
    if spec.repository is None:
        require_file(spec.file, f"export the feature extractor, or name a `repository`: {CLONE_HINT}; {WEIGHTS_HINT}")
        return torchscript.find_code(spec)
    require_file(spec.repository / "hubconf.py", CLONE_HINT)
    require_file(spec.file, f"{WEIGHTS_HINT} in {spec.path}")
    return Code(spec.repository, "the Python in it")


def load(spec: ExternalSpec) -> TorchNetwork:
    """Build the feature extractor with its weights; the classifier behind it is left out.

    Raises:
        InputError: The clone or the weights are damaged, or do not fit each other.
    """
    if spec.repository is None:
        return torchscript.load(spec)
    with reported(f"{spec.repository}: building {spec.architecture}", CLONE_HINT):
        network: Any = torch.hub.load(
            str(spec.repository), spec.architecture, source="local", class_num=2, pretrained=False
        )
        extractor = network.feature_extractor
    if not isinstance(extractor, nn.Module):
        raise InputError(f"{spec.repository}: {spec.architecture} has no module feature_extractor; {CLONE_HINT}")
    with reported(f"{spec.file}: filling {spec.architecture}", f"use the weights of {spec.architecture}"):
        extractor.load_state_dict(_extractor_weights(spec.file))
    return TorchNetwork(extractor.eval(), "BCT")


def _extractor_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors behind `feature_extractor.`, whatever a parallel trainer wrote in front of it."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        detail = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: damaged, or more than weights ({detail}); {WEIGHTS_HINT}") from error
    if not isinstance(state, dict):
        raise InputError(f"{path}: holds {type(state).__name__}, no named weights; {WEIGHTS_HINT}")
    weights = {name.split(PREFIX, 1)[1]: tensor for name, tensor in state.items() if PREFIX in str(name)}
    if not weights:
        raise InputError(f"{path}: no weights named {PREFIX}*; {WEIGHTS_HINT}")
    return weights
