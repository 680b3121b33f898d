"""One adapter each: ONNX as exported, a clone with the layout of ssl-wearables, stand-ins for large packages."""

import sys
import types

import numpy as np
import pytest
import torch
from external_networks import ACC, RATE_HZ, TwoOutputs, conv_net, describe, load_here, noise
from synthetic_windows import GRAVITY_MPS2, make_channels

from feature_extraction.encoders.external import load_external
from feature_extraction.errors import InputError
from feature_extraction.recordings.signal import rate_ratio, resample_by

# ONNX


def export_onnx(folder, network, n_samples=50, dynamic=True, batch=2, shape=None):
    pytest.importorskip("onnx", reason="writing ONNX files needs the package onnx")
    pytest.importorskip("onnxruntime", reason="running ONNX files needs the package onnxruntime")
    example = torch.zeros(batch, *(shape or (3, n_samples)))
    axes = {"windows": {0: "batch"}, "features": {0: "batch"}} if dynamic else None
    torch.onnx.export(
        network,
        (example,),
        str(folder / "net.onnx"),
        dynamo=False,
        input_names=["windows"],
        output_names=["features"],
        dynamic_axes=axes,
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("dynamic", "batch"), [(True, 2), (False, 4), (False, 1)])
def test_onnx_gives_what_the_module_gives(dynamic, batch, tmp_path):
    network = conv_net()
    export_onnx(tmp_path, network, dynamic=dynamic, batch=batch)
    encoder = load_external(describe(tmp_path, kind="onnx", file="net.onnx", layout="BCT", units={"acc": "g"}))
    windows = noise(6, 50, 3)
    with torch.no_grad():
        expected = network(torch.tensor(windows / GRAVITY_MPS2).float().transpose(1, 2))[..., 0].numpy()
    np.testing.assert_allclose(encoder.encode(windows, ACC, RATE_HZ), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx_files_that_do_not_fit(tmp_path):
    export_onnx(tmp_path, conv_net())
    with pytest.raises(InputError, match=r"takes \['batch', 3, 50\].*describes \[B, 3, 60\]"):
        load_external(describe(tmp_path, kind="onnx", file="net.onnx", layout="BCT", n_samples=60))
    with pytest.raises(InputError, match=r"describes \[B, 50, 3\] \(BTC\)"):
        load_external(describe(tmp_path, kind="onnx", file="net.onnx"))
    with pytest.raises(InputError, match=r"other\.onnx: no such file"):
        load_external(describe(tmp_path, kind="onnx", file="other.onnx"))
    (tmp_path / "net.onnx").write_bytes(b"not a graph")
    with pytest.raises(InputError, match=r"net\.onnx: loading ONNX failed"):
        load_external(describe(tmp_path, kind="onnx", file="net.onnx", layout="BCT"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx_files_with_two_outputs_are_refused(tmp_path):
    export_onnx(tmp_path, TwoOutputs(), shape=(50, 3), dynamic=False)
    with pytest.raises(InputError, match="one input and one output"):
        load_external(describe(tmp_path, kind="onnx", file="net.onnx"))


# OxWearables

HUBCONF = """
import torch
from torch import nn

dependencies = ["torch"]


class Net(nn.Module):
    def __init__(self, class_num):
        super().__init__()
        self.feature_extractor = nn.Sequential()
        self.feature_extractor.add_module("layer1", nn.Conv1d(3, 4, 150))
        self.classifier = nn.Linear(4, class_num)


def harnet5(pretrained=False, my_device="cpu", class_num=2, **kwargs):
    assert not pretrained
    return Net(class_num)
"""
HARNET_KEYS = ("rate_hz", "n_samples", "channels", "units", "layout")


def make_clone(folder):
    """Write a repository and weights as a parallel trainer leaves them; return the convolution that they hold."""
    (folder / "clone").mkdir()
    (folder / "clone" / "hubconf.py").write_text(HUBCONF)
    convolution = torch.nn.Conv1d(3, 4, 150)
    weights = {f"module.feature_extractor.layer1.{name}": value for name, value in convolution.state_dict().items()}
    torch.save(weights | {"module.aot_h.linear1.weight": torch.zeros(2, 4)}, folder / "weights.mdl")
    return convolution


def describe_harnet(folder, **changes):
    fields = {"kind": "oxwearables", "architecture": "harnet5", "repository": "clone", "file": "weights.mdl"}
    return describe(folder, HARNET_KEYS, **(fields | changes))


def test_harnet_from_a_clone_and_its_weights(tmp_path):
    convolution = make_clone(tmp_path)
    encoder = load_here(describe_harnet(tmp_path))
    windows = noise(3, 125, 12)
    features = encoder.encode(windows, make_channels(("left wrist", "right wrist")), RATE_HZ)
    assert encoder.n_features == 4 and features.shape == (3, 8)
    for first, columns in ((0, [0, 1, 2]), (4, [6, 7, 8])):
        at_30_hz = np.stack([resample_by(w, rate_ratio(25, 30)) for w in windows[..., columns]]) / GRAVITY_MPS2
        with torch.no_grad():
            expected = convolution(torch.tensor(at_30_hz).float().transpose(1, 2))[..., 0].numpy()
        np.testing.assert_allclose(features[:, first : first + 4], expected, rtol=1e-3, atol=1e-4)
    (tmp_path / "clone" / "hubconf.py").write_text(HUBCONF + "# another version of the code")
    assert load_here(describe_harnet(tmp_path)).key != encoder.key


def test_harnet_as_torchscript(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        convolution = torch.nn.Conv1d(3, 4, 300)
    torch.jit.script(convolution).save(str(tmp_path / "weights.mdl"))
    path = describe(
        tmp_path, HARNET_KEYS, kind="oxwearables", architecture="harnet10", file="weights.mdl", short_windows="pad"
    )
    encoder = load_here(path)
    still = np.full((1, 125, 3), GRAVITY_MPS2, dtype=np.float32)
    with torch.no_grad():
        expected = convolution(torch.ones(1, 3, 300))[..., 0].numpy()
    # Resampling leaves a ripple of 1e-4 at the ends of a constant.
    np.testing.assert_allclose(encoder.encode(still, ACC, RATE_HZ), expected, rtol=0, atol=5e-3)


class NotWeights:
    """Anything that only a pickle can hold."""


def test_harnets_that_cannot_be_built(tmp_path):
    make_clone(tmp_path)
    with pytest.raises(InputError, match=r"hubconf\.py: no such file; clone it: git clone"):
        load_here(describe_harnet(tmp_path, repository="elsewhere"))
    with pytest.raises(InputError, match="no such file; its README links the weights"):
        load_here(describe_harnet(tmp_path, file="elsewhere.mdl"))
    with pytest.raises(InputError, match=r"building harnet30 failed .*Cannot find callable harnet30"):
        load_here(describe_harnet(tmp_path, architecture="harnet30"))
    with pytest.raises(InputError, match="'harnet7' is unknown; choose from harnet5"):
        load_here(describe_harnet(tmp_path, architecture="harnet7"))
    for content, message in (
        ({"feature_extractor.layer1.weight": torch.zeros(4, 3, 9)}, "filling harnet5 failed .*size mismatch"),
        ({"classifier.weight": torch.zeros(2)}, r"no weights named feature_extractor\."),
        ([1, 2], "holds list"),
        ({"feature_extractor.layer1.weight": NotWeights()}, "damaged, or more than weights"),
    ):
        torch.save(content, tmp_path / "weights.mdl")
        with pytest.raises(InputError, match=message):
            load_here(describe_harnet(tmp_path))
    (tmp_path / "weights.mdl").write_bytes(b"half a file")
    with pytest.raises(InputError, match="damaged, or more than weights"):
        load_here(describe_harnet(tmp_path))


# MOMENT and Chronos


@pytest.mark.parametrize(
    ("kind", "module", "package"),
    [
        ("onnx", "onnxruntime", "onnxruntime"),
        ("moment", "momentfm", "momentfm"),
        ("chronos", "chronos", "chronos-forecasting"),
    ],
)
def test_missing_packages_are_named(kind, module, package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed, also where it is
    remove, fields = ((), {}) if kind == "onnx" else (("layout",), {"combine": "mean", "n_samples": 48})
    with pytest.raises(InputError, match=rf"'{kind}' need the package {package}.*pip install {package}$"):
        load_external(describe(tmp_path, remove, kind=kind, **fields))


class StandInForMoment:
    """The documented interface of `momentfm.MOMENTPipeline`, in evaluation only."""

    @classmethod
    def from_pretrained(cls, folder, model_kwargs):
        assert model_kwargs == {"task_name": "embedding"}
        return cls()

    def init(self):
        self.ready = True

    def eval(self):
        return self

    def __call__(self, *, x_enc, input_mask):
        assert self.ready and x_enc.shape[1:] == (1, 512) and input_mask.shape == (len(x_enc), 512)
        sums = (x_enc[:, 0] * input_mask).sum(dim=1)
        outside = (x_enc[:, 0] * (1 - input_mask)).abs().sum(dim=1)
        return types.SimpleNamespace(embeddings=torch.stack([sums, input_mask.sum(dim=1), outside], dim=1))


class StandInForChronos:
    """The documented interface of `chronos.ChronosPipeline.embed`: one vector per sample and one for the end."""

    @classmethod
    def from_pretrained(cls, folder):
        return cls()

    def embed(self, context):
        tokens = torch.stack([context, context**2], dim=2)
        return torch.cat([tokens, torch.zeros(len(context), 1, 2)], dim=1), None


STAND_INS = {"moment": ("momentfm", "MOMENTPipeline", StandInForMoment)}
STAND_INS["chronos"] = ("chronos", "ChronosPipeline", StandInForChronos)


def load_stand_in(folder, monkeypatch, kind, **changes):
    module, pipeline, stand_in = STAND_INS[kind]
    monkeypatch.setitem(sys.modules, module, types.SimpleNamespace(**{pipeline: stand_in}))
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "config.json").write_text("{}")
    fields = {"n_samples": 48, "units": {"acc": "g"}, "file": "model", "combine": "concatenate"} | changes
    return load_external(describe(folder, ("layout",), kind=kind, **fields))


def test_moment_gets_single_channels_behind_masked_zeros(tmp_path, monkeypatch):
    windows = noise(2, 48, 3)
    sums = windows.sum(axis=1) / GRAVITY_MPS2
    expected = np.stack([sums, np.full_like(sums, 48), np.zeros_like(sums)], axis=2)
    kept = load_stand_in(tmp_path, monkeypatch, "moment").encode(windows, ACC, RATE_HZ)
    np.testing.assert_allclose(kept, expected.reshape(2, 9), rtol=1e-4, atol=1e-4)
    mean = load_stand_in(tmp_path, monkeypatch, "moment", combine="mean").encode(windows, ACC, RATE_HZ)
    np.testing.assert_allclose(mean, expected.mean(axis=1), rtol=1e-4, atol=1e-4)


def test_chronos_gets_single_channels_and_is_averaged_over_tokens(tmp_path, monkeypatch):
    windows = noise(2, 48, 3)
    in_g = windows.transpose(0, 2, 1) / GRAVITY_MPS2
    expected = np.stack([in_g.sum(axis=2), (in_g**2).sum(axis=2)], axis=2) / 49
    features = load_stand_in(tmp_path, monkeypatch, "chronos").encode(windows, ACC, RATE_HZ)
    np.testing.assert_allclose(features, expected.reshape(2, 6), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "n_samples"), [("moment", 520), ("moment", 50), ("chronos", 513)])
def test_lengths_that_do_not_fit_the_context(kind, n_samples, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=f"n_samples {n_samples}; .* takes up to 512"):
        load_stand_in(tmp_path, monkeypatch, kind, n_samples=n_samples)


@pytest.mark.parametrize("kind", ["moment", "chronos"])
def test_missing_and_damaged_model_folders(kind, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="elsewhere: no such folder; download it: hf download"):
        load_stand_in(tmp_path, monkeypatch, kind, file="elsewhere")

    def damaged(folder, **options):
        raise OSError("no file named model.safetensors")

    monkeypatch.setattr(STAND_INS[kind][2], "from_pretrained", damaged)
    with pytest.raises(InputError, match=r"loading \w+ failed \(OSError: no file named model.safetensors\)"):
        load_stand_in(tmp_path, monkeypatch, kind)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("place", ["weights.bin", "w" * 200, "inner/weights.bin", ".hidden"])
def test_weights_beside_an_onnx_file_are_part_of_the_key(tmp_path, place):
    onnx = pytest.importorskip("onnx", reason="writing ONNX files needs the package onnx")
    export_onnx(tmp_path, conv_net())
    model = onnx.load(tmp_path / "net.onnx")
    (tmp_path / place).parent.mkdir(exist_ok=True)
    onnx.save_model(model, tmp_path / "net.onnx", save_as_external_data=True, location=place, size_threshold=0)
    path = describe(tmp_path, kind="onnx", file="net.onnx", layout="BCT", units={"acc": "g"})
    first, data = load_external(path), bytearray((tmp_path / place).read_bytes())
    assert load_external(path).key == first.key
    data[5] ^= 1
    (tmp_path / place).write_bytes(data)
    assert load_external(path).key != first.key
    (tmp_path / "unrelated.bin").write_bytes(b"1")
    data[5] ^= 1
    (tmp_path / place).write_bytes(data)
    assert load_external(path).key == first.key
