"""Where the inputs of a run lie, and reading them: the split, the features and the texts that a config names."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.prepare import prepare
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.descriptions.embeddings import semantic_vectors
from feature_extraction.descriptions.kinematic_lexicon import with_kinematics
from feature_extraction.errors import InputError
from feature_extraction.features.encoder_blocks import block_name
from feature_extraction.features.extract import check_blocks, encoder_folder, features_for
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.draw_splits import Recorded, create_open
from feature_extraction.protocol.split import OPEN, Split, find_split, list_splits
from feature_extraction.storage.files import content_hash
from feature_extraction.storage.places import RESOURCES, runs_folder, text_cache, windows_folder
from sadvae_har.config.settings import Config
from sadvae_har.experiment.problem import Problem, make_problem


@dataclass(frozen=True)
class Locations:
    """Where inputs are found and results go.

    Attributes:
        raw: Folder of the raw recordings; by default `resources/raw/<dataset>`.
        features: A feature table to use instead of computing one from raw recordings.
        resources: Folder of windows, features, texts and runs.
    """

    raw: Path | None = None
    features: Path | None = None
    resources: Path = RESOURCES


def load_split(config: Config, locations: Locations | None = None) -> Split:
    """Return the split that the config names, by name or by path; one called `open` is made where there is none.

    Args:
        config: Names data set and split.
        locations: Where the recordings of an open split lie.

    Raises:
        InputError: There is no such split, it cannot be used, or it has classes that the data set has not.
    """
    path, spec = Path(config.split), get_dataset(config.dataset)
    if path.suffix != ".json" and config.split == OPEN and OPEN not in list_splits(spec.name):
        return create_open(_recorded(config, locations or Locations()), config.seed)
    split = Split.load(path) if path.suffix == ".json" else find_split(spec.name, config.split)
    names = spec.class_list().names if split.dataset == spec.name else split.classes
    strange = [name for name in split.classes if name not in names]
    if strange:
        raise InputError(
            f"split {config.split}: {spec.name} has no class {strange[0]!r}; there are {', '.join(names)}; correct the "
            "split, or make a new one with `splits create`"
        )
    return split


def _recorded(config: Config, locations: Locations) -> Recorded:
    """Return what was recorded, from windows or from a feature table."""
    names = get_dataset(config.dataset).class_list().names
    if locations.features is not None:
        table = FeatureTable.load(locations.features)
        if table.source is None:
            raise InputError(f"{locations.features}: does not say how its windows were cut; give recordings instead")
        return Recorded.of_windows(table, table.source.settings, names)
    windows = prepare(config.dataset, locations.raw, out=windows_folder(locations.resources))
    return Recorded.of_windows(windows, windows.settings, names)


@dataclass(frozen=True)
class Inputs:
    """What a run learns from and is measured on.

    Attributes:
        split: Classes and subjects.
        table: Features of every window.
        class_list: Descriptions of the classes.
        vectors: Semantic vectors of the split's classes [C, E].
        resnet: Folder of the encoder behind the block `resnet`, if that is known.
    """

    split: Split
    table: FeatureTable
    class_list: ClassList
    vectors: np.ndarray
    resnet: Path | None

    def problem(self) -> Problem:
        """Lay out the final problem and the inner folds.

        Raises:
            LeakageError: An encoder behind the features has seen an unseen class or a test subject.
            InputError: A class or a part of the split has no windows.
        """
        return make_problem(self.table, self.split, self.vectors)


def load_inputs(config: Config, locations: Locations, split: Split | None = None) -> Inputs:
    """Gather everything that a config names; features and texts that are missing are made and cached.

    Args:
        config: Names data set, split, features and texts.
        locations: Where they lie.
        split: The split, if it was loaded before.
    """
    split = split or load_split(config, locations)
    table, resnet = _load_features(config, split, locations)
    classes = load_classes(config, locations)
    return Inputs(split, table, classes, _semantic_vectors(config, split, classes, locations), resnet)


def load_features(config: Config, split: Split, locations: Locations) -> FeatureTable:
    """Return the feature table of a split: read it, or make it from raw recordings."""
    return _load_features(config, split, locations)[0]


def _load_features(config: Config, split: Split, locations: Locations) -> tuple[FeatureTable, Path | None]:
    """Return the feature table, and the folder of the encoder behind `resnet`."""
    blocks = config.features.blocks
    if locations.features is not None:
        return FeatureTable.load(locations.features).select([block_name(name) for name in blocks]), None
    check_blocks(blocks, config.trust_code)
    windows = prepare(config.dataset, locations.raw, out=windows_folder(locations.resources))
    table = features_for(windows, split, blocks, locations.resources, config.trust_code)
    resnet = encoder_folder(windows, split, locations.resources) if "resnet" in blocks else None
    return table, resnet


def load_classes(config: Config, locations: Locations) -> ClassList:
    """Return the classes with their descriptions; kinematics that are in use and not written are predicted."""
    class_list = get_dataset(config.dataset).class_list()
    if "kinematics" not in config.text.views:
        return class_list
    return with_kinematics(class_list, config.text.model, text_cache(locations.resources))


def load_text(config: Config, split: Split, locations: Locations) -> np.ndarray:
    """Return the semantic vectors of the split's classes, [C, E]."""
    return _semantic_vectors(config, split, load_classes(config, locations), locations)


def _semantic_vectors(config: Config, split: Split, class_list: ClassList, locations: Locations) -> np.ndarray:
    text, cache = config.text, text_cache(locations.resources)
    descriptions = class_list.described(split.classes)
    return semantic_vectors(descriptions, text.views, text.kinematics_weight, text.model, cache)


def default_folder(config: Config, locations: Locations) -> Path:
    """Return `runs/<dataset>/<split>-<digest of the config>`: the same command finds its run again."""
    dataset = get_dataset(config.dataset).name
    name = f"{Path(config.split).stem}-{content_hash(repr(config.to_dict()))[:8]}"
    return runs_folder(locations.resources) / dataset / name
