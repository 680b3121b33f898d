"""The `resources/` folder that the original SA-DVAE code works from: where its files lie, and writing them.

For a data set `NAME` with K classes, U of them unseen (`ss` in the original), the original code reads::

    label_splits/NAME/ru{U}.npy, rs{K-U}.npy             class indices: unseen, seen
    label_splits/NAME/rv{U}_0.npy, rs{K-2U}_0.npy        the seen ones again: pseudo-unseen, the rest
    text_feats/NAME/{language}/lb_{K}.npy                float [K, E]
    sk_feats/{encoder}_NAME_{U}_r/                       train, ztest, gtest (+ labels), gtest_out
    sk_feats/{encoder}_NAME_val_{U}_r/                   train, ztest, val (+ labels), ztest_out, val_out

`train` holds the classes to train on, `ztest` (pseudo-)unseen ones, `gtest` the test windows of all classes,
`val` held-out windows of the classes trained on; `*_out` are logits [n, K] of a seen-class classifier.
Label files are `train_label`, `z_label`, `g_label` and `val_label`. No array is a pickle.
An export adds files that the original ignores (`*_subject.npy`, `*_recording.npy`, `*_start_s.npy`,
`split.json`, `table.json`), with which `layout_import.py` restores subjects and split exactly.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from feature_extraction.errors import InputError
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.split import Split
from feature_extraction.storage.files import atomic_path, write_json

LABEL_FILES = {"train": "train_label", "ztest": "z_label", "gtest": "g_label", "val": "val_label"}
ABSENT_LOGIT = -500.0
MOST_CLASSES = 10_000


@dataclass(frozen=True)
class OriginalLayout:
    """Where the files of one zero-shot problem lie; the fields are the flags of the original code.

    Attributes:
        root: The `resources` folder.
        dataset: Data-set name of the original (`--dataset`), for instance `ntu60` or `ntu60_split2`.
        n_classes: K (`--num_classes`).
        n_unseen: U (`--ss`).
        encoder: Name of the motion encoder (`--ve`); the original knows shift, stgcn and posec3d only.
        language: Name of the text encoder (`--le`).
        text: Text parts joined by underscores (`--tm`), concatenated on import.
        split_type: First letter of the split files (`--st`).
    """

    root: Path
    dataset: str
    n_classes: int
    n_unseen: int
    encoder: str = "imu"
    language: str = "all-MiniLM-L6-v2"
    text: str = "lb"
    split_type: str = "r"

    def __post_init__(self) -> None:
        """Refuse sizes that leave no class to train on and names that the original would misread."""
        if self.n_classes > MOST_CLASSES:
            raise InputError(f"{self.n_classes} classes cannot be used; give up to {MOST_CLASSES}")
        if self.n_unseen < 1 or self.n_classes - 2 * self.n_unseen < 2:
            raise InputError(
                f"{self.n_unseen} unseen of {self.n_classes} classes: the original layout holds as many seen "
                "ones out as pseudo-unseen and needs two more to train on; choose fewer unseen classes"
            )
        for name in (self.dataset, self.encoder, self.language, self.text, self.split_type):
            # Quirk of the original: a path with "_val" in it is taken for the gate's folder.
            if not name or "/" in name or "_val" in name:
                raise InputError(f"layout name {name!r} cannot be used; leave out '/' and '_val'")

    def features(self, inner: bool) -> Path:
        """Return the feature folder: of the problem itself, or of the inner one for the gate."""
        return self.root / "sk_feats" / f"{self.encoder}_{self.dataset}{'_val' if inner else ''}_{self.n_unseen}_r"

    def label_split(self, name: str) -> Path:
        """Return the file of a class subset: `unseen`, `seen`, `inner_unseen` or `inner_seen`."""
        unseen, seen = self.n_unseen, self.n_classes - self.n_unseen
        stem = {
            "unseen": f"u{unseen}",
            "seen": f"s{seen}",
            "inner_unseen": f"v{unseen}_0",
            "inner_seen": f"s{seen - unseen}_0",
        }[name]
        return self.root / "label_splits" / self.dataset / f"{self.split_type}{stem}.npy"

    def text_file(self, part: str) -> Path:
        """Return the file of one text part, float [K, E]."""
        return self.root / "text_feats" / self.dataset / self.language / f"{part}_{self.n_classes}.npy"


def logistic_outputs(features: np.ndarray, labels: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return the log probabilities [n, C] of a logistic regression, columns as `np.unique(labels)`."""
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=0.01, max_iter=200).fit(scaler.transform(features), labels)
    return model.predict_log_proba(scaler.transform(queries))


