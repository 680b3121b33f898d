"""Feature tables from windows: computed in batches over the memory map, cached, damaged caches made again.

Axis legend: N windows, T time, C channels, D features.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from feature_extraction.class_lists import attribute_names
from feature_extraction.encoders import kinematic
from feature_extraction.encoders.statistical import VERSION, statistical_features
from feature_extraction.errors import InputError
from feature_extraction.feature_table import FeatureTable, concatenate
from feature_extraction.pretraining import pretrain, pretraining_key
from feature_extraction.pretraining.checkpoint import EncoderCheckpoint
from feature_extraction.pretraining.config import PretrainConfig
from feature_extraction.protocol import Provenance, Split
from feature_extraction.windows import WindowSet

logger = logging.getLogger(__name__)

RESOURCES = Path(__file__).resolve().parents[1] / "resources"
BLOCKS = ("statistical", "resnet", "kinematic")
DEFAULT_BLOCKS = ("statistical", "resnet")
STATISTICAL_BATCH = 1024
ENCODER_BATCH = 256


def extract_statistical(windows: WindowSet, out: Path) -> FeatureTable:
    """Compute statistical features of every window, or read them if `out` holds them.

    Args:
        windows: Windows [N, T, C] in m/s² and rad/s.
        out: `.npz` file to make.

    Raises:
        InputError: The channels cannot be described, or `out` holds features of other windows.
    """

    def compute() -> FeatureTable:
        def describe(samples: np.ndarray) -> np.ndarray:
            return statistical_features(samples, windows.channels, windows.settings.rate_hz)[0]

        return _table(windows, "statistical", _stream(windows, describe, STATISTICAL_BATCH, "statistical"))

    return _cached(out, windows, "statistical", compute)


def extract_kinematic(windows: WindowSet, out: Path) -> FeatureTable:
    """Measure the kinematic attributes of every window, or read them if `out` holds them.

    Args:
        windows: Windows [N, T, C] in m/s² and rad/s, of at least two seconds.
        out: `.npz` file to make.

    Raises:
        InputError: The channels cannot be measured, windows are too short, or `out` holds features of other windows.
    """

    def compute() -> FeatureTable:
        up_axes = kinematic.MOUNTINGS.get(windows.dataset)
        values, _ = kinematic.measure_kinematics(
            windows.samples, windows.channels, windows.settings.rate_hz, windows.placements, up_axes
        )
        return _table(windows, "kinematic", values)

    return _cached(out, windows, "kinematic", compute)


def kinematic_names(windows: WindowSet) -> tuple[str, ...]:
    """Return the names of the columns of the kinematic block, such as `kinematic.torso_upright`."""
    up_axes = kinematic.MOUNTINGS.get(windows.dataset)
    names = kinematic.measurable_attributes(windows.channels, windows.placements, up_axes)
    return tuple(f"kinematic.{name}" for name in names)


def kinematic_columns(windows: WindowSet) -> tuple[int, ...]:
    """Return which written attribute, by its place in `kinematics.yaml`, each column of the block measures."""
    return tuple(attribute_names().index(name.removeprefix("kinematic.")) for name in kinematic_names(windows))


def extract_encoder(windows: WindowSet, checkpoint: Path, out: Path, split: Split | None = None) -> FeatureTable:
    """Encode every window with a pretrained encoder, or read the features if `out` holds them.

    Args:
        windows: Windows [N, T, C] in m/s² and rad/s, of the format the encoder was trained on.
        checkpoint: Folder of the encoder.
        out: `.npz` file to make; features of another encoder in it are replaced.
        split: If given, the encoder's provenance must respect it.

    Raises:
        InputError: The checkpoint is damaged or reads other windows, or `out` is of other windows.
        LeakageError: The encoder learned from an unseen class or a test subject of `split`.
    """
    loaded = EncoderCheckpoint.load(checkpoint)
    if split is not None:
        split.check_provenance(loaded.provenance, f"encoder {checkpoint}")
    loaded.windows.require(windows, checkpoint)

    def compute() -> FeatureTable:
        def encode(samples: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return loaded.encoder(torch.from_numpy(np.array(samples, dtype=np.float32))).numpy()

        features = _stream(windows, encode, ENCODER_BATCH, "resnet")
        return _table(windows, "resnet", features, loaded.provenance, {"resnet": loaded.key})

    return _cached(out, windows, "resnet", compute, {"resnet": loaded.key})


def features_for(
    windows: WindowSet,
    split: Split,
    blocks: Sequence[str] = DEFAULT_BLOCKS,
    resources: Path = RESOURCES,
    config: PretrainConfig | None = None,
    held_out: tuple[str, ...] = (),
) -> FeatureTable:
    """Return the features of every window for one split; whatever is missing is made and cached.

    Args:
        windows: All windows of the split's data set.
        split: Which windows an encoder may learn from.
        blocks: Some of `statistical`, `resnet` and `kinematic`, in the order of the columns.
        resources: Folder that holds `imu_feats/` and `runs/encoders/`.
        config: How the encoder is pretrained.
        held_out: Seen classes the encoder shall not learn from either (an inner fold's pseudo-unseen ones).

    Raises:
        InputError: An unknown block, or windows of another data set.
        LeakageError: A cached encoder learned from an unseen class or a test subject of the split.
    """
    unknown = sorted(set(blocks) - set(BLOCKS))
    if unknown or not blocks:
        raise InputError(
            f"blocks {list(blocks)}: {', '.join(unknown) or 'none'} unknown; choose from {', '.join(BLOCKS)}"
        )
    if windows.dataset != split.dataset:
        raise InputError(f"windows are of {windows.dataset!r}, split {split.name!r} is of {split.dataset!r}; pair them")
    folder = resources / "imu_feats" / windows.dataset / windows.key
    tables = []
    for block in blocks:
        if block == "statistical":
            tables.append(extract_statistical(windows, folder / f"statistical-v{VERSION}.npz"))
            continue
        if block == "kinematic":
            tables.append(extract_kinematic(windows, folder / f"kinematic-v{kinematic.VERSION}.npz"))
            continue
        checkpoint = encoder_folder(windows, split, "supervised", resources, config, held_out)
        pretrain(windows, split, "supervised", config, checkpoint, held_out)
        tables.append(extract_encoder(windows, checkpoint, folder / f"{split.name}-{checkpoint.name}.npz", split))
    table = concatenate(tables)
    split.check_provenance(table.provenance, "features")
    return table


def encoder_folder(
    windows: WindowSet,
    split: Split,
    objective: str,
    resources: Path = RESOURCES,
    config: PretrainConfig | None = None,
    held_out: tuple[str, ...] = (),
) -> Path:
    """Return where the encoder of a split lies or will lie; arguments as in `pretrain`."""
    key = pretraining_key(windows, split, objective, config, held_out)
    return resources / "runs" / "encoders" / windows.dataset / split.name / f"resnet-{key[:8]}"


def _stream(windows: WindowSet, encode: Callable[[np.ndarray], np.ndarray], size: int, what: str) -> np.ndarray:
    """Encode windows batch by batch; only one batch of windows is in memory at a time."""
    n_windows = len(windows.samples)
    if n_windows == 0:
        raise InputError(f"windows of {windows.dataset} are empty; prepare the data set again")
    features: np.ndarray | None = None
    with tqdm(total=n_windows, desc=f"extract {what}", unit="window", disable=None) as bar:
        for start in range(0, n_windows, size):
            batch = encode(windows.samples[start : start + size])
            if features is None:
                features = np.empty((n_windows, batch.shape[1]), dtype=np.float32)
            features[start : start + len(batch)] = batch
            bar.update(len(batch))
    assert features is not None
    return features


def _table(
    windows: WindowSet,
    block: str,
    features: np.ndarray,
    provenance: tuple[Provenance, ...] = (),
    encoders: Mapping[str, str] | None = None,
) -> FeatureTable:
    return FeatureTable(
        features=features,
        labels=windows.labels,
        subjects=windows.subjects,
        recordings=windows.recordings,
        start_s=windows.start_s,
        blocks={block: features.shape[1]},
        dataset=windows.dataset,
        window_key=windows.key,
        provenance=provenance,
        encoders=encoders or {},
    )


def _cached(
    path: Path,
    windows: WindowSet,
    block: str,
    compute: Callable[[], FeatureTable],
    encoders: Mapping[str, str] | None = None,
) -> FeatureTable:
    """Read a cached table, or compute and save it; a damaged one is computed again."""
    if path.exists():
        try:
            table = FeatureTable.load(path)
        except InputError as error:
            logger.warning("%s; computing it again", error)
        else:
            given = (table.dataset, table.window_key, tuple(table.blocks), len(table))
            wanted = (windows.dataset, windows.key, (block,), len(windows.samples))
            if given != wanted:
                raise InputError(f"{path}: holds features {given}, not {wanted}; delete it or name another file")
            if dict(table.encoders) == (encoders or {}):
                return table
            logger.info("%s: made by another encoder; computing it again", path)
    table = compute()
    table.save(path)
    return table
