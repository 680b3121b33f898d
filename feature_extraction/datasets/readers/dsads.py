"""DSADS, Daily and Sports Activities: five sensor units on torso, arms and legs, nineteen activities.

The 60 segments of a subject and activity follow each other, but some activities (stairs above all) were
recorded in several bouts, so the signal may jump from one segment to the next. The default windows are
the segments themselves and never cross such a jump.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from feature_extraction.datasets.files import FETCH_AGAIN, read_numbers, require_finite
from feature_extraction.datasets.spec import DatasetSpec, class_name, find_files, progress
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Recording, Skipped, three_axes
from feature_extraction.windows.cutting import WindowSettings

RATE_HZ = 25.0
SEGMENT_SAMPLES = 125
DEVICES = ("torso", "right arm", "left arm", "right leg", "left leg")
CHANNELS = tuple(
    channel
    for device in DEVICES
    for quantity, unit in (("acc", "m/s2"), ("gyro", "rad/s"), ("mag", "normalised"))
    for channel in three_axes(device, quantity, unit)
)


def list_files(raw: Path) -> list[Path]:
    """List the segments in natural order of activity, subject, segment."""
    return find_files(raw, ("", "data"), "a[0-9][0-9]/p[0-9]*/s[0-9][0-9].txt", DSADS)


def read_files(files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Join consecutive segments of one subject and activity into one recording; a missing one splits it.

    Some segments (both stairs of subjects 1 and 6, most jumping of subject 6) hold 4 s and end in a
    second of zeros. The zeros are cut off, and what is left is a recording of its own.
    """
    for folder, paths in groupby(progress(files, "dsads", "segment"), key=lambda path: path.parent):
        code, subject = folder.parent.name, folder.name.removeprefix("p")
        label = class_name(class_list, code, folder)
        for numbers, samples in _contiguous([(int(path.stem[1:]), _read_segment(path)) for path in paths]):
            name = f"{code}_p{subject}_s{numbers[0]:02d}-{numbers[-1]:02d}"
            if len(samples) < len(numbers) * SEGMENT_SAMPLES:
                cut_s = (len(numbers) * SEGMENT_SAMPLES - len(samples)) / RATE_HZ
                yield Skipped(name, "zeros at the end of a segment, cut off", cut_s)
            if len(samples) == 0:
                continue
            yield DSADS.recording(
                samples=samples,
                name=name,
                subject=subject,
                label=label,
                placements={device: device for device in DEVICES},
            )


def _contiguous(segments: Sequence[tuple[int, np.ndarray]]) -> Iterator[tuple[list[int], np.ndarray]]:
    """Yield numbers and joined samples of full segments that follow each other; cut ones stand alone."""
    run: list[tuple[int, np.ndarray]] = []
    for number, samples in segments:
        is_full = len(samples) == SEGMENT_SAMPLES
        if run and not (is_full and len(run[-1][1]) == SEGMENT_SAMPLES and number == run[-1][0] + 1):
            yield [n for n, _ in run], np.concatenate([part for _, part in run])
            run = []
        run.append((number, samples))
    yield [n for n, _ in run], np.concatenate([part for _, part in run])


def _read_segment(path: Path) -> np.ndarray:
    """Read one segment without the zeros at its end."""
    samples = require_finite(read_numbers(path, len(CHANNELS), delimiter=","), path)
    if len(samples) != SEGMENT_SAMPLES:
        raise InputError(f"{path}: {len(samples)} rows, expected {SEGMENT_SAMPLES}; {FETCH_AGAIN}")
    used = np.flatnonzero((samples != 0).any(axis=1))
    return samples[: used[-1] + 1] if len(used) else samples[:0]


DSADS = DatasetSpec(
    name="dsads",
    title="Daily and Sports Activities: 8 subjects, 19 activities, torso, arms and legs",
    homepage="https://archive.ics.uci.edu/dataset/256/daily+and+sports+activities",
    licence="CC BY 4.0",
    citation="B. Barshan, K. Altun: Daily and Sports Activities. UCI Machine Learning Repository 256, 2013",
    layout="data/aXX/pY/sZZ.txt (activity XX 01-19, subject Y 1-8, segment ZZ 01-60 of 125 x 45 values)",
    rate_hz=RATE_HZ,
    channels=CHANNELS,
    windowing=WindowSettings(rate_hz=25.0, window_s=5.0, overlap=0.0, short_recordings="pad"),
    list_files=list_files,
    read_files=read_files,
)
