"""Pretrained encoders as feature blocks: names, batches, placements, caches, leakage."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from external_networks import export_mean
from pooled_problem import NAMES, make_dataset, save_encoder
from synthetic_windows import make_split, make_windows

from feature_extraction.encoders.external import load_external
from feature_extraction.errors import InputError, LeakageError
from feature_extraction.features import cache as block_cache
from feature_extraction.features import encoder_blocks as encoder_features
from feature_extraction.features.encoder_blocks import block_name, extract_loaded, find_encoder, load_encoder
from feature_extraction.features.extract import extract_statistical, features_for
from feature_extraction.pretraining import checkpoint as patch_checkpoint
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.protocol.split import Provenance
from feature_extraction.windows.window_set import WindowSet
from sadvae_har.config.settings import Config, FeatureConfig
from sadvae_har.experiment.inputs import Locations, load_features

LABELLED = Provenance("hapt", ("standing", "walking"), ("1", "2"), labelled=True)
OWN = Provenance("synthetic", ("still", "slow"), ("s1", "s3"), labelled=True)
PLACES = ("right wrist", "right thigh")


def on_two_places(windows: WindowSet) -> WindowSet:
    """Return the windows with their placements in turns."""
    return replace(windows, placements=np.array([PLACES[k % 2] for k in range(len(windows))]), key="two places")


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    return make_windows(n_per_class=2)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("encoders") / "small", (OWN, LABELLED))


@pytest.fixture(scope="module")
def resources(tmp_path_factory) -> Path:
    """A folder in which the channel sentences are embedded once for this file."""
    return tmp_path_factory.mktemp("resources")


# Python access, names


def test_python_access_is_one_line_each(small, windows):
    encoder = PatchCheckpoint.load(find_encoder(f"encoder:{small}"))
    assert encoder.bank == (("synthetic", "still"), ("synthetic", "slow"), ("hapt", "standing"), ("hapt", "walking"))
    assert encoder.embed_windows(windows).shape == (len(windows), 48)


def test_the_block_lies_beside_the_others_under_the_name_of_its_folder(small, windows, resources):
    table = features_for(windows, make_split(), ("statistical", f"encoder:{small}"), resources)
    assert list(table.blocks) == ["statistical", "encoder:small"] and table.blocks["encoder:small"] == 48
    assert table.provenance == (OWN, LABELLED)
    assert table.encoders["encoder:small"].startswith("fedcba9876543210-")
    expected = PatchCheckpoint.load(small).embed_windows(windows)
    np.testing.assert_allclose(table.select(("encoder:small",)).features, expected, atol=1e-5)
    assert table.select(("statistical",)).provenance == ()


@pytest.mark.parametrize(
    ("block", "name"),
    [("statistical", "statistical"), ("encoder:tiny", "encoder:tiny"), ("encoder:a/b/tiny/", "encoder:tiny"),
     ("encoder:~/nets/wrist-net.yaml", "encoder:wrist-net"), ("encoder:./v1.5", "encoder:v1.5")],
)  # fmt: skip
def test_blocks_have_short_names(block, name):
    assert block_name(block) == name


def test_a_link_is_called_by_its_own_name(small, tmp_path, monkeypatch):
    (tmp_path / "newest").symlink_to(small)
    assert load_encoder(f"encoder:{tmp_path / 'newest'}").block == "encoder:newest"
    monkeypatch.chdir(small)
    assert block_name("encoder:.") == "encoder:small" == block_name("encoder:../small")


def test_a_bare_name_is_a_shipped_encoder(small, tmp_path, monkeypatch):
    for name in ("tiny", "large"):
        save_encoder(tmp_path / "shipped" / name)
    monkeypatch.setattr(encoder_features, "ENCODERS_FOLDER", tmp_path / "shipped")
    assert find_encoder("encoder:tiny") == tmp_path / "shipped" / "tiny"
    assert load_encoder("encoder:tiny").block == "encoder:tiny"
    with pytest.raises(InputError, match="'?encoder:huge.*there are: large, tiny"):
        find_encoder("encoder:huge")
    monkeypatch.chdir(small.parent)
    with pytest.raises(InputError, match=r"the folder here write encoder:\./small"):
        find_encoder("encoder:small")
    assert find_encoder("encoder:./small") == Path("small")
    monkeypatch.setattr(encoder_features, "ENCODERS_FOLDER", tmp_path / "nothing")
    with pytest.raises(InputError, match="there are: none"):
        find_encoder("encoder:tiny")


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (("encoder:",), "names no encoder"),
        (("encoder:no/such/folder",), "no such folder or file.*encoder pool"),
        (("encoder:none.yaml",), "no such folder or file"),
        (("statistical", "odd"), "'odd' is unknown; choose from statistical, .*encoder:PATH"),
        ((), "none is unknown"),
    ],
)
def test_blocks_that_nothing_can_make_are_refused(blocks, message, windows, tmp_path):
    with pytest.raises(InputError, match=message):
        features_for(windows, make_split(), blocks, tmp_path)


def test_two_encoders_of_one_name_are_refused(small, windows, tmp_path):
    other = save_encoder(tmp_path / "small")
    with pytest.raises(InputError, match=r"would both be 'encoder:small'; rename"):
        features_for(windows, make_split(), (f"encoder:{small}", f"encoder:{other}"), tmp_path)


# Batches, placements, caches


def test_batches_of_a_memory_map_match_windows_in_memory(small, windows, resources, tmp_path, monkeypatch):
    np.save(tmp_path / "windows.npy", windows.samples)
    mapped = replace(windows, samples=np.load(tmp_path / "windows.npy", mmap_mode="r"))
    expected = PatchCheckpoint.load(small).embed_windows(windows)
    monkeypatch.setattr(encoder_features, "BATCH_WINDOWS", 7)
    monkeypatch.setattr(patch_checkpoint, "EMBED_BATCH", 3)
    table = extract_loaded(mapped, load_encoder(f"encoder:{small}", resources / "text_feats"), tmp_path)
    np.testing.assert_allclose(table.features, expected, atol=1e-5)
    np.testing.assert_array_equal(table.labels, windows.labels)


def test_every_window_is_read_at_its_own_placement_in_any_order(small, windows, resources):
    checkpoint, turns = PatchCheckpoint.load(small), on_two_places(windows)
    features = checkpoint.embed_windows(turns)
    wrist, thigh = (checkpoint.embed(windows.samples, windows.channels, 25.0, place) for place in PLACES)
    np.testing.assert_allclose(features[0::2], wrist[0::2], atol=1e-5)
    np.testing.assert_allclose(features[1::2], thigh[1::2], atol=1e-5)
    assert np.abs(wrist - thigh).max() > 1e-3
    rows = np.random.default_rng(0).permutation(len(windows))[:20]
    np.testing.assert_allclose(checkpoint.embed_windows(turns, rows), features[rows], atol=1e-5)
    table = features_for(turns, make_split(), (f"encoder:{small}",), resources)
    np.testing.assert_allclose(table.features, features, atol=1e-5)


def test_features_are_computed_once(small, windows, resources, monkeypatch):
    first = features_for(windows, make_split(), (f"encoder:{small}",), resources)
    monkeypatch.setattr(encoder_features, "stream", lambda *_: pytest.fail("computed again"))
    again = features_for(windows, make_split(), (f"encoder:{small}",), resources)
    np.testing.assert_array_equal(again.features, first.features)
    (path,) = (resources / "imu_feats").rglob(f"{windows.key}/encoder-small-fedcba98.npz")


@pytest.mark.parametrize("difference", ["weights", "provenance"])
def test_another_encoder_in_the_same_folder_replaces_the_features(difference, windows, resources, tmp_path, caplog):
    folder = save_encoder(tmp_path / "mine")
    first = features_for(windows, make_split(), (f"encoder:{folder}",), resources)
    change = {"seed": 1} if difference == "weights" else {"provenance": (LABELLED,)}
    save_encoder(folder, **change)
    with caplog.at_level(logging.INFO, block_cache.__name__):
        second = features_for(windows, make_split(), (f"encoder:{folder}",), resources)
    assert "made by another encoder" in caplog.text
    assert np.array_equal(first.features, second.features) == (difference == "provenance")
    assert second.provenance == change.get("provenance", ())


def test_a_damaged_cache_is_made_again(small, windows, resources, caplog):
    first = features_for(windows, make_split(), (f"encoder:{small}",), resources)
    (path,) = (resources / "imu_feats").rglob(f"{windows.key}/encoder-small-*.npz")
    path.write_bytes(path.read_bytes()[:500])
    again = features_for(windows, make_split(), (f"encoder:{small}",), resources)
    assert "damaged" in caplog.text
    np.testing.assert_allclose(again.features, first.features, atol=1e-6)


def test_a_saved_table_is_selected_by_path_or_name_without_the_encoder(small, windows, resources, tmp_path):
    table = features_for(windows, make_split(), ("statistical", f"encoder:{small}"), resources)
    table.save(tmp_path / "table.npz")
    for block in ("encoder:small", "encoder:/of/another/machine/small"):
        config = Config(dataset="synthetic", features=FeatureConfig((block,)))
        found = load_features(config, make_split(), Locations(features=tmp_path / "table.npz"))
        assert dict(found.blocks) == {"encoder:small": 48} and found.encoders == table.encoders
    config = Config(dataset="synthetic", features=FeatureConfig(("encoder:other",)))
    with pytest.raises(InputError, match="has blocks statistical, encoder:small; cannot select encoder:other"):
        load_features(config, make_split(), Locations(features=tmp_path / "table.npz"))


# Leakage


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize(
    "change", [{"classes": ("still", "fast")}, {"subjects": ("s1", "s4")}], ids=["class", "subject"]
)
def test_an_encoder_that_met_an_unseen_class_or_a_test_subject_is_refused(
    change, labelled, windows, resources, tmp_path
):
    folder = save_encoder(tmp_path / "met", (replace(OWN, labelled=labelled, **change),))
    with pytest.raises(LeakageError, match="encoder:.*met.*--exclude-unseen synthetic/random-1"):
        features_for(windows, make_split(), ("statistical", f"encoder:{folder}"), tmp_path)
    assert not (tmp_path / "imu_feats").exists()


def test_labels_of_synonyms_in_other_data_sets_are_refused_and_their_signals_are_not(resources, tmp_path):
    windows = make_dataset("usc-had", n_per_class=1)
    classes, subjects = NAMES["usc-had"]
    split = make_split(
        dataset="usc-had",
        seen=classes[2:] + classes[:1],
        unseen=("walking forward",),
        train_subjects=subjects[:2],
        val_subjects=subjects[2:3],
        test_subjects=subjects[3:],
        inner=(("standing",),),
    )
    met = save_encoder(tmp_path / "met", (LABELLED,))
    with pytest.raises(LeakageError, match="'walking' of hapt.*'walking forward'.*--exclude-unseen usc-had/random-1"):
        features_for(windows, split, (f"encoder:{met}",), resources)
    signals = save_encoder(tmp_path / "signals", (replace(LABELLED, labelled=False),))
    table = features_for(windows, split, (f"encoder:{signals}",), resources)
    with pytest.raises(LeakageError, match="feature table: .*'walking' of hapt"):
        split.check_provenance(replace(table, provenance=(LABELLED,)).provenance, "feature table")


# Encoders of others


def test_an_encoder_of_others_is_a_block(windows, resources, tmp_path):
    path = export_mean(tmp_path)
    table = features_for(windows, make_split(), (f"encoder:{path}",), resources)
    assert dict(table.blocks) == {"encoder:net": 3} and table.encoders == {"encoder:net": load_external(path).key}
    np.testing.assert_allclose(table.features, windows.samples[:, :, :3].mean(axis=1), rtol=1e-4, atol=1e-4)


def test_an_encoder_of_others_that_may_have_met_everything_is_refused(windows, tmp_path):
    path = export_mean(tmp_path, provenance=[{"dataset": "synthetic", "labelled": False}])
    with pytest.raises(LeakageError, match="encoder:.*net.yaml: .*fast"):
        features_for(windows, make_split(), (f"encoder:{path}",), tmp_path)
    path = export_mean(tmp_path, provenance=[{"dataset": "capture-24", "labelled": True}])
    with pytest.raises(LeakageError, match="capture-24, but not known which"):
        features_for(windows, make_split(), (f"encoder:{path}",), tmp_path)


def test_statistical_features_do_not_depend_on_encoders(windows, small, resources, tmp_path):
    beside = features_for(windows, make_split(), ("statistical", f"encoder:{small}"), resources)
    alone = extract_statistical(windows, tmp_path / "statistical.npz")
    np.testing.assert_array_equal(beside.select(("statistical",)).features, alone.features)
