"""Zero-shot recognition across data sets: seen classes from some, unseen classes and people from another.

Both sides share the statistical features of one device that do not depend on how it is turned, in physical units;
they are standardised on training windows of the sources alone, so nothing of the target is known but its
descriptions. `strict` removes from the sources every class that means the same as a target class.
Axis legend: N windows, C classes, E semantic features.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.prepare import prepare
from feature_extraction.descriptions.embeddings import semantic_vectors
from feature_extraction.descriptions.synonyms import with_synonyms
from feature_extraction.encoders.statistical.features import VERSION, statistical_features
from feature_extraction.errors import InputError
from feature_extraction.features.extract import extract_statistical
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.draw_splits import SplitSource, SubjectPartition, known_partition
from feature_extraction.protocol.split import SEPARATOR, Split
from feature_extraction.storage.places import text_cache, windows_folder
from sadvae_har.config.settings import TextConfig
from sadvae_har.experiment.inputs import Locations
from sadvae_har.experiment.problem import Problem, make_problem

AXES = ("_x", "_y", "_z", "_xy", "_xz", "_yz")  # parts of feature names that speak of a sensor axis


@dataclass(frozen=True)
class Source:
    """One device of a data set, such as the torso of DSADS; single devices are called `imu`."""

    dataset: str
    device: str = "imu"


@dataclass(frozen=True)
class CrossSetting:
    """Where to learn and where to test."""

    sources: tuple[Source, ...]
    target: Source
    strict: bool

    @property
    def name(self) -> str:
        """Return a name such as `cross-hapt+dsads` or `cross-hapt+dsads-strict`."""
        return f"cross-{'+'.join(s.dataset for s in self.sources)}{'-strict' if self.strict else ''}"


_WAIST = (Source("hapt"), Source("dsads", "torso"))
CROSS_SETTINGS = tuple(CrossSetting(_WAIST, Source("usc-had"), strict) for strict in (False, True))


def cross_problem(setting: CrossSetting, locations: Locations, text: TextConfig) -> Problem:
    """Gather features, texts and folds of a setting.

    Args:
        setting: Sources and target.
        locations: `raw` is a folder with one folder per data set.
        text: How descriptions become semantic vectors.

    Raises:
        InputError: The devices share no features, or too few source classes are left.
    """
    described = [_features(source, locations) for source in (*setting.sources, setting.target)]
    shared = [name for name in described[0][1] if _turn_free(name) and all(name in names for _, names in described)]
    if not shared:
        raise InputError(f"{setting.name}: the devices share no features; choose others")
    tables = [
        _renamed(source.dataset, table, [names.index(name) for name in shared])
        for source, (table, names) in zip((*setting.sources, setting.target), described, strict=True)
    ]
    split = cross_split(setting)
    dataset = split.dataset
    merged = FeatureTable(
        features=np.concatenate([table.features for table in tables]),
        labels=np.concatenate([table.labels for table in tables]),
        subjects=np.concatenate([table.subjects for table in tables]),
        recordings=np.concatenate([table.recordings for table in tables]),
        start_s=np.concatenate([table.start_s for table in tables]),
        blocks={"statistical": len(shared)},
        dataset=dataset,
        window_key="+".join(table.window_key for table in tables),
    )
    vectors = {
        name: vector
        for source in (*setting.sources, setting.target)
        for name, vector in _vectors(source.dataset, locations, text).items()
    }
    return make_problem(merged, split, np.stack([vectors[name] for name in split.classes]))


def _features(source: Source, locations: Locations) -> tuple[FeatureTable, list[str]]:
    """Return the statistical table of a data set and its column names, `device.` removed from the device's own."""
    raw = None if locations.raw is None else locations.raw / source.dataset
    windows = prepare(source.dataset, raw, out=windows_folder(locations.resources))
    out = locations.resources / "imu_feats" / source.dataset / windows.key / f"statistical-v{VERSION}.npz"
    names = statistical_features(windows.samples[:1], windows.channels, windows.settings.rate_hz)[1]
    return extract_statistical(windows, out), [name.removeprefix(f"{source.device}.") for name in names]


def _turn_free(name: str) -> bool:
    return not any(f"{axis}_" in f"{name}_" for axis in AXES)


def _renamed(dataset: str, table: FeatureTable, columns: list[int]) -> FeatureTable:
    """Keep some columns; put the data set's name before classes, subjects and recordings."""

    def prefixed(names: np.ndarray) -> np.ndarray:
        return np.array([f"{dataset}{SEPARATOR}{name}" for name in names.tolist()])

    return replace(
        table,
        features=table.features[:, columns],
        labels=prefixed(table.labels),
        subjects=prefixed(table.subjects),
        recordings=prefixed(table.recordings),
        blocks={"statistical": len(columns)},
    )


def cross_split(setting: CrossSetting) -> Split:
    """Return the split of a setting: seen classes of the sources, all classes of the target unseen.

    Classes, subjects and recordings carry their data set's name in front. Only people of the target are tested on
    unseen classes; the sources' own test subjects are tested on seen ones.
    """
    target = setting.target.dataset
    unseen = [(target, name) for name in get_dataset(target).class_list().names]
    banned = with_synonyms(unseen) if setting.strict else frozenset(unseen)
    seen = [(s.dataset, n) for s in setting.sources for n in get_dataset(s.dataset).class_list().names]
    seen = [entry for entry in seen if entry not in banned]
    partitions = {dataset: _partition(dataset) for dataset in (*(s.dataset for s in setting.sources), target)}

    def people(part: str, datasets: Sequence[str]) -> tuple[str, ...]:
        return tuple(_name((d, subject)) for d in datasets for subject in getattr(partitions[d], part))

    sources = [s.dataset for s in setting.sources]
    partition = SubjectPartition(people("train", sources), people("val", sources), people("test", [*sources, target]))
    classes = [_name(entry) for entry in (*seen, *unseen)]
    dataset = f"{'+'.join(sources)} to {target}"
    source = SplitSource(dataset, tuple(classes), partition)
    split = source.split(setting.name, "cross", 1, frozenset(map(_name, unseen)))
    return replace(split, inner=tuple(_without_synonyms(fold, split.seen) for fold in split.inner))


def _without_synonyms(fold: tuple[str, ...], seen: tuple[str, ...]) -> tuple[str, ...]:
    """Hold out the synonyms of pseudo-unseen classes, and theirs, until no class that is left has one among them."""
    before: tuple[str, ...] = ()
    while fold != before:
        entries = with_synonyms((name.split(SEPARATOR)[0], name.split(SEPARATOR)[1]) for name in fold)
        before, fold = fold, tuple(name for name in seen if name in set(map(_name, entries)))
    return fold


def _name(entry: tuple[str, str]) -> str:
    return SEPARATOR.join(entry)


def _partition(dataset: str) -> SubjectPartition:
    partition = known_partition(dataset)
    if partition is None:
        raise InputError(f"{dataset}: subjects.json fixes no partition of its subjects; add one")
    return partition


def _vectors(dataset: str, locations: Locations, text: TextConfig) -> dict[str, np.ndarray]:
    descriptions, cache = get_dataset(dataset).class_list().descriptions, text_cache(locations.resources)
    vectors = semantic_vectors([*descriptions.values()], text.views, text.kinematics_weight, text.model, cache)
    return {_name((dataset, name)): vector for name, vector in zip(descriptions, vectors, strict=True)}
