"""Read a whole data set and say what looks wrong with it, before anything is computed from it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import numpy as np

from feature_extraction.datasets import DatasetSpec, get_dataset
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.own_files.declared import YAML_KEYS
from feature_extraction.own_files.plausibility import Doubt, Examination
from feature_extraction.recordings import signal
from feature_extraction.recordings.recording import Recording, Skipped
from feature_extraction.windows.cutting import cut_windows

BLOCK_S = 1.0
STILL_MPS2 = 0.5
GRAVITY_TOLERANCE = 0.05
UNEVEN_RATIO = 10
NAMES_SHOWN = 5
ROUNDING = 1e-6  # of a sample
SHOWN_AS = {"note": "note", "question": "warning", "error": "error"}  # nobody can be asked here


@dataclass
class _Evidence:
    """What has been seen so far."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    n_recordings: Counter[str] = field(default_factory=Counter)
    subjects: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    skipped: Counter[str] = field(default_factory=Counter)
    still_mps2: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    fastest_radps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    doubts: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    n_windows: Counter[str] = field(default_factory=Counter)
    zeros: dict[str, int] = field(default_factory=dict)
    constant: list[str] = field(default_factory=list)
    short: Counter[str] = field(default_factory=Counter)


def check(dataset: str, raw: Path | None = None) -> list[str]:
    """Read every recording and list findings; nothing is written.

    Args:
        dataset: Name of a data set, or path of a `dataset.yaml`.
        raw: Folder of the raw files; by default `resources/raw/<dataset>`.

    Returns:
        One line each, starting with `ok:`, `note:`, `warning:`, or `error:` where training would be impossible, or
        wrong.

    Raises:
        InputError: A file cannot be read at all.
    """
    spec = get_dataset(dataset)
    class_list = spec.class_list()
    evidence = _Evidence()
    for item in spec.read(raw, class_list):
        if isinstance(item, Skipped):
            evidence.skipped[item.reason] += 1
        else:
            _gather(item, spec, evidence)
    n_recordings, hours = sum(evidence.n_recordings.values()), sum(evidence.seconds.values()) / 3600
    if not n_recordings:
        left_out = ", ".join(f"{count} x {reason}" for reason, count in evidence.skipped.items())
        return [f"error: {spec.name}: no recordings ({left_out or 'no rows'}); correct files, label or ignore_labels"]
    return [
        f"ok: {spec.name}: {n_recordings} recordings, {len(evidence.subjects)} subjects, "
        f"{len(evidence.seconds)} classes, {hours:.2f} hours, all values finite",
        *_window_findings(spec, evidence),
        *summarise(evidence.doubts, n_recordings),
        *_class_findings(class_list, evidence),
        *_gravity_findings(evidence),
        *_gyro_findings(evidence),
        *_recording_findings(spec, evidence),
    ]


