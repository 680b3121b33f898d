"""The patch transformer: what must not change its output, and what must."""

import math
from dataclasses import replace

import pytest
import torch

from feature_extraction.encoders.patch_transformer.network import SMALL, TINY, PatchTransformer, PatchTransformerConfig
from feature_extraction.encoders.patch_transformer.patches import PatchConfig, make_patches
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import three_axes
from feature_extraction.recordings.signal import GRAVITY_MPS2

CONFIG = PatchTransformerConfig(width=32, depth=2, heads=4, feed_forward=48, dropout=0.2, text_dim=8)
CHANNELS = three_axes("imu", "acc", "m/s2") + three_axes("imu", "gyro", "rad/s")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make_network(config=CONFIG, louder=True):
    """A network in evaluation mode; `louder` weights let every branch matter as after training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = PatchTransformer(config).eval()
        if louder:
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter += 0.2 * torch.randn(parameter.shape)
    return network


NETWORK = make_network()
NAMELESS = make_network(replace(CONFIG, use_descriptions=False))


def problem(n_windows=3, n_channels=4, n_patches=5, seed=0):
    """Return values, all valid, and descriptions."""
    draw = generator(seed)
    values = torch.randn(n_windows, n_channels, n_patches, 16, generator=draw)
    descriptions = torch.randn(n_windows, n_channels, CONFIG.text_dim, generator=draw)
    return values, torch.ones(values.shape[:3], dtype=torch.bool), descriptions


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def differ(found, expected):
    assert (found - expected).abs().max() > 1e-3


@pytest.mark.parametrize("network", [NETWORK, NAMELESS])
@pytest.mark.parametrize(("more_channels", "more_patches"), [(3, 0), (0, 4), (2, 3)])
def test_padding_changes_nothing(network, more_channels, more_patches):
    values, valid, descriptions = problem()
    larger = problem(3, 4 + more_channels, 5 + more_patches)
    padded = [torch.zeros_like(part) for part in larger]
    padded[0][:, :4, :5], padded[1][:, :4, :5], padded[2][:, :4] = values, valid, descriptions
    close(network(*padded), network(values, valid, descriptions))
    close(network(*map(torch.cat, zip(padded, larger, strict=True)))[3:], network(*larger))


@pytest.mark.parametrize("filler", [1.0, 1e30, math.nan, math.inf])
def test_values_that_are_not_valid_are_never_read(filler):
    values, valid, descriptions = problem()
    valid[0, 1, 2:4] = valid[1, 3] = valid[2, :, 0] = False
    filled = torch.where(valid[..., None], values, filler)
    expected = NETWORK(torch.where(valid[..., None], values, 0.0), valid, descriptions)
    assert expected.isfinite().all()
    assert torch.equal(NETWORK(filled, valid, descriptions), expected)


def test_what_is_valid_is_read():
    values, valid, descriptions = problem()
    expected = NETWORK(values, valid, descriptions)
    for channel, patch in ((0, 0), (3, 4)):
        changed = values.clone()
        changed[:, channel, patch] += 1
        differ(NETWORK(changed, valid, descriptions), expected)
        fewer = valid.clone()
        fewer[:, channel, patch] = False
        differ(NETWORK(values, fewer, descriptions), expected)


@pytest.mark.parametrize("gaps", [False, True])
def test_the_order_of_channels_is_nothing_to_the_network(gaps):
    values, valid, descriptions = problem()
    if gaps:
        valid[0, 1, 2:] = valid[1, 0] = False
    order = [2, 0, 3, 1]
    moved = NETWORK(values[:, order], valid[:, order], descriptions[:, order])
    close(moved, NETWORK(values, valid, descriptions))
    close(NAMELESS(values[:, order], valid[:, order], None), NAMELESS(values, valid, None))


def test_descriptions_tell_channels_apart_and_without_them_nothing_does():
    values, valid, descriptions = problem()
    order = [2, 0, 3, 1]
    differ(NETWORK(values[:, order], valid, descriptions), NETWORK(values, valid, descriptions))
    close(NAMELESS(values[:, order], valid, descriptions), NAMELESS(values, valid, 5 * descriptions))


def test_the_order_of_patches_matters():
    values, valid, descriptions = problem()
    differ(NETWORK(values.flip(2), valid, descriptions), NETWORK(values, valid, descriptions))


def test_windows_of_a_batch_do_not_see_each_other():
    values, valid, descriptions = problem()
    valid[1, 2] = False
    together = NETWORK(values, valid, descriptions)
    for k in range(3):
        close(NETWORK(values[k : k + 1], valid[k : k + 1], descriptions[k : k + 1]), together[k : k + 1])


@pytest.mark.parametrize("gaps", [False, True])
def test_hidden_values_influence_no_token(gaps):
    values, valid, descriptions = problem()
    hidden = torch.rand(valid.shape, generator=generator(1)) < 0.5
    if gaps:
        valid[0, 1, 2:] = False
    expected = NETWORK.tokens(values, valid, descriptions, hidden)
    changed = torch.where(hidden[..., None], 3 - 7 * values, values)
    assert torch.equal(NETWORK.tokens(changed, valid, descriptions, hidden), expected)
    differ(expected, NETWORK.tokens(values, valid, descriptions))


def test_hidden_patches_still_know_their_time_and_channel():
    values, valid, descriptions = problem()
    tokens = NETWORK.tokens(values, valid, descriptions, torch.ones_like(valid))
    differ(tokens[:, 0], tokens[:, 1])
    differ(tokens[:, :, 0], tokens[:, :, 1])
    close(NAMELESS.tokens(values, valid, None, torch.ones_like(valid)).std(dim=1), torch.zeros(3, 5, 32))


def test_tokens_are_zero_where_nothing_is_valid_and_the_forward_pass_is_their_pool():
    values, valid, descriptions = problem()
    valid[0, 1] = valid[2, :, 3] = False
    tokens = NETWORK.tokens(values, valid, descriptions)
    assert tokens.shape == (3, 4, 5, 32) and tokens.isfinite().all()
    assert torch.equal(tokens.abs().amax(dim=-1) > 0, valid)
    assert torch.equal(NETWORK.pool(tokens, valid), NETWORK(values, valid, descriptions))


def test_pool_as_computed_by_hand():
    network = make_network(replace(CONFIG, width=2, heads=1), louder=False)
    with torch.no_grad():
        network.score.weight.copy_(torch.tensor([[math.log(3.0), 0.0]]))
    tokens = torch.tensor([[[[0.0, 2.0], [1.0, 6.0], [50.0, 50.0]]]])
    found = network.pool(tokens, torch.tensor([[[True, True, False]]]))
    # mean, mean weighted 1 : 3, standard deviation
    torch.testing.assert_close(found, torch.tensor([[0.5, 4.0, 0.75, 5.0, 0.5, 2.0]]), rtol=0, atol=1e-4)


def test_strength_and_direction_of_gravity_survive():
    still = torch.zeros(3, 100, 6)
    still[0, :, 2], still[1, :, 0], still[2, :, 2] = GRAVITY_MPS2, GRAVITY_MPS2, -GRAVITY_MPS2
    patches = make_patches(still, CHANNELS, 50.0)
    descriptions = problem(3, 6)[2][:1].expand(3, -1, -1)
    features = NETWORK(patches.values, patches.valid, descriptions)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        differ(features[one], features[other])
    values, valid, descriptions = problem()
    weak, faint = NETWORK(0.02 * values, valid, descriptions), NETWORK(0.002 * values, valid, descriptions)
    differ(weak, faint)


def test_lost_samples_leave_features_finite():
    windows = torch.randn(2, 150, 6, generator=generator())
    windows[0, 20:60, :3] = math.nan
    windows[1, :, 4] = math.inf
    patches = make_patches(windows, CHANNELS, 50.0)
    assert 0 < (~patches.valid).sum() < patches.valid.numel() / 2
    features = NETWORK(patches.values, patches.valid, problem(2, 6)[2])
    assert features.shape == (2, 96) and features.isfinite().all()


def test_huge_but_finite_values_leave_features_finite():
    values, valid, descriptions = problem()
    assert NETWORK(1e38 * values, valid, descriptions).isfinite().all()


def test_a_window_without_a_valid_patch_is_named():
    values, valid, descriptions = problem()
    valid[1] = False
    with pytest.raises(InputError, match="1 of 3 windows .* window 1 of the batch"):
        NETWORK(values, valid, descriptions)
    assert NETWORK.tokens(values, valid, descriptions).isfinite().all()


@pytest.mark.parametrize("gaps", [False, True])
def test_gradients_are_finite_and_reach_every_weight(gaps):
    network = make_network(louder=False)
    values, valid, descriptions = problem()
    values[:, 0] = 0.0  # no spread at all
    if gaps:
        valid[0, 1] = valid[2, :, 3] = False
    values.requires_grad_()
    tokens = network.tokens(values, valid, descriptions, torch.rand(valid.shape, generator=generator()) < 0.3)
    network.pool(tokens, valid).square().sum().backward()
    assert values.grad is not None and values.grad.isfinite().all()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name
    if gaps:
        assert values.grad[~valid].eq(0).all()


def test_dropout_is_for_training_only():
    network = make_network()
    arguments = problem()
    assert torch.equal(network(*arguments), network(*arguments))
    with torch.random.fork_rng(devices=[]):
        network.train()
        differ(network(*arguments), network(*arguments))


def test_windows_of_any_size_give_features():
    for shape in ((1, 1, 1), (2, 30, 3), (1, 3, 40)):
        assert NETWORK(*problem(*shape)).shape == (shape[0], NETWORK.n_features)


def test_weights_alone_bring_a_network_back():
    other = PatchTransformer(CONFIG).eval()
    other.load_state_dict(NETWORK.state_dict())
    assert torch.equal(other(*problem()), NETWORK(*problem()))


@pytest.mark.parametrize(("config", "least", "most"), [(TINY, 1e6, 2e6), (SMALL, 10e6, 20e6)])
def test_sizes_are_as_stated(config, least, most):
    with torch.device("meta"):
        network = PatchTransformer(config)
    assert least < sum(parameter.numel() for parameter in network.parameters()) < most


def test_a_new_network_has_tokens_of_moderate_size_that_know_their_patch():
    network = make_network(replace(TINY, text_dim=8, patches=PatchConfig()), louder=False)
    values, valid, descriptions = problem(8)
    content = network.embed(values)
    assert 0.5 < content.std() < 3
    assert content.std() > network.time(5).std()
    features = network(values, valid, descriptions)
    assert features.std(dim=0).mean() > 0.01


def test_branches_start_the_smaller_the_more_there_are():
    blocks = make_network(replace(TINY, text_dim=8), louder=False).blocks
    for layer in blocks[0].last_layers:
        assert layer.weight.std().item() == pytest.approx(0.02 / math.sqrt(3 * len(blocks)), rel=0.1)
    assert blocks[0].widen.weight.std().item() == pytest.approx(0.02, rel=0.1)


def test_shapes_that_do_not_fit_are_refused():
    values, valid, descriptions = problem()
    with pytest.raises(InputError, match="PatchConfig"):
        NETWORK(values[..., :8], valid, descriptions)
    with pytest.raises(InputError, match="valid"):
        NETWORK(values, valid[:, :3], descriptions)
    with pytest.raises(InputError, match="valid .*float32"):
        NETWORK(values, valid.float(), descriptions)
    with pytest.raises(InputError, match="hidden"):
        NETWORK.tokens(values, valid, descriptions, valid[:, :, 1:])
    with pytest.raises(InputError, match=r"\(3, 3, 8\), expected \(3, 4, 8\)"):
        NETWORK(values, valid, descriptions[:, :3])
    with pytest.raises(InputError, match="missing.*use_descriptions=False"):
        NETWORK(values, valid, None)


@pytest.mark.parametrize(
    ("field", "value"), [("width", 33), ("heads", 5), ("depth", 0), ("text_dim", 0), ("dropout", 1.0)]
)
def test_impossible_sizes_are_refused(field, value):
    with pytest.raises(InputError, match="width" if field == "heads" else field):
        replace(CONFIG, **{field: value})


def test_the_network_reads_the_patches_of_its_config():
    config = replace(CONFIG, patches=PatchConfig(1.0, 20))
    network = make_network(config)
    patches = make_patches(torch.randn(2, 100, 6, generator=generator()), CHANNELS, 50.0, config.patches)
    assert network(patches.values, patches.valid, problem(2, 6)[2]).shape == (2, 96)
