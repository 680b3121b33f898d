"""Code of others: refused unless trusted, and harmless where the system can keep it so."""

import hashlib
import pickle
import platform
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from checkout import ROOT
from external_networks import (
    ACC,
    RATE_HZ,
    MeanOverTime,
    TwoOutputs,
    conv_net,
    describe,
    export_mean,
    external,
    load_here,
    noise,
    save_graph,
)
from torch import nn

from feature_extraction.encoders.confined import frames
from feature_extraction.encoders.confined.limits import NO_SIGNALS, NO_TRUNCATION, landlock_version
from feature_extraction.encoders.confined.process import ConfinedNetwork
from feature_extraction.encoders.external import load_external
from feature_extraction.encoders.external.trust import code_digest
from feature_extraction.errors import InputError

CONTENT = b"what must not be lost" * 4
keeps_files = pytest.mark.skipif(
    landlock_version() < NO_TRUNCATION, reason="this system cannot keep a process from writing files"
)


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


def save(folder: Path, network: nn.Module) -> tuple[Path, str]:
    """Save a network as TorchScript; return its description and its digest."""
    torch.jit.script(network).save(str(folder / "net.pt"))
    return describe(folder), code_digest(folder / "net.pt")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_bytes(CONTENT)
    return path


# Without trust


@pytest.mark.parametrize("network", [OverwritesInForward, OverwritesWhileLoading])
def test_torchscript_is_refused_before_any_of_it_runs(network, victim, tmp_path):
    path, digest = save(tmp_path, network(str(victim)))
    with pytest.raises(InputError, match=rf"net\.pt: TorchScript is code of others.* --trust-code {digest}, in YAML"):
        load_external(path)
    with pytest.raises(InputError, match="--trust-code"):
        load_external(path, ["0" * 64])
    assert victim.read_bytes() == CONTENT


@pytest.mark.parametrize("network", [OverwritesInForward, OverwritesWhileLoading])
def test_the_attack_is_one(network, victim, tmp_path):
    """In this process the file is overwritten, so the tests beside this one do show something."""
    path, _ = save(tmp_path, network(str(victim)))
    load_here(path).encode(noise(9, 50, 3), ACC, RATE_HZ)
    assert victim.read_bytes() == b"X" * 16 + CONTENT[16:]


def test_trust_is_in_the_content_of_a_file(tmp_path):
    path, digest = save(tmp_path, MeanOverTime())
    assert digest == hashlib.sha256((tmp_path / "net.pt").read_bytes()).hexdigest()
    save(tmp_path, conv_net())
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


# With trust


@pytest.mark.slow
@keeps_files
@pytest.mark.parametrize("network", [OverwritesInForward, OverwritesWhileLoading])
def test_a_trusted_network_still_cannot_write(network, victim, tmp_path):
    path, digest = save(tmp_path, network(str(victim)))
    with pytest.raises(InputError, match=r"Permission denied|Operation not permitted|unable to open"):
        load_external(path, [digest]).encode(noise(9, 50, 3), ACC, RATE_HZ)
    assert victim.read_bytes() == CONTENT


HUBCONF = """
import socket, subprocess
from pathlib import Path

from torch import nn

tried = {{}}
for name, attempt in {{
    "overwrite": lambda: open({victim!r}, "r+b", 0).write(b"X"),
    "shorten": lambda: __import__("os").truncate({victim!r}, 0),
    "delete": lambda: Path({victim!r}).unlink(),
    "create": lambda: Path({victim!r} + "2").touch(),
    "start": lambda: subprocess.run(["rm", {victim!r}], check=True),
    "connect": lambda: socket.create_connection(("127.0.0.1", {port})),
    "send": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"X", ("127.0.0.1", 9)),
    "ask": lambda: socket.socket(socket.AF_UNIX).connect({victim!r} + "3"),
    "kill": lambda: __import__("os").kill(__import__("os").getppid(), 0),
}}.items():
    try:
        attempt()
        tried[name] = "done"
    except Exception as error:
        tried[name] = type(error).__name__


def harnet5(**_):
    raise RuntimeError(" ".join(f"{{name}}:{{found}}" for name, found in tried.items()))
"""


