"""Which columns of a table may be the clock of which sensors."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns import position
from feature_extraction.own_files.columns.names import WORDS, read_time_unit, words_of
from feature_extraction.own_files.declared import Declared
from feature_extraction.own_files.tables import Table
from feature_extraction.own_files.timing.stamps import find_pattern
from feature_extraction.recordings.recording import Channel

TOGETHER = 0.8  # of the entries of a sensor: with fewer beside those of the others it has rows of its own
BY_TURNS = 0.2  # of the rows: where entries begin or end more often, the rows between are of other sensors


@dataclass(frozen=True)
class Group:
    """Sensors that share a clock.

    Attributes:
        places: Positions of their channels.
        candidates: Columns that may hold their time stamps.
        partly: Whether rows in which all their values are missing belong to other sensors.
    """

    places: tuple[int, ...]
    candidates: tuple[int, ...]
    partly: bool = False


@dataclass(frozen=True)
class Unnamed:
    """What the entries of columns without names look like.

    Attributes:
        clocks: Columns that increase evenly.
        others: Columns of words, of one value, or that count.
        findings: One readable line each.
    """

    clocks: tuple[int, ...] = ()
    others: tuple[int, ...] = ()
    findings: tuple[str, ...] = ()


def find_clocks(
    head: Table, wanted: Sequence[Channel], columns: Sequence[int], declared: Declared, passed_over: Collection[int]
) -> list[Group]:
    """Group the sensors by the columns that may be their clock.

    Args:
        head: First rows.
        wanted: Channels of the model.
        columns: The column of each.
        declared: What the user said.
        passed_over: Columns not to look at.
    """
    everything = tuple(range(len(wanted)))
    if declared.time_column is not None:
        return _apart(head, wanted, columns, (position(head.names, declared.time_column, str(head.path)),))
    if not declared.seeks_time:
        return [Group(everything, ())]
    free = {*range(len(head.names))} - {*columns, *passed_over}
    timed = tuple(i for i in sorted(free) if read_time_unit(head.names[i]) is not None)
    by_clock: dict[tuple[int, ...], list[int]] = {}
    for sensor in dict.fromkeys((channel.device, channel.quantity) for channel in wanted):
        places = [i for i, channel in enumerate(wanted) if (channel.device, channel.quantity) == sensor]
        candidates = _clocks_of(sensor[1], [columns[i] for i in places], timed, head.names)
        by_clock.setdefault(candidates, []).extend(places)
    if len(by_clock) > 1:
        return [Group(tuple(places), candidates, partly=True) for candidates, places in by_clock.items()]
    return _apart(head, wanted, columns, timed if not by_clock else next(iter(by_clock)))


def find_unnamed(head: Table, n_wanted: int, declared: Declared, taken: Collection[int]) -> Unnamed:
    """Tell by their entries which columns without names are no channels, where there are more than channels.

    Raises:
        InputError: Several look like clocks.
    """
    free = [i for i in range(len(head.names)) if i not in taken]
    if any(head.names) or declared.columns or len(free) <= n_wanted or not len(head):
        return Unnamed()
    words = [i for i in free if not head.is_numeric(i)]
    clocks = [i for i in words if _is_date(head, i)]
    numbers = {i: head.numbers(i) for i in free if i not in words}
    still = [i for i, values in numbers.items() if np.nanmin(values) == np.nanmax(values)]
    rising = [i for i, values in numbers.items() if _rises_evenly(values)]
    counters = [i for i in rising if (np.diff(numbers[i]) == 1).all()]
    seeks = declared.seeks_time and declared.time_column is None
    clocks = [*clocks, *(i for i in rising if i not in counters)] if seeks else []
    if len(clocks) > 1:
        listed = " and ".join(map(str, clocks))
        raise InputError(
            f"{head.path}: columns {listed} have no names and all look like clocks; choose one with "
            f"{declared.keys['time_column']}, pass over the others, and name the columns of the channels"
        )
    for chosen in ([], counters, [*still, *counters]):
        others = [i for i in {*words, *rising, *chosen} if i not in clocks and (i not in counters or i in chosen)]
        if len(free) - len(others) - len(clocks) == n_wanted:
            lines = [f"column {i} increases evenly and is taken as time" for i in clocks]
            lines += [f"column {i} holds no samples and is passed over" for i in sorted(others)]
            return Unnamed(tuple(clocks), tuple(sorted(others)), tuple(lines))
    return Unnamed()


def _clocks_of(quantity: str, columns: Sequence[int], timed: Sequence[int], names: Sequence[str]) -> tuple[int, ...]:
    """Return the time columns of one sensor: those that name it, else those beside it, else those of all."""
    named = {i: _quantities(names[i]) for i in timed}
    own = [i for i in timed if named[i] == {quantity}]
    if own:
        return tuple(own)
    alike = {re.sub(r"[\W\d_]+", "", names[i].lower()) for i in timed}
    before = [i for i in timed if i < min(columns)]
    if len(timed) > 1 and len(alike) == 1 and before:
        return (before[-1],)
    return tuple(i for i in timed if not named[i]) or tuple(timed)


def _quantities(name: str) -> set[str]:
    words = set(words_of(name))
    return {quantity for quantity, choices in WORDS.items() if words & {*choices, quantity}}


def _apart(head: Table, wanted: Sequence[Channel], columns: Sequence[int], candidates: tuple[int, ...]) -> list[Group]:
    """Return one group for all sensors, or one for each where their entries stand in rows of their own."""
    everything = tuple(range(len(wanted)))
    together = [Group(everything, candidates)]
    sensors = list(dict.fromkeys((channel.device, channel.quantity) for channel in wanted))
    if not candidates or not len(head):
        return together
    present = np.isfinite(head.samples(columns))
    if len(sensors) == 1:
        own = present.any(axis=1)
        by_turns = own.mean() < TOGETHER and (own[1:] != own[:-1]).mean() > BY_TURNS
        return [Group(everything, candidates, partly=True)] if by_turns else together
    places = [[i for i, c in enumerate(wanted) if (c.device, c.quantity) == sensor] for sensor in sensors]
    each = np.array([present[:, of_sensor].all(axis=1) for of_sensor in places])
    if each.all(axis=0).sum() >= TOGETHER * each.sum(axis=1).max() or (each.sum(axis=1) < 3).any():
        return together
    return [Group(tuple(of_sensor), candidates, partly=True) for of_sensor in places]


def _is_date(head: Table, column: int) -> bool:
    if not head.is_text(column):
        return str(head.columns[column].type).startswith("time")
    try:
        return find_pattern(head.columns[column].to_pylist()) is not None
    except ValueError:
        return False


def _rises_evenly(values: np.ndarray) -> bool:
    """Return whether a column increases from row to row by about the same."""
    steps = np.diff(values[np.isfinite(values)])
    if len(steps) < 3 or not (steps > 0).all():
        return False
    return bool(np.quantile(steps, 0.9) < 2 * np.quantile(steps, 0.1))
