"""Drawing zero-shot problems: unseen classes, subject partitions and inner folds, from a seed alone.

Nothing here looks at a signal or at an accuracy. Known data sets take their subjects from
`resources/label_splits/subjects.json`; those of a user's own data set are drawn so that every class
has train and test windows.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path

import numpy as np

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError
from feature_extraction.protocol.split import Split
from feature_extraction.recordings.recording import Recording
from feature_extraction.storage.files import read_json
from feature_extraction.storage.places import SPLITS_FOLDER
from feature_extraction.storage.plain import from_plain

KINDS = ("random", "zerohar", "loco")
N_INNER_FOLDS = 3
MIN_SEEN = 4
_UNSEEN_COUNTS = {"dsads": 5, "usc-had": 4, "hapt": 3, "utd-mhad": 5, "wharf": 3, "wisdm": 6, "watch": 2}
_MAX_DRAWS = 1000
_CLASS_DRAWS, _SUBJECT_DRAWS, _INNER_DRAWS = 0, 1, 2  # one stream of random numbers each


@dataclass(frozen=True)
class SubjectPartition:
    """Disjoint groups of subjects.

    Attributes:
        train: Subjects that anything may be fitted on.
        val: Subjects for choices.
        test: Subjects of the final evaluation.
        without: Classes left out.
        why: Why they are.
    """

    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]
    without: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class SplitSource:
    """What the splits of a data set are made of.

    Attributes:
        dataset: Name of the data set.
        classes: Its classes, in order.
        subjects: Who trains, validates and tests.
    """

    dataset: str
    classes: tuple[str, ...]
    subjects: SubjectPartition

    def split(self, name: str, kind: str, seed: int, unseen: Collection[str]) -> Split:
        """Build one split; the rest of the classes are seen, and inner folds are drawn among them.

        Raises:
            InputError: An unseen class is not among the classes, or too few classes stay seen.
        """
        strange = sorted(set(unseen) - set(self.classes))
        if strange:
            raise InputError(
                f"{self.dataset}/{name}: unseen classes {strange} are not among its classes {list(self.classes)}"
            )
        seen = tuple(label for label in self.classes if label not in unseen)
        return Split(
            dataset=self.dataset,
            name=name,
            kind=kind,
            seed=seed,
            seen=seen,
            unseen=tuple(label for label in self.classes if label in unseen),
            train_subjects=self.subjects.train,
            val_subjects=self.subjects.val,
            test_subjects=self.subjects.test,
            inner=inner_folds(seen, len(unseen) / len(self.classes), seed),
        )


def create_splits(dataset: str, kind: str = "random", count: int = 6, seed: int = 0) -> list[Split]:
    """Make the splits of one kind of a data set.

    Args:
        dataset: Name of a data set, or path of the user's `dataset.yaml`.
        kind: `random`, `zerohar` (three published folds) or `loco` (each class left out once).
        count: Number of random splits.
        seed: Seed; split K of `random` uses `seed + K`, inner folds of the others use `seed`.

    Raises:
        InputError: Unknown kind, no published folds, too few classes or subjects.
    """
    if kind not in KINDS:
        raise InputError(f"kind {kind!r} is unknown; choose from {', '.join(KINDS)}")
    spec = get_dataset(dataset)
    names = spec.class_list().names
    partition = known_partition(spec.name)
    if partition is None:
        recorded: dict[str, set[str]] = {name: set() for name in names}
        for item in spec.read():
            if isinstance(item, Recording):
                recorded.setdefault(item.label, set()).add(item.subject)
        partition = random_partition(recorded, seed, dataset)
    source = SplitSource(spec.name, tuple(name for name in names if name not in partition.without), partition)
    if kind == "zerohar":
        return create_zerohar(source, seed)
    if kind == "loco":
        return create_loco(source, seed)
    n_unseen = _UNSEEN_COUNTS.get(spec.name, max(2, round(len(source.classes) / 4)))
    return create_random(source, n_unseen, count, seed)


def create_random(source: SplitSource, n_unseen: int, count: int, seed: int) -> list[Split]:
    """Draw `random-1`, `random-2`, ...: no two have the same unseen classes.

    Raises:
        InputError: There are too few classes for that many unseen ones or that many splits.
    """
    n_classes = len(source.classes)
    if not 1 <= n_unseen <= n_classes - MIN_SEEN:
        raise InputError(
            f"{source.dataset}: {n_unseen} unseen of {n_classes} classes; from 1 to {n_classes - MIN_SEEN} can be "
            f"unseen, at least {MIN_SEEN} have to stay seen"
        )
    if not 1 <= count <= comb(n_classes, n_unseen):
        raise InputError(
            f"{source.dataset}: {count} splits asked for; from 1 to {comb(n_classes, n_unseen)} differ in their classes"
        )
    drawn: list[frozenset[str]] = []
    for number in range(1, count + 1):
        generator = np.random.default_rng([seed + number, _CLASS_DRAWS])
        unseen = None
        while unseen is None or unseen in drawn:
            unseen = frozenset(generator.choice(list(source.classes), n_unseen, replace=False).tolist())
        drawn.append(unseen)
    return [source.split(f"random-{k}", "random", seed + k, unseen) for k, unseen in enumerate(drawn, start=1)]


def create_zerohar(source: SplitSource, seed: int) -> list[Split]:
    """Make `zerohar-fold1` to `zerohar-fold3`: the unseen classes that ZeroHAR publishes (`zerohar.json`).

    Raises:
        InputError: No folds are published for the data set.
    """
    folds = read_json(SPLITS_FOLDER / "zerohar.json")
    if source.dataset not in folds:
        raise InputError(f"{source.dataset}: ZeroHAR's folds are known for {', '.join(folds)} only; use kind random")
    published = enumerate(folds[source.dataset], start=1)
    return [source.split(f"zerohar-fold{number}", "zerohar", seed, unseen) for number, unseen in published]


def create_loco(source: SplitSource, seed: int) -> list[Split]:
    """Leave one class out at a time: `loco-<class>`.

    Raises:
        InputError: There are too few classes.
    """
    if len(source.classes) <= MIN_SEEN:
        raise InputError(f"{source.dataset}: {len(source.classes)} classes; leaving one out needs more than {MIN_SEEN}")
    return [source.split(f"loco-{name.replace(' ', '-')}", "loco", seed, [name]) for name in source.classes]


def inner_folds(seen: Sequence[str], share: float, seed: int) -> tuple[tuple[str, ...], ...]:
    """Draw disjoint groups of pseudo-unseen classes.

    Args:
        seen: Seen classes.
        share: Share of the seen classes in a group; a group has at least two.
        seed: Seed of the draw.

    Returns:
        Three groups, or as many as there are classes for.
    """
    size = max(2, int(share * len(seen)))
    count = max(1, min(N_INNER_FOLDS, len(seen) // size))
    order = np.random.default_rng([seed, _INNER_DRAWS]).permutation(list(seen)).tolist()
    groups = [set(order[start : start + size]) for start in range(0, count * size, size)]
    return tuple(tuple(label for label in seen if label in group) for group in groups)


def known_partition(dataset: str, folder: Path = SPLITS_FOLDER) -> SubjectPartition | None:
    """Return the partition that `subjects.json` fixes for a data set, or none.

    Raises:
        InputError: The entry of the data set lacks a part.
    """
    path = folder / "subjects.json"
    entry = read_json(path).get(dataset)
    return entry and from_plain(SubjectPartition, {"without": [], "why": "", **entry}, f"{path}: {dataset}")


def random_partition(recorded: Mapping[str, set[str]], seed: int, where: str) -> SubjectPartition:
    """Draw a quarter of the subjects for test and a sixth for validation, at least one each.

    Args:
        recorded: Class name to the subjects who recorded it.
        seed: Seed of the draws; they are repeated until every class has train and test subjects.
        where: Data set; named in errors.

    Raises:
        InputError: There are fewer than three subjects, or a class has too few.
    """
    names = sorted(set().union(*recorded.values()), key=lambda name: (len(name), name))
    if len(names) < 3:
        raise InputError(f"{where}: subjects are {names}; three are needed: to train, to validate and to test on")
    rare = sorted(label for label, subjects in recorded.items() if len(subjects) < 2)
    if rare:
        raise InputError(
            f"{where}: fewer than two subjects recorded {', '.join(rare)}, so no other could test it; record "
            "another subject, or take the class away"
        )
    n_test, n_val = max(1, round(len(names) / 4)), max(1, round(len(names) / 6))
    generator = np.random.default_rng([seed, _SUBJECT_DRAWS])
    for _ in range(_MAX_DRAWS):
        rank = dict(zip(names, generator.permutation(len(names)), strict=True))
        test = tuple(name for name in names if rank[name] < n_test)
        val = tuple(name for name in names if n_test <= rank[name] < n_test + n_val)
        train = tuple(name for name in names if rank[name] >= n_test + n_val)
        if all(subjects & set(train) and subjects & set(test) for subjects in recorded.values()):
            return SubjectPartition(train, val, test)
    raise InputError(
        f"{where}: no draw of {n_test} test and {n_val} validation subjects leaves every class with train and "
        "test windows; record the rare classes with more subjects, or take them away"
    )
