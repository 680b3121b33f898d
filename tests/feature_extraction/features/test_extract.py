"""Extraction: streaming, caching, damaged caches, and the protocol through to the feature table."""

import logging
import sys
from dataclasses import replace

import numpy as np
import pytest
from synthetic_windows import make_channels, make_split, make_windows

from feature_extraction.encoders.resnet import ResNetConfig
from feature_extraction.encoders.statistical.features import statistical_features
from feature_extraction.errors import InputError, LeakageError
from feature_extraction.features import extract
from feature_extraction.features.extract import extract_encoder, extract_statistical, features_for
from feature_extraction.pretraining.resnet.config import PretrainConfig
from feature_extraction.pretraining.resnet.pretrain import pretrain

SMALL = PretrainConfig(n_epochs=2, epoch_windows=32, batch_size=8, encoder=ResNetConfig(widths=(4, 8), n_features=6))


@pytest.fixture(scope="module")
def windows():
    return make_windows()


BLOCKS = ("statistical", "resnet")


@pytest.fixture(autouse=True, scope="module")
def quick_pretraining():
    """Pretrain what a table needs in seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[extract.pretrain.__module__], "PretrainConfig", lambda: SMALL)
        yield


@pytest.fixture(scope="module")
def resources(windows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("resources")
    features_for(windows, make_split(), BLOCKS, folder)
    return folder


def test_statistical_features_of_a_memory_map_match_those_in_memory(windows, tmp_path, monkeypatch):
    np.save(tmp_path / "windows.npy", windows.samples)
    mapped = replace(windows, samples=np.load(tmp_path / "windows.npy", mmap_mode="r"))
    monkeypatch.setattr(extract, "STATISTICAL_BATCH", 7)
    table = extract_statistical(mapped, tmp_path / "statistical.npz")
    expected = statistical_features(windows.samples, windows.channels, windows.settings.rate_hz)[0]
    np.testing.assert_allclose(table.features, expected, rtol=1e-4, atol=1e-4)
    assert table.provenance == () and table.blocks == {"statistical": expected.shape[1]}
    np.testing.assert_array_equal(table.labels, windows.labels)


def test_both_blocks_side_by_side_with_provenance(windows, resources):
    table = features_for(windows, make_split(), BLOCKS, resources)
    assert list(table.blocks) == ["statistical", "resnet"] and table.blocks["resnet"] == 6
    assert table.provenance[0].classes == ("still", "slow", "medium")
    assert table.provenance[0].subjects == ("s1", "s2", "s3")
    learned = features_for(windows, make_split(), ("resnet",), resources)
    np.testing.assert_array_equal(learned.features, table.select(("resnet",)).features)


def test_what_was_made_is_not_made_again(windows, resources, monkeypatch):
    def never(*args):
        raise AssertionError("computed again")

    monkeypatch.setattr(extract, "stream", never)
    features_for(windows, make_split(), BLOCKS, resources)


def test_statistical_features_need_no_encoder(windows, tmp_path):
    table = features_for(windows, make_split(), ("statistical",), tmp_path)
    assert table.provenance == () and not (tmp_path / "runs").exists()


def test_a_damaged_cache_is_noticed_and_made_again(windows, tmp_path, caplog):
    path = tmp_path / "statistical.npz"
    table = extract_statistical(windows, path)
    path.write_bytes(path.read_bytes()[:1000])
    with caplog.at_level(logging.WARNING):
        again = extract_statistical(windows, path)
    assert "damaged" in caplog.text
    np.testing.assert_array_equal(again.features, table.features)


def test_a_cache_of_other_windows_is_refused(windows, tmp_path):
    extract_statistical(windows, tmp_path / "statistical.npz")
    with pytest.raises(InputError, match="delete it or name another file"):
        extract_statistical(replace(windows, key="other"), tmp_path / "statistical.npz")


def test_a_new_encoder_replaces_the_features_of_the_old_one(windows, tmp_path):
    out, tables = tmp_path / "resnet.npz", []
    for seed in (0, 1):
        folder = pretrain(windows, make_split(), replace(SMALL, seed=seed), tmp_path / str(seed))
        tables.append(extract_encoder(windows, folder, out))
    assert not np.array_equal(tables[0].features, tables[1].features)


def test_an_encoder_that_saw_too_much_is_refused(windows, tmp_path):
    folder = pretrain(windows, make_split(), SMALL, tmp_path / "encoder")
    swapped = make_split(seen=("still", "fast", "medium"), unseen=("slow",), inner=(("fast",),))
    with pytest.raises(LeakageError, match="slow"):
        extract_encoder(windows, folder, tmp_path / "resnet.npz", swapped)
    tested = make_split(train_subjects=("s1", "s4"), test_subjects=("s2",))
    with pytest.raises(LeakageError, match="s2"):
        extract_encoder(windows, folder, tmp_path / "resnet.npz", tested)
    validated = make_split(val_subjects=("s4",), test_subjects=("s3",))
    with pytest.raises(LeakageError, match="s3"):
        extract_encoder(windows, folder, tmp_path / "resnet.npz", validated)
    assert not (tmp_path / "resnet.npz").exists()


def test_windows_of_another_format_are_refused(windows, tmp_path):
    folder = pretrain(windows, make_split(), SMALL, tmp_path / "encoder")
    longer = make_windows(n_samples=75)
    with pytest.raises(InputError, match="n_samples 50.*75"):
        extract_encoder(longer, folder, tmp_path / "a.npz")
    other = replace(windows, channels=make_channels(devices=("wrist",)))
    with pytest.raises(InputError, match=r"imu\.acc_x.*wrist\.acc_x"):
        extract_encoder(other, folder, tmp_path / "a.npz")
    faster = replace(windows, settings=replace(windows.settings, rate_hz=50.0, window_s=1.0))
    with pytest.raises(InputError, match=r"rate_hz 25\.0.*50\.0"):
        extract_encoder(faster, folder, tmp_path / "a.npz")


def test_unknown_blocks_and_other_data_sets_are_refused(windows, tmp_path):
    with pytest.raises(InputError, match="'patch' is unknown; choose from statistical, resnet"):
        features_for(windows, make_split(), ("patch",), tmp_path)
    with pytest.raises(InputError, match="pair them"):
        features_for(windows, make_split(dataset="other"), ("statistical",), tmp_path)
