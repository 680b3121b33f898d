"""Who trains, validates and tests: drawn from a seed, so that as many classes as possible have windows of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.protocol.groups import HeldOut, Piece, Stretch
from feature_extraction.storage.files import read_json
from feature_extraction.storage.places import SPLITS_FOLDER
from feature_extraction.storage.plain import from_plain
from feature_extraction.windows.cutting import WindowSettings

_MAX_DRAWS = 1000
_SUBJECT_DRAWS = 1  # stream of random numbers
_SHARES = {"train": 0.5, "val": 0.2, "test": 0.3}  # of a recording that is cut


@dataclass(frozen=True)
class SubjectPartition:
    """Disjoint groups of windows: subjects, or recordings and parts of them where subjects are too few.

    Attributes:
        train: Groups that anything may be fitted on.
        val: Groups for choices.
        test: Groups of the final evaluation.
        without: Classes left out.
        why: Why they are.
        holds_out: What the groups are.
        untested: Classes without test windows, which cannot be unseen.
    """

    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]
    without: tuple[str, ...] = ()
    why: str = ""
    holds_out: HeldOut = "people"
    untested: tuple[str, ...] = ()


def known_partition(dataset: str, folder: Path = SPLITS_FOLDER) -> SubjectPartition | None:
    """Return the partition that `subjects.json` fixes for a data set, or none.

    Raises:
        InputError: The entry of the data set lacks a part.
    """
    path = folder / "subjects.json"
    entry = read_json(path).get(dataset)
    defaults = {"without": [], "why": "", "holds_out": "people", "untested": []}
    return entry and from_plain(SubjectPartition, {**defaults, **entry}, f"{path}: {dataset}")


def random_partition(
    recorded: Mapping[str, set[str]],
    seed: int,
    where: str,
    unseen: Sequence[str] = (),
    test: Sequence[str] = (),
) -> SubjectPartition:
    """Draw a quarter of the subjects for test and a sixth for validation, at least one each.

    Draws are repeated until every class has train and test subjects, an unseen one test subjects. Where no draw does
    that, as for a class that only one person did, the best one is taken: all classes have train subjects.

    Args:
        recorded: Class name to the subjects who recorded it.
        seed: Seed of the draws.
        where: Data set; named in errors.
        unseen: Classes that need no train subjects.
        test: Test subjects, if they are chosen already.

    Raises:
        InputError: There are fewer than three subjects, or a class would have none to train or be tested on.
    """
    names = sorted(set().union(*recorded.values()), key=lambda name: (len(name), name))
    if len(names) < 3:
        raise InputError(f"{where}: subjects are {names}; three are needed: to train, to validate and to test on")
    strange = sorted(set(test) - set(names))
    if strange or len(names) - len(test) < 2:
        problem = f"test subject {strange[0]!r} is unknown" if strange else "fewer than two subjects are left to learn"
        raise InputError(f"{where}: {problem}; subjects are {', '.join(names)}")
    n_test, n_val = max(1, round(len(names) / 4)), max(1, round(len(names) / 6))
    if test:
        n_test, n_val = len(test), min(n_val, len(names) - len(test) - 1)
    generator = np.random.default_rng([seed, _SUBJECT_DRAWS])
    best: tuple[tuple[int, int], SubjectPartition] | None = None
    for _ in range(_MAX_DRAWS):
        rank = dict(zip(names, generator.permutation(len(names)), strict=True))
        if test:
            others = [name for name in names if name not in test]
            order = sorted(others, key=lambda name: rank[name])
            rank = {name: 0 for name in test} | {name: len(test) + k for k, name in enumerate(order)}
        parts = SubjectPartition(
            train=tuple(name for name in names if rank[name] >= n_test + n_val),
            val=tuple(name for name in names if n_test <= rank[name] < n_test + n_val),
            test=tuple(name for name in names if rank[name] < n_test),
        )
        untrained = [c for c, subjects in recorded.items() if c not in unseen and not subjects & set(parts.train)]
        untested = [c for c, subjects in recorded.items() if not subjects & set(parts.test)]
        lost = len(untrained) + len(set(untested) & set(unseen)), len(untested)
        if best is None or lost < best[0]:
            best = lost, SubjectPartition(parts.train, parts.val, parts.test, untested=tuple(untested))
        if lost == (0, 0):
            break
    assert best is not None
    if best[0][0]:
        raise InputError(
            f"{where}: no draw of {n_test} test and {n_val} validation subjects leaves every class with train "
            "windows and every unseen one with test windows; record the rare classes with more subjects, or take "
            "them away"
        )
    return best[1]


def recordings_partition(pieces: Sequence[Piece], seed: int, where: str, settings: WindowSettings) -> SubjectPartition:
    """Draw recordings (files) to train, validate and test on.

    A class of two recordings trains on one and is tested on the other; choices are then made on a part of the first.

    Args:
        pieces: What was recorded.
        seed: Seed of the draws.
        where: Data set; named in errors.
        settings: How windows are cut.

    Raises:
        InputError: A class has one recording only, or no draw leaves it one to train and one to be tested on.
    """
    labels: dict[str, set[str]] = {}
    for piece in pieces:
        labels.setdefault(piece.file, set()).add(piece.label)
    classes = list(dict.fromkeys(piece.label for piece in pieces))
    single = [name for name in classes if sum(name in held for held in labels.values()) < 2]
    if single:
        raise InputError(f"{where}: one recording only of {', '.join(single)}")
    generator = np.random.default_rng([seed, _SUBJECT_DRAWS])
    best: tuple[tuple[int, int, int], dict[str, list[str]]] | None = None
    for number in range(_MAX_DRAWS):
        alike: dict[object, list[str]] = {}
        for name, held in labels.items():  # in every other draw, recordings of the same classes are dealt apart
            alike.setdefault(frozenset(held) if number % 2 == 0 else None, []).append(name)
        parts: dict[str, list[str]] = {part: [] for part in _SHARES}
        for names in alike.values():
            _deal(names, generator, parts)
        held_in = {part: set().union(*(labels[name] for name in names)) for part, names in parts.items()}
        lost = tuple(len(set(classes) - held_in[part]) for part in ("train", "test", "val"))
        if best is None or lost < best[0]:
            best = lost, parts  # type: ignore[assignment]
        if not any(lost):
            break
    assert best is not None
    if best[0][0] or best[0][1]:
        raise InputError(f"{where}: recordings cannot be dealt so that every class trains and is tested")
    parts = best[1]
    chosen_on = set().union(*(labels[name] for name in parts["val"]))
    for piece in pieces:  # choices of the classes that validation recordings lack
        if piece.file in parts["train"] and piece.label not in chosen_on:
            stretches = _cut(piece, ("train", "val"), settings)
            for part, stretch in stretches.items():
                parts[part].append(str(stretch))
    return _partition(parts, "recordings")


def parts_partition(pieces: Sequence[Piece], seed: int, settings: WindowSettings) -> SubjectPartition:
    """Cut recordings into stretches to train, validate and test on, a window apart from each other.

    Of a class whose recordings are all too short to be cut, whole recordings are dealt.

    Args:
        pieces: What was recorded.
        seed: Seed of the order of the parts.
        settings: How windows are cut.
    """
    generator = np.random.default_rng([seed, _SUBJECT_DRAWS])
    parts: dict[str, list[str]] = {part: [] for part in _SHARES}
    untested = []
    for label in dict.fromkeys(piece.label for piece in pieces):
        own = [piece for piece in pieces if piece.label == label]
        cut: list[tuple[str, Stretch]] = []
        for piece in own:
            order = [str(part) for part in generator.permutation(list(_SHARES))]
            stretches = _cut(piece, order, settings) or _cut(piece, [p for p in order if p != "val"], settings)
            cut += stretches.items() if stretches else [("train", _whole(piece))]
        if all(part == "train" for part, _ in cut):
            dealt: dict[str, list[str]] = {part: [] for part in _SHARES}
            _deal([str(_whole(piece)) for piece in own], generator, dealt)
            for part, names in dealt.items():
                parts[part] += names
            untested += [] if dealt["test"] else [label]
        else:
            for part, stretch in cut:
                parts[part].append(str(stretch))
    return _partition(parts, "parts", untested)


def stretches_of(piece: Piece, count: int, settings: WindowSettings) -> list[str]:
    """Return up to `count` stretches of equal length, side by side, of at least one window each."""
    starts_s = piece.end_s - piece.start_s - settings.window_s
    count = max(1, min(count, int(starts_s / _stride_s(settings))))
    edges = [piece.start_s + starts_s * k / count for k in range(count)]
    edges = [np.floor(edges[0]), *np.round(edges[1:], 2), np.ceil(piece.end_s)]
    return [str(Stretch(piece.name, float(a), float(b))) for a, b in pairwise(edges)]


def _cut(piece: Piece, order: Sequence[str], settings: WindowSettings) -> dict[str, Stretch]:
    """Cut a recording into one stretch for each part, a window apart; nothing if it is too short."""
    guard_s, shares = 2 * settings.window_s, np.array([_SHARES[part] for part in order])
    starts_s = piece.end_s - piece.start_s - settings.window_s - guard_s * (len(order) - 1)
    lengths = starts_s * shares / shares.sum()
    if len(order) < 2 or lengths.min() < 2 * _stride_s(settings):
        return {}
    found, start_s = {}, piece.start_s
    for part, length in zip(order, lengths.tolist(), strict=True):
        last = part == order[-1]
        found[part] = Stretch(
            piece.name, round(start_s, 2), float(np.ceil(piece.end_s)) if last else round(start_s + length, 2)
        )
        start_s += length + guard_s
    return found


def _whole(piece: Piece) -> Stretch:
    return Stretch(piece.name, float(np.floor(piece.start_s)), float(np.ceil(piece.end_s)))


def _stride_s(settings: WindowSettings) -> float:
    return settings.step_samples / settings.rate_hz


def _deal(names: Sequence[str], generator: np.random.Generator, parts: dict[str, list[str]]) -> None:
    """Deal groups to train, validation and test: one trains, of two one is tested, more make up all three."""
    n = len(names)
    n_test = 0 if n < 2 else max(1, round(n / 4))
    n_val = 0 if n < 3 else max(1, round(n / 6))
    order = generator.permutation(list(names)).tolist()
    parts["test"] += order[:n_test]
    parts["val"] += order[n_test : n_test + n_val]
    parts["train"] += order[n_test + n_val :]


def _partition(
    parts: Mapping[str, Iterable[str]], holds_out: HeldOut, untested: Sequence[str] = ()
) -> SubjectPartition:
    train, val, test = (tuple(sorted(parts[part])) for part in ("train", "val", "test"))
    return SubjectPartition(train, val, test, holds_out=holds_out, untested=tuple(untested))