def pseudo_unseen_classes(split: Split, n_unseen: int) -> tuple[str, ...]:
    """Return `n_unseen` pseudo-unseen classes: those of the inner folds in order, then other seen ones."""
    ordered = dict.fromkeys([name for fold in split.inner for name in fold] + list(split.seen))
    return tuple(ordered)[:n_unseen]


def export_original(
    layout: OriginalLayout, table: FeatureTable, split: Split, classes: Sequence[str], text: np.ndarray
) -> None:
    """Write everything the original code reads for one split.

    Unseen classes of train and validation subjects are left out: nothing may look at them. Both feature
    folders hold the same features; if an encoder learned them on all seen classes, it knows the pseudo-unseen
    ones of the inner folder, and the gate tuned there is too hopeful.

    Args:
        layout: Where to write; made for this split.
        table: Features, labels and subjects of the data set.
        split: The problem.
        classes: All K class names; the position becomes the label.
        text: Text embeddings [K, E], rows as `classes`.

    Raises:
        InputError: A part without windows.
        LeakageError: The features learned from an unseen class or a test subject.
    """
    split.check_provenance(table.provenance, "export in the original layout")
    inner_unseen = pseudo_unseen_classes(split, layout.n_unseen)
    inner_seen = tuple(name for name in split.seen if name not in inner_unseen)
    subsets = {
        "unseen": split.unseen,
        "seen": split.seen,
        "inner_unseen": inner_unseen,
        "inner_seen": inner_seen,
    }
    parts: dict[bool, dict[str, np.ndarray]] = {
        False: {
            "train": split.rows(table.labels, table.subjects, split.seen, "train"),
            "ztest": split.rows(table.labels, table.subjects, split.unseen, "test"),
            "gtest": split.rows(table.labels, table.subjects, split.classes, "test"),
        },
        True: {
            "train": split.rows(table.labels, table.subjects, inner_seen, "train"),
            "ztest": split.rows(table.labels, table.subjects, inner_unseen, "val"),
            "val": split.rows(table.labels, table.subjects, inner_seen, "val"),
        },
    }
    arrays: dict[Path, np.ndarray] = {}
    index = {name: i for i, name in enumerate(classes)}
    for subset, names in subsets.items():
        arrays[layout.label_split(subset)] = np.sort(np.array([index[name] for name in names]))
    arrays[layout.text_file(layout.text)] = text.astype(np.float32)
    labels = np.array([index.get(name, -1) for name in table.labels])
    for inner, rows_of in parts.items():
        folder, train = layout.features(inner), rows_of["train"]
        for part, rows in rows_of.items():
            if not len(rows):
                raise InputError(f"{folder / part}.npy: split {split.name} has no windows for it; use another split")
            arrays |= _part_arrays(folder, part, table, rows, labels)
        for part in ("ztest", "val") if inner else ("gtest",):
            logits = logistic_outputs(table.features[train], labels[train], table.features[rows_of[part]])
            outputs = np.full((len(logits), layout.n_classes), ABSENT_LOGIT, dtype=np.float32)
            outputs[:, np.unique(labels[train])] = np.maximum(logits, ABSENT_LOGIT)
            arrays[folder / f"{part}_out.npy"] = outputs
    for path, array in arrays.items():
        _write_npy(path, array)
    folder = layout.features(False)
    split.save(folder / "split.json")
    note = {
        "classes": list(classes),
        "blocks": dict(table.blocks),
        "dataset": table.dataset,
        "window_key": table.window_key,
        "provenance": [asdict(entry) for entry in table.provenance],
    }
    write_json(folder / "table.json", note)


def _part_arrays(
    folder: Path, part: str, table: FeatureTable, rows: np.ndarray, labels: np.ndarray
) -> dict[Path, np.ndarray]:
    return {
        folder / f"{part}.npy": table.features[rows].astype(np.float32),
        folder / f"{LABEL_FILES[part]}.npy": labels[rows],
        folder / f"{part}_subject.npy": table.subjects[rows].astype(str),
        folder / f"{part}_recording.npy": table.recordings[rows].astype(str),
        folder / f"{part}_start_s.npy": table.start_s[rows],
    }


def _write_npy(path: Path, array: np.ndarray) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
