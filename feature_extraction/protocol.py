"""Who may be seen by what: class and subject partitions, provenance, and the checks that enforce them.

A `Split` partitions the classes of one data set into seen and unseen and its subjects into train,
validation and test. Inside the seen classes, inner folds hold out pseudo-unseen classes; whatever is
chosen (step, temperature, threshold) is chosen there. Everything that is fitted calls
`Split.check_fit` or `Split.check_provenance` first, which raise `LeakageError`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from feature_extraction.errors import InputError, LeakageError
from feature_extraction.storage import read_json, write_json

SPLITS_FOLDER = Path(__file__).resolve().parents[1] / "resources" / "label_splits"
Part = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Provenance:
    """What something learned from: one entry per data set it has seen.

    Attributes:
        dataset: Name of the data set.
        classes: Class names whose windows were used.
        subjects: Subjects whose windows were used.
        labelled: Whether labels were used, or signals alone.
    """

    dataset: str
    classes: tuple[str, ...]
    subjects: tuple[str, ...]
    labelled: bool

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> "Provenance":
        """Rebuild from `dataclasses.asdict` as read back from JSON."""
        return cls(value["dataset"], tuple(value["classes"]), tuple(value["subjects"]), bool(value["labelled"]))


@dataclass(frozen=True)
class Split:
    """One zero-shot problem on one data set, in class names and subject names.

    Attributes:
        dataset: Data-set name.
        name: Name of the split, also its file name (`random-1`, `zerohar-fold2`).
        kind: How it came about: `random`, `zerohar`, `loco` or `custom`.
        seed: Seed of the random draws (classes, subjects, inner folds).
        seen: Classes with training windows.
        unseen: Classes known by description only.
        train_subjects: Subjects that anything may be fitted on.
        val_subjects: Subjects for choices: early stopping, steps, gate.
        test_subjects: Subjects that only the final evaluation touches.
        inner: Pseudo-unseen classes of each inner fold, subsets of `seen`.
    """

    dataset: str
    name: str
    kind: str
    seed: int
    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    train_subjects: tuple[str, ...]
    val_subjects: tuple[str, ...]
    test_subjects: tuple[str, ...]
    inner: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Refuse a split that is empty, overlaps or holds out classes it does not have.

        Raises:
            InputError: Naming the offending classes or subjects.
        """
        where = f"split {self.dataset}/{self.name}"
        for field in ("seen", "unseen", "train_subjects", "val_subjects", "test_subjects", "inner"):
            if not getattr(self, field):
                raise InputError(f"{where}: '{field}' is empty; give it at least one entry")
        _require_disjoint(where, seen=self.seen, unseen=self.unseen)
        _require_disjoint(where, train=self.train_subjects, val=self.val_subjects, test=self.test_subjects)
        for fold in self.inner:
            strange = sorted(set(fold) - set(self.seen))
            if strange or not fold:
                raise InputError(f"{where}: inner fold {list(fold)} must hold seen classes only; remove {strange}")
            if len(set(self.seen) - set(fold)) < 2:
                raise InputError(f"{where}: inner fold {list(fold)} leaves fewer than two seen classes to train on")

    @property
    def classes(self) -> tuple[str, ...]:
        """Seen classes, then unseen classes."""
        return self.seen + self.unseen

    def subjects(self, part: Part) -> tuple[str, ...]:
        """Return the subjects of one part: train, val or test."""
        return {"train": self.train_subjects, "val": self.val_subjects, "test": self.test_subjects}[part]

    def rows(self, labels: np.ndarray, subjects: np.ndarray, classes: Iterable[str], part: Part) -> np.ndarray:
        """Return the indices of windows of `classes` from the subjects of `part`.

        Args:
            labels: Class names [N].
            subjects: Subject names [N].
            classes: Wanted class names.
            part: `train`, `val` or `test`.

        Returns:
            Sorted indices [n], int64; empty if there are none.
        """
        wanted = np.isin(labels, list(classes)) & np.isin(subjects, list(self.subjects(part)))
        return np.flatnonzero(wanted)

    def check_fit(self, labels: Iterable[str], subjects: Iterable[str], where: str) -> None:
        """Raise unless every label is seen and no subject is a test subject.

        Args:
            labels: Class names of the windows about to be fitted on.
            subjects: Subject names of the same windows.
            where: What is being fitted; named in the error.

        Raises:
            LeakageError: Naming the unseen classes or the test subjects.
        """
        foreign = sorted(set(labels) - set(self.seen))
        if foreign:
            raise LeakageError(
                f"{where}: handed classes that split {self.dataset}/{self.name} does not train on: {foreign}"
            )
        tested = sorted(set(subjects) & set(self.test_subjects))
        if tested:
            raise LeakageError(f"{where}: handed test subjects of split {self.dataset}/{self.name}: {tested}")

    def check_provenance(self, provenance: Sequence[Provenance], where: str) -> None:
        """Raise if something that learned from `provenance` may not be used on this split.

        Raises:
            LeakageError: It has seen an unseen class or a test subject of this data set.
        """
        for entry in provenance:
            if entry.dataset == self.dataset:
                self.check_fit(entry.classes, entry.subjects, where)

    def save(self, path: Path) -> None:
        """Write the split as readable JSON."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Split":
        """Read a split file.

        Raises:
            InputError: The file is missing or damaged, or a field is missing, unknown or inconsistent.
        """
        value = read_json(path)
        fields = set(cls.__dataclass_fields__)
        if not isinstance(value, dict) or set(value) != fields:
            given = set(value) if isinstance(value, dict) else set()
            raise InputError(
                f"{path}: a split needs exactly the fields {sorted(fields)}; "
                f"missing {sorted(fields - given)}, unknown {sorted(given - fields)}"
            )
        try:
            return cls(
                dataset=value["dataset"],
                name=value["name"],
                kind=value["kind"],
                seed=value["seed"],
                seen=_names(value["seen"]),
                unseen=_names(value["unseen"]),
                train_subjects=_names(value["train_subjects"]),
                val_subjects=_names(value["val_subjects"]),
                test_subjects=_names(value["test_subjects"]),
                inner=tuple(_names(fold) for fold in value["inner"]),
            )
        except TypeError as error:
            raise InputError(f"{path}: every class and subject field must be a list of names ({error})") from None


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return tuple(str(name) for name in value)


def _require_disjoint(where: str, **groups: tuple[str, ...]) -> None:
    owner: dict[str, str] = {}
    for group, names in groups.items():
        for name in names:
            if name in owner:
                raise InputError(f"{where}: '{name}' stands in both '{owner[name]}' and '{group}'; keep one")
            owner[name] = group


def find_split(dataset: str, name: str, folder: Path = SPLITS_FOLDER) -> Split:
    """Load `folder/dataset/name.json`.

    Raises:
        InputError: There is no such split; the message lists those there are.
    """
    path = folder / dataset / f"{name}.json"
    if not path.exists():
        known = list_splits(dataset, folder)
        raise InputError(
            f"{path}: no such split; there are: {', '.join(known) or 'none'}. `splits create` makes new ones"
        )
    return Split.load(path)


def list_splits(dataset: str, folder: Path = SPLITS_FOLDER, kind: str | None = None) -> list[str]:
    """Return the names of the splits of a data set, sorted; `kind` keeps those whose name starts with it."""
    names = sorted(path.stem for path in (folder / dataset).glob("*.json"))
    return [name for name in names if kind is None or name.startswith(kind)]
