"""What one run has to solve, as arrays: the final problem and its inner folds, from a feature table and texts.

Axis legend: F folds, N windows, C classes (seen, then unseen), D IMU features, E text features, P coordinates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from feature_extraction.errors import InputError
from feature_extraction.features.table import FeatureTable
from feature_extraction.protocol.groups import near
from feature_extraction.protocol.split import OPEN, Part, Split
from feature_extraction.protocol.standardizer import Standardizer
from feature_extraction.windows.input_format import InputFormat
from sadvae_har.experiment.semantic_space import SemanticSpace


@dataclass(frozen=True)
class Fold:
    """Classes to train on and classes known by description only.

    The final problem has seen and unseen classes; an inner fold has the remaining seen classes and
    its pseudo-unseen ones.

    Attributes:
        name: `final` or `inner-1`, `inner-2`, ...
        train: Positions of the training classes in `Problem.classes`.
        held_out: Positions of the classes known by description only.
        rows: Windows that may be trained on: training classes of train subjects.
        features: IMU features of all windows, standardised on `rows` [N, D].
        coordinates: Of the semantic vectors of all classes in the span of the training classes' ones, [C, P].
        outside: What lies outside that span: squared length there over the mean one of training classes, [C].
    """

    name: str
    train: np.ndarray
    held_out: np.ndarray
    rows: np.ndarray
    features: Tensor
    coordinates: Tensor
    outside: Tensor


@dataclass(frozen=True)
class Problem:
    """Standardised features, semantic vectors and folds of one split.

    Attributes:
        split: The split.
        classes: Seen, then unseen class names, C.
        features: IMU features as each fold sees them [F, N, D]; `Fold.features` is a view.
        class_index: Position of each window's class in `classes`, -1 for other classes, [N].
        subjects: Subject of each window, or the group of the split that stands for it, [N].
        recordings: Recording of each window [N].
        vectors: Semantic vectors of `classes` [C, E].
        space: What the seen classes span of the text space.
        standardizer: Statistics of the final problem, fitted on seen windows of train subjects.
        folds: The final problem, then the inner folds.
        source: How the windows were cut, where that is known.
    """

    split: Split
    classes: tuple[str, ...]
    features: Tensor
    class_index: np.ndarray
    subjects: np.ndarray
    recordings: np.ndarray
    vectors: np.ndarray
    space: SemanticSpace
    standardizer: Standardizer
    folds: tuple[Fold, ...]
    source: InputFormat | None = None

    @property
    def centred_vectors(self) -> Tensor:
        """Semantic vectors centred on the seen classes, of unit mean square there, [C, E]."""
        return self.space.centred(self.vectors)

    def windows(self, positions: np.ndarray, subjects: tuple[str, ...]) -> np.ndarray:
        """Return the indices of windows of the classes at `positions` from `subjects`."""
        return np.flatnonzero(np.isin(self.class_index, positions) & np.isin(self.subjects, subjects))

    def names(self, positions: np.ndarray) -> tuple[str, ...]:
        """Return class names at positions."""
        return tuple(self.classes[p] for p in positions)


def make_problem(table: FeatureTable, split: Split, vectors: np.ndarray) -> Problem:
    """Lay out the final problem and the inner folds, each standardised on its own training windows.

    An open split trains the final problem on all its windows; each inner fold holds some of its subjects back. An inner
    fold must not know how much its pseudo-unseen classes vary, or it would be easier than the real problem.

    Args:
        table: Features of every window of the data set.
        split: Split to solve.
        vectors: Semantic vectors of `split.classes`, in that order, [C, E].

    Raises:
        LeakageError: The table's encoder has seen an unseen class or a test subject.
        InputError: A class or a part of the split has no windows.
    """
    if table.dataset != split.dataset:
        raise InputError(f"features are of {table.dataset!r}, split {split.name!r} is of {split.dataset!r}; pair them")
    split.check_provenance(table.provenance, "feature table")
    table = replace(table, subjects=split.groups(table))
    train = split.rows(table.labels, table.subjects, split.seen, "train")
    if split.kind != OPEN:
        _require_windows(table, split)
        return lay_out(table, split, vectors, train, [train] * len(split.inner))
    _require_all_known(table, split)
    inner = []
    for names in split.held_back:
        held = np.isin(table.subjects, names)
        if split.holds_out == "parts":
            held = near(table.recordings, table.start_s, held, _window_s(table))
        inner.append(train[~held[train]])
    return lay_out(table, split, vectors, train, inner)


def lay_out(
    table: FeatureTable, split: Split, vectors: np.ndarray, final: np.ndarray, inner: Sequence[np.ndarray]
) -> Problem:
    """Standardise the windows as each fold may, and place the classes in the text space that it knows.

    Args:
        table: Features.
        split: Classes and inner folds.
        vectors: Semantic vectors of `split.classes`, in that order, [C, E].
        final: Windows of seen classes that the final problem trains on.
        inner: Those of them that each inner fold may train on; its pseudo-unseen classes are left out here.
    """
    position = {name: k for k, name in enumerate(split.classes)}
    class_index = np.array([position.get(label, -1) for label in table.labels.tolist()])
    n_seen = len(split.seen)
    seen, unseen = np.arange(n_seen), np.arange(n_seen, len(split.classes))

    parts = [("final", seen, unseen)]
    for number, names in enumerate(split.inner, start=1):
        held_out = np.array([position[name] for name in names])
        parts.append((f"inner-{number}", np.setdiff1d(seen, held_out), held_out))
    rows = [
        allowed[np.isin(class_index[allowed], part[1])] for allowed, part in zip((final, *inner), parts, strict=True)
    ]
    fitted = [Standardizer.fit(table.features[r], table.labels[r], table.subjects[r], split) for r in rows]
    features = torch.stack([torch.from_numpy(entry.transform(table.features)) for entry in fitted])
    spaces = [SemanticSpace.fit(vectors[kept], n_seen - 1) for _, kept, _ in parts]
    folds = [
        Fold(name, kept, held_out, rows[f], features[f], *spaces[f].locate(vectors))
        for f, (name, kept, held_out) in enumerate(parts)
    ]
    return Problem(
        split=split,
        classes=split.classes,
        features=features,
        class_index=class_index,
        subjects=table.subjects,
        recordings=table.recordings,
        vectors=vectors,
        space=spaces[0],
        standardizer=fitted[0],
        folds=tuple(folds),
        source=table.source,
    )


def _window_s(table: FeatureTable) -> float:
    if table.source is None:
        raise InputError("the feature table does not say how its windows were cut, so none can be kept apart")
    return table.source.settings.window_s


def _require_all_known(table: FeatureTable, split: Split) -> None:
    """Refuse an open split that was made before something was recorded, or that has a class without windows."""
    labelled = np.isin(table.labels, split.seen)
    strange = sorted(set(table.subjects[~np.isin(table.subjects, split.train_subjects)].tolist()))
    absent = sorted(set(table.labels[~labelled].tolist()))
    if strange or absent:
        found = f"windows of {[name or 'no group' for name in strange]}" if strange else f"classes {absent}"
        raise InputError(
            f"split {split.dataset}/{split.name}: does not know {found}, so not everything that is labelled would be "
            "learned from; make the split again"
        )
    for name in split.seen:
        if name not in table.labels:
            raise InputError(f"split {split.dataset}/{split.name}: class {name!r} has no windows; record more of it")


def _require_windows(table: FeatureTable, split: Split) -> None:
    tested = tuple(name for name in split.seen if name not in split.untested)
    parts: tuple[tuple[tuple[str, ...], Part], ...]
    parts = ((split.seen, "train"), (tested, "test"), (split.unseen, "test"))
    for classes, part in parts:
        for name in classes:
            if len(split.rows(table.labels, table.subjects, [name], part)) < 2:
                raise InputError(
                    f"split {split.dataset}/{split.name}: class {name!r} has fewer than two windows of the {part} "
                    f"subjects {list(split.subjects(part))}; move subjects or leave the class out"
                )
    if not split.inner:
        return
    validated = set(table.labels[split.rows(table.labels, table.subjects, split.seen, "val")].tolist())
    if not any(validated & set(fold) and validated - set(fold) for fold in split.inner):
        raise InputError(
            f"split {split.dataset}/{split.name}: no inner fold has windows of both its seen and its pseudo-unseen "
            f"classes from the validation subjects {list(split.val_subjects)}; choose other validation subjects"
        )
