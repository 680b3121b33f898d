"""Windows of synthetic motion with known frequency, gravity and unit, for several test files."""

import numpy as np

from feature_extraction.protocol.split import Split
from feature_extraction.recordings.recording import Channel
from feature_extraction.recordings.signal import GRAVITY_MPS2
from feature_extraction.windows.cutting import WindowSettings
from feature_extraction.windows.window_set import WindowSet

RATE_HZ = 25.0
UNITS = {"acc": "m/s2", "gyro": "rad/s"}
FREQUENCIES_HZ = {"still": 0.0, "slow": 0.8, "medium": 1.6, "fast": 3.0}


def make_channels(devices=("imu",), quantities=("acc", "gyro")) -> tuple[Channel, ...]:
    """Return x, y, z channels of every quantity of every device."""
    return tuple(Channel(d, q, axis, UNITS[q]) for d in devices for q in quantities for axis in "xyz")


def sine_window(frequency_hz: float, amplitude: float = 3.0, n_samples: int = 125, phase: float = 0.0) -> np.ndarray:
    """Return one window [T, 6]: gravity along z, acceleration along z and rotation about x swing as sines."""
    swing = np.sin(2 * np.pi * frequency_hz * np.arange(n_samples) / RATE_HZ + phase)
    window = np.zeros((n_samples, 6), dtype=np.float32)
    window[:, 2] = GRAVITY_MPS2 + amplitude * swing
    window[:, 3] = 0.5 * amplitude * swing
    return window


def make_windows(n_per_class: int = 6, seed: int = 0, n_samples: int = 50) -> WindowSet:
    """Return windows of four classes (different frequencies) and four subjects, one device."""
    generator = np.random.default_rng(seed)
    samples, labels, subjects = [], [], []
    for label, frequency in FREQUENCIES_HZ.items():
        for subject in ("s1", "s2", "s3", "s4"):
            for _ in range(n_per_class):
                amplitude = 0.0 if label == "still" else generator.uniform(2, 4)
                window = sine_window(frequency, amplitude, n_samples, generator.uniform(0, 2 * np.pi))
                samples.append(window + generator.normal(0, 0.2, window.shape).astype(np.float32))
                labels.append(label)
                subjects.append(subject)
    n_windows = len(samples)
    return WindowSet(
        samples=np.stack(samples),
        labels=np.array(labels),
        subjects=np.array(subjects),
        recordings=np.array([f"{s}-{x}" for s, x in zip(subjects, labels, strict=True)]),
        placements=np.full(n_windows, "right hip"),
        start_s=np.arange(n_windows) % n_per_class * n_samples / RATE_HZ,
        channels=make_channels(),
        settings=WindowSettings(rate_hz=RATE_HZ, window_s=n_samples / RATE_HZ, overlap=0.0, short_recordings="drop"),
        dataset="synthetic",
        key=f"synthetic-{seed}-{n_samples}",
        summary={},
    )


def make_split(**changes) -> Split:
    """Return a split of `make_windows`: `fast` unseen, s4 for test."""
    fields = {
        "dataset": "synthetic",
        "name": "random-1",
        "kind": "random",
        "seed": 1,
        "seen": ("still", "slow", "medium"),
        "unseen": ("fast",),
        "train_subjects": ("s1", "s2"),
        "val_subjects": ("s3",),
        "test_subjects": ("s4",),
        "inner": (("slow",),),
    }
    return Split(**(fields | changes))
