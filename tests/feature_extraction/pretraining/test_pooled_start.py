"""Training a pretrained encoder further: its weights, its past, and what does not fit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pooled_problem import NAMES, NETWORK, SMALL, make_dataset

from feature_extraction.descriptions.embeddings import DEFAULT_TEXT_MODEL
from feature_extraction.errors import InputError, LeakageError
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.pretraining.corpus import choose_windows
from feature_extraction.pretraining.pretrain import patch_pretraining_key, pretrain_patches
from feature_extraction.protocol.split import find_split

FIRST, SECOND = NAMES
ONE_EPOCH = replace(SMALL, n_epochs=1)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> PatchCheckpoint:
    parts = [choose_windows(make_dataset(FIRST))]
    return PatchCheckpoint.load(pretrain_patches(parts, ONE_EPOCH, tmp_path_factory.mktemp("first")))


def further(first: PatchCheckpoint, out: Path, learning_rate: float) -> PatchCheckpoint:
    config = replace(ONE_EPOCH, learning_rate=learning_rate)
    parts = [choose_windows(make_dataset(SECOND))]
    return PatchCheckpoint.load(pretrain_patches(parts, config, out, start=first))


def test_training_goes_on_from_the_weights_of_the_start(first: PatchCheckpoint, tmp_path: Path) -> None:
    hardly = further(first, tmp_path / "hardly", 1e-9).encoder.state_dict()
    well = further(first, tmp_path / "well", 1e-2).encoder.state_dict()
    for name, weights in first.encoder.state_dict().items():
        torch.testing.assert_close(hardly[name], weights, rtol=0, atol=1e-5)
    assert any((well[name] - weights).abs().max() > 1e-3 for name, weights in first.encoder.state_dict().items())


def test_what_the_start_has_seen_is_remembered(first: PatchCheckpoint, tmp_path: Path) -> None:
    second = further(first, tmp_path, 1e-3)
    assert {entry.dataset for entry in second.provenance} == set(NAMES)
    assert second.training["start"] == first.key != second.key
    with pytest.raises(LeakageError):
        find_split("usc-had", "zerohar-fold1").check_provenance(second.provenance, "encoder")


def test_the_start_is_part_of_the_key(first: PatchCheckpoint) -> None:
    parts = [choose_windows(make_dataset(SECOND))]
    with_start, without = (
        patch_pretraining_key(parts, ONE_EPOCH, DEFAULT_TEXT_MODEL, start) for start in (first, None)
    )
    assert with_start != without


def test_a_start_of_other_sizes_is_refused(first: PatchCheckpoint, tmp_path: Path) -> None:
    config = replace(ONE_EPOCH, encoder=replace(NETWORK, depth=2))
    with pytest.raises(InputError, match="depth=1.*depth=2.*take its sizes over"):
        pretrain_patches([choose_windows(make_dataset(SECOND))], config, tmp_path, start=first)
