"""The benchmark runner: what it plans, that it resumes, and a real run on real recordings."""

from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_problem import tiny_problem

from feature_extraction.errors import InputError
from sadvae_har.baselines import rivals
from sadvae_har.benchmark.jobs import HEADLINE, Job, plan, run_benchmark
from sadvae_har.benchmark.methods import (
    MATCHER,
    METHODS,
    TABLE_ORDER,
    UPPER_BOUND,
    ZEROHAR,
    Inputs,
    find_rivals,
)
from sadvae_har.benchmark.ours import ABLATIONS
from sadvae_har.benchmark.rows import read_rows
from sadvae_har.commands.benchmark import RESULTS
from sadvae_har.config.settings import Config
from sadvae_har.experiment.inputs import Locations


def test_headline_is_six_data_sets_with_their_own_kind_of_split() -> None:
    jobs = plan(tuple(HEADLINE), ("headline",), ("ridge",), (0, 1, 2))
    assert len(jobs) == 4 * 6 + 2 * 3
    assert {job.split.split("-")[0] for job in jobs if job.dataset == "wisdm"} == {"zerohar"}


def test_zerohar_runs_on_the_folds_it_publishes_alone() -> None:
    jobs = plan(("dsads", "usc-had", "wisdm"), ("headline", "random"), (ZEROHAR,), (0, 1, 2))
    assert {job.seeds for job in jobs} == {(0,)}
    assert [(job.dataset, job.split) for job in jobs] == [
        (dataset, f"zerohar-fold{number}") for dataset in ("usc-had", "wisdm") for number in (1, 2, 3)
    ]


def test_committed_rows_are_those_that_would_be_run_today() -> None:
    jobs = plan(("dsads", "usc-had"), ("headline",), METHODS, (0, 1, 2))
    committed = {row.key for row in read_rows(RESULTS)}
    assert {job.method for job in jobs} == set(METHODS)
    assert [job for job in jobs if job.key not in committed] == []


@pytest.mark.parametrize(
    ("datasets", "kinds", "methods", "named"),
    [(("imagenet",), ("headline",), ("ridge",), "imagenet"), (("dsads",), ("headline",), ("magic",), "magic"),
     (("dsads",), ("zerohar",), ("ridge",), "zerohar")],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused_by_name(
    datasets: tuple[str, ...], kinds: tuple[str, ...], methods: tuple[str, ...], named: str
) -> None:
    with pytest.raises(InputError, match=named):
        plan(datasets, kinds, methods, (0,))


def test_whatever_decides_a_row_is_in_its_key() -> None:
    job = Job("dsads", "random-1", "ridge", (0, 1))
    others = [
        replace(job, dataset="utd-mhad"),
        replace(job, split="random-2"),
        replace(job, method="sae"),
        replace(job, seeds=(0,)),
    ]
    assert len({entry.key for entry in (job, *others)}) == 5
    assert Job("dsads", "random-1", "ridge", (0, 1)).key == job.key
    assert len({Job("dsads", "random-1", method, (0,)).key for method in METHODS}) == len(METHODS)


def test_every_ablation_differs_from_the_default_in_something() -> None:
    base, *variants = ABLATIONS.values()
    assert base == Config() and all(variant != base for variant in variants)
    assert all(method.config.features == base.features for name, method in METHODS.items() if name != MATCHER)


def test_a_rival_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_new_rival.py").write_text('NAME = "new"\n\n\ndef candidates():\n    return ()\n')
    monkeypatch.setattr(rivals, "__path__", [*rivals.__path__, str(tmp_path)])
    assert tuple(find_rivals()) == (*TABLE_ORDER, "new")


@pytest.mark.parametrize("method", ["ridge", UPPER_BOUND])
def test_one_measurement_a_seed(method: str) -> None:
    inputs = Inputs(tiny_problem(), lambda: pytest.fail("features are all it reads"), Locations())
    found = list(METHODS[method].measure(inputs, (3, 5)))
    assert [entry.seed for entry in found] == [3, 5]
    assert all(entry.zsl is not None and entry.zsl["top1"] > 0.6 for entry in found)


def test_a_real_run_appends_rows_once(shared_raw, tmp_path: Path) -> None:
    raw = shared_raw("utd-mhad").parent
    locations = Locations(raw=raw, resources=tmp_path / "resources")
    results = tmp_path / "results.jsonl"
    jobs = [job for job in plan(("utd-mhad",), ("random",), ("chance", "ridge"), (0,)) if job.split == "random-1"]
    run_benchmark(jobs[:1], locations, results)
    run_benchmark(jobs, locations, results)
    lines = results.read_text().splitlines()
    assert len(lines) == 2
    chance, ridge = read_rows(results)
    assert ridge.zsl is not None and chance.zsl is not None
    assert ridge.zsl["top1"] > 2 * ridge.chance > chance.zsl["top1"]
    assert set(ridge.by_subject) == {"7", "8"} and ridge.gzsl is not None and 0 < ridge.gzsl["h"] < 1
    run_benchmark(jobs, locations, results)
    assert results.read_text().splitlines() == lines
