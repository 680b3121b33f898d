"""Every data set that can be read, one file each, and the lookup by name."""

from pathlib import Path

from feature_extraction.datasets.own.reader import custom_dataset
from feature_extraction.datasets.readers.berkeley_mhad import BERKELEY_MHAD
from feature_extraction.datasets.readers.dsads import DSADS
from feature_extraction.datasets.readers.hapt import HAPT
from feature_extraction.datasets.readers.sp_sw_har import SP_SW_HAR
from feature_extraction.datasets.readers.umafall import UMAFALL
from feature_extraction.datasets.readers.usc_had import USC_HAD
from feature_extraction.datasets.readers.utd_mhad import UTD_MHAD
from feature_extraction.datasets.readers.watch import WATCH
from feature_extraction.datasets.readers.wharf import WHARF
from feature_extraction.datasets.readers.wisdm import WISDM
from feature_extraction.datasets.spec import DatasetSpec
from feature_extraction.errors import InputError

DATASETS = {
    spec.name: spec for spec in (BERKELEY_MHAD, DSADS, HAPT, SP_SW_HAR, UMAFALL, USC_HAD, UTD_MHAD, WATCH, WHARF, WISDM)
}

__all__ = ["DATASETS", "DatasetSpec", "get_dataset"]


def get_dataset(name: str) -> DatasetSpec:
    """Find a data set by name, or by the path of the `dataset.yaml` that describes the user's own.

    Args:
        name: A name in `DATASETS`, or `path/to/dataset.yaml`, with or without `custom:` in front.

    Raises:
        InputError: No such data set, or the YAML file is wrong.
    """
    if name in DATASETS:
        return DATASETS[name]
    path = name.removeprefix("custom:")
    if path != name or path.endswith((".yaml", ".yml")):
        own = custom_dataset(Path(path))
        if own.name in DATASETS:
            raise InputError(
                f"{path}: dataset: {own.name!r} is the name of a known data set, so give yours another one"
            )
        return own
    raise InputError(
        f"data set {name!r} is unknown; choose from {', '.join(DATASETS)}, or give the path of a dataset.yaml"
    )
