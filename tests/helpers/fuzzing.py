"""What tests of malformed input share: a command that is refused with one line, and the sound model."""

import json
import time
from functools import cache

import pytest
from malformed import read_model

from sadvae_har import __main__ as cli

LONGEST_CPU_S = 120.0  # far above what any refusal takes on any processor: beyond, it hangs


@pytest.fixture(scope="session")
def one_parser():
    """Build the parser once: it takes most of the time of a call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli.cl, "build_parser", cache(cli.cl.build_parser))
        yield


@pytest.fixture
def refused(one_parser, tmp_path, capsys):
    """Return a function that runs a command on malformed input and requires exactly one line of error."""

    def check(*argv: object, streams: bool = False) -> str:
        words = [
            *map(str, argv),
            *(["--out", str(tmp_path / "out.csv")] if argv[0] == "predict" and not streams else []),
        ]
        before = sorted(tmp_path.rglob("*"))
        capsys.readouterr()
        start = time.process_time()
        code = cli.main(words)
        seconds = time.process_time() - start
        text, errors = capsys.readouterr()
        lines = errors.splitlines()
        assert code == 2 and (streams or not text), (code, errors[-500:], text[-500:])
        assert [line.startswith("error: ") for line in lines].index(True) == len(lines) - 1, errors
        assert "Traceback" not in errors and len(lines[-1]) < 2000
        assert sorted(tmp_path.rglob("*")) == before, "a file was left, or a payload was executed"
        assert seconds < LONGEST_CPU_S
        return lines[-1]

    return check


@pytest.fixture(scope="session")
def sound(trained_recognizer_path):
    """Return header and tensors of the sound model as text and tensors, to be copied."""
    header, tensors = read_model(trained_recognizer_path)
    return json.dumps(header), tensors


@pytest.fixture(scope="session")
def sound_everyday(everyday_model_path):
    """Return header and tensors of the sound everyday model alike."""
    header, tensors = read_model(everyday_model_path)
    return json.dumps(header), tensors
