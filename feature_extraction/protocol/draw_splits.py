"""Drawing zero-shot problems: unseen classes, subject partitions and inner folds, from a seed alone.

Nothing here looks at a signal or at an accuracy. Known data sets take their subjects from
`resources/label_splits/subjects.json`; those of a user's own data set are drawn (`partition.py`) so that every class
has train and test windows. Where there are fewer than three people, or none of them did what others did, recordings or
parts of them are held out instead.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.datasets import get_dataset
from feature_extraction.errors import InputError
from feature_extraction.protocol.groups import HeldOut, Piece, classes_of, pieces_of_recordings, pieces_of_windows
from feature_extraction.protocol.partition import (
    SubjectPartition,
    known_partition,
    parts_partition,
    random_partition,
    recordings_partition,
    stretches_of,
)
from feature_extraction.protocol.split import MIN_SEEN, OPEN, Split
from feature_extraction.storage.files import content_hash, read_json
from feature_extraction.storage.names import file_names, plain_name
from feature_extraction.storage.places import SPLITS_FOLDER
from feature_extraction.windows.cutting import WindowSettings

KINDS = ("random", "zerohar", "loco")
N_INNER_FOLDS = 3
N_SPLITS = 6
LONGEST_NAME = 80  # characters of a split's name
HELD_BACK = 6  # Every inner fold of an open split holds back a sixth of the subjects.
_UNSEEN_COUNTS = {
    **{"dsads": 5, "usc-had": 4, "hapt": 3, "utd-mhad": 5, "wharf": 3, "wisdm": 6, "watch": 2},
    **{"umafall": 3, "sp-sw-har": 1, "berkeley-mhad": 3},
}
_OPEN_SHARE = 0.25  # of the classes that inner folds of an open split hold out
_CLASS_DRAWS, _INNER_DRAWS = 0, 2  # one stream of random numbers each; 1 is that of subjects


@dataclass(frozen=True)
class Recorded:
    """What a data set holds, as far as splits are drawn from it.

    Attributes:
        dataset: Its name.
        classes: Its classes, in order.
        pieces: Who recorded what, and how long.
        settings: How windows are cut.
    """

    dataset: str
    classes: tuple[str, ...]
    pieces: tuple[Piece, ...]
    settings: WindowSettings

    @classmethod
    def read(cls, dataset: str, raw: Path | None = None) -> "Recorded":
        """Read a data set by its name or the path of its `dataset.yaml`.

        Args:
            dataset: Name or path.
            raw: Folder of the recordings, if they do not lie where the data set has them.

        Raises:
            InputError: It cannot be read.
        """
        spec = get_dataset(dataset)
        return cls(spec.name, spec.class_list().names, tuple(pieces_of_recordings(spec.read(raw))), spec.windowing)

    @classmethod
    def of_windows(cls, windows: Any, settings: WindowSettings, classes: Sequence[str]) -> "Recorded":
        """Return what is behind windows.

        Args:
            windows: A `WindowSet` or `FeatureTable`.
            settings: How they were cut.
            classes: Classes of the data set, in order.
        """
        pieces = pieces_of_windows(windows, settings.window_s)
        return cls(windows.dataset, tuple(classes), tuple(pieces), settings)

    @property
    def subjects(self) -> dict[str, set[str]]:
        """Class name to the subjects who recorded it, of recorded classes."""
        found: dict[str, set[str]] = {}
        for name in self.classes:
            own = {piece.subject for piece in self.pieces if piece.label == name}
            if own:
                found[name] = own
        return found


@dataclass(frozen=True)
class SplitSource:
    """What the splits of a data set are made of.

    Attributes:
        dataset: Name of the data set.
        classes: Its classes, in order.
        subjects: Who trains, validates and tests.
        validated: Classes that the validation subjects recorded; none stands for all.
    """

    dataset: str
    classes: tuple[str, ...]
    subjects: SubjectPartition
    validated: frozenset[str] | None = None

    @property
    def testable(self) -> tuple[str, ...]:
        """Classes that can be unseen, since they have test windows."""
        return tuple(name for name in self.classes if name not in self.subjects.untested)

    def split(self, name: str, kind: str, seed: int, unseen: Collection[str]) -> Split:
        """Build one split; the rest of the classes are seen, and inner folds are drawn among them.

        Raises:
            InputError: An unseen class is not among the classes or has no test windows, or too few classes stay seen.
        """
        strange, untested = sorted(set(unseen) - set(self.classes)), sorted(set(unseen) & set(self.subjects.untested))
        if strange:
            raise InputError(
                f"{self.dataset}/{name}: unseen classes {strange} are not among its classes {list(self.classes)}"
            )
        if untested:
            raise InputError(
                f"{self.dataset}/{name}: unseen classes {untested} have no test windows; record more of them"
            )
        seen = tuple(label for label in self.classes if label not in unseen)
        if len(seen) < 2:
            raise InputError(f"{self.dataset}/{name}: {len(seen)} class stays seen; two are needed to learn from")
        inner = inner_folds(seen, len(unseen) / len(self.classes), seed) if len(seen) >= MIN_SEEN else ()
        validated = set(seen) if self.validated is None else self.validated & set(seen)
        parts = self.subjects
        if not any(validated & set(fold) and validated - set(fold) for fold in inner):
            inner, parts = (), replace(parts, train=parts.train + parts.val, val=())
        return Split(
            dataset=self.dataset,
            name=name,
            kind=kind,
            seed=seed,
            seen=seen,
            unseen=tuple(label for label in self.classes if label in unseen),
            train_subjects=parts.train,
            val_subjects=parts.val,
            test_subjects=parts.test,
            inner=inner,
            holds_out=parts.holds_out,
            untested=tuple(label for label in seen if label in parts.untested),
        )


def create_splits(
    dataset: str, kind: str = "random", count: int | None = None, seed: int = 0, raw: Path | None = None
) -> list[Split]:
    """Make the splits of one kind of a data set.

    Args:
        dataset: Name of a data set, or path of the user's `dataset.yaml`.
        kind: `random`, `zerohar` (three published folds) or `loco` (each class left out once).
        count: Number of random splits; by default six, or as many as there are.
        seed: Seed; split K of `random` uses `seed + K`, inner folds of the others use `seed`.
        raw: Folder of the recordings, if they do not lie where the data set has them.

    Raises:
        InputError: Unknown kind, no published folds, too few classes or subjects.
    """
    if kind not in KINDS:
        raise InputError(f"kind {kind!r} is unknown; choose from {', '.join(KINDS)}")
    source = split_source(dataset, seed, raw=raw)
    if kind == "zerohar":
        return create_zerohar(source, seed)
    if kind == "loco":
        return create_loco(source, seed)
    n_classes = len(source.classes)
    n_unseen = _UNSEEN_COUNTS.get(source.dataset, max(2, round(n_classes / 4)))
    if source.dataset not in _UNSEEN_COUNTS:
        n_unseen = max(1, min(n_unseen, n_classes - MIN_SEEN, len(source.testable)))
    if count is None:
        count = min(N_SPLITS, comb(len(source.testable), n_unseen))
    return create_random(source, n_unseen, count, seed)


def create_custom(
    dataset: str, unseen: Sequence[str], test_subjects: Sequence[str] = (), seed: int = 0, raw: Path | None = None
) -> Split:
    """Make a split whose unseen classes, and perhaps test subjects, somebody chose.

    Args:
        dataset: Name of a data set, or path of the user's `dataset.yaml`.
        unseen: Unseen classes.
        test_subjects: Test subjects; by default they are drawn.
        seed: Seed of whatever is drawn.
        raw: Folder of the recordings, if they do not lie where the data set has them.

    Raises:
        InputError: A class or subject is unknown, or what is left cannot be learned from.
    """
    chosen, known = tuple(plain_name(name) for name in unseen), get_dataset(dataset).class_list().names
    strange = [name for name in chosen if name not in known]
    if strange or not chosen:
        named = f"class {strange[0]!r} is unknown" if strange else "no class is named"
        raise InputError(f"{dataset}: --unseen: {named}; classes are {', '.join(known)}")
    source = split_source(dataset, seed, chosen, tuple(plain_name(name) for name in test_subjects), raw)
    name = f"unseen-{'-'.join(file_names(chosen))}"
    name = name if len(name) <= LONGEST_NAME else f"unseen-{content_hash(*chosen)[:8]}"
    return source.split(name, "custom", seed, chosen)


def create_open(recorded: Recorded, seed: int = 0) -> Split:
    """Make the split that learns from all that is labelled and measures nothing.

    Inner folds, where step, gate and calibration are chosen, hold back classes and people; of a single person
    recordings, or parts of them.

    Args:
        recorded: What the data set holds.
        seed: Seed of the inner folds.

    Raises:
        InputError: There are fewer than two classes.
    """
    classes = tuple(recorded.subjects)
    if len(classes) < 2:
        raise InputError(f"{recorded.dataset}: recordings of {list(classes)}; two classes are needed to learn from")
    holds_out, sixths = _sixths(recorded, seed)
    members = {name: held for names in sixths.values() for name, held in names.items()}
    joined = {sixth: set().union(*names.values()) for sixth, names in sixths.items()}
    folds = open_folds(classes, joined, _OPEN_SHARE, seed)
    return Split(
        dataset=recorded.dataset,
        name=OPEN,
        kind=OPEN,
        seed=seed,
        seen=classes,
        unseen=(),
        train_subjects=tuple(sorted(members, key=lambda name: (len(name), name))),
        val_subjects=(),
        test_subjects=(),
        inner=tuple(fold for fold, _ in folds),
        holds_out=holds_out,
        held_back=tuple(tuple(sorted(set().union(*(sixths[name] for name in held)))) for _, held in folds),
    )


def open_folds(
    classes: Sequence[str], recorded: Mapping[str, set[str]], share: float, seed: int
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Draw inner folds that hold back classes and subjects; those that leave fewer than two classes are dropped.

    Args:
        classes: All classes.
        recorded: Subject (or another group of windows) to the classes that it has windows of.
        share: Share of the classes that a fold holds out.
        seed: Seed of the draws.

    Returns:
        Pseudo-unseen classes and subjects held back of each fold; nothing if there are fewer than two subjects.
    """
    names, folds = sorted(recorded), []
    if len(classes) < MIN_SEEN or len(names) < 2:
        return []
    for number, fold in enumerate(inner_folds(classes, share, seed)):
        held = _held_back(names, number, seed)
        left = set().union(*(recorded[name] for name in names if name not in held)) - set(fold)
        if len(left) >= 2:
            folds.append((fold, held))
    return folds


