"""Standard output that is full, closed, or that nobody reads any more: one line at most, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT

COMMAND = [sys.executable, "-m", "sadvae_har", "activities", "list", "everyday"]


def environment(unbuffered: str) -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": unbuffered, "PYTHONPATH": str(ROOT)}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_output_is_one_line(unbuffered: str) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(COMMAND, stdout=full, stderr=subprocess.PIPE, text=True, env=environment(unbuffered))
    assert ended.returncode == 2
    assert ended.stderr == (
        "error: standard output: No space left on device; check the path, its permissions and the free space\n"
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_nobody_reads_ends_quietly(unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as broken:
        ended = subprocess.run(COMMAND, stdout=broken, stderr=subprocess.PIPE, text=True, env=environment(unbuffered))
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_closed_output_ends_quietly() -> None:
    shell = ["sh", "-c", '"$@" >&-', "sh", *COMMAND]
    ended = subprocess.run(shell, stderr=subprocess.PIPE, text=True, env=environment(""))
    assert (ended.returncode, ended.stderr) == (0, "")
