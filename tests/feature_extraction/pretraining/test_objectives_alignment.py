"""Alignment with class and sensor text, and the queue of recent embeddings."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize
from toy_patches import N_FEATURES, TEXT_DIM, WIDTH, ToyEncoder, make_bank, make_batch, noise, seeded

from feature_extraction.pretraining.objectives import semantic_alignment
from feature_extraction.pretraining.objectives.semantic_alignment import (
    EmbeddingQueue,
    SemanticAlignment,
    candidate_targets,
    soft_targets,
)
from feature_extraction.pretraining.objectives.sensor_alignment import SensorAlignment, alignment_terms


def numbered(*numbers):
    """Return embeddings [N, 2] and labels [N] that tell their number."""
    labels = torch.tensor(numbers)
    return torch.stack([labels.float(), -labels.float()], dim=1), labels


def make_alignment(bank=None):
    torch.manual_seed(0)
    return SemanticAlignment(N_FEATURES, *(bank or make_bank()))


class Given(nn.Module):
    """An encoder whose features are given."""

    def __init__(self, features):
        super().__init__()
        self.features = features

    def forward(self, values, valid, descriptions):
        return self.features


def test_queue_is_first_in_first_out():
    queue = EmbeddingQueue(4, 2)
    assert [len(part) for part in queue.entries()] == [0, 0]
    queue.push(*numbered(1, 2, 3))
    assert queue.entries()[1].tolist() == [1, 2, 3]
    queue.push(*numbered(4, 5, 6))
    embeddings, labels = queue.entries()
    assert labels.tolist() == [3, 4, 5, 6]
    assert torch.equal(embeddings, numbered(3, 4, 5, 6)[0])
    queue.push(*numbered(*range(7, 20)))
    assert torch.equal(queue.entries()[0], numbered(16, 17, 18, 19)[0])
    queue.push(*numbered(20))
    assert queue.entries()[1].tolist() == [17, 18, 19, 20]


def test_queue_has_no_gradient_and_later_pushes_leave_what_was_read():
    queue = EmbeddingQueue(2, 2)
    embeddings, labels = numbered(1, 2)
    queue.push(embeddings.requires_grad_(), labels)
    read = queue.entries()[0]
    queue.push(*numbered(3))
    assert not read.requires_grad and list(queue.parameters()) == []
    assert torch.equal(read, numbered(1, 2)[0])


def test_queue_is_saved_with_the_state():
    queue, other = EmbeddingQueue(3, 2), EmbeddingQueue(3, 2)
    queue.push(*numbered(1, 2, 3, 4))
    other.load_state_dict(queue.state_dict())
    for each in (queue, other):
        each.push(*numbered(5))
    assert other.entries()[1].tolist() == queue.entries()[1].tolist() == [3, 4, 5]


def test_soft_targets_by_hand_and_sum_to_one():
    text = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    likeness = math.exp(0.6 / 0.2) / (math.exp(1 / 0.2) + math.exp(0.6 / 0.2))
    expected = torch.tensor([[1 - likeness, likeness], [likeness, 1 - likeness]])
    torch.testing.assert_close(soft_targets(text, 0.2), expected)
    many = soft_targets(normalize(noise(20, 5), dim=1), 0.1)
    torch.testing.assert_close(many.sum(dim=1), torch.ones(20))
    assert torch.equal(many.argmax(dim=1), torch.arange(20))


def test_candidates_of_a_class_share_its_target():
    targets = candidate_targets(torch.tensor([[0.6, 0.2, 0.2]]), torch.tensor([0, 1, 1, 1]))
    torch.testing.assert_close(targets, torch.tensor([[0.75, 0.25 / 3, 0.25 / 3, 0.25 / 3]]))


def test_prototypes_start_as_text():
    views, present = make_bank()
    alignment = make_alignment()
    text = normalize((normalize(views, dim=2) * present[:, :, None]).sum(dim=1), dim=1)
    assert alignment.prototypes().shape == (4, 3, TEXT_DIM)
    cosines = torch.einsum("nke,me->nkm", alignment.prototypes(), text)
    assert (cosines.argmax(dim=2) == torch.arange(4)[:, None]).all()
    assert cosines[torch.arange(4), :, torch.arange(4)].min() > 0.85
    torch.testing.assert_close(alignment.prototypes().norm(dim=2), torch.ones(4, 3))


def test_absent_views_are_not_read_and_a_class_outside_the_bank_can_be_described():
    views, present = make_bank()
    other = views.clone()
    other[0, -1] = float("nan")
    with torch.no_grad():
        torch.testing.assert_close(make_alignment(bank=(other, present)).prototypes(), make_alignment().prototypes())
        stranger = normalize(noise(1, 2, TEXT_DIM, seed=7), dim=2)
        described = make_alignment().describe(stranger, torch.tensor([[True, False]]))
    torch.testing.assert_close(described, stranger[:, :1].expand(1, 3, TEXT_DIM))


def test_logits_of_equal_prototypes_are_their_cosines():
    alignment = make_alignment()
    prototypes = normalize(noise(2, 1, TEXT_DIM), dim=2).expand(2, 3, TEXT_DIM)
    embeddings = normalize(noise(5, TEXT_DIM, seed=1), dim=1)
    expected = embeddings @ prototypes[:, 0].T / semantic_alignment.TEMPERATURE
    torch.testing.assert_close(alignment.class_logits(embeddings, prototypes), expected)


@pytest.mark.parametrize("own", range(4))
def test_a_window_at_the_text_of_its_class_is_cheapest_there(own):
    views, present = make_bank()
    alignment = make_alignment()
    alignment.project = nn.Identity()
    text = (normalize(views, dim=2) * present[:, :, None]).sum(dim=1)
    batch = make_batch(n_windows=4)
    windows = Given(text[own].expand(4, -1))
    costs = []
    for target in range(4):
        alignment.queue = EmbeddingQueue(8, TEXT_DIM)
        alignment.queue.push(normalize(text, dim=1), torch.arange(4))
        terms = alignment.losses(windows, replace(batch, targets=torch.full((4,), target)), seeded())
        costs.append(torch.stack(list(terms.values())))
    others = [costs[k] for k in range(4) if k != own]
    assert all((costs[own] < other).all() for other in others)


def test_unlabelled_windows_have_no_gradient():
    batch = make_batch()
    values = batch.values.clone().requires_grad_()
    terms = make_alignment().losses(ToyEncoder(), replace(batch, values=values), seeded())
    torch.stack(list(terms.values())).sum().backward()
    touched = (values.grad != 0).flatten(1).any(dim=1)
    assert torch.equal(touched, batch.targets >= 0) and 0 < touched.sum() < len(touched)


def test_a_batch_without_labels_costs_nothing():
    batch, encoder = make_batch(), ToyEncoder()
    alignment = make_alignment()
    alignment.queue.push(noise(5, TEXT_DIM), torch.arange(5) % 4)
    terms = alignment.losses(encoder, replace(batch, targets=torch.full_like(batch.targets, -1)), seeded())
    total = torch.stack(list(terms.values())).sum()
    total.backward()
    assert total.item() == 0.0 and encoder.embed.weight.grad.abs().sum().item() == 0.0


def test_labelled_windows_join_the_queue_in_training_only():
    batch, alignment, encoder = make_batch(), make_alignment(), ToyEncoder()
    alignment.eval()
    alignment.losses(encoder, batch, seeded())
    assert len(alignment.queue.entries()[1]) == 0
    alignment.train()
    alignment.losses(encoder, batch, seeded())
    embeddings, labels = alignment.queue.entries()
    labelled = batch.targets >= 0
    assert torch.equal(labels, batch.targets[labelled])
    expected = alignment.embed(encoder(batch.values, batch.valid, batch.descriptions))[labelled]
    torch.testing.assert_close(embeddings, expected.detach())
    assert {"queue.embeddings", "queue.labels", "queue.n_pushed"} <= set(alignment.state_dict())


def test_queue_adds_candidates_for_the_text_only():
    batch, alignment, encoder = make_batch(), make_alignment(), ToyEncoder()
    alignment.eval()
    before = alignment.losses(encoder, batch, seeded())
    alignment.queue.push(normalize(noise(30, TEXT_DIM), dim=1), torch.arange(30) % 4)
    after = alignment.losses(encoder, batch, seeded())
    torch.testing.assert_close(after["window_to_text"], before["window_to_text"])
    assert after["text_to_window"] > before["text_to_window"]


def sensor_losses(batch, encoder=None):
    torch.manual_seed(0)
    objective = SensorAlignment(WIDTH, TEXT_DIM)
    return objective.losses(encoder or ToyEncoder(), batch, seeded())


def test_sensor_terms_by_hand():
    """Channels 0 and 1 are of one description and lie on it; channel 2 lies on the other, at a right angle."""
    channels = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    terms = alignment_terms(channels, 5 * channels, temperature=0.5)
    odds = math.exp(-2.0)
    assert terms["channel_to_text"].item() == pytest.approx(math.log(1 + odds), rel=1e-6)
    expected = (math.log(2 + odds) - math.log(2) + math.log(1 + 2 * odds)) / 2
    assert terms["text_to_channel"].item() == pytest.approx(expected, rel=1e-6)


def test_channels_of_one_description_do_not_compete():
    text = normalize(noise(1, TEXT_DIM), dim=1).expand(6, -1)
    terms = alignment_terms(normalize(noise(6, TEXT_DIM, seed=1), dim=1), text, 1e6)
    assert terms["channel_to_text"].item() == 0.0
    assert terms["text_to_channel"].item() == pytest.approx(0.0, abs=1e-6)


def test_sensor_alignment_is_indifferent_to_the_order_of_windows_and_channels():
    batch = make_batch()
    windows, channels = torch.randperm(12, generator=seeded(1)), torch.tensor([2, 0, 1])
    tensors = {name: getattr(batch, name)[windows] for name in ("dataset", "targets")} | {
        name: getattr(batch, name)[windows][:, channels]
        for name in ("values", "second", "clean", "valid", "descriptions")
    }
    shuffled = sensor_losses(replace(batch, **tensors))
    for name, value in sensor_losses(batch).items():
        torch.testing.assert_close(shuffled[name], value)
    swapped = replace(batch, descriptions=batch.descriptions[:, channels])
    assert not torch.allclose(sensor_losses(swapped)["channel_to_text"], sensor_losses(batch)["channel_to_text"])


def test_invalid_channels_are_ignored():
    batch = make_batch()
    descriptions, values = batch.descriptions.clone(), batch.values.clone()
    descriptions[1, -1], values[1, -1], values[2, :, -2:] = 7.0, 7.0, 7.0
    changed = sensor_losses(replace(batch, descriptions=descriptions, values=values))
    for name, value in sensor_losses(batch).items():
        torch.testing.assert_close(changed[name], value)


def test_no_valid_channel_costs_nothing():
    batch = make_batch()
    terms = sensor_losses(replace(batch, valid=torch.zeros_like(batch.valid)))
    assert [value.item() for value in terms.values()] == [0.0, 0.0]


def test_the_encoder_is_not_told_the_descriptions():
    class Watching(ToyEncoder):
        def tokens(self, values, valid, descriptions, hidden=None):
            assert not descriptions.any()
            return super().tokens(values, valid, descriptions, hidden)

    sensor_losses(make_batch(), Watching())
