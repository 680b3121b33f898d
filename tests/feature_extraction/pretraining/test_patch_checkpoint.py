"""A patch transformer read from its folder: embeddings, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pooled_problem import SMALL, make_dataset
from safetensors.torch import save_file

from feature_extraction.descriptions.embeddings import DEFAULT_TEXT_MODEL
from feature_extraction.encoders.patch_transformer.network import PatchTransformer
from feature_extraction.errors import InputError
from feature_extraction.pretraining import checkpoint as patch_checkpoint
from feature_extraction.pretraining.checkpoint import PatchCheckpoint


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder with random weights."""
    folder = tmp_path_factory.mktemp("encoders") / "random"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = PatchTransformer(SMALL.encoder)
    PatchCheckpoint(encoder.eval(), (), (), DEFAULT_TEXT_MODEL, "random", {}).save(folder)
    return folder


def test_embedding_is_one_line_and_does_not_depend_on_the_company(finished: Path) -> None:
    windows = make_dataset("hapt")
    checkpoint = PatchCheckpoint.load(finished)
    features = checkpoint.embed(windows.samples, windows.channels, windows.settings.rate_hz, "waist")
    assert features.shape == (len(windows), 48) and np.isfinite(features).all()
    alone = checkpoint.embed(windows.samples[5:6], windows.channels, windows.settings.rate_hz, "waist")
    np.testing.assert_allclose(alone[0], features[5], atol=1e-5)
    elsewhere = checkpoint.embed(windows.samples[5:6], windows.channels, windows.settings.rate_hz, "right wrist")
    assert not np.allclose(alone, elsewhere, atol=1e-6)


def test_batches_and_precision_hardly_change_an_embedding(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = make_dataset("hapt")
    checkpoint = PatchCheckpoint.load(finished)
    arguments = windows.samples, windows.channels, windows.settings.rate_hz, "waist"
    whole, rough = checkpoint.embed(*arguments), checkpoint.embed(*arguments, precision="bfloat16")
    monkeypatch.setattr(patch_checkpoint, "EMBED_BATCH", 5)
    np.testing.assert_allclose(checkpoint.embed(*arguments), whole, atol=1e-5)
    assert 0 < np.linalg.norm(rough - whole) < 1e-2 * np.linalg.norm(whole)


def test_a_window_without_samples_is_named_by_its_place_in_the_set(finished: Path) -> None:
    windows = make_dataset("hapt")
    samples = np.tile(windows.samples, (2, 1, 1))
    samples[70] = np.nan
    with pytest.raises(InputError, match="window 70 has no patch"):
        PatchCheckpoint.load(finished).embed(samples, windows.channels, windows.settings.rate_hz)


def edit(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-9]), "damaged"),
        (lambda f: save_file({"weight": torch.zeros(1)}, f / "model.safetensors"), "earlier version; pretrain again"),
        (lambda f: (f / "model.safetensors").unlink(), "no such file"),
        (lambda f: (f / "config.json").write_text("{}"), "not a patch transformer of format"),
        (lambda f: edit(f / "config.json", '"width": 16', '"width": 32'), "weights of another network"),
    ],
    ids=["truncated", "plain", "missing", "other format", "other sizes"],
)  # fmt: skip
def test_damaged_checkpoints_are_refused(finished: Path, tmp_path: Path, damage, message: str) -> None:
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).write_bytes((finished / name).read_bytes())
    damage(tmp_path)
    with pytest.raises(InputError, match=message):
        PatchCheckpoint.load(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "checksums.json"])
def test_any_flipped_bit_is_found(finished: Path, name: str) -> None:
    path = finished / name
    data = path.read_bytes()
    for place in np.random.default_rng(0).integers(8 * len(data), size=30).tolist():
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(InputError, match=f"{name}: damaged or changed since it was written"):
            PatchCheckpoint.load(finished)
    path.write_bytes(data)
    assert PatchCheckpoint.load(finished).key == "random"
