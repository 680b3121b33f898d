"""Networks of single series, applied to every channel alone.

Axis legend: B windows, T time, C channels, E width of the network.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from feature_extraction.encoders.external.spec import Combine


def embed_channels(embed: Callable[[Tensor], Tensor], pieces: np.ndarray, combine: Combine) -> np.ndarray:
    """Embed every channel, and concatenate or average the vectors.

    Args:
        embed: Maps series [n, T] to vectors [n, E].
        pieces: [B, T, C].
        combine: `concatenate` keeps apart what each channel says, `mean` keeps D small.

    Returns:
        [B, C * E] or [B, E].
    """
    n_windows, n_samples, n_channels = pieces.shape
    series = torch.from_numpy(np.ascontiguousarray(pieces.transpose(0, 2, 1)).reshape(-1, n_samples))
    with torch.no_grad():
        vectors = embed(series).to("cpu", torch.float32).numpy().reshape(n_windows, n_channels, -1)
    return vectors.mean(axis=1) if combine == "mean" else vectors.reshape(n_windows, -1)
