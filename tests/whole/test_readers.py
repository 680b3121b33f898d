"""Every reader on what no sound file is: one error of input that names the file, and bugs of ours stay bugs."""

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from mutations import mutated
from readers import READERS

from feature_extraction.errors import InputError

CONTENTS = {
    "nothing": b"",
    "a zero": b"\0",
    "zeros": bytes(3000),
    "no text": b"\xff\xfe\xfa" * 500,
    "half a character": b"a: \xc3",
    "controls": b"\x1b[31m: \x07\n" * 20,
    "half a surrogate pair": b'{"\\ud800": ["\\udfff"]}',
    "5000 digits": b"9" * 5000,
    "a number beyond floats": b"[" + b"9" * 400 + b"]",
    "an impossible date": b"a: 2020-13-45",
    "nesting": b"[" * 100_000,
    "nested keys": b'{"a":' * 20_000,
    "a line without an end": b"1,2,3," * 400_000,
    "blanks without an end": b"1 2 3 " * 400_000,
    "a lone quote": b'"ax,ay,az\n1,2,3\n1,2,4\n1,2,5\n',
    "another kind of file": b"PK\x03\x04" + bytes(200),
    "a list": b"[1, 2, 3]",
    "a word": b"just words",
}
ENDLESS = {"a line without an end", "blanks without an end"}
MAY_READ = {  # plain YAML and JSON are what some of these are; an interruption leaves half a last line of results
    "yaml": {"nothing", "a number beyond floats", "a list", "a word", *ENDLESS},
    "json": {"a list"},
    "result rows": {*CONTENTS} - {"no text", "half a character", "controls", "a lone quote"},
    "config": {"nothing"},
    "pretraining": {"nothing"},
}
FILES = [name for name in READERS if name != "lines"]  # which come from standard input


@pytest.fixture
def sound(request, tmp_path):
    """Return a reader, the path of the file to damage, and its content."""
    reader = READERS[request.param]
    path = reader.write(tmp_path)
    return reader, path, path.read_bytes()


def _hang(*_):
    raise TimeoutError("a reader hangs")


@contextmanager
def refused(where: Path):
    """Require one error of input that names the file or its folder, in time."""
    signal.signal(signal.SIGALRM, _hang)
    signal.alarm(120)  # far above what any refusal takes: beyond, it hangs
    try:
        with pytest.raises(InputError) as found:
            yield
    finally:
        signal.alarm(0)
    assert any(name in str(found.value) for name in (where.name, where.parent.name, "input")), found.value


of_files = pytest.mark.parametrize("sound", FILES, indirect=True)
every_reader = pytest.mark.parametrize("sound", READERS, indirect=True)


@every_reader
def test_the_input_that_is_damaged_is_sound(sound):
    reader, path, _ = sound
    reader.read(path)


@every_reader
def test_other_contents_are_refused(sound, request):
    reader, path, content = sound
    may_read = MAY_READ.get(request.node.callspec.params["sound"], set())
    half = {"half of it": content[: len(content) // 2]} if path.suffix not in TEXTS else {}
    for name, other in (CONTENTS | half).items():
        path.write_bytes(other)
        if name in may_read:
            continue
        with refused(path):
            reader.read(path)


TEXTS = (".csv", ".txt", ".yaml", ".jsonl", ".json")  # half of which is often a whole one


@of_files
def test_what_cannot_be_read_is_refused(sound):
    reader, path, content = sound
    path.unlink()
    with refused(path):
        reader.read(path)
    for make in (path.mkdir, lambda: path.symlink_to(path), lambda: os.mkfifo(path)):
        make()
        try:
            with refused(path):
                reader.read(path)
        finally:
            path.rmdir() if path.is_dir() else path.unlink()


@contextmanager
def nobody():
    """Be a user without rights, where this one has them all."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@of_files
def test_a_file_without_permission_is_refused(sound, tmp_path):
    reader, path, _ = sound
    for folder in (tmp_path, *tmp_path.parents[:-2]):  # pytest keeps its folders to their owner
        folder.chmod(0o755)
    path.chmod(0)
    with nobody(), refused(path):
        reader.read(path)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file whose reading fails")
@of_files
def test_bytes_that_the_disk_does_not_give_are_refused(sound):
    reader, path, _ = sound
    path.unlink()
    path.symlink_to("/proc/self/mem")
    with refused(path):
        reader.read(path)


@every_reader
def test_seeded_damage_is_read_or_refused(sound):
    reader, path, content = sound
    for seed in range(6):
        path.write_bytes(mutated(content, np.random.default_rng(seed)))
        try:
            reader.read(path)
        except InputError:
            pass


# What a reader calls of our own: an error in it is not the user's
INTERNALS = {
    "json": "feature_extraction.storage.json_text.json.loads",
    "yaml": "feature_extraction.storage.yaml._require_bearable",
    "npz": "feature_extraction.storage.files._read_array",
    "npy recording": "feature_extraction.own_files.tables.map_npy",
    "tensors": "feature_extraction.storage.tensors._checksum",
    "csv recording": "feature_extraction.own_files.tables._csv_options",
    "parquet recording": "feature_extraction.storage.parquet._places",
    "zip recording": "feature_extraction.own_files.devices.archive._require_harmless",
    "numbers": "feature_extraction.datasets.files.np.loadtxt",
    "split": "feature_extraction.protocol.split._texts",
    "feature table": "feature_extraction.features.table._named",
    "dataset.yaml": "feature_extraction.datasets.own.config._source",
    "class list": "feature_extraction.descriptions.class_list._add_code",
    "encoder of others": "feature_extraction.encoders.external.spec._channels",
    "model": "sadvae_har.recognition.everyday.model._check",
    "model at a glance": "sadvae_har.recognition.model.header.everyday_format",
    "Movesense imu": "feature_extraction.own_files.devices.families.movesense._vectors",
}


@pytest.mark.parametrize("sound", INTERNALS, indirect=True)
@pytest.mark.parametrize("bug", [TypeError, AttributeError, KeyError, AssertionError])
def test_a_bug_of_ours_is_not_called_an_error_of_input(bug, sound, request, monkeypatch):
    def broken(*_, **__):
        raise bug("of ours")

    reader, path, _ = sound
    monkeypatch.setattr(INTERNALS[request.node.callspec.params["sound"]], broken)
    with pytest.raises(bug, match="of ours"):
        reader.read(path)
