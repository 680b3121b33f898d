"""Three small pretend data sets of known motion, which `conftest.py` trains an everyday model on in seconds.

Motion is sines along and across gravity, and rotation about and across it, in a frame of the body; every device is then
turned at random, as it may be worn anyhow. Axis legend: N windows, T time.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from feature_extraction.datasets.device_windows import SETTINGS, DeviceWindows
from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.recordings.recording import Channel, Recording, three_axes
from feature_extraction.recordings.signal import GRAVITY_MPS2, rate_ratio, resample_by
from sadvae_har.everyday.corpus import Corpus
from sadvae_har.everyday.known import NetworkConfig
from sadvae_har.everyday.train import EverydayConfig, method_config


class Motion(NamedTuple):
    """How a place of the body moves.

    Attributes:
        frequency_hz: Of the sines.
        along_mps2: Amplitude along gravity.
        across_mps2: Amplitude across it.
        turning_radps: Amplitude of the rotation about gravity.
        rolling_radps: Amplitude of the rotation across it.
    """

    frequency_hz: float
    along_mps2: float
    across_mps2: float
    turning_radps: float
    rolling_radps: float


STILL = Motion(0.3, 0.05, 0.05, 0.02, 0.02)
MOTIONS = {
    "walking": {
        "wrist": Motion(0.9, 1.5, 2.5, 0.3, 1.5),
        "thigh": Motion(0.9, 3.0, 2.0, 0.3, 2.0),
        "hip": Motion(1.8, 2.5, 0.8, 0.4, 0.3),
    },
    "running": {
        "wrist": Motion(1.4, 9.0, 8.0, 1.0, 4.0),
        "thigh": Motion(1.4, 12.0, 6.0, 0.8, 5.0),
        "hip": Motion(2.8, 12.0, 3.0, 0.8, 0.8),
    },
    "sitting": {"wrist": STILL, "thigh": STILL, "hip": STILL},
    "waving": {"wrist": Motion(2.0, 1.0, 7.0, 0.4, 5.0), "thigh": STILL, "hip": STILL._replace(along_mps2=0.2)},
    "walking upstairs": {
        "wrist": Motion(0.7, 1.2, 1.2, 0.4, 0.8),
        "thigh": Motion(0.7, 2.0, 3.5, 0.2, 2.6),
        "hip": Motion(1.4, 2.0, 1.2, 0.5, 0.6),
    },
    "walking downstairs": {
        "wrist": Motion(1.1, 2.4, 1.2, 0.5, 0.6),
        "thigh": Motion(1.1, 5.0, 1.5, 0.5, 1.4),
        "hip": Motion(2.2, 5.0, 1.0, 0.5, 0.4),
    },
}
NOT_RECORDED = "jumping jacks"  # which tests describe


class Worn(NamedTuple):
    """A device of a pretend data set."""

    placement: str
    has_gyro: bool


class PretendSet(NamedTuple):
    """A data set: its rate, its classes with the activity that people really did, its devices, and its people."""

    rate_hz: float
    classes: tuple[tuple[str, str], ...]
    devices: tuple[Worn, ...]
    n_people: int


OWN_NAMES = tuple((name, name) for name in MOTIONS)
DATA_SETS = {
    "alpha": PretendSet(50.0, OWN_NAMES, (Worn("wrist", True), Worn("thigh", True), Worn("hip", True)), 3),
    "beta": PretendSet(100.0, OWN_NAMES[:4], (Worn("wrist", False), Worn("hip", True)), 3),
    # Its name makes `stairs` mean up or down, as the vocabulary says of it.
    "wisdm": PretendSet(
        20.0,
        (
            *(("walking", "walking"), ("jogging", "running"), ("sitting", "sitting")),
            *(("stairs", "walking upstairs"), ("stairs", "walking downstairs")),
        ),
        (Worn("wrist", True), Worn("thigh", False)),
        2,
    ),
}
WINDOWS_PER_RECORDING = 4
N_STEPS = 20  # of the network
N_VAE_STEPS = 30


def body_motion(motion: Motion, rate_hz: float, duration_s: float, seed: int) -> np.ndarray:
    """Return samples [T, 6] in m/s² and rad/s, gravity along z; the seed says whose pace and strength it is."""
    generator = np.random.default_rng(seed)
    pace, strength = generator.normal(1, 0.05), generator.normal(1, 0.1)
    phase, second = generator.uniform(0, 2 * np.pi, 2)
    angle = 2 * np.pi * motion.frequency_hz * pace * np.arange(round(duration_s * rate_hz)) / rate_hz
    swing, shifted, double = np.sin(angle + phase), np.cos(angle + phase), 0.3 * np.sin(2 * angle + second)
    samples = np.stack(
        [
            motion.across_mps2 * swing,
            0.4 * motion.across_mps2 * shifted,
            motion.along_mps2 * (shifted + double),
            motion.rolling_radps * shifted,
            0.4 * motion.rolling_radps * swing,
            motion.turning_radps * swing,
        ],
        axis=1,
    )
    # A tremor that every rate carries alike, in place of noise that is new in every sample.
    times = np.arange(len(samples)) / rate_hz
    tones = generator.uniform(0.5, 9.5, (6, 20)), generator.uniform(0, 2 * np.pi, (6, 20))
    tremor = np.sin(2 * np.pi * tones[0] * times[:, None, None] + tones[1]).sum(2)
    samples = strength * samples + tremor * ([0.03] * 3 + [0.01] * 3)
    samples[:, 2] += GRAVITY_MPS2
    return samples


def turned(samples: np.ndarray, seed: int) -> np.ndarray:
    """Return samples [..., 6] as a device that is turned at random measures them."""
    turn = Rotation.random(random_state=seed).as_matrix().T
    return np.concatenate([samples[..., :3] @ turn, samples[..., 3:] @ turn], axis=-1).astype(samples.dtype)


def felt(
    activity: str, placement: str, rate_hz: float = 20.0, duration_s: float = 5.0, seed: int = 0, turn: int = 0
) -> np.ndarray:
    """Return what a device at a place measures of an activity, float32 [T, 6]."""
    motion = MOTIONS[activity][placement]
    return turned(body_motion(motion, rate_hz, duration_s, seed), turn).astype(np.float32)


def recording_of(activity: str, *devices: str, rate_hz: float = 50.0, seed: int = 1000) -> Recording:
    """Return 20 s of an activity as devices called `wrist`, `thigh` or `hip` record it, each turned its own way."""
    parts = [felt(activity, name, rate_hz, 20.0, seed, turn) for turn, name in enumerate(devices)]
    return Recording(
        samples=np.concatenate(parts, axis=1),
        channels=tuple(channel for name in devices for channel in six_channels(name)),
        rate_hz=rate_hz,
        subject="somebody",
        label=activity,
        placements={name: name for name in devices},
        dataset="made up",
        name=activity,
    )


def six_channels(device: str) -> tuple[Channel, ...]:
    """Return the channels of a device with a gyroscope, in SI units."""
    return three_axes(device, "acc", "m/s2") + three_axes(device, "gyro", "rad/s")


def pretend_windows(seed: int = 0) -> DeviceWindows:
    """Return the windows of all `DATA_SETS`, as `load_devices` would."""
    return DeviceWindows.joined([part for name in DATA_SETS for part in _windows_of(name, seed)])


def _windows_of(dataset: str, seed: int) -> Iterator[DeviceWindows]:
    generator = np.random.default_rng([seed, len(dataset)])
    pretend = DATA_SETS[dataset]
    length, n = SETTINGS.window_samples, WINDOWS_PER_RECORDING
    for person in range(pretend.n_people):
        for class_name, activity in pretend.classes:
            own = int(generator.integers(1 << 30))  # devices worn at the same time feel the same pace
            for device in pretend.devices:
                turn = int(generator.integers(1 << 30))
                samples = felt(activity, device.placement, pretend.rate_hz, n * SETTINGS.window_s, own, turn)
                samples = resample_by(samples, rate_ratio(pretend.rate_hz, SETTINGS.rate_hz)).reshape(n, length, 6)
                samples[..., 3:] *= device.has_gyro
                words = {
                    "datasets": dataset,
                    "labels": class_name,
                    "subjects": f"{dataset}/{person}",
                    "recordings": f"{dataset}/{person}-{activity}",
                    "devices": device.placement,
                    "placements": device.placement,
                }
                yield DeviceWindows(
                    samples=samples,
                    has_gyro=np.full(n, device.has_gyro),
                    start_s=np.arange(n) * SETTINGS.window_s,
                    **{name: np.full(n, word) for name, word in words.items()},
                )


@cache
def pretend_corpus() -> Corpus:
    """Return the corpus of `pretend_windows`; nobody may change it."""
    return Corpus.of(pretend_windows(), load_vocabulary())


def tiny_config(seed: int = 0) -> EverydayConfig:
    """Return settings small enough to train in seconds: one network, one seed."""
    method = method_config()
    return EverydayConfig(
        seed=seed,
        network=NetworkConfig(n_networks=1, n_steps=N_STEPS),
        method=replace(method, train=replace(method.train, n_seeds=1, n_steps=N_VAE_STEPS)),
    )
