"""How well the kinematic attributes of an activity are predicted from its text.

    python benchmarks/kinematic_lexicon.py [--out benchmarks/kinematic_lexicon.json]

Mean absolute error per attribute, beside that of always predicting the lexicon's mean:
leave-one-out - every entry of the lexicon by the fit on all others, at the width and regularisations chosen
    on the same errors;
ten folds - every tenth of the lexicon by a fit that was also tuned on the other nine;
class lists - the activities of this project's data sets by their label and sentence, against the values their
    descriptions give; entries with the label of an activity are left out for all of them;
class lists, far - the same, each activity by a fit without the entries whose embedding has a cosine of
    --near or more to it, which are mostly other names of the same activity.

The values of the lexicon were written with those of the class lists in view, so that both mean the same by
a number: the last two show how well text carries the values over, not how right the values are.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.descriptions.class_list import load_class_list
from feature_extraction.descriptions.kinematic_lexicon import KinematicPredictor, activity_embeddings, load_lexicon
from feature_extraction.storage.files import write_text
from feature_extraction.storage.places import CLASS_LISTS_FOLDER

FOLDS = 10


def ten_folds(embeddings: np.ndarray, attributes: np.ndarray, seed: int) -> np.ndarray:
    """Return the mean absolute error per attribute of fits tuned without the fold, [A]."""
    fold = np.random.default_rng(seed).permutation(len(embeddings)) % FOLDS
    wrong = np.empty_like(attributes)
    for number in range(FOLDS):
        rest, held = fold != number, fold == number
        predictor = KinematicPredictor.fit(embeddings[rest], attributes[rest])
        wrong[held] = np.abs(predictor.predict(embeddings[held]) - attributes[held])
    return wrong.mean(axis=0)


def read_activities() -> tuple[list[str], list[str], list[str], np.ndarray]:
    """Return data set, label, sentence and attributes [n, A] of every activity of the class lists."""
    datasets, labels, sentences, rows = [], [], [], []
    for path in sorted(CLASS_LISTS_FOLDER.glob("*_descriptions.yaml")):
        dataset = path.name.removesuffix("_descriptions.yaml")
        for description in load_class_list(dataset).descriptions.values():
            datasets.append(dataset)
            labels.append(description.label)
            sentences.append(description.sentence)
            rows.append(list(description.kinematics.values()))
    return datasets, labels, sentences, np.array(rows)


def predict_far(embeddings: np.ndarray, anchors: np.ndarray, attributes: np.ndarray, near: float) -> np.ndarray:
    """Predict each activity by a fit without the entries near to it, [n, A]."""
    rows = []
    for vector in embeddings:
        far = anchors @ vector < near
        rows.append(KinematicPredictor.fit(anchors[far], attributes[far]).predict(vector[None])[0])
    return np.array(rows)


def measure(seed: int, near: float) -> dict[str, Any]:
    """Return every table, ready for JSON."""
    lexicon = load_lexicon()
    embeddings = activity_embeddings(lexicon.labels, lexicon.texts)
    predictor = KinematicPredictor.fit(embeddings, lexicon.attributes)
    error = predictor.leave_one_out_error()
    datasets, labels, sentences, truth = read_activities()
    reduced = lexicon.without(labels)
    keep = np.array([label in reduced.labels for label in lexicon.labels])
    anchors, attributes = embeddings[keep], reduced.attributes
    activities = activity_embeddings(labels, sentences)
    wrong = np.abs(KinematicPredictor.fit(anchors, attributes).predict(activities) - truth)
    wrong_far = np.abs(predict_far(activities, anchors, attributes, near) - truth)
    wrong_mean = np.abs(attributes.mean(axis=0) - truth)
    columns = {
        "leave-one-out": error.predictor,
        "ten folds": ten_folds(embeddings, lexicon.attributes, seed),
        "mean of the lexicon": error.mean,
        "variance explained, leave-one-out": error.explained,
        "class lists": wrong.mean(axis=0),
        "class lists, far": wrong_far.mean(axis=0),
        "class lists, mean of the lexicon": wrong_mean.mean(axis=0),
    }
    by_dataset = {
        name: {
            "class lists": wrong[rows].mean(),
            "class lists, far": wrong_far[rows].mean(),
            "class lists, mean of the lexicon": wrong_mean[rows].mean(),
        }
        for name in dict.fromkeys(datasets)
        for rows in [[row for row, dataset in enumerate(datasets) if dataset == name]]
    }
    return {
        "entries": len(lexicon.labels),
        "entries without labels of the class lists": len(reduced.labels),
        "activities of the class lists": len(labels),
        "near": near,
        "seed of the folds": seed,
        "width": predictor.width,
        "all attributes": {name: round(float(values.mean()), 4) for name, values in columns.items()},
        "by attribute": {
            attribute: {name: round(float(values[place]), 4) for name, values in columns.items()}
            for place, attribute in enumerate(lexicon.names)
        },
        "by data set": {
            name: {column: round(float(value), 4) for column, value in row.items()} for name, row in by_dataset.items()
        },
    }


def show(title: str, rows: dict[str, dict[str, float]]) -> None:
    """Print one table."""
    columns = list(next(iter(rows.values())))
    print(f"\n{title}: " + " | ".join(columns))
    for name, row in rows.items():
        print(f"{name:24}" + "".join(f"{row[column]:8.3f}" for column in columns))


def main() -> None:
    """Measure and print; write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--near", type=float, default=0.7, help="cosine of an entry to leave out, 0.7 by default")
    parser.add_argument("--seed", type=int, default=0, help="seed of the ten folds")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args()
    results = measure(options.seed, options.near)
    print(f"{results['entries']} entries, {results['activities of the class lists']} activities of the class lists")
    show("attribute", {**results["by attribute"], "all": results["all attributes"]})
    show("data set", results["by data set"])
    if options.out:
        write_text(options.out, json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
