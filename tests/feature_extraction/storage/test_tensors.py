"""The one reader and writer of tensors with a header."""

import pytest
import torch
from torch.nn import Linear

from feature_extraction.errors import InputError
from feature_extraction.storage.tensors import (
    optimizer_tensors,
    read_header,
    read_tensors,
    restore_optimizer,
    under,
    write_tensors,
)

HEADER = {"key": "k", "numbers": [1, 2.5]}
TENSORS = {"a/x": torch.arange(6.0).reshape(2, 3), "a/y": torch.tensor(3), "b/x": torch.zeros(0, 2)}


@pytest.fixture
def path(tmp_path):
    write_tensors(tmp_path / "file.safetensors", "kind", HEADER, TENSORS)
    return tmp_path / "file.safetensors"


def test_what_is_written_comes_back(path):
    header, tensors = read_tensors(path, "kind", "make it again")
    assert header == HEADER == read_header(path, "kind", "")
    assert tensors.keys() == TENSORS.keys()
    assert all(
        torch.equal(tensors[name], value) and tensors[name].dtype == value.dtype for name, value in TENSORS.items()
    )
    assert under(tensors, "a").keys() == {"x", "y"}


def test_tensors_that_share_memory_can_be_written(tmp_path):
    whole = torch.arange(4.0)
    write_tensors(tmp_path / "f.safetensors", "kind", {}, {"first": whole[:2], "again": whole[:2]})
    assert torch.equal(read_tensors(tmp_path / "f.safetensors", "kind", "")[1]["again"], whole[:2])


@pytest.mark.parametrize("back", [1, 9, 20])
def test_a_flipped_bit_is_found(path, back):
    data = bytearray(path.read_bytes())
    data[-back] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="file.safetensors: damaged.*make it again"):
        read_tensors(path, "kind", "make it again")


def test_another_kind_a_cut_file_and_no_file_are_refused_with_the_remedy(path, tmp_path):
    with pytest.raises(InputError, match="no file of kind 'other'.*delete it"):
        read_tensors(path, "other", "delete it")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match="damaged or not a safetensors file.*delete it") as caught:
        read_tensors(path, "kind", "delete it")
    assert caught.value.__cause__ is not None
    with pytest.raises(InputError, match="absent.*no such file"):
        read_tensors(tmp_path / "absent", "kind", "delete it")


def test_an_optimiser_goes_on_where_it_stopped(tmp_path):
    def train(layer, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            layer(torch.ones(2, 3)).square().sum().backward()
            optimizer.step()

    torch.manual_seed(0)
    layer = Linear(3, 1)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    train(layer, optimizer, 3)
    other = Linear(3, 1)
    other.load_state_dict(layer.state_dict())
    fresh = torch.optim.Adam(other.parameters(), lr=0.1)
    write_tensors(tmp_path / "s.safetensors", "state", {}, optimizer_tensors(optimizer, "adam"))
    restore_optimizer(fresh, read_tensors(tmp_path / "s.safetensors", "state", "")[1], "adam")
    train(layer, optimizer, 2)
    train(other, fresh, 2)
    assert torch.equal(layer.weight, other.weight)
