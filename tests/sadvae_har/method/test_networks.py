import math

import torch
from synthetic_problem import generators

from sadvae_har.method.networks import Gaussian, GaussianEncoder, StackedLinear, stacked_mlp


def test_stacked_linear_by_hand() -> None:
    layer = StackedLinear(2, 1, generators(0, 1))
    layer.weight.data = torch.tensor([[[1.0], [2.0]], [[0.0], [-1.0]]])
    layer.bias.data = torch.tensor([[[10.0]], [[0.5]]])
    inputs = torch.tensor([[[1.0, 1.0], [0.0, 3.0]], [[4.0, 2.0], [4.0, 0.0]]])
    # Model 0: 1+2+10 and 0+6+10; model 1: -2+0.5 and 0+0.5.
    assert layer(inputs).tolist() == [[[13.0], [16.0]], [[-1.5], [0.5]]]


def test_hidden_layer_is_a_leaky_relu_of_slope_a_fifth() -> None:
    network = stacked_mlp(1, 1, 1, generators(0))
    for layer in (network[0], network[2]):
        layer.weight.data.fill_(1.0)
        layer.bias.data.zero_()
    assert torch.allclose(network(torch.tensor([[[3.0], [-5.0]]])), torch.tensor([[[3.0], [-1.0]]]))


def test_no_hidden_layer_means_one_linear_map() -> None:
    network = stacked_mlp(3, 0, 2, generators(0))
    assert [type(module) for module in network] == [StackedLinear]


def test_initial_weights_depend_on_the_models_own_generator_only() -> None:
    both, alone, other = (StackedLinear(16, 8, generators(*seeds)) for seeds in ((1, 2), (2,), (3,)))
    assert torch.equal(both.weight[1:], alone.weight) and torch.equal(both.bias[1:], alone.bias)
    assert not torch.equal(other.weight, alone.weight)


def test_initial_weights_are_uniform_within_one_over_root_n_in() -> None:
    weight = StackedLinear(16, 500, generators(0)).weight
    bound = 1 / math.sqrt(16)
    assert weight.abs().max() <= bound
    assert abs(weight.std().item() - bound / math.sqrt(3)) < 0.01  # a uniform on ±b has deviation b/√3


def test_models_never_mix() -> None:
    network = stacked_mlp(3, 5, 2, generators(0, 1))
    inputs = torch.randn(2, 4, 3, generator=generators(2)[0])
    changed = inputs.clone()
    changed[0] += 1
    assert torch.equal(network(inputs)[1], network(changed)[1])
    network(inputs)[0].sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad[0].abs().sum() > 0 and parameter.grad[1].abs().sum() == 0


def test_encoder_bounds_the_log_variance() -> None:
    encoder = GaussianEncoder(1, 0, 1, generators(0))
    encoder.network[0].weight.data = torch.tensor([[[2.0, 1.0]]])
    encoder.network[0].bias.data.zero_()
    posterior = encoder(torch.tensor([[[1.0], [100.0], [-100.0]]]))
    assert isinstance(posterior, Gaussian)
    assert posterior.mean.flatten().tolist() == [2.0, 200.0, -200.0]
    assert posterior.log_variance.flatten().tolist() == [1.0, 8.0, -8.0]
