"""The shipped encoder is what its card says: self-supervised, small, clean of test subjects, and usable."""

from dataclasses import asdict

import numpy as np
import pytest
from checkout import ROOT
from pooled_problem import make_dataset

from feature_extraction.errors import LeakageError
from feature_extraction.features.encoder_blocks import load_encoder
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.pretraining.config import load_patch_config
from feature_extraction.protocol.draw_splits import known_partition
from feature_extraction.protocol.split import find_split
from feature_extraction.storage.places import ENCODERS_FOLDER
from sadvae_har.__main__ import main

TINY = ENCODERS_FOLDER / "tiny"
CONFIG = ROOT / "sadvae_har" / "config" / "shipped" / "pretrain_tiny.yaml"
MET = ("dsads", "wharf", "wisdm")


@pytest.fixture(scope="module")
def checkpoint() -> PatchCheckpoint:
    return PatchCheckpoint.load(TINY)


def test_it_met_no_label_and_no_test_subject(checkpoint: PatchCheckpoint) -> None:
    assert tuple(entry.dataset for entry in checkpoint.provenance) == MET and checkpoint.bank == ()
    for entry in checkpoint.provenance:
        partition = known_partition(entry.dataset)
        assert partition is not None and not entry.labelled
        assert set(entry.subjects) == {*partition.train, *partition.val}


def test_the_shipped_config_made_it_and_it_is_small(checkpoint: PatchCheckpoint) -> None:
    assert checkpoint.training["config"] == asdict(load_patch_config(CONFIG))
    assert sum(path.stat().st_size for path in TINY.iterdir()) < 10e6
    weights = sum(parameter.numel() for parameter in checkpoint.encoder.parameters())
    assert 1e6 < weights < 3e6


@pytest.mark.parametrize(
    ("dataset", "split"), [("dsads", "random-1"), ("wharf", "random-1"), ("wisdm", "zerohar-fold1")]
)
def test_splits_whose_classes_it_met_refuse_it(dataset: str, split: str) -> None:
    with pytest.raises(LeakageError):
        find_split(dataset, split).check_provenance(load_encoder("encoder:tiny").provenance, "encoder:tiny")


@pytest.mark.parametrize(
    ("dataset", "split"), [("usc-had", "zerohar-fold1"), ("hapt", "random-1"), ("utd-mhad", "random-1")]
)
def test_splits_of_other_data_sets_may_use_it(dataset: str, split: str) -> None:
    find_split(dataset, split).check_provenance(load_encoder("encoder:tiny").provenance, "encoder:tiny")


def test_it_tells_movements_apart_that_it_never_met(checkpoint: PatchCheckpoint) -> None:
    windows = make_dataset("hapt")
    features = checkpoint.embed_windows(windows)
    assert features.shape == (len(windows), 384) and np.isfinite(features).all()
    assert features.std(axis=0).min() > 0


def test_show_prints_the_card_of_a_shipped_encoder_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encoder", "show", "tiny"]) in (None, 0)
    shown = capsys.readouterr().out
    assert "unlabelled" in shown and (TINY / "README.md").read_text(encoding="utf-8").strip() in shown
