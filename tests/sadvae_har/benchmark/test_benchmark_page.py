"""The benchmark page: what it says is what the rows say, and the same rows give the same page."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from result_row import ROW

from feature_extraction.errors import InputError
from sadvae_har.benchmark.methods import REFERENCE_BEST, ZEROHAR
from sadvae_har.benchmark.ours import OURS
from sadvae_har.benchmark.page import write_page
from sadvae_har.benchmark.rows import ResultRow

SPLITS = (("dsads", "random-1", "random"), ("dsads", "random-2", "random"), ("usc-had", "zerohar-fold1", "zerohar"))
TOP1 = {OURS: (0.8, 0.7, 0.6), "ridge": (0.7, 0.7, 0.5), "sae": (0.6, 0.5, 0.4), "chance": (0.2, 0.2, 0.25)}
GZSL = {"seen": 0.6, "unseen": 0.4, "h": 0.48, "ausuc": 0.3, "auroc": 0.7}


def make_rows() -> list[ResultRow]:
    rows = []
    for k, (dataset, split, kind) in enumerate(SPLITS):
        common = replace(ROW, dataset=dataset, split=split, kind=kind, gzsl=GZSL)
        for seed in (0, 1):
            for method, values in TOP1.items():
                numbers = {"top1": values[k] + 0.02 * seed, "low": 0.1, "high": 0.9, "accuracy": 0.5, "macro_f1": 0.5}
                rows.append(replace(common, method=method, seed=seed, zsl=numbers))
        rows.append(replace(common, method=REFERENCE_BEST, group="oracle", gzsl=None, zsl={"top1": 0.99}))
        rows.append(replace(common, method="gate: energy", group="gate", zsl=None))
    return rows


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(make_rows(), tmp_path_factory.mktemp("docs"))


def line_of(text: str, start: str) -> list[str]:
    (line,) = [line for line in text.split("## ")[1].splitlines() if line.startswith(f"| {start} |")][:1]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_table_holds_means_over_seeds_splits_and_data_sets(page: Path) -> None:
    cells = line_of(page.read_text(), OURS)
    assert cells[1].startswith("76.0") and cells[2] == "61.0" and cells[3] == "68.5"
    assert cells[4] == "1.2"  # first, first together with ridge, first


def test_verdict_names_the_best_rival_and_the_difference(page: Path) -> None:
    text = page.read_text()
    assert "best rival by mean top-1 is **ridge**" in text
    assert "**+7.5 points**" in text  # (5 + 10) / 2


def test_what_was_selected_on_test_is_never_ranked(page: Path) -> None:
    text = page.read_text()
    assert f"{REFERENCE_BEST}* is the best cycle of the published recipe,\nselected on test" in text
    assert line_of(text, REFERENCE_BEST)[4] == "-"


def test_every_figure_exists_and_every_section_is_there(page: Path) -> None:
    text = page.read_text()
    for name in ("Zero-shot", "Generalised zero-shot", "Spread over seeds", "Every split", "Cost"):
        assert f"\n## {name}" in text
    drawn = [name for name in re.findall(r"\(benchmark/(\w+\.png)\)", text) if name != "cost.png"]
    assert len(drawn) == 4
    for name in drawn:
        assert (page.parent / "benchmark" / name).read_bytes()[:4] == b"\x89PNG"


def test_the_same_rows_give_the_same_page(page: Path, tmp_path: Path) -> None:
    again = write_page(make_rows(), tmp_path)
    assert again.read_text() == page.read_text()
    for name in ("zsl.png", "ranks.png", "gzsl.png", "differences.png"):
        assert (tmp_path / "benchmark" / name).read_bytes() == (page.parent / "benchmark" / name).read_bytes()


def test_settings_beside_the_headline_are_kept_apart(tmp_path: Path) -> None:
    common = replace(ROW, dataset="usc-had", split="loco-sitting", kind="loco", method=OURS, group="ours", gzsl=GZSL)
    page = write_page([*make_rows(), replace(common, zsl={"top1": 0.33})], tmp_path)
    text = page.read_text()
    assert line_of(text, OURS)[2] == "61.0"
    section = text.split("## Leaving one class out")[1]
    assert "1 split of usc-had" in section and f"| {OURS} | 33.0 | 48.0 | 60.0 | 40.0 |" in section


def test_zerohar_has_a_table_of_its_own_and_changes_no_other(page: Path, tmp_path: Path) -> None:
    trained = replace(ROW, dataset="usc-had", split="zerohar-fold1", kind="zerohar", method=ZEROHAR, seconds=250.0)
    trained = replace(trained, zsl={**ROW.zsl, "top1": 0.99}, setting="stage I: 10 of 300 epochs")
    text = write_page([*make_rows(), trained], tmp_path).read_text()
    before, section, after = re.split(r"(## ZeroHAR end to end.*?)(?=## Cost)", text, flags=re.DOTALL)
    assert before + after == page.read_text()
    assert f"| {ZEROHAR} | 99.0 | 99.0 | 1 | 250.0 |" in section
    assert f"| {OURS} | 61.0 | 61.0 | 2 | 1.5 |" in section
    assert "| usc-had zerohar-fold1 | 0 | stage I: 10 of 300 epochs |" in section and "dsads" not in section


def test_with_one_unseen_class_top1_is_left_out(tmp_path: Path) -> None:
    one = replace(ROW, dataset="hapt", split="loco-lying", kind="loco", method=OURS, n_unseen=1, gzsl=GZSL)
    page = write_page([*make_rows(), replace(one, zsl={"top1": 1.0})], tmp_path)
    assert f"| {OURS} | 48.0 | 60.0 | 40.0 |" in page.read_text()


def test_rows_without_ours_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=OURS):
        write_page([ROW], tmp_path)
