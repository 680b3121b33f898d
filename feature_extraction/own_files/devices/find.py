"""Asks every family of devices whether a file or folder is an export of theirs."""

from pathlib import Path
from types import ModuleType

from feature_extraction.errors import InputError
from feature_extraction.own_files.devices.export import DeviceExport
from feature_extraction.own_files.devices.families import (
    actigraph,
    axivity,
    empatica,
    geneactiv,
    metawear,
    motionsense,
    movesense,
    phyphox,
    sensor_logger,
    sensorlog,
    shimmer,
    wisdm,
    xsens_dot,
)
from feature_extraction.own_files.devices.source import open_source
from feature_extraction.own_files.devices.unread import refuse_unread

FAMILIES: tuple[ModuleType, ...] = (
    *(actigraph, axivity, empatica, geneactiv, metawear, motionsense, movesense, phyphox, sensor_logger, sensorlog),
    *(shimmer, wisdm, xsens_dot),
)


def find_device(path: Path, scratch: Path) -> DeviceExport | None:
    """Return the export of a device, or nothing if no device is recognised.

    Args:
        path: A file, a folder with one file a sensor, or a zip file of such a folder.
        scratch: An empty temporary folder of the caller, which lives as long as the streams are read. What has to
            be unpacked or computed first is written there.

    Raises:
        InputError: An export contradicts itself, ends too early or holds several recordings, is a raw file that
            is not supported, or a zip file is damaged or harmful.
    """
    refuse_unread(path)
    try:
        source = open_source(path, scratch)
        if source is None:
            return None
        found = [export for family in FAMILIES if (export := family.find(source)) is not None]
    except InputError as error:
        raise InputError(str(error).replace(str(scratch / "members"), str(path))) from error
    if len(found) > 1:
        raise InputError(f"{path}: holds exports of {found[0].name} and {found[1].name}; give one recording")
    return found[0] if found else None
