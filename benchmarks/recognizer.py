"""What a trained recogniser does with activities it gets as text, and with activities it never heard of.

    python benchmarks/recognizer.py RUN... --raw FOLDER

For every run folder (`sadvae-har run --raw ...`), on windows of its test subjects:

* zero-shot accuracy when every held-out activity is added by text at run time, beside that of the run itself; with all
  that the class list says of it, and with one sentence alone;
* predictions of seen activities that change when one activity is added, though they do not become the new one;
* windows flagged as unknown when their activity is in no list, and known windows kept, at the limits in use and at the
  limit that keeps 95 % of the windows of trained activities of these subjects;
* expected calibration error before and after calibration;
* time to add an activity.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.prepare import prepare
from feature_extraction.storage.files import read_json, write_json
from feature_extraction.windows.window_set import WindowSet
from sadvae_har.evaluation.metrics import gzsl_scores, per_class_top1
from sadvae_har.experiment.run_folder import RunFolder, environment
from sadvae_har.recognition.calibration import KNOWN_KEPT, flagged_at
from sadvae_har.recognition.prediction import smooth
from sadvae_har.recognition.recognizer import Recognizer

ROOT = Path(__file__).resolve().parents[1]


def measure(folder: RunFolder, raw: Path | None, resources: Path) -> dict[str, Any]:
    """Return the numbers of one run."""
    split, recognizer = folder.split(), Recognizer.load(folder.path)
    windows = prepare(split.dataset, raw / split.dataset if raw else None, out=resources / "windows")
    rows = np.flatnonzero(np.isin(windows.labels, split.classes) & np.isin(windows.subjects, split.test_subjects))
    features = np.concatenate(
        [recognizer.features(np.array(windows.samples[part])) for part in np.array_split(rows, 8)]
    )
    labels, is_seen = windows.labels[rows], np.isin(windows.labels[rows], split.seen)
    for name in split.unseen:
        recognizer.remove_activity(name)
    descriptions = get_dataset(split.dataset).class_list().descriptions
    whole = {name: asdict(descriptions[name]) for name in split.unseen}
    views = {name: {key: value[key] for key in value if key != "name"} for name, value in whole.items()}
    sentences = {name: descriptions[name].sentence for name in split.unseen}
    metrics = folder.metrics()
    return {
        "run": f"{split.dataset}/{split.name}",
        "zsl_of_the_run": metrics["zsl"]["per_class_top1"]["value"],
        "h_of_the_run": metrics["gzsl"]["harmonic_mean"]["value"],
        "added_with_all_views": add_all(recognizer.copy(), views, features, labels, split.seen),
        "added_with_one_sentence": add_all(recognizer.copy(), sentences, features, labels, split.seen),
        "seen_predictions": added_one_by_one(recognizer, views, features[is_seen]),
        "in_no_list": unknown(recognizer, features, windows, rows, split.seen),
        "seconds_to_add": seconds_to_add(recognizer),
        "calibration": {
            key: value for key, value in read_json(folder.path / "calibration.json").items() if key[:3] == "ece"
        },
    }


def add_all(
    recognizer: Recognizer, texts: dict[str, Any], features: np.ndarray, labels: np.ndarray, seen: tuple[str, ...]
) -> dict[str, float]:
    """Add activities by text; return zero-shot and generalised zero-shot accuracy."""
    for name, text in texts.items():
        recognizer.add_activity(name, text)
    names, n_seen = np.array(recognizer.names), len(seen)
    _, predicted = recognizer.score(features)
    described = ~np.isin(labels, seen)
    zero_shot = names[n_seen + recognizer.text_logits(features[described])[:, n_seen:].argmax(1)]
    true = np.array([recognizer.names.index(label) for label in labels.tolist()])
    on_seen, on_unseen, harmonic = gzsl_scores(true, predicted, range(n_seen), range(n_seen, len(names)))
    return {"zsl": per_class_top1(labels[described], zero_shot), "seen": on_seen, "unseen": on_unseen, "h": harmonic}


def added_one_by_one(recognizer: Recognizer, texts: dict[str, Any], features: np.ndarray) -> dict[str, float]:
    """Return what adding one activity does to predictions of seen activities, mean and worst over the activities."""
    before, changed, taken = recognizer.score(features)[1], [], []
    for name, text in texts.items():
        with_it = recognizer.copy()
        with_it.add_activity(name, text)
        after = with_it.score(features)[1]
        is_new = after == len(with_it.names) - 1
        changed.append(float(((after != before) & ~is_new).mean()))
        taken.append(float(is_new.mean()))
    return {"changed_otherwise": max(changed), "become_the_new_one": float(np.mean(taken))}


def unknown(
    recognizer: Recognizer, features: np.ndarray, windows: WindowSet, rows: np.ndarray, seen: tuple[str, ...]
) -> dict[str, Any]:
    """Return windows flagged by activity that is in no list, where the list holds the trained activities alone."""
    _, piece = np.unique(windows.recordings[rows], return_inverse=True)
    strange = smooth(recognizer.model.strangeness.measure(features), piece)
    excess = recognizer.model.calibration.excess(strange, None)
    labels, kept = windows.labels[rows], np.array([KNOWN_KEPT])
    known = excess[np.isin(labels, seen)]
    aliens = {name: excess[labels == name] for name in np.unique(labels).tolist() if name not in seen}
    levels = np.round(np.linspace(0.5, 1.0, 26), 2)
    curve = np.mean([flagged_at(known, alien, levels) for alien in aliens.values()], axis=0)
    return {
        "known_kept": float((known <= 0).mean()),
        "flagged": {name: float((alien > 0).mean()) for name, alien in aliens.items()},
        "flagged_at_95": {name: float(flagged_at(known, alien, kept)[0]) for name, alien in aliens.items()},
        "curve": np.stack([levels, curve], axis=1).tolist(),
    }


def seconds_to_add(recognizer: Recognizer, n: int = 20) -> float:
    """Return the median time to add an activity by a sentence never met before, with the text model loaded."""
    seconds = []
    for number in range(n):
        fresh = recognizer.copy()
        start = time.perf_counter()
        fresh.add_activity(f"activity {number}", f"The person does the {time.time_ns()}th thing of many with one arm.")
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over the runs of each data set."""
    result = {}
    for dataset in dict.fromkeys(row["run"].split("/")[0] for row in rows):
        own = [row for row in rows if row["run"].startswith(f"{dataset}/")]
        aliens = [value for row in own for value in row["in_no_list"]["flagged_at_95"].values()]
        result[dataset] = {
            "runs": len(own),
            "zsl_of_the_run": np.mean([row["zsl_of_the_run"] for row in own]),
            "zsl_added_with_all_views": np.mean([row["added_with_all_views"]["zsl"] for row in own]),
            "zsl_added_with_one_sentence": np.mean([row["added_with_one_sentence"]["zsl"] for row in own]),
            "largest_gap_to_the_run": max(abs(r["zsl_of_the_run"] - r["added_with_all_views"]["zsl"]) for r in own),
            "h_of_the_run": np.mean([row["h_of_the_run"] for row in own]),
            "h_added_with_one_sentence": np.mean([row["added_with_one_sentence"]["h"] for row in own]),
            "become_the_new_one": np.mean([row["seen_predictions"]["become_the_new_one"] for row in own]),
            "changed_otherwise": max(row["seen_predictions"]["changed_otherwise"] for row in own),
            "known_kept_in_use": np.mean([row["in_no_list"]["known_kept"] for row in own]),
            "flagged_in_use": np.mean([value for row in own for value in row["in_no_list"]["flagged"].values()]),
            "flagged_at_95": np.mean(aliens),
            "activities_flagged_by_half": f"{sum(value >= 0.5 for value in aliens)} of {len(aliens)}",
            "ece_before": np.mean([row["calibration"]["ece_before"] for row in own]),
            "ece_after": np.mean([row["calibration"]["ece_after"] for row in own]),
            "seconds_to_add": np.median([row["seconds_to_add"] for row in own]),
        }
    return {
        name: {key: round(v, 4) if not isinstance(v, str) else v for key, v in part.items()}
        for name, part in result.items()
    }


def main() -> None:
    """Measure every run and write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="run folders")
    parser.add_argument("--raw", type=Path, help="folder with one folder of raw recordings per data set")
    parser.add_argument("--resources", type=Path, default=ROOT / "resources", help="folder of prepared windows")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "recognizer.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(RunFolder(path), arguments.raw, arguments.resources) for path in arguments.runs]
    result = {"summary": summary(rows), "runs": rows, "environment": environment(0)}
    write_json(arguments.out, result)
    print(json.dumps(result["summary"], indent=2))


if __name__ == "__main__":
    main()
