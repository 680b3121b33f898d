"""What an everyday model consists of, and its one file: safetensors with a JSON header.

The file has no window of any person. What the other parts of the program expect of training windows is drawn from the
densities of the trained pairs, once, when the model is made. Axis legend: T time, D statistics, E embeddings of the
networks, A trained activities, P trained pairs, W text features, R drawn windows.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from feature_extraction.descriptions.class_list import ClassDescription
from feature_extraction.encoders.turn_free.network import DeviceNetwork
from feature_extraction.encoders.turn_free.statistics import GyroGuess, feature_names
from feature_extraction.errors import InputError
from feature_extraction.protocol.standardizer import Standardizer
from feature_extraction.storage.tensors import read_tensors, under, write_tensors
from feature_extraction.windows.input_format import InputFormat
from sadvae_har.config.files import config_from_dict
from sadvae_har.config.settings import Config
from sadvae_har.experiment.fitted import restore_networks
from sadvae_har.experiment.semantic_space import SemanticSpace
from sadvae_har.method.gate import DomainClassifier
from sadvae_har.method.scorer import FoldModel, SeenClassifier
from sadvae_har.recognition.calibration import Calibration
from sadvae_har.recognition.everyday.pairs import Pair
from sadvae_har.recognition.model.file import as_tensors, read_descriptions, require_windows
from sadvae_har.recognition.model.header import EVERYDAY_KIND, REMEDY, VERSION, everyday_format, require_everyday
from sadvae_har.recognition.model.text_settings import TextSettings
from sadvae_har.recognition.prediction import UNKNOWN
from sadvae_har.recognition.strangeness import Strangeness

LONGEST_SAMPLES = 10_000  # of a window
_TENSORS = (
    *("seen/weight", "seen/bias", "drawn/features", "drawn/classes", "synthesis/donors", "synthesis/noise"),
    "text/vectors",
)


@dataclass(frozen=True)
class EverydayModel:
    """A model of windows of single devices.

    Attributes:
        name: What it is called.
        sources: Data sets that it learned from, with their terms, to be shown.
        source: How recordings are cut; its channels are those of one device with a gyroscope.
        config: Settings of the described part.
        text: From descriptions to vectors.
        guess: Of the statistics of a gyroscope where there is none.
        networks: Small networks whose embeddings stand behind the statistics.
        known_standardizer: Of the statistics, before the classifier of trained activities.
        seen: That classifier: a linear layer on statistics and embeddings, [D + E, A].
        standardizer: Of the statistics, before they are compared with descriptions.
        space: What the trained pairs span of the text space.
        fold: The SA-DVAE models, with drawn windows in place of training windows.
        pairs: Trained pairs, P.
        gate: Trained or described.
        strangeness: How unlike the drawn windows others are.
        calibration: Temperature and limits.
        trained: Descriptions of the trained activities, A.
        described: Descriptions of activities known by text only.
        vectors: Semantic vectors of the trained pairs, then of every described activity at every place, [., W].
    """

    name: str
    sources: tuple[str, ...]
    source: InputFormat
    config: Config
    text: TextSettings
    guess: GyroGuess
    networks: tuple[DeviceNetwork, ...]
    known_standardizer: Standardizer
    seen: SeenClassifier
    standardizer: Standardizer
    space: SemanticSpace
    fold: FoldModel
    pairs: tuple[Pair, ...]
    gate: DomainClassifier
    strangeness: Strangeness
    calibration: Calibration
    trained: tuple[ClassDescription, ...]
    described: tuple[ClassDescription, ...]
    vectors: np.ndarray


def save_everyday(model: EverydayModel, path: Path) -> None:
    """Write a model as one file, atomically."""
    parts: dict[str, Mapping[str, Tensor]] = {
        "networks": model.fold.networks.state_dict(),
        "guess": as_tensors(model.guess.to_arrays()),
        "known": as_tensors(model.known_standardizer.to_arrays()),
        "standardizer": as_tensors(model.standardizer.to_arrays()),
        "space": as_tensors(model.space.to_arrays()),
        "familiarity": as_tensors(model.strangeness.to_arrays()),
        "seen": {"weight": model.seen.weight, "bias": model.seen.bias},
        "drawn": {"features": model.fold.train_features, "classes": model.fold.train_classes},
        "synthesis": {"donors": model.fold.donors, "noise": model.fold.noise},
        "text": as_tensors({"vectors": model.vectors}),
        **{f"network-{k}": network.state_dict() for k, network in enumerate(model.networks)},
    }
    header = {
        "format": EVERYDAY_KIND,
        "version": VERSION,
        "program": version("sadvae-har"),
        "name": model.name,
        "sources": list(model.sources),
        "settings": asdict(model.source.settings),
        "text": model.text.to_dict(),
        "config": model.config.to_dict(),
        "networks": [network.header() for network in model.networks],
        "gate": model.gate.to_dict(),
        "calibration": model.calibration.to_dict(),
        "trained": [asdict(description) for description in model.trained],
        "described": [asdict(description) for description in model.described],
        "pairs": [list(pair) for pair in model.pairs],
    }
    tensors = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
    write_tensors(path, EVERYDAY_KIND, header, tensors)


def load_everyday(path: Path) -> EverydayModel:
    """Read a model file.

    Raises:
        InputError: It is missing, damaged, made by a newer version, or no such file.
    """
    header, tensors = read_tensors(path, EVERYDAY_KIND, REMEDY, accept=partial(require_everyday, path=path))
    absent = [name for name in _TENSORS if name not in tensors]
    if absent:
        raise InputError(f"{path}: no tensor {absent[0]!r}; {REMEDY}")
    try:
        model = _assemble(header, tensors, path)
        _check(model)
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}; {REMEDY}") from error
    return model


def _assemble(header: Mapping[str, Any], tensors: Mapping[str, Tensor], path: Path) -> EverydayModel:
    def arrays(part: str) -> dict[str, np.ndarray]:
        return {key: value.numpy() for key, value in under(tensors, part).items()}

    config, text = config_from_dict(header["config"]), TextSettings.from_dict(header["text"])
    networks = []
    for number, value in enumerate(header["networks"]):
        weights = under(tensors, f"network-{number}")
        with torch.device("meta"):
            wanted = {name: tuple(t.shape) for name, t in DeviceNetwork.from_header(value).state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        if wanted != found:
            raise InputError(f"network {number}: its weights are not of its sizes")
        network = DeviceNetwork.from_header(value)
        network.load_state_dict(weights)
        networks.append(network.requires_grad_(False))
    drawn, classes = tensors["drawn/features"], tensors["drawn/classes"]
    require_windows(drawn, classes, "drawn windows")
    return EverydayModel(
        name=header["name"],
        sources=tuple(map(str, header["sources"])),
        source=everyday_format(header["settings"]),
        config=config,
        text=text,
        guess=GyroGuess.from_arrays(arrays("guess")),
        networks=tuple(networks),
        known_standardizer=Standardizer.from_arrays(arrays("known")),
        seen=SeenClassifier(tensors["seen/weight"], tensors["seen/bias"]),
        standardizer=Standardizer.from_arrays(arrays("standardizer")),
        space=SemanticSpace.from_arrays(arrays("space")),
        fold=FoldModel(
            networks=restore_networks(under(tensors, "networks"), config.train.n_seeds, config.model),
            classifier=config.classifier,
            train_features=drawn,
            train_classes=classes,
            donors=tensors["synthesis/donors"],
            noise=tensors["synthesis/noise"],
        ),
        pairs=tuple(map(_pair, header["pairs"])),
        gate=DomainClassifier.from_dict(header["gate"], str(path)),
        strangeness=Strangeness.from_arrays(arrays("familiarity"), drawn.numpy(), classes.numpy()),
        calibration=Calibration.from_dict(header["calibration"]),
        trained=read_descriptions(header["trained"], text),
        described=read_descriptions(header["described"], text),
        vectors=tensors["text/vectors"].numpy(),
    )


def _pair(value: Any) -> Pair:
    """Return a pair of texts; refuse anything else."""
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(name, str) for name in value):
        raise InputError(f"pair {value!r:.80} is not an activity and a place")
    return Pair(*value)


def _check(model: EverydayModel) -> None:
    """Refuse parts whose sizes do not fit, before any of them is used."""
    fold, n_trained, n_seeds = model.fold, len(model.trained), model.config.train.n_seeds
    n_statistics = len(model.standardizer.mean)
    n_embedded = sum(network.embedding_dim for network in model.networks)
    decoders = {name: getattr(fold.networks, name)[-1].bias for name in ("feature_decoder", "text_decoder")}
    rows = len(model.pairs) + len(model.described) * len(model.text.placements)
    shapes = {
        "seen classifier": (model.seen.weight, (n_statistics + n_embedded, n_trained)),
        "its intercepts": (model.seen.bias, (n_trained,)),
        "its standardisation": (model.known_standardizer.mean, (n_statistics,)),
        "features of the gyroscope": (model.guess.bias, (n_statistics - len(model.guess.weight),)),
        "drawn windows": (fold.train_features, (len(fold.train_features), n_statistics)),
        "donors": (fold.donors, (n_seeds, model.config.classifier.samples_per_class)),
        "noise": (fold.noise, (*fold.donors.shape, model.space.width + model.config.model.latent_dim)),
        "semantic vectors": (model.vectors, (rows, len(model.space.centre))),
        "feature decoder": (decoders["feature_decoder"], (n_seeds, 1, n_statistics)),
        "text decoder": (decoders["text_decoder"], (n_seeds, 1, model.space.width)),
    }
    for name, (found, wanted) in shapes.items():
        if tuple(found.shape) != tuple(wanted):
            raise InputError(f"{name} of shape {tuple(found.shape)}, expected {tuple(wanted)}")
    names = [entry.name for entry in (*model.trained, *model.described)]
    if len(set(names)) < len(names) or n_trained < 2 or UNKNOWN in {name.casefold() for name in names}:
        raise InputError(f"activities {names} cannot be used")
    strange = [pair.name for pair in model.pairs if pair.activity not in names[:n_trained]]
    strange += [pair.name for pair in model.pairs if pair.placement not in model.text.placements]
    if strange or len(set(model.pairs)) < len(model.pairs):
        raise InputError(f"pairs {strange or model.pairs} cannot be used")
    n_drawn = len(fold.train_features)
    whole = fold.donors.dtype == torch.int64 and 0 <= int(fold.donors.min()) <= int(fold.donors.max()) < n_drawn
    if not whole or int(fold.train_classes.max()) >= len(model.pairs):
        raise InputError("numbers of pairs or donors are out of range")
    settings = model.source.settings
    if settings.window_samples > LONGEST_SAMPLES or n_statistics != len(
        feature_names(settings.window_samples, settings.rate_hz)
    ):
        raise InputError(f"{n_statistics} statistics are not those of {settings.window_s} s at {settings.rate_hz} Hz")
    values = [fold.noise, model.seen.weight, model.seen.bias, *fold.networks.parameters()]
    for number, network in enumerate(model.networks):
        state = {name: value for name, value in network.state_dict().items() if value.is_floating_point()}
        values += state.values()
        if any((value < 0).any() for name, value in state.items() if name.endswith("running_var")):
            raise InputError(f"network {number}: a spread is negative")
    for value in values:
        if value.dtype != torch.float32 or not torch.isfinite(value).all():
            raise InputError("a tensor holds values that are not finite")
    if model.vectors.dtype.kind != "f" or not np.isfinite(model.vectors).all():
        raise InputError("semantic vectors hold values that are not finite")
