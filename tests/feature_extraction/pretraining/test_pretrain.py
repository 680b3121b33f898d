"""Pretraining on pooled data sets: who may be learned from, exact resuming, several processes, checkpoints."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkout import ROOT
from full_disk import files_no_longer_than
from pooled_problem import NAMES, SMALL, make_dataset

from feature_extraction.errors import InputError, LeakageError, WriteError
from feature_extraction.pretraining import loop
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.pretraining.config import load_patch_config
from feature_extraction.pretraining.corpus import Corpus, Part, choose_windows
from feature_extraction.pretraining.objectives.registry import PATCH_OBJECTIVES, label_bank
from feature_extraction.pretraining.pretrain import pretrain_patches
from feature_extraction.pretraining.weights import write_weights
from feature_extraction.protocol.split import Split

CONFIGS = ROOT / "sadvae_har" / "config" / "shipped"
SPLIT = Split(
    dataset="usc-had",
    name="custom",
    kind="custom",
    seed=0,
    seen=("standing", "walking upstairs", "running forward"),
    unseen=("walking forward",),
    train_subjects=("1", "2"),
    val_subjects=("9",),
    test_subjects=("11",),
    inner=(("standing",),),
)


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    return [choose_windows(make_dataset(name)) for name in NAMES]


@pytest.fixture(scope="module")
def finished(parts: list[Part], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pretrain_patches(parts, SMALL, tmp_path_factory.mktemp("encoders") / "pooled")


def history(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]


def labels(part: Part) -> set[str]:
    return set(part.windows.labels[part.train].tolist())


def people(part: Part) -> set[str]:
    return set(part.windows.subjects[np.concatenate([part.train, part.val])].tolist())


def test_test_subjects_never_take_part(parts: list[Part]) -> None:
    assert [people(part) for part in parts] == [{"1", "2", "9"}, {"1", "2", "19"}]


def test_of_the_splits_own_data_set_only_seen_classes_of_train_subjects_take_part() -> None:
    part = choose_windows(make_dataset("usc-had"), SPLIT)
    assert labels(part) == set(SPLIT.seen) and people(part) == {"1", "2", "9"}


def test_synonyms_of_unseen_classes_lose_their_labels_or_leave() -> None:
    mild, strict = choose_windows(make_dataset("hapt"), SPLIT), choose_windows(make_dataset("hapt"), SPLIT, strict=True)
    assert "walking" in labels(mild) and "walking" not in mild.labels
    assert labels(strict) == labels(mild) - {"walking"}
    found = {entry.labelled: entry.classes for entry in mild.provenance(labelled=True)}
    assert found[False] == ("walking",) and "walking" not in found[True]


def test_balanced_drawing_does_not_use_labels_of_synonyms_of_unseen_classes() -> None:
    windows = make_dataset("hapt")
    renamed = np.where(
        windows.labels == "walking", np.where(np.arange(len(windows)) % 2, "walking", "odd"), windows.labels
    )
    batches = []
    for labels in (windows.labels, renamed):
        part = replace(choose_windows(windows, SPLIT), windows=replace(windows, labels=labels))
        part = replace(part, banned=frozenset({"walking", "odd"}))
        corpus = Corpus([part], SMALL.encoder.patches)
        batches.append(corpus.draw(32, SMALL.augment, torch.Generator().manual_seed(0), balanced=True).clean)
    assert torch.equal(*batches)


def test_a_data_set_without_windows_of_its_subjects_is_named() -> None:
    windows = make_dataset("hapt")
    with pytest.raises(InputError, match="hapt has no windows of train subjects"):
        choose_windows(replace(windows, subjects=np.full(len(windows.subjects), "23")))


def test_batches_are_of_one_data_set_and_small_ones_are_drawn_more_often_than_their_share() -> None:
    large, small = (choose_windows(make_dataset(name, n)) for name, n in (("usc-had", 16), ("hapt", 4)))
    corpus = Corpus([large, small], SMALL.encoder.patches)
    assert corpus.chances.tolist() == pytest.approx([2 / 3, 1 / 3])
    generator = torch.Generator().manual_seed(0)
    batches = [corpus.draw(4, SMALL.augment, generator, balanced=False) for _ in range(60)]
    assert all(len(batch.dataset.unique()) == 1 for batch in batches)
    assert np.mean([int(batch.dataset[0]) for batch in batches]) == pytest.approx(1 / 3, abs=0.15)


def test_views_differ_and_clean_windows_are_the_recorded_ones(parts: list[Part]) -> None:
    corpus = Corpus(parts, SMALL.encoder.patches)
    batch = corpus.batch(0, 0, parts[0].train[:5], SMALL.augment, torch.Generator().manual_seed(0))
    assert not torch.equal(batch.values, batch.second)
    gravity = batch.clean[:, 2].mean(dim=(1, 2))
    assert gravity.numpy() == pytest.approx(np.ones(5), abs=0.15)  # acc_z, in g
    known = [corpus.bank[k] for k in batch.targets.tolist()]
    assert known == [("usc-had", name) for name in parts[0].windows.labels[parts[0].train[:5]].tolist()]


def test_label_bank_holds_every_labelled_class_of_every_data_set(parts: list[Part]) -> None:
    corpus = Corpus(parts, SMALL.encoder.patches)
    views, present = label_bank(corpus)
    assert views.shape[0] == present.shape[0] == len(corpus.bank) == 8
    lengths = views.norm(dim=2)
    assert torch.allclose(lengths[present], torch.ones(int(present.sum())), atol=1e-3) and lengths[~present].sum() == 0


def test_folder_explains_itself(finished: Path) -> None:
    names = ["checksums.json", "config.json", "curves.png", "events.out", "model.safetensors", "progress.jsonl"]
    assert sorted(path.name.partition(".tfevents")[0] for path in finished.iterdir()) == names
    rows = history(finished)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert {"masked_autoencoding.level hapt", "contrastive.window usc-had"} <= set(rows[0])
    text = PatchCheckpoint.load(finished).describe()
    assert "unlabelled" in text and "usc-had" in text and "at least 0.5 s" in text


def interrupt_at(call: int) -> Callable[..., None]:
    """Return a plotting function that interrupts its n-th call, after the state was saved."""
    plot, calls = loop.plot_curves, []

    def interrupt(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        plot(*arguments)

    return interrupt


def test_an_interrupted_run_ends_with_the_same_weights(
    parts: list[Part], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "plot_curves", interrupt_at(2))
    with pytest.raises(KeyboardInterrupt):
        pretrain_patches(parts, SMALL, tmp_path)
    assert not (tmp_path / "config.json").exists() and len(history(tmp_path)) == 2
    pretrain_patches(parts, SMALL, tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == (finished / "model.safetensors").read_bytes()
    drop = [{k: v for k, v in row.items() if k != "seconds"} for row in history(tmp_path)]
    assert drop == [{k: v for k, v in row.items() if k != "seconds"} for row in history(finished)]


@pytest.fixture(scope="module")
def kept(parts: list[Part], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that keeps every other epoch and was interrupted after the second was saved."""
    folder = tmp_path_factory.mktemp("encoders") / "kept"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "plot_curves", interrupt_at(2))
        with pytest.raises(KeyboardInterrupt):
            pretrain_patches(parts, replace(SMALL, keep_every=2), folder)
    pretrain_patches(parts, replace(SMALL, keep_every=1), folder)
    return folder