def _held_back(subjects: Sequence[str], number: int, seed: int) -> tuple[str, ...]:
    """Return the subjects that an inner fold holds back; folds take turns as far as there are subjects."""
    names = np.random.default_rng(seed).permutation(subjects).tolist()
    size = max(1, round(len(names) / HELD_BACK))
    start = number * size
    return tuple(sorted(names[k % len(names)] for k in range(start, start + size)))


def _sixths(recorded: Recorded, seed: int) -> tuple[HeldOut, dict[str, dict[str, set[str]]]]:
    """Return what an open split holds back, and its groups with their classes: people one by one, others in sixths."""
    people: dict[str, set[str]] = {}
    files: dict[str, set[str]] = {}
    for piece in recorded.pieces:
        people.setdefault(piece.subject, set()).add(piece.label)
        files.setdefault(piece.file, set()).add(piece.label)
    if len(people) > 1:
        return "people", {name: {name: held} for name, held in people.items()}
    single = [name for name in recorded.subjects if sum(name in held for held in files.values()) < 2]
    if single:
        cut = [(piece, stretches_of(piece, HELD_BACK, recorded.settings)) for piece in recorded.pieces]
        groups = {name: {piece.label} for piece, stretches in cut for name in stretches}
    else:
        groups = files
    generator = np.random.default_rng([seed, _INNER_DRAWS])
    sixths: dict[str, dict[str, set[str]]] = {}
    for held in sorted(set(map(frozenset, groups.values())), key=sorted):  # those of the same classes are dealt apart
        alike = generator.permutation([name for name, own in groups.items() if own == held]).tolist()
        for k, name in enumerate(alike):
            sixths.setdefault(str(k % HELD_BACK), {})[name] = groups[name]
    return "parts" if single else "recordings", sixths


