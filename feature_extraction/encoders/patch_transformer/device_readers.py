"""How a patch transformer reads the devices of a window: which columns, and what is said about each channel.

Axis legend: C channels of a device, E text dimension.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from feature_extraction.descriptions.embeddings import embed
from feature_extraction.encoders.devices import find_devices
from feature_extraction.encoders.patch_transformer.channel_sentences import describe_channels
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel


class DeviceReader(NamedTuple):
    """How an encoder reads one device.

    Attributes:
        name: The device.
        columns: Its columns in a window.
        channels: What they hold.
        sentences: Embedded descriptions of its channels [C, E].
    """

    name: str
    columns: list[int]
    channels: list[Channel]
    sentences: Tensor


def device_readers(channels: Sequence[Channel], sentences: Sequence[Tensor]) -> list[DeviceReader]:
    """Return a reader per device from the embedded descriptions of its channels, [C, E] each.

    Raises:
        InputError: The channels cannot be read, or the descriptions do not fit them.
    """
    devices = find_devices(channels)
    columns = [[*device.acc.tolist(), *device.gyro.tolist()] for device in devices]
    if [len(part) for part in sentences] != [len(part) for part in columns]:
        raise InputError(f"encoder: channel descriptions do not fit the channels {', '.join(c.name for c in channels)}")
    return [
        DeviceReader(device.name, own, [channels[column] for column in own], text)
        for device, own, text in zip(devices, columns, sentences, strict=True)
    ]


def describe_devices(
    channels: Sequence[Channel], placement: str, text_model: str, text_cache: Path
) -> list[DeviceReader]:
    """Return a reader per device, the descriptions of its channels embedded.

    Args:
        channels: One per column of a window.
        placement: Where a lone device was worn; several devices tell by their names.
        text_model: Sentence-transformers model.
        text_cache: Folder of sentence embeddings made before.

    Raises:
        InputError: The channels cannot be read, or there is no such text model.
    """
    devices = find_devices(channels)
    sentences = []
    for device in devices:
        own = [channels[column] for column in (*device.acc.tolist(), *device.gyro.tolist())]
        texts = describe_channels(own, placement if len(devices) == 1 else "")
        sentences.append(torch.from_numpy(embed(texts, text_model, text_cache)))
    return device_readers(channels, sentences)
