"""From our windows to the inputs of a network of others: its channels, rate, length, units and layout.

Axis legend: B windows, T time, C channels, K pieces of a window. Nothing here is fitted to data.
"""

import math
from collections.abc import Sequence

import numpy as np

from feature_extraction.encoders.external.spec import ExternalSpec, Layout
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import FACTORS, SI_UNITS, rate_ratio, resample_by


def find_inputs(channels: Sequence[Channel], spec: ExternalSpec) -> tuple[np.ndarray, ...]:
    """Find the columns of every input of the network: one input per device, or one of channels named outright.

    Args:
        channels: One per column of a window.
        spec: What the network wants.

    Returns:
        Column indices [C] of each input, in the order in which embeddings are concatenated.

    Raises:
        InputError: A channel the network wants is not there, or not in m/s² or rad/s.
    """
    columns = {channel.name: index for index, channel in enumerate(channels)}
    if "." in spec.channels[0]:
        wanted = [spec.channels]
    else:
        devices = spec.devices or tuple(dict.fromkeys(c.device for c in channels if c.quantity in spec.quantities))
        wanted = [tuple(f"{device}.{channel}" for channel in spec.channels) for device in devices]
    missing = [name for names in wanted for name in names if name not in columns]
    if missing or not wanted:
        raise InputError(
            f"encoder {spec.name}: windows lack {', '.join(missing or spec.channels)}; they have "
            f"{', '.join(columns)}. Change `channels` or `devices` in {spec.path}"
        )
    for index in sorted({columns[name] for names in wanted for name in names}):
        if channels[index].unit != SI_UNITS[channels[index].quantity]:
            raise InputError(
                f"encoder {spec.name}: channel {channels[index].name} is in {channels[index].unit!r}; "
                f"convert to {SI_UNITS[channels[index].quantity]!r} with signal.to_si first"
            )
    return tuple(np.array([columns[name] for name in names], dtype=np.intp) for names in wanted)


def make_pieces(windows: np.ndarray, rate_hz: float, spec: ExternalSpec) -> np.ndarray:
    """Bring windows to the rate, the length and the units of the network.

    A longer window becomes pieces that lie evenly from its start to its end and overlap where its length
    is no multiple of theirs (`average`), or its middle (`centre`). A shorter one is refused, or its first
    and last sample are repeated.

    Args:
        windows: [B, T, C] in m/s² and rad/s, columns in the network's order.
        rate_hz: Sampling rate of the windows.
        spec: What the network wants.

    Returns:
        float32 [B, K, n_samples, C], K alike for all windows of one length.

    Raises:
        InputError: The windows are too short, or the rates are not in a ratio of whole numbers.
    """
    n_windows, n_before, n_channels = windows.shape
    ratio = rate_ratio(rate_hz, spec.rate_hz)
    flat = resample_by(windows.transpose(1, 0, 2).reshape(n_before, n_windows * n_channels), ratio)
    resampled = flat.reshape(len(flat), n_windows, n_channels).transpose(1, 0, 2)
    starts = _piece_starts(len(flat), spec)
    if len(flat) < spec.n_samples:
        resampled = _pad(resampled, spec, n_before / rate_hz)
    pieces = np.stack([resampled[:, start : start + spec.n_samples] for start in starts], axis=1)
    si_per_unit = np.array([FACTORS[quantity][spec.units[quantity]] for quantity in spec.quantities])
    return (pieces / si_per_unit).astype(np.float32)


def _piece_starts(length: int, spec: ExternalSpec) -> list[int]:
    """Place the pieces; a single sample too many, as rounding leaves it, makes no further piece."""
    spare = max(0, length - spec.n_samples)
    n_pieces = math.ceil((length - 1) / spec.n_samples)
    if spec.long_windows == "centre" or n_pieces <= 1:
        return [spare // 2]
    return [round(spare * piece / (n_pieces - 1)) for piece in range(n_pieces)]


def _pad(windows: np.ndarray, spec: ExternalSpec, length_s: float) -> np.ndarray:
    if spec.short_windows == "refuse":
        raise InputError(
            f"encoder {spec.name}: windows of {length_s:g} s are shorter than the {spec.window_s:g} s it needs; "
            f"cut longer windows, or write `short_windows: pad` in {spec.path}"
        )
    lacking = spec.n_samples - windows.shape[1]
    return np.pad(windows, ((0, 0), (lacking // 2, lacking - lacking // 2), (0, 0)), mode="edge")


def in_layout(pieces: np.ndarray, layout: Layout) -> np.ndarray:
    """Return [B, T, C] as a contiguous array in the layout of the network."""
    return np.ascontiguousarray(pieces if layout == "BTC" else pieces.transpose(0, 2, 1))