def split_source(
    dataset: str,
    seed: int,
    unseen: Sequence[str] = (),
    test_subjects: Sequence[str] = (),
    raw: Path | None = None,
) -> SplitSource:
    """Return the classes of a data set and who trains, validates and tests.

    Args:
        dataset: Name of a data set, or path of the user's `dataset.yaml`.
        seed: Seed of the partition, if it is not fixed.
        unseen: Unseen classes, if they are chosen already; they need no train subjects.
        test_subjects: Test subjects, if they are chosen already.
        raw: Folder of the recordings, if they do not lie where the data set has them.

    Raises:
        InputError: A subject is unknown, or nothing can be held out.
    """
    spec = get_dataset(dataset)
    known = known_partition(spec.name)
    if known is not None and not test_subjects:
        left = [name for name in unseen if name in known.without]
        if left:
            raise InputError(f"{dataset}: class {left[0]!r} is left out: {known.why}")
        return SplitSource(spec.name, tuple(n for n in spec.class_list().names if n not in known.without), known)
    recorded = Recorded.read(dataset, raw)
    subjects = recorded.subjects
    silent = [name for name in unseen if name not in subjects]
    if silent:
        raise InputError(f"{dataset}: unseen class {silent[0]!r} has no recordings to be tested on")
    partition = _draw_partition(recorded, seed, unseen, test_subjects)
    if partition.holds_out == "people":
        validated = frozenset(name for name, own in subjects.items() if own & set(partition.val))
    else:
        validated = classes_of(partition.val, recorded.pieces)
    return SplitSource(recorded.dataset, tuple(subjects), partition, validated)


