"""Names that try to steer a terminal, a browser or a spreadsheet, in every place that commands take names from."""

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from checkout import ROOT
from hostile import HARMLESS, HOSTILE, IN_A_HEADER, PRINTABLE, elements, obeyed_by_a_terminal
from kitchen import NAMES, Kitchen, one_thread  # noqa: F401  (one_thread is autouse)
from result_row import ROW

from feature_extraction.storage.escaping import cell_text, visible
from sadvae_har import __main__ as cli
from sadvae_har.benchmark.page import write_page
from sadvae_har.commands import parser as cl
from sadvae_har.recognition.everyday.model import EverydayModel, save_everyday
from sadvae_har.recognition.model.card import model_card
from sadvae_har.recognition.model.file import load_model
from sadvae_har.report.look.plotly_figures import script

pytestmark = pytest.mark.slow
PATH = HOSTILE.replace("/", "\\") + "\n\udc80"  # what a file can be called
# Commands that wait for input or serve a page, and what keeps them from it.
ENDLESS = {"demo": ["--model", PATH], "predict": ["--model", PATH, PATH]}

# Folders to work in, which may have any name; what comes of the work is tested below.
HARMLESS_THERE = {("text embed", "resources"), ("benchmark", "resources"), ("benchmark", "raw"), ("benchmark", "docs")}
HARMLESS_THERE |= {("benchmark", "results"), ("descriptions", "resources")}
HARMLESS_THERE |= {("text embed", "split"), ("text embed", "reference")}  # which it does not read
OF_THE_PARSER = ("help", "config", "print_config")


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


@pytest.fixture
def said(capsys: pytest.CaptureFixture) -> Any:
    """Return a function that runs a command, requires its exit code and calm output, and returns standard output."""

    def check(*words: object, code: int = 0) -> str:
        capsys.readouterr()
        found = run(*words)
        out, err = capsys.readouterr()
        assert found == code, err
        assert not obeyed_by_a_terminal((out + err).replace("\n", ""))
        assert code != 2 or (err.count("\n") == 1 and err.startswith("error: ")), err
        return out

    return check


@pytest.fixture(scope="module")
def kitchens(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kitchen]:
    """Return two complete runs that differ in the name of a class alone, by that name."""
    made = {}
    for name in (PRINTABLE, HARMLESS):
        kitchen = Kitchen(tmp_path_factory.mktemp("kitchen"), (*NAMES[:-1], name))
        chosen = ["--unseen", f"{NAMES[1]},{name}", "--test-subjects", "4", "--out", kitchen.folder / "splits"]
        assert run("splits", "create", kitchen.yaml, *chosen) == 0
        (kitchen.split,) = (kitchen.folder / "splits").rglob("*.json")
        assert run("run", *kitchen.flags()) == 0
        made[name] = kitchen
    return made


@pytest.fixture(scope="module")
def model(kitchens: dict[str, Kitchen]) -> Path:
    """Return the model file of the run with the hostile name."""
    return kitchens[PRINTABLE].folder / "whole" / "recognizer.safetensors"


def leaves() -> list[tuple[cl.Command, list[Any]]]:
    """Return every command with the arguments of its own that take texts or paths."""
    found = []
    for command in cli.COMMANDS:
        leaf = cl._leaf(command, with_flags=True)
        own = [a for a in leaf._actions if a.nargs != 0 and "." not in a.dest and a.dest not in OF_THE_PARSER]
        found.append((command, own))
    return found


