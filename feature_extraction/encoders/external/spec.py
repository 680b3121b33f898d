"""The YAML file that describes an encoder of others: what it wants to see, where it comes from, what it learned from.

An unknown key fails, and so does a key that does not belong to the kind. `provenance` has no default,
because an encoder that met test subjects or unseen classes must not pass for a clean one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from feature_extraction.datasets import DATASETS
from feature_extraction.errors import InputError
from feature_extraction.protocol.split import EVERYTHING, Provenance
from feature_extraction.storage.yaml import read_yaml

Kind = Literal["onnx", "torchscript", "oxwearables", "moment", "chronos"]
Layout = Literal["BTC", "BCT"]
LongWindows = Literal["average", "centre"]
ShortWindows = Literal["refuse", "pad"]
Combine = Literal["concatenate", "mean"]

UNITS = {"acc": ("g", "m/s2"), "gyro": ("rad/s", "deg/s")}
HARNET_SAMPLES = {"harnet5": 150, "harnet10": 300, "harnet30": 900}
HARNET_RATE_HZ = 30.0

_CHANNEL = re.compile(r"(?:(?P<device>.+)\.)?(?P<quantity>acc|gyro)_[xyz]")
_REQUIRED = {"name", "kind", "file", "source", "licence", "citation", "provenance"}
_OPTIONAL = {"devices", "long_windows", "short_windows", "n_features"}
_INPUT = {"rate_hz", "channels", "units"}
_REQUIRED_BY_KIND: dict[str, set[str]] = {
    "torchscript": _INPUT | {"layout"},
    "onnx": _INPUT | {"layout"},
    "oxwearables": {"architecture"},
    "moment": _INPUT | {"combine"},
    "chronos": _INPUT | {"combine"},
}
_OPTIONAL_BY_KIND: dict[str, set[str]] = {
    kind: {"repository"} if kind == "oxwearables" else {"window_s", "n_samples"} for kind in _REQUIRED_BY_KIND
}


@dataclass(frozen=True)
class ExternalSpec:
    """An encoder of others, as its YAML file describes it.

    Attributes:
        path: The YAML file.
        name: Short name, fit for a file name.
        kind: Which adapter runs it.
        file: Weights or exported network; a folder for `moment` and `chronos`.
        rate_hz: Sampling rate the network expects.
        n_samples: T, samples of one input of the network.
        channels: C, in the network's order: `acc_x` of every device in turn, or `wrist.acc_x` of that device.
        devices: Devices whose embeddings are concatenated, in this order; empty for all, as they come.
        units: Unit the network expects of each quantity.
        layout: `BTC` for [B, T, C], `BCT` for [B, C, T].
        long_windows: `average`: embed pieces that cover the window and average; `centre`: embed the middle.
        short_windows: `refuse`, or `pad`: repeat the first and the last sample.
        n_features: D of one input if the author states it; checked on loading.
        combine: How networks of single series make one vector of C series.
        architecture: Which harnet, for `oxwearables`.
        repository: Clone of the repository that defines it; without one, `file` is a TorchScript export.
        source: Where the file was had from.
        licence: Licence of the weights.
        citation: What to cite.
        provenance: What it learned from.
    """

    path: Path
    name: str
    kind: Kind
    file: Path
    rate_hz: float
    n_samples: int
    channels: tuple[str, ...]
    devices: tuple[str, ...]
    units: Mapping[str, str]
    layout: Layout
    long_windows: LongWindows
    short_windows: ShortWindows
    n_features: int | None
    combine: Combine
    architecture: str
    repository: Path | None
    source: str
    licence: str
    citation: str
    provenance: tuple[Provenance, ...]

    @property
    def window_s(self) -> float:
        """Seconds of one input of the network."""
        return self.n_samples / self.rate_hz

    @property
    def quantities(self) -> tuple[str, ...]:
        """`acc` or `gyro` of each channel."""
        return tuple(_CHANNEL.fullmatch(channel)["quantity"] for channel in self.channels)  # type: ignore[index]


def read_spec(path: Path) -> ExternalSpec:
    """Read the description of an encoder; `file` and `repository` are relative to its folder.

    Raises:
        InputError: The file is missing or damaged, or a key is missing, unknown or contradicts another.
    """
    raw = _read_yaml(path)
    kind = _choice(raw, "kind", get_args(Kind), path)
    required = _REQUIRED | _REQUIRED_BY_KIND[kind]
    _check_keys(raw, required, required | _OPTIONAL | _OPTIONAL_BY_KIND[kind], f"{path}: kind {kind}")
    if kind == "oxwearables":
        raw = {**raw, **_harnet_input(raw, path)}
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", _text(raw, "name", path)):
        raise InputError(f"{path}: name: {raw['name']!r}; use lower-case letters, digits, dots and hyphens")
    channels, devices = _channels(raw, path)
    rate_hz = _positive(raw, "rate_hz", path)
    n_features = raw.get("n_features")
    if n_features is not None:
        n_features = _count(n_features, "n_features", path)
    return ExternalSpec(
        path=path,
        name=raw["name"],
        kind=kind,
        file=path.parent / _text(raw, "file", path),
        rate_hz=rate_hz,
        n_samples=_n_samples(raw, rate_hz, path),
        channels=channels,
        devices=devices,
        units=_units(raw, channels, path),
        layout=_choice(raw, "layout", get_args(Layout), path, "BCT"),
        long_windows=_choice(raw, "long_windows", get_args(LongWindows), path, "average"),
        short_windows=_choice(raw, "short_windows", get_args(ShortWindows), path, "refuse"),
        n_features=n_features,
        combine=_choice(raw, "combine", get_args(Combine), path, "concatenate"),
        architecture=str(raw.get("architecture", "")),
        repository=path.parent / _text(raw, "repository", path) if "repository" in raw else None,
        source=_text(raw, "source", path),
        licence=_text(raw, "licence", path),
        citation=_text(raw, "citation", path),
        provenance=_provenance(raw, path),
    )


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise InputError(f"{path}: no such file; give the YAML file that describes the encoder")
    value = read_yaml(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected keys such as name, kind, file; found {type(value).__name__}")
    return value


def _check_keys(raw: Mapping[str, Any], required: set[str], known: set[str], where: str) -> None:
    missing, unknown = sorted(required - set(raw)), sorted(str(key) for key in set(raw) - known)
    if missing or unknown:
        raise InputError(f"{where}: missing keys {missing}, unknown keys {unknown}; known are {sorted(known)}")


def _harnet_input(raw: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return what Yuan et al. (2024, https://doi.org/10.1038/s41746-024-01062-3) fixed: three axes in g at 30 Hz."""
    return {
        "rate_hz": HARNET_RATE_HZ,
        "n_samples": HARNET_SAMPLES[_choice(raw, "architecture", tuple(HARNET_SAMPLES), path)],
        "channels": ["acc_x", "acc_y", "acc_z"],
        "units": {"acc": "g"},
    }


