"""One file that holds everything needed to recognise activities: safetensors with a JSON header.

Nothing in it is executed on loading. A checksum over header and tensors tells damage from a sound file; it is no
signature and does not say who made the file. Layout, version 1: the header has `format`, `version`, `program`, `name`,
`encoder`, `text`, `config`, `gate`, `calibration`, `trained`, `described` and `checksum`; tensors are named
`part/name`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from feature_extraction.descriptions.class_list import ClassDescription, attribute_names, describe_class
from feature_extraction.errors import InputError
from feature_extraction.features.window_encoder import WindowEncoder
from feature_extraction.protocol.standardizer import Standardizer
from feature_extraction.storage.files import atomic_path, content_hash
from sadvae_har.config.files import config_from_dict
from sadvae_har.experiment.fitted import models_of_fold
from sadvae_har.experiment.semantic_space import SemanticSpace
from sadvae_har.method.gate import DomainClassifier
from sadvae_har.recognition.activities import TextSettings
from sadvae_har.recognition.calibration import Calibration
from sadvae_har.recognition.familiarity import Familiarity
from sadvae_har.recognition.model.header import FORMAT, KIND, REMEDY, VERSION, read_model_header
from sadvae_har.recognition.model.parts import RecognizerModel
from sadvae_har.recognition.segments import UNKNOWN

_MISFITS = (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)


def save_model(model: RecognizerModel, path: Path) -> None:
    """Write a model as one file, atomically."""
    encoder, encoder_tensors = model.encoder.to_parts()
    parts: dict[str, Mapping[str, Tensor]] = {
        "encoder": encoder_tensors,
        "networks": model.networks.state_dict(),
        "standardizer": _tensors(model.standardizer.to_arrays()),
        "space": _tensors(model.space.to_arrays()),
        "familiarity": _tensors(model.familiarity.to_arrays()),
        "seen": {"weight": model.seen_weight, "bias": model.seen_bias},
        "train": {"features": model.train_features, "classes": model.train_classes},
        "synthesis": {"donors": model.donors, "noise": model.noise},
        "text": _tensors({"vectors": model.vectors}),
    }
    # Copies: safetensors refuses tensors that share memory.
    tensors = {f"{part}/{name}": value.clone() for part, values in parts.items() for name, value in values.items()}
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
    header["checksum"] = _checksum(header, tensors)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={KIND: json.dumps(header)})


def load_model(path: Path) -> RecognizerModel:
    """Read a model file.

    Raises:
        InputError: It is missing, damaged, made by a newer version, or no model file.
    """
    header, tensors = _read(path)
    try:
        model = _assemble(header, tensors, path)
        _check(model)
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}; {REMEDY}") from None
    except _MISFITS as error:
        raise InputError(
            f"{path}: parts do not fit each other ({' '.join(repr(error).split())[:200]}); {REMEDY}"
        ) from None
    return model


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return header and tensors of a sound file of this version."""
    header = read_model_header(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        wanted = header.pop("checksum", None)
        sound = wanted == _checksum(header, tensors)
    except (SafetensorError, OSError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: damaged or not a model file ({reason}); {REMEDY}") from error
    if not sound:
        raise InputError(f"{path}: damaged: its content does not match its checksum; {REMEDY}")
    return header, tensors


def _assemble(header: Mapping[str, Any], tensors: Mapping[str, Tensor], path: Path) -> RecognizerModel:
    def part(name: str) -> dict[str, Tensor]:
        return {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}

    def arrays(name: str) -> dict[str, np.ndarray]:
        return {key: value.numpy() for key, value in part(name).items()}

    if not isinstance(header["name"], str):
        raise TypeError(f"name is {header['name']!r}, no text")
    config = config_from_dict(header["config"])
    text = TextSettings.from_dict(header["text"])
    train, synthesis, seen = part("train"), part("synthesis"), part("seen")
    return RecognizerModel(
        name=str(header["name"]),
        encoder=WindowEncoder.from_parts(header["encoder"], part("encoder"), path),
        standardizer=Standardizer.from_arrays(arrays("standardizer")),
        text=text,
        space=SemanticSpace.from_arrays(arrays("space")),
        config=config,
        networks=models_of_fold(part("networks"), 0, config.train.n_seeds, config.model),
        seen_weight=seen["weight"],
        seen_bias=seen["bias"],
        train_features=train["features"],
        train_classes=train["classes"],
        donors=synthesis["donors"],
        noise=synthesis["noise"],
        familiarity=Familiarity.from_arrays(arrays("familiarity"), train["features"].numpy(), train["classes"].numpy()),
        gate=DomainClassifier.from_dict(header["gate"], str(path)),
        calibration=Calibration.from_dict(header["calibration"]),
        trained=_descriptions(header["trained"], text),
        described=_descriptions(header["described"], text),
        vectors=tensors["text/vectors"].numpy(),
    )


def _check(model: RecognizerModel) -> None:
    """Refuse parts whose sizes do not fit, before any of them is used."""
    n_features, n_trained = len(model.standardizer.mean), len(model.trained)
    networks = {name: getattr(model.networks, name)[-1] for name in ("feature_decoder", "text_decoder")}
    n_windows, n_seeds = len(model.train_features), model.config.train.n_seeds
    shapes = {
        "seen classifier": (model.seen_weight.shape, (n_features, n_trained)),
        "its intercepts": (model.seen_bias.shape, (n_trained,)),
        "training windows": (model.train_features.shape, (n_windows, n_features)),
        "their classes": (model.train_classes.shape, (n_windows,)),
        "donors": (model.donors.shape, (n_seeds, model.config.classifier.samples_per_class)),
        "noise": (model.noise.shape, (*model.donors.shape, model.space.width + model.config.model.latent_dim)),
        "semantic vectors": (model.vectors.shape, (n_trained + len(model.described), len(model.space.centre))),
        "feature decoder": (networks["feature_decoder"].bias.shape, (n_seeds, 1, n_features)),
        "text decoder": (networks["text_decoder"].bias.shape, (n_seeds, 1, model.space.width)),
    }
    for name, (found, wanted) in shapes.items():
        if tuple(found) != tuple(wanted):
            raise InputError(f"{name} of shape {tuple(found)}, expected {tuple(wanted)}")
    if model.text.views != model.config.text.views:
        raise InputError(f"views {model.text.views} are not those of its config, {model.config.text.views}")
    names = [entry.name for entry in (*model.trained, *model.described)]
    if len(set(names)) < len(names) or n_trained < 2 or UNKNOWN in {name.casefold() for name in names}:
        raise InputError(f"activities {names} cannot be used")
    inside = 0 <= int(model.train_classes.min()) and int(model.train_classes.max()) < n_trained
    if not inside or not 0 <= int(model.donors.min()) <= int(model.donors.max()) < n_windows:
        raise InputError("numbers of classes or donors are out of range")
    numbers = (model.train_features, model.noise, model.seen_weight, model.seen_bias, torch.tensor(model.vectors))
    for value in (*numbers, *model.networks.parameters()):
        if not torch.isfinite(value).all():
            raise InputError("a tensor holds values that are not finite")


def _descriptions(values: Sequence[Mapping[str, Any]], text: TextSettings) -> tuple[ClassDescription, ...]:
    found = []
    for value in values:
        views = {key: entry for key, entry in value.items() if key != "name" and (entry or key != "kinematics")}
        found.append(describe_class(value["name"], views, text.placements, attribute_names(), "description"))
    return tuple(found)


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()}


def _checksum(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Return a digest of everything in the file but itself."""
    parts: list[bytes | str] = [json.dumps(header, sort_keys=True)]
    for name in sorted(tensors):
        parts += [f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}", tensors[name].numpy().tobytes()]
    return content_hash(*parts)
