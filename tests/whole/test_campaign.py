"""The campaign of `benchmarks/campaign.py`: its commands exist, and it sees what it looks for."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from checkout import ROOT

from feature_extraction.storage.files import read_json
from sadvae_har.__main__ import COMMANDS
from sadvae_har.benchmark.jobs import plan
from sadvae_har.commands import parser as cl


@pytest.fixture(scope="module")
def campaign() -> ModuleType:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import campaign
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    return campaign


def test_every_task_is_a_command(campaign: ModuleType) -> None:
    for name, words in campaign.TASKS.items():
        found, arguments = cl.leaf_arguments(cl.parse(cl.build_parser(COMMANDS, tuple(words[:2])), words))
        assert found == name
        if name == "benchmark":
            assert plan(arguments.datasets, arguments.kinds, arguments.methods, (0,))


def test_a_file_that_differs_lacks_or_is_too_many_is_seen(campaign: ModuleType, tmp_path: Path) -> None:
    peace = campaign.Peace({"a": b"in HOME", "b": b"2", "time": b"3"}, {"time"}, 1.0)
    for name, data in (("a", f"in {tmp_path}"), ("b", "2"), ("time", "4"), (".b-tmp", "5")):
        (tmp_path / name).write_text(data)
    assert peace.compared(tmp_path) == []
    (tmp_path / "b").write_text("1")
    (tmp_path / "c").write_text("")
    (tmp_path / "time").unlink()
    assert peace.compared(tmp_path) == ["b", "c", "time"]


@pytest.mark.slow
@pytest.mark.parametrize(("part", "good"), [("kills", "trials equal to an undisturbed run"), ("damage", "made again")])
def test_preparing_survives(part: str, good: str, tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/campaign.py", part, "--number", "2", "--tasks", "data prepare"]
    subprocess.run([*command, "--out", tmp_path / "out.json"], cwd=ROOT, check=True, env=None)
    (found,) = read_json(tmp_path / "out.json")[part].values()
    assert found[good] >= 1 and "examples" not in found
