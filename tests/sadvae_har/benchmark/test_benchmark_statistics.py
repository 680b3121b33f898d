"""Means, spreads, ranks and paired tests over benchmark rows, against numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from result_row import ROW

from sadvae_har.benchmark.rows import ResultRow
from sadvae_har.benchmark.statistics import Cells, best_rival, compare, gzsl, rank, top1

A, B = "dsads", "usc-had"
SPLITS = [(A, "random-1"), (A, "random-2"), (B, "fold1")]


def row(method: str, split: tuple[str, str], value: float, seed: int = 0) -> ResultRow:
    return replace(ROW, method=method, dataset=split[0], split=split[1], seed=seed, zsl={"top1": value})


def rows(method: str, values: tuple[float, ...]) -> list[ResultRow]:
    return [row(method, split, value) for split, value in zip(SPLITS, values, strict=True)]


def test_means_are_over_seeds_then_splits_then_data_sets() -> None:
    found = [
        row("m", SPLITS[0], 0.2),
        row("m", SPLITS[0], 0.4, seed=1),
        row("m", SPLITS[1], 0.5),
        row("m", SPLITS[2], 1.0),
    ]
    cells = Cells.of(found, top1)
    assert cells.values["m"][SPLITS[0]] == pytest.approx(0.3)
    assert cells.mean("m", A) == pytest.approx(0.4)
    assert cells.overall("m", (A, B)) == pytest.approx(0.7)
    assert cells.spread("m", A) == pytest.approx(0.2 / np.sqrt(2))
    assert np.isnan(cells.spread("m", B)) and np.isnan(cells.mean("other", A))


def test_spread_over_seeds_is_that_of_the_mean_over_splits() -> None:
    found = [
        row("m", SPLITS[k], value, seed)
        for seed, pair in enumerate([(0.2, 0.6), (0.6, 0.2)])
        for k, value in enumerate(pair)
    ]
    cells = Cells.of(found, top1)
    assert cells.seed_spread("m", A) == pytest.approx(0.0)
    assert cells.seed_spread_of_a_split("m", A) == pytest.approx(0.4 / np.sqrt(2))
    assert np.isnan(cells.seed_spread("m", B))


def test_rows_without_the_measure_are_left_out() -> None:
    found = [replace(ROW, method="gate", zsl=None, gzsl={"h": 0.3}), row("m", SPLITS[0], 0.5)]
    assert set(Cells.of(found, top1).values) == {"m"}
    assert Cells.of(found, gzsl("h")).values == {"gate": {SPLITS[0]: 0.3}}


def test_ranks_share_ties_and_leave_out_incomplete_methods() -> None:
    found = rows("a", (0.9, 0.9, 0.9)) + rows("b", (0.5, 0.9, 0.1)) + rows("c", (0.4, 0.1, 0.2))
    found.append(row("partial", SPLITS[0], 1.0))
    ranks = rank(Cells.of(found, top1), ("a", "b", "c", "partial"), SPLITS)
    assert ranks.mean == pytest.approx({"a": (1 + 1.5 + 1) / 3, "b": (2 + 1.5 + 3) / 3, "c": (3 + 3 + 2) / 3})
    assert 0 < ranks.p_value < 1 and ranks.n_splits == 3


def test_a_constant_lead_has_an_interval_of_no_width() -> None:
    cells = Cells.of(rows("ours", (0.5, 0.6, 0.7)) + rows("rival", (0.4, 0.5, 0.6)), top1)
    found = compare(cells, "ours", "rival", SPLITS)
    assert (found.difference, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert (found.wins, found.ties, found.losses) == (2, 0, 0)


def test_difference_weighs_data_sets_equally_and_counts_ties() -> None:
    cells = Cells.of(rows("ours", (0.5, 0.7, 0.603)) + rows("rival", (0.6, 0.7, 0.6)), top1)
    found = compare(cells, "ours", "rival", SPLITS)
    assert found.difference == pytest.approx((-0.05 + 0.003) / 2)
    assert (found.wins, found.ties, found.losses) == (0, 1, 1)
    assert found.low == pytest.approx((-0.1 + 0.003) / 2) and found.high == pytest.approx(0.003 / 2)


def test_wilcoxon_of_six_wins_in_a_row_is_two_in_64() -> None:
    splits = [(A, f"random-{k}") for k in range(6)]
    found = [
        row(m, s, base + 0.01 * k)
        for k, s in enumerate(splits)
        for m, base in (("ours", 0.5), ("rival", 0.4 - 0.02 * k))
    ]
    assert compare(Cells.of(found, top1), "ours", "rival", splits).p_value == pytest.approx(2 / 64)


def test_the_best_rival_has_run_everywhere() -> None:
    cells = Cells.of(rows("a", (0.1, 0.1, 0.9)) + rows("b", (0.5, 0.5, 0.4)) + [row("c", SPLITS[0], 1.0)], top1)
    assert best_rival(cells, ("a", "b", "c"), (A, B)) == "a"
    assert best_rival(cells, ("c",), (A, B)) is None
