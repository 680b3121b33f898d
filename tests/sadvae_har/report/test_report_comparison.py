"""Comparison of runs: what is compared is fair, differences are paired, and what is not comparable says so."""

import re
from html import escape
from pathlib import Path

import numpy as np
import pytest
from report_runs import SEEN, UNSEEN, predictions, write_run

from feature_extraction.errors import InputError
from feature_extraction.storage.files import read_json, read_npz, write_json, write_npz
from sadvae_har import __main__ as cli
from sadvae_har.report.comparison import config_differences, differences, read_runs, same_windows, warnings
from sadvae_har.report.comparison_page import class_bars, curves, write_comparison
from sadvae_har.report.look.plotly_figures import script
from sadvae_har.report.run_files import read_run

CONFIG = "dataset: toy\nseed: 0\nmodel: {latent_dim: %d}\ntext: {views: [%s]}\n"


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    """Two runs on the same windows, the second with better scores."""
    return [
        write_run(tmp_path / "plain", 0, 1.0, CONFIG % (16, "label")),
        write_run(tmp_path / "better", 0, 3.0, CONFIG % (16, "label, motion")),
    ]


def change(folder: Path, name: str, values: dict[str, object]) -> None:
    write_json(folder / name, read_json(folder / name) | values)


def permute_classes(folder: Path) -> None:
    """Write the same run with its classes in another order."""
    arrays = read_npz(folder / "predictions.npz")
    turned = {"seen": arrays["seen"][::-1], "unseen": arrays["unseen"][::-1]}
    turned["gzsl_scores"] = arrays["gzsl_scores"][:, [2, 1, 0, 4, 3]]
    turned["zsl_scores"] = arrays["zsl_scores"][:, ::-1]
    write_npz(folder / "predictions.npz", arrays | turned)


def test_a_run_does_not_differ_from_itself(pair: list[Path]) -> None:
    run = read_run(pair[0])
    assert {(d.value, d.low, d.high) for d in differences(run, run).values()} == {(0.0, 0.0, 0.0)}


def test_differences_do_not_depend_on_the_order_of_classes(pair: list[Path]) -> None:
    first, other = read_run(pair[0]), read_run(pair[1])
    before = differences(first, other)
    permute_classes(pair[1])
    after = differences(first, read_run(pair[1]))
    assert before.keys() == after.keys() and len(before) == 8
    for name in before:
        assert after[name] == pytest.approx(before[name])


def test_a_difference_is_paired_over_subjects(pair: list[Path]) -> None:
    """With ten more windows right of each person, every resample gains the same, whoever is drawn."""
    arrays = predictions(0, 1.0)
    people = arrays["zsl_subjects"]
    right = np.zeros(len(people), bool)
    labels = arrays["zsl_labels"]
    changed = {}
    for folder, n_right in ((pair[0], 4), (pair[1], 9)):
        for person in np.unique(people):
            for name in UNSEEN:
                rows = np.flatnonzero((people == person) & (labels == name))[:12]
                right[rows] = np.arange(len(rows)) < n_right
        wrong = np.where(labels == UNSEEN[0], UNSEEN[1], UNSEEN[0])
        first12 = np.zeros(len(people), bool)
        for person in np.unique(people):
            for name in UNSEEN:
                first12[np.flatnonzero((people == person) & (labels == name))[:12]] = True
        keep = {
            f"zsl_{part}": arrays[f"zsl_{part}"][first12] for part in ("labels", "subjects", "recordings", "scores")
        }
        keep["zsl_predictions"] = np.where(right, labels, wrong)[first12]
        write_npz(folder / "predictions.npz", arrays | keep)
        metrics = read_json(folder / "metrics.json")
        metrics["zsl"]["per_class_top1"]["value"] = n_right / 12
        write_json(folder / "metrics.json", metrics)
        changed[folder] = read_run(folder)
    found = differences(*changed.values())["ZSL per-class top-1"]
    assert (found.value, found.low, found.high) == pytest.approx((5 / 12, 5 / 12, 5 / 12))


def test_runs_on_other_windows_have_no_difference_and_no_mark(pair: list[Path], tmp_path: Path) -> None:
    arrays = read_npz(pair[1] / "predictions.npz")
    write_npz(
        pair[1] / "predictions.npz",
        arrays | {"zsl_recordings": np.full(80, "r1"), "gzsl_recordings": np.full(200, "r1")},
    )
    first, other = read_run(pair[0]), read_run(pair[1])
    assert not same_windows(first, other, "zsl") and differences(first, other) == {}
    path, text = write_comparison(pair)
    page = path.read_text("utf-8").replace(script(), "")
    assert "different test windows (80 and 80 of unseen classes)" in page and "different test windows" in text
    assert "★ " not in page and "Δ" not in page


def test_the_best_is_marked_but_never_one_selected_on_test(pair: list[Path]) -> None:
    path, text = write_comparison(pair)
    rows = path.read_text("utf-8").replace(script(), "").split("<tr>")
    top1 = next(row for row in rows if row.startswith("<td>ZSL per-class top-1"))
    value = 100 * read_json(pair[1] / "metrics.json")["zsl"]["per_class_top1"]["value"]
    assert f'<td class="best">★ {value:.1f}<small>' in top1 and top1.count("★") == 1 and "Δ +" in top1
    assert top1.endswith("<td>50.0</td></tr>")
    oracle = next(row for row in rows if "best cycle: ZSL per-class" in row)
    assert "★" not in oracle and "selected on test" in oracle
    assert "ZSL per-class top-1" in text and "caution" not in text


