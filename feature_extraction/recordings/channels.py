"""The columns of a recording that a model reads."""

from collections.abc import Sequence

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import si_channel


def match_channels(channels: Sequence[Channel], wanted: Sequence[Channel]) -> tuple[list[int], np.ndarray]:
    """Return the column of each wanted channel and the factor that brings it to SI units [C].

    Where there is one device on each side, their names need not agree.

    Raises:
        InputError: A channel is missing or occurs twice, or its unit is unknown or another one.
    """
    one_device = len({c.device for c in channels}) == len({c.device for c in wanted}) == 1
    keys = [("" if one_device else c.device, c.quantity, c.axis) for c in channels]
    columns, factors = [], []
    for channel in wanted:
        key = ("" if one_device else channel.device, channel.quantity, channel.axis)
        if keys.count(key) != 1:
            missing = [c.name for c in wanted if (("" if one_device else c.device), c.quantity, c.axis) not in keys]
            names = ", ".join(c.name for c in channels) or "nothing"
            problem = f"no channel {', '.join(missing)}" if missing else f"channel {channel.name} occurs twice"
            raise InputError(f"{problem} in {names}; record all that the model reads, each once")
        column = keys.index(key)
        found, factor = si_channel(channels[column])
        if found.unit != channel.unit:
            raise InputError(f"{channels[column].name} is in {found.unit}; the model reads {channel.unit}")
        columns.append(column)
        factors.append(factor)
    return columns, np.array(factors)
