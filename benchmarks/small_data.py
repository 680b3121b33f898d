"""How the gate fares on small data sets: four everyday activities of two people, two more known by description only.

    python benchmarks/small_data.py --raw FOLDER [--out benchmarks/small_data.json]

Such a data set is what somebody records to try the program. Each trial draws one from a public data set: four seen and
two described classes, one person to train on and one to choose on. Everybody else is tested, and nobody of them decides
anything. Descriptions are a name and one sentence, as people write them. The safety net of the gate
(`sadvae_har/method/gate.py`) says what it does on the inner folds; every trial is scored with and without it. With
`--shipped`, so are all shipped splits, with the default settings.
"""

import argparse
import json
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.draw_splits import inner_folds
from feature_extraction.protocol.split import Split, find_split, list_splits
from feature_extraction.storage.files import write_json
from feature_extraction.storage.places import RESOURCES, SPLITS_FOLDER
from sadvae_har.config.settings import Config, TextConfig
from sadvae_har.evaluation.metrics import auroc, gzsl_scores
from sadvae_har.experiment import stages
from sadvae_har.experiment.inputs import Locations, load_features, load_split, load_text
from sadvae_har.experiment.problem import make_problem
from sadvae_har.experiment.run_folder import RunFolder, environment
from sadvae_har.method.gate import DomainClassifier, GateExamples, fit_gate, fit_without_net

EVERYDAY = {
    "usc-had": (
        *("walking forward", "walking upstairs", "walking downstairs", "running forward", "jumping"),
        *("sitting", "standing", "sleeping"),
    ),
    "wisdm": ("walking", "jogging", "stairs", "sitting", "standing", "typing", "brushing teeth", "clapping"),
    "hapt": ("walking", "walking upstairs", "walking downstairs", "sitting", "standing", "lying"),
    "dsads": (
        *("walking in a parking lot", "running on a treadmill", "jumping", "ascending stairs", "descending stairs"),
        *("cycling on an exercise bike in vertical position", "sitting", "standing", "lying on back"),
    ),
}
N_SEEN, N_DESCRIBED = 4, 2
SMALL = TextConfig(views=("label", "sentence"))
NUMBERS = ("seen", "unseen", "harmonic_mean", "gate_auroc", "seen_kept")


def draw_split(dataset: str, subjects: Iterable[str], trial: int) -> Split:
    """Return the split of one trial: four seen and two described classes, two people that decide, all others tested."""
    generator = np.random.default_rng([trial, len(dataset)])
    classes = generator.permutation(EVERYDAY[dataset])[: N_SEEN + N_DESCRIBED].tolist()
    people = generator.permutation(sorted(subjects)).tolist()
    seen = tuple(name for name in EVERYDAY[dataset] if name in classes[:N_SEEN])
    return Split(
        dataset=dataset,
        name=f"small-{trial}",
        kind="custom",
        seed=trial,
        seen=seen,
        unseen=tuple(name for name in EVERYDAY[dataset] if name in classes[N_SEEN:]),
        train_subjects=tuple(people[:1]),
        val_subjects=tuple(people[1:2]),
        test_subjects=tuple(people[2:]),
        inner=inner_folds(seen, N_DESCRIBED / len(classes), trial),
    )


def score(
    table: FeatureTable, split: Split, text: TextConfig, resources: Path
) -> tuple[list[GateExamples], GateExamples, Config]:
    """Train on one split; return the scores of the inner folds and of the test windows, and the settings."""
    config = Config(dataset=split.dataset, split=split.name, text=text)
    problem = make_problem(table, split, load_text(config, split, Locations(resources=resources)))
    with TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        fitted = stages.train_zsl(problem, config, run)
        return stages.prepare_gate(problem, config, fitted, run), stages.score_test(problem, config, fitted), config


def measure(found: tuple[list[GateExamples], GateExamples, Config], split: Split) -> dict[str, Any]:
    """Return what the net did on the inner folds, and what that made of the test windows, in percent."""
    folds, test, config = found
    gate = fit_gate(folds, split, config.gate, config.seed)
    fitted = fit_without_net(folds, split, config.gate, config.seed)[0]
    shares = {name: round(100 * share, 1) for name, share in asdict(gate.net).items() if name != "action"}
    return {
        "split": f"{split.dataset}/{split.name}",
        "seen": split.seen,
        "unseen": split.unseen,
        "action": gate.net.action,
        "inner_folds": shares,
        "test_without": test_numbers(test, fitted),
        "test_with": test_numbers(test, gate),
    }


def test_numbers(test: GateExamples, gate: DomainClassifier) -> dict[str, float]:
    """Return S, U, H, AUROC of the gate and the share of seen windows that it leaves with seen classes, in percent."""
    n_seen, predicted = test.seen_logits.shape[1], gate.predict(test)
    scores = gzsl_scores(test.labels, predicted, range(n_seen), range(n_seen, len(test.class_names)))
    kept = float((predicted[~test.is_unseen] < n_seen).mean())
    values = (*scores, auroc(test.is_unseen, gate.p_unseen(test)), kept)
    return {name: round(100 * value, 1) for name, value in zip(NUMBERS, values, strict=True)}


def average(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of the test numbers with and without the net."""
    return {
        when: {name: round(float(np.mean([row[when][name] for row in rows])), 1) for name in NUMBERS}
        for when in ("test_without", "test_with")
    }


def trials(dataset: str, count: int, raw: Path, resources: Path) -> list[dict[str, Any]]:
    """Return what `count` trials on a data set gave."""
    config = Config(dataset=dataset)
    table = load_features(config, load_split(config), Locations(raw=raw / dataset, resources=resources))
    rows = []
    for trial in range(count):
        split = draw_split(dataset, set(table.subjects.tolist()), trial)
        rows.append(measure(score(table, split, SMALL, resources), split))
        print(json.dumps(rows[-1]), flush=True)
    return rows


def shipped(dataset: str, raw: Path, resources: Path) -> list[dict[str, Any]]:
    """Return what all shipped splits of a data set gave."""
    rows = []
    for name in list_splits(dataset, SPLITS_FOLDER):
        split = find_split(dataset, name, SPLITS_FOLDER)
        locations = Locations(raw=None if dataset == "watch" else raw / dataset, resources=resources)
        table = load_features(Config(dataset=dataset, split=name), split, locations)
        rows.append(measure(score(table, split, TextConfig(), resources), split))
        print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True, help="folder with one folder of recordings per data set")
    parser.add_argument("--resources", type=Path, default=RESOURCES, help="where windows, features and texts are kept")
    parser.add_argument("--trials", type=int, default=10, help="trials on each data set")
    parser.add_argument("--shipped", action="store_true", help="also score all shipped splits")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="file to write")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    small = [row for name in EVERYDAY for row in trials(name, options.trials, options.raw, options.resources)]
    result: dict[str, Any] = {"environment": environment(0), "mean_of_trials": average(small)}
    acted = [row for row in small if row["action"] != "kept"]
    result |= {"mean_where_the_net_acted": average(acted)} if acted else {}
    result["actions"] = dict(Counter(row["action"] for row in small))
    result["trials"] = small
    if options.shipped:
        names = (*EVERYDAY, "utd-mhad", "wharf", "watch")
        result["shipped"] = [row for name in names for row in shipped(name, options.raw, options.resources)]
    write_json(options.out, result)


if __name__ == "__main__":
    main()
