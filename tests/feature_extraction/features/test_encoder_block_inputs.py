"""Pretrained encoders as feature blocks: windows they can read in part or not at all, and damaged encoders."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from external_networks import export_mean
from pooled_problem import NETWORK, save_encoder
from synthetic_windows import make_channels, make_split, make_windows

from feature_extraction.errors import InputError
from feature_extraction.features import encoder_blocks as encoder_features
from feature_extraction.features.extract import features_for
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.recordings.recording import Channel
from feature_extraction.windows.window_set import WindowSet

INDEX = ("labels", "subjects", "recordings", "placements", "start_s")


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    return make_windows(n_per_class=2)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("encoders") / "small")


@pytest.fixture(scope="module")
def resources(tmp_path_factory) -> Path:
    """A folder in which the channel sentences are embedded once for this file."""
    return tmp_path_factory.mktemp("resources")


def spoiled(windows: WindowSet, number: int, time: slice, columns: slice = slice(None)) -> WindowSet:
    """Return the windows with a stretch of one of them lost."""
    samples = windows.samples.copy()
    samples[number, time, columns] = np.nan
    return replace(windows, samples=samples, key=f"spoiled {number} {time} {columns}")


def test_windows_that_an_encoder_of_others_cannot_read_are_numbered_in_the_set(windows, tmp_path, monkeypatch):
    monkeypatch.setattr(encoder_features, "BATCH_WINDOWS", 4)
    path = export_mean(tmp_path)
    with pytest.raises(InputError, match="first number 21;"):
        features_for(spoiled(windows, 21, slice(3, 4)), make_split(), (f"encoder:{path}",), tmp_path)


def test_a_burst_of_nan_is_left_out_and_the_rest_embedded(small, windows, resources):
    """A window lasts 2 s, a patch 0.5 s: with two samples lost, the other eleven of the first patch say nothing."""
    lost, elsewhere = spoiled(windows, 5, slice(3, 5)), windows.samples.copy()
    elsewhere[5, :10] = 77.0
    checkpoint = PatchCheckpoint.load(small)
    whole = checkpoint.embed_windows(windows)
    table = features_for(lost, make_split(), (f"encoder:{small}",), resources)
    changed = np.abs(table.features - whole).max(axis=1) > 1e-5
    assert np.flatnonzero(changed).tolist() == [5] and np.isfinite(table.features).all()
    other = spoiled(replace(windows, samples=elsewhere), 5, slice(3, 5))
    np.testing.assert_allclose(checkpoint.embed_windows(other), table.features, atol=1e-5)


@pytest.mark.parametrize("number", [2, 29])
def test_a_window_without_a_finite_patch_is_named_by_its_number(number, small, windows, resources, monkeypatch):
    monkeypatch.setattr(encoder_features, "BATCH_WINDOWS", 8)
    turns = replace(windows, placements=np.array([("wrist", "hip")[k % 2] for k in range(len(windows))]))
    lost = spoiled(turns, number, slice(None, None, 5))
    with pytest.raises(InputError, match=rf"window {number} has no patch of 0\.5 s of device 'imu'.*leave it out"):
        features_for(lost, make_split(), (f"encoder:{small}",), resources)


def two_devices(windows: WindowSet) -> WindowSet:
    return replace(
        windows,
        samples=np.concatenate([windows.samples, windows.samples], axis=2),
        channels=make_channels(devices=("torso", "right arm")),
        placements=np.full(len(windows), ""),
        key="two devices",
    )


def test_every_device_gives_its_own_columns_and_a_silent_one_is_named(small, windows, resources):
    both = two_devices(windows)
    table = features_for(both, make_split(), (f"encoder:{small}",), resources)
    assert table.features.shape[1] == 96
    alone = replace(windows, placements=np.full(len(windows), "right arm"))
    np.testing.assert_allclose(table.features[:, 48:], PatchCheckpoint.load(small).embed_windows(alone), atol=1e-5)
    with pytest.raises(InputError, match="window 4 .* device 'torso'"):
        features_for(spoiled(both, 4, slice(None), slice(0, 6)), make_split(), (f"encoder:{small}",), resources)


def test_accelerometers_alone_and_unheard_of_placements_are_read(small, windows, resources):
    acc = replace(windows, samples=windows.samples[:, :, :3], channels=windows.channels[:3], key="acc")
    assert features_for(acc, make_split(), (f"encoder:{small}",), resources).features.shape[1] == 48
    found = []
    for place in ("", "imu", "left big toe"):
        where = replace(windows, placements=np.full(len(windows), place), key=f"at {place}")
        found.append(features_for(where, make_split(), (f"encoder:{small}",), resources).features)
    np.testing.assert_array_equal(found[0], found[1])  # both: somewhere on the body
    assert np.abs(found[0] - found[2]).max() > 1e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: replace(w, channels=w.channels[:2], samples=w.samples[:, :, :2]), "acc lacks axis z"),
        (lambda w: replace(w, channels=w.channels[3:], samples=w.samples[:, :, 3:]), "acc lacks axis x, y, z"),
        (lambda w: replace(w, channels=(Channel("imu", "acc", "x", "g"), *w.channels[1:])), "unit 'g'.*to_si"),
        (lambda w: replace(w, samples=w.samples[:0], **{n: getattr(w, n)[:0] for n in INDEX}), "are empty"),
    ],
    ids=["two channels", "gyroscope alone", "not SI", "no windows"],
)
def test_windows_that_no_encoder_can_read_are_refused(change, message, small, windows, resources):
    with pytest.raises(InputError, match=message):
        features_for(replace(change(windows), key="odd"), make_split(), (f"encoder:{small}",), resources)


def test_windows_shorter_than_a_patch_are_refused(small, resources):
    with pytest.raises(InputError, match="less than one patch of 0.5 s"):
        features_for(make_windows(n_per_class=1, n_samples=10), make_split(), (f"encoder:{small}",), resources)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-9]),
            "damaged or not",
        ),
        (lambda f: (f / "model.safetensors").unlink(), "no such file"),
        (lambda f: (f / "config.json").unlink(), "config.json: no such file"),
        (lambda f: edit(f / "config.json", '"width": 16', '"width": 32'), "weights of another network"),
        (lambda f: edit(f / "config.json", '"depth": 1', '"deep": 1'), "damaged or edited"),
        (lambda f: edit(f / "config.json", "patch-encoder-1", "encoder-1"), "not a patch transformer .*'encoder-1'"),
        (lambda f: save_encoder(f, network=replace(NETWORK, text_dim=99)), r"encoder:broken.*descriptions .*99\)"),
        (
            lambda f: save_encoder(f, change=lambda e: e.norm.bias.fill_(float("nan"))),
            "encoder:broken.*window 0 are not finite",
        ),
    ],
    ids=["truncated", "no weights", "no config", "sizes", "field", "resnet", "other texts", "NaN weights"],
)
def test_unusable_encoders_are_refused_and_leave_no_features(damage, message, windows, resources, tmp_path):
    folder = save_encoder(tmp_path / "broken")
    (folder / "checksums.json").unlink()  # as an encoder of an earlier version
    damage(folder)
    with pytest.raises(InputError, match=message):
        features_for(windows, make_split(), (f"encoder:{folder}",), resources)
    assert not list(resources.rglob("encoder-broken-*"))