def test_what_guessing_explains_is_marked_on_the_page_and_in_the_text(pair: list[Path]) -> None:
    metrics = read_json(pair[1] / "metrics.json")
    mark = '<small class="warning">not better than guessing</small>'
    before = write_comparison(pair)[0].read_text("utf-8").count(mark)
    metrics["zsl"]["per_class_top1"]["low"] = metrics["chance"]["zsl"]
    write_json(pair[1] / "metrics.json", metrics)
    path, text = write_comparison(pair)
    line = next(line for line in text.splitlines() if line.startswith("ZSL per-class top-1"))
    assert line.count("†") == 1 and "† not better than guessing" in text.splitlines()
    assert path.read_text("utf-8").count(mark) == before + 1


def test_page_is_beside_the_first_run_and_loads_nothing(pair: list[Path], tmp_path: Path) -> None:
    before = {folder: sorted(path.name for path in folder.iterdir()) for folder in pair}
    path, _ = write_comparison(pair)
    assert path == tmp_path.resolve() / "comparison.html"
    assert {folder: sorted(path.name for path in folder.iterdir()) for folder in pair} == before
    page = path.read_text("utf-8")
    assert page.count(script()) == 1
    page = page.replace(script(), "")
    assert not re.search(r"https?:|<link|<iframe|<img|url\(|@import|\bsrc\s*=|href", page)
    assert set(re.findall(r'Plotly\.newPlot\(\s*"([^"]+)"', page)) == {"zsl-classes", "gzsl-classes", "curves"}
    assert escape(str(tmp_path)) not in page


def test_only_what_differs_in_the_configs_is_listed(pair: list[Path]) -> None:
    runs = read_runs(pair)
    assert config_differences(runs) == [("text.views", ["label", "label, motion"])]
    (pair[1] / "config.yaml").write_text(CONFIG % (16, "label") + "reference: none\n")
    assert config_differences(read_runs(pair)) == [("reference", ["-", "none"])]


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("split.json", {"dataset": "other"}, "different data sets (other, toy)"),
        ("split.json", {"name": "random-2", "seen": ["a", "b", "c"], "inner": [["a"]]}, "different splits"),
        ("split.json", {"test_subjects": ["p0", "p1"]}, "different test subjects"),
        ("split.json", {"train_subjects": ["x"]}, "trained on different subjects"),
        ("environment.json", {"commit": "f" * 40}, "different versions of the code (ffffffff, 01234567)"),
    ],
)
def test_what_is_not_comparable_is_said_in_plain_words(
    pair: list[Path], name: str, values: dict[str, object], words: str
) -> None:
    assert warnings(read_runs(pair)) == []
    change(pair[1], name, values)
    (warning,) = warnings(read_runs(pair))
    assert warning.startswith("better and plain: ") and words in warning


def test_runs_of_one_name_are_told_apart_and_one_folder_counts_once(pair: list[Path], tmp_path: Path) -> None:
    other = write_run(tmp_path / "elsewhere" / "plain")
    assert list(read_runs([pair[0], other])) == [f"{tmp_path.name}/plain", "elsewhere/plain"]
    with pytest.raises(InputError, match="named twice"):
        read_runs([pair[0], pair[0] / ".." / "plain"])
    with pytest.raises(InputError, match="at least two"):
        read_runs(pair[:1])


def test_figures_show_every_run(pair: list[Path]) -> None:
    runs = read_runs(pair)
    bars = class_bars(runs, "gzsl", "title")
    shown = [*UNSEEN, *SEEN]
    for bar, run in zip(bars.data, runs.values(), strict=True):
        found = run.metrics["gzsl"]["per_class"]
        assert {shown[k]: x for k, x in zip(bar.y, bar.x, strict=True)} == {n: 100 * v for n, v in found.items()}
    lines = [trace for trace in curves(runs).data if trace.mode == "lines"]
    assert [trace.name for trace in lines] == ["plain", "better"]
    assert len({trace.line.dash for trace in lines}) == len({trace.line.color for trace in lines}) == 2


def test_a_run_without_gzsl_is_compared_in_zsl(pair: list[Path]) -> None:
    metrics = read_json(pair[1] / "metrics.json")
    write_json(pair[1] / "metrics.json", {k: v for k, v in metrics.items() if k not in ("gzsl", "gate")})
    path, text = write_comparison(pair)
    assert "one of them has no GZSL results yet" in text
    gzsl = next(line for line in text.splitlines() if line.startswith("GZSL unseen U"))
    assert gzsl.split()[-1] == "-" and path.exists()


def test_the_command_compares_or_rewrites(pair: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "pages" / "c.html"
    assert cli.main(["report", *map(str, pair), "--out", str(page)]) == 0
    assert page.exists() and f"comparison: {page}" in capsys.readouterr().out
    assert cli.main(["report", str(pair[0])]) == 0 and (pair[0] / "report.html").exists()
    capsys.readouterr()
    for argv in (
        ["report", str(pair[0]), "--out", str(page)],
        ["report", *map(str, pair), "--out", str(tmp_path)],
        ["report", str(pair[0]), str(tmp_path / "none")],
        ["report", str(pair[0]), str(pair[0])],
    ):
        assert cli.main(argv) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1
