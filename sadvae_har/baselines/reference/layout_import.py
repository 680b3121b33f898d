"""Read the `resources/` folder of the original SA-DVAE code (see `layout.py`) into a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.split import Provenance, Split
from feature_extraction.storage.files import read_json
from feature_extraction.storage.npy import map_npy
from sadvae_har.baselines.reference.layout import LABEL_FILES, OriginalLayout

VAL_EVERY = 5
NOTE_FIELDS = {"classes", "blocks", "dataset", "window_key", "provenance"}


@dataclass(frozen=True)
class OriginalProblem:
    """An imported folder.

    Attributes:
        table: Windows of the seen classes for training and validation, and test windows of all classes.
        split: Classes and subjects; the subjects are `train`, `val` and `test` where the folder names none.
        classes: Class names; the position is the label of the original.
        text: Text embeddings, float32 [K, E], rows as `classes`.
    """

    table: FeatureTable
    split: Split
    classes: tuple[str, ...]
    text: np.ndarray


def import_original(layout: OriginalLayout) -> OriginalProblem:
    """Read a folder that the original code works from, whether its authors or `export_original` made it.

    A folder of the original names no subjects: its windows become those of the subjects `train`, `val`
    (every fifth training window of a class) and `test`. Its inner folder is not read, because those features
    come from another encoder; the pseudo-unseen classes become the inner fold. Classes are named as in the export,
    else `class 0`, `class 1`, ...

    Raises:
        InputError: A file is missing, damaged, holds objects, or has a shape or label that does not fit.
        LeakageError: A window to train on is of an unseen class.
    """
    folder = layout.features(False)
    note = read_json(folder / "table.json") if (folder / "table.json").exists() else None
    if note is not None and (not isinstance(note, dict) or set(note) != NOTE_FIELDS):
        raise InputError(f"{folder / 'table.json'}: needs exactly the fields {sorted(NOTE_FIELDS)}; export again")
    names = tuple(note["classes"] if note else [f"class {i}" for i in range(layout.n_classes)])
    if len(set(names)) != layout.n_classes:
        raise InputError(f"{folder}: {len(set(names))} class names for {layout.n_classes} classes; name each once")

    texts = [_read_floats(layout.text_file(part), layout.n_classes) for part in layout.text.split("_")]
    split = Split.load(folder / "split.json") if note else _read_split(layout, names)
    parts = [_read_part(folder, part, layout.n_classes, exported=bool(note)) for part in ("train", "gtest")]
    if note:
        parts += [_read_part(layout.features(True), part, layout.n_classes, exported=True) for part in ("ztest", "val")]
    widths = [part["features"].shape[1] for part in parts]
    if len(set(widths)) > 1:
        raise InputError(f"{folder}: the parts have {widths} feature columns; they must be alike")
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    labels = np.array(names)[columns.pop("labels")]
    fitted = columns["subjects"] != "test" if not note else np.isin(columns["subjects"], split.train_subjects)
    split.check_fit(labels[fitted], columns["subjects"][fitted], f"{folder / 'train.npy'}")
    learned = Provenance(layout.dataset, split.seen, ("train", "val"), labelled=True)
    table = FeatureTable(
        features=columns["features"],
        labels=labels,
        subjects=columns["subjects"],
        recordings=columns["recordings"],
        start_s=columns["start_s"],
        blocks=note["blocks"] if note else {layout.encoder: widths[0]},
        dataset=note["dataset"] if note else layout.dataset,
        window_key=note["window_key"] if note else folder.name,
        provenance=tuple(Provenance.from_dict(entry) for entry in note["provenance"]) if note else (learned,),
    )
    return OriginalProblem(table, split, names, np.concatenate(texts, axis=1))


def _read_split(layout: OriginalLayout, names: Sequence[str]) -> Split:
    """Turn the label-split files into a `Split` of the subjects train, val and test."""
    inner_seen = layout.n_classes - 2 * layout.n_unseen
    sizes = {
        "unseen": layout.n_unseen,
        "seen": layout.n_classes - layout.n_unseen,
        "inner_unseen": layout.n_unseen,
    }
    indices = {}
    for subset, size in (sizes | {"inner_seen": inner_seen}).items():
        path = layout.label_split(subset)
        indices[subset] = np.unique(_read_whole_numbers(path, layout.n_classes))
        if len(indices[subset]) != size:
            raise InputError(f"{path}: {len(indices[subset])} different classes; its name and the layout say {size}")
    if set(indices["seen"]) != set(indices["inner_unseen"]) | set(indices["inner_seen"]):
        files = [layout.label_split(subset).name for subset in ("inner_unseen", "inner_seen", "seen")]
        folder = layout.label_split("seen").parent
        raise InputError(
            f"{folder}: {files[0]} and {files[1]} do not make up {files[2]}; restore the files of one split"
        )
    named = {subset: tuple(names[i] for i in values) for subset, values in indices.items()}
    return Split(
        dataset=layout.dataset,
        name=f"original-{layout.n_unseen}",
        kind="custom",
        seed=0,
        seen=named["seen"],
        unseen=named["unseen"],
        train_subjects=("train",),
        val_subjects=("val",),
        test_subjects=("test",),
        inner=(named["inner_unseen"],),
    )


def _read_part(folder: Path, part: str, n_classes: int, exported: bool) -> dict[str, np.ndarray]:
    """Read one part as columns of a `FeatureTable`; `labels` are whole numbers."""
    path, label_path = folder / f"{part}.npy", folder / f"{LABEL_FILES[part]}.npy"
    labels = _read_whole_numbers(label_path, n_classes)
    features = _read_floats(path, len(labels))
    if exported:
        extra = {name: _read_npy(folder / f"{part}_{name}.npy") for name in ("subject", "recording", "start_s")}
        for name, values in extra.items():
            if values.shape != labels.shape or values.dtype.kind not in ("f" if name == "start_s" else "U"):
                raise InputError(
                    f"{folder / f'{part}_{name}.npy'}: {values.dtype} {values.shape} does not fit "
                    f"{len(labels)} windows; export again"
                )
        subjects, recordings, start_s = extra.values()
    else:
        subjects = np.full(len(labels), "train" if part == "train" else "test")
        if part == "train":
            for label in np.unique(labels):
                subjects[np.flatnonzero(labels == label)[VAL_EVERY - 1 :: VAL_EVERY]] = "val"
        recordings = np.array([f"{part}-{row}" for row in range(len(labels))])
        start_s = np.zeros(len(labels))
    return {
        "features": features,
        "labels": labels,
        "subjects": subjects,
        "recordings": recordings,
        "start_s": start_s,
    }


def _read_npy(path: Path) -> np.ndarray:
    if not path.exists():
        raise InputError(f"{path}: no such file; the original layout needs it")
    return np.array(map_npy(path))


def _read_floats(path: Path, n_rows: int) -> np.ndarray:
    """Read a finite float matrix of `n_rows` rows as float32."""
    array = _read_npy(path)
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.ndim != 2 or len(array) != n_rows:
        raise InputError(f"{path}: {array.dtype} {array.shape}; expected floats with {n_rows} rows and two axes")
    if not np.isfinite(array).all():
        raise InputError(f"{path}: {array.shape} holds NaN or infinity; restore the file")
    return array.astype(np.float32)


def _read_whole_numbers(path: Path, n_classes: int) -> np.ndarray:
    """Read class indices [n], int64."""
    array = _read_npy(path)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iuf" or (array != np.floor(array)).any():
        raise InputError(f"{path}: {array.dtype} {array.shape}; expected a non-empty row of class indices")
    if array.min() < 0 or array.max() >= n_classes:
        raise InputError(
            f"{path}: {array.shape} holds {array.min()} to {array.max()}; classes are 0 to {n_classes - 1}"
        )
    return array.astype(np.int64)
