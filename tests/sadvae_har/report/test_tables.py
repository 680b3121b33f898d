from typing import Any

import numpy as np
import pytest

from sadvae_har.report.tables import (
    Row,
    align,
    average_table,
    comparison_table,
    percent,
    run_summary,
    summary_rows,
    to_markdown,
)


def make_metrics(split: str = "random-1", top1: float = 0.6, reference: bool = False) -> dict[str, Any]:
    def entry(value: float) -> dict[str, float]:
        return {"value": value, "low": value - 0.05, "high": value + 0.05}

    metrics: dict[str, Any] = {
        "dataset": "usc-had",
        "split": split,
        "zsl": {"per_class_top1": entry(top1), "accuracy": entry(0.7), "macro_f1": entry(0.55)},
        "gzsl": {"seen": entry(0.5), "unseen": entry(0.3), "harmonic_mean": entry(0.375), "ausuc": entry(0.2)},
        "gate": {"auroc": entry(0.8)},
        "chance": {"zsl": 0.25, "gzsl": 1 / 12, "majority_zsl": 0.4},
    }
    if reference:
        metrics["reference"] = {
            "last_cycle": {"per_class_top1": 0.412, "accuracy": 0.434},
            "oracle": {"per_class_top1": 0.847, "accuracy": 0.861, "cycle": 6},
        }
    return metrics


def _line(table: str, start: str) -> list[str]:
    return next(line for line in table.splitlines() if line.startswith(start)).removeprefix(start).split()


def test_summary_shows_value_interval_chance_and_majority() -> None:
    table = run_summary(make_metrics())
    assert _line(table, "ZSL per-class top-1") == ["60.0", "55.0", "to", "65.0", "25.0", "25.0"]
    assert _line(table, "ZSL accuracy") == ["70.0", "65.0", "to", "75.0", "25.0", "40.0"]
    assert _line(table, "GZSL seen S") == ["50.0", "45.0", "to", "55.0", "8.3", "-"]
    assert _line(table, "gate AUROC") == ["80.0", "75.0", "to", "85.0", "50.0", "-"]
    assert "reference" not in table


def test_chance_and_majority_by_hand() -> None:
    rows = {row.name: row for row in summary_rows(make_metrics())}
    assert rows["GZSL AUSUC"].chance == pytest.approx(1 / (2 * 8 * 4))
    # Always the largest of four classes, 40 % of windows: precision 0.4 and recall 1 on it, 0 elsewhere.
    assert rows["ZSL macro-F1"].majority == pytest.approx(2 * 0.4 / 1.4 / 4)


def test_numbers_that_guessing_explains_are_marked_and_keep_their_digits() -> None:
    metrics = make_metrics(top1=0.29)  # 24 to 34, chance 25
    metrics["zsl"]["macro_f1"] = {
        "value": 0.1,
        "low": 0.05,
        "high": 0.15,
    }  # has no chance; the largest class scores 14.3
    table = run_summary(metrics)
    assert _line(table, "ZSL per-class top-1 †") == ["29.0", "24.0", "to", "34.0", "25.0", "25.0"]
    assert _line(table, "ZSL macro-F1 †")[0] == "10.0"
    assert table.count("†") == 3 and table.splitlines()[-1].startswith("† not better than guessing")
    assert "†" not in run_summary(make_metrics())


@pytest.mark.parametrize(
    ("low", "chance", "majority", "guess"),
    [(0.3, 0.2, 0.4, False), (0.2, 0.2, np.nan, True), (np.nan, 0.2, np.nan, False), (np.nan, 0.5, np.nan, True)],
)
def test_a_number_is_a_guess_unless_all_of_its_interval_is_above(
    low: float, chance: float, majority: float, guess: bool
) -> None:
    assert Row("", 0.4, low, 0.6, chance, majority).is_a_guess is guess
    assert not Row("", 0.0).is_a_guess  # nobody knows what a guess scores


def test_reference_rows_name_the_oracle() -> None:
    table = run_summary(make_metrics(reference=True))
    assert _line(table, "reference, last cycle: ZSL per-class top-1")[0] == "41.2"
    assert _line(table, "reference, best cycle: ZSL per-class top-1 *")[0] == "84.7"
    assert "* selected on test, not comparable" in table.splitlines()


def test_summary_of_an_unfinished_run_shows_what_there_is() -> None:
    metrics = make_metrics()
    del metrics["gzsl"], metrics["gate"], metrics["chance"]
    assert [row.name for row in summary_rows(metrics)] == ["ZSL per-class top-1", "ZSL accuracy", "ZSL macro-F1"]
    assert np.isnan(summary_rows(metrics)[0].chance)
    assert _line(run_summary(metrics), "ZSL accuracy")[-2:] == ["-", "-"]


def test_average_has_a_row_per_split_then_mean_deviation_and_chance() -> None:
    table = average_table([make_metrics("a", 0.5), make_metrics("b", 0.7)])
    assert _line(table, "a ")[:2] == ["50.0", "50.0"]
    assert _line(table, "b ")[0] == "70.0"
    assert _line(table, "mean")[0] == "60.0"
    assert _line(table, "sd over splits")[0] == "14.1"  # sqrt(2) * 10
    assert _line(table, "chance") == ["25.0", "8.3", "8.3", "8.3", "1.6", "50.0"]
    assert "ref." not in table


def test_average_marks_the_oracle_and_shows_gaps() -> None:
    table = average_table([make_metrics("a", reference=True), make_metrics("b")])
    assert _line(table, "a ")[-2:] == ["41.2", "84.7"]
    assert _line(table, "b ")[-2:] == ["-", "-"]
    assert _line(table, "chance")[-1] == "25.0" and _line(table, "sd over splits")[-1] == "-"
    assert table.endswith("* selected on test, not comparable")


def test_one_split_has_no_deviation() -> None:
    assert set(_line(average_table([make_metrics()]), "sd over splits")) == {"-"}


def test_comparison_has_a_row_per_view() -> None:
    table = comparison_table({"label": [make_metrics(top1=0.5), make_metrics(top1=0.7)], "all": [make_metrics()]})
    assert _line(table, "label")[:3] == ["60.0", "±", "14.1"]
    assert _line(table, "all")[:3] == ["60.0", "±", "-"]
    assert _line(table, "chance")[0] == "25.0"


def test_columns_line_up() -> None:
    lines = align([["name", "x"], ["a", "100.0"], ["longer", "1.0"]]).splitlines()
    assert lines == ["name        x", "-------------", "a       100.0", "longer    1.0"]
    assert percent(float("nan")) == "-"


def test_tables_of_no_runs_are_empty_not_an_error() -> None:
    assert set(_line(average_table([]), "mean")) == {"-"}
    assert _line(comparison_table({"label": []}), "label")[-1] == "0"


def test_markdown_escapes_what_would_part_cells() -> None:
    assert to_markdown([["a|b", "x"], ["c", "1"]]) == "| a\\|b | x |\n|---|---:|\n| c | 1 |"
