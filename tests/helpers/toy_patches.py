"""A tiny encoder of patches that works, and batches of sine patches, for tests of objectives."""

import math

import torch
from torch import nn

from feature_extraction.pretraining.objectives.objective import PatchBatch

WIDTH, N_FEATURES, TEXT_DIM, N_SAMPLES = 12, 10, 8, 6


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed))


class ToyEncoder(nn.Module):
    """Embeds each patch and adds what the visible patches of its channel, and of the window, have in common."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embed = nn.Linear(N_SAMPLES, WIDTH)
            self.describe = nn.Linear(TEXT_DIM, WIDTH)
            self.mix = nn.Linear(2 * WIDTH, WIDTH)
            self.project = nn.Linear(WIDTH, N_FEATURES)
            self.mask_token = nn.Parameter(torch.randn(WIDTH))

    def tokens(self, values, valid, descriptions, hidden=None):
        local = self.embed(values)
        seen = valid
        if hidden is not None:
            local = torch.where(hidden[..., None], self.mask_token, local)
            seen = valid & ~hidden
        local = local + self.describe(descriptions)[:, :, None]
        channel = masked_mean(local, seen, (2,)).expand_as(local)
        window = masked_mean(local, seen, (1, 2)).expand_as(local)
        return torch.tanh(local + self.mix(torch.cat([channel, window], dim=-1)))

    def pool(self, tokens, valid):
        return self.project(masked_mean(tokens, valid, (1, 2))[:, 0, 0])

    def forward(self, values, valid, descriptions):
        return self.pool(self.tokens(values, valid, descriptions), valid)


def masked_mean(tokens, valid, dim):
    weight = valid[..., None].float()
    return (tokens * weight).sum(dim=dim, keepdim=True) / weight.sum(dim=dim, keepdim=True).clamp_min(1)


def make_batch(n_windows=12, n_channels=3, n_patches=5, seed=0):
    """Sine windows whose class decides the level and whose channel the frequency, whole periods per patch."""
    targets = torch.arange(n_windows) % 4
    targets[::5] = -1
    kind = torch.arange(n_windows) % 4
    time = torch.arange(n_patches * N_SAMPLES).reshape(n_patches, N_SAMPLES) / N_SAMPLES
    frequency = 1 + torch.arange(n_channels)[:, None, None]
    phase = 6.3 * torch.rand(n_windows, 1, 1, 1, generator=seeded(seed))
    level = noise(4, n_channels, seed=seed + 1)[kind][:, :, None, None]
    clean = level + 0.5 * torch.sin(6.3 * frequency * time + phase)
    valid = torch.ones(n_windows, n_channels, n_patches, dtype=torch.bool)
    valid[1, -1] = False
    valid[2, :, -2:] = False
    clean = clean * valid[..., None]
    views = [(clean + 0.05 * noise(*clean.shape, seed=seed + k)) * valid[..., None] for k in (2, 3)]
    descriptions = noise(n_channels, TEXT_DIM, seed=seed + 4).expand(n_windows, -1, -1).clone()
    statistics = torch.stack([clean.mean(dim=(1, 2, 3)), clean.std(dim=(1, 2, 3)), torch.arange(n_windows) % 2], dim=1)
    statistics[0, 2] = math.nan
    return PatchBatch(views[0], views[1], clean, valid, descriptions, torch.arange(n_windows) // 6, targets, statistics)


def make_bank(n_classes=4, n_views=3, seed=9):
    """Views near a direction of their class, and one that is absent."""
    views = noise(n_classes, 1, TEXT_DIM, seed=seed) + 0.3 * noise(n_classes, n_views, TEXT_DIM, seed=seed + 1)
    present = torch.ones(n_classes, n_views, dtype=torch.bool)
    present[0, -1] = False
    return views, present


def train(objective, encoder, batch, steps=60, learning_rate=1e-2, seed=0):
    """Return the terms before and after `steps` of Adam, measured with the same random draws and in eval mode."""

    def measure():
        objective.eval()
        with torch.no_grad():
            terms = {name: value.item() for name, value in objective.losses(encoder, batch, seeded(99)).items()}
        objective.train()
        return terms

    before, generator = measure(), seeded(seed)
    optimizer = torch.optim.Adam([*encoder.parameters(), *objective.parameters()], lr=learning_rate)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.stack(list(objective.losses(encoder, batch, generator).values())).sum().backward()
        optimizer.step()
    return before, measure()
