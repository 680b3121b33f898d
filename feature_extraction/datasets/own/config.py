"""The `dataset.yaml` that describes a user's own recordings, read and checked before any file is opened.

    dataset: kitchen                       # name of the data set
    files: recordings/*.csv                # pattern, or list of patterns, from the folder of this file
    rate_hz: 50                            # or a column of time stamps or dates: time: {column: t, unit: ms}
    columns:                               # channel (device.quantity_axis) -> column name or number from 0
      wrist.acc_x: ax                      # or several columns to add up: [gravity.x, userAcceleration.x]
      wrist.acc_y: ay
      wrist.acc_z: az
    units: {acc: g}                        # of each quantity
    label: {column: activity}              # or {pattern: '([a-z]+)_'} on the file name, or {value: stirring},
    subject: {folder: 1}                   # or the first folder above the file, {folder: 1, pattern: 's([0-9]+)'} a
                                           # part of its name, or {path: 's([0-9]+)/'} on the path from this folder
    classes:                               # code: what the files say, if it is not the name
      stirring: {sentence: A person stirs a pot ...}
      chopping: {code: C, sentence: A person chops vegetables ...}
      walking: everyday                    # described already, under this name or {everyday: NAME, code: wlk}

Names of people and classes are text: `01`, `null` and `no` are what they look like.

Several columns of a channel, such as `wrist.acc_x: [gravity.x, userAcceleration.x]`, are added up.

Optional: title, homepage, licence, citation, format (csv, npy, parquet), delimiter (a blank for runs of blanks), header
(true unless said otherwise), decimal ('.' or ','), skip_lines, ignore (columns that are neither time nor channel),
placements (device -> place), ignore_labels, max_gap_s, long_gaps (error, split), windowing. `time` can say how dates
are written, as strptime has it: time: {column: t, format: '%d.%m.%Y %H:%M:%S.%f'}. How the files are written is found
as `predict` finds it, unless it is declared here.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_extraction.datasets.own.patterns import require_pattern
from feature_extraction.descriptions.everyday import fill_in
from feature_extraction.errors import InputError
from feature_extraction.own_files.declared import YAML_KEYS, Column, Columns, Declared
from feature_extraction.recordings.recording import AXES, QUANTITIES, Channel
from feature_extraction.recordings.signal import MAX_GAP_S, TIME_UNITS_S
from feature_extraction.storage.names import plain_name
from feature_extraction.storage.plain import from_plain
from feature_extraction.storage.yaml import read_yaml
from feature_extraction.windows.cutting import WindowSettings

FORMATS = ("csv", "npy", "parquet")
REQUIRED = ("dataset", "files", "columns", "units", "label", "subject", "classes")
ABOUT = ("title", "homepage", "licence", "citation")
READING = (
    "format",
    "delimiter",
    "header",
    "decimal",
    "skip_lines",
    "ignore",
    "rate_hz",
    "time",
    "max_gap_s",
    "long_gaps",
)
KEYS = (*REQUIRED, *ABOUT, *READING, "placements", "ignore_labels", "windowing")
NAMES = ("code", "value", "ignore_labels", "everyday", "label")  # keys whose values are text
SOURCES = ("column", "pattern", "value", "folder", "path")  # where a label or subject may stand
DEFAULT_WINDOW_S = 5.0
DEFAULT_OVERLAP = 0.5


@dataclass(frozen=True)
class Source:
    """Where a label or subject stands.

    Attributes:
        kind: `column` of the table, `pattern` on the name of the file or of a folder, `path` for a pattern on the
            path from the folder of the `dataset.yaml`, or `value` of all files.
        content: Name or number of the column, regular expression whose only group is meant, or value.
        folder: Whose name the pattern is for: 0 the file, 1 the folder that it lies in, 2 the one above that.
    """

    kind: str
    content: Column
    folder: int = 0


@dataclass(frozen=True)
class CustomConfig:
    """What a `dataset.yaml` says.

    Attributes:
        path: The YAML file.
        dataset: Name of the data set.
        files: Glob patterns.
        channels: What is measured.
        declared: How the files are read.
        rate_hz: Rate of the recordings, or of the clock they are brought to if there is a time column.
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
    channels: tuple[Channel, ...]
    declared: Declared
    rate_hz: float
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
    raw = read_yaml(path, NAMES)
    try:
        if not isinstance(raw, Mapping):
            raise InputError(f"expected keys such as dataset, files, columns; found {type(raw).__name__}")
        return _check(raw, path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _check(raw: Mapping[str, Any], path: Path) -> CustomConfig:
    unknown = [key for key in raw if key not in KEYS]
    missing = [key for key in REQUIRED if key not in raw]
    if unknown:
        raise InputError(f"unknown key {unknown[0]!r}; known are {', '.join(KEYS)}")
    if missing:
        raise InputError(f"key {missing[0]!r} is missing; needed are {', '.join(REQUIRED)}")
    if not isinstance(raw["dataset"], str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", raw["dataset"]):
        raise InputError(f"dataset: {raw['dataset']!r} is no name; use letters, digits, '-', '_' and '.'")
    files = raw["files"] if isinstance(raw["files"], list) else [raw["files"]]
    if not files or not all(isinstance(pattern, str) and pattern for pattern in files):
        raise InputError(f"files: {raw['files']!r}; give a pattern such as recordings/*.csv, or a list")
    columns = _columns(raw)
    return CustomConfig(
        path=path,
        dataset=raw["dataset"],
        files=tuple(files),
        channels=tuple(columns),
        declared=_declared(raw, columns),
        rate_hz=_rate(raw),
        label=_source(raw, "label"),
        subject=_source(raw, "subject"),
        placements=_placements(raw, list(columns)),
        ignore_labels=tuple(plain_name(str(label)) for label in _typed(raw, "ignore_labels", list, [])),
        max_gap_s=_positive(raw.get("max_gap_s", MAX_GAP_S), "max_gap_s", zero=True),
        split_long_gaps=_choice(raw, "long_gaps", ("error", "split")) == "split",
        classes=fill_in(_mapping(raw["classes"], "classes"), _placements(raw, list(columns)).values()),
        windowing=_windowing(raw, list(columns), _rate(raw)),
        about={key: str(raw.get(key, "")) for key in ABOUT},
        signature=json.dumps(
            {key: value for key, value in raw.items() if key != "classes"}, sort_keys=True, default=str
        ),
    )


def _columns(raw: Mapping[str, Any]) -> dict[Channel, Columns]:
    """Return the column of every channel, or those that are added up."""
    units = _mapping(raw["units"], "units")
    columns = {}
    for name, column in _mapping(raw["columns"], "columns").items():
        match = re.fullmatch(rf"(.+)\.({'|'.join(QUANTITIES)})_([{''.join(AXES)}])", str(name))
        if match is None:
            raise InputError(f"columns: {name!r} is not device.quantity_axis, such as wrist.acc_x")
        if match[2] not in units:
            raise InputError(f"units: no unit for {match[2]!r}; add one, such as {match[2]}: g")
        columns[Channel(match[1], match[2], match[3], str(units[match[2]]))] = _added(column, f"columns: {name}")
    if not columns:
        raise InputError("columns: empty; name at least the accelerometer, such as wrist.acc_x: ax")
    return columns


def _time(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the column of time stamps and their unit or format, as `Declared` calls them."""
    if "time" not in raw:
        return {}
    time = _mapping(raw["time"], "time")
    unit = str(time.get("unit", "s")).replace(" ", "")
    if not {"column"} <= set(time) <= {"column", "unit", "format"} or unit not in TIME_UNITS_S:
        units = ", ".join(TIME_UNITS_S)
        raise InputError(f"time: {dict(time)!r}; write {{column: t, unit: ms}} with a unit of {units}")
    date_format = None if "format" not in time else str(time["format"])
    column = _column(time["column"], "time: column")
    return {"time_column": column, "time_unit": unit if "unit" in time else None, "date_format": date_format}


def _declared(raw: Mapping[str, Any], columns: Mapping[Channel, Columns]) -> Declared:
    """Return what the keys say about how files are read."""
    time, rate_hz = _time(raw), _rate(raw)
    return Declared(
        rate_hz=None if time else rate_hz,
        units={channel.quantity: channel.unit for channel in columns},
        columns={channel.name: column for channel, column in columns.items()},
        **time,
        clock_hz=rate_hz if time else None,
        seeks_time=False,
        format=_choice(raw, "format", ("", *FORMATS)),
        delimiter=_typed(raw, "delimiter", str, None),
        header=_typed(raw, "header", bool, True),
        decimal=_typed(raw, "decimal", str, None),
        skip_lines=_typed(raw, "skip_lines", int, 0),
        ignore=tuple(_column(column, "ignore") for column in _typed(raw, "ignore", list, [])),
        keys=YAML_KEYS,
    )


def _rate(raw: Mapping[str, Any]) -> float:
    given = _mapping(raw.get("windowing", {}), "windowing")
    rate = raw.get("rate_hz", given.get("rate_hz") if "time" in raw else None)
    if rate is None:
        raise InputError("rate_hz is missing; give the sampling rate, or a time column and windowing.rate_hz")
    return _positive(rate, "rate_hz")


def _windowing(raw: Mapping[str, Any], channels: Sequence[Channel], rate_hz: float) -> WindowSettings:
    given = _mapping(raw.get("windowing", {}), "windowing")
    present = {channel.quantity for channel in channels} - {"mag"}
    defaults = {
        "rate_hz": rate_hz,
        "window_s": DEFAULT_WINDOW_S,
        "overlap": DEFAULT_OVERLAP,
        "quantities": tuple(quantity for quantity in QUANTITIES if quantity in present),
        "short_recordings": "drop",
        "one_per_recording": False,
    }
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise InputError(f"windowing: unknown key {unknown[0]!r}; known are {', '.join(defaults)}")
    return from_plain(WindowSettings, {**defaults, **given}, "windowing")


def _source(raw: Mapping[str, Any], key: str) -> Source:
    value = _mapping(raw[key], key)
    given = set(value)
    if len(given) != 1 and given != {"folder", "pattern"} or not given <= set(SOURCES):
        raise InputError(
            f"{key}: {dict(value)!r}; write exactly one of column, pattern, value, folder, path; a folder may have a "
            "pattern, too"
        )
    if "column" in value:
        return Source("column", _column(value["column"], f"{key}: column"))
    if "value" in value:
        return Source("value", plain_name(str(value["value"] or "")))
    folder = value.get("folder", 0)
    if isinstance(folder, bool) or not isinstance(folder, int) or ("folder" in value and folder < 1):
        raise InputError(f"{key}: folder {folder!r}; give 1 for the folder that a file lies in, 2 for the one above it")
    if "path" in value:
        return Source("path", require_pattern(str(value["path"]), key))
    return Source("pattern", require_pattern(str(value.get("pattern", "(.+)")), key), folder)


def _placements(raw: Mapping[str, Any], channels: Sequence[Channel]) -> dict[str, str]:
    devices = dict.fromkeys(channel.device for channel in channels)
    given = _mapping(raw.get("placements", {}), "placements")
    unknown = sorted(set(given) - set(devices))
    if unknown:
        raise InputError(f"placements: no device {unknown[0]!r} in columns; devices are {', '.join(devices)}")
    return {device: str(given.get(device, device)) for device in devices}


def _column(value: Any, key: str) -> Column:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(f"{key}: {value!r}; give a column name or a number from 0")
    return value


def _added(value: Any, key: str) -> Columns:
    if not isinstance(value, list):
        return _column(value, key)
    if len(value) < 2:
        raise InputError(f"{key}: {value!r}; give a column name or a number from 0, or a list of several to add up")
    return [_column(column, key) for column in value]


def _mapping(value: Any, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{key}: {value!r}; expected keys and values")
    return value


def _choice(raw: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> str:
    value = raw.get(key, choices[0])
    if value not in choices:
        raise InputError(f"{key}: {value!r} is unknown; choose from {', '.join(filter(None, choices))}")
    return value


def _typed(raw: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = raw.get(key, default)
    if key in raw and not isinstance(value, kind):
        raise InputError(f"{key}: {value!r}; expected a {kind.__name__}")
    return value


def _positive(value: Any, key: str, zero: bool = False) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or value < 0 or (value == 0 and not zero):
        raise InputError(f"{key}: {value!r}; give a positive number")
    return float(value)
