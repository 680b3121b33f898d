"""What every objective on patches must do: learn, reach the encoder, follow the seed; and their weighted sum."""

from dataclasses import replace

import pytest
import torch
from toy_patches import (
    N_FEATURES,
    N_SAMPLES,
    TEXT_DIM,
    WIDTH,
    ToyEncoder,
    make_bank,
    make_batch,
    seeded,
    train,
)

from feature_extraction.errors import InputError
from feature_extraction.pretraining.objectives.contrastive import Contrastive
from feature_extraction.pretraining.objectives.masked_autoencoding import MaskedAutoencoding
from feature_extraction.pretraining.objectives.semantic_alignment import SemanticAlignment
from feature_extraction.pretraining.objectives.sensor_alignment import SensorAlignment
from feature_extraction.pretraining.objectives.supervised import SupervisedPatches
from feature_extraction.pretraining.objectives.weighted_sum import CombinedObjective
from feature_extraction.pretraining.objectives.window_statistics import WindowStatistics

MAKERS = {
    "masked": lambda: MaskedAutoencoding(WIDTH, N_SAMPLES),
    "contrastive": lambda: Contrastive(WIDTH, N_FEATURES),
    "semantic": lambda: SemanticAlignment(N_FEATURES, *make_bank()),
    "statistics": lambda: WindowStatistics(N_FEATURES, 3),
    "sensor": lambda: SensorAlignment(WIDTH, TEXT_DIM),
    "supervised": lambda: SupervisedPatches(N_FEATURES, 4),
}
# Part of its first value below which each term falls within 60 steps on the toy batch. Patches contrast to log 5 at
# best, because the five patches of a toy channel are alike.
FALLS_TO = {
    "masked.shape": 0.75,
    "masked.level": 0.4,
    "masked.log_spread": 0.4,
    "masked.log_spectrum": 0.4,
    "contrastive.window": 0.1,
    "contrastive.patch": 0.6,
    "semantic.window_to_text": 0.1,
    "semantic.text_to_window": 0.4,
    "statistics.error": 0.5,
    "sensor.channel_to_text": 0.3,
    "sensor.text_to_channel": 0.4,
    "supervised.cross_entropy": 0.5,
}


def make(name, seed=0):
    torch.manual_seed(seed)
    return MAKERS[name]()


def total_of(objective, encoder, batch, seed=0):
    return torch.stack(list(objective.losses(encoder, batch, seeded(seed)).values())).sum()


@pytest.mark.parametrize("name", MAKERS)
def test_sixty_steps_lower_every_term(name):
    before, after = train(make(name), ToyEncoder(), make_batch(24))
    assert {f"{name}.{term}" for term in before} == {key for key in FALLS_TO if key.startswith(f"{name}.")}
    for term, value in before.items():
        assert after[term] < FALLS_TO[f"{name}.{term}"] * value, term


@pytest.mark.parametrize("name", MAKERS)
def test_gradient_reaches_the_encoder_and_every_head(name):
    objective, encoder = make(name), ToyEncoder()
    total_of(objective, encoder, make_batch()).backward()
    assert encoder.embed.weight.grad.abs().sum() > 0
    for parameter_name, parameter in objective.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize("name", MAKERS)
def test_same_seed_same_loss(name):
    first, again = (total_of(make(name), ToyEncoder(), make_batch()) for _ in range(2))
    assert first.isfinite() and torch.equal(first, again)


@pytest.mark.parametrize("name", ["masked", "supervised"])
def test_other_seed_other_loss(name):
    objective = make(name)
    assert total_of(objective, ToyEncoder(), make_batch(), 0) != total_of(objective, ToyEncoder(), make_batch(), 1)


@pytest.mark.parametrize("name", MAKERS)
def test_labels_are_read_only_by_objectives_that_say_so(name):
    batch = make_batch()
    relabelled = replace(batch, targets=(batch.targets + 1) % 4)
    same = torch.equal(total_of(make(name), ToyEncoder(), batch), total_of(make(name), ToyEncoder(), relabelled))
    assert same is not make(name).labelled


def test_cross_entropy_ignores_unlabelled_windows():
    batch = make_batch()
    values = batch.values.clone().requires_grad_()
    total_of(make("supervised"), ToyEncoder(), replace(batch, values=values)).backward()
    assert torch.equal((values.grad != 0).flatten(1).any(dim=1), batch.targets >= 0)
    nobody = replace(batch, targets=torch.full_like(batch.targets, -1))
    assert total_of(make("supervised"), ToyEncoder(), nobody).item() == 0.0


def test_combined_total_is_the_weighted_sum_of_the_terms():
    parts = {"masked": (0.5, make("masked")), "sensor": (2.0, make("sensor"))}
    combined = CombinedObjective(parts)
    losses = combined.losses(ToyEncoder(), make_batch(), seeded())
    assert list(losses.terms) == [
        *("masked.shape", "masked.level", "masked.log_spread", "masked.log_spectrum"),
        *("sensor.channel_to_text", "sensor.text_to_channel"),
    ]
    expected = sum((0.5 if name.startswith("masked") else 2.0) * value for name, value in losses.terms.items())
    torch.testing.assert_close(losses.total, expected)
    alone = make("masked").losses(ToyEncoder(), make_batch(), seeded())
    torch.testing.assert_close(losses.terms["masked.level"], alone["level"])
    assert losses.total.requires_grad and not any(value.requires_grad for value in losses.terms.values())
    assert combined.labelled is False


def test_combined_saves_its_parts_and_says_whether_labels_are_used():
    combined = CombinedObjective({"semantic": (1.0, make("semantic")), "masked": (1.0, make("masked"))})
    assert combined.labelled
    combined.losses(ToyEncoder(), make_batch(), seeded())
    state = combined.state_dict()
    assert state["parts.semantic.queue.n_pushed"].item() == int((make_batch().targets >= 0).sum())
    assert "parts.masked.head.weight" in state


def test_one_class_cannot_be_learned_from():
    with pytest.raises(InputError, match="1 labelled classes"):
        SupervisedPatches(N_FEATURES, 1)
