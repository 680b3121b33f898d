"""The `dataset.yaml` that describes a user's own recordings, read and checked before any file is opened.

    dataset: kitchen                       # name of the data set
    files: recordings/*.csv                # pattern, or list of patterns, from the folder of this file
    rate_hz: 50                            # or a time column: time: {column: t, unit: ms}
    columns:                               # channel (device.quantity_axis) -> column name or number from 0
      wrist.acc_x: ax
      wrist.acc_y: ay
      wrist.acc_z: az
    units: {acc: g}                        # of each quantity
    label: {column: activity}              # or {pattern: '([a-z]+)_'} on the file name, or {value: stirring}
    subject: {pattern: '_p([0-9]+)'}       # the same three ways
    classes:                               # code: what the files say, if it is not the name
      stirring: {sentence: A person stirs a pot ...}
      chopping: {code: C, sentence: A person chops vegetables ...}

Optional: title, homepage, licence, citation, format (csv, npy, parquet), delimiter, header,
placements (device -> place), ignore_labels, max_gap_s, long_gaps (error, split), windowing.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_extraction.errors import InputError
from feature_extraction.own_files.tables import Column
from feature_extraction.recordings.recording import AXES, QUANTITIES, Channel
from feature_extraction.recordings.signal import MAX_GAP_S, TIME_UNITS_S, si_channel
from feature_extraction.storage.plain import from_plain
from feature_extraction.storage.yaml import read_yaml
from feature_extraction.windows.cutting import WindowSettings

FORMATS = ("csv", "npy", "parquet")
REQUIRED = ("dataset", "files", "columns", "units", "label", "subject", "classes")
ABOUT = ("title", "homepage", "licence", "citation")
OPTIONAL = (
    *ABOUT,
    *("format", "delimiter", "header", "rate_hz", "time"),
    *("placements", "ignore_labels", "max_gap_s", "long_gaps", "windowing"),
)
DEFAULT_WINDOW_S = 5.0
DEFAULT_OVERLAP = 0.5


@dataclass(frozen=True)
class Source:
    """Where a label or subject stands; exactly one field is set.

    Attributes:
        column: Column of the table.
        pattern: Regular expression on the file name; its first group is the value.
        value: The same for all files.
    """

    column: Column | None = None
    pattern: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class CustomConfig:
    """What a `dataset.yaml` says.

    Attributes:
        path: The YAML file.
        dataset: Name of the data set.
        files: Glob patterns.
        format: `csv`, `npy`, `parquet`, or empty to go by the file name.
        delimiter: Between the values of a CSV file.
        header: Whether the first line of a CSV file names the columns.
        channels: What is measured.
        columns: Column of each channel.
        rate_hz: Rate of the recordings, or of the clock they are brought to if there is a time column.
        time_column: Column of time stamps, if any.
        time_unit_s: Seconds per unit of the time stamps.
        label: Where the class stands.
        subject: Where the subject stands.
        placements: Device to place on the body.
        ignore_labels: Labels whose samples are passed over.
        max_gap_s: Missing samples up to this long are interpolated.
        split_long_gaps: Longer gaps split a recording; otherwise they are an error.
        classes: Class name to its description, as `class_list_from_mapping` takes it.
        windowing: How to cut windows.
        about: title, homepage, licence, citation.
    """

    path: Path
    dataset: str
    files: tuple[str, ...]
    format: str
    delimiter: str
    header: bool
    channels: tuple[Channel, ...]
    columns: tuple[Column, ...]
    rate_hz: float
    time_column: Column | None
    time_unit_s: float
    label: Source
    subject: Source
    placements: Mapping[str, str]
    ignore_labels: tuple[str, ...]
    max_gap_s: float
    split_long_gaps: bool
    classes: Mapping[str, Any]
    windowing: WindowSettings
    about: Mapping[str, str]
    signature: str


def load_custom_config(path: Path) -> CustomConfig:
    """Read and check a `dataset.yaml`.

    Raises:
        InputError: Naming the file, the key and its value, and what is allowed.
    """
    raw = _read_yaml(path)
    unknown, missing = (
        [key for key in raw if key not in {*REQUIRED, *OPTIONAL}],
        [key for key in REQUIRED if key not in raw],
    )
    if unknown:
        raise InputError(f"{path}: unknown key {unknown[0]!r}; known are {', '.join((*REQUIRED, *OPTIONAL))}")
    if missing:
        raise InputError(f"{path}: key {missing[0]!r} is missing; needed are {', '.join(REQUIRED)}")
    if not isinstance(raw["dataset"], str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", raw["dataset"]):
        raise InputError(f"{path}: dataset: {raw['dataset']!r} is no name; use letters, digits, '-', '_' and '.'")
    channels, columns = _channels(raw, path)
    time_column, time_unit_s = _time(raw, path)
    windowing, rate_hz = _windowing(raw, channels, time_column is not None, path)
    files = raw["files"] if isinstance(raw["files"], list) else [raw["files"]]
    if not files or not all(isinstance(pattern, str) and pattern for pattern in files):
        raise InputError(f"{path}: files: {raw['files']!r}; give a pattern such as recordings/*.csv, or a list")
    return CustomConfig(
        path=path,
        dataset=raw["dataset"],
        files=tuple(files),
        format=_choice(raw, "format", ("", *FORMATS), path),
        delimiter=_typed(raw, "delimiter", str, ",", path),
        header=_typed(raw, "header", bool, True, path),
        channels=channels,
        columns=columns,
        rate_hz=rate_hz,
        time_column=time_column,
        time_unit_s=time_unit_s,
        label=_source(raw, "label", path),
        subject=_source(raw, "subject", path),
        placements=_placements(raw, channels, path),
        ignore_labels=tuple(str(label) for label in _typed(raw, "ignore_labels", list, [], path)),
        max_gap_s=_positive(raw.get("max_gap_s", MAX_GAP_S), "max_gap_s", path, zero=True),
        split_long_gaps=_choice(raw, "long_gaps", ("error", "split"), path) == "split",
        classes=_mapping(raw["classes"], "classes", path),
        windowing=windowing,
        about={key: str(raw.get(key, "")) for key in ABOUT},
        signature=json.dumps(
            {key: value for key, value in raw.items() if key != "classes"}, sort_keys=True, default=str
        ),
    )


def _read_yaml(path: Path) -> Mapping[str, Any]:
    value = read_yaml(path)
    if not isinstance(value, Mapping):
        raise InputError(f"{path}: expected keys such as dataset, files, columns; found {type(value).__name__}")
    return value


def _channels(raw: Mapping[str, Any], path: Path) -> tuple[tuple[Channel, ...], tuple[Column, ...]]:
    units = _mapping(raw["units"], "units", path)
    channels, columns = [], []
    for name, column in _mapping(raw["columns"], "columns", path).items():
        match = re.fullmatch(rf"(.+)\.({'|'.join(QUANTITIES)})_([{''.join(AXES)}])", str(name))
        if match is None:
            raise InputError(f"{path}: columns: {name!r} is not device.quantity_axis, such as wrist.acc_x")
        if match[2] not in units:
            raise InputError(f"{path}: units: no unit for {match[2]!r}; add one, such as {match[2]}: g")
        if isinstance(column, bool) or not isinstance(column, str | int):
            raise InputError(f"{path}: columns: {name}: {column!r}; give a column name or a number from 0")
        channel = Channel(match[1], match[2], match[3], str(units[match[2]]))
        try:
            si_channel(channel)
        except InputError as error:
            raise InputError(f"{path}: units: {error}") from None
        channels.append(channel)
        columns.append(column)
    if not channels:
        raise InputError(f"{path}: columns: empty; name at least the accelerometer, such as wrist.acc_x: ax")
    return tuple(channels), tuple(columns)


def _time(raw: Mapping[str, Any], path: Path) -> tuple[Column | None, float]:
    if "time" not in raw:
        return None, 1.0
    time = _mapping(raw["time"], "time", path)
    if set(time) != {"column", "unit"} or time["unit"] not in TIME_UNITS_S:
        units = ", ".join(TIME_UNITS_S)
        raise InputError(f"{path}: time: {dict(time)!r}; write {{column: t, unit: ms}} with a unit of {units}")
    return time["column"], TIME_UNITS_S[time["unit"]]


def _windowing(
    raw: Mapping[str, Any], channels: tuple[Channel, ...], has_time: bool, path: Path
) -> tuple[WindowSettings, float]:
    given = dict(_mapping(raw.get("windowing", {}), "windowing", path))
    rate = raw.get("rate_hz", given.get("rate_hz") if has_time else None)
    if rate is None:
        raise InputError(f"{path}: rate_hz is missing; give the sampling rate, or a time column and windowing.rate_hz")
    rate_hz = _positive(rate, "rate_hz", path)
    present = {channel.quantity for channel in channels}
    quantities = tuple(quantity for quantity in QUANTITIES if quantity in present and quantity != "mag")
    defaults = {
        "rate_hz": rate_hz,
        "window_s": DEFAULT_WINDOW_S,
        "overlap": DEFAULT_OVERLAP,
        "quantities": quantities,
        "short_recordings": "drop",
        "one_per_recording": False,
    }
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise InputError(f"{path}: windowing: unknown key {unknown[0]!r}; known are {', '.join(defaults)}")
    return from_plain(WindowSettings, {**defaults, **given}, f"{path}: windowing"), rate_hz


def _source(raw: Mapping[str, Any], key: str, path: Path) -> Source:
    value = _mapping(raw[key], key, path)
    if len(value) != 1 or not set(value) <= {"column", "pattern", "value"}:
        raise InputError(f"{path}: {key}: {dict(value)!r}; write exactly one of column, pattern, value")
    kind, content = next(iter(value.items()))
    if kind == "pattern":
        try:
            groups = re.compile(str(content)).groups
        except re.error as error:
            raise InputError(f"{path}: {key}: pattern {content!r} is no regular expression ({error})") from None
        if groups != 1:
            raise InputError(f"{path}: {key}: pattern {content!r} has {groups} groups; put one (...) around the value")
    return Source(**{kind: content if kind == "column" else str(content)})


def _placements(raw: Mapping[str, Any], channels: tuple[Channel, ...], path: Path) -> dict[str, str]:
    devices = dict.fromkeys(channel.device for channel in channels)
    given = _mapping(raw.get("placements", {}), "placements", path)
    unknown = sorted(set(given) - set(devices))
    if unknown:
        raise InputError(f"{path}: placements: no device {unknown[0]!r} in columns; devices are {', '.join(devices)}")
    return {device: str(given.get(device, device)) for device in devices}


def _mapping(value: Any, key: str, path: Path) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{path}: {key}: {value!r}; expected keys and values")
    return value


def _choice(raw: Mapping[str, Any], key: str, choices: tuple[str, ...], path: Path) -> str:
    value = raw.get(key, choices[0])
    if value not in choices:
        raise InputError(f"{path}: {key}: {value!r} is unknown; choose from {', '.join(filter(None, choices))}")
    return value


def _typed(raw: Mapping[str, Any], key: str, kind: type, default: Any, path: Path) -> Any:
    value = raw.get(key, default)
    if not isinstance(value, kind):
        raise InputError(f"{path}: {key}: {value!r}; expected a {kind.__name__}")
    return value


def _positive(value: Any, key: str, path: Path, zero: bool = False) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or value < 0 or (value == 0 and not zero):
        raise InputError(f"{path}: {key}: {value!r}; give a positive number")
    return float(value)
