"""Training: who is drawn, who is reached, stacking, seeds, and going on after an interruption."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_problem import generators

from feature_extraction.errors import InputError
from sadvae_har.config.settings import ModelConfig, TrainConfig
from sadvae_har.method.training import BalancedSampler, Trainer, TrainingData
from sadvae_har.method.training_state import Snapshots, load_state, save_state

MODEL = ModelConfig(latent_dim=3, instance_dim=2, discriminator_dim=6, feature_noise=0.2, text_noise=0.1)
TRAIN = TrainConfig(n_steps=20, n_checkpoints=2, batch_size=16, learning_rate=1e-2, weight_averaging=0.9)
N_CLASSES = 4
EVEN = tuple(np.arange(0, 80, 2) for _ in range(2))


def make_data(rows: Sequence[np.ndarray] = EVEN) -> TrainingData:
    """Return 80 windows of four classes, six features, five text dimensions."""
    generator = torch.Generator().manual_seed(0)
    class_index = torch.arange(80) % N_CLASSES
    text = torch.randn(N_CLASSES, 5, generator=generator)
    features = text[class_index] @ torch.randn(5, 6, generator=generator)
    features = features + 0.1 * torch.randn(80, 6, generator=generator)
    which = torch.zeros(len(rows), dtype=torch.long)
    return TrainingData(features[None], which, class_index, text.expand(len(rows), -1, -1), tuple(rows))


def train(seeds: Sequence[int], rows: Sequence[np.ndarray], n_steps: int = TRAIN.n_steps) -> Trainer:
    trainer = Trainer(make_data(rows), MODEL, TRAIN, seeds)
    for _ in range(n_steps):
        trainer.step()
    return trainer


def everything(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Return weights, averaged weights, optimiser states and generator states."""
    found = {f"model/{name}": value for name, value in trainer.model.state_dict().items()}
    found |= {f"average/{name}": value for name, value in trainer.average.state_dict().items()}
    for label in ("vae_optimiser", "adversary_optimiser"):
        for index, values in getattr(trainer, label).state_dict()["state"].items():
            found |= {f"{label}/{index}/{name}": value for name, value in values.items()}
    return found | {f"generator/{k}": g.get_state() for k, g in enumerate(trainer.generators)}


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_sampler_draws_allowed_rows_evenly_over_their_classes() -> None:
    class_index = torch.tensor([0] * 50 + [1] * 5 + [2] * 20 + [3] * 25)
    allowed = [np.r_[0:40, 52:55], np.r_[60:100]]  # 40 of class 0 and 3 of class 1; 15 of class 2 and 25 of class 3
    drawn = BalancedSampler(class_index, allowed).draw(6000, generators(1, 2)).numpy()
    assert drawn.shape == (2, 6000)
    for rows, batch in zip(allowed, drawn, strict=True):
        assert set(batch.tolist()) == set(rows.tolist())
        classes, counts = np.unique(class_index.numpy()[batch], return_counts=True)
        assert len(classes) == 2 and counts / 6000 == pytest.approx(0.5, abs=0.03)
    rare = np.unique(drawn[0][drawn[0] > 50], return_counts=True)[1]
    assert rare / rare.sum() == pytest.approx(1 / 3, abs=0.05)


def test_windows_and_texts_that_are_not_allowed_are_never_read() -> None:
    """Not-a-number in every forbidden place changes nothing."""
    data = make_data([np.flatnonzero(np.arange(80) % N_CLASSES < 2)])
    poisoned = replace(data, features=data.features.clone(), text=data.text.clone())
    poisoned.features[:, data.class_index >= 2] = torch.nan
    poisoned.text[:, 2:] = torch.nan
    trainers = [Trainer(entry, MODEL, TRAIN, [0]) for entry in (data, poisoned)]
    for trainer in trainers:
        for _ in range(5):
            trainer.step()
    assert_same(everything(trainers[0]), everything(trainers[1]))


def test_each_loss_moves_its_own_player_only() -> None:
    """The gradients a step leaves behind are those of the player's own loss."""
    trainer = train([3, 4], EVEN, n_steps=3)
    twin = train([3, 4], EVEN, n_steps=3)
    batch, noise = twin._draw()
    terms, adversary = twin.model.losses(batch, noise, ramp=3 / 20 / 0.25)
    vae = torch.autograd.grad(terms.total().sum(), twin.model.vae_parameters(), retain_graph=True)
    discriminator = torch.autograd.grad(adversary.sum(), list(twin.model.discriminator.parameters()))
    trainer.step()
    for parameter, expected in zip(trainer.model.vae_parameters(), vae, strict=True):
        assert parameter.grad is not None and torch.allclose(parameter.grad, expected, atol=1e-6)
    for parameter, expected in zip(trainer.model.discriminator.parameters(), discriminator, strict=True):
        assert parameter.grad is not None and torch.allclose(parameter.grad, expected, atol=1e-6)


