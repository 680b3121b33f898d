import json
import re
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pytest
from report_runs import SEEN, UNSEEN, predictions, write_run

from feature_extraction.errors import InputError
from feature_extraction.storage.files import read_json, read_npz, write_json, write_npz
from sadvae_har import __main__ as cli
from sadvae_har.commands import parser as cl
from sadvae_har.method.gate import TEXT_MARGIN, SafetyNet
from sadvae_har.report.look.plotly_figures import script
from sadvae_har.report.run_page import write_report
from sadvae_har.report.summary import answer
from sadvae_har.report.tables import Row

FIGURES = {"zsl-confusion", "curve", "per-class", "gzsl-confusion", "gate", "latents"}


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


def written(folder: Path) -> str:
    """Return the page without Plotly's program, which must stand there once."""
    page = write_report(folder).read_text("utf-8")
    assert page.count(script()) == 1
    return page.replace(script(), "")


def test_report_holds_every_figure(run_folder: Path) -> None:
    page = written(run_folder)
    assert set(re.findall(r'Plotly\.newPlot\(\s*"([^"]+)"', page)) == FIGURES
    assert set(re.findall(r'<div id="([^"]+)" class="plotly', page)) == FIGURES


def test_report_loads_nothing_and_sends_nothing(run_folder: Path) -> None:
    page = written(run_folder)
    assert not re.search(r"https?:|//[a-z]+\.|<link|<iframe|<img|url\(|@import|\bsrc\s*=", page)
    assert set(re.findall(r'href="([^"]*)"', page)) == {"#protocol"}
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None and policy[1].startswith("default-src 'none';") and "http" not in policy[1]
    assert page.index(policy[0]) < page.index("<script>")
    starts = [found.start() for found in re.finditer(r'\{"displaylogo"', page)]
    settings = [json.JSONDecoder().raw_decode(page, start)[0] for start in starts]
    assert len(settings) == len(FIGURES)
    assert not any(found["showSendToCloud"] or found["displaylogo"] for found in settings)


def test_names_are_escaped(run_folder: Path) -> None:
    page = written(run_folder)
    for name in (*SEEN, *UNSEEN, "<s1>", "# <i>"):
        assert escape(name) in page
    for raw in ("<b>fast", "<s1>", "<i>", '"<script>"', "run & jump"):
        assert raw not in page


def test_report_shows_results_protocol_and_reference(run_folder: Path) -> None:
    metrics = read_json(run_folder / "metrics.json")
    page = written(run_folder)
    assert f"<td>{100 * metrics['gzsl']['ausuc']['value']:.1f}</td>" in page
    assert "step 400, temperature 0.5, gate threshold 0.4" in page
    assert "<dd>p0, p1, p2</dd>" in page
    oracle = next(row for row in page.split("<tr>") if "best cycle: ZSL per-class top-1" in row)
    assert "selected on test, not comparable" in oracle and "84.7" in oracle
    last = next(row for row in page.split("<tr>") if "last cycle: ZSL per-class top-1" in row)
    assert "selected on test" not in last and "41.2" in last


def test_what_guessing_explains_is_marked_in_words_and_colour(run_folder: Path) -> None:
    metrics = read_json(run_folder / "metrics.json")
    before = written(run_folder).split('id="results"')[0]
    assert 'class="lead"' in before
    metrics["zsl"]["per_class_top1"]["low"] = metrics["chance"]["zsl"]
    write_json(run_folder / "metrics.json", metrics)
    page = written(run_folder)
    summary = page.split('id="results"')[0]
    assert 'class="lead weak"' in summary
    for mark in ('class="card weak"', '<span class="warning">not better than guessing</span>'):
        assert summary.count(mark) == before.count(mark) + 1
    row = next(row for row in page.split("<tr>") if row.startswith("<td>ZSL per-class top-1"))
    value = f"{100 * metrics['zsl']['per_class_top1']['value']:.1f}"
    assert f'<td class="weak">{value}</td>' in row and "not better than guessing</em>" in row


def test_the_page_says_what_became_of_the_gate(run_folder: Path) -> None:
    gate = read_json(run_folder / "gate.json")
    assert "tried on people and classes" not in written(run_folder)  # an old run does not know
    fitted = replace(TEXT_MARGIN, threshold=gate["threshold"])
    write_json(run_folder / "gate.json", replace(fitted, net=SafetyNet("kept", 0.9, 0.8, 0.9, 0.8)).to_dict())
    assert '<p class="note">Seen and unseen together (GZSL): The gate is used as fitted' in written(run_folder)
    net = SafetyNet("stands aside", 0.04, 0.3, 0.97, 0.1)
    write_json(run_folder / "gate.json", replace(fitted, net=net).to_dict())
    page = written(run_folder)
    assert '<p class="alert">Seen and unseen together (GZSL): The gate stands aside' in page
    assert "left 4 of 100 windows of seen activities" in page


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.3, 0.7, "40 were named rightly (95 % interval 30 to 70), more than the 20 of a guess."),
        (0.2, 0.7, "a guess, 20, lies within that interval, so this run does not show more than guessing."),
        (0.1, 0.15, "fewer than the 20 of a guess."),
        (np.nan, np.nan, "40 were named rightly; there is no interval to compare it with a guess."),
    ],
)
def test_the_answer_follows_from_the_interval(low: float, high: float, words: str) -> None:
    assert answer(Row("top-1", 0.4, low, high, chance=0.2)).endswith(words)