def _draw_partition(
    recorded: Recorded, seed: int, unseen: Sequence[str], test_subjects: Sequence[str]
) -> SubjectPartition:
    """Hold out people if that leaves every class something to learn from, else recordings, else parts of them."""
    where = recorded.dataset
    try:
        return random_partition(recorded.subjects, seed, where, unseen, test_subjects)
    except InputError:
        if test_subjects:
            raise
    try:
        return recordings_partition(recorded.pieces, seed, where, recorded.settings)
    except InputError:
        return parts_partition(recorded.pieces, seed, recorded.settings)


def create_random(source: SplitSource, n_unseen: int, count: int, seed: int) -> list[Split]:
    """Draw `random-1`, `random-2`, ...: no two have the same unseen classes.

    Raises:
        InputError: There are too few classes for that many unseen ones or that many splits.
    """
    n_classes, testable = len(source.classes), list(source.testable)
    most = min(max(n_classes - MIN_SEEN, 1 if n_classes > 2 else 0), len(testable))
    if most == 0:
        why = (
            "two have to stay seen" if testable else "recordings are too few and too short to set some apart for tests"
        )
        raise InputError(
            f"{source.dataset}: none of {n_classes} classes can be unseen: {why}; learn from all of them with an open "
            "split (`splits create --open`), which measures nothing"
        )
    if not 1 <= n_unseen <= most:
        raise InputError(
            f"{source.dataset}: {n_unseen} unseen of {n_classes} classes; from 1 to {most} can be "
            f"unseen, at least {MIN_SEEN} have to stay seen"
        )
    if not 1 <= count <= comb(len(testable), n_unseen):
        differ = comb(len(testable), n_unseen)
        raise InputError(f"{source.dataset}: {count} splits asked for; from 1 to {differ} differ in their classes")
    drawn: list[frozenset[str]] = []
    for number in range(1, count + 1):
        generator = np.random.default_rng([seed + number, _CLASS_DRAWS])
        unseen = None
        while unseen is None or unseen in drawn:
            unseen = frozenset(generator.choice(testable, n_unseen, replace=False).tolist())
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
    if len(source.classes) < 3:
        raise InputError(f"{source.dataset}: {len(source.classes)} classes; leaving one out needs three or more")
    slugs = zip(source.testable, file_names(source.testable), strict=True)
    return [source.split(f"loco-{slug}", "loco", seed, [name]) for name, slug in slugs]


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
