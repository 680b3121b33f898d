"""A small 1-D residual network (He et al., 2016, https://arxiv.org/abs/1512.03385) for windows of any length.

Batch normalisation is used rather than normalisation per window, because how strong a movement is
must survive. Axis legend: B windows, T time, C channels, D features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from feature_extraction.errors import InputError

LARGEST_SIZE, DEEPEST = 8192, 12  # twelve stages halve the time axis of any window away


@dataclass(frozen=True)
class ResNetConfig:
    """Sizes of the network.

    Attributes:
        widths: Channels of each stage; every stage halves the time axis.
        kernel_size: Odd kernel of the convolutions in the stages.
        stem_kernel_size: Odd kernel of the first convolution.
        n_features: D.
    """

    widths: tuple[int, ...] = (32, 64, 128)
    kernel_size: int = 5
    stem_kernel_size: int = 7
    n_features: int = 128

    def __post_init__(self) -> None:
        """Refuse empty stages and even kernels."""
        sizes = (*self.widths, self.n_features)
        if not 0 < len(self.widths) <= DEEPEST or not 0 < min(sizes) <= max(sizes) <= LARGEST_SIZE:
            raise InputError(
                f"resnet: widths {self.widths} and {self.n_features} features cannot be used; give 1 to {DEEPEST} "
                f"widths, all from 1 to {LARGEST_SIZE}"[:300]
            )
        for name in ("kernel_size", "stem_kernel_size"):
            if not 1 <= getattr(self, name) <= LARGEST_SIZE or getattr(self, name) % 2 == 0:
                raise InputError(
                    f"resnet.{name}: {getattr(self, name)} cannot be used; give an odd number up to {LARGEST_SIZE}"
                )


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, n_in: int, n_out: int, kernel_size: int, stride: int) -> None:
        """Make the block; the shortcut is a strided 1×1 convolution where the shape changes."""
        super().__init__()
        padding = kernel_size // 2
        self.first = nn.Conv1d(n_in, n_out, kernel_size, stride, padding, bias=False)
        self.first_norm = nn.BatchNorm1d(n_out)
        self.second = nn.Conv1d(n_out, n_out, kernel_size, padding=padding, bias=False)
        self.second_norm = nn.BatchNorm1d(n_out)
        same = n_in == n_out and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv1d(n_in, n_out, 1, stride, bias=False)

    def forward(self, signal: Tensor) -> Tensor:
        """Map [B, n_in, T] to [B, n_out, T / stride]."""
        inner = torch.relu(self.first_norm(self.first(signal)))
        return torch.relu(self.second_norm(self.second(inner)) + self.shortcut(signal))


class ResNet1d(nn.Module):
    """Windows in physical units [B, T, C] to features [B, D].

    The per-channel statistics that standardise the input are buffers, so they are saved with the weights.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, n_channels: int, config: ResNetConfig) -> None:
        """Make the network with PyTorch's default initialisation.

        Args:
            n_channels: C.
            config: Sizes.
        """
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(n_channels))
        self.register_buffer("scale", torch.ones(n_channels))
        self.stem = nn.Conv1d(
            n_channels, config.widths[0], config.stem_kernel_size, 2, config.stem_kernel_size // 2, bias=False
        )
        self.stem_norm = nn.BatchNorm1d(config.widths[0])
        entries = (config.widths[0], *config.widths[:-1])
        self.stages = nn.Sequential(
            *(
                ResidualBlock(n_in, n_out, config.kernel_size, 1 if stage == 0 else 2)
                for stage, (n_in, n_out) in enumerate(zip(entries, config.widths, strict=True))
            )
        )
        self.project = nn.Linear(2 * config.widths[-1], config.n_features)

    @property
    def n_features(self) -> int:
        """D."""
        return self.config.n_features

    def set_input_statistics(self, mean: Tensor, scale: Tensor) -> None:
        """Set per-channel mean and standard deviation [C]; a scale of 0 silences a constant channel."""
        self.mean.copy_(mean)
        self.scale.copy_(scale)

    def forward(self, windows: Tensor) -> Tensor:
        """Return features [B, D] of windows [B, T, C] in m/s² and rad/s."""
        inverse = torch.where(self.scale > 0, 1 / self.scale.clamp_min(1e-12), 0.0)
        standard = ((windows - self.mean) * inverse).clamp(-10, 10)
        signal = torch.relu(self.stem_norm(self.stem(standard.transpose(1, 2))))
        signal = self.stages(signal)
        return self.project(torch.cat([signal.mean(dim=2), signal.amax(dim=2)], dim=1))