def test_kept_epochs_are_those_asked_for_and_change_nothing(kept: Path, finished: Path) -> None:
    assert sorted(path.name for path in kept.glob("epoch-*")) == ["epoch-002.safetensors", "epoch-003.safetensors"]
    assert (kept / "model.safetensors").read_bytes() == (finished / "model.safetensors").read_bytes()
    assert PatchCheckpoint.load(kept).key == PatchCheckpoint.load(finished).key


def test_a_kept_epoch_is_an_encoder_with_a_key_of_its_own(kept: Path, tmp_path: Path) -> None:
    best = PatchCheckpoint.load(kept)
    epochs = {n: PatchCheckpoint.load_epoch(kept, n) for n in (2, 3)}
    same = {n: torch.equal(epoch.encoder.score.weight, best.encoder.score.weight) for n, epoch in epochs.items()}
    assert same == {n: n == best.training["best_epoch"] for n in (2, 3)}
    assert len({best.key, epochs[2].key, epochs[3].key}) == 3 and epochs[2].provenance == best.provenance
    epochs[2].save(tmp_path)
    again = PatchCheckpoint.load(tmp_path)
    assert again.training["epoch"] == 2 and torch.equal(again.encoder.score.weight, epochs[2].encoder.score.weight)


def test_an_epoch_that_was_not_kept_or_is_of_another_run_is_refused(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"epoch-001.*epochs kept there: epoch-002"):
        PatchCheckpoint.load_epoch(kept, 1)
    for path in kept.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    write_weights(PatchCheckpoint.load(kept).encoder, tmp_path / "epoch-002.safetensors", "another")
    with pytest.raises(InputError, match="weights of the run another"):
        PatchCheckpoint.load_epoch(tmp_path, 2)
    (tmp_path / "epoch-003.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"epoch-003.*damaged"):
        PatchCheckpoint.load_epoch(tmp_path, 3)


def test_a_finished_run_returns_at_once_and_another_one_is_refused(parts: list[Part], finished: Path) -> None:
    stamp = (finished / "model.safetensors").stat().st_mtime_ns
    assert pretrain_patches(parts, SMALL, finished) == finished
    assert (finished / "model.safetensors").stat().st_mtime_ns == stamp
    with pytest.raises(InputError, match="holds another encoder"):
        pretrain_patches(parts, replace(SMALL, seed=1), finished)


def test_two_processes_reach_the_same_loss_as_one(finished: Path, tmp_path: Path) -> None:
    script = ROOT / "tests" / "helpers" / "pooled_problem.py"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    done = subprocess.run([*command, str(tmp_path / "two")], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = ([row["val_loss"] for row in history(folder)] for folder in (finished, tmp_path / "two"))
    assert two == pytest.approx(one, rel=1e-4)


@pytest.mark.parametrize("name", PATCH_OBJECTIVES)
def test_every_objective_trains(name: str, parts: list[Part], tmp_path: Path) -> None:
    config = replace(SMALL, objectives={name: 1.0}, n_epochs=1)
    checkpoint = PatchCheckpoint.load(pretrain_patches(parts, config, tmp_path))
    labelled = name in ("semantic_alignment", "supervised")
    assert all(entry.labelled == labelled for entry in checkpoint.provenance)
    assert bool(checkpoint.bank) == labelled


def test_an_encoder_that_met_an_unseen_class_or_a_test_subject_is_leakage(finished: Path) -> None:
    provenance = PatchCheckpoint.load(finished).provenance
    with pytest.raises(LeakageError, match="walking forward"):
        SPLIT.check_provenance(provenance, "encoder")
    part = choose_windows(make_dataset("usc-had"), SPLIT)
    SPLIT.check_provenance(part.provenance(labelled=True), "encoder")


def test_shipped_config_is_self_supervised() -> None:
    config = load_patch_config(CONFIGS / "pretrain_tiny.yaml")
    assert set(config.objectives) == {"masked_autoencoding", "window_statistics"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("n_epoch: 3\n", "n_epoch"), ("n_epochs: 0\n", "n_epochs"), ("- 1\n", "fields"),
     ("objectives: [\n", "while parsing"), ("augment: {shift: 0.2}\n", "shift"),
     ("objectives: {contrastive: .inf}\n", "positive weights")],
)  # fmt: skip
def test_unusable_configs_are_refused_by_file_and_field(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pretrain.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"pretrain\.yaml.*{message}"):
        load_patch_config(path)


def test_an_unknown_objective_lists_the_known_ones(parts: list[Part], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'magic' is unknown; there are: masked_autoencoding"):
        pretrain_patches(parts, replace(SMALL, objectives={"magic": 1.0}), tmp_path)


def test_a_full_disk_ends_training_in_one_line_and_it_goes_on(
    parts: list[Part], finished: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pooled"
    with (
        pytest.raises(WriteError, match=r"cannot be written \(File too large\)") as caught,
        files_no_longer_than(100_000),
    ):
        pretrain_patches(parts, SMALL, folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)
    assert not list(folder.glob(".*"))
    pretrain_patches(parts, SMALL, folder)
    assert (folder / "model.safetensors").read_bytes() == (finished / "model.safetensors").read_bytes()
