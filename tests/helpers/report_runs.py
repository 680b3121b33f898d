"""Run folders as a finished run leaves them, small and consistent, so that tests can spoil one file at a time."""

from pathlib import Path

import numpy as np

from feature_extraction.protocol.split import Split
from feature_extraction.storage.files import write_json, write_npz, write_text
from sadvae_har.evaluation.numbers import GatedWindows, TestWindows, evaluate_gzsl, evaluate_zsl

SEEN = ("walk <b>fast</b>", "run & jump", "sit $x$ {0}")
UNSEEN = ("lie", 'say "hi"')
CLASSES = np.array([*SEEN, *UNSEEN])
THRESHOLD = 0.4
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def predictions(seed: int = 0, skill: float = 2.0) -> dict[str, np.ndarray]:
    """Return arrays of 200 test windows of three people; true scores stand out by `skill` standard deviations."""
    rng = np.random.default_rng(seed)
    n = 200
    true = np.arange(n) % 5
    scores = rng.normal(size=(n, 5)) + skill * np.eye(5)[true]
    p_unseen = rng.random(n)
    gated = np.where(p_unseen > THRESHOLD, 3 + scores[:, 3:].argmax(1), scores[:, :3].argmax(1))
    subjects, zsl = np.array([f"p{k % 3}" for k in range(n)]), true >= 3
    kinds = np.array(["seen"] * 3 + ["unseen"] * 2 + ["synthesised"] * 2 + ["text"] * 5)
    return {
        "zsl_labels": CLASSES[true[zsl]],
        "zsl_predictions": CLASSES[3 + scores[zsl, 3:].argmax(1)],
        "zsl_scores": scores[zsl, 3:],
        "zsl_subjects": subjects[zsl],
        "zsl_recordings": subjects[zsl],
        "gzsl_labels": CLASSES[true],
        "gzsl_predictions": CLASSES[gated],
        "gzsl_scores": scores,
        "gzsl_subjects": subjects,
        "gzsl_recordings": subjects,
        "gate_p_unseen": p_unseen,
        "gate_is_unseen": zsl,
        "gate_threshold": np.array(THRESHOLD),
        "seen": np.array(SEEN),
        "unseen": np.array(UNSEEN),
        "latent_map_xy": rng.normal(size=(12, 2)),
        "latent_map_class": CLASSES[[0, 1, 2, 3, 4, 3, 4, 0, 1, 2, 3, 4]],
        "latent_map_kind": kinds,
    }


def write_run(folder: Path, seed: int = 0, skill: float = 2.0, config: str = "") -> Path:
    """Write every file that reports read; every claim of the checklist holds."""
    arrays = predictions(seed, skill)
    columns = ("labels", "predictions", "subjects", "recordings")
    zsl = TestWindows(*(arrays[f"zsl_{name}"] for name in columns))
    gzsl = GatedWindows(*(arrays[f"gzsl_{name}"] for name in (*columns, "scores")), arrays["gate_p_unseen"])
    oracle = {"per_class_top1": 0.847, "accuracy": 0.861, "cycle": 1}
    last = {"per_class_top1": 0.412, "accuracy": 0.434, "per_class_top1_by_cycle": [0.847, 0.412]}
    metrics = {
        "dataset": "toy",
        "split": "random-1",
        "seed": seed,
        "zsl": evaluate_zsl(zsl, UNSEEN, seed=0),
        **evaluate_gzsl(gzsl, SEEN, UNSEEN, seed=0),
        "chosen": {"step": 400, "temperature": 0.5, "gate_threshold": THRESHOLD},
        "chance": {"zsl": 0.5, "gzsl": 0.2, "majority_zsl": 0.5},
        "reference": {"last_cycle": last, "oracle": oracle},
    }
    subjects = {"train_subjects": ("<s1>",), "val_subjects": ("p9",), "test_subjects": ("p0", "p1", "p2")}
    Split("toy", "random-1", "random", 0, SEEN, UNSEEN, **subjects, inner=(SEEN[:1],)).save(folder / "split.json")
    write_json(folder / "metrics.json", metrics)
    write_npz(folder / "predictions.npz", arrays)
    environment = {"seed": seed, "python": "3.11", "packages": {"torch": "2"}, "commit": COMMIT, "note": "<script>"}
    write_json(folder / "environment.json", environment)
    text = config or f"dataset: toy # <i>\nseed: {seed}\nfeatures:\n  blocks: [statistical]\n"
    write_text(folder / "config.yaml", text)
    write_json(folder / "gate.json", {"threshold": THRESHOLD, "fusion": "hard"})
    names = np.array([*SEEN[1:], SEEN[0]])
    write_npz(folder / "gate_examples.npz", {"inner-1/class_names": names, "inner-1/subjects": np.array(["p9"] * 4)})
    write_text(
        folder / "progress.jsonl",
        '{"step": 200}\n{"chosen_step": 400, "inner_top1": {"200": 0.9, "400": 0.8, "600": 0.7}}\n',
    )
    return folder
