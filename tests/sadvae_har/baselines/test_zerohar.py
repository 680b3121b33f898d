"""ZeroHAR end to end: what each stage learns, what it may see, and a zero-shot problem that it solves."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_windows import GRAVITY_MPS2, RATE_HZ, make_channels

from feature_extraction.errors import InputError, LeakageError
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.split import Split
from feature_extraction.windows.cutting import WindowSettings
from feature_extraction.windows.window_set import WindowSet
from sadvae_har.baselines.zerohar.network import ZeroHarConfig, ZeroHarNetwork
from sadvae_har.baselines.zerohar.zerohar import (
    FittedZeroHar,
    ZeroHarInputs,
    alignment_loss,
    cut_patches,
    embed_channels,
    train_stage,
    train_zerohar,
)
from sadvae_har.benchmark.methods import run_zerohar
from sadvae_har.evaluation.metrics import per_class_top1
from sadvae_har.experiment.problem import Problem, make_problem

torch.set_num_threads(1)

N_SAMPLES, N_PER_CLASS_AND_SUBJECT = 50, 16
CLASSES = tuple(f"{code:03b}" for code in (0b000, 0b001, 0b010, 0b100, 0b111, 0b011, 0b101, 0b110))
SPLIT = Split(
    dataset="toy",
    name="zerohar-fold1",
    kind="zerohar",
    seed=0,
    seen=CLASSES[:5],
    unseen=CLASSES[5:],
    train_subjects=("s1", "s2"),
    val_subjects=("s3",),
    test_subjects=("s4",),
    inner=((CLASSES[1],),),
)
TINY = ZeroHarConfig(
    width=16, depth=1, heads=2, feed_forward=32, batch_size=32, learning_rate=3e-3,
    alignment_epochs=4, recognition_epochs=12,
)  # fmt: skip
OFFSETS = np.array([0, 4, 0, 1.5, 0, -1.5])  # of channels, so that a channel can be told from the others
SENSORS = np.eye(8, dtype=np.float32)[:6]  # a description of its own for each channel


def make_windows(seed: int = 0) -> WindowSet:
    """Return windows whose class is three bits: which way is up, how much it swings, how fast it turns."""
    generator = np.random.default_rng(seed)
    time = np.arange(N_SAMPLES) / RATE_HZ
    entries = [(c, s) for c in CLASSES for s in ("s1", "s2", "s3", "s4") for _ in range(N_PER_CLASS_AND_SUBJECT)]
    samples = generator.normal(0, 0.2, (len(entries), N_SAMPLES, 6)).astype(np.float32)
    samples += OFFSETS.astype(np.float32)
    for window, (name, _) in zip(samples, entries, strict=True):
        up, swings, turns = (int(bit) for bit in name)
        wave = np.sin(2 * np.pi * 1.5 * time + generator.uniform(0, 2 * np.pi))
        window[:, 2] += GRAVITY_MPS2 * (2 * up - 1)
        window[:, 0] += (0.3 + 4 * swings) * wave
        window[:, 4] += (0.1 + 2 * turns) * wave
    labels, subjects = (np.array(column) for column in zip(*entries, strict=True))
    return WindowSet(
        samples=samples,
        labels=labels,
        subjects=subjects,
        recordings=np.array([f"{name}-{subject}" for name, subject in entries]),
        placements=np.full(len(entries), "wrist"),
        start_s=np.zeros(len(entries)),
        channels=make_channels(),
        settings=WindowSettings(rate_hz=RATE_HZ, window_s=N_SAMPLES / RATE_HZ),
        dataset="toy",
        key="toy",
        summary={},
    )


def text_of(names: tuple[str, ...]) -> np.ndarray:
    """Return unit vectors [K, 8]: the bits of each class as signs."""
    signs = np.array([[2 * int(bit) - 1 for bit in name] for name in names])
    return np.pad(signs / np.sqrt(3), ((0, 0), (0, 5))).astype(np.float32)


WINDOWS = make_windows()
TRAIN = SPLIT.rows(WINDOWS.labels, WINDOWS.subjects, SPLIT.seen, "train")
INPUTS = ZeroHarInputs(WINDOWS, SENSORS, text_of(CLASSES))
TEST = SPLIT.rows(WINDOWS.labels, WINDOWS.subjects, SPLIT.unseen, "test")


def fit(
    config: ZeroHarConfig = TINY, seed: int = 0, rows: np.ndarray = TRAIN, sensors: np.ndarray = SENSORS
) -> FittedZeroHar:
    return train_zerohar(ZeroHarInputs(WINDOWS, sensors, text_of(CLASSES)), rows, SPLIT, config, seed)


def scores(fitted: FittedZeroHar) -> np.ndarray:
    return fitted.score(WINDOWS.samples[TEST], text_of(SPLIT.unseen))


@pytest.fixture(scope="module")
def fitted() -> FittedZeroHar:
    return fit()


def test_defaults_are_the_published_ones() -> None:
    config = ZeroHarConfig()
    assert (config.depth, config.width, config.heads, config.feed_forward) == (8, 64, 8, 128)
    assert (config.dropout, config.learning_rate, config.batch_size, config.temperature) == (0.01, 1e-3, 128, 0.05)
    assert (config.alignment_epochs, config.recognition_epochs, config.patience) == (300, 300, None)


def test_shapes_and_that_channels_are_read_one_by_one_before_they_are_joined() -> None:
    network = ZeroHarNetwork(3, 5, TINY).eval()
    patches = torch.randn(4, 3, 2, 32, generator=torch.Generator().manual_seed(0))
    other = patches.clone()
    other[:, 1] += 1
    assert network.channels(patches).shape == (4, 3, 16)
    assert network.channel_vectors(patches).shape == (4, 3, 5)
    assert network(patches).shape == (4, 5)
    moved = (network.channels(other) - network.channels(patches)).abs().amax(dim=(0, 2))
    assert moved[1] > 0.01 and moved[[0, 2]].max() < 1e-5
    assert (network(other) - network(patches)).abs().max() > 1e-3


def test_unseen_classes_are_told_apart_by_text_alone(fitted: FittedZeroHar) -> None:
    truth = np.array([SPLIT.unseen.index(name) for name in WINDOWS.labels[TEST]])
    assert per_class_top1(truth, scores(fitted).argmax(1)) > 0.8  # chance 1/3
    swapped = fitted.score(WINDOWS.samples[TEST], text_of(SPLIT.unseen)[[1, 2, 0]])
    assert per_class_top1(truth, swapped.argmax(1)) < 0.2


def test_both_stages_reduce_their_loss(fitted: FittedZeroHar) -> None:
    assert len(fitted.alignment_losses) == 4 and len(fitted.recognition_losses) == 12
    assert 0 <= fitted.alignment_losses[-1] < 0.7 * fitted.alignment_losses[0]
    assert fitted.recognition_losses[-1] < 0.2 * fitted.recognition_losses[0]


@pytest.mark.parametrize("channels", [(0, 1, 2, 3, 4, 5), (3, 4, 5, 0, 1, 2)])
def test_after_stage_one_channels_are_nearest_to_their_own_descriptions(channels: tuple[int, ...]) -> None:
    patches, held_out = (cut_patches(WINDOWS.samples[r], WINDOWS.channels, RATE_HZ, TINY) for r in (TRAIN, TEST))
    sensors, order = torch.tensor(SENSORS)[list(channels)], torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ZeroHarNetwork(6, 8, TINY)
        train_stage(
            network, lambda batch: alignment_loss(network, patches[batch], sensors, TINY.temperature),
            lambda: torch.randperm(len(TRAIN), generator=order).split(TINY.batch_size), 25, TINY,
        )  # fmt: skip
    nearest = (network.eval().channel_vectors(held_out) @ sensors.T).argmax(dim=2)
    assert (nearest == torch.arange(6)).float().mean() > 0.8


def test_descriptions_of_channels_matter_in_stage_one_alone() -> None:
    other = SENSORS[[3, 4, 5, 0, 1, 2]]
    one = replace(TINY, alignment_epochs=1, recognition_epochs=1)
    assert not np.allclose(scores(fit(one)), scores(fit(one, sensors=other)), atol=1e-3)
    none = replace(one, alignment_epochs=0)
    assert np.array_equal(scores(fit(none)), scores(fit(none, sensors=other)))


def test_the_same_seed_gives_the_same_scores_and_the_global_generator_is_left_alone() -> None:
    short = replace(TINY, alignment_epochs=1, recognition_epochs=1)
    before = torch.random.get_rng_state()
    first, again, other = (scores(fit(short, seed)) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(first, again) and not np.allclose(first, other, atol=1e-3)


@pytest.mark.parametrize(("leaked", "named"), [(WINDOWS.labels == "011", "011"), (WINDOWS.subjects == "s4", "s4")])
def test_an_unseen_class_or_a_test_subject_raises(leaked: np.ndarray, named: str) -> None:
    seen = np.isin(WINDOWS.labels, SPLIT.seen) | (named == "011")
    rows = np.append(TRAIN, np.flatnonzero(leaked & seen)[:1])
    with pytest.raises(LeakageError, match=f"zerohar.*{named}"):
        fit(rows=rows)


def test_windows_that_are_not_trained_on_have_no_say() -> None:
    samples = np.full_like(WINDOWS.samples, np.nan)
    samples[TRAIN] = WINDOWS.samples[TRAIN]
    short = replace(TINY, alignment_epochs=1, recognition_epochs=1)
    blind = train_zerohar(replace(INPUTS, windows=replace(WINDOWS, samples=samples)), TRAIN, SPLIT, short, 0)
    assert np.array_equal(scores(blind), scores(fit(short)))


def make_toy_problem() -> Problem:
    table = FeatureTable(
        features=WINDOWS.samples.mean(axis=1),
        labels=WINDOWS.labels,
        subjects=WINDOWS.subjects,
        recordings=WINDOWS.recordings,
        start_s=WINDOWS.start_s,
        blocks={"statistical": 6},
        dataset="toy",
        window_key="toy",
        provenance=(),
    )
    return make_problem(table, SPLIT, text_of(CLASSES))


def test_the_benchmark_measures_it_without_gzsl_and_says_how_long_it_trained() -> None:
    (found,) = run_zerohar(make_toy_problem(), INPUTS, TINY, (0,))
    assert (found.method, found.group, found.seed, found.gzsl) == ("zerohar", "rival", 0, None)
    assert found.zsl is not None and found.zsl["top1"] > 0.8 and set(found.zsl["by_subject"]) == {"s4"}
    assert re.fullmatch(
        r"stage I: 4 of 300 epochs, training loss \d\.\d{3}; stage II: 12 of 300 epochs, training loss 0\.0\d\d",
        found.setting,
    )


def test_the_benchmark_refuses_windows_of_other_features() -> None:
    others = replace(INPUTS, windows=replace(WINDOWS, recordings=WINDOWS.recordings[::-1]))
    with pytest.raises(InputError, match="windows and features of toy differ"):
        list(run_zerohar(make_toy_problem(), others, TINY, (0,)))


def test_a_stage_keeps_the_weights_of_its_lowest_loss_and_stops_out_of_patience() -> None:
    def run(patience: int | None) -> tuple[tuple[float, ...], float]:
        config = replace(TINY, patience=patience, learning_rate=0.1)
        network = ZeroHarNetwork(1, 1, config)
        torch.nn.init.zeros_(network.project.bias)
        planned = iter((3.0, 1.0, 2.0, 1.0, 0.5))

        def loss(batch: torch.Tensor) -> torch.Tensor:
            bias = network.project.bias.sum()
            return next(planned) + bias - bias.detach()  # constant gradient: Adam moves by 0.1 a step

        history = train_stage(network, loss, lambda: [torch.zeros(1)], 5, config)
        return history, network.project.bias.item()

    history, bias = run(None)
    assert history == pytest.approx((3, 1, 2, 1, 0.5)) and bias == pytest.approx(-0.5, abs=1e-4)
    history, bias = run(2)
    assert history == pytest.approx((3, 1, 2, 1)) and bias == pytest.approx(-0.2, abs=1e-4)


def test_windows_that_are_not_finite_are_refused() -> None:
    broken = WINDOWS.samples.copy()
    broken[TRAIN[3], 7, 2] = np.nan
    with pytest.raises(InputError, match="1 of 160 windows"):
        train_zerohar(replace(INPUTS, windows=replace(WINDOWS, samples=broken)), TRAIN, SPLIT, TINY, 0)


def test_windows_of_several_placements_are_refused(tmp_path) -> None:
    mixed = replace(WINDOWS, placements=np.where(WINDOWS.subjects == "s1", "wrist", "chest"))
    with pytest.raises(InputError, match="chest, wrist"):
        embed_channels(mixed, "all-MiniLM-L6-v2", tmp_path)
