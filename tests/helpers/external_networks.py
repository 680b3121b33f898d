"""Small networks with outputs known by hand, and descriptions of them, for the tests of external encoders."""

import numpy as np
import pytest
import torch
import yaml
from synthetic_windows import make_channels
from torch import nn

from feature_extraction.encoders.external import ADAPTERS, as_encoder, read_spec

RATE_HZ = 25.0
ACC = make_channels(quantities=("acc",))
SEEN = {"dataset": "synthetic", "labelled": False, "classes": ["still", "slow"], "subjects": ["s1"]}


class MeanOverTime(nn.Module):
    """[B, T, C] to the mean of every channel."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return windows.mean(dim=1)


class MeanOfChannelsFirst(nn.Module):
    """[B, C, T] to the mean of every channel."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return windows.mean(dim=2)


class Extremes(nn.Module):
    """[B, T, C] to the first, middle and last sample of the first channel, and the number of samples."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        n_samples = windows.shape[1]
        first = windows[:, :, 0]
        count = torch.full_like(first[:, 0], float(n_samples))
        return torch.stack([first[:, 0], first[:, n_samples // 2], first[:, n_samples - 1], count], dim=1)


class SmallConvNet(nn.Module):
    """[B, C, T] to [B, 5, 1], as feature extractors of others often end."""

    def __init__(self, n_channels: int = 3) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(n_channels, 5, 7, 2)
        self.norm = nn.BatchNorm1d(5)
        self.pool = nn.AdaptiveAvgPool1d(1)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return self.pool(torch.relu(self.norm(self.convolution(windows))))


class LogOfMean(MeanOverTime):
    """NaN for negative means."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return torch.log(windows.mean(dim=1))


class Peak(nn.Module):
    """[B, T, C] to the largest sample of every channel."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return windows.amax(dim=1)


class BatchStatistics(MeanOverTime):
    """The mean of every channel less that of the batch."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        means = windows.mean(dim=1)
        return means - means.square().mean(dim=0, keepdim=True)


class ByChance(MeanOverTime):
    """The mean of every channel with noise, as dropout that was not switched off."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        means = windows.mean(dim=1)
        return means * (torch.rand_like(means) > 0.5)


class Overwriting(nn.Module):
    """[B, T, C] to twice the mean of every channel, made in the memory of its input."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return windows.mul_(2.0).mean(dim=1)


class TwoOutputs(nn.Module):
    """Something else than one tensor."""

    def forward(self, windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return windows.mean(dim=1), windows


def conv_net(n_channels=3):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SmallConvNet(n_channels)
    network.norm.running_mean.add_(0.1)
    network.norm.running_var.mul_(2.0)
    return network.eval()


def describe(folder, remove=(), **changes):
    """Write a description of a TorchScript network of 50 samples at 25 Hz and return its path."""
    value = {
        "name": "test-net",
        "kind": "torchscript",
        "file": "net.pt",
        "rate_hz": RATE_HZ,
        "n_samples": 50,
        "channels": ["acc_x", "acc_y", "acc_z"],
        "units": {"acc": "m/s2"},
        "layout": "BTC",
        "source": "https://example.org",
        "licence": "MIT",
        "citation": "Nobody (2025)",
        "provenance": [],
        **changes,
    }
    path = folder / "net.yaml"
    path.write_text(yaml.safe_dump({key: item for key, item in value.items() if key not in remove}))
    return path


def load_here(path):
    """Load what a description names into this process: the test wrote it, and another process takes seconds."""
    spec = read_spec(path)
    ADAPTERS[spec.kind].find_code(spec)
    return as_encoder(spec, ADAPTERS[spec.kind].load(spec))


def external(folder, network, **changes):
    """Script and save a network with its description, and load both."""
    torch.jit.script(network).save(str(folder / "net.pt"))
    return load_here(describe(folder, **changes))


def export_mean(folder, **changes):
    """Write an ONNX file that maps [B, T, C] to the mean of every channel, and return the path of its description."""
    onnx = pytest.importorskip("onnx", reason="writing ONNX files needs the package onnx")
    pytest.importorskip("onnxruntime", reason="running ONNX files needs the package onnxruntime")
    mean = onnx.helper.make_node("ReduceMean", ["windows"], ["features"], axes=[1], keepdims=0)
    save_graph(folder, [mean])
    return describe(folder, **{"kind": "onnx", "file": "net.onnx", **changes})


def save_graph(folder, nodes, initializers=(), domain=None):
    """Write `net.onnx`: the nodes make `features` [B, 3] of `windows` [B, 50, 3]."""
    from onnx import TensorProto, helper

    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("windows", ["batch", 50, 3]), ("features", ["batch", 3]))
    ]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], list(initializers))
    versions = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(graph, opset_imports=versions, ir_version=9)
    (folder / "net.onnx").write_bytes(model.SerializeToString())


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 3, shape).astype(np.float32)