@pytest.mark.slow
@keeps_files
@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no filter of system calls is known")
def test_trusted_python_cannot_write_or_connect(victim, tmp_path):
    """What a hostile clone tries while it is imported; it reports itself what became of that."""
    (tmp_path / "clone").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = HUBCONF.format(victim=str(victim), port=server.getsockname()[1])
        (tmp_path / "clone" / "hubconf.py").write_text(text)
        torch.save({}, tmp_path / "net.pt")
        fields = {"kind": "oxwearables", "architecture": "harnet5", "repository": "clone"}
        path = describe(tmp_path, ("rate_hz", "n_samples", "channels", "units", "layout"), **fields)
        with pytest.raises(InputError, match="clone: the Python in it is code"):
            load_external(path)
        with pytest.raises(InputError) as error:
            load_external(path, [code_digest(tmp_path / "clone")])
    assert "overwrite:PermissionError shorten:PermissionError delete:PermissionError" in str(error.value)
    assert "create:PermissionError start:CalledProcessError connect:PermissionError" in str(error.value)
    assert "send:PermissionError ask:PermissionError" in str(error.value)
    assert "kill:PermissionError" in str(error.value) or landlock_version() < NO_SIGNALS
    assert victim.read_bytes() == CONTENT and not (tmp_path / "victim2").exists()


@pytest.mark.slow
def test_a_process_of_its_own_gives_the_same_features(tmp_path, monkeypatch):
    here = external(tmp_path, conv_net(), layout="BCT")
    for unpickles in ("loads", "load", "Unpickler", "_Unpickler"):
        monkeypatch.setattr(pickle, unpickles, None)
    encoder = load_external(here.spec.path, [code_digest(here.spec.file)])
    windows = noise(300, 75, 3)  # two pieces each, more than two batches
    first = encoder.network.process.pid
    np.testing.assert_allclose(
        encoder.encode(windows, ACC, RATE_HZ), here.encode(windows, ACC, RATE_HZ), rtol=1e-5, atol=1e-6
    )
    assert encoder.key == here.key and encoder.network.process.pid == first
    process = encoder.network.process
    del encoder
    assert process.poll() is not None  # it ends with the encoder


@pytest.mark.slow
def test_errors_in_the_other_process_are_the_same_line(tmp_path):
    path, digest = save(tmp_path, TwoOutputs())
    with pytest.raises(InputError) as here:
        load_here(path)
    with pytest.raises(InputError) as there:
        load_external(path, [digest])
    assert "returns tuple" in str(here.value) and str(there.value) == str(here.value)
    (tmp_path / "net.pt").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"net\.pt: loading TorchScript failed.*as ONNX"):
        load_external(path, [code_digest(tmp_path / "net.pt")])


@pytest.mark.slow
def test_a_network_that_hangs_is_ended(tmp_path):
    path, digest = save(tmp_path, NeverAnswers())
    encoder = load_external(path, [digest])
    encoder.network.answer_s = 0.5
    with pytest.raises(InputError, match=r"net\.pt: .* gave no answer within 0\.5 s and was ended; get another"):
        encoder.encode(noise(3, 50, 3), ACC, RATE_HZ)
    with pytest.raises(InputError, match=r"net\.pt: .* crashed \(SIGKILL\)"):
        encoder.encode(noise(3, 50, 3), ACC, RATE_HZ)


# What is not believed


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def answering(data: bytes, code: str = "") -> ConfinedNetwork:
    """A process that answers whatever it is asked with these bytes, and goes on with some code."""
    script = f"import sys; sys.stdout.buffer.write({data!r}); sys.stdout.flush(); {code or 'sys.stdin.read()'}"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return ConfinedNetwork(subprocess.Popen([sys.executable, "-c", script], **pipes), Path("net.pt"), 60.0)