def still_gravity(acc_mps2: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return the length of the mean acceleration in every second in which the sensor hardly moves.

    Args:
        acc_mps2: [T, 3].
        rate_hz: Sampling rate.

    Returns:
        [n] in m/s²; close to 9.81 if units and calibration are right.
    """
    size = max(2, round(rate_hz * BLOCK_S))
    blocks = acc_mps2[: len(acc_mps2) // size * size].reshape(-1, size, 3)
    still = (blocks.std(axis=1) < STILL_MPS2).all(axis=1)
    return np.linalg.norm(blocks[still].mean(axis=1), axis=1)


def _gather(recording: Recording, spec: DatasetSpec, evidence: _Evidence) -> None:
    evidence.seconds[recording.label] += recording.duration_s
    evidence.n_recordings[recording.label] += 1
    evidence.subjects[recording.subject].add(recording.label)
    if recording.duration_s < spec.windowing.window_s:
        evidence.short[recording.label] += 1
    still_channels = np.flatnonzero(np.ptp(recording.samples, axis=0) == 0)
    if len(still_channels):
        evidence.constant.append(f"{recording.name} ({recording.channels[still_channels[0]].name})")
    for doubt in doubts_of(recording):
        evidence.doubts[SHOWN_AS[doubt.severity], doubt.kind].append((recording.name, doubt.text))
    evidence.n_windows[recording.label] += len(cut_windows(_at_rate(recording, spec), spec.windowing).windows)
    converted = signal.to_si(recording)
    for device in recording.devices:
        acc = _columns(converted, device, "acc")
        if acc.shape[1] == 3:
            n_zeros = int((acc == 0).all(axis=1).sum())
            if n_zeros:
                evidence.zeros[recording.name] = evidence.zeros.get(recording.name, 0) + n_zeros
            norms = still_gravity(acc, recording.rate_hz)
            evidence.still_mps2[device].append(norms)
        gyro = _columns(converted, device, "gyro")
        if gyro.size:
            evidence.fastest_radps[device].append(float(np.abs(gyro).max()))


def _columns(recording: Recording, device: str, quantity: str) -> np.ndarray:
    wanted = [c.device == device and c.quantity == quantity for c in recording.channels]
    return recording.samples[:, wanted]


def doubts_of(recording: Recording) -> list[Doubt]:
    """Return what is doubtful about a recording of a data set, whose `dataset.yaml` or reader states the units."""
    examination = Examination(recording.channels, recording.rate_hz, keys=YAML_KEYS)
    examination.add(recording.samples)
    return examination.doubts()


def summarise(doubts: Mapping[tuple[str, str], list[tuple[str, str]]], n_recordings: int) -> list[str]:
    """Return one line for each kind of doubt, graver ones first.

    Args:
        doubts: Recordings and what is said about them, by what the line starts with and kind of doubt.
        n_recordings: Of the whole data set.
    """
    ordered = sorted(doubts.items(), key=lambda entry: list(SHOWN_AS.values()).index(entry[0][0]), reverse=True)
    return [
        f"{start}: {len(found)} of {n_recordings} recordings ({_some([name for name, _ in found])}): {found[0][1]}"
        for (start, _), found in ordered
    ]


def _at_rate(recording: Recording, spec: DatasetSpec) -> np.ndarray:
    """Return as many samples of nothing as the recording has at the rate of the windows."""
    return np.zeros((ceil(recording.duration_s * spec.windowing.rate_hz - ROUNDING), 1), dtype=np.float32)


def _window_findings(spec: DatasetSpec, evidence: _Evidence) -> list[str]:
    """Return errors where there are too few windows to train on."""
    window = f"a window of {spec.windowing.window_s:g} s"
    if not sum(evidence.n_windows.values()):
        return [f"error: every recording is shorter than {window}; use a shorter windowing.window_s, or record longer"]
    lone = [name for name in evidence.seconds if evidence.n_windows[name] == 1]
    none = [name for name in evidence.seconds if not evidence.n_windows[name]]
    found = [f"error: one window only of {_some(lone)}; record more, or use a shorter window_s"] if lone else []
    found += [f"warning: no recording of {_some(none)} is as long as {window}"] if none else []
    if len(evidence.seconds) - len(none) < 2:
        found.append("error: fewer than two classes have windows; nothing can be told apart")
    return found


def _class_findings(class_list: ClassList, evidence: _Evidence) -> list[str]:
    findings = []
    absent = [name for name in class_list.names if name not in evidence.seconds]
    if absent:
        findings.append(f"note: no recordings of {_some(absent)}; such a class is neither learned nor tested")
    if evidence.seconds:
        by_length = sorted(evidence.seconds.items(), key=lambda entry: entry[1])
        most, least = by_length[-1], by_length[0]
        if most[1] > UNEVEN_RATIO * least[1]:
            shares = f"{most[0]} has {most[1] / 60:.1f} min, {least[0]} {least[1] / 60:.1f} min"
            findings.append(f"warning: classes are uneven: {shares}")
    partial = [name for name, labels in evidence.subjects.items() if len(labels) < len(evidence.seconds)]
    if partial:
        findings.append(
            f"note: {len(partial)} of {len(evidence.subjects)} subjects lack some classes: {_some(partial)}"
        )
    lone = [label for label in evidence.seconds if sum(label in own for own in evidence.subjects.values()) == 1]
    if lone:
        findings.append(f"warning: recorded by one subject only: {_some(lone)}")
    return findings


def _gravity_findings(evidence: _Evidence) -> list[str]:
    findings = []
    for device, parts in evidence.still_mps2.items():
        norms = np.concatenate(parts)
        if len(norms) == 0:
            findings.append(f"note: {device}: never still for a second, so its calibration cannot be checked")
            continue
        gravity = float(np.median(norms))
        relative = gravity / signal.GRAVITY_MPS2
        line = f"{device}: {gravity:.2f} m/s2 ({relative:.3f} g) when still ({len(norms)} s)"
        right = abs(relative - 1) <= GRAVITY_TOLERANCE
        findings.append(
            f"ok: {line}" if right else f"warning: {line}; expected 9.81, check unit, range and calibration"
        )
    return findings


def _gyro_findings(evidence: _Evidence) -> list[str]:
    lines = []
    for device, peaks in evidence.fastest_radps.items():
        usual, top = float(np.median(peaks)), float(np.max(peaks))
        lines.append(f"ok: {device}: fastest rotation {top:.1f} rad/s, in the median recording {usual:.1f} rad/s")
    return lines


def _recording_findings(spec: DatasetSpec, evidence: _Evidence) -> list[str]:
    findings = [f"note: left out: {count} x {reason}" for reason, count in evidence.skipped.items()]
    if evidence.constant:
        findings.append(f"warning: a channel never changes in {_some(evidence.constant)}")
    if evidence.zeros:
        total = f"{sum(evidence.zeros.values())} samples of an accelerometer are zero on all axes"
        findings.append(f"warning: {total}, a sensor at rest reads 1 g: {_some(list(evidence.zeros))}")
    if evidence.short:
        rule = f"the window of {spec.windowing.window_s:g} s (rule: {spec.windowing.short_recordings})"
        total = f"{sum(evidence.short.values())} recordings are shorter than {rule}"
        findings.append(f"note: {total}, in {_some(list(evidence.short))}")
    return findings


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
