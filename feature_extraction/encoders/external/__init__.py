"""Encoders of others: a checkpoint, a YAML file beside it, and one adapter per kind of checkpoint.

```
YAML ─▶ ExternalSpec ─▶ Network (one adapter per kind) ─▶ ExternalEncoder.encode: [B, T, C] ─▶ [B, D]
```

What is code, and not only numbers, is refused unless the user trusts it, and then runs in a process of its own
(`trust.py`, `encoders/confined/`).
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from feature_extraction.encoders.confined import process
from feature_extraction.encoders.external import chronos, moment, onnx, oxwearables, torchscript
from feature_extraction.encoders.external.encoder import ExternalEncoder, Network, measure_features
from feature_extraction.encoders.external.foreign import digests
from feature_extraction.encoders.external.spec import ExternalSpec, Kind, read_spec
from feature_extraction.encoders.external.trust import Code, require_trust
from feature_extraction.storage.files import content_hash

VERSION = 1  # of what happens to windows before the network; part of the key


class Adapter(Protocol):
    """What the module of one kind offers."""

    def find_code(self, spec: ExternalSpec) -> Code | None:
        """Return what is code in an encoder, without running it, or none."""
        ...

    def load(self, spec: ExternalSpec) -> Network:
        """Load the network into this process."""
        ...


ADAPTERS: Mapping[Kind, Adapter] = {
    "onnx": onnx,
    "torchscript": torchscript,
    "oxwearables": oxwearables,
    "moment": moment,
    "chronos": chronos,
}

__all__ = ["ADAPTERS", "ExternalEncoder", "ExternalSpec", "as_encoder", "check_external", "load_external", "read_spec"]


def load_external(path: Path, trust_code: Collection[str] = ()) -> ExternalEncoder:
    """Load the encoder that a YAML file describes, and run it once on two windows.

    Args:
        path: The YAML file; `docs/encoders.md` lists its keys.
        trust_code: SHA-256 digests of code of others that may run, as the refusal prints them.

    Raises:
        InputError: The YAML file or what it names is missing, damaged or contradictory, is code that is not trusted,
            a package is not installed, or the network cannot read what the file describes.
    """
    spec = read_spec(path)
    adapter = ADAPTERS[spec.kind]
    code = adapter.find_code(spec)
    if code is None:
        return as_encoder(spec, adapter.load(spec))
    return as_encoder(spec, process.start(path, code.path, require_trust(code, trust_code)))


def check_external(path: Path, trust_code: Collection[str] = ()) -> None:
    """Refuse what `load_external` would refuse before it loads anything.

    Raises:
        InputError: The YAML file is missing, damaged or contradictory, or names code that is not trusted.
    """
    spec = read_spec(path)
    code = ADAPTERS[spec.kind].find_code(spec)
    if code is not None:
        require_trust(code, trust_code)


def as_encoder(spec: ExternalSpec, network: Network) -> ExternalEncoder:
    """Measure a network and give it the identity of its files.

    Args:
        spec: Its description.
        network: What its adapter loaded, here or in a process of its own.

    Raises:
        InputError: The network cannot read what the description says.
    """
    code = digests(spec.repository, (".py",)) if spec.repository is not None else ()
    return ExternalEncoder(
        name=spec.name,
        n_features=measure_features(network, spec),
        key=content_hash(f"external-v{VERSION}", spec.path.read_bytes(), *digests(spec.file), *code),
        provenance=spec.provenance,
        spec=spec,
        network=network,
    )
