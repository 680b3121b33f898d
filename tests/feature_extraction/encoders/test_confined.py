"""Code of others in a process of its own: the same features, and neither files nor this process are at its mercy."""

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
from external_networks import ACC, RATE_HZ, TwoOutputs, conv_net, describe, external, load_here, noise
from hostile_networks import (
    CONTENT,
    NeverAnswers,
    OverwritesInForward,
    OverwritesWhileLoading,
    save_script,
    write_victim,
)

from feature_extraction.encoders.confined import frames
from feature_extraction.encoders.confined.limits import NO_SIGNALS, NO_TRUNCATION, landlock_version
from feature_extraction.encoders.confined.process import ConfinedNetwork
from feature_extraction.encoders.external import load_external
from feature_extraction.encoders.external.trust import code_digest
from feature_extraction.errors import InputError

keeps_files = pytest.mark.skipif(
    landlock_version() < NO_TRUNCATION, reason="this system cannot keep a process from writing files"
)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    return write_victim(tmp_path)


@pytest.mark.slow
@keeps_files
@pytest.mark.parametrize("network", [OverwritesInForward, OverwritesWhileLoading])
def test_a_trusted_network_still_cannot_write(network, victim, tmp_path):
    path, digest = save_script(tmp_path, network(str(victim)))
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
    path, digest = save_script(tmp_path, TwoOutputs())
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
    path, digest = save_script(tmp_path, NeverAnswers())
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
