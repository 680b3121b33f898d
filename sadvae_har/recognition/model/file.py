"""One file that holds everything needed to recognise activities: safetensors with a JSON header.

Layout, version 1: the header has `format`, `version`, `program`, `name`, `encoder`, `text`, `config`, `gate`,
`calibration`, `trained`, `described` and a checksum; tensors are named `part/name`. A sound checksum does not make the
numbers sensible, since anybody can write such a file: sizes are checked before anything is used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from feature_extraction.descriptions.class_list import ClassDescription, describe_class
from feature_extraction.errors import InputError
from feature_extraction.features.window_encoder import WindowEncoder
from feature_extraction.protocol.standardizer import Standardizer
from feature_extraction.storage.tensors import read_tensors, under, write_tensors
from sadvae_har.config.files import config_from_dict
from sadvae_har.experiment.fitted import restore_networks
from sadvae_har.experiment.semantic_space import SemanticSpace
from sadvae_har.method.gate import DomainClassifier
from sadvae_har.method.scorer import FoldModel, SeenClassifier
from sadvae_har.recognition.calibration import Calibration
from sadvae_har.recognition.model.header import FORMAT, KIND, REMEDY, VERSION, require_format
from sadvae_har.recognition.model.parts import RecognizerModel
from sadvae_har.recognition.model.text_settings import TextSettings
from sadvae_har.recognition.prediction import UNKNOWN
from sadvae_har.recognition.strangeness import Strangeness

_TENSORS = (
    *("seen/weight", "seen/bias", "train/features", "train/classes", "synthesis/donors", "synthesis/noise"),
    "text/vectors",
)


def save_model(model: RecognizerModel, path: Path) -> None:
    """Write a model as one file, atomically."""
    encoder, encoder_tensors = model.encoder.to_parts()
    parts: dict[str, Mapping[str, Tensor]] = {
        "encoder": encoder_tensors,
        "networks": model.fold.networks.state_dict(),
        "standardizer": as_tensors(model.standardizer.to_arrays()),
        "space": as_tensors(model.space.to_arrays()),
        "familiarity": as_tensors(model.strangeness.to_arrays()),
        "seen": {"weight": model.seen.weight, "bias": model.seen.bias},
        "train": {"features": model.fold.train_features, "classes": model.fold.train_classes},
        "synthesis": {"donors": model.fold.donors, "noise": model.fold.noise},
        "text": as_tensors({"vectors": model.vectors}),
    }
    header = {
        "format": FORMAT,
        "version": VERSION,
        "program": version("sadvae-har"),
        "name": model.name,
        "encoder": encoder,
        "text": model.text.to_dict(),
        "config": model.config.to_dict(),
        "gate": model.gate.to_dict(),
        "calibration": model.calibration.to_dict(),
        "trained": [asdict(description) for description in model.trained],
        "described": [asdict(description) for description in model.described],
    }
    tensors = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
    write_tensors(path, KIND, header, tensors)


def load_model(path: Path) -> RecognizerModel:
    """Read a model file.

    Raises:
        InputError: It is missing, damaged, made by a newer version, or no model file.
    """
    header, tensors = read_tensors(path, KIND, REMEDY, accept=partial(require_format, path=path))
    absent = [name for name in _TENSORS if name not in tensors]
    if absent:
        raise InputError(f"{path}: no tensor {absent[0]!r}; {REMEDY}")
    try:
        model = _assemble(header, tensors, path)
        _check(model)
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}; {REMEDY}") from error
    return model


def _assemble(header: Mapping[str, Any], tensors: Mapping[str, Tensor], path: Path) -> RecognizerModel:
    def arrays(name: str) -> dict[str, np.ndarray]:
        return {key: value.numpy() for key, value in under(tensors, name).items()}

    config, text = config_from_dict(header["config"]), TextSettings.from_dict(header["text"])
    train_features, train_classes = tensors["train/features"], tensors["train/classes"]
    require_windows(train_features, train_classes)
    windows = train_features.numpy(), train_classes.numpy()
    return RecognizerModel(
        name=header["name"],
        config=config,
        encoder=WindowEncoder.from_parts(header["encoder"], under(tensors, "encoder"), path),
        standardizer=Standardizer.from_arrays(arrays("standardizer")),
        text=text,
        space=SemanticSpace.from_arrays(arrays("space")),
        fold=FoldModel(
            networks=restore_networks(under(tensors, "networks"), config.train.n_seeds, config.model),
            classifier=config.classifier,
            train_features=train_features,
            train_classes=train_classes,
            donors=tensors["synthesis/donors"],
            noise=tensors["synthesis/noise"],
        ),
        seen=SeenClassifier(tensors["seen/weight"], tensors["seen/bias"]),
        gate=DomainClassifier.from_dict(header["gate"], str(path)),
        strangeness=Strangeness.from_arrays(arrays("familiarity"), *windows),
        calibration=Calibration.from_dict(header["calibration"]),
        trained=read_descriptions(header["trained"], text),
        described=read_descriptions(header["described"], text),
        vectors=tensors["text/vectors"].numpy(),
    )


def require_windows(features: Tensor, classes: Tensor, what: str = "training windows") -> None:
    """Refuse standardised windows [R, D] and their classes [R] that cannot be used; `what` they are called in errors.

    Raises:
        InputError: Naming what is wrong.
    """
    if features.ndim != 2 or classes.shape != features.shape[:1] or not len(classes) or classes.dtype != torch.int64:
        raise InputError(f"{what} of shapes {tuple(features.shape)} and {tuple(classes.shape)}")
    if features.dtype != torch.float32 or not torch.isfinite(features).all() or classes.min() < 0:
        raise InputError(f"{what} hold values that cannot be used")


def _check(model: RecognizerModel) -> None:
    """Refuse parts whose sizes do not fit, before any of them is used."""
    n_features, n_trained, fold = len(model.standardizer.mean), len(model.trained), model.fold
    decoders = {name: getattr(fold.networks, name)[-1].bias for name in ("feature_decoder", "text_decoder")}
    n_windows, n_seeds = len(fold.train_features), model.config.train.n_seeds
    shapes = {
        "seen classifier": (model.seen.weight, (n_features, n_trained)),
        "its intercepts": (model.seen.bias, (n_trained,)),
        "training windows": (fold.train_features, (n_windows, n_features)),
        "donors": (fold.donors, (n_seeds, model.config.classifier.samples_per_class)),
        "noise": (fold.noise, (*fold.donors.shape, model.space.width + model.config.model.latent_dim)),
        "semantic vectors": (model.vectors, (n_trained + len(model.described), len(model.space.centre))),
        "feature decoder": (decoders["feature_decoder"], (n_seeds, 1, n_features)),
        "text decoder": (decoders["text_decoder"], (n_seeds, 1, model.space.width)),
    }
    for name, (found, wanted) in shapes.items():
        if tuple(found.shape) != tuple(wanted):
            raise InputError(f"{name} of shape {tuple(found.shape)}, expected {tuple(wanted)}")
    if model.text.views != model.config.text.views:
        raise InputError(f"views {model.text.views} are not those of its config, {model.config.text.views}")
    names = [entry.name for entry in (*model.trained, *model.described)]
    if len(set(names)) < len(names) or n_trained < 2 or UNKNOWN in {name.casefold() for name in names}:
        raise InputError(f"activities {names} cannot be used")
    whole = fold.donors.dtype == torch.int64 and 0 <= int(fold.donors.min()) <= int(fold.donors.max()) < n_windows
    if not whole or int(fold.train_classes.max()) >= n_trained:
        raise InputError("numbers of classes or donors are out of range")
    for value in (fold.noise, model.seen.weight, model.seen.bias, *fold.networks.parameters()):
        if value.dtype != torch.float32 or not torch.isfinite(value).all():
            raise InputError("a tensor holds values that are not finite")
    if model.vectors.dtype.kind != "f" or not np.isfinite(model.vectors).all():
        raise InputError("semantic vectors hold values that are not finite")


def read_descriptions(values: Any, text: TextSettings) -> tuple[ClassDescription, ...]:
    """Return descriptions from plain values of a header.

    Raises:
        InputError: They are no list of descriptions.
    """
    if not isinstance(values, Sequence) or not all(isinstance(v, Mapping) and "name" in v for v in values):
        raise InputError("activities are no list of descriptions")
    found = []
    for value in values:
        views = {key: entry for key, entry in value.items() if key != "name" and (entry or key != "kinematics")}
        found.append(describe_class(value["name"], views, text.placements, "description"))
    return tuple(found)


def as_tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Return arrays as tensors, to be written."""
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()}