def test_summary_says_what_was_asked_and_how_it_ended(run_folder: Path) -> None:
    page = written(run_folder)
    zsl = read_json(run_folder / "metrics.json")["zsl"]
    assert "Can 2 activities of toy be recognised" in page and "80 windows of 3 people" in page
    weakest = min(zsl["per_class"], key=zsl["per_class"].get)
    assert f"Weakest where only unseen ones may occur: {escape(weakest)}" in page
    assert f"<b>{100 * zsl['per_class_top1']['value']:.1f} %</b>" in page
    assert "16 passed." not in page and "17 passed." in page


def test_the_command_in_the_report_is_one(run_folder: Path) -> None:
    lines = re.findall(r"^sadvae-har (.*?)   #", written(run_folder), re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["run", "report"]
    (run_folder / "config.yaml").write_text("dataset: dsads\nseed: 3\n")
    command = lines[0].replace("config.yaml", str(run_folder / "config.yaml"))
    assert cl.leaf_arguments(cl.build_parser(cli.COMMANDS).parse_args(command.split()))[1].seed == 3


def test_report_is_written_the_same_again_and_leaves_no_other_file(run_folder: Path) -> None:
    before = {path.name for path in run_folder.iterdir()}
    first = write_report(run_folder).read_bytes()
    assert write_report(run_folder).read_bytes() == first
    assert {path.name for path in run_folder.iterdir()} == before | {"report.html"}


def test_a_run_before_the_gzsl_stage_gets_its_zsl_report(run_folder: Path) -> None:
    metrics, arrays = read_json(run_folder / "metrics.json"), read_npz(run_folder / "predictions.npz")
    for name in ("gzsl", "gate", "reference"):
        del metrics[name]
    write_json(run_folder / "metrics.json", metrics)
    zsl_only = {name: array for name, array in arrays.items() if name.startswith(("zsl", "latent"))}
    write_npz(run_folder / "predictions.npz", zsl_only)
    for name in ("gate.json", "gate_examples.npz", "progress.jsonl"):
        (run_folder / name).unlink()
    page = written(run_folder)
    assert set(re.findall(r'Plotly\.newPlot\(\s*"([^"]+)"', page)) == {"zsl-confusion", "per-class", "latents"}
    assert "GZSL harmonic" not in page and "6 not recorded" in page


@pytest.mark.parametrize("name", ["metrics.json", "predictions.npz", "split.json", "environment.json", "config.yaml"])
def test_a_missing_file_is_named_with_a_remedy(run_folder: Path, name: str) -> None:
    (run_folder / name).unlink()
    with pytest.raises(InputError, match=f"{re.escape(str(run_folder / name))}.*run the same command again"):
        write_report(run_folder)


@pytest.mark.parametrize(
    "name",
    [
        *("metrics.json", "predictions.npz", "split.json", "environment.json"),
        *("gate.json", "gate_examples.npz", "progress.jsonl"),
    ],
)
def test_a_damaged_file_is_named(run_folder: Path, name: str) -> None:
    path = run_folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=re.escape(str(path))):
        write_report(run_folder)
    assert not (run_folder / "report.html").exists()


@pytest.mark.parametrize("content", ["[", "- a list", ""])
def test_a_config_that_is_none_is_named(run_folder: Path, content: str) -> None:
    (run_folder / "config.yaml").write_text(content)
    with pytest.raises(InputError, match=r"config\.yaml"):
        write_report(run_folder)


def test_incomplete_results_are_named(run_folder: Path) -> None:
    arrays = predictions()
    write_npz(run_folder / "predictions.npz", {k: v for k, v in arrays.items() if k != "gzsl_scores"})
    with pytest.raises(InputError, match="predictions.npz.*gzsl_scores"):
        write_report(run_folder)
    write_npz(run_folder / "predictions.npz", arrays | {"gate_is_unseen": arrays["gate_is_unseen"][:-1]})
    with pytest.raises(InputError, match="predictions.npz.*do not fit"):
        write_report(run_folder)
    write_npz(run_folder / "predictions.npz", arrays | {"zsl_predictions": np.full(80, "swim")})
    with pytest.raises(InputError, match="predictions.npz.*do not fit.*swim"):
        write_report(run_folder)
    write_npz(run_folder / "predictions.npz", arrays | {"latent_map_kind": arrays["latent_map_kind"][:-1]})
    with pytest.raises(InputError, match="do not fit"):
        write_report(run_folder)
    (run_folder / "metrics.json").write_text(json.dumps({"split": "x"}))
    with pytest.raises(InputError, match="metrics.json.*zsl"):
        write_report(run_folder)


def test_no_folder_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run folder"):
        write_report(tmp_path / "nowhere")
