"""What the windows around a window are worth: the shipped model on people and places that it was not trained on.

    python benchmarks/context.py --raw FOLDER [--out benchmarks/context.json]

HAPT is read as its people recorded it, ten minutes with all activities and what lies between them; of USC-HAD every
recording is of one activity. Neither is among the data sets that the shipped model learned from. Only their own
everyday activities can occur. A window counts if one activity fills at least 60 % of it. Everything is read twice:
every window by itself, and with its neighbours in mind (`sadvae_har/recognition/prediction.py`). How long an activity
lasts, how many neighbours count and how much were looked at on WISDM and HAPT: the numbers of USC-HAD are clean.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.readers import hapt
from feature_extraction.recordings.recording import Recording
from feature_extraction.storage.files import write_json
from sadvae_har.evaluation.metrics import expected_calibration_error
from sadvae_har.recognition.recognizer import Recognizer

ACTIVITIES = {
    "hapt": {
        name: name for name in ("walking", "walking upstairs", "walking downstairs", "sitting", "standing", "lying")
    },
    "usc-had": {
        "walking forward": "walking",
        "walking upstairs": "walking upstairs",
        "walking downstairs": "walking downstairs",
        "running forward": "running",
        "jumping": "jumping",
        "sitting": "sitting",
        "standing": "standing",
        "sleeping": "lying",
    },
}
LEAST_SHARE = 0.6


class Labelled(NamedTuple):
    """A recording, and the activity of each of its samples, empty where there is none."""

    recording: Recording
    activity: np.ndarray


def labelled(dataset: str, raw: Path) -> Iterator[Labelled]:
    """Yield what a person recorded in one go."""
    spec = get_dataset(dataset)
    files, class_list, names = spec.list_files(raw), spec.class_list(), ACTIVITIES[dataset]
    if dataset == "hapt":
        for one in hapt.read_experiments(files, class_list):
            activity = np.full(len(one.samples), "", dtype="U20")
            for label, first, last in one.stretches:
                activity[first:last] = names.get(label, "")
            whole = spec.recording(one.samples, f"exp{one.number}", one.subject, "", {"imu": "waist"})
            yield Labelled(whole, activity)
        return
    for item in spec.read_files(files, class_list):
        if isinstance(item, Recording):
            yield Labelled(item, np.full(len(item.samples), names.get(item.label, "")))


def measure(dataset: str, raw: Path) -> dict[str, dict[str, float]]:
    """Return per-class top-1 and calibration error in percent, alone and in context."""
    recognizer = Recognizer.load("everyday")
    recognizer.restrict(sorted(set(ACTIVITIES[dataset].values())))
    truth: list[str] = []
    said: dict[str, list[str]] = {"alone": [], "in context": []}
    sure: dict[str, list[float]] = {"alone": [], "in context": []}
    for recording, activity in labelled(dataset, raw):
        bound = recognizer.reading(recording.channels)
        alone = bound.windows_alone(bound.windows(recording))
        found = {"alone": alone, "in context": bound.in_context(alone)}
        for k, start_s in enumerate(alone.start_s):
            first = int(start_s * recording.rate_hz)
            within = activity[first : first + int(bound.window_s * recording.rate_hz)]
            names, counts = np.unique(within, return_counts=True)
            name = str(names[counts.argmax()])
            if not name or counts.max() < LEAST_SHARE * len(within):
                continue
            truth.append(name)
            for way, prediction in found.items():
                said[way].append(str(prediction.activity[k]))
                sure[way].append(float(prediction.probability[k]))
    classes, labels = sorted(set(truth)), np.array(truth)
    numbers = {}
    for way in said:
        hits = np.array(said[way]) == labels
        numbers[way] = {
            "top1": round(100 * float(np.mean([hits[labels == name].mean() for name in classes])), 1),
            "calibration_error": round(100 * expected_calibration_error(np.array(sure[way]), hits), 1),
            "n_windows": len(labels),
        }
    return numbers


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True, help="folder with one folder of recordings per data set")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    results = {dataset: measure(dataset, arguments.raw / dataset) for dataset in ACTIVITIES}
    write_json(arguments.out, results)
    for dataset, ways in results.items():
        for way, numbers in ways.items():
            print(f"{dataset:10s}{way:12s}{numbers}")


if __name__ == "__main__":
    main()
