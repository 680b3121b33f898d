"""Which column of a user's file is which channel of a model, told by the names of the columns.

Columns whose names leave over the same words, such as `left wrist`, are one sensor; where several could be
meant, those words must name the device.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from feature_extraction.errors import InputError
from feature_extraction.own_files.columns.names import BRACKETS, Meaning, read_name, read_unit, words_of
from feature_extraction.recordings.recording import Channel


@dataclass(frozen=True)
class Matched:
    """The column of every wanted channel.

    Attributes:
        columns: Positions in the file.
        units: Unit that the name of the column states, or empty.
        findings: One readable line per channel.
        certain: Whether the names leave no doubt.
    """

    columns: tuple[int, ...]
    units: tuple[str, ...]
    findings: tuple[str, ...]
    certain: bool


def match_columns(
    names: Sequence[str],
    wanted: Sequence[Channel],
    declared: Mapping[str, str | int],
    time_column: int | Collection[int] | None,
    where: str,
) -> Matched:
    """Find the column of every wanted channel.

    Args:
        names: Of the columns of the file, empty where they have none.
        wanted: Channels of the model.
        declared: Columns the user named, by channel.
        time_column: Position of the declared time column, if any, or of all columns that are no channels.
        where: The file, for messages.

    Raises:
        InputError: A channel has no column, or several could be it.
    """
    found = _declared_columns(names, wanted, declared, where)
    taken = {time_column} if isinstance(time_column, int) else set(time_column or ())
    both = taken & set(found.values())
    if both:
        what = "time" if isinstance(time_column, int) else "passed over"
        raise InputError(f"{where}: column {shown(names, min(both))} cannot be {what} and a channel; name another")
    try:
        if not any(names) and not found:
            return _in_order(names, wanted, taken)
        open_columns = {i: name for i, name in enumerate(names) if i not in taken.union(found.values())}
        searched = ["" if i in taken else name for i, name in enumerate(names)]
        search = _Search(searched, {i: read_name(name) for i, name in open_columns.items()}, wanted)
        certain = True
        for sensor in dict.fromkeys((channel.device, channel.quantity) for channel in wanted):
            channels = [c for c in wanted if (c.device, c.quantity) == sensor and c.name not in found]
            of_sensor, sure = search.find_sensor(channels) if channels else ([], True)
            certain &= sure
            found |= dict(zip((channel.name for channel in channels), of_sensor, strict=True))
        columns = tuple(found[channel.name] for channel in wanted)
        _require_apart(names, wanted, columns)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    pairs = list(zip(wanted, columns, strict=True))
    lines = tuple(f"{channel.name} <- column {shown(names, i)}" for channel, i in pairs)
    return Matched(columns, tuple(_stated_unit(names[i], channel) for channel, i in pairs), lines, certain)


def position(names: Sequence[str], column: str | int, where: str) -> int:
    """Return the position of a column that was named or numbered from 0.

    Raises:
        InputError: There is no such column, or several of that name.
    """
    if (
        isinstance(column, str)
        and names.count(column) != 1
        and not (column.isascii() and column.isdigit() and len(column) < 7)
    ):
        what = "several columns" if column in names else "no column"
        raise InputError(f"{where}: {what} {column!r}; {listing(names)}, and numbers from 0 can be given, too")
    number = names.index(column) if column in names else int(column)
    if not 0 <= number < len(names):
        raise InputError(f"{where}: no column {column}; it has {len(names)}, counted from 0")
    return number


def shown(names: Sequence[str], column: int) -> str:
    """Return the name of a column in quotes, or its number if the name is empty or occurs twice."""
    return repr(names[column]) if names[column] and names.count(names[column]) == 1 else str(column)


def _declared_columns(
    names: Sequence[str], wanted: Sequence[Channel], declared: Mapping[str, str | int], where: str
) -> dict[str, int]:
    one_device = len({channel.device for channel in wanted}) == 1
    full = {channel.name: channel.name for channel in wanted}
    if one_device:
        full |= {f"{channel.quantity}_{channel.axis}": channel.name for channel in wanted}
    unknown = [name for name in declared if name not in full]
    if unknown:
        raise InputError(f"--columns: the model reads no {unknown[0]!r}; it reads {', '.join(c.name for c in wanted)}")
    return {full[name]: position(names, column, where) for name, column in declared.items()}


def _in_order(names: Sequence[str], wanted: Sequence[Channel], taken: Collection[int]) -> Matched:
    """Take the columns of a file without names in the order of the model."""
    columns = tuple(i for i in range(len(names)) if i not in taken)
    order = ", ".join(channel.name for channel in wanted)
    if len(columns) != len(wanted):
        raise InputError(
            f"{len(columns)} columns without names, and the model reads {len(wanted)} ({order}); "
            f"say which is which, counted from 0: {example(wanted, range(len(wanted)))}"
        )
    finding = f"columns without names are taken in this order: {order}"
    return Matched(columns, ("",) * len(columns), (finding,), certain=False)


@dataclass(frozen=True)
class _Search:
    """Names of all columns, the meanings of those that are free, and the channels of the model."""

    names: Sequence[str]
    meanings: Mapping[int, Meaning | None]
    wanted: Sequence[Channel]

    @property
    def several(self) -> bool:
        """Whether the model reads several devices, so that names must tell them apart."""
        return len({channel.device for channel in self.wanted}) > 1

    def find_sensor(self, channels: Sequence[Channel]) -> tuple[list[int], bool]:
        """Return the columns of the axes of one sensor, and whether that is beyond doubt."""
        exact = [self._named_exactly(channel) for channel in channels]
        if all(len(columns) == 1 for columns in exact):
            return [columns[0] for columns in exact], True
        sensors: dict[frozenset[str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for i, meaning in self.meanings.items():
            if meaning and meaning.quantity == channels[0].quantity:
                sensors[meaning.rest][meaning.axis].append(i)
        axes = [channel.axis for channel in channels]
        complete = {rest: found for rest, found in sensors.items() if all(axis in found for axis in axes)}
        fitting = [rest for rest in complete if set(words_of(channels[0].device)) <= rest]
        closest = [rest for rest in fitting if len(rest) == min(map(len, fitting))]
        plain = frozenset[str]()
        if not complete or (self.several and not fitting):
            return self._bare_axes(channels), False
        if not fitting and (len(complete) == 1 or plain in complete):
            closest = [plain] if plain in complete else list(complete)
        if len(closest) != 1 or any(len(complete[closest[0]][axis]) > 1 for axis in axes):
            raise InputError(self._ambiguous(channels, [complete[rest] for rest in closest or complete]))
        return [complete[closest[0]][axis][0] for axis in axes], bool(fitting) or len(complete) == 1

    def _named_exactly(self, channel: Channel) -> list[int]:
        """Return the columns whose name is the channel's; without the device, if there is only one."""
        accepted = [words_of(channel.name)] + ([] if self.several else [[channel.quantity, channel.axis]])
        plain = [words_of(BRACKETS.sub(" ", name)) for name in self.names]
        found = [[i for i, said in enumerate(plain) if said == words] for words in accepted]
        return next((columns for columns in found if columns), [])

    def _bare_axes(self, channels: Sequence[Channel]) -> list[int]:
        """Return the columns x, y and z for an accelerometer; nothing else can be told by the names."""
        plain = ["".join(words_of(BRACKETS.sub(" ", name))) for name in self.names]
        once = all(plain.count(channel.axis) == 1 for channel in channels)
        if self.several or channels[0].quantity != "acc" or not once:
            missing = ", ".join(channel.name for channel in channels)
            raise InputError(f"no column found for {missing}; {listing(self.names)}; name them: {example(channels)}")
        return [plain.index(channel.axis) for channel in channels]

    def _ambiguous(self, channels: Sequence[Channel], sensors: Sequence[Mapping[str, Sequence[int]]]) -> str:
        several = [c for c in channels if sum(len(found[c.axis]) for found in sensors) > 1]
        choices = ", ".join(shown(self.names, i) for found in sensors for i in found[several[0].axis])
        first = [sensors[0][channel.axis][0] for channel in channels]
        return f"{several[0].name} could be column {choices}; choose, such as {example(channels, first)}"


