"""Scripts are short, explain themselves and call commands that exist; so do README and docs."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from checkout import ROOT

from sadvae_har import __main__ as cli
from sadvae_har.commands import parser as cl
from sadvae_har.config.files import config_from_namespace

SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NEED_A_DATA_SET = [path for path in SCRIPTS if path.name.startswith("train_eval")]


def parse(words: list[str]) -> str:
    """Parse a command as the program would; return its name."""
    name, arguments = cl.leaf_arguments(cl.build_parser(cli.COMMANDS).parse_args(words))
    if "train" in arguments:
        config_from_namespace(arguments)
    return name


def documented_commands() -> list[str]:
    """Return every command line of the bash blocks of README and docs."""
    blocks = [block for page in PAGES for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL)]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if shlex.split(line, comments=True)]


def called(script: Path) -> list[list[str]]:
    """Return the words after `-m sadvae_har` of every call in a script, `$@` replaced."""
    text = script.read_text().replace("\\\n", " ")
    return [shlex.split(line.replace('"$@"', "usc-had")) for line in re.findall(r"-m sadvae_har (.*)", text)]


def test_the_promised_scripts_are_there():
    wanted = "quickstart test train_eval_zsl_gzsl train_eval_average_random_split train_eval_llm_descriptions benchmark"
    assert {f"{name}.sh" for name in wanted.split()} <= {path.name for path in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_script_is_short_parses_and_says_what_it_does(script):
    lines = script.read_text().splitlines()
    assert len(lines) <= 30 and lines[0] == "#!/usr/bin/env bash" and lines[1].startswith("# ")
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize("script", NEED_A_DATA_SET, ids=lambda path: path.name)
@pytest.mark.parametrize("arguments", [[], ["--raw", "somewhere"], ["--help"]], ids=str)
def test_script_without_a_data_set_prints_its_usage(script, arguments, tmp_path):
    done = subprocess.run(["bash", str(script), *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and f"Usage: {script.name} DATASET" in done.stdout + done.stderr
    assert len((done.stdout + done.stderr).splitlines()) == 2 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("script", [path for path in SCRIPTS if called(path)], ids=lambda path: path.name)
def test_script_calls_a_command_that_exists(script, monkeypatch):
    monkeypatch.chdir(ROOT)
    for words in called(script):
        if script.name in ("quickstart.sh", "benchmark.sh", "demo.sh"):
            words = [word for word in words if word != "usc-had"]
        if script.name == "export.sh":
            words = [*words, "--out", "model.onnx"]
        if script.name == "encoder_ablation.sh":
            words = [*words[:-1], "--datasets", *words[-1:], "--out", "folder"]
        assert parse(words) in {command.name for command in cli.COMMANDS}


@pytest.mark.parametrize("line", documented_commands())
def test_documented_command_exists(line, monkeypatch):
    monkeypatch.chdir(ROOT)
    words = shlex.split(line, comments=True)
    if words[0] == "bash":
        script = ROOT / words[1]
        assert script in SCRIPTS
        for command in (command for command in called(script) if "usc-had" in command):
            index = command.index("usc-had")
            parse([*command[:index], *words[2:], *command[index + 1 :]])
    elif words[0] == "sadvae-har":
        parse(words[1:])
    elif words[0] == "python":
        assert (ROOT / words[1]).exists()
    else:
        assert words == ["source", ".venv/bin/activate"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_and_commands_in_prose_exist(page):
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target
    names = {command.name for command in cli.COMMANDS}
    groups = {name.split()[0] for name in names if " " in name}
    for words in re.findall(r"`((?:" + "|".join(sorted(groups)) + r") [a-z]+)`", text):
        assert words in names, words
