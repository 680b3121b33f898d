"""The network on signals that do not change when a device is turned, and its sizes."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from everyday_model import MOTIONS, felt, turned

from feature_extraction.encoders.turn_free.network import (
    ACC_SCALE_MPS2,
    GYRO_SCALE_RADPS,
    N_SIGNALS,
    DeviceNetwork,
    NetworkSize,
    turn_free_signals,
)
from feature_extraction.errors import InputError
from feature_extraction.recordings.signal import GRAVITY_MPS2


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return np.stack([felt(name, place) for name, places in MOTIONS.items() for place in places])


@pytest.fixture(scope="module")
def network() -> DeviceNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return DeviceNetwork(NetworkSize()).eval()


def signals(samples: np.ndarray, has_gyro: bool = True) -> torch.Tensor:
    return turn_free_signals(torch.from_numpy(samples), torch.full((len(samples),), has_gyro))


@torch.no_grad()
def embedded(network: DeviceNetwork, samples: np.ndarray, has_gyro: bool = True) -> torch.Tensor:
    return network(torch.from_numpy(samples), torch.full((len(samples),), has_gyro))


def compressed(value: float) -> float:
    return float(np.sign(value) * np.log1p(abs(value)))


def test_signals_of_a_known_motion() -> None:
    """Gravity along y, as much again and 3 m/s² across; 1 rad/s about gravity and 2 rad/s across."""
    moments = np.zeros((1, 4, 6), np.float32)
    moments[0, :, 1] = GRAVITY_MPS2
    moments[0, :2, 1] += [4.0, -4.0]
    moments[0, :2, 0] = [3.0, -3.0]
    moments[0, 0, 3:] = [2.0, -1.0, 0.0]
    found = signals(moments)[0]
    assert found.shape == (N_SIGNALS, 4)
    length = np.hypot(GRAVITY_MPS2 + 4, 3) - GRAVITY_MPS2
    expected = [
        *(4 / ACC_SCALE_MPS2, 3 / ACC_SCALE_MPS2, length / ACC_SCALE_MPS2),
        *(-1 / GYRO_SCALE_RADPS, 2 / GYRO_SCALE_RADPS, 1.0),
    ]
    assert found[:, 0].tolist() == pytest.approx([compressed(value) for value in expected], abs=1e-6)
    assert found[:, 3].tolist() == pytest.approx([0, 0, 0, 0, 0, compressed(1)], abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_turned_device_gives_the_same_signals_and_embeddings(
    seed: int, samples: np.ndarray, network: DeviceNetwork
) -> None:
    moved = turned(samples, seed)
    assert np.abs(moved - samples).max() > 1
    assert (signals(moved) - signals(samples)).abs().max() < 1e-5
    assert (embedded(network, moved) - embedded(network, samples)).abs().max() < 1e-3
    assert embedded(network, samples).std(0).max() > 0.1  # far more than that from window to window


def test_without_gyroscope_what_stands_in_its_columns_is_not_read(samples: np.ndarray, network: DeviceNetwork) -> None:
    silent = samples.copy()
    silent[..., 3:] = 0
    assert torch.equal(signals(samples, False), signals(silent, False))
    assert not signals(samples, False)[:, 3:].any()
    assert torch.equal(embedded(network, samples, False), embedded(network, silent, False))
    assert not torch.allclose(embedded(network, silent, True), embedded(network, silent, False))  # it is told apart


def test_no_gravity_at_all_is_finite() -> None:
    assert torch.isfinite(signals(np.zeros((2, 20, 6), np.float32))).all()


def test_embeddings_of_a_window_do_not_depend_on_those_beside_it(samples: np.ndarray, network: DeviceNetwork) -> None:
    alone = torch.cat([embedded(network, samples[k : k + 1]) for k in range(len(samples))])
    assert (alone - embedded(network, samples)).abs().max() < 1e-4
    assert alone.shape == (len(samples), network.embedding_dim) and network.embedding_dim == 2 * NetworkSize().width


def test_a_network_is_rebuilt_from_its_sizes() -> None:
    size = NetworkSize(width=8, patch=5, step=2, dropout=0.0)
    again = DeviceNetwork.from_header(DeviceNetwork(size).header())
    assert again.size == size and not again.training


@pytest.mark.parametrize(
    "wrong",
    [{"width": 0}, {"width": 1 << 40}, {"patch": 65}, {"step": 10}, {"step": 0}, {"dropout": 1.0}, {"dropout": -0.1}],
    ids=repr,
)
def test_impossible_sizes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="network: sizes"):
        NetworkSize(**wrong)
    with pytest.raises(InputError, match="network"):
        DeviceNetwork.from_header(asdict(NetworkSize()) | wrong)


@pytest.mark.parametrize("value", [None, [], "x", {}, {"width": "wide"}, {"width": 8, "patch": 9, "step": 4}], ids=repr)
def test_a_header_that_holds_no_sizes_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="network"):
        DeviceNetwork.from_header(value)
