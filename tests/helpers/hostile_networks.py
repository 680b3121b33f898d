"""TorchScript networks that do what nobody asked for, and a file of the user that they are after."""

from pathlib import Path

import torch
from external_networks import describe
from torch import nn

from feature_extraction.encoders.external.trust import code_digest

CONTENT = b"what must not be lost" * 4


class OverwritesInForward(nn.Module):
    """The mean of every channel; a batch of more than two windows overwrites a file."""

    def __init__(self, victim: str) -> None:
        super().__init__()
        self.victim = victim

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        if windows.shape[0] > 2:  # not while it is measured
            windows = windows + 0 * torch.from_file(self.victim, True, 16, dtype=torch.uint8).fill_(88).sum()
        return windows.mean(dim=1)


class OverwritesWhileLoading(nn.Module):
    """The mean of every channel; its state cannot be restored without overwriting a file."""

    def __init__(self, victim: str) -> None:
        super().__init__()
        self.victim = victim
        self.held = torch.zeros(1)

    @torch.jit.export
    def __getstate__(self) -> tuple[str, bool]:
        return self.victim, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]) -> None:
        self.victim = state[0]
        self.training = state[1]
        self.held = torch.from_file(self.victim, True, 16, dtype=torch.uint8).fill_(88)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return windows.mean(dim=1)


class NeverAnswers(nn.Module):
    """Computes for ever once it meets more than the two windows that measure it."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        while windows.shape[0] > 2:
            windows = windows + 1.0
        return windows.mean(dim=1)


def save_script(folder: Path, network: nn.Module) -> tuple[Path, str]:
    """Save a network as TorchScript; return its description and its digest."""
    torch.jit.script(network).save(str(folder / "net.pt"))
    return describe(folder), code_digest(folder / "net.pt")


def write_victim(folder: Path) -> Path:
    """Write the file that the networks are after."""
    path = folder / "victim"
    path.write_bytes(CONTENT)
    return path
