"""Commands with pretrained encoders: a run on their features, leakage in its stages, pooling all data sets but one."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from external_networks import describe
from kitchen import Kitchen, one_thread  # noqa: F401  (one_thread is autouse)
from pooled_problem import save_encoder

from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.split import Provenance
from sadvae_har import __main__ as cli

LABELLED = Provenance("hapt", ("standing", "walking"), ("1", "2"), labelled=True)


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory):
    made = Kitchen(tmp_path_factory.mktemp("kitchen"))
    assert cli.main(["splits", "create", str(made.yaml), "--count", "1", "--out", str(made.folder / "splits")]) == 0
    save_encoder(made.folder / "fresh", (LABELLED,))
    return made


def test_a_run_with_an_encoder_block_and_its_report(kitchen, capsys):
    path = kitchen.folder / "fresh"
    assert cli.main(["run", *kitchen.flags(), "--features.blocks", f"[statistical,encoder:{path}]"]) == 0
    assert "ZSL per-class top-1" in capsys.readouterr().out
    page = (kitchen.folder / "whole" / "report.html").read_text()
    assert f"- encoder:{path}" in page and "Plotly.newPlot" in page
    out = kitchen.folder / "table.npz"
    flags = [*kitchen.flags()[:6], "--features.blocks", f"[encoder:{path}]"]
    assert cli.main(["encoder", "extract", *flags, "--out", str(out)]) == 0
    assert "128 windows, encoder:fresh 48" in capsys.readouterr().out
    table = ["--feature-table", str(out), "--features.blocks", "[encoder:fresh]"]
    assert cli.main(["run", *kitchen.flags("from-table"), *table]) == 0


def test_a_finished_stage_does_not_excuse_leakage(kitchen, capsys):
    """The table of a run may be replaced between its stages; every stage checks it again."""
    table = features_for_run(kitchen)
    flags = ["--feature-table", str(table), "--features.blocks", "[encoder:fresh]"]
    assert cli.main(["zsl", "train", *kitchen.flags("staged"), *flags]) == 0
    unseen = json.loads(kitchen.split.read_text())["unseen"]
    met = (Provenance("hapt", tuple(unseen), ("1",), labelled=True),)
    replace(FeatureTable.load(table), provenance=met).save(table)
    capsys.readouterr()
    for stage in (["zsl", "evaluate"], ["gate", "train"], ["gzsl", "evaluate"], ["run"]):
        assert cli.main([*stage, *kitchen.flags("staged"), *flags]) == 2
        error = capsys.readouterr().err
        assert f"learned the label {unseen[0]!r} of hapt" in error and error.count("\n") == 1


def features_for_run(kitchen: Kitchen) -> Path:
    out = kitchen.folder / "staged.npz"
    flags = [*kitchen.flags()[:6], "--features.blocks", f"[encoder:{kitchen.folder / 'fresh'}]"]
    assert cli.main(["encoder", "extract", *flags, "--out", str(out)]) == 0
    return out


def test_an_encoder_that_is_not_there_is_refused_before_recordings_are_read(kitchen, capsys):
    missing = ["--raw", str(kitchen.folder / "nowhere"), "--features.blocks", "[encoder:tiny-that-is-not]"]
    assert cli.main(["run", *kitchen.flags("missing"), *missing]) == 2
    assert "encoder:tiny-that-is-not: no shipped encoder" in capsys.readouterr().err


def test_code_of_others_is_refused_until_a_flag_or_a_config_trusts_it(kitchen, tmp_path, capsys):
    module = torch.jit.trace(torch.nn.Flatten(), torch.zeros(2, 50, 3))
    module.save(str(tmp_path / "net.pt"))
    block = f"encoder:{describe(tmp_path)}"
    command = ["encoder", "extract", *kitchen.flags()[:6], "--features.blocks", f"[{block}]"]
    assert cli.main([*command, "--raw", str(tmp_path / "nowhere")]) == 2  # before recordings are read
    error = capsys.readouterr().err
    digest = hashlib.sha256((tmp_path / "net.pt").read_bytes()).hexdigest()
    assert "net.pt: TorchScript is code of others" in error and f"--trust-code {digest}" in error
    assert error.count("\n") == 1
    assert cli.main([*command, "--trust-code", digest]) == 0
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"trust_code": [digest], "features": {"blocks": [block]}}))
    assert cli.main(["encoder", "extract", "--config", str(config), *kitchen.flags()[:6]]) == 0
    assert capsys.readouterr().out.count("128 windows, encoder:net 150") == 2


# Pooling all data sets but one


@pytest.fixture
def pooled(monkeypatch, tmp_path):
    """Return a function that runs `encoder pool` up to the training, and what it would have trained on."""
    found: list[str] = []
    monkeypatch.setattr("feature_extraction.datasets.prepare.prepare", lambda name, raw, out: (name, raw))
    monkeypatch.setattr(
        "feature_extraction.pretraining.corpus.choose_windows", lambda windows, split, strict: (*windows, split)
    )
    monkeypatch.setattr(
        "feature_extraction.pretraining.pretrain.pretrain_patches",
        lambda parts, config, out, text_cache, start: found.extend(parts) or out,
    )

    def run(*flags: str) -> int:
        found.clear()
        return cli.main(["encoder", "pool", "--raw", str(tmp_path), "--out", str(tmp_path / "out"), *flags])

    for name in ("hapt", "wharf", "usc-had", "notes"):
        (tmp_path / name).mkdir()
    return run, found


def test_every_data_set_that_is_there_is_pooled_but_those_left_out(pooled, tmp_path, capsys):
    run, found = pooled
    assert run("--leave-out", "wharf") == 0
    assert [(name, raw) for name, raw, _ in found] == [(name, tmp_path / name) for name in ("hapt", "usc-had")]
    assert run("--leave-out", "wharf", "hapt", "dsads") == 0 and [part[0] for part in found] == ["usc-had"]
    assert run("--leave-out", "wharf", "--exclude-unseen", "wharf/random-1") == 0
    assert {part[2].name for part in found} == {"random-1"}
    assert run("--datasets", "wharf") == 0 and [part[0] for part in found] == ["wharf"]
    assert f"encoder: {tmp_path / 'out'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give either --datasets"),
        (["--datasets", "hapt", "--leave-out", "wharf"], "give either --datasets"),
        (["--leave-out", "warf"], "--leave-out: data set 'warf' is unknown; choose from berkeley-mhad, dsads"),
        (["--leave-out", "hapt", "wharf", "usc-had"], "has no folder of another data set"),
        (["--leave-out", "hapt", "--exclude-unseen", "wharf"], "'wharf' names no split; write DATASET/SPLIT"),
        (["--leave-out", "hapt", "--exclude-unseen", "none.json"], "none.json: no such file"),
    ],
)
def test_what_cannot_be_pooled_is_refused(pooled, flags, message, capsys):
    run, found = pooled
    assert run(*flags) == 2 and not found
    assert message in capsys.readouterr().err
