"""Feature tables from windows: blocks of measured, computed or learned features, made once and then read.

Axis legend: N windows, T time, C channels, D features.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from feature_extraction.descriptions.class_list import attribute_names
from feature_extraction.encoders.kinematic import attributes as kinematic
from feature_extraction.encoders.statistical.features import VERSION, statistical_features
from feature_extraction.errors import InputError
from feature_extraction.features.cache import cached, single_block, stream
from feature_extraction.features.encoder_blocks import PREFIX, check_encoders, extract_loaded, is_encoder, load_encoder
from feature_extraction.features.table import FeatureTable, concatenate
from feature_extraction.pretraining.resnet.checkpoint import EncoderCheckpoint
from feature_extraction.pretraining.resnet.pretrain import pretrain, pretraining_key
from feature_extraction.protocol.split import Split
from feature_extraction.storage.names import file_name
from feature_extraction.storage.places import RESOURCES, text_cache
from feature_extraction.windows.input_format import InputFormat
from feature_extraction.windows.window_set import WindowSet

BLOCKS = ("statistical", "resnet", "kinematic")
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
        def describe(rows: slice) -> np.ndarray:
            return statistical_features(windows.samples[rows], windows.channels, windows.settings.rate_hz)[0]

        return single_block(windows, "statistical", stream(windows, describe, STATISTICAL_BATCH, "statistical"))

    return cached(out, windows, "statistical", compute)


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
        return single_block(windows, "kinematic", values)

    return cached(out, windows, "kinematic", compute)


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
        def encode(rows: slice) -> np.ndarray:
            with torch.no_grad():
                return loaded.encoder(torch.from_numpy(np.array(windows.samples[rows], dtype=np.float32))).numpy()

        features = stream(windows, encode, ENCODER_BATCH, "resnet")
        return single_block(windows, "resnet", features, loaded.provenance, {"resnet": loaded.key})

    return cached(out, windows, "resnet", compute, {"resnet": loaded.key})


def features_for(
    windows: WindowSet,
    split: Split,
    blocks: Sequence[str],
    resources: Path = RESOURCES,
    trust_code: Collection[str] = (),
) -> FeatureTable:
    """Return the features of every window for one split; whatever is missing is made and cached.

    Args:
        windows: All windows of the split's data set.
        split: Which windows an encoder may learn from.
        blocks: Some of `statistical`, `resnet`, `kinematic` and `encoder:PATH`, in the order of the columns.
        resources: Folder that holds `imu_feats/` and `runs/encoders/`.
        trust_code: SHA-256 digests of code of others that may run.

    Raises:
        InputError: An unknown block, an encoder that is not there, is code that is not trusted or cannot read the
            windows, or windows of another data set.
        LeakageError: An encoder learned from an unseen class or a test subject of the split.
    """
    check_blocks(blocks, trust_code)
    if windows.dataset != split.dataset:
        raise InputError(f"windows are of {windows.dataset!r}, split {split.name!r} is of {split.dataset!r}; pair them")
    cache = text_cache(resources)
    loaded = {block: load_encoder(block, cache, trust_code) for block in blocks if is_encoder(block)}
    for block, encoder in loaded.items():
        split.check_provenance(encoder.provenance, block)
    folder = resources / "imu_feats" / windows.dataset / windows.key
    tables = []
    for block in blocks:
        if block in loaded:
            tables.append(extract_loaded(windows, loaded[block], folder))
        elif block == "statistical":
            tables.append(extract_statistical(windows, folder / f"statistical-v{VERSION}.npz"))
        elif block == "kinematic":
            tables.append(extract_kinematic(windows, folder / f"kinematic-v{kinematic.VERSION}.npz"))
        else:
            checkpoint = encoder_folder(windows, split, resources)
            pretrain(windows, split, out=checkpoint)
            tables.append(
                extract_encoder(windows, checkpoint, folder / f"{file_name(split.name)}-{checkpoint.name}.npz", split)
            )
    table = replace(concatenate(tables), source=InputFormat.of(windows))
    split.check_provenance(table.provenance, "features")
    return table


def check_blocks(blocks: Sequence[str], trust_code: Collection[str] = ()) -> None:
    """Refuse blocks that nothing can make, or nothing may.

    Raises:
        InputError: No block, an unknown one, or an encoder that is not there or is code that is not trusted.
    """
    unknown = [block for block in blocks if block not in BLOCKS and not is_encoder(block)]
    if unknown or not blocks:
        raise InputError(
            f"features.blocks: {repr(unknown[0]) if unknown else 'none'} is unknown; "
            f"choose from {', '.join(BLOCKS)}, {PREFIX}NAME and {PREFIX}PATH"
        )
    check_encoders(blocks, trust_code)


def encoder_folder(windows: WindowSet, split: Split, resources: Path = RESOURCES) -> Path:
    """Return where the encoder of a split lies or will lie; arguments as in `pretrain`."""
    key = pretraining_key(windows, split)
    return resources / "runs" / "encoders" / windows.dataset / file_name(split.name) / f"resnet-{key[:8]}"
