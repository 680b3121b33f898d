"""Recognition across data sets: what is asked, what may be learned, how answers count, and how rows become a page."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_corpus import STAIRS, TARGET, tiny_corpus

from feature_extraction.errors import InputError, LeakageError
from sadvae_har.benchmark.everyday import jobs as everyday_jobs
from sadvae_har.benchmark.everyday.classifiers import (
    LOGISTIC,
    NETWORK,
    NETWORKED,
    OURS,
    balanced_weights,
    fit_classifiers,
)
from sadvae_har.benchmark.everyday.described import (
    CLOSED_FORM,
    DESCRIBED,
    RIVALS,
    Texts,
    choose_settings,
    fit_described,
    of_activities,
)
from sadvae_har.benchmark.everyday.jobs import KNOWN, NOVEL, Job, plan, run_everyday, run_job
from sadvae_har.benchmark.everyday.numbers import Asked, measure
from sadvae_har.benchmark.everyday.page import write_page
from sadvae_har.benchmark.everyday.rows import ALL_DEVICES, PLACE_KNOWN, EverydayRow, read_everyday
from sadvae_har.benchmark.everyday.tasks import ALL_NOVEL, CLOSED, EIGHT, OPEN, Task, known_tasks, novel_tasks
from sadvae_har.benchmark.everyday.tested import (
    AS_RECORDED,
    CONDITIONS,
    NO_GYROSCOPE,
    SLOW,
    TURNED,
    Tested,
    draw_tested,
)
from sadvae_har.config.settings import TextConfig
from sadvae_har.everyday.corpus import Corpus
from sadvae_har.everyday.known import NetworkConfig
from sadvae_har.everyday.train import EverydayConfig, method_config
from sadvae_har.experiment.inputs import Locations

METHOD = method_config()
# Kinematics alone, which no text model reads.
METHOD = replace(METHOD, text=TextConfig(views=("kinematics",)), train=replace(METHOD.train, n_steps=20, n_seeds=1))
CONFIG = EverydayConfig(network=NetworkConfig(n_networks=1, n_steps=2, batch_size=16), method=METHOD)
DATASETS = ("usc-had", "one", "two", TARGET)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return tiny_corpus()


@pytest.fixture(scope="module")
def rows(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> list[EverydayRow]:
    """Return all rows of a target whose people wear two devices."""
    cache = tmp_path_factory.mktemp("text")
    return [row for part in (KNOWN, NOVEL) for row in run_job(corpus, Job("two", part, CONFIG, DATASETS), cache)]


def asked(corpus: Corpus, task: Task) -> tuple[np.ndarray, Asked]:
    tested = draw_tested(corpus, TARGET, 0)
    kept = tested[task.asks(corpus, tested)]
    return kept, Asked.of(corpus, kept, task)


def tasks_of(corpus: Corpus) -> dict[str, Task]:
    return {task.name: task for task in known_tasks(corpus, TARGET, corpus.activities)}


def test_the_closed_set_has_what_others_recorded_and_the_open_set_everything(corpus: Corpus) -> None:
    tasks = tasks_of(corpus)
    walks = ("walking", "walking upstairs", "walking downstairs", "sitting")
    assert set(tasks[CLOSED].candidates) == {*walks, "clapping"} == set(tasks[OPEN].tested)
    assert set(tasks[EIGHT].candidates) == set(walks)
    assert tasks[OPEN].candidates == corpus.activities


def test_a_class_of_two_meanings_is_asked_about_if_others_recorded_both(corpus: Corpus) -> None:
    task = tasks_of(corpus)[CLOSED]
    assert STAIRS in asked(corpus, task)[1].groups
    up_alone = [name for name in corpus.activities if name != "walking downstairs"]
    closed = {task.name: task for task in known_tasks(corpus, TARGET, up_alone)}[CLOSED]
    assert "walking upstairs" not in closed.candidates and STAIRS not in asked(corpus, closed)[1].groups


def test_novel_activities_are_drawn_among_certain_ones_without_repetition(corpus: Corpus) -> None:
    tasks = novel_tasks(corpus, TARGET, 0)
    assert tasks[0].name == ALL_NOVEL and set(tasks[0].candidates) == {"walking", "sitting", "clapping"}
    drawn = [task.candidates for task in tasks[1:] if task.name == "two novel"]
    assert len(drawn) == len(set(drawn)) == 3  # of three activities, three pairs
    assert tasks == novel_tasks(corpus, TARGET, 0)
    assert tasks != [] and STAIRS not in asked(corpus, tasks[0])[1].groups


@pytest.mark.parametrize("name", [CLOSED, EIGHT, OPEN])
def test_a_perfect_answer_scores_one_and_any_meaning_is_right(corpus: Corpus, name: str) -> None:
    _, windows = asked(corpus, tasks_of(corpus)[name])
    last = windows.possible.shape[1] - 1 - windows.possible[:, ::-1].argmax(1)
    for predicted in (windows.possible.argmax(1), last):
        found = measure(windows, predicted, 0)
        assert [found[key] for key in ("accuracy", "top1", "low", "high", "macro_f1")] == [1.0] * 5
        assert found["by_placement"] == {"wrist": 1.0}


def test_answers_that_know_nothing_score_chance() -> None:
    corpus = tiny_corpus(n_per_class=40)
    for task in (tasks_of(corpus)[CLOSED], novel_tasks(corpus, TARGET, 0)[0]):
        _, windows = asked(corpus, task)
        generator = np.random.default_rng(0)
        guesses = [generator.integers(windows.possible.shape[1], size=len(windows.groups)) for _ in range(40)]
        found = np.mean([measure(windows, guess, 0)["top1"] for guess in guesses])
        assert abs(found - windows.chance) < 0.02


def test_chance_counts_every_right_answer_by_class(corpus: Corpus) -> None:
    _, windows = asked(corpus, tasks_of(corpus)[CLOSED])
    assert windows.chance == pytest.approx((1 / 5 + 1 / 5 + 1 / 5 + 2 / 5) / 4)


def test_every_class_is_tested_on_few_moments_with_all_their_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sadvae_har.benchmark.everyday.tested.MOST_MOMENTS", 3)
    corpus = tiny_corpus()
    tested = draw_tested(corpus, "two", 0)
    labels, count = np.unique(corpus.windows.labels[tested], return_counts=True)
    assert len(labels) == 4 and set(count) == {6}
    assert np.array_equal(tested, draw_tested(corpus, "two", 0))
    assert not np.array_equal(tested, draw_tested(corpus, "two", 1))


def test_turned_windows_are_others_with_the_same_statistics(corpus: Corpus) -> None:
    rows = draw_tested(corpus, TARGET, 0)
    before, after = (Tested.under(corpus, rows, name, 0) for name in (AS_RECORDED, TURNED))
    assert np.abs(before.samples - after.samples).max() > 5
    np.testing.assert_allclose(before.features, after.features, rtol=2e-3, atol=2e-3)
    for part in (slice(0, 3), slice(3, 6)):
        lengths = [np.linalg.norm(entry.samples[..., part], axis=-1) for entry in (before, after)]
        np.testing.assert_allclose(*lengths, atol=1e-4)


def test_without_gyroscope_its_statistics_are_missing(corpus: Corpus) -> None:
    rows = draw_tested(corpus, TARGET, 0)
    found = Tested.under(corpus, rows, NO_GYROSCOPE, 0)
    assert not found.has_gyro.any() and not found.samples[..., 3:].any()
    assert np.isnan(found.features).any(1).all() and corpus.windows.samples[rows, :, 3:].any()


def test_half_the_rate_keeps_every_second_sample_and_draws_lines(corpus: Corpus) -> None:
    samples = corpus.windows.samples[:5]
    for length in (100, 99):
        found, _ = CONDITIONS[SLOW](samples[:, :length], np.ones(5, bool), 0)
        assert found.shape == (5, length, 6)
        np.testing.assert_array_equal(found[:, ::2], samples[:, :length:2])
        np.testing.assert_allclose(found[:, 1], (samples[:, 0] + samples[:, 2]) / 2, atol=1e-6)


def test_logistic_regression_weighs_activities_sets_and_places_alike(corpus: Corpus) -> None:
    every = np.arange(len(corpus))
    weights = balanced_weights(corpus, every)
    windows, certain = corpus.windows, corpus.possible.sum(1) == 1
    assert weights.mean() == pytest.approx(1)

    def total(name: str, dataset: str, place: str) -> float:
        mask = certain & corpus.possible[:, corpus.activities.index(name)]
        return weights[mask & (windows.datasets == dataset) & (windows.placements == place)].sum()

    assert total("running", "two", "wrist") == pytest.approx(total("running", "two", "hip"))
    assert total("running", "one", "wrist") == pytest.approx(2 * total("running", "two", "hip"))
    assert total("waving", "one", "wrist") == pytest.approx(2 * total("running", "one", "wrist"))


def test_the_target_and_whoever_wore_its_devices_are_never_learned_from(corpus: Corpus, tmp_path: Path) -> None:
    split, every = corpus.split(TARGET), np.arange(len(corpus))
    texts = Texts.of(corpus, METHOD.text, tmp_path)
    settings = {name: candidates[0] for name, candidates in RIVALS.items()}
    with pytest.raises(LeakageError, match="wisdm: "):
        fit_classifiers(corpus, every, split, CONFIG.network, 0)
    with pytest.raises(LeakageError, match="wisdm: "):
        fit_described(corpus, every, split, METHOD, texts, settings)
    with pytest.raises(LeakageError, match="wisdm: "):
        choose_settings(corpus, every, split, METHOD, texts, novel=True)


def test_a_novel_activity_is_never_learned_from_under_any_name(corpus: Corpus, tmp_path: Path) -> None:
    split = corpus.split("two", ("walking upstairs",))
    texts = Texts.of(corpus, METHOD.text, tmp_path)
    others = np.flatnonzero(corpus.windows.datasets != "two")
    with pytest.raises(LeakageError, match=f"{TARGET}: {STAIRS}"):
        fit_described(corpus, others, split, METHOD, texts, {})
    allowed = corpus.learnable(split)
    assert not corpus.possible[allowed, corpus.activities.index("walking upstairs")].any()
    found = fit_described(corpus, allowed, split, METHOD, texts, {})[DESCRIBED]
    assert not {"walking upstairs"} & {pair.activity for pair in found.recorded}


def test_activities_have_the_sum_of_their_places_or_the_best_one() -> None:
    scores = np.log([[0.1, 0.2, 0.25]])
    assert np.exp(of_activities(scores, [0, 0, 1], 2, summed=True))[0] == pytest.approx([0.3, 0.25])
    assert np.exp(of_activities(scores, [0, 0, 1], 2, summed=False))[0] == pytest.approx([0.2, 0.25])


def test_methods_that_stand_alone_are_parts_of_ours(corpus: Corpus) -> None:
    split = corpus.split(TARGET)
    found = fit_classifiers(corpus, corpus.learnable(split), split, CONFIG.network, 0)
    tested = Tested.under(corpus, draw_tested(corpus, TARGET, 0), AS_RECORDED, 0)
    names = found[OURS].known.activities
    whole, linear, network = (found[name].scores(tested, names) for name in (NETWORKED, OURS, NETWORK))
    np.testing.assert_allclose(whole, linear + network, atol=1e-3)
    assert not np.allclose(found[LOGISTIC].scores(tested, names), linear, atol=1e-3)
    np.testing.assert_array_equal(found[OURS].scores(tested, names[::-1]), linear[:, ::-1])


def test_every_method_answers_every_question_it_can(rows: list[EverydayRow]) -> None:
    by_text = {DESCRIBED, *RIVALS}
    for task, methods in ((CLOSED, {OURS, NETWORKED, NETWORK, LOGISTIC, *by_text}), (ALL_NOVEL, by_text)):
        for condition in (*CONDITIONS, ALL_DEVICES):
            assert {row.method for row in rows if (row.task, row.condition) == (task, condition)} == methods
    assert {row.task for row in rows if row.condition == PLACE_KNOWN} == {"two novel", "three novel", ALL_NOVEL}
    single, together = ({row.n_windows for row in rows if (row.task, row.condition) == (CLOSED, condition)}
                        for condition in (AS_RECORDED, ALL_DEVICES))  # fmt: skip
    assert single == {2 * count for count in together}
    assert all(set(row.by_placement) == (set() if row.condition == ALL_DEVICES else {"hip", "wrist"}) for row in rows)


def test_motions_of_their_own_are_recognised_and_turning_changes_nothing(rows: list[EverydayRow]) -> None:
    found = {(row.method, row.condition): row.top1 for row in rows if row.task == CLOSED}
    assert found[OURS, AS_RECORDED] > 0.8 and found[LOGISTIC, AS_RECORDED] > 0.8
    assert all(abs(found[method, TURNED] - found[method, AS_RECORDED]) < 0.03 for method in (OURS, LOGISTIC))


def test_what_is_done_is_not_done_again(
    corpus: Corpus, rows: list[EverydayRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []

    def fake(corpus: Corpus, job: Job, cache: Path) -> list[EverydayRow]:
        runs.append(job.part)
        return [replace(row, key=job.key) for row in rows if bool(row.activities) == (job.part == NOVEL)]

    monkeypatch.setattr(everyday_jobs, "run_job", fake)
    monkeypatch.setattr(Corpus, "load", classmethod(lambda cls, *arguments: corpus))
    results, jobs = tmp_path / "everyday.jsonl", [Job("two", part, CONFIG, DATASETS) for part in (KNOWN, NOVEL)]
    run_everyday(jobs[:1], Locations(), results)
    run_everyday(jobs, Locations(), results)
    run_everyday(jobs, Locations(), results)
    assert runs == [KNOWN, NOVEL]
    assert [replace(row, key="") for row in read_everyday(results)] == [replace(row, key="") for row in rows]
    other = replace(jobs[0], config=replace(CONFIG, network=NetworkConfig(n_networks=0)))
    run_everyday([other], Locations(), results)
    assert runs == [KNOWN, NOVEL, KNOWN]
    assert {row.key for row in read_everyday(results)} == {other.key, jobs[1].key}


def test_a_plan_has_two_jobs_a_target_and_refuses_unknown_ones() -> None:
    jobs = plan(("hapt", "wisdm"), EverydayConfig(), (0, 1))
    assert len(jobs) == 8 == len({job.key for job in jobs})
    with pytest.raises(InputError, match="imagenet"):
        plan(("imagenet",), EverydayConfig(), (0,))


def test_the_page_says_what_the_rows_say(rows: list[EverydayRow], tmp_path: Path) -> None:
    other = [replace(row, target="one", top1=0.25, low=0.2, high=0.3) for row in rows if row.method != CLOSED_FORM]
    text = write_page([*rows, *other], tmp_path).read_text()
    assert write_page([*rows, *other], tmp_path / "again").read_text() == text
    (mine,) = [row.top1 for row in rows if (row.method, row.task, row.condition) == (OURS, CLOSED, AS_RECORDED)]
    line = next(line for line in text.splitlines() if line.startswith(f"| {OURS} |"))
    assert line.split("|")[2].strip() == f"{100 * (mine + 0.25) / 2:.1f}"
    assert f"| {OURS}; {ALL_DEVICES} | 25.0 | 20.0 to 30.0 |" in text.split("\n## one")[1]
    for words in ("\n## two\n", "as published by its authors", "looked at on these very targets", "ZeroHAR"):
        assert words in text
    with pytest.raises(InputError, match="--cross"):
        write_page([], tmp_path)


def test_real_recordings_are_recognised_above_chance(shared_raw, tmp_path: Path) -> None:
    raw = [shared_raw(name) for name in ("hapt", "usc-had")][0].parent
    corpus = Corpus.load(("hapt", "usc-had"), raw, tmp_path / "windows")
    config = replace(CONFIG, network=NetworkConfig(n_networks=0))
    found = run_job(corpus, Job("hapt", KNOWN, config, ("hapt", "usc-had")), tmp_path)
    (row,) = [r for r in found if (r.method, r.task, r.condition) == (OURS, EIGHT, AS_RECORDED)]
    assert row.low > row.chance and row.n_people == 30
