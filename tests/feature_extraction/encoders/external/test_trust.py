"""Which encoders of others are code, how it is refused, and that ONNX holds none."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from external_networks import ACC, RATE_HZ, MeanOverTime, conv_net, describe, export_mean, load_here, noise, save_graph
from hostile_networks import CONTENT, OverwritesInForward, OverwritesWhileLoading, save_script, write_victim

from feature_extraction.encoders.external import load_external
from feature_extraction.encoders.external.trust import code_digest
from feature_extraction.errors import InputError


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    return write_victim(tmp_path)


# Without trust


@pytest.mark.parametrize("network", [OverwritesInForward, OverwritesWhileLoading])
def test_torchscript_is_refused_before_any_of_it_runs(network, victim, tmp_path):
    path, digest = save_script(tmp_path, network(str(victim)))
    with pytest.raises(InputError, match=rf"net\.pt: TorchScript is code of others.* --trust-code {digest}, in YAML"):
        load_external(path)
    with pytest.raises(InputError, match="--trust-code"):
        load_external(path, ["0" * 64])
    assert victim.read_bytes() == CONTENT


@pytest.mark.parametrize("network", [OverwritesInForward, OverwritesWhileLoading])
def test_the_attack_is_one(network, victim, tmp_path):
    """In this process the file is overwritten, so the tests beside this one do show something."""
    path, _ = save_script(tmp_path, network(str(victim)))
    load_here(path).encode(noise(9, 50, 3), ACC, RATE_HZ)
    assert victim.read_bytes() == b"X" * 16 + CONTENT[16:]


def test_trust_is_in_the_content_of_a_file(tmp_path):
    path, digest = save_script(tmp_path, MeanOverTime())
    assert digest == hashlib.sha256((tmp_path / "net.pt").read_bytes()).hexdigest()
    save_script(tmp_path, conv_net())
    with pytest.raises(InputError, match=r"net\.pt: TorchScript is code"):
        load_external(path, [digest])


def test_the_digest_of_a_folder_is_that_of_all_in_it(tmp_path):
    clone, found = tmp_path / "clone", []
    (clone / "inner").mkdir(parents=True)
    for name, text in (("a.py", "1"), ("inner/b.pkl", "1"), ("inner/b.pkl", "2"), (".hidden", "")):
        (clone / name).write_text(text)
        found.append(code_digest(clone))
    (clone / "a.py").rename(clone / "c.py")
    found.append(code_digest(clone))
    for passed_over in (".git", "__pycache__"):
        (clone / passed_over).mkdir()
        (clone / passed_over / "file").write_text("")
    assert len(set(found)) == 5 and code_digest(clone) == found[-1]
    (clone / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="clone/link: a link to a folder"):
        code_digest(clone)


@pytest.mark.parametrize("kind", ["moment", "chronos"])
def test_model_folders_with_pickles_are_refused(kind, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    for name in ("config.json", "model.safetensors", "README.md", "LICENSE", "pytorch_model.bin"):
        (model / name).write_text("{}")
    path = describe(tmp_path, ("layout",), kind=kind, file="model", combine="mean", n_samples=48)
    with pytest.raises(InputError, match=rf"pytorch_model\.bin in it.*--trust-code {code_digest(model)}"):
        load_external(path)
    (model / "pytorch_model.bin").unlink()
    with pytest.raises(InputError) as error:
        load_external(path)
    assert "trust" not in str(error.value)


# ONNX holds no code


def external_weights(location: str):
    """A matrix of ones whose values lie in a file."""
    from onnx import TensorProto, numpy_helper

    weights = numpy_helper.from_array(np.eye(3, dtype=np.float32), "weights")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": "36"}.items():
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    return weights


def save_with_weights(folder: Path, location: str) -> Path:
    from onnx import helper

    path = export_mean(folder)
    mean = helper.make_node("ReduceMean", ["windows"], ["means"], axes=[1], keepdims=0)
    save_graph(
        folder, [mean, helper.make_node("MatMul", ["means", "weights"], ["features"])], [external_weights(location)]
    )
    return path


def test_external_data_lies_beside_the_onnx_file(tmp_path):
    inside, windows = tmp_path / "model", noise(3, 50, 3)
    inside.mkdir()
    for place in (inside / "weights.bin", tmp_path / "weights.bin"):
        place.write_bytes(np.eye(3, dtype=np.float32).tobytes())
    encoder = load_external(save_with_weights(inside, "weights.bin"))
    np.testing.assert_allclose(encoder.encode(windows, ACC, RATE_HZ), windows.mean(axis=1), atol=1e-5)
    (inside / "link.bin").symlink_to(tmp_path / "weights.bin")
    for outside in ("../weights.bin", str(tmp_path / "weights.bin"), "link.bin"):
        with pytest.raises(InputError, match=r"net\.onnx: loading ONNX failed .*its external data beside it"):
            load_external(save_with_weights(inside, outside))


def test_custom_operators_are_refused(tmp_path):
    from onnx import helper

    path = export_mean(tmp_path)
    save_graph(
        tmp_path, [helper.make_node("Anything", ["windows"], ["features"], domain="their.own")], domain="their.own"
    )
    with pytest.raises(InputError, match=r"their\.own:Anything.* not a registered .*with standard operators"):
        load_external(path)


def test_runtimes_that_read_external_data_from_anywhere_are_too_old(tmp_path, monkeypatch):
    import onnxruntime

    path = export_mean(tmp_path)
    monkeypatch.setattr(onnxruntime, "__version__", "1.9.1")
    with pytest.raises(InputError, match=r"onnxruntime 1\.9\.1 is too old.*pip install -U onnxruntime"):
        load_external(path)
