"""Training of an everyday model: inner folds, windows drawn in place of those of people, and seeds."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from checkout import ROOT
from everyday_model import MOTIONS, pretend_corpus, tiny_config

from sadvae_har.everyday import train as module
from sadvae_har.everyday.corpus import Corpus
from sadvae_har.everyday.described import PairProblem, lay_out_pairs, train_pairs
from sadvae_har.everyday.known import NetworkConfig
from sadvae_har.everyday.train import DRAWN_PER_PAIR, drawn_model, inner_folds, measure_fold, train_everyday
from sadvae_har.recognition.everyday.model import EverydayModel, save_everyday

pytestmark = pytest.mark.slow
METHOD = replace(tiny_config().method, train=replace(tiny_config().method.train, n_steps=2))
BRIEF = replace(tiny_config(), method=METHOD, network=NetworkConfig(n_networks=1, n_steps=2))


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return pretend_corpus()


@pytest.fixture(scope="module")
def laid(corpus: Corpus, text_cache: Path) -> PairProblem:
    rows = np.arange(len(corpus))
    held = inner_folds(corpus, rows, 0)
    return lay_out_pairs(corpus, rows, np.nan_to_num(corpus.features), METHOD, held, text_cache)


def people_of(corpus: Corpus, dataset: str) -> set[str]:
    return set(corpus.windows.subjects[corpus.windows.datasets == dataset].tolist())


def test_inner_folds_hold_out_whole_data_sets_and_activities_beside_them(corpus: Corpus) -> None:
    held = inner_folds(corpus, np.arange(len(corpus)), 0)
    assert len(held) == 3
    assert sorted(name for fold in held for name in fold.activities) == sorted(corpus.activities)
    everybody = [set(fold.subjects) for fold in held]
    assert sorted(map(sorted, everybody)) == sorted(sorted(people_of(corpus, d)) for d in ("alpha", "beta", "wisdm"))


def test_with_a_single_data_set_people_are_held_out(corpus: Corpus) -> None:
    rows = np.flatnonzero(corpus.windows.datasets == "alpha")
    held = inner_folds(corpus, rows, 0)
    assert sorted(fold.subjects for fold in held) == [("alpha/0",), ("alpha/1",), ("alpha/2",)]


def test_inner_folds_follow_their_seed(corpus: Corpus) -> None:
    rows = np.arange(len(corpus))
    assert inner_folds(corpus, rows, 1) == inner_folds(corpus, rows, 1)
    assert len({repr(inner_folds(corpus, rows, seed)) for seed in range(5)}) > 1


def test_what_measures_a_fold_never_learned_from_it(
    corpus: Corpus, laid: PairProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a person nor an activity that the fold holds out reaches the classifier; both are measured."""
    learned = []

    def watched(corpus, rows, split, config, seed):
        learned.append(rows)
        return fit(corpus, rows, split, config, seed)

    fit = module.fit_known
    monkeypatch.setattr(module, "fit_known", watched)
    weights = train_pairs(laid, METHOD)
    for number, held in enumerate(laid.held, start=1):
        examples, strange = measure_fold(corpus, laid, number, weights, METHOD, BRIEF.network, 0)
        rows = learned[-1]
        assert len(rows) and not set(corpus.windows.subjects[rows]) & set(held.subjects)
        assert not corpus.possible[rows][:, corpus.positions(held.activities)].any()
        assert set(examples.subjects) <= set(held.subjects) and len(strange) == len(examples.labels)
        n_seen = examples.seen_logits.shape[1]
        assert set(examples.class_names[:n_seen]) == set(np.array(corpus.activities)[corpus.possible[rows].any(0)])
        assert not set(examples.class_names[:n_seen]) & set(held.activities)
        truth = np.array(corpus.activities)[corpus.possible[examples.rows].argmax(1)]
        assert np.array(examples.class_names)[examples.labels].tolist() == truth.tolist()
        assert np.isfinite(examples.text_logits).all() and np.isfinite(strange).all()


def test_drawn_windows_stand_for_the_densities_of_pairs(laid: PairProblem) -> None:
    """Their means are those of the pairs up to chance; their spread is that within pairs, and a floor."""
    weights = train_pairs(laid, METHOD)
    model, strangeness = drawn_model(laid, 0, weights, METHOD)
    drawn, classes = model.train_features.numpy(), model.train_classes.numpy()
    assert len(drawn) == DRAWN_PER_PAIR * len(laid.pairs)
    features = laid.problem.folds[0].features.numpy()
    for k in range(len(laid.pairs)):
        real = features[laid.problem.class_index == k]
        off = drawn[classes == k].mean(0) - real.mean(0)
        assert np.abs(off).max() < 5 * drawn[classes == k].std(0).max() / np.sqrt(DRAWN_PER_PAIR)
    assert model.donors.max() < len(drawn) and model.donors.min() >= 0
    # How far real windows lie from drawn ones is what is usual.
    assert np.abs(strangeness.measure(features).mean()) < 0.3


def test_no_window_of_any_person_is_in_the_model(everyday_model: EverydayModel, corpus: Corpus) -> None:
    """Neither as statistics, standardised or not, nor near them."""
    filled = everyday_model.guess.fill(corpus.features)
    drawn = everyday_model.fold.train_features.numpy()
    for rows in (filled, everyday_model.standardizer.transform(filled)):
        distance = np.linalg.norm(drawn[:, None] - rows[None], axis=2)
        assert distance.min() > 0.5


def test_a_trained_model_knows_what_was_recorded(everyday_model: EverydayModel) -> None:
    assert [entry.name for entry in everyday_model.trained] == [
        name for name in pretend_corpus().activities if name in MOTIONS
    ]
    assert {pair.placement for pair in everyday_model.pairs} == {"wrist", "thigh", "hip"}
    assert everyday_model.described == () and everyday_model.sources == ("alpha, made up", "beta, made up")
    assert everyday_model.gate.net.n_folds == 3


def brief_bytes(seed: int, folder: Path, text_cache: Path) -> bytes:
    model = train_everyday(pretend_corpus(), ("alpha",), replace(BRIEF, seed=seed), text_cache)
    save_everyday(model, folder / "model.safetensors")
    return (folder / "model.safetensors").read_bytes()


def test_the_same_seed_makes_the_same_file_and_another_seed_another(tmp_path: Path, text_cache: Path) -> None:
    first = brief_bytes(0, tmp_path, text_cache)
    torch.manual_seed(99)
    np.random.default_rng(99)
    assert brief_bytes(0, tmp_path, text_cache) == first
    assert brief_bytes(1, tmp_path, text_cache) != first


TRAINED_ELSEWHERE = """
import sys
from pathlib import Path
sys.path[:0] = {folders}
from feature_extraction.storage.files import content_hash
from test_everyday_train import brief_bytes
print(content_hash(brief_bytes(0, Path(sys.argv[1]), Path(sys.argv[2]))))
"""


def test_the_file_does_not_depend_on_the_order_of_sets(tmp_path: Path, text_cache: Path) -> None:
    """Each process has an order of its own; a number fixes it."""
    folders = [str(ROOT), str(ROOT / "tests" / "helpers"), str(Path(__file__).parent)]
    script, running = TRAINED_ELSEWHERE.format(folders=folders), []
    for hash_seed in ("1", "2"):
        (tmp_path / hash_seed).mkdir()
        command = [sys.executable, "-c", script, str(tmp_path / hash_seed), str(text_cache)]
        environment = {"PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1", "PATH": ""}
        running.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    said = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert said[0] == said[1] and said[0].strip()
