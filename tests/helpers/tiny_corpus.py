"""Windows of single devices of four data sets, each activity a motion of its own, for several test files."""

import numpy as np

from feature_extraction.datasets.device_windows import SETTINGS, DeviceWindows
from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.recordings.signal import GRAVITY_MPS2
from sadvae_har.everyday.corpus import Corpus

MOTIONS = {  # activity: frequency in Hz, amplitude in m/s²
    "walking": (1.8, 3.0),
    "running": (2.8, 9.0),
    "jumping": (2.2, 14.0),
    "sitting": (0.0, 0.02),
    "clapping": (3.5, 5.0),
    "waving": (1.0, 6.0),
    "walking upstairs": (1.5, 2.0),
    "walking downstairs": (1.6, 4.5),
}
STAIRS = "stairs"  # of WISDM: up or down
CLASSES = {
    "usc-had": {name: name for name in ("walking upstairs", "walking downstairs", "jumping", "sitting")},
    "one": {name: name for name in MOTIONS},
    "two": {name: name for name in ("walking", "running", "jumping", "sitting")},
    "wisdm": {"walking": "walking", "sitting": "sitting", "clapping": "clapping", STAIRS: "walking upstairs"},
}
TARGET = "wisdm"


def tiny_corpus(n_per_class: int = 4, n_people: int = 3, seed: int = 0) -> Corpus:
    """Return a corpus; people of `two` wear devices at wrist and hip at the same moments, the others at the wrist."""
    generator = np.random.default_rng(seed)
    length = round(SETTINGS.rate_hz * SETTINGS.window_s)
    time_s = np.arange(length) / SETTINGS.rate_hz
    columns: dict[str, list] = {name: [] for name in DeviceWindows.__dataclass_fields__}
    for dataset, classes in CLASSES.items():
        for label, activity in classes.items():
            frequency, amplitude = MOTIONS[activity]
            for person in range(n_people):
                for number in range(n_per_class):
                    for place in ("wrist", "hip") if dataset == "two" else ("wrist",):
                        swing = amplitude * generator.uniform(0.9, 1.1) * np.sin(2 * np.pi * frequency * time_s)
                        six = generator.normal(0, 0.05, (length, 6))
                        six[:, 2] += GRAVITY_MPS2 + swing
                        six[:, 3] += 0.3 * swing
                        row = {
                            "samples": six.astype(np.float32),
                            "has_gyro": dataset != "one",
                            "datasets": dataset,
                            "labels": label,
                            "subjects": f"{dataset}/{person}",
                            "recordings": f"{dataset}/{person}-{label}",
                            "devices": place,
                            "placements": place,
                            "start_s": 2.5 * number,
                        }
                        for name, value in row.items():
                            columns[name].append(value)
    windows = DeviceWindows(**{name: np.array(values) for name, values in columns.items()})
    windows.samples[~windows.has_gyro, :, 3:] = 0
    return Corpus.of(windows, load_vocabulary())
