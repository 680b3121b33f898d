"""Who may be seen by what: class and subject partitions, provenance, and the checks that enforce them.

A `Split` partitions the classes of one data set into seen and unseen and its subjects into train,
validation and test. Inside the seen classes, inner folds hold out pseudo-unseen classes; whatever is
chosen (step, temperature, threshold) is chosen there. Everything that is fitted calls
`Split.check_fit` or `Split.check_provenance` first, which raise `LeakageError`.

Where there are too few people, a split's groups are recordings or parts of them instead (`groups.py`); whatever is said
of subjects here then holds for these groups.

A split across data sets (kind `cross`) writes the data set in front of classes and subjects: `hapt: walking`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from feature_extraction.descriptions.class_list import load_class_list
from feature_extraction.descriptions.synonyms import find_synonym
from feature_extraction.errors import InputError, LeakageError
from feature_extraction.protocol.groups import MEANING, NOTHING_TESTED, HeldOut, groups_of
from feature_extraction.storage.escaping import visible
from feature_extraction.storage.files import read_json, write_json
from feature_extraction.storage.names import LONGEST_NAME, plain_name, require_plain
from feature_extraction.storage.places import OWN_SPLITS_FOLDER, SPLITS_FOLDER
from feature_extraction.storage.plain import from_plain

SEPARATOR = ": "  # between data set and name in splits across data sets
EVERYTHING = ("all",)  # classes or subjects of something that may have seen all of them
Part = Literal["train", "val", "test"]


class Windows(Protocol):
    """What a `WindowSet` and a `FeatureTable` say of each window, all [N]."""

    @property
    def subjects(self) -> np.ndarray:
        """Subject."""

    @property
    def recordings(self) -> np.ndarray:
        """Recording."""

    @property
    def start_s(self) -> np.ndarray:
        """Start in the recording."""


@dataclass(frozen=True)
class Provenance:
    """What something learned from: one entry per data set it has seen.

    Attributes:
        dataset: Name of the data set.
        classes: Class names whose windows were used; `EVERYTHING` if nobody says which.
        subjects: Subjects whose windows were used; `EVERYTHING` if nobody says which.
        labelled: Whether labels were used, or signals alone.
    """

    dataset: str
    classes: tuple[str, ...]
    subjects: tuple[str, ...]
    labelled: bool

    @classmethod
    def from_dict(cls, value: Any) -> "Provenance":
        """Rebuild from `dataclasses.asdict` as read back from JSON.

        Raises:
            InputError: A field is missing, unknown or of another type.
        """
        return from_plain(cls, value, "provenance")


OPEN = "open"  # kind of a split that measures nothing: it learns from all that is labelled
MOST_FOLDS = 20  # each costs a training of all models
MIN_SEEN = 4  # With fewer seen classes no inner fold can hold two of them out and leave two to train on.


@dataclass(frozen=True)
class Split:
    """One zero-shot problem on one data set, in class names and subject names.

    Attributes:
        dataset: Data-set name.
        name: Name of the split, also its file name (`random-1`, `zerohar-fold2`).
        kind: How it came about: `random`, `zerohar`, `loco` or `custom`; or `open`, which has seen classes and train
            subjects only, since whoever uses it measures elsewhere.
        seed: Seed of the random draws (classes, subjects, inner folds).
        seen: Classes with training windows.
        unseen: Classes known by description only.
        train_subjects: Subjects that anything may be fitted on.
        val_subjects: Subjects for choices: early stopping, steps, gate.
        test_subjects: Subjects that only the final evaluation touches.
        inner: Pseudo-unseen classes of each inner fold, subsets of `seen`; none where there are fewer than `MIN_SEEN`
            seen classes or nobody to choose on.
        holds_out: What the subjects are: `people`; or `recordings` or `parts` of recordings, by their names.
        untested: Seen classes that no test subject recorded, so that nothing is measured on them.
        held_back: Of an open split, the subjects that each inner fold does not learn from and is measured on.
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
    holds_out: HeldOut = field(default="people", repr=False)  # digests of runs are made from what repr shows
    untested: tuple[str, ...] = field(default=(), repr=False)
    held_back: tuple[tuple[str, ...], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Refuse a split that is empty, overlaps or holds out classes it does not have.

        Raises:
            InputError: Naming the offending classes or subjects.
        """
        where = visible(f"split {self.dataset[:LONGEST_NAME]}/{self.name[:LONGEST_NAME]}")
        people = (*self.train_subjects, *self.val_subjects, *self.test_subjects) if self.holds_out == "people" else ()
        for name in (self.dataset, self.name, *self.classes, *people):
            require_plain(name, where)
        needed = ["seen", "train_subjects"]
        if self.kind != OPEN:
            needed += ["unseen", "test_subjects"]
            needed += ["val_subjects"] if self.inner else []
            needed += ["inner"] if self.val_subjects and len(self.seen) >= MIN_SEEN else []
        for name in needed:
            if not getattr(self, name):
                raise InputError(f"{where}: '{name}' is empty; give it at least one entry")
        if len(self.held_back) != (len(self.inner) if self.kind == OPEN else 0):
            raise InputError(f"{where}: 'held_back' has {len(self.held_back)} entries; an open split has one a fold")
        for names in self.held_back:
            if not names or not set(names) < set(self.train_subjects):
                raise InputError(f"{where}: 'held_back' {list(names)} must be some of the train subjects")
        _require_disjoint(where, seen=self.seen, unseen=self.unseen)
        _require_disjoint(where, train=self.train_subjects, val=self.val_subjects, test=self.test_subjects)
        if len(self.inner) > MOST_FOLDS or len({frozenset(fold) for fold in self.inner}) < len(self.inner):
            raise InputError(
                f"{where}: 'inner' has {len(self.inner)} folds; give up to {MOST_FOLDS} that hold out different classes"
            )
        if not set(self.untested) < set(self.seen):
            raise InputError(f"{where}: 'untested' {list(self.untested)} must be some of the seen classes, not all")
        for fold in self.inner:
            strange = sorted(set(fold) - set(self.seen))
            if strange or not fold:
                raise InputError(f"{where}: inner fold {list(fold)} must hold seen classes only; remove {strange}")
            if len(set(fold)) < len(fold):
                raise InputError(f"{where}: inner fold {list(fold)} names a class twice; name it once")
            if len(set(self.seen) - set(fold)) < 2:
                raise InputError(f"{where}: inner fold {list(fold)} leaves fewer than two seen classes to train on")

    @property
    def classes(self) -> tuple[str, ...]:
        """Seen classes, then unseen classes."""
        return self.seen + self.unseen

    @property
    def meaning(self) -> str:
        """What results measured on this split say, as the end of a sentence."""
        return NOTHING_TESTED if self.kind == OPEN else MEANING[self.holds_out]

    def chosen_on(self, number: int) -> tuple[str, ...]:
        """Return the subjects that inner fold `number`, from 1, is measured on."""
        return self.held_back[number - 1] if self.kind == OPEN else self.val_subjects

    def groups(self, windows: "Windows") -> np.ndarray:
        """Return the subject of each window, or whatever group of this split stands for it, [N].

        Args:
            windows: A `WindowSet` or `FeatureTable`.
        """
        if self.holds_out == "people":
            return windows.subjects
        names = (*self.train_subjects, *self.val_subjects, *self.test_subjects)
        return groups_of(names, windows.recordings, windows.start_s)

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

    def check_fit(
        self, labels: Iterable[str], subjects: Iterable[str], where: str, held_out: Sequence[str] = ()
    ) -> None:
        """Raise unless every label is seen and no subject is a test subject.

        Args:
            labels: Class names of the windows about to be fitted on.
            subjects: Subject names of the same windows.
            where: What is being fitted; named in the error.
            held_out: Seen classes that count as unseen, too.

        Raises:
            LeakageError: Naming the unseen classes or the test subjects.
        """
        foreign = sorted(set(labels) - (set(self.seen) - set(held_out)))
        if foreign:
            raise LeakageError(
                f"{where}: handed classes that split {self.dataset}/{self.name} does not train on: {foreign}"
            )
        given = set(subjects)
        tested = sorted(given & set(self.test_subjects))
        if tested:
            raise LeakageError(f"{where}: handed test subjects of split {self.dataset}/{self.name}: {tested}")
        strange = given - {*self.train_subjects, *self.val_subjects} if self.holds_out != "people" else set()
        if strange:
            raise LeakageError(
                f"{where}: handed windows that split {self.dataset}/{self.name} keeps out of everything, as it holds "
                f"out {self.holds_out}: {sorted(strange)}"
            )

    def check_provenance(self, provenance: Sequence[Provenance], where: str, held_out: Sequence[str] = ()) -> None:
        """Raise if something that learned from `provenance` may not be used on this split.

        Of the split's own data sets it may have seen the seen classes of train and validation subjects. Of any other
        data set it may have seen everybody and everything, but not the labels of what means the same as an unseen
        class (`feature_extraction.descriptions.synonyms`).

        Args:
            provenance: What it learned from.
            where: What it is; named in the error.
            held_out: Seen classes that count as unseen, too.

        Raises:
            LeakageError: It has seen an unseen class or a test subject, or the label of an unseen class's synonym.
        """
        option = "" if self.kind == "cross" else f" (--exclude-unseen {self.dataset}/{self.name})"
        remedy = f"use something pretrained without them{option}"
        unseen = [self._origin(name) for name in (*self.unseen, *held_out)]
        own = {self.dataset, *(self._origin(name)[0] for name in self.classes)}
        for entry in provenance:
            if entry.dataset in own and self.holds_out != "people":
                if self.kind == OPEN:
                    continue  # Nothing is tested, and who learned from which recording cannot be told.
                raise LeakageError(
                    f"{where}: learned from {entry.dataset}, of which split {self.dataset}/{self.name} holds out "
                    f"{self.holds_out} of the same people; use something that never met this data set"
                )
            if entry.dataset in own:
                spelled = [self._spelling(entry.dataset, names) for names in (entry.classes, entry.subjects)]
                classes = self.classes if entry.classes == EVERYTHING else spelled[0]
                subjects = self.test_subjects if entry.subjects == EVERYTHING else spelled[1]
                try:
                    self.check_fit(classes, subjects, where, held_out)
                except LeakageError as error:
                    raise LeakageError(f"{error}; {remedy}") from error
            elif entry.labelled:
                for name in _classes_of(entry, where):
                    found = find_synonym((entry.dataset, name), unseen)
                    if found is not None:
                        raise LeakageError(
                            f"{where}: learned the label {name!r} of {entry.dataset}, which stands for the unseen "
                            f"class {found[1]!r} of split {self.dataset}/{self.name}; {remedy}"
                        )

    def _origin(self, name: str) -> tuple[str, str]:
        """Return the data set of a class and its name there."""
        if self.kind != "cross":
            return self.dataset, name
        dataset, _, own = name.partition(SEPARATOR)
        return dataset, own

    def _spelling(self, dataset: str, names: Sequence[str]) -> Sequence[str]:
        """Return names of one of the split's own data sets as the split writes them."""
        return names if dataset == self.dataset else [f"{dataset}{SEPARATOR}{name}" for name in names]

    def save(self, path: Path) -> None:
        """Write the split as readable JSON, with a sentence on what it measures."""
        write_json(path, {**asdict(self), "meaning": self.meaning})

    @classmethod
    def load(cls, path: Path) -> "Split":
        """Read a split file.

        Raises:
            InputError: The file is missing or damaged, or a field is missing, unknown or inconsistent.
        """
        value = read_json(path)
        if isinstance(value, dict):
            value = {key: _texts(entry) if isinstance(entry, list) else entry for key, entry in value.items()}
            value = {"holds_out": "people", "untested": [], "held_back": [], **value}
            value.pop("meaning", None)
        return from_plain(cls, value, str(path))


def _classes_of(entry: Provenance, where: str) -> tuple[str, ...]:
    """Return the class names something learned from; all of the data set's own if nobody says which."""
    if entry.classes != EVERYTHING:
        return entry.classes
    try:
        return load_class_list(entry.dataset).names
    except InputError as error:
        raise LeakageError(
            f"{where}: learned labels of {entry.dataset}, but not known which, so unseen classes may be among them; "
            "list the classes in its provenance"
        ) from error


def _texts(names: list[Any]) -> list[Any]:
    """Return names as texts: who writes a split by hand may number the subjects."""
    return [_texts(name) if isinstance(name, list) else _text(name) for name in names]


def _text(name: Any) -> Any:
    return plain_name(str(name)) if isinstance(name, int | str) else name


def _require_disjoint(where: str, **groups: tuple[str, ...]) -> None:
    owner: dict[str, str] = {}
    for group, names in groups.items():
        for name in names:
            if name in owner:
                raise InputError(f"{where}: '{name}' stands in both '{owner[name]}' and '{group}'; keep one")
            owner[name] = group


def find_split(dataset: str, name: str, folder: Path | None = None) -> Split:
    """Load `dataset/name.json` from a folder, by default from that of a person's own splits or of the shipped ones.

    Raises:
        InputError: There is no such split; the message lists those there are.
    """
    paths = [one / dataset / f"{name}.json" for one in _folders(folder)]
    for path in paths:
        if path.exists():
            return Split.load(path)
    known = ", ".join(list_splits(dataset, folder)) or "none"
    raise InputError(f"{paths[-1]}: no such split; there are: {known}. `splits create` makes new ones")


def list_splits(dataset: str, folder: Path | None = None, kind: str | None = None) -> list[str]:
    """Return the names of the splits of a data set, sorted; of one kind if one is given."""
    paths = {path.stem: path for one in _folders(folder)[::-1] for path in (one / dataset).glob("*.json")}
    return sorted(name for name, path in paths.items() if kind is None or Split.load(path).kind == kind)


def _folders(folder: Path | None) -> tuple[Path, ...]:
    """Return where splits are looked for, the user's own first."""
    return (OWN_SPLITS_FOLDER, SPLITS_FOLDER) if folder is None else (folder,)
