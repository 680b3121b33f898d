"""One feature block of all windows: computed batch by batch over the memory map, kept in one file.

Axis legend: N windows, D features.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from feature_extraction.errors import InputError
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.split import Provenance
from feature_extraction.storage.escaping import visible
from feature_extraction.windows.window_set import WindowSet

logger = logging.getLogger(__name__)


def stream(windows: WindowSet, encode: Callable[[slice], np.ndarray], size: int, what: str) -> np.ndarray:
    """Encode windows batch by batch; only one batch of windows is in memory at a time.

    Args:
        windows: N windows.
        encode: Maps the rows of a batch to features [batch, D].
        size: Windows of a batch.
        what: Named in the progress bar.

    Returns:
        float32 [N, D].

    Raises:
        InputError: There are no windows.
    """
    n_windows = len(windows)
    if n_windows == 0:
        raise InputError(f"windows of {windows.dataset} are empty; prepare the data set again")
    features: np.ndarray | None = None
    with tqdm(total=n_windows, desc=visible(f"extract {what}"), unit="window", disable=None) as bar:
        for start in range(0, n_windows, size):
            batch = encode(slice(start, min(start + size, n_windows)))
            if features is None:
                features = np.empty((n_windows, batch.shape[1]), dtype=np.float32)
            features[start : start + len(batch)] = batch
            bar.update(len(batch))
    assert features is not None
    return features


def single_block(
    windows: WindowSet,
    block: str,
    features: np.ndarray,
    provenance: tuple[Provenance, ...] = (),
    encoders: Mapping[str, str] | None = None,
) -> FeatureTable:
    """Return a table of one block, features [N, D]; other arguments as in `FeatureTable`."""
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


def cached(
    path: Path,
    windows: WindowSet,
    block: str,
    compute: Callable[[], FeatureTable],
    encoders: Mapping[str, str] | None = None,
) -> FeatureTable:
    """Read a cached table, or compute and save it; a damaged one, or one of another encoder, is computed again.

    Args:
        path: `.npz` file.
        windows: The windows it shall describe.
        block: Its only block.
        compute: Makes it.
        encoders: Key of the encoder behind the block, if there is one.

    Raises:
        InputError: The file holds features of other windows or of another block.
    """
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