def _require_apart(names: Sequence[str], wanted: Sequence[Channel], columns: Sequence[int]) -> None:
    owners: dict[int, str] = {}
    for channel, column in zip(wanted, columns, strict=True):
        if column in owners:
            raise InputError(f"column {shown(names, column)} is both {owners[column]} and {channel.name}; name another")
        owners[column] = channel.name


def _stated_unit(name: str, channel: Channel) -> str:
    """Return the unit the name of a column states: a known one, text nobody knows, or empty."""
    meaning = read_name(name)
    if meaning is not None and meaning.quantity == channel.quantity:
        return meaning.unit or meaning.unknown_unit
    bracket = BRACKETS.findall(name)
    return (read_unit(bracket[-1]) or ("", bracket[-1]))[1] if bracket else ""


def example(channels: Sequence[Channel], columns: Sequence[int] = ()) -> str:
    """Return the flag that declares columns, with an example."""
    values = [str(i) for i in columns] or ["NAME"] * 3
    pairs = [f"{channel.name}={value}" for channel, value in zip(channels[:3], values, strict=False)]
    return "--columns " + ",".join(pairs) + (",..." if len(pairs) < len(channels) else "")


def listing(names: Sequence[str]) -> str:
    """Return what the columns of a file are called, for a message."""
    named = [name for name in names if name]
    more = f" and {len(named) - 12} more" if len(named) > 12 else ""
    return f"its columns are {', '.join(named[:12])}{more}" if named else f"its {len(names)} columns have no names"
