"""The features of a `WindowEncoder` as one module of PyTorch, from which graphs for other runtimes are exported.

Axis legend: N windows, T time, C channels, D features.
"""

import torch
from torch import Tensor, nn

from feature_extraction.encoders.patch_transformer.graph import PatchGraph
from feature_extraction.encoders.statistical.features import StatisticalFeatures
from feature_extraction.errors import InputError
from feature_extraction.features.window_encoder import WindowEncoder
from feature_extraction.pretraining.checkpoint import PatchCheckpoint


class WindowGraph(nn.Module):
    """Windows [N, T, C] in the format of the encoder's source to features [N, D]."""

    def __init__(self, encoder: WindowEncoder) -> None:
        """Translate the blocks of an encoder.

        Raises:
            InputError: A block has no translation; the message names it.
        """
        super().__init__()
        source = encoder.source
        n_samples, rate_hz = source.settings.window_samples, source.settings.rate_hz
        self.blocks = nn.ModuleList()
        for name in encoder.blocks:
            network = encoder.networks.get(name)
            if name == "statistical":
                self.blocks.append(StatisticalFeatures(source.channels, n_samples, rate_hz, for_export=True))
            elif isinstance(network, PatchCheckpoint):
                self.blocks.append(PatchGraph(network.encoder, encoder.readers[name], n_samples, rate_hz))
            elif network is not None:
                self.blocks.append(network.encoder)
            else:
                raise InputError(
                    f"features {name!r} cannot be exported; train with features.blocks [statistical], [resnet] or "
                    "encoders of `encoder pool`"
                )

    def forward(self, windows: Tensor) -> Tensor:
        """Return features [N, D]."""
        return torch.cat([block(windows) for block in self.blocks], dim=1)