def framed(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(8, "little") + data


ROWS = frames.array_bytes(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("answer", "code", "problem"),
    [
        (framed(b"A", ROWS[:-1]), "", r"array of shape \(2, 3\) in 40 bytes"),
        (framed(b"A", b"\xff" + ROWS[1:]), "", "no array"),
        (framed(b"A", b"\x02" + (1 << 40).to_bytes(8, "little") * 2), "", "array of shape"),
        (framed(b"A", b""), "", "no array"),
        (framed(b"O", ROWS), "", "answer of kind b'O'"),
        (b"A" + (1 << 62).to_bytes(8, "little"), "", "frame of 4611686018427387904 bytes"),
        (framed(b"A", ROWS)[:-1], "sys.exit(3)", r"crashed \(exit code 3\)"),
        (b"", "import os; os.abort()", r"crashed \(SIGABRT\)"),
    ],
)
def test_answers_that_break_the_rules_are_one_line(answer, code, problem):
    with pytest.raises(InputError, match=rf"net\.pt: the process .*{problem}.*; get another version of the file"):
        answering(answer, code).embed(noise(2, 50, 3))


def test_an_answer_that_keeps_them_is_read():
    np.testing.assert_array_equal(answering(framed(b"A", ROWS)).embed(noise(2, 50, 3)), np.ones((2, 3)))


def test_a_pickle_is_not_unpickled(tmp_path):
    payload = pickle.dumps(Payload(tmp_path / "unpickled"))
    for answer in (payload, framed(b"A", payload)):
        with pytest.raises(InputError, match="sent something else than features|crashed"):
            answering(answer, "sys.exit()").embed(noise(2, 50, 3))
    assert not (tmp_path / "unpickled").exists()
    for path in (ROOT / "feature_extraction" / "encoders" / "confined").glob("*.py"):
        words = set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
        assert not words & {"pickle", "multiprocessing", "marshal", "joblib", "shelve"}, path


def test_a_line_of_the_other_process_cannot_drive_the_terminal():
    hostile = "no\x1b[2Jfeatures\r\nerror: \u202eall well".encode() + b"\xff"
    with pytest.raises(InputError) as error:
        answering(framed(b"E", hostile)).embed(noise(2, 50, 3))
    assert str(error.value).isprintable() and str(error.value).startswith("no [2Jfeatures error: ")


def test_what_the_system_cannot_deny_is_said_once(caplog):
    answering(framed(b"L", b"writing files, the network") + framed(b"O", b"")).await_loaded()
    assert [record.message for record in caplog.records] == [
        "net.pt is code of others, and this system cannot deny to it: writing files, the network"
    ]
    caplog.clear()
    answering(framed(b"L", b"") + framed(b"O", b"")).await_loaded()
    assert not caplog.records


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


# What a system denies

CONFINED = """
import mmap
from feature_extraction.encoders.confined import limits

limits.landlock_version = lambda: {version}
print(*limits.confine(), sep=", ")
for change in (lambda file: file.write(b"X"), lambda file: mmap.mmap(file.fileno(), 0).write(b"X")):
    try:
        with open({victim!r}, "r+b", 0) as file:
            change(file)
        print("done")
    except OSError as error:
        print(type(error).__name__)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is of Linux")
@pytest.mark.parametrize(
    ("version", "denies_files", "results"),
    [
        (0, False, ["OSError", "done"]),  # files cannot be written, but changed through mapped memory
        (2, False, ["PermissionError", "PermissionError"]),  # but shortened
        (3, True, ["PermissionError", "PermissionError"]),
    ],
)
def test_what_a_system_cannot_deny_is_named(version, denies_files, results, victim):
    if landlock_version() < version:
        pytest.skip(f"this system has no Landlock {version}")
    code = CONFINED.format(version=version, victim=str(victim))
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    not_denied, *found = run.stdout.splitlines()
    assert ("writing files" not in not_denied) == denies_files and found == results
