"""The layers of the patch transformer, by hand-computed numbers."""

import math

import torch

from feature_extraction.encoders.patch_transformer.layers import (
    Attention,
    ChannelFusion,
    PatchEmbedding,
    TimeEncoding,
    key_mask,
    log_spectrum,
)


def test_a_patch_is_its_samples_its_mean_the_log_of_its_spread_and_its_spectrum():
    embed = PatchEmbedding(2, 5)
    with torch.no_grad():
        embed.linear.weight.copy_(torch.eye(5))
        embed.linear.bias.zero_()
    patches = torch.tensor([[1.0, 1.0], [0.5, -0.5], [0.0, 30.0]])
    rest, half = math.log(0.01), math.log(0.5)
    fast = [math.asinh(amplitude * 2**0.5 / 0.01) for amplitude in (0.5, 10)]
    expected = torch.tensor([[1, 1, 1, rest, 0], [0.5, -0.5, 0, half, fast[0]], [0, 20, 10, math.log(10), fast[1]]])
    torch.testing.assert_close(embed(patches), expected, rtol=0, atol=1e-3)


def test_a_spectrum_is_the_strength_of_each_frequency_whatever_its_phase_and_level():
    time = torch.arange(32) / 32
    swing = 0.3 * torch.sin(2 * math.pi * (3 * time + torch.tensor([[0.0], [0.2], [0.7]]))) + torch.tensor(
        [[0.0], [1.0], [-5.0]]
    )
    expected = torch.zeros(3, 16)
    expected[:, 2] = math.asinh(0.3 / 2**0.5 / 0.01)
    torch.testing.assert_close(log_spectrum(swing), expected, rtol=0, atol=2e-2)


def test_a_channel_is_known_even_where_its_patch_is_nothing():
    fusion, nothing = ChannelFusion(8, 4), torch.zeros(3, 4, 5, 4)
    descriptions = torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(0))
    fused = fusion(nothing, descriptions)
    assert (fused[:, 0] - fused[:, 1]).abs().max() > 0.1
    assert torch.equal(fused[:, :, :1].expand_as(fused), fused)
    gain = fusion(nothing + 1, descriptions) - fused
    assert (gain[:, 0] - gain[:, 1]).abs().max() > 0.1
    # the length of an embedding says nothing
    torch.testing.assert_close(fusion(nothing, 9 * descriptions), fused, rtol=0, atol=1e-3)


def test_time_is_in_seconds():
    half, quarter = TimeEncoding(8, 0.5), TimeEncoding(8, 0.25)
    half.radps.copy_(quarter.radps)
    torch.testing.assert_close(half(3), quarter(5)[::2])
    rows = TimeEncoding(32, 0.5)(600)  # five minutes
    assert torch.cdist(rows, rows).fill_diagonal_(1).min() > 1e-3


def test_sequences_without_a_valid_token_attend_to_all_of_their_own():
    valid = torch.tensor([[True, False], [False, False]])
    assert key_mask(valid).tolist() == [[[[True, False]]], [[[True, True]]]]


def test_attention_averages_values_and_passes_over_what_is_masked():
    attention = Attention(2, 1)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.zero_()
        attention.project_in.weight[4:].copy_(torch.eye(2))  # queries and keys 0, values as they come
        attention.project_out.weight.copy_(torch.eye(2))
    sequences = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [50.0, 50.0]]])
    torch.testing.assert_close(attention(sequences[:, :2], None), torch.tensor([[[2.0, 4.0], [2.0, 4.0]]]))
    mask = key_mask(torch.tensor([[True, True, False]]))
    torch.testing.assert_close(attention(sequences, mask), torch.tensor([[[2.0, 4.0]] * 3]))