@pytest.mark.parametrize(("command", "actions"), leaves(), ids=lambda value: getattr(value, "name", ""))
def test_every_argument_can_be_hostile(
    command: cl.Command, actions: list[Any], said: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is given, the answer is one calm line; what is listed is calm, too."""
    monkeypatch.chdir(tmp_path)
    words = command.name.split()
    needed = [a for a in actions if a.required or (not a.option_strings and a.nargs != "?")]
    least = ENDLESS.get(command.name) or [word for a in needed for word in (*a.option_strings[:1], PATH)]
    if least:
        said(*words, *least, code=2)
    for action in actions:
        if action.option_strings and not action.required and (command.name, action.dest) not in HARMLESS_THERE:
            said(*words, *least, action.option_strings[0], PATH, code=2)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_data_and_runs(kitchens: dict[str, Kitchen], said: Any, tmp_path: Path) -> None:
    kitchen = kitchens[PRINTABLE]
    said("data", "check", kitchen.yaml)
    assert visible(PRINTABLE) in said("data", "prepare", kitchen.yaml, "--resources", kitchen.resources)
    said("splits", "create", kitchen.yaml, "--count", "1", "--out", tmp_path)
    before = (kitchen.folder / "whole" / "recognizer.safetensors").read_bytes()
    said("run", *kitchen.flags())
    for stage in ("zsl train", "zsl evaluate", "gate train", "gzsl evaluate"):
        said(*stage.split(), *kitchen.flags())
    assert (kitchen.folder / "whole" / "recognizer.safetensors").read_bytes() == before
    shutil.copytree(kitchen.folder / "whole", other := kitchen.folder / "whole-\x1b[31m")
    assert r"whole-\x1b[31m" in said("report", kitchen.folder / "whole", other, "--out", tmp_path / "both.html")
    assert "<img src=x" not in (tmp_path / "both.html").read_text("utf-8")


@pytest.mark.parametrize("name", ["report.html", "comparison.html"])
def test_pages_have_no_element_of_a_name(kitchens: dict[str, Kitchen], name: str, said: Any) -> None:
    found = {}
    for kind, kitchen in kitchens.items():
        whole = kitchen.folder / "whole"
        if name == "comparison.html":
            other = kitchen.folder / "again"
            shutil.copytree(whole, other, dirs_exist_ok=True)
            said("report", whole, other, "--out", kitchen.folder / name)
        page = ((whole if name == "report.html" else kitchen.folder) / name).read_text("utf-8")
        found[kind] = elements(page), page
    assert found[PRINTABLE][0] == found[HARMLESS][0] and len(found[PRINTABLE][0]) > 50
    page = found[PRINTABLE][1]
    assert "&lt;img src=x" in page and "<img src=x" not in page and "\\u003cimg src=x" not in page
    page = page.replace(script(), "")  # Plotly's program has what it looks for
    assert set(obeyed_by_a_terminal(page)) <= {"\n", "\t"}


@pytest.fixture
def recording(kitchens: dict[str, Kitchen], tmp_path: Path) -> Path:
    """Return a recording with a hostile name and a hostile column."""
    with (kitchens[PRINTABLE].folder / "raw" / "recordings" / "kitchen_p4.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    path = tmp_path / f"{PATH[:-1]}.csv"
    lines = [[*header[:3], IN_A_HEADER], *([*row[:3], "7"] for row in rows)]
    path.write_text("".join(f"{','.join(line)}\n" for line in lines), encoding="utf-8")
    return path


def test_predictions_in_every_format(model: Path, recording: Path, said: Any, tmp_path: Path) -> None:
    flags = ["--model", model, "--units", "acc=g", "--rate-hz", "25", "--yes", "--only", PRINTABLE]
    printed = said("predict", recording, *flags)
    assert visible(recording.name) in printed
    on_screen = list(csv.DictReader(io.StringIO(said("predict", recording, *flags, "--out", "csv"))))
    as_json = [json.loads(line) for line in said("predict", recording, *flags, "--out", "json").splitlines()]
    for name in ("w.csv", "w.json", "w.parquet"):
        said("predict", recording, *flags, "--out", tmp_path / name)
    assert list(csv.DictReader((tmp_path / "w.csv").open())) == on_screen
    assert [json.loads(line) for line in (tmp_path / "w.json").read_text("utf-8").splitlines()] == as_json
    labels = [row["activity"] for row in pyarrow.parquet.read_table(tmp_path / "w.parquet").to_pylist()]
    assert labels == [row["activity"] for row in as_json] and set(labels) == {PRINTABLE}
    assert [cell_text(row["activity"]) for row in on_screen] == [visible(label) for label in labels]
    assert not [row for row in on_screen if row["activity"].startswith("=") or row["file"].startswith("=")]
    assert [float(row["strangeness"]) for row in on_screen] == [row["strangeness"] for row in as_json]
    assert not obeyed_by_a_terminal((tmp_path / "w.json").read_text("utf-8").replace("\n", ""))


def test_activities_models_and_exports(model: Path, said: Any, tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    name, text = f"a {PRINTABLE}", f"The person waves. {PRINTABLE}"
    said("activities", "add", model, name, text, "--out", own)
    listed = said("activities", "list", own).splitlines()
    assert len(listed) == 1 + len(NAMES) + 1 and visible(text) in listed[-1]
    said("export", own, "--out", tmp_path / "model.onnx", code=0)
    said("activities", "remove", own, name)
    said("activities", "remove", own, name, code=2)


def test_the_card_of_a_model_shows_marks(model: Path) -> None:
    trained = load_model(model)
    card = model_card(trained)
    rows = [line for line in card.splitlines() if line.startswith("| ") and "from recordings" not in line]
    bars = {line.replace("\\|", "").count("|") for line in rows}
    assert bars == {3, 4} and "<img" not in card and "[x](" not in card
    assert not obeyed_by_a_terminal(card.replace("\n", ""))


def test_an_everyday_model_of_others(everyday_model: EverydayModel, said: Any, tmp_path: Path) -> None:
    first = replace(everyday_model.trained[0], sentence=HOSTILE)
    foreign = replace(everyday_model, trained=(first, *everyday_model.trained[1:]), sources=(HOSTILE,))
    save_everyday(foreign, tmp_path / "foreign.safetensors")
    assert visible(HOSTILE) in said("everyday", "show", tmp_path / "foreign.safetensors")
    assert visible(HOSTILE) in said("activities", "list", tmp_path / "foreign.safetensors")


def test_an_encoder_of_others(said: Any, tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(ROOT / "resources" / "encoders" / "tiny", folder)
    config = json.loads((folder / "config.json").read_text())
    config["provenance"][0]["classes"][0] = HOSTILE
    config["training"][HOSTILE] = HOSTILE
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "README.md").write_bytes(b"\x1b[31m\xff\n" + HOSTILE.encode())
    assert said("encoder", "show", folder).count(visible(HOSTILE)) == 4


def test_pages_of_benchmarks(said: Any, tmp_path: Path) -> None:
    joint = dict.fromkeys(("seen", "unseen", "h", "ausuc", "auroc"), 0.5)
    rows = [
        replace(ROW, method=method, group=group, split=f"random-{k}", gzsl=joint)
        for method, group in (("sadvae_har", "ours"), ("ridge", "rival"), (HOSTILE, "gate"))
        for k in (1, 2)
    ]
    page = write_page(rows, tmp_path).read_text("utf-8")
    assert "onerror" in page
    assert "<img" not in page and "[x](" not in page and not obeyed_by_a_terminal(page.replace("\n", ""))