def _text(raw: Mapping[str, Any], key: str, path: Path) -> str:
    value = raw[key]
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{path}: {key}: {value!r}; give a text")
    return value


def _choice(raw: Mapping[str, Any], key: str, choices: tuple[str, ...], path: Path, default: str = "") -> Any:
    value = raw.get(key, default)
    if value not in choices:
        raise InputError(f"{path}: {key}: {value!r} is unknown; choose from {', '.join(choices)}")
    return value


def _positive(raw: Mapping[str, Any], key: str, path: Path) -> float:
    value = raw[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e5:
        raise InputError(f"{path}: {key}: {value!r}; give a positive number")
    return float(value)


def _count(value: Any, key: str, path: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{path}: {key}: {value!r}; give a whole number from 1")
    return value


def _names(raw: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = raw[key]
    if not isinstance(value, list) or not value or len({str(name) for name in value}) < len(value):
        raise InputError(f"{where}: {key}: {value!r}; give a list of different names")
    return tuple(str(name) for name in value)


def _n_samples(raw: Mapping[str, Any], rate_hz: float, path: Path) -> int:
    if ("window_s" in raw) == ("n_samples" in raw):
        raise InputError(f"{path}: give either window_s or n_samples, the length of one input of the network")
    if "window_s" not in raw:
        return _count(raw["n_samples"], "n_samples", path)
    exact = _positive(raw, "window_s", path) * rate_hz
    if abs(exact - round(exact)) > 1e-6 or exact < 1:
        raise InputError(f"{path}: window_s: {raw['window_s']} s at {rate_hz} Hz is {exact:g} samples; give n_samples")
    return round(exact)


def _channels(raw: Mapping[str, Any], path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    channels = _names(raw, "channels", str(path))
    matches = [_CHANNEL.fullmatch(channel) for channel in channels]
    for channel, match in zip(channels, matches, strict=True):
        if match is None:
            raise InputError(f"{path}: channels: {channel!r}; write acc_x or gyro_z, or with a device wrist.acc_x")
    named = {match["device"] is not None for match in matches if match is not None}
    if len(named) > 1 or (named == {True} and "devices" in raw):
        raise InputError(
            f"{path}: channels: {', '.join(channels)}: write the device in front of every channel, "
            "or of none and list the devices under `devices`"
        )
    return channels, _names(raw, "devices", str(path)) if "devices" in raw else ()


def _units(raw: Mapping[str, Any], channels: tuple[str, ...], path: Path) -> dict[str, str]:
    units = raw["units"]
    used = {quantity for quantity in UNITS for name in channels if name.split(".")[-1].startswith(quantity)}
    if not isinstance(units, dict) or set(units) != used:
        raise InputError(f"{path}: units: {units!r}; give a unit for {' and '.join(sorted(used))}, such as acc: g")
    for quantity, unit in units.items():
        if unit not in UNITS[quantity]:
            raise InputError(f"{path}: units: {quantity}: {unit!r}; choose from {', '.join(UNITS[quantity])}")
    return dict(units)


def _provenance(raw: Mapping[str, Any], path: Path) -> tuple[Provenance, ...]:
    entries = raw["provenance"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path}: provenance: {entries!r}; list the data sets it learned from, [] for none")
    return tuple(_provenance_entry(entry, f"{path}: provenance") for entry in entries)


def _provenance_entry(entry: Mapping[str, Any], where: str) -> Provenance:
    """Read one data set; without classes and subjects it counts as seen whole, so every split of it refuses."""
    _check_keys(entry, {"dataset", "labelled"}, {"dataset", "labelled", "classes", "subjects"}, where)
    if not isinstance(entry["labelled"], bool):
        raise InputError(f"{where}: labelled: {entry['labelled']!r}; write true or false")
    if ("classes" in entry) != ("subjects" in entry):
        raise InputError(f"{where}: {entry['dataset']}: give both classes and subjects, or neither for all of them")
    dataset = str(entry["dataset"])
    for known in DATASETS:
        if dataset != known and re.sub(r"\W|_", "", dataset).lower() == re.sub(r"\W|_", "", known):
            raise InputError(f"{where}: dataset: write {known!r}, not {dataset!r}, so that leakage is noticed")
    if "classes" not in entry:
        return Provenance(dataset, EVERYTHING, EVERYTHING, entry["labelled"])
    return Provenance(dataset, _names(entry, "classes", where), _names(entry, "subjects", where), entry["labelled"])
