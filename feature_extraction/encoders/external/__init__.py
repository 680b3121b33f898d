"""Encoders of others: a checkpoint, a YAML file beside it, and one adapter per kind of checkpoint.

```
YAML ─▶ ExternalSpec ─▶ Network (one adapter per kind) ─▶ ExternalEncoder.encode: [B, T, C] ─▶ [B, D]
```
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from feature_extraction.encoders.external import chronos, moment, onnx, oxwearables, torchscript
from feature_extraction.encoders.external.encoder import ExternalEncoder, Network, measure_features
from feature_extraction.encoders.external.foreign import digests
from feature_extraction.encoders.external.spec import ExternalSpec, Kind, read_spec
from feature_extraction.storage.files import content_hash

VERSION = 1  # of what happens to windows before the network; part of the key

ADAPTERS: Mapping[Kind, Callable[[ExternalSpec], Network]] = {
    "torchscript": torchscript.load,
    "onnx": onnx.load,
    "oxwearables": oxwearables.load,
    "moment": moment.load,
    "chronos": chronos.load,
}

__all__ = ["ADAPTERS", "ExternalEncoder", "ExternalSpec", "load_external", "read_spec"]


def load_external(path: Path) -> ExternalEncoder:
    """Load the encoder that a YAML file describes, and run it once on two windows.

    Args:
        path: The YAML file; `docs/encoders.md` lists its keys.

    Raises:
        InputError: The YAML file or what it names is missing, damaged or contradictory, a package is not
            installed, or the network cannot read what the file describes.
    """
    spec = read_spec(path)
    network = ADAPTERS[spec.kind](spec)
    code = digests(spec.repository, (".py",)) if spec.repository is not None else ()
    return ExternalEncoder(
        name=spec.name,
        n_features=measure_features(network, spec),
        key=content_hash(f"external-v{VERSION}", path.read_bytes(), *digests(spec.file), *code),
        provenance=spec.provenance,
        spec=spec,
        network=network,
    )