def test_noise_grows_with_the_root_of_the_number_of_features() -> None:
    batch, _ = Trainer(make_data(), MODEL, replace(TRAIN, batch_size=3000), [0, 1])._draw()
    noise = batch.noisy_features - batch.features
    assert noise.std((1, 2)).tolist() == pytest.approx([0.2 * 6**0.5] * 2, rel=0.03)
    assert (batch.noisy_text - batch.text).std((1, 2)).tolist() == pytest.approx([0.1] * 2, rel=0.03)
    assert torch.corrcoef(noise[0].T).fill_diagonal_(0).abs().max() < 0.1


def test_learning_rate_follows_the_schedule() -> None:
    """It starts at 0: the first step moves the adversary alone."""
    trainer = Trainer(make_data(), MODEL, TRAIN, [0, 1])
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.step()
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(value, before[name]) != name.startswith("discriminator.")
    trainer.step()  # step 1 of 20 is where the warm-up of 5 % ends
    assert trainer.vae_optimiser.param_groups[0]["lr"] == pytest.approx(TRAIN.learning_rate)


def test_training_lowers_the_reconstruction_error() -> None:
    trainer = Trainer(make_data(), MODEL, replace(TRAIN, n_steps=150), [0, 1])
    first = trainer.step()[0]
    for _ in range(149):
        last, adversary = trainer.step()
    assert (last.reconstruct_features < 0.5 * first.reconstruct_features).all()
    assert (last.cross_text < 0.5 * first.cross_text).all()
    assert torch.isfinite(adversary).all()


def test_models_trained_at_once_equal_models_trained_one_by_one() -> None:
    rows = [np.arange(0, 80, 2), np.arange(0, 60), np.arange(20, 80)]
    together = train([5, 6, 7], rows).snapshot()
    for k, seed in enumerate([5, 6, 7]):
        for name, value in train([seed], [rows[k]]).snapshot().items():
            assert torch.allclose(together[name][k], value[0], atol=1e-4), (name, k)


def test_same_seed_same_models_other_seed_other_models() -> None:
    first, again, other = (train(seeds, EVEN, n_steps=5) for seeds in ([1, 2], [1, 2], [1, 3]))
    assert_same(everything(first), everything(again))
    name = "semantic_encoder.network.0.weight"
    ours, theirs = first.snapshot()[name], other.snapshot()[name]
    assert torch.allclose(ours[0], theirs[0], atol=1e-6) and not torch.allclose(ours[1], theirs[1], atol=1e-2)


def test_training_leaves_the_global_generator_alone() -> None:
    state = torch.random.get_rng_state()
    train([1, 2], EVEN, n_steps=2)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_snapshot_is_the_moving_average_of_the_weights() -> None:
    trainer = Trainer(make_data(), MODEL, TRAIN, [0, 1])
    name, weights = "discriminator.0.weight", []
    for _ in range(3):
        trainer.step()
        weights.append(trainer.model.state_dict()[name].clone())
    # The first step copies; decay 0.9: 0.9 (0.9 w1 + 0.1 w2) + 0.1 w3.
    expected = 0.81 * weights[0] + 0.09 * weights[1] + 0.1 * weights[2]
    snapshot = trainer.snapshot()
    assert torch.allclose(snapshot[name], expected, atol=1e-6)
    trainer.step()
    assert torch.allclose(snapshot[name], expected, atol=1e-6)  # a copy, not a view


def interrupted(path: Path) -> Snapshots:
    """Train for seven of twelve steps and save."""
    trainer = train([1, 2], EVEN, n_steps=4)
    snapshots = {4: trainer.snapshot()}
    for _ in range(3):
        trainer.step()
    save_state(path, trainer, snapshots, key="this run")
    return snapshots


def test_resumed_training_equals_uninterrupted_training_exactly(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    snapshots = interrupted(path)
    resumed = Trainer(make_data(), MODEL, TRAIN, [1, 2])
    loaded = load_state(path, resumed, "this run")
    assert resumed.step_number == 7 and loaded.keys() == {4}
    assert_same(loaded[4], snapshots[4])
    for _ in range(5):
        resumed.step()
    assert_same(everything(resumed), everything(train([1, 2], EVEN, n_steps=12)))


def test_state_of_another_run_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    interrupted(path)
    fresh, untouched = (Trainer(make_data(), MODEL, TRAIN, [1, 2]) for _ in range(2))
    assert load_state(path, fresh, "another run") == {}
    assert fresh.step_number == 0
    assert_same(everything(fresh), everything(untouched))


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999], ids=lambda kept: f"{kept:.1%}")
def test_truncated_state_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "state.safetensors"
    interrupted(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(
        InputError, match=r"state\.safetensors: damaged or not .*; delete it to start this stage afresh"
    ):
        load_state(path, Trainer(make_data(), MODEL, TRAIN, [1, 2]), "this run")


def test_a_state_in_which_one_bit_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    interrupted(path)
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"state\.safetensors: damaged: .* checksum; delete it"):
        load_state(path, Trainer(make_data(), MODEL, TRAIN, [1, 2]), "this run")
